//! Checks the digest files of one release: every component exactly once, with a unique digest, from one registry.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use image_pins::digest_file::{Position, Row, Subject};
use image_pins::nearest;
use image_pins::{
    Component, Components, Digest, FileError, PinFile, Reference, ReleaseName, RepositoryPrefix,
    Source,
};

use super::inputs::{self, Input};
use super::tags::at;

/// The valid pins of a release, and the place of each.
pub(super) struct Checked {
    pub(super) pins: PinFile,
    pub(super) places: BTreeMap<String, Place>,
}

/// A place in a digest file.
#[derive(Clone)]
pub(super) struct Place {
    path: PathBuf,
    position: Position,
}

impl Place {
    fn new(input: &Input, position: Position) -> Self {
        Self {
            path: input.path.clone(),
            position,
        }
    }

    pub(super) fn error(&self, message: impl fmt::Display) -> FileError {
        FileError::new(
            &self.path,
            self.position.line,
            self.position.column,
            message,
        )
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}",
            self.path.display(),
            self.position.line,
            self.position.column
        )
    }
}

/// Checks the digest files of one release and reports every error.
pub(super) fn check(
    release: &ReleaseName,
    inputs: &[Input],
    components: &Components,
    registry: Option<&RepositoryPrefix>,
) -> Result<Checked, Vec<FileError>> {
    let mut check = Check {
        release,
        components,
        errors: Vec::new(),
        images: BTreeMap::new(),
        external: BTreeMap::new(),
    };
    let registry = check.registry(inputs, registry);
    for input in inputs {
        for row in &input.file.rows {
            check.row(input, row);
        }
        for external in &input.file.external {
            let place = Place::new(input, external.position);
            check.external(&external.key, &external.reference, place);
        }
    }
    check.missing(inputs);
    let format = inputs::format_of(inputs)
        .map_err(|error| check.errors.push(error))
        .ok();
    let (Some(format), true) = (format, check.errors.is_empty()) else {
        return Err(check.errors);
    };
    let (file, sha256) = inputs::source_of(inputs);
    let pins = PinFile {
        release: release.clone(),
        registry,
        source: Source {
            file,
            format: format.to_string(),
            sha256,
        },
        images: check
            .images
            .iter()
            .map(|(name, (digest, _))| (name.clone(), *digest))
            .collect(),
        external: check
            .external
            .into_iter()
            .map(|(key, (reference, _))| (key, reference))
            .collect(),
    };
    let places = check
        .images
        .into_iter()
        .map(|(name, (_, place))| (name, place))
        .collect();
    Ok(Checked { pins, places })
}

struct Check<'a> {
    release: &'a ReleaseName,
    components: &'a Components,
    errors: Vec<FileError>,
    images: BTreeMap<String, (Digest, Place)>,
    external: BTreeMap<String, (Reference, Place)>,
}

