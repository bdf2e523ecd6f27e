//! Checks the input of the code generator, so that generation cannot fail.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::{Config, Error, Input};
use crate::components::Component;
use crate::digest::Digest;
use crate::nearest;
use crate::pin_file::PinFile;
use crate::reference::{Reference, Tag};
use crate::release::ReleaseName;
use crate::text::Quoted;
use crate::toml_text::list;
use crate::values_layout::ValuesLayout;

/// The number of releases that an error lists. It counts the rest.
const RELEASES_IN_ADVICE: usize = 5;

/// Valid input of the code generator.
pub(super) struct CheckedInput<'a> {
    pub(super) channel: CheckedChannel<'a>,
    pub(super) registry: String,
    pub(super) components: &'a [Component],
    pub(super) external: Option<&'a BTreeMap<String, Reference>>,
    pub(super) values: Option<&'a ValuesLayout>,
    /// Oldest first.
    pub(super) releases: Vec<CheckedRelease<'a>>,
}

/// A pin file and the Rust names of its release and images.
#[derive(Clone)]
pub(super) struct CheckedRelease<'a> {
    /// The constant of the release: `V1_2_4`.
    pub(super) constant: String,
    /// The module with its images: `v1_2_4`.
    pub(super) module: String,
    pub(super) file: &'a PinFile,
    /// The constant of each image, the image's name and its digest, sorted by the image's name.
    pub(super) images: Vec<(String, &'a str, &'a Digest)>,
}

pub(super) enum CheckedChannel<'a> {
    Release(CheckedRelease<'a>),
    Floating { name: &'a str, tag: &'a str },
}

impl Config {
    pub(super) fn check<'a>(&'a self, input: &'a Input) -> Result<CheckedInput<'a>, Error> {
        let releases = checked_releases(&input.pin_files)?;
        let channel = self.channel(input, &releases)?;
        self.check_keys(input, &releases, &channel)?;
        let registry = match (&input.components, &channel, releases.last()) {
            (Some(components), ..) => &components.registry,
            (None, CheckedChannel::Release(release), _) | (None, _, Some(release)) => {
                &release.file.registry
            }
            (None, CheckedChannel::Floating { .. }, None) => {
                let message = "no registry: there is neither a component file nor a pin file";
                return Err(Error::Config(message.to_owned()));
            }
        };
        Ok(CheckedInput {
            channel,
            registry: registry.to_string(),
            components: input
                .components
                .as_ref()
                .map_or(&[], |components| &components.components),
            external: input
                .components
                .as_ref()
                .map(|components| &components.external),
            values: input
                .components
                .as_ref()
                .and_then(|components| components.values.as_ref()),
            releases,
        })
    }

