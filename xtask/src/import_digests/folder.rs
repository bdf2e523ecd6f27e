//! The folder of pin files: its files, and whether a new one may be written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use image_pins::{Components, FileError, PinFile, Reference, ReleaseName};

use super::checks::Checked;

const COMPONENTS: &str = "components.toml";

/// The folder and its pin files.
pub(crate) struct Folder {
    path: PathBuf,
    pins: BTreeMap<ReleaseName, PinFile>,
    damaged: Vec<FileError>,
}

/// How writing pins changes a pin file.
pub(super) enum Change {
    /// The file does not exist.
    New,
    /// The file is identical.
    Same,
    /// The file has these pins, recorded from another digest file. It stays as it is.
    OtherSource,
    /// The file has these pins from this digest file, but in another form than the import writes.
    Rewritten,
    /// The file has other pins or is damaged.
    Other,
}

impl Folder {
    /// Reads all pin files. A damaged file is not an error yet: the import may replace it.
    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        let failed = |error: io::Error| {
            let hint =
                "pass the folder of pin files with --digests-dir; create it if it does not exist";
            FileError::whole(path, format_args!("cannot read the folder: {error}")).with_hint(hint)
        };
        let mut folder = Self {
            path: path.to_owned(),
            pins: BTreeMap::new(),
            damaged: Vec::new(),
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            paths.push(entry.map_err(failed)?.path());
        }
        paths.sort_unstable();
        for path in paths.iter().filter(|path| is_pin_file(path)) {
            match PinFile::read(path) {
                Ok(pins) => drop(folder.pins.insert(pins.release.clone(), pins)),
                Err(error) if error.hint.is_some() => folder.damaged.push(error),
                Err(error) => {
                    folder.damaged.push(
                        error.with_hint("to write it again, import its digest file with --replace"),
                    );
                }
            }
        }
        Ok(folder)
    }

    /// Returns all pin files, in the order of their releases.
    ///
    /// # Errors
    ///
    /// One of them is damaged.
    #[cfg(feature = "registry")]
    pub(crate) fn into_pins(self) -> Result<Vec<PinFile>, FileError> {
        match self.damaged.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(self.pins.into_values().collect()),
        }
    }

    /// Returns the valid pin files, in the order of their releases.
    pub(crate) fn pins(&self) -> impl Iterator<Item = &PinFile> {
        self.pins.values()
    }

    /// Returns the errors of the damaged pin files.
    pub(crate) fn damaged_files(&self) -> impl Iterator<Item = &FileError> {
        self.damaged.iter()
    }

    /// Returns the path of the pin file of a release.
    pub(super) fn path_of(&self, release: &ReleaseName) -> PathBuf {
        self.path.join(format!("{release}.toml"))
    }

    /// Returns the pins of a release if its pin file exists and is valid.
    pub(super) fn pins_of(&self, release: &ReleaseName) -> Option<&PinFile> {
        self.pins.get(release)
    }

    /// Returns the content of the pin file of a release if it exists.
    pub(crate) fn text_of(&self, release: &ReleaseName) -> Result<Option<String>, FileError> {
        let path = self.path_of(release);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(
                FileError::whole(&path, format_args!("cannot read it: {error}"))
                    .with_hint("move it elsewhere"),
            ),
        }
    }

    /// Returns how writing these pins would change their file.
    pub(super) fn change(&self, pins: &PinFile, text: &str) -> Result<Change, FileError> {
        let Some(old) = self.text_of(&pins.release)? else {
            return Ok(Change::New);
        };
        if old == text {
            return Ok(Change::Same);
        }
        Ok(match self.pins_of(&pins.release) {
            Some(there) if same_pins(there, pins) && there.source == pins.source => {
                Change::Rewritten
            }
            Some(there) if same_pins(there, pins) => Change::OtherSource,
            Some(_) | None => Change::Other,
        })
    }

    /// Returns an error for each difference between the pins and their existing file.
    pub(super) fn immutable(&self, checked: &Checked) -> Vec<FileError> {
        let pins = &checked.pins;
        let path = self.path_of(&pins.release);
        let hint = "a release does not change; if the pin file is wrong, add --replace";
        let Some(there) = self.pins_of(&pins.release) else {
            let damaged = self
                .damaged
                .iter()
                .find(|error| error.path == path)
                .cloned();
            let error = damaged.unwrap_or_else(|| {
                FileError::whole(&path, "the file already exists with other content")
            });
            return vec![error.with_hint("to write the pin file again, add --replace")];
        };
        let shown = path.display();
        let mut errors = Vec::new();
        for (name, digest) in &pins.images {
            errors.push(match (there.images.get(name), checked.places.get(name)) {
                (Some(old), Some(place)) if old != digest => {
                    place.error(format_args!("{name} is {old} in {shown}"))
                }
                (None, Some(place)) => place.error(format_args!("{name} is not in {shown}")),
                _ => continue,
            });
        }
        let mut whole = |message: String| errors.push(FileError::whole(&path, message));
        for name in there
            .images
            .keys()
            .filter(|name| !pins.images.contains_key(*name))
        {
            whole(format!("{name} would be removed"));
        }
        if there.registry != pins.registry {
            whole(format!(
                "the registry would change from {} to {}",
                there.registry, pins.registry
            ));
        }
        let keys: BTreeSet<&String> = there.external.keys().chain(pins.external.keys()).collect();
        for key in keys {
            let (old, new) = (there.external.get(key), pins.external.get(key));
            let text = |reference: Option<&Reference>| {
                reference.map_or_else(|| "none".to_owned(), ToString::to_string)
            };
            if old != new {
                whole(format!(
                    "{key} would change from {} to {}",
                    text(old),
                    text(new)
                ));
            }
        }
        errors
            .into_iter()
            .map(|error| error.with_hint(hint))
            .collect()
    }

    /// Refuses digests that another release has, which come from the file of another release or from a copying mistake.
    ///
    /// `all` are the releases that are being imported. Their new pins are compared, not their existing pin files.
    pub(super) fn check_others(
        &self,
        all: &[Checked],
        one: &Checked,
        allowed: &BTreeSet<&str>,
    ) -> Vec<FileError> {
        let importing: BTreeSet<&ReleaseName> =
            all.iter().map(|checked| &checked.pins.release).collect();
        let there = self
            .pins
            .values()
            .filter(|pins| !importing.contains(&pins.release));
        let others: Vec<&PinFile> = there
            .chain(all.iter().map(|checked| &checked.pins))
            .filter(|pins| pins.release != one.pins.release)
            .collect();
        let mut errors = Vec::new();
        for (name, digest) in &one.pins.images {
            let Some(place) = one.places.get(name) else {
                continue;
            };
            let found = others.iter().find_map(|pins| {
                let (other, _) = pins.images.iter().find(|(other, theirs)| {
                    *theirs == digest && !(*other == name && allowed.contains(name.as_str()))
                })?;
                Some((other, &pins.release))
            });
            errors.extend(found.map(|(other, release)| {
                if other == name {
                    let hint = format!(
                        "is this the file of {release}? If the image was not rebuilt, add --allow-unchanged {name}"
                    );
                    place.error(format_args!("{name} has the same digest as in {release}")).with_hint(hint)
                } else {
                    let hint = "two images never have the same digest: copy the right one from the registry";
                    place.error(format_args!("{name} has the digest of {other} in {release}")).with_hint(hint)
                }
            }));
        }
        errors
    }

    /// Returns the errors of damaged pin files, except those of releases that are being imported.
    pub(super) fn damaged(&self, importing: &[Checked]) -> Vec<FileError> {
        let own: BTreeSet<PathBuf> = importing
            .iter()
            .map(|checked| self.path_of(&checked.pins.release))
            .collect();
        self.damaged
            .iter()
            .filter(|error| !own.contains(&error.path))
            .cloned()
            .collect()
    }
}

fn same_pins(one: &PinFile, other: &PinFile) -> bool {
    (&one.registry, &one.images, &one.external) == (&other.registry, &other.images, &other.external)
}

fn is_pin_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name != COMPONENTS
        && !name.starts_with('.')
        && path
            .extension()
            .is_some_and(|extension| extension == "toml")
}

/// Reads the component file of a folder, or that of the workspace if the folder has none.
pub(super) fn components(folder: &Path, workspace: &Path) -> Result<Components, FileError> {
    let own = folder.join(COMPONENTS);
    if own.exists() {
        Components::read(&own)
    } else {
        Components::read(&workspace.join(COMPONENTS))
    }
}