impl Check<'_> {
    /// Checks the registry of all rows that name one, and returns the expected registry, spelled as expected.
    fn registry(&mut self, inputs: &[Input], flag: Option<&RepositoryPrefix>) -> RepositoryPrefix {
        let wanted = flag.unwrap_or(&self.components.registry);
        let rows = || {
            inputs
                .iter()
                .flat_map(|input| input.file.rows.iter().map(move |row| (input, row)))
        };
        let named: Vec<_> = rows()
            .filter_map(|(input, row)| Some((input, row, row.registry.as_ref()?)))
            .collect();
        let Some((_, _, first)) = named.first() else {
            return wanted.clone();
        };
        if let Some((input, row, other)) = named.iter().find(|(_, _, other)| !same(first, other)) {
            let message = format!("this image is in registry {other}, others are in {first}");
            let hint = "all images of a release are in one registry: list the digests of one registry only";
            self.errors
                .push(at(&input.path, row, message).with_hint(hint));
        } else if let Some((input, row, other)) =
            named.iter().find(|(_, _, other)| !same(wanted, other))
        {
            let message = match flag {
                Some(_) => {
                    format!("the images are in registry {other}, but --registry is {wanted}")
                }
                None => format!(
                    "the images are in registry {other}, but components.toml declares {wanted}"
                ),
            };
            let hint = format!(
                "to import these images, pass --registry {other}; otherwise pass the file of {wanted}"
            );
            self.errors
                .push(at(&input.path, row, message).with_hint(hint));
        }
        wanted.clone()
    }

    fn row(&mut self, input: &Input, row: &Row) {
        let component = match self.component(&input.path, row) {
            Ok(component) => component,
            Err(error) => return self.errors.push(error),
        };
        if let Some(reason) = row.digest.implausible() {
            let message = format_args!("invalid digest of {}: {reason}", component.name);
            let hint = "make the workflow check for errors, then write the digest file again";
            return self
                .errors
                .push(at(&input.path, row, message).with_hint(hint));
        }
        let place = Place::new(input, row.position);
        if let Some((digest, first)) = self.images.get(&component.name) {
            if *digest != row.digest {
                let message = format_args!("{} has a different digest at {first}", component.name);
                let hint = "a release has only one of them: remove the other";
                self.errors.push(place.error(message).with_hint(hint));
            }
            return;
        }
        let twin = self
            .images
            .iter()
            .find(|(_, (digest, _))| *digest == row.digest);
        if let Some((other, (_, first))) = twin {
            let message = format_args!(
                "{} has the same digest as {other} at {first}",
                component.name
            );
            let hint =
                "two images never have the same digest: copy the right one from the registry";
            return self.errors.push(place.error(message).with_hint(hint));
        }
        self.images
            .insert(component.name.clone(), (row.digest, place));
    }

    /// Returns the component of a row.
    fn component(&self, path: &Path, row: &Row) -> Result<&Component, FileError> {
        let (found, written, known): (_, _, Vec<&str>) = match &row.subject {
            Subject::Name(name) => {
                let known = self
                    .components
                    .components
                    .iter()
                    .map(|component| component.name.as_str());
                (self.components.by_name(name), name, known.collect())
            }
            Subject::ChartKey { key, .. } => {
                let known = self
                    .components
                    .components
                    .iter()
                    .map(|component| component.key.as_str());
                (self.components.by_key(key), key, known.collect())
            }
        };
        let Some(component) = found else {
            let hint = match nearest(written, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!(
                    "components are {}; remove this row, or declare a new component in components.toml",
                    known.join(", ")
                ),
            };
            return Err(at(
                path,
                row,
                format_args!("`{}` is not a component", written.escape_debug()),
            )
            .with_hint(hint));
        };
        if let Subject::ChartKey {
            key,
            name: Some(name),
        } = &row.subject
            && *name != component.name
        {
            let message = format_args!(
                "{key} is image `{}` in these values, but {} in components.toml",
                name.escape_debug(),
                component.name
            );
            return Err(
                at(path, row, message).with_hint("take values.yaml from the chart of the release")
            );
        }
        if !self
            .components
            .of_release(self.release)
            .any(|other| other.name == component.name)
        {
            let message = format_args!(
                "{} was added in {} and is not part of {}",
                component.name, component.since, self.release
            );
            return Err(at(path, row, message).with_hint("is this the file of a later release?"));
        }
        Ok(component)
    }

    fn external(&mut self, key: &str, reference: &Reference, place: Place) {
        if let Some(reason) = reference.digest().and_then(Digest::implausible) {
            let error = place.error(format_args!("invalid digest of {key}: {reason}"));
            return self
                .errors
                .push(error.with_hint("copy the digest of the image from its registry"));
        }
        match self.external.get(key) {
            Some((other, first)) if other != reference => {
                let error = place.error(format_args!("{key} is a different image at {first}"));
                self.errors
                    .push(error.with_hint("a release has only one of them: remove the other"));
            }
            Some(_) => {}
            None => {
                self.external
                    .insert(key.to_owned(), (reference.clone(), place));
            }
        }
    }

    /// Reports components without a row. Refused rows count as rows, because they have their own errors.
    fn missing(&mut self, inputs: &[Input]) {
        let is_mentioned = |component: &Component| {
            inputs
                .iter()
                .flat_map(|input| &input.file.rows)
                .any(|row| match &row.subject {
                    Subject::Name(name) => *name == component.name,
                    Subject::ChartKey { key, .. } => *key == component.key,
                })
        };
        let of_release = self.components.of_release(self.release);
        let missing: Vec<_> = of_release
            .filter(|component| !is_mentioned(component))
            .map(|one| one.name.as_str())
            .collect();
        let Some(last) = inputs.last() else { return };
        if !missing.is_empty() {
            let end = last
                .file
                .rows
                .iter()
                .map(|row| row.position)
                .max()
                .unwrap_or(Position { line: 1, column: 1 });
            let (names, release) = (missing.join(", "), self.release);
            let message =
                format_args!("no digest of {release} for {names}; this is the last digest");
            let hint =
                "pass the digest file of all images of the release, or one file for each image";
            self.errors
                .push(FileError::new(&last.path, end.line, end.column, message).with_hint(hint));
        }
    }
}

/// Returns whether two prefixes name the same registry. The host of Docker Hub can be omitted.
fn same(one: &RepositoryPrefix, other: &RepositoryPrefix) -> bool {
    let normalized =
        |registry: &RepositoryPrefix| registry.image("image").map(|image| image.normalized());
    one == other
        || matches!((normalized(one), normalized(other)), (Ok(one), Ok(other)) if one == other)
}
