//! A chart in constants: a build script writes it as Rust, and the program has it without reading YAML.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::de::DeserializeOwned;

use super::chart::Chart;
use super::error::ChartError;
use super::schema::Schema;

/// A chart that is compiled into a program.
///
/// A build script loads and checks the chart, and writes [`Chart::to_source`] to a file in `OUT_DIR`:
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let chart = helm_chart::Chart::load("charts/web")?;
/// chart.parse_templates()?;
/// let out = std::env::var("OUT_DIR")?;
/// std::fs::write(format!("{out}/chart.rs"), chart.to_source())?;
/// # Ok(()) }
/// ```
///
/// The program includes it:
///
/// ```text
/// const CHART: helm_chart::EmbeddedChart = include!(concat!(env!("OUT_DIR"), "/chart.rs"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedChart {
    /// The metadata, as JSON.
    pub metadata: &'static str,
    /// The default values, as JSON.
    pub values: &'static str,
    /// The text of `values.schema.json`.
    pub schema: Option<&'static str>,
    /// The files under `templates/`, by their path inside the chart.
    pub templates: &'static [(&'static str, &'static str)],
    /// All other files.
    pub files: &'static [(&'static str, &'static [u8])],
    /// The charts under `charts/`.
    pub dependencies: &'static [EmbeddedChart],
}

impl EmbeddedChart {
    /// Returns the chart. Files are not copied.
    ///
    /// # Errors
    /// [`ChartError::File`] if the metadata or the values are not what [`Chart::to_source`] writes.
    pub fn load(&self) -> Result<Chart, ChartError> {
        let files = self.files.iter();
        let dependencies = self.dependencies.iter().map(EmbeddedChart::load);
        Ok(Chart {
            metadata: parse("metadata", self.metadata)?,
            values: parse("values", self.values)?,
            schema: self.schema.map(Schema::new),
            templates: (self.templates.iter())
                .map(|(name, text)| ((*name).to_owned(), Cow::Borrowed(*text)))
                .collect(),
            files: files
                .map(|(name, bytes)| ((*name).to_owned(), Cow::Borrowed(*bytes)))
                .collect(),
            dependencies: dependencies.collect::<Result<_, _>>()?,
        })
    }
}

fn parse<T: DeserializeOwned>(part: &str, json: &str) -> Result<T, ChartError> {
    serde_json::from_str(json)
        .map_err(|e| ChartError::file("embedded chart", format!("{part}: {e}")))
}

impl Chart {
    /// Returns the chart as Rust source: an expression of the type [`EmbeddedChart`]. The same chart always has the same
    /// source.
    pub fn to_source(&self) -> String {
        let mut source = String::new();
        self.write_source(&mut source);
        source.push('\n');
        source
    }

    fn write_source(&self, out: &mut String) {
        let metadata = serde_json::to_string(&self.metadata).unwrap_or_default();
        let values = serde_json::to_string(&self.values).unwrap_or_default();
        let schema = self.schema.as_ref().map(Schema::text);
        let _ = write!(
            out,
            "::helm_chart::EmbeddedChart {{\n    metadata: {metadata:?},\n    values: {values:?},\n    \
             schema: {schema:?},\n    templates: &["
        );
        for (name, text) in &self.templates {
            let _ = write!(out, "\n        ({name:?}, {text:?}),");
        }
        out.push_str("\n    ],\n    files: &[");
        for (name, bytes) in &self.files {
            let _ = write!(out, "\n        ({name:?}, b\"{}\"),", bytes.escape_ascii());
        }
        out.push_str("\n    ],\n    dependencies: &[");
        for chart in &self.dependencies {
            out.push('\n');
            chart.write_source(out);
            out.push(',');
        }
        out.push_str("\n    ],\n}");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A chart with a subchart, a file that is not text, and every kind of value.
    const FILES: [(&str, &[u8]); 7] = [
        (
            "Chart.yaml",
            b"{name: web, version: 1.0.0, dependencies: [{name: db, version: 1.0.0}]}",
        ),
        (
            "values.yaml",
            b"a: 1\nb: [x, null, 0.1, true]\nc: {d: \"\\\"\\u00e9\"}\n",
        ),
        ("values.schema.json", b"{\"required\": [\"a\"]}"),
        ("templates/a.yaml", b"{{ .Values.a }} \\ \"\n"),
        ("logo.png", &[0, 255, b'"', b'\\']),
        ("charts/db/Chart.yaml", b"{name: db, version: 1.0.0}"),
        ("charts/db/values.yaml", b"on: true"),
    ];

    /// What the source of a chart evaluates to.
    fn embed(chart: &Chart) -> EmbeddedChart {
        let leak = |text: String| -> &'static str { text.leak() };
        let templates = chart.templates.iter();
        let files = chart.files.iter();
        let embedded = chart.dependencies.iter().map(embed);
        EmbeddedChart {
            metadata: leak(serde_json::to_string(&chart.metadata).unwrap()),
            values: leak(serde_json::to_string(&chart.values).unwrap()),
            schema: chart
                .schema
                .as_ref()
                .map(|schema| leak(schema.text().to_owned())),
            templates: templates
                .map(|(name, text)| (leak(name.clone()), leak(text.to_string())))
                .collect::<Vec<_>>()
                .leak(),
            files: files
                .map(|(name, bytes)| (leak(name.clone()), &*bytes.to_vec().leak()))
                .collect::<Vec<_>>()
                .leak(),
            dependencies: embedded.collect::<Vec<_>>().leak(),
        }
    }

    #[test]
    fn an_embedded_chart_is_the_chart_that_was_written() {
        let chart = Chart::from_memory(FILES.to_vec().leak(), "web").unwrap();
        let loaded = embed(&chart).load().unwrap();
        assert_eq!(format!("{loaded:?}"), format!("{chart:?}"));
    }

    #[test]
    fn the_source_of_a_chart_has_every_part_of_it() {
        let chart = Chart::from_memory(FILES.to_vec().leak(), "web").unwrap();
        insta::assert_snapshot!(chart.to_source());
    }
}
