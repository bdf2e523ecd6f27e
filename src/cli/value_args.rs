//! Flags that several commands share: values, and images.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use image_pins::{Digest, RepositoryPrefix, Tag};

use crate::mesh::ValueSource;
use crate::mesh::images::{Overrides, PullPolicy, component_key};
use helm_chart::set::Mode;

/// `-f`, `--set`, `--set-string` and `--set-json`, in the order of the command line.
#[derive(Debug, Clone, Default)]
pub(super) struct ValueArgs(pub Vec<ValueSource>);

/// The flags that set values: clap's id, how the value is parsed, the name of the value, the help.
const SET_FLAGS: [(&str, Mode, &str, &str); 3] = [
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
            found.push((at, ValueSource::File(path.clone())));
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
            .help("YAML file with values, or - for standard input (repeatable)")
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

/// The image overrides.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Images")]
pub(super) struct ImageArgs {
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
    /// Release whose pins are used, instead of the compiled-in default
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
}

impl ImageArgs {
    /// Converts the flags to overrides.
    ///
    /// # Errors
    /// Two digests for one component.
    pub fn overrides(&self) -> Result<Overrides, String> {
        let mut overrides = Overrides {
            registry: self.image_registry.clone(),
            tag: self.image_tag.clone(),
            pull_policy: self.image_pull_policy,
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
