//! The chart that is compiled in: `charts/osm` as it was when the binary was built.

use helm_chart::{Chart, ChartError, EmbeddedChart};

/// The name of the chart.
pub const CHART_NAME: &str = "osm";

const CHART: EmbeddedChart = include!(concat!(env!("OUT_DIR"), "/chart.rs"));

/// Returns the compiled-in chart.
///
/// # Errors
/// Never: the build has checked the chart.
pub fn chart() -> Result<Chart, ChartError> {
    CHART.load()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_chart_is_the_one_of_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/osm");
        let read = Chart::load(folder).unwrap();
        let embedded = chart().unwrap();
        assert_eq!(read.templates, embedded.templates);
        assert_eq!(read.files, embedded.files);
        assert_eq!(read.values, embedded.values);
        assert_eq!(read.schema, embedded.schema);
        assert_eq!(read.metadata, embedded.metadata);
    }
}
