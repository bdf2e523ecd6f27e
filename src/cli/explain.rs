//! `osm explain`: what a value of the chart is, and what sets it.

use serde_json::{Value, json};

use super::exit::{Done, Failure};
use super::flag_names::setting_name;
use super::output::{FormatArg, Printer, table};
use crate::mesh::PlanError;
use crate::mesh::images::{GivenBy, Pins, Setting};
use crate::mesh::value_docs::{ValueDoc, ValueDocs};
use helm_chart::json::compact;

/// Explain a value of the chart
///
/// Prints the type, the default and the meaning of a value, and what sets it, the strongest first. Without VALUE, and for a
/// value that contains others, these are listed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm explain
  osm explain osm.image
  osm explain osm.certificateProvider.kind -o json")]
pub(super) struct Explain {
    /// Path of the value, such as osm.image.registry
    #[arg(value_name = "VALUE")]
    path: Option<String>,
    #[command(flatten)]
    output: FormatArg,
}

impl Explain {
    pub fn run(&self, printer: &mut Printer) -> Done {
        let docs = ValueDocs::read().map_err(PlanError::from)?;
        let path = self.path.as_deref().unwrap_or_default();
        let doc = (docs.find(path)).map_err(|error| Failure::Input(error.to_string()))?;
        let children = doc.children.iter().filter_map(|key| {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            docs.find(&path).ok()
        });
        let children: Vec<ValueDoc> = children.collect();
        let data = as_data(&doc, &children);
        printer.data(&self.output.format.text(&data, || as_text(&doc, &children)))?;
        Ok(())
    }
}

fn as_text(doc: &ValueDoc, children: &[ValueDoc]) -> String {
    let mut out = String::new();
    if !doc.path.is_empty() {
        out.push_str(&format!(
            "Value:    {}\nType:     {}\n",
            doc.path, doc.type_name
        ));
    }
    if children.is_empty() {
        let default = doc
            .default
            .as_ref()
            .map_or_else(|| "not set".to_owned(), compact);
        out.push_str(&format!("Default:  {default}\n"));
        if let Some(pinned) = doc
            .pinned
            .as_ref()
            .filter(|pinned| Some(*pinned) != doc.default.as_ref())
        {
            let name = Pins::default_channel().name();
            out.push_str(&format!("Pinned:   {} ({name})\n", compact(pinned)));
        }
        out.push_str(&format!("Set by:   {}\n", set_by(doc).join(", ")));
    }
    if let Some((meaning, of)) = &doc.meaning {
        let place = match *of == doc.path {
            true => String::new(),
            false => format!("{of}: "),
        };
        out.push_str(&format!("\n{place}{meaning}\n"));
    }
    if !children.is_empty() {
        let rows: Vec<Vec<String>> = children
            .iter()
            .map(|child| {
                let key = child.path.rsplit('.').next().unwrap_or_default();
                vec![key.to_owned(), child.type_name.clone(), child.summary()]
            })
            .collect();
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&table(&["KEY", "TYPE", "MEANING"], &rows));
    }
    out
}

/// Names what sets a value, the strongest first.
fn set_by(doc: &ValueDoc) -> Vec<String> {
    let (given, ambient): (Vec<Setting>, _) = doc
        .settings
        .iter()
        .partition(|setting| setting.given_by() == GivenBy::CommandLine);
    let names = |settings: Vec<Setting>| settings.into_iter().map(|s| setting_name(s).to_owned());
    let values = ["--set", "-f"].map(str::to_owned);
    let mut all: Vec<String> = names(given).chain(values).chain(names(ambient)).collect();
    if doc.pinned.is_some() {
        all.push(format!("compiled-in {}", Pins::default_channel().name()));
    }
    all.push("chart default".to_owned());
    all
}

fn as_data(doc: &ValueDoc, children: &[ValueDoc]) -> Value {
    let inner: Vec<Value> = children.iter().map(|child| as_data(child, &[])).collect();
    let mut data = json!({
        "value": doc.path,
        "type": doc.type_name,
        "default": doc.default,
        "meaning": doc.meaning.as_ref().map(|(meaning, _)| meaning),
        "setBy": set_by(doc),
    });
    if let Some(pinned) = &doc.pinned {
        data["pinned"] = pinned.clone();
    }
    if !inner.is_empty() {
        data["values"] = inner.into();
    }
    data
}
