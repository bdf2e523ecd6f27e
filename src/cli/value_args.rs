//! Flags that several commands share: values, and images.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use image_pins::{Digest, RepositoryPrefix, Tag};

use super::exit::Failure;
use super::settings::{self, Settings};
#[cfg(feature = "cluster")]
use crate::mesh::images::GivenBy;
use crate::mesh::images::{Overrides, PullPolicy, component_key};
use crate::mesh::{Request, ValueSource};
use crate::ops::ImageList;
use helm_chart::set::Mode;

/// `-f`, `--set`, `--set-string`, `--set-json`, `--set-file` and `--set-literal`, in the order of the command line.
#[derive(Debug, Clone, Default)]
pub(super) struct ValueArgs(pub Vec<ValueSource>);

/// The flags that set values: clap's id, how the value is parsed, the name of the value, the help.
const SET_FLAGS: [(&str, Mode, &str, &str); 5] = [
    (
        "set",
        Mode::Typed,
        "KEY=VALUE",
        "Set values, such as a.b=1,c[0]=x,d={1,2} (repeatable)",
    ),
    (
        "set-string",
        Mode::Text,
        "KEY=TEXT",
        "Set values as strings (repeatable)",
    ),
    (
        "set-json",
        Mode::Json,
        "KEY=JSON",
        "Set values from JSON: KEY=JSON or a whole object (repeatable)",
    ),
    (
        "set-file",
        Mode::File,
        "KEY=FILE",
        "Set values to the content of files (repeatable)",
    ),
    (
        "set-literal",
        Mode::Literal,
        "KEY=TEXT",
        "Set one value as a string; commas and backslashes are part of it (repeatable)",
    ),
];

