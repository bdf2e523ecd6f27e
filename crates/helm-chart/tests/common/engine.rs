//! Helm's engine in one process (`tests/tools/helm/engine`): renders thousands of expressions in seconds.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use helm_chart::{Chart, Target};
use serde_json::{Map, Value, json};

/// The output of an expression, or its error.
pub type Rendered = Result<String, String>;

/// What the expressions see: a values file, and the content of `templates/_partials.tpl`.
#[derive(Clone, Copy)]
pub struct Setting<'s> {
    pub values: &'s str,
    pub partials: &'s str,
}

const CHART: &str = "{apiVersion: v2, name: functions, version: 1.2.3, appVersion: '4.5'}";

/// Renders each expression as a template of its own with Helm's engine, which `cargo xtask test` provides.
pub fn render_with_helm(setting: Setting<'_>, expressions: &[String]) -> Vec<Rendered> {
    let engine = std::env::var_os("OSM_TEST_HELM_ENGINE")
        .expect("OSM_TEST_HELM_ENGINE names the engine to compare with: run `cargo xtask test`");
    let mut process = Command::new(engine)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .env_clear()
        .envs(std::env::var_os("TZ").map(|zone| ("TZ", zone)))
        .spawn()
        .unwrap();
    let asked = json!({
        "values": setting.values, "partials": setting.partials, "expressions": expressions,
    });
    let mut stdin = process.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(asked.to_string().as_bytes()).unwrap());
    let done = process.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(done.status.success(), "the engine failed");
    let results: Vec<Value> = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(results.len(), expressions.len());
    results.iter().map(result).collect()
}

fn result(result: &Value) -> Rendered {
    match result["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => {
            let output = result["output"].as_str().unwrap_or_default();
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(output)
                .unwrap();
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
    }
}

/// Renders each expression as a template of its own with the library: as `NOTES.txt`, which can contain anything.
pub fn render_with_library(setting: Setting<'_>, expressions: &[String]) -> Vec<Rendered> {
    let leak = |text: &str| -> &'static [u8] { text.to_owned().leak().as_bytes() };
    let common = [
        ("Chart.yaml", leak(CHART)),
        ("values.yaml", leak(setting.values)),
        ("templates/_partials.tpl", leak(setting.partials)),
    ];
    let target = Target {
        release: "rel".to_owned(),
        namespace: "rel-system".to_owned(),
        ..Target::default()
    };
    let render = |expression: &String| {
        let mut files = common.to_vec();
        files.push(("templates/NOTES.txt", leak(expression)));
        let chart = Chart::from_memory(files.leak(), "functions").map_err(|e| e.to_string())?;
        let rendered = chart.render_release(&Map::new(), &target);
        Ok(rendered.map_err(|e| e.to_string())?.notes)
    };
    expressions.iter().map(render).collect()
}
