//! Settings: flags that an environment variable or the configuration file can set. A flag overrides a variable, and a
//! variable overrides the file.
//!
//! No variable replaces a pinned image: tags, digests and other charts must be on the command line or in a values file.

use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::config_file::{self, ConfigFile, Kind, NAMESPACE_KEY};
use crate::mesh::images::{Given, GivenBy};

/// A flag that the environment can set, by its id.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    id: &'static str,
    /// The environment variable. An empty one counts as not set.
    pub variable: &'static str,
}

pub(super) const NAMESPACE: Setting = Setting {
    id: "osm_namespace",
    variable: "OSM_NAMESPACE",
};
pub(super) const MESH_NAME: Setting = Setting {
    id: "mesh_name",
    variable: "OSM_MESH_NAME",
};
pub(super) const IMAGE_REGISTRY: Setting = Setting {
    id: "image_registry",
    variable: "OSM_IMAGE_REGISTRY",
};
pub(super) const IMAGE_PULL_POLICY: Setting = Setting {
    id: "image_pull_policy",
    variable: "OSM_IMAGE_PULL_POLICY",
};
pub(super) const CONTEXT: Setting = Setting {
    id: "context",
    variable: "OSM_CONTEXT",
};
pub(super) const REQUEST_TIMEOUT: Setting = Setting {
    id: "request_timeout",
    variable: "OSM_REQUEST_TIMEOUT",
};
pub(super) const TIMEOUT: Setting = Setting {
    id: "timeout",
    variable: "OSM_TIMEOUT",
};

pub(super) const SETTINGS: [Setting; 7] = [
    NAMESPACE,
    MESH_NAME,
    IMAGE_REGISTRY,
    IMAGE_PULL_POLICY,
    CONTEXT,
    REQUEST_TIMEOUT,
    TIMEOUT,
];

/// Variables that users may expect, and the ids of their flags. They would replace pinned images.
const UNREAD: [(&str, &str); 3] = [
    ("OSM_IMAGE_TAG", "image_tag"),
    ("OSM_IMAGE_DIGEST", "image_digest"),
    ("OSM_CHART_PATH", "osm_chart_path"),
];

impl Setting {
    /// The id of the flag.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The flag, with its dashes.
    pub fn flag(&self) -> String {
        format!("--{}", self.flag_name())
    }

    /// The name of the flag, without dashes in front.
    pub fn flag_name(&self) -> String {
        self.id.replace('_', "-")
    }
}

/// Where a value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Flag,
    Variable,
    /// The place in the configuration file: `path:line:column`.
    File(String),
    Default,
}

/// The value of a setting for the command that runs.
#[derive(Debug)]
pub(super) struct Entry {
    pub setting: &'static Setting,
    /// `None` if the setting is not set and has no default.
    pub value: Option<OsString>,
    pub origin: Origin,
}

/// The settings of a command, and the configuration file.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// The settings that have an effect on the command.
    pub entries: Vec<Entry>,
    pub file: ConfigFile,
    /// Messages about variables that are not read.
    pub warnings: Vec<String>,
    /// Whether a command without `--osm-namespace` uses another namespace than the default.
    #[cfg_attr(not(feature = "cluster"), allow(dead_code))]
    pub chooses_namespace: bool,
    /// Whether a command without `--mesh-name` uses another mesh than the default.
    #[cfg_attr(not(feature = "cluster"), allow(dead_code))]
    pub chooses_mesh: bool,
}

static CURRENT: OnceLock<Settings> = OnceLock::new();

