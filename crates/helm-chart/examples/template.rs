//! `helm template` in a few lines: `cargo run -p helm-chart --example template -- CHART [NAME=VALUE…]`.

use std::error::Error;
use std::path::Path;

use helm_chart::set::{self, Mode};
use helm_chart::{Chart, DEFAULT_KUBE_VERSION, KubeVersion, Lookups, Target, render};
use serde_json::Map;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let chart = Chart::read(Path::new(&args.next().ok_or("give a chart")?))?;
    let mut values = Map::new();
    for assignments in args {
        set::assign(&assignments, Mode::Typed, &mut values)?;
    }
    let target = Target {
        release: "example".to_owned(),
        namespace: "default".to_owned(),
        revision: 1,
        is_upgrade: false,
        kube_version: KubeVersion::parse(DEFAULT_KUBE_VERSION)?,
        api_versions: Vec::new(),
        served: None,
        skip_schema_validation: false,
        lookups: Lookups::default(),
    };
    let mut out = String::new();
    for object in render(&chart, &values, &target)? {
        out.push_str(&format!(
            "---\n# Source: {}\n{}\n",
            object.source, object.manifest
        ));
    }
    std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes())?;
    Ok(())
}
