//! `osm env`: the settings that other commands use.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::Global;
use super::exit::Done;
use super::output::Printer;
use helm_chart::{json, yaml};

/// Print the settings that other commands use
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
        let path = global.access.kubeconfig.as_ref();
        let path = path.map(|path| path.display().to_string());
        // Null means the default of kubectl.
        let data: Value = json!({"config": {
            "osm_namespace": global.osm_namespace,
            "kubeconfig": path.or_else(|| std::env::var("KUBECONFIG").ok()),
            "context": global.access.context,
        }});
        let text = match self.output {
            Output::Yaml => format!("---\n{}", yaml::to_yaml(&data)),
            Output::Json => json::pretty(&data) + "\n",
        };
        printer.data(&text)?;
        Ok(())
    }
}
