//! `osm env`: the settings that other commands use.

use std::ffi::OsString;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::Global;
use super::config_file::NAMESPACE_KEY;
use super::exit::Done;
use super::output::Printer;
use super::settings::{self, Entry, Origin, Settings};
use crate::mesh::images::Pins;
use crate::mesh::names::DEFAULT_MESH_NAME;
use crate::mesh::values::{IMAGE_PULL_POLICY, Root};
use helm_chart::{json, yaml};

/// Print the settings that other commands use
///
/// Prints the value and the source of each setting: a flag, an environment variable, the configuration file, or the
/// default. A flag overrides a variable, and a variable overrides the file. The configuration file is ~/.osm/config.yaml,
/// or the file that the variable OSM_CONFIG names.
///
/// No variable replaces pinned images: tags, digests and other charts must be on the command line or in a values file.
// This text is the help, which has no markup.
#[allow(clippy::doc_markdown)]
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm env
  osm env --context staging -o json")]
pub(super) struct Env {
    /// Output format
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "yaml",
        help_heading = "Output"
    )]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Yaml,
    Json,
}

impl Env {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let settings = Settings::current();
        let (kubeconfig, source) = kubeconfig(global);
        let mut all: Map<String, Value> = settings.entries.iter().map(shown).collect();
        all.insert(
            "kubeconfig".to_owned(),
            json!({"value": kubeconfig, "source": source}),
        );
        let file = &settings.file;
        // `config` and `install` have the keys of released versions. Null means the default of kubectl.
        let data = json!({
            "config": {
                "osm_namespace": global.osm_namespace,
                "kubeconfig": kubeconfig,
                "context": global.access.context,
            },
            "install": {
                "kind": file.kind.as_ref().map(|kind| kind.value).unwrap_or_default().name(),
                "distribution": file.distribution.as_ref().map_or("", |text| text.value.as_str()),
                "namespace": global.osm_namespace,
            },
            "settings": all,
        });
        let text = match self.output {
            Output::Yaml => format!("---\n{}", yaml::to_yaml(&data)),
            Output::Json => json::pretty(&data) + "\n",
        };
        printer.data(&text)?;
        Ok(())
    }
}

/// Returns the path of the kubeconfig, if one is named, and where it is from.
fn kubeconfig(global: &Global) -> (Option<String>, String) {
    if let Some(path) = &global.access.kubeconfig {
        return (
            Some(path.display().to_string()),
            "flag --kubeconfig".to_owned(),
        );
    }
    let variable = std::env::var_os("KUBECONFIG").filter(|paths| !paths.is_empty());
    match variable {
        Some(paths) => (
            Some(paths.to_string_lossy().into_owned()),
            "environment KUBECONFIG".to_owned(),
        ),
        None => (None, "default".to_owned()),
    }
}

/// Returns the name of a flag, and its value with its source.
fn shown(entry: &Entry) -> (String, Value) {
    let setting = entry.setting;
    let source = match &entry.origin {
        Origin::Flag => format!("flag {}", setting.flag()),
        Origin::Variable => format!("environment {}", setting.variable),
        Origin::File(place) => format!("file {place} ({NAMESPACE_KEY})"),
        Origin::Default => "default".to_owned(),
    };
    let text = |value: &OsString| value.to_string_lossy().into_owned();
    let value = entry.value.as_ref().map(text).or_else(|| default(entry));
    (
        setting.flag_name(),
        json!({"value": value, "source": source}),
    )
}

/// Returns what an installation uses if a flag without a default is not given.
fn default(entry: &Entry) -> Option<String> {
    let pins = Pins::default_channel();
    match *entry.setting {
        settings::MESH_NAME => Some(DEFAULT_MESH_NAME.to_owned()),
        settings::IMAGE_REGISTRY => Some(pins.registry().to_owned()),
        settings::IMAGE_PULL_POLICY => Some(IMAGE_PULL_POLICY.text(Root::Osm, &pins.to_values())),
        _ => None,
    }
}
