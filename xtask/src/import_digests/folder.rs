//! The folder of pin files: existing files, and which new ones may be written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use image_pins::{Components, FileError, PinFile, Reference, ReleaseName};

use super::checks::Checked;

const COMPONENTS: &str = "components.toml";

/// The folder with everything in it.
pub(super) struct Folder {
    path: PathBuf,
    pins: BTreeMap<ReleaseName, PinFile>,
    damaged: Vec<FileError>,
}

/// What is to be done with one pin file.
pub(super) enum Change {
    /// There is none yet.
    New,
    /// It is there, byte for byte.
    Same,
    /// It has these pins, recorded from another digest file; that record stays.
    OtherSource,
    /// It has these pins from this digest file, but was not written by the import.
    Rewritten,
    /// It has other pins, or is damaged.
    Other,
}

impl Folder {
    /// Reads all pin files. One that is damaged is remembered: it may be the one that is to be replaced.
    pub(super) fn read(path: &Path) -> Result<Self, FileError> {
        let failed = |error: io::Error| {
            let hint =
                "give the folder of pin files with --digests-dir; make it first if it is new";
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
                        error.with_hint("write it anew: import its digest file with --replace"),
                    );
                }
            }
        }
        Ok(folder)
    }

    /// The path of a release's pin file.
    pub(super) fn path_of(&self, release: &ReleaseName) -> PathBuf {
        self.path.join(format!("{release}.toml"))
    }

    /// The pins of a release, if its pin file exists and is valid.
    pub(super) fn pins_of(&self, release: &ReleaseName) -> Option<&PinFile> {
        self.pins.get(release)
    }

    /// The file of a release as it is, or nothing.
    pub(super) fn text_of(&self, release: &ReleaseName) -> Result<Option<String>, FileError> {
        let path = self.path_of(release);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(
                FileError::whole(&path, format_args!("cannot read it: {error}"))
                    .with_hint("move it out of the way"),
            ),
        }
    }

    /// What writing these pins would change.
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

    /// The errors for a pin file that has other content: what differs, and where it stands.
    pub(super) fn immutable(&self, checked: &Checked) -> Vec<FileError> {
        let pins = &checked.pins;
        let path = self.path_of(&pins.release);
        let hint = "releases do not change; if the pin file is wrong, add --replace";
        let Some(there) = self.pins_of(&pins.release) else {
            let damaged = self
                .damaged
                .iter()
                .find(|error| error.path == path)
                .cloned();
            let error =
                damaged.unwrap_or_else(|| FileError::whole(&path, "there is another file already"));
            return vec![error.with_hint("to write the pin file anew, add --replace")];
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
            whole(format!("{name} would go"));
        }
        if there.registry != pins.registry {
            whole(format!(
                "the registry is {}, and would become {}",
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
                    "{key} is {}, and would become {}",
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

    /// Refuses digests that another release has: the file of another release, or a slip of copy and paste.
    ///
    /// `all` are the releases that are being imported; what they say counts, not what their pin files say.
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
                        "is this the file of {release}? If the image was really not built anew: --allow-unchanged {name}"
                    );
                    place.error(format_args!("{name} has the digest it already had in {release}")).with_hint(hint)
                } else {
                    let hint = "two images never have one digest: copy the right one from the registry";
                    place.error(format_args!("{name} has the digest of {other} in {release}")).with_hint(hint)
                }
            }));
        }
        errors
    }

    /// Pin files that cannot be compared with, other than those that are being imported.
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

/// The component file that belongs to a folder: its own, or the workspace's.
pub(super) fn components(folder: &Path, workspace: &Path) -> Result<Components, FileError> {
    let own = folder.join(COMPONENTS);
    if own.exists() {
        Components::read(&own)
    } else {
        Components::read(&workspace.join(COMPONENTS))
    }
}