impl clap::FromArgMatches for ValueArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut found = Vec::new();
        let files = matches.get_many::<PathBuf>("values").into_iter().flatten();
        for (at, path) in matches
            .indices_of("values")
            .into_iter()
            .flatten()
            .zip(files)
        {
            for path in split_list(path)? {
                found.push((at, ValueSource::File(path)));
            }
        }
        for (id, mode, ..) in SET_FLAGS {
            let texts = matches.get_many::<String>(id).into_iter().flatten();
            for (at, text) in matches.indices_of(id).into_iter().flatten().zip(texts) {
                found.push((at, ValueSource::Assignment(mode, text.clone())));
            }
        }
        found.sort_by_key(|(at, _)| *at);
        Ok(ValueArgs(
            found.into_iter().map(|(_, source)| source).collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for ValueArgs {
    fn augment_args(command: Command) -> Command {
        let values = Arg::new("values")
            .short('f')
            .long("values")
            .value_name("FILE")
            .help(
                "YAML files with values, separated by commas, or - for standard input (repeatable)",
            )
            .action(ArgAction::Append)
            .value_parser(value_parser!(PathBuf));
        let sets = SET_FLAGS.map(|(id, _, value, help)| {
            Arg::new(id)
                .long(id)
                .value_name(value)
                .help(help)
                .action(ArgAction::Append)
        });
        command.next_help_heading("Values").arg(values).args(sets)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// Splits a list of paths at its commas, as Helm does: a path with commas can be in double quotes, which are doubled
/// inside of them.
fn split_list(list: &Path) -> Result<Vec<PathBuf>, clap::Error> {
    let Some(mut rest) = list.to_str() else {
        return Ok(vec![list.to_owned()]);
    };
    let wrong = || {
        let message = format!(
            "-f {}: a path with a quote has to be in double quotes, with the quote doubled\n",
            list.display()
        );
        clap::Error::raw(ErrorKind::ValueValidation, message)
    };
    let mut paths = Vec::new();
    loop {
        let mut path = String::new();
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted;
            loop {
                let (text, after) = rest.split_once('"').ok_or_else(wrong)?;
                path.push_str(text);
                rest = after;
                match rest.strip_prefix('"') {
                    Some(after) => rest = after,
                    None => break,
                }
                path.push('"');
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            path.push_str(&rest[..end]);
            rest = &rest[end..];
            if path.contains('"') {
                return Err(wrong());
            }
        }
        paths.push(PathBuf::from(path));
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Ok(paths),
            None => return Err(wrong()),
        }
    }
}

/// The image overrides, and the release that they apply to.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Images")]
pub(super) struct ImageArgs {
    #[command(flatten)]
    overrides: OverrideArgs,
    /// Release whose pins are used, instead of the compiled-in default
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
}

impl ImageArgs {
    /// Returns whether one of these flags is given.
    #[cfg(feature = "cluster")]
    pub fn is_given(&self) -> bool {
        self.release.is_some() || self.overrides.is_given()
    }

    /// As [`OverrideArgs::overrides`].
    pub fn overrides(&self) -> Result<Overrides, String> {
        self.overrides.overrides()
    }
}

/// The image overrides.
// The flags have these names.
#[allow(clippy::struct_field_names)]
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Images")]
pub(super) struct OverrideArgs {
    /// Registry of the mesh's images, such as a mirror; digests stay the same
    #[arg(long, value_name = "REGISTRY")]
    image_registry: Option<RepositoryPrefix>,
    /// Tag for all images of the mesh, instead of their digests
    #[arg(long, value_name = "TAG")]
    image_tag: Option<Tag>,
    /// Digest for one component (repeatable)
    #[arg(long, value_name = "COMPONENT=DIGEST", value_parser = component_digest)]
    image_digest: Vec<(&'static str, Digest)>,
    /// Pull policy of the mesh's images
    #[arg(
        long,
        value_name = "POLICY",
        help = "Pull policy of the mesh's images: Always, IfNotPresent or Never"
    )]
    image_pull_policy: Option<PullPolicy>,
}

impl OverrideArgs {
    /// Returns whether one of these flags is given.
    #[cfg(feature = "cluster")]
    pub fn is_given(&self) -> bool {
        let settings = Settings::current();
        let registry = settings.given(&settings::IMAGE_REGISTRY, self.image_registry.as_ref());
        let policy = settings.given(&settings::IMAGE_PULL_POLICY, self.image_pull_policy);
        registry.is_some_and(|given| given.by == GivenBy::CommandLine)
            || policy.is_some_and(|given| given.by == GivenBy::CommandLine)
            || self.image_tag.is_some()
            || !self.image_digest.is_empty()
    }

    /// Converts the flags, and what the environment sets instead of them, to overrides.
    ///
    /// # Errors
    /// Two digests for one component.
    pub fn overrides(&self) -> Result<Overrides, String> {
        let settings = Settings::current();
        let mut overrides = Overrides {
            registry: settings.given(&settings::IMAGE_REGISTRY, self.image_registry.clone()),
            tag: self.image_tag.clone(),
            pull_policy: settings.given(&settings::IMAGE_PULL_POLICY, self.image_pull_policy),
            ..Overrides::default()
        };
        for (key, digest) in &self.image_digest {
            let before = overrides.digests.insert((*key).to_owned(), *digest);
            if let Some(before) = before.filter(|before| before != digest) {
                return Err(format!(
                    "--image-digest: two digests for {key}: {before} and {digest}"
                ));
            }
        }
        Ok(overrides)
    }
}

/// Lists the images that an installation with these flags would use.
///
/// # Errors
/// Wrong input, and components without an image.
pub(super) fn image_list(
    namespace: &str,
    images: &ImageArgs,
    values: &ValueArgs,
) -> Result<ImageList, Failure> {
    Ok(ImageList::new(&request(namespace, images, values)?)?)
}

/// Returns the installation that these flags describe, as far as its images are concerned.
///
/// # Errors
/// Two digests for one component.
pub(super) fn request(
    namespace: &str,
    images: &ImageArgs,
    values: &ValueArgs,
) -> Result<Request, Failure> {
    Ok(Request {
        namespace: namespace.to_owned(),
        release: images.release.clone(),
        values: values.0.clone(),
        overrides: images.overrides().map_err(Failure::Input)?,
        ..Request::default()
    })
}

fn component_digest(text: &str) -> Result<(&'static str, Digest), String> {
    let (component, digest) = text
        .split_once('=')
        .ok_or("expected COMPONENT=DIGEST, such as osm-controller=sha256:…")?;
    let key = component_key(component).map_err(|e| e.to_string())?;
    let digest: Digest = digest.parse().map_err(|e| format!("{digest:?}: {e}"))?;
    match digest.implausible() {
        Some(why) => Err(format!("{digest}: {why}")),
        None => Ok((key, digest)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_files_are_split_as_by_helm() {
        let table: &[(&str, &[&str])] = &[
            ("a.yaml", &["a.yaml"]),
            ("a.yaml,b.yaml", &["a.yaml", "b.yaml"]),
            ("a.yaml, b c.yaml", &["a.yaml", " b c.yaml"]),
            ("\"a,b.yaml\",c", &["a,b.yaml", "c"]),
            ("\"a\"\"b\"", &["a\"b"]),
            ("a,", &["a", ""]),
            ("-", &["-"]),
        ];
        for (list, want) in table {
            let paths = split_list(Path::new(list)).unwrap();
            let want: Vec<_> = want.iter().map(PathBuf::from).collect();
            assert_eq!(paths, want, "{list}");
        }
        for list in ["a\"b", "\"a", "\"a\"b"] {
            assert!(split_list(Path::new(list)).is_err(), "{list}");
        }
    }
}