    fn channel<'a>(
        &'a self,
        input: &'a Input,
        releases: &[CheckedRelease<'a>],
    ) -> Result<CheckedChannel<'a>, Error> {
        for (name, tag) in &self.floating {
            if name.parse::<ReleaseName>().is_ok() {
                return Err(Error::Config(format!(
                    "the floating channel `{name}` has the name of a release"
                )));
            }
            if let Err(error) = tag.parse::<Tag>() {
                return Err(Error::Config(format!(
                    "the floating channel {}: {error}",
                    Quoted(name)
                )));
            }
        }
        let Some(chosen) = &self.release else {
            return Err(Error::Config(
                "no release chosen: call `release`".to_owned(),
            ));
        };
        if let Some((name, tag)) = self.floating.iter().find(|(name, _)| name == chosen) {
            return Ok(CheckedChannel::Floating { name, tag });
        }
        let Ok(release) = chosen.parse::<ReleaseName>() else {
            let advice = self.alternatives(None, &input.pin_files);
            return Err(Error::NoSuchRelease {
                name: Quoted(chosen).to_string(),
                advice,
            });
        };
        let path = self.digests_dir.join(format!("{release}.toml"));
        let Some(found) = releases.iter().find(|each| each.file.release == release) else {
            let advice =
                self.fix_advice(&release) + &self.alternatives(Some(&release), &input.pin_files);
            return Err(Error::NoPinFile {
                path,
                release: release.to_string(),
                advice,
            });
        };
        let components = input
            .components
            .iter()
            .flat_map(|components| components.of_release(&release));
        let unpinned: Vec<&str> = components
            .filter(|component| !found.file.images.contains_key(&component.name))
            .map(|component| component.name.as_str())
            .collect();
        if !unpinned.is_empty() {
            let advice = self.fix_advice(&release);
            return Err(Error::NoPin {
                path,
                release: release.to_string(),
                components: list(&unpinned),
                advice,
            });
        }
        Ok(CheckedChannel::Release(found.clone()))
    }

    fn check_keys(
        &self,
        input: &Input,
        releases: &[CheckedRelease<'_>],
        channel: &CheckedChannel<'_>,
    ) -> Result<(), Error> {
        if self.has_empty_key_list {
            return Err(Error::NoRequiredKeys);
        }
        let keys: Vec<&str> = match (&input.components, channel) {
            (Some(components), _) => components
                .components
                .iter()
                .map(|component| component.key.as_str())
                .collect(),
            (None, CheckedChannel::Release(release)) => {
                release.file.images.keys().map(String::as_str).collect()
            }
            (None, CheckedChannel::Floating { .. }) => releases
                .last()
                .iter()
                .flat_map(|release| release.file.images.keys())
                .map(String::as_str)
                .collect(),
        };
        let Some((key, place)) = self
            .required_keys
            .iter()
            .find(|(key, _)| !keys.contains(&key.as_str()))
        else {
            return Ok(());
        };
        let declared_in = match &self.components {
            Some(path) => path.display().to_string(),
            None => self.digests_dir.display().to_string(),
        };
        let advice = match nearest(key, keys.iter().copied()) {
            Some(near) => format!("\n  did you mean `{near}`?"),
            None => format!("\n  declared are {}", list(&keys)),
        };
        Err(Error::NoSuchKey {
            place: place.clone(),
            key: Quoted(key).to_string(),
            declared_in,
            advice,
        })
    }

    fn fix_advice(&self, release: &ReleaseName) -> String {
        let command = |command: &String| command.replace("{release}", &release.to_string());
        self.fix_command
            .as_ref()
            .map(command)
            .map_or_else(String::new, |command| {
                format!("\n  to fix it, run: {command}")
            })
    }

    /// Lists the available releases and the channels. The releases nearest to the wanted one come first, or the newest.
    fn alternatives(&self, wanted: Option<&ReleaseName>, files: &[PinFile]) -> String {
        let mut releases: Vec<&ReleaseName> = files.iter().map(|file| &file.release).collect();
        releases.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(wanted) = wanted {
            releases.sort_by_key(|release| {
                let (major, minor, patch) = wanted.base();
                (
                    release.major().abs_diff(major),
                    release.minor().abs_diff(minor),
                    release.patch().abs_diff(patch),
                )
            });
        }
        let mut advice = format!("\n  available releases: {}", shortened(&releases));
        if !self.floating.is_empty() {
            let channels: Vec<&str> = self
                .floating
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            advice = format!("{advice}\n  channels: {}", channels.join(", "));
        }
        advice
    }
}

fn shortened<T: Display>(names: &[T]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(RELEASES_IN_ADVICE)
        .map(ToString::to_string)
        .collect();
    match names.len().saturating_sub(shown.len()) {
        _ if shown.is_empty() => "none".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Sorts the pin files, oldest release first, and names the Rust items of each.
fn checked_releases(files: &[PinFile]) -> Result<Vec<CheckedRelease<'_>>, Error> {
    let mut sorted: Vec<&PinFile> = files.iter().collect();
    sorted.sort_by(|a, b| a.release.cmp(&b.release));
    let mut taken: BTreeMap<String, &ReleaseName> = BTreeMap::new();
    let mut releases = Vec::with_capacity(sorted.len());
    for file in sorted {
        let constant = constant_name(&file.release.to_string());
        if let Some(first) = taken.insert(constant.clone(), &file.release) {
            return Err(Error::SameConstant {
                first: first.to_string(),
                second: file.release.to_string(),
                constant,
            });
        }
        releases.push(CheckedRelease {
            module: constant.to_ascii_lowercase(),
            constant,
            file,
            images: checked_images(file)?,
        });
    }
    Ok(releases)
}

/// Names the constant of each image of a release.
fn checked_images(file: &PinFile) -> Result<Vec<(String, &str, &Digest)>, Error> {
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    let mut images = Vec::with_capacity(file.images.len());
    for (image, digest) in &file.images {
        let constant = constant_name(image);
        if let Some(first) = taken.insert(constant.clone(), image) {
            return Err(Error::SameImageConstant {
                release: file.release.to_string(),
                first: first.to_owned(),
                second: image.clone(),
                constant,
            });
        }
        images.push((constant, image.as_str(), digest));
    }
    Ok(images)
}

/// Turns a name into the name of a Rust constant: `V1_2_0_RC_1` for `v1.2.0-rc.1`, `_2FA_PROXY` for `2fa-proxy`.
fn constant_name(name: &str) -> String {
    let part = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_uppercase(),
        false => '_',
    };
    let mut constant: String = name.chars().map(part).collect();
    // An identifier starts with a letter, or with `_` and something else (The Rust Reference, "Identifiers").
    if !constant.starts_with(|c: char| c.is_ascii_alphabetic()) {
        constant.insert(0, '_');
    }
    constant
}
