//! The checks before code is generated: everything the code relies on is made sure of here.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::{Config, Error, Input};
use crate::components::Component;
use crate::nearest;
use crate::pin_file::PinFile;
use crate::reference::{Reference, Tag};
use crate::release::ReleaseName;
use crate::text::Quoted;
use crate::toml_text::list;

/// How many releases an error names before it only counts the rest.
const RELEASES_IN_ADVICE: usize = 5;

/// Input that code can be generated from.
pub(super) struct Checked<'a> {
    pub(super) channel: Channel<'a>,
    pub(super) registry: String,
    pub(super) components: &'a [Component],
    pub(super) external: Option<&'a BTreeMap<String, Reference>>,
    /// Oldest first, each with the name of its constant.
    pub(super) releases: Vec<(String, &'a PinFile)>,
}

pub(super) enum Channel<'a> {
    Release(&'a PinFile),
    Floating { name: &'a str, tag: &'a str },
}

impl Config {
    pub(super) fn check<'a>(&'a self, input: &'a Input) -> Result<Checked<'a>, Error> {
        let releases = named(&input.pin_files)?;
        let channel = self.channel(input)?;
        self.check_keys(input, &releases, &channel)?;
        let registry = match (&input.components, &channel, releases.last()) {
            (Some(components), ..) => &components.registry,
            (None, Channel::Release(file), _) | (None, _, Some((_, file))) => &file.registry,
            (None, Channel::Floating { .. }, None) => {
                let message =
                    "no registry is known: there is neither a component file nor a pin file";
                return Err(Error::Config(message.to_owned()));
            }
        };
        Ok(Checked {
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
            releases,
        })
    }

    fn channel<'a>(&'a self, input: &'a Input) -> Result<Channel<'a>, Error> {
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
                "no release is chosen: call `release`".to_owned(),
            ));
        };
        if let Some((name, tag)) = self.floating.iter().find(|(name, _)| name == chosen) {
            return Ok(Channel::Floating { name, tag });
        }
        let Ok(release) = chosen.parse::<ReleaseName>() else {
            let advice = self.what_there_is(None, &input.pin_files);
            return Err(Error::NoSuchRelease {
                name: Quoted(chosen).to_string(),
                advice,
            });
        };
        let path = self.digests_dir.join(format!("{release}.toml"));
        let Some(file) = input.pin_files.iter().find(|file| file.release == release) else {
            let advice =
                self.how_to_mend(&release) + &self.what_there_is(Some(&release), &input.pin_files);
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
            .filter(|component| !file.images.contains_key(&component.name))
            .map(|component| component.name.as_str())
            .collect();
        if !unpinned.is_empty() {
            let advice = self.how_to_mend(&release);
            return Err(Error::NoPin {
                path,
                release: release.to_string(),
                components: list(&unpinned),
                advice,
            });
        }
        Ok(Channel::Release(file))
    }

    fn check_keys(
        &self,
        input: &Input,
        releases: &[(String, &PinFile)],
        channel: &Channel<'_>,
    ) -> Result<(), Error> {
        let keys: Vec<&str> = match (&input.components, channel) {
            (Some(components), _) => components
                .components
                .iter()
                .map(|component| component.key.as_str())
                .collect(),
            (None, Channel::Release(file)) => file.images.keys().map(String::as_str).collect(),
            (None, Channel::Floating { .. }) => releases
                .last()
                .iter()
                .flat_map(|(_, file)| file.images.keys())
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

    fn how_to_mend(&self, release: &ReleaseName) -> String {
        let command = |mend: &String| mend.replace("{release}", &release.to_string());
        self.mend
            .as_ref()
            .map(command)
            .map_or_else(String::new, |command| {
                format!("\n  to mend it, run: {command}")
            })
    }

    /// The releases there are, nearest first (newest first if there is nothing to be near to), and the channels.
    fn what_there_is(&self, wanted: Option<&ReleaseName>, files: &[PinFile]) -> String {
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
        let mut advice = format!("\n  releases there are: {}", shortened(&releases));
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

/// The pin files, oldest release first, each with the name of its constant.
fn named(files: &[PinFile]) -> Result<Vec<(String, &PinFile)>, Error> {
    let mut sorted: Vec<&PinFile> = files.iter().collect();
    sorted.sort_by(|a, b| a.release.cmp(&b.release));
    let mut constants: BTreeMap<String, &ReleaseName> = BTreeMap::new();
    let mut named = Vec::with_capacity(sorted.len());
    for file in sorted {
        let constant = constant_name(&file.release);
        if let Some(first) = constants.insert(constant.clone(), &file.release) {
            return Err(Error::SameConstant {
                first: first.to_string(),
                second: file.release.to_string(),
                constant,
            });
        }
        named.push((constant, file));
    }
    Ok(named)
}

/// `V1_2_0_RC_1` for `v1.2.0-rc.1`.
fn constant_name(release: &ReleaseName) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    release.to_string().chars().map(letter).collect()
}
