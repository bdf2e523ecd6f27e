//! Reads the files for the code generator, writes its output, and prints the instructions to cargo.

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Config, Error, Input};
use crate::components::Components;
use crate::error::{FileError, cannot_read};
use crate::pin_file::PinFile;
use crate::release::ReleaseName;

const COMPONENT_FILE: &str = "components.toml";

impl Config {
    /// Reads the pin files and the component file, generates the code, and writes it if it changed: [`Config::read`] and
    /// [`Config::write`].
    ///
    /// # Errors
    ///
    /// A file cannot be read or is damaged, the configuration is incomplete, or the output cannot be written.
    pub fn compile(&self) -> Result<(), Error> {
        self.write(&self.read()?)
    }

    /// Reads the pin files and the component file.
    ///
    /// Prints the dependencies of the build for cargo: the folder, each file read from it, and the environment variables
    /// of [`rerun_if_env_changed`](Self::rerun_if_env_changed). It prints them on failure as well, so that cargo builds
    /// again once a file is fixed.
    ///
    /// # Errors
    ///
    /// A file cannot be read or is damaged.
    pub fn read(&self) -> Result<Input, Error> {
        self.read_and_instruct(&mut io::stdout().lock())
    }

    pub(super) fn read_and_instruct(&self, cargo: &mut dyn Write) -> Result<Input, Error> {
        let mut instruct = |instruction: &str, value: &dyn Display| {
            // If cargo no longer reads, the build has ended anyway.
            let _ = writeln!(cargo, "cargo::{instruction}={value}");
        };
        for name in &self.environment {
            instruct("rerun-if-env-changed", name);
        }
        instruct("rerun-if-changed", &self.digests_dir.display());
        if let Some(path) = &self.components {
            instruct("rerun-if-changed", &path.display());
        }
        let paths = self.pin_file_paths()?;
        for path in &paths {
            instruct("rerun-if-changed", &path.display());
        }
        let components = self.components.as_deref().map(Components::read);
        let pin_files = paths.iter().map(|path| read(path));
        Ok(Input {
            components: components.transpose()?,
            pin_files: pin_files.collect::<Result<_, _>>()?,
        })
    }

    /// Generates the code for files that have been read, and writes it if it changed.
    ///
    /// # Errors
    ///
    /// The configuration is incomplete, a component of the release has no pin, or the output cannot be written.
    pub fn write(&self, input: &Input) -> Result<(), Error> {
        write_if_changed(&self.out_path()?, &self.generate(input)?)
    }

    fn pin_file_paths(&self) -> Result<Vec<PathBuf>, FileError> {
        let failed = |error| cannot_read(&self.digests_dir, &error);
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.digests_dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default();
            let hidden = name.as_encoded_bytes().starts_with(b".");
            let is_components = name == COMPONENT_FILE || self.components.as_ref() == Some(&path);
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
                && !hidden
                && !is_components
            {
                paths.push(path);
            }
        }
        paths.sort_unstable();
        Ok(paths)
    }

    fn out_path(&self) -> Result<PathBuf, Error> {
        let dir = match &self.out_dir {
            Some(dir) => dir.clone(),
            None => std::env::var_os("OUT_DIR")
                .map(PathBuf::from)
                .ok_or_else(|| {
                    let message =
                        "OUT_DIR is not set, which cargo sets for build scripts: call `out_dir`";
                    Error::Config(message.to_owned())
                })?,
        };
        Ok(dir.join(&self.out_file))
    }
}

fn read(path: &Path) -> Result<PinFile, FileError> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    if let Err(error) = stem.parse::<ReleaseName>() {
        let hint = format!(
            "this folder may only have `<release>.toml` files and `{COMPONENT_FILE}`: move this file elsewhere"
        );
        return Err(FileError::whole(path, error).with_hint(hint));
    }
    PinFile::read(path)
}

/// Writes a file only if it changed. Otherwise cargo would rebuild everything that includes it.
fn write_if_changed(path: &Path, text: &str) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    fs::write(path, text).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}