impl Settings {
    /// The settings of the command that this process runs.
    pub fn current() -> &'static Settings {
        CURRENT.get_or_init(Settings::default)
    }

    /// Makes these the settings of the command that this process runs.
    pub fn make_current(self) {
        // They are read once, so nothing is there to be replaced.
        let _ = CURRENT.set(self);
    }

    /// Reads the settings of a parsed command.
    ///
    /// # Errors
    /// A variable or the configuration file is not valid. Those of other commands are not checked.
    pub fn read(
        command: &Command,
        matches: &ArgMatches,
        is_offline: bool,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Settings, String> {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        // Commands without a cluster do not use what selects one.
        let file = match is_offline {
            true => ConfigFile::default(),
            false => config_file::read(&variable)?,
        };
        let (arguments, matches) = arguments(command, matches, is_offline);
        let has = |id: &str| arguments.iter().any(|arg| arg.get_id() == id);
        let ambient = |setting: &Setting| match (variable(setting.variable), &file.namespace) {
            (Some(value), _) => Some((value, Origin::Variable)),
            (None, Some(namespace)) if *setting == NAMESPACE => {
                let place = namespace.place.clone();
                Some((namespace.value.clone().into(), Origin::File(place)))
            }
            _ => None,
        };
        let mut entries = Vec::new();
        for setting in &SETTINGS {
            let Some(arg) = arguments.iter().find(|arg| arg.get_id() == setting.id) else {
                continue;
            };
            let (value, origin) = match (flag_value(matches, setting.id), ambient(setting)) {
                (Some(value), _) => (Some(value), Origin::Flag),
                (None, Some((value, origin))) => {
                    check(arg, &value)
                        .map_err(|reason| invalid(setting, &value, &origin, &reason))?;
                    (Some(value), origin)
                }
                (None, None) => {
                    let default = arg.get_default_values().first();
                    (
                        default.map(clap::builder::OsStr::to_os_string),
                        Origin::Default,
                    )
                }
            };
            entries.push(Entry {
                setting,
                value,
                origin,
            });
        }
        let unread = UNREAD.iter().filter(|(_, id)| has(id));
        let warnings = unread
            .filter(|(name, _)| variable(name).is_some())
            .map(|(name, id)| {
                let flag = id.replace('_', "-");
                format!(
                    "{name} has no effect: no environment variable replaces pinned images; use --{flag}"
                )
            });
        Ok(Settings {
            entries,
            warnings: warnings.collect(),
            chooses_namespace: ambient(&NAMESPACE).is_some(),
            chooses_mesh: ambient(&MESH_NAME).is_some(),
            file,
        })
    }

    /// Returns whether the environment or the configuration file sets something.
    pub fn has_defaults(&self) -> bool {
        self.entries.iter().any(Entry::is_ambient)
    }

    /// Makes the values of the environment and of the configuration file the defaults of their flags.
    pub fn set_defaults(&self, command: Command) -> Command {
        command
            .mut_args(|arg| match self.entry(arg.get_id().as_str()) {
                Some(Entry {
                    value: Some(value), ..
                }) => arg.default_value(value.clone()),
                _ => arg,
            })
            .mut_subcommands(|command| self.set_defaults(command))
    }

    /// Returns the entry of a setting that is not from the command line.
    fn entry(&self, id: &str) -> Option<&Entry> {
        let found = self.entries.iter().find(|entry| entry.setting.id == id);
        found.filter(|entry| entry.is_ambient())
    }

    /// Names what set a setting: its flag, its variable, or the place in the configuration file.
    #[cfg(feature = "cluster")]
    pub fn source_name(&self, setting: &Setting) -> String {
        match self.entry(setting.id).map(|entry| &entry.origin) {
            Some(Origin::Variable) => setting.variable.to_owned(),
            Some(Origin::File(place)) => format!("{NAMESPACE_KEY} ({place})"),
            _ => setting.flag(),
        }
    }

    /// Adds to a value, if there is one, how the user gave it.
    pub fn given<T>(&self, setting: &Setting, value: Option<T>) -> Option<Given<T>> {
        let by = match self.entry(setting.id) {
            Some(_) => GivenBy::Environment,
            None => GivenBy::CommandLine,
        };
        value.map(|value| Given { value, by })
    }

    /// Refuses a command that changes the installation of a mesh which the provider of the cluster manages.
    ///
    /// # Errors
    /// The configuration file says that the mesh is managed.
    pub fn refuse_managed(&self, command: &str) -> Result<(), String> {
        let Some(kind) = self.managed() else {
            return Ok(());
        };
        Err(format!(
            "{kind}: the provider of the cluster{} manages the mesh, so `{command}` is not available; use the tools of \
             the provider, or remove install.kind to manage the mesh yourself",
            self.provider()
        ))
    }

    /// Returns where the configuration file says that the provider of the cluster manages the mesh.
    pub fn managed(&self) -> Option<String> {
        let kind = self.file.kind.as_ref()?;
        (kind.value == Kind::Managed).then(|| format!("{}: install.kind is managed", kind.place))
    }

    fn provider(&self) -> String {
        match &self.file.distribution {
            Some(distribution) => format!(" ({})", distribution.value),
            None => String::new(),
        }
    }
}

impl Entry {
    /// Returns whether the environment or the configuration file set it.
    fn is_ambient(&self) -> bool {
        matches!(self.origin, Origin::Variable | Origin::File(_))
    }
}

/// Adds to the help of each flag the variable that can set it, in the form of clap.
pub(super) fn document(command: Command) -> Command {
    let described = |arg: Arg| {
        let Some(setting) = SETTINGS.iter().find(|s| arg.get_id() == s.id) else {
            return arg;
        };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        arg.help(format!("{help} [env: {}=]", setting.variable))
    };
    command.mut_args(described).mut_subcommands(document)
}

/// Returns the flags that have an effect on the command, and the values of the innermost command.
fn arguments<'a>(
    command: &'a Command,
    matches: &'a ArgMatches,
    is_offline: bool,
) -> (Vec<&'a Arg>, &'a ArgMatches) {
    let (mut command, mut matches) = (command, matches);
    let mut all: Vec<&Arg> = command.get_arguments().collect();
    while let Some((name, inner)) = matches.subcommand() {
        // `osm env` shows the settings of an installation.
        if name == "env" {
            let install = command.find_subcommand("install");
            all.extend(install.into_iter().flat_map(Command::get_arguments));
        }
        let Some(found) = command.find_subcommand(name) else {
            break;
        };
        (command, matches) = (found, inner);
        all.extend(command.get_arguments());
    }
    all.retain(|arg| !(is_offline && arg.is_global_set()));
    (all, matches)
}

