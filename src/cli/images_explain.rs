//! `osm images explain`: where the reference of an image is from.

use serde_json::{Value, json};

use super::Global;
use super::exit::{Done, Failure};
use super::flag_names::source_name;
use super::output::{FormatArg, Printer, table};
use super::value_args::{ImageArgs, ValueArgs, image_list};
use crate::ops::{Effect, ImageOrigin, NoImage, Step};

/// Explain where the reference of an image is from
///
/// Lists every value that the reference is made of: what is compiled in, what the chart and these flags set, and which of
/// them count. The sources of a value stand one below the other, the strongest last.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm images explain osm-controller
  osm images explain osm-controller --image-registry registry.example.com/mesh
  osm images explain fluent-bit --set osm.enableFluentbit=true -o json")]
pub(super) struct Explain {
    /// Component, such as osm-controller, or its key in the values
    #[arg(value_name = "COMPONENT")]
    component: String,
    #[command(flatten)]
    images: ImageArgs,
    #[command(flatten)]
    values: ValueArgs,
    #[command(flatten)]
    output: FormatArg,
}

impl Explain {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let list = image_list(&global.osm_namespace, &self.images, &self.values)?;
        let origin = list.origin(&self.component);
        let origin = origin.map_err(|error| {
            Failure::Input(match &error {
                NoImage::Unknown(_) => error.to_string(),
                NoImage::Unused { switch, .. } => format!("{error}: add --set {switch}=true"),
            })
        })?;
        let data = as_data(&origin, list.release());
        let format = self.output.format;
        printer.data(&format.text(&data, || as_table(&origin, list.release())))?;
        Ok(())
    }
}

fn as_table(origin: &ImageOrigin<'_>, release: &str) -> String {
    let image = origin.image;
    let mut out = format!("Component:  {}\n", image.component);
    out.push_str(&format!("Image:      {}\n", image.reference));
    let is_pinned = match image.reference.is_pinned() {
        true => "yes",
        false => "no: anyone who can push the tag controls what runs",
    };
    out.push_str(&format!("Pinned:     {is_pinned}\n"));
    match &origin.pin_file {
        Some(file) => out.push_str(&format!(
            "Release:    {release}, compiled in from {file}\n\n"
        )),
        None => out.push_str(&format!(
            "Channel:    {release}, without pins of the mesh's images\n\n"
        )),
    }
    let rows: Vec<Vec<String>> = origin.steps.iter().map(row).collect();
    out + &table(&["KEY", "VALUE", "SET BY", "EFFECT"], &rows)
}

fn row(step: &Step) -> Vec<String> {
    let value = match step.value.is_empty() {
        true => "-".to_owned(),
        false => step.value.clone(),
    };
    let (source, effect) = (source_name(&step.source), effect_name(step.effect));
    vec![step.path.clone(), value, source, effect.to_owned()]
}

fn effect_name(effect: Effect) -> &'static str {
    match effect {
        Effect::Used => "used",
        Effect::Overridden => "overridden",
        Effect::Replaced => "another key counts",
        Effect::NotSet => "not set",
    }
}

fn as_data(origin: &ImageOrigin<'_>, release: &str) -> Value {
    let steps = origin.steps.iter().map(|step| {
        json!({
            "key": step.path,
            "value": step.value,
            "setBy": source_name(&step.source),
            "effect": effect_name(step.effect),
        })
    });
    json!({
        "component": origin.image.component,
        "reference": origin.image.reference.to_string(),
        "pinned": origin.image.reference.is_pinned(),
        "release": release,
        "pinFile": origin.pin_file,
        "steps": steps.collect::<Vec<_>>(),
    })
}
