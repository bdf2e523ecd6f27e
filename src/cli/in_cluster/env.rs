//! `osm env`: the settings that the other commands work with.

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::cli::exit::Done;
use crate::cli::output::Printer;
use helm_chart::{json, yaml};

/// Show the settings of this command line
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Env {
    /// How they are printed.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "yaml")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A YAML document
    Yaml,
    /// The same as JSON
    Json,
}

impl Env {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let path = global.access.kubeconfig.as_ref();
        let path = path.map(|path| path.display().to_string());
        // Where neither says it, it is null: kubectl's own default holds.
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
