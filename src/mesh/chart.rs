//! The chart that is compiled in: `charts/osm` as it was when the binary was built.

use helm_chart::{Chart, ChartError};

/// The name of the chart.
pub const CHART_NAME: &str = "osm";

/// The chart's files by their path inside the chart.
pub const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/chart.rs"));

/// The compiled-in chart.
///
/// # Errors
/// None for a binary whose tests passed.
pub fn chart() -> Result<Chart, ChartError> {
    Chart::from_memory(FILES, "charts/osm")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_chart_is_the_one_of_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/osm");
        let mut read = Chart::load(folder).unwrap();
        let embedded = chart().unwrap();
        read.files.retain(|(name, _)| name != ".helmignore");
        assert_eq!(read.templates, embedded.templates);
        assert_eq!(read.files, embedded.files);
        assert_eq!(read.values, embedded.values);
        assert_eq!(read.schema, embedded.schema);
        assert_eq!(read.metadata, embedded.metadata);
    }
}
