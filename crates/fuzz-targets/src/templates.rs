//! Templates: they are parsed, and run with a small limit of work.

use std::borrow::Cow;

use helm_chart::yaml::{self, Numbers};
use helm_chart::{Chart, ChartError, Metadata, RenderedChart, Target};
use serde_json::{Map, Value};

use crate::sections::sections;
use crate::text::assert_in;

/// The file that an input begins with.
const FIRST: &str = "templates/first.yaml";

/// Renders a chart whose files are the sections of an input.
///
/// # Panics
/// The same chart renders to something else when it is rendered again, a template is refused that was run, or an error
/// points outside of its template.
pub fn templates(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some(chart) = chart(text) else { return };
    let parsed = chart.parse_templates();
    let rendered = render(&chart);
    assert_eq!(rendered, render(&chart));
    if let Err(error) = &parsed {
        check(&chart, error);
        assert!(rendered.is_err(), "{error}");
    }
}

fn chart(text: &str) -> Option<Chart> {
    let mut chart = Chart {
        metadata: Metadata {
            name: "web".to_owned(),
            version: "1.2.3".to_owned(),
            ..Metadata::default()
        },
        ..Chart::default()
    };
    for (name, content) in sections(text, FIRST) {
        if name == "values.yaml" {
            if let Value::Object(values) = yaml::parse(content, Numbers::Floats).ok()? {
                chart.values = values;
            }
        } else if name.starts_with("templates/") {
            let content = Cow::Owned(content.to_owned());
            // Of two files with one path the last one counts, as in an archive.
            chart.templates.retain(|(other, _)| other != name);
            chart.templates.push((name.to_owned(), content));
        } else {
            let content = Cow::Owned(content.as_bytes().to_owned());
            chart.files.push((name.to_owned(), content));
        }
    }
    Some(chart)
}

/// Returns the objects and the notes, or the message.
fn render(chart: &Chart) -> Result<String, String> {
    let rendered = chart.render_release(&Map::new(), &Target::default());
    match rendered {
        Ok(RenderedChart { objects, notes }) => Ok(format!("{objects:?}{notes:?}")),
        Err(error) => {
            check(chart, &error);
            Err(error.to_string())
        }
    }
}

fn check(chart: &Chart, error: &ChartError) {
    let ChartError::Template(fault) = error else {
        return;
    };
    let at = &fault.at;
    let mut named = (chart.templates.iter()).filter(|(name, _)| at.file == format!("web/{name}"));
    // Text that `tpl` runs has no file.
    if let Some((_, text)) = named.next() {
        assert_in_bytes(text, at.line, at.column, error);
    }
}

/// As [`assert_in`], for columns in bytes.
fn assert_in_bytes(text: &str, line: usize, column: usize, error: &ChartError) {
    let text: String = text.bytes().map(char::from).collect();
    assert_in(&text, line, column, error);
}