/// Returns the value of a flag on the command line.
fn flag_value(matches: &ArgMatches, id: &str) -> Option<OsString> {
    let is_given = matches.ids().any(|known| known.as_str() == id)
        && matches.value_source(id) == Some(ValueSource::CommandLine);
    if !is_given {
        return None;
    }
    matches.get_raw(id)?.next().map(OsStr::to_owned)
}

/// Checks a value as the flag would.
///
/// # Errors
/// Why the value is not valid.
fn check(arg: &Arg, value: &OsStr) -> Result<(), String> {
    let mut flag = OsString::from(format!("--{}=", arg.get_long().unwrap_or_default()));
    flag.push(value);
    let alone = Command::new("osm").no_binary_name(true).arg(arg.clone());
    match alone.try_get_matches_from([flag]) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::InvalidUtf8 => Err("it is not UTF-8".to_owned()),
        Err(error) => Err(error
            .source()
            .map_or_else(|| error.kind().to_string(), ToString::to_string)),
    }
}

fn invalid(setting: &Setting, value: &OsStr, origin: &Origin, reason: &str) -> String {
    let (place, name) = match origin {
        Origin::File(place) => (format!("{place}: "), NAMESPACE_KEY),
        _ => (String::new(), setting.variable),
    };
    format!(
        "{place}invalid value '{}' for {name} ({}): {reason}",
        value.display(),
        setting.flag()
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn settings(line: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let command = super::super::command();
        let words = line.split_whitespace();
        let matches = command.clone().try_get_matches_from(words).unwrap();
        let environment = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Settings::read(&command, &matches, false, &environment)
    }

    #[test]
    fn every_setting_is_a_flag_of_a_command_and_stands_in_its_help() {
        fn find<'c>(command: &'c Command, id: &str) -> Option<&'c Arg> {
            let mut own = command.get_arguments();
            own.find(|arg| arg.get_id() == id)
                .or_else(|| command.get_subcommands().find_map(|inner| find(inner, id)))
        }
        let command = super::super::documented_command();
        let mut count = 0;
        for setting in &SETTINGS {
            let Some(arg) = find(&command, setting.id) else {
                continue;
            };
            count += 1;
            assert_eq!(arg.get_long(), Some(setting.flag_name().as_str()));
            let help = arg.get_help().unwrap().to_string();
            let variable = format!(" [env: {}=]", setting.variable);
            assert!(help.ends_with(&variable), "{help}");
        }
        // Without the feature `cluster`, the flags of a cluster do not exist.
        let expected = match cfg!(feature = "cluster") {
            true => SETTINGS.len(),
            false => 4,
        };
        assert_eq!(count, expected);
        for (_, id) in UNREAD {
            let arg = find(&command, id).unwrap();
            assert!(
                !arg.get_help().unwrap().to_string().contains("[env"),
                "{id}"
            );
        }
    }

    #[test]
    fn a_flag_hides_an_invalid_variable() {
        let invalid = [("OSM_NAMESPACE", "Mesh")];
        let error = settings("osm install", &invalid).unwrap_err();
        assert!(error.starts_with("invalid value 'Mesh' for OSM_NAMESPACE (--osm-namespace): "));
        for line in [
            "osm install --osm-namespace mesh",
            "osm --osm-namespace mesh install",
        ] {
            let settings = settings(line, &invalid).unwrap();
            assert!(!settings.has_defaults(), "{line}");
            assert!(settings.chooses_namespace, "{line}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_variable_that_is_not_utf8_is_named() {
        use std::os::unix::ffi::OsStringExt as _;
        let command = super::super::command();
        let matches = command
            .clone()
            .try_get_matches_from(["osm", "install"])
            .unwrap();
        let environment =
            |name: &str| (name == "OSM_MESH_NAME").then(|| OsString::from_vec(vec![b'a', 0xff]));
        let error = Settings::read(&command, &matches, false, &environment).unwrap_err();
        assert!(
            error.ends_with("for OSM_MESH_NAME (--mesh-name): it is not UTF-8"),
            "{error}"
        );
    }

    #[test]
    #[cfg(feature = "cluster")]
    fn the_name_of_the_mesh_does_not_filter_the_list_of_namespaces() {
        let variables = [("OSM_MESH_NAME", "blue")];
        for (line, is_set) in [
            ("osm namespace add shop", true),
            ("osm ns remove shop", true),
            ("osm namespace list", false),
            ("osm namespace ignore shop", false),
            ("osm mesh list", false),
        ] {
            assert_eq!(
                settings(line, &variables).unwrap().has_defaults(),
                is_set,
                "{line}"
            );
        }
    }
}
