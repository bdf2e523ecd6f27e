//! `osm images`: `list` shows the images that an installation would use.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Global;
use super::exit::Done;
use super::flag_names::origin_name;
use super::output::{Printer, table};
use super::value_args::{ImageArgs, ValueArgs, image_list};
use crate::ops::ImageList;
use helm_chart::{json, yaml};

/// List, explain, check and copy the images of an installation
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(super) struct Images {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the images that an installation with these flags would use
    List(List),
    Explain(super::images_explain::Explain),
    #[cfg(feature = "cluster")]
    Verify(super::images_verify::Verify),
    #[cfg(feature = "cluster")]
    Mirror(super::images_mirror::Mirror),
    #[cfg(feature = "cluster")]
    Save(super::images_save::Save),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm images list --release v1.2.3
  osm images list -o json --image-registry registry.example.com/mesh
  osm images list -o helm-values > pins.yaml         # for helm install -f pins.yaml")]
struct List {
    #[command(flatten)]
    images: ImageArgs,
    #[command(flatten)]
    values: ValueArgs,
    /// Output format
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "table",
        help_heading = "Output"
    )]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Columns
    Table,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// TOML
    Toml,
    /// Values file for the Helm chart of the mesh
    HelmValues,
    /// The images field of a kustomization; it does not reach images in environment variables
    Kustomize,
}

impl Images {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        match &self.command {
            Command::List(list) => list.run(global, printer),
            Command::Explain(explain) => explain.run(global, printer),
            #[cfg(feature = "cluster")]
            Command::Verify(verify) => verify.run(global, printer),
            #[cfg(feature = "cluster")]
            Command::Mirror(mirror) => mirror.run(global, printer),
            #[cfg(feature = "cluster")]
            Command::Save(save) => save.run(global, printer),
        }
    }
}

impl List {
    fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let list = image_list(&global.osm_namespace, &self.images, &self.values)?;
        let text = match self.output {
            Output::Table => as_table(&list),
            Output::Json => json::pretty(&as_data(&list)) + "\n",
            Output::Yaml => yaml::to_yaml(&as_data(&list)),
            Output::Toml => as_toml(&list),
            Output::HelmValues => yaml::to_yaml(&Value::Object(list.to_helm_values())),
            Output::Kustomize => yaml::to_yaml(&list.to_kustomization()),
        };
        printer.data(&text)?;
        Ok(())
    }
}

fn as_table(list: &ImageList) -> String {
    let rows: Vec<Vec<String>> = list
        .images
        .iter()
        .map(|image| {
            let pinned = if image.reference.is_pinned() {
                "yes"
            } else {
                "no"
            };
            vec![
                image.component.clone(),
                image.reference.to_string(),
                pinned.to_owned(),
                origin_name(image),
            ]
        })
        .collect();
    table(&["COMPONENT", "IMAGE", "PINNED", "ORIGIN"], &rows)
}

fn as_data(list: &ImageList) -> Value {
    let images = list.images.iter().map(|image| {
        json!({
            "component": image.component,
            "key": image.key,
            "reference": image.reference.to_string(),
            "pinned": image.reference.is_pinned(),
            "origin": origin_name(image),
        })
    });
    json!({"release": list.release(), "images": images.collect::<Vec<_>>()})
}

fn as_toml(list: &ImageList) -> String {
    // A JSON string is a basic string of TOML (TOML 1.0, "String").
    let text = |s: &str| Value::from(s).to_string();
    let mut out = format!("release = {}\n", text(list.release()));
    for image in &list.images {
        out.push_str("\n[[images]]\n");
        for (key, value) in [
            ("component", text(&image.component)),
            ("key", text(&image.key)),
            ("reference", text(&image.reference.to_string())),
            ("pinned", image.reference.is_pinned().to_string()),
            ("origin", text(&origin_name(image))),
        ] {
            out.push_str(&format!("{key} = {value}\n"));
        }
    }
    out
}
