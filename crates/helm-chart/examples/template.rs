//! `helm template` in a few lines: `cargo run -p helm-chart --example template -- CHART [NAME=VALUE…]`.

use std::error::Error;
use std::io::Write;

use helm_chart::set::{self, Mode};
use helm_chart::{Chart, Target};
use serde_json::Map;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let chart = Chart::load(args.next().ok_or("usage: template CHART [NAME=VALUE…]")?)?;
    let mut values = Map::new();
    for assignments in args {
        set::assign(&assignments, Mode::Typed, &mut values)?;
    }
    let mut out = String::new();
    for object in chart.render(&values, &Target::default())? {
        out.push_str(&format!(
            "---\n# Source: {}\n{}\n",
            object.source, object.manifest
        ));
    }
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(())
}
