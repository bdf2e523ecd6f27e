//! `osm version`: of the command line, and what is compiled into it.

use clap::ValueEnum;
use serde_json::json;

use super::exit::Done;
use super::output::Printer;
use crate::images::{Pins, RELEASES};
use crate::json;

/// Show the version and what is compiled in
#[derive(Debug, clap::Args)]
pub(super) struct Version {
    /// Do not ask a cluster for its meshes.
    #[arg(long)]
    client_only: bool,
    /// How it is printed.
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "table"
    )]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Lines for people
    Table,
    /// A JSON object
    Json,
    /// The same as YAML
    Yaml,
}

impl Version {
    pub fn run(&self, printer: &mut Printer) -> Done {
        let pins = Pins::default_channel();
        let pinned = match pins {
            Pins::Release(release) => release.images.len(),
            Pins::Floating { .. } => 0,
        };
        let data = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "release": pins.name(),
            "registry": pins.registry(),
            "pins": pinned,
            "thirdPartyPins": pins.external().len(),
            "releases": RELEASES.iter().map(|r| r.name).collect::<Vec<_>>(),
        });
        let text = match self.output {
            Output::Json => json::pretty(&json!({"client": data})) + "\n",
            Output::Yaml => crate::yaml::to_yaml(&json!({"client": data})),
            Output::Table => format!(
                "osm {}\n\
                 Release:    {}\n\
                 Registry:   {}\n\
                 Pins:       {pinned} images of the mesh, {} of others\n\
                 Releases:   {} compiled in, {}\n",
                env!("CARGO_PKG_VERSION"),
                pins.name(),
                pins.registry(),
                pins.external().len(),
                RELEASES.len(),
                match (RELEASES.first(), RELEASES.last()) {
                    (Some(first), Some(last)) => format!("{} to {}", first.name, last.name),
                    _ => "none".to_owned(),
                },
            ),
        };
        let _ = self.client_only;
        printer.data(&text)?;
        Ok(())
    }
}
