//! `osm images list`: the images that an installation would use.

use clap::{Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::Global;
use super::exit::{Done, Failure};
use super::output::{Printer, table};
use super::value_args::{ImageArgs, ValueArgs};
use crate::mesh::images::{Pins, ResolvedImage};
use crate::mesh::{Plan, Request};
use helm_chart::values::{insert, lookup};
use helm_chart::{json, yaml};

/// List the images of an installation
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
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm images list --release v1.2.3
  osm images list -o json --image-registry registry.example.com/mesh
  osm images list -o helm-values > pins.yaml         # for helm install -f pins.yaml")]
struct List {
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
    #[command(flatten)]
    values: ValueArgs,
    #[command(flatten)]
    images: ImageArgs,
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
        }
    }
}

impl List {
    fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let plan = Plan::for_any_release(&Request {
            namespace: global.osm_namespace.clone(),
            release: self.images.release.clone(),
            values: self.values.0.clone(),
            overrides: self.images.overrides().map_err(Failure::Input)?,
            ..Request::default()
        })?;
        let images = plan.images()?;
        let pins = plan.pins.unwrap_or_else(Pins::default_channel);
        let text = match self.output {
            Output::Table => as_table(&images),
            Output::Json => json::pretty(&as_data(&pins, &images)) + "\n",
            Output::Yaml => yaml::to_yaml(&as_data(&pins, &images)),
            Output::Toml => as_toml(&pins, &images),
            Output::HelmValues => yaml::to_yaml(&Value::Object(as_helm_values(&plan, &images))),
            Output::Kustomize => yaml::to_yaml(&as_kustomize(&plan, &pins, &images)),
        };
        printer.data(&text)?;
        Ok(())
    }
}

fn as_table(images: &[ResolvedImage]) -> String {
    let rows: Vec<Vec<String>> = images
        .iter()
        .map(|image| {
            let pinned = if image.pinned { "yes" } else { "no" };
            vec![
                image.component.clone(),
                image.reference.to_string(),
                pinned.to_owned(),
                image.origin.clone(),
            ]
        })
        .collect();
    table(&["COMPONENT", "IMAGE", "PINNED", "ORIGIN"], &rows)
}

fn as_data(pins: &Pins, images: &[ResolvedImage]) -> Value {
    json!({"release": pins.name(), "images": images})
}

fn as_toml(pins: &Pins, images: &[ResolvedImage]) -> String {
    // JSON's texts are TOML's basic strings (TOML 1.0, "String").
    let text = |s: &str| Value::from(s).to_string();
    let mut out = format!("release = {}\n", text(pins.name()));
    for image in images {
        out.push_str("\n[[images]]\n");
        for (key, value) in [
            ("component", text(&image.component)),
            ("key", text(&image.key)),
            ("reference", text(&image.reference.to_string())),
            ("pinned", image.pinned.to_string()),
            ("origin", text(&image.origin)),
        ] {
            out.push_str(&format!("{key} = {value}\n"));
        }
    }
    out
}

/// What `-f` of a helm command on the mesh's chart needs to use these images.
fn as_helm_values(plan: &Plan, images: &[ResolvedImage]) -> Map<String, Value> {
    let mut values = Map::new();
    let mut copy = |path: &str| {
        if let Some(value) = lookup(&plan.values, path) {
            insert(&mut values, path, value.clone());
        }
    };
    copy("osm.image.registry");
    copy("osm.image.pullPolicy");
    copy("osm.image.name");
    copy("osm.fluentBit");
    // The third-party images that are switched off, too: whoever switches them on wants them pinned.
    for external in plan.pins.iter().flat_map(Pins::external) {
        copy(&format!("osm.{}", external.key));
    }
    for image in images {
        let is_component = crate::mesh::images::COMPONENTS
            .iter()
            .any(|c| c.key == image.key);
        match (
            is_component,
            image.reference.digest(),
            image.reference.tag(),
        ) {
            (true, Some(digest), _) => {
                let path = format!("osm.image.digest.{}", image.key);
                insert(&mut values, &path, digest.to_string().into());
            }
            (true, None, Some(tag)) => insert(&mut values, "osm.image.tag", tag.into()),
            _ => {}
        }
    }
    // Up to v0.11 the chart had its values under another name.
    let is_old = plan.pins.is_some_and(|pins| pins.name().starts_with("v0."));
    if let (true, Some(osm)) = (is_old, values.get("osm").cloned()) {
        return [("OpenServiceMesh".to_owned(), osm)].into_iter().collect();
    }
    values
}

/// The `images` field of a kustomization: what the chart names by default, and what it becomes.
fn as_kustomize(plan: &Plan, pins: &Pins, images: &[ResolvedImage]) -> Value {
    let fluent_bit = |key: &str| {
        let value = lookup(&plan.chart.values, &format!("osm.fluentBit.{key}"));
        value.and_then(Value::as_str).unwrap_or_default()
    };
    let entries = images.iter().map(|image| {
        let default = pins
            .components()
            .into_iter()
            .find(|(_, key)| *key == image.key);
        let name = match default {
            Some((component, _)) => format!("{}/{component}", pins.registry()),
            None if image.key == "fluentBit" => {
                format!("{}/{}", fluent_bit("registry"), fluent_bit("image"))
            }
            None => pins
                .external()
                .iter()
                .find(|external| external.key == image.key)
                .and_then(|e| e.reference.parse::<image_pins::Reference>().ok())
                .map_or_else(
                    || image.reference.name().to_owned(),
                    |r| r.name().to_owned(),
                ),
        };
        let mut entry = Map::new();
        if image.reference.name() != name {
            entry.insert("newName".to_owned(), image.reference.name().into());
        }
        entry.insert("name".to_owned(), name.into());
        match (image.reference.digest(), image.reference.tag()) {
            (Some(digest), _) => _ = entry.insert("digest".to_owned(), digest.to_string().into()),
            (None, Some(tag)) => _ = entry.insert("newTag".to_owned(), tag.into()),
            (None, None) => {}
        }
        Value::Object(entry)
    });
    json!({"images": entries.collect::<Vec<_>>()})
}
