//! Every function and action of templates, compared with the real helm: `functions/expressions.txt` renders to the same
//! with both, `functions/refused.txt` is refused by both.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use helm_chart::{Chart, ChartError, Target};
use serde_json::Map;

use crate::common::{data, helm_template, render, scratch};

/// What the expressions include.
const PARTIALS: &str = "\
{{ define \"hello\" }}hello {{ if . }}{{ .Release.Name }}{{ end }}{{ end }}
{{ define \"nothing\" }}{{ .Values.none }}{{ end }}
";

fn lines(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(data("functions").join(file)).unwrap();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(ToOwned::to_owned)
        .collect()
}

/// A chart with one template.
fn chart(folder: &Path, template: &str) -> String {
    std::fs::create_dir_all(folder.join("templates")).unwrap();
    for name in ["Chart.yaml", "values.yaml"] {
        std::fs::copy(data("functions").join(name), folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("templates/_partials.tpl"), PARTIALS).unwrap();
    std::fs::write(folder.join("templates/t.yaml"), template).unwrap();
    folder.display().to_string()
}

/// A template that renders all cases, in base64, so that no byte of their output is lost.
fn template<'c>(cases: impl Iterator<Item = (usize, &'c String)>) -> String {
    let mut out = String::from("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cases}\ndata:\n");
    for (i, case) in cases {
        let _ = write!(
            out,
            "{{{{- define \"case.{i}\" }}}}{case}{{{{ end }}}}\n  \"case {i}\": {{{{ include \"case.{i}\" . | b64enc | quote }}}}\n"
        );
    }
    out
}

/// The output of each case by its number, or the error of the rendering.
type Results = Result<BTreeMap<usize, String>, String>;

fn with_helm(chart: &str) -> Results {
    let output = helm_template::<&str>(chart, &[]);
    match output.code {
        0 => Ok(decoded(&output.stdout)),
        _ => Err(output.stderr),
    }
}

fn with_library(chart: &str) -> Results {
    let objects = render::<&str>(chart, &[]).map_err(|error| error.to_string())?;
    let texts: Vec<&str> = objects.iter().map(|o| o.manifest.as_str()).collect();
    Ok(decoded(&texts.join("\n")))
}

/// The strings in the output, by the number of their case.
fn decoded(output: &str) -> BTreeMap<usize, String> {
    let entry = |line: &str| {
        let (number, text) = line
            .trim()
            .strip_prefix("case ")
            .or_else(|| line.trim().strip_prefix("\"case "))?
            .split_once(':')?;
        let number = number.trim_end_matches('"').parse().ok()?;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text.trim().trim_matches('"'))
            .unwrap();
        Some((number, String::from_utf8_lossy(&bytes).into_owned()))
    };
    output.lines().filter_map(entry).collect()
}

/// The output of each case. If one of them fails, each is rendered alone, to find out which.
fn all_results(
    cases: &[String],
    folder: &Path,
    run: fn(&str) -> Results,
) -> BTreeMap<usize, String> {
    let whole = chart(&folder.join("all"), &template(cases.iter().enumerate()));
    if let Ok(results) = run(&whole) {
        return results;
    }
    let one = |(i, case)| {
        let path = folder.join(format!("case-{i}"));
        let alone = chart(&path, &template(std::iter::once((i, case))));
        run(&alone).unwrap_or_else(|error| BTreeMap::from([(i, format!("FAILED: {error}"))]))
    };
    cases.iter().enumerate().flat_map(one).collect()
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn expressions_render_as_with_helm() {
    let cases = lines("expressions.txt");
    assert!(cases.len() >= 250, "only {} expressions", cases.len());
    let folder = scratch("functions");
    let helm = all_results(&cases, &folder.join("helm"), with_helm);
    let own = all_results(&cases, &folder.join("library"), with_library);
    let mut wrong = String::new();
    for (i, case) in cases.iter().enumerate() {
        let (helm, own) = (&helm[&i], &own[&i]);
        if helm != own || helm.starts_with("FAILED: ") {
            let _ = writeln!(wrong, "{case}\n  helm {helm:?}\n  own  {own:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn templates_that_helm_refuses_are_refused_with_their_position() {
    let folder = scratch("functions-refused");
    let cases = lines("refused.txt");
    assert!(cases.len() >= 100, "only {} templates", cases.len());
    for (i, case) in cases.iter().enumerate() {
        let chart = chart(&folder.join(i.to_string()), &format!("# one\n{case}\n"));
        assert!(with_helm(&chart).is_err(), "helm accepts {case}");
        let error = with_library(&chart).expect_err(case);
        assert!(
            error.contains("functions/templates/t.yaml:2:"),
            "{case}: {error}"
        );
    }
}

/// Functions that generate keys. They are refused: see docs/differences.md.
const KEYS: [&str; 8] = [
    "{{ genPrivateKey \"rsa\" }}",
    "{{ buildCustomCert \"a\" \"b\" }}",
    "{{ genCA \"a\" 365 }}",
    "{{ genCAWithKey \"a\" 365 \"b\" }}",
    "{{ genSelfSignedCert \"a\" nil nil 365 }}",
    "{{ genSelfSignedCertWithKey \"a\" nil nil 365 \"b\" }}",
    "{{ genSignedCert \"a\" nil nil 365 .Values.map }}",
    "{{ genSignedCertWithKey \"a\" nil nil 365 .Values.map \"b\" }}",
];

/// Runs one template of a chart with the library.
fn run(folder: &Path, template: &str, allow_random: bool) -> Result<String, ChartError> {
    let path = chart(folder, "");
    std::fs::write(Path::new(&path).join("templates/NOTES.txt"), template).unwrap();
    let target = Target {
        allow_random,
        ..Target::default()
    };
    let rendered = Chart::load(path)?.render_release(&Map::new(), &target)?;
    Ok(rendered.notes)
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn functions_that_draw_at_random_or_ask_the_clock_run_as_with_helm() {
    let folder = scratch("functions-random");
    let cases = lines("random.txt");
    let helm = all_results(&cases, &folder.join("helm"), with_helm);
    for (i, case) in cases.iter().enumerate() {
        let own = run(&folder.join(i.to_string()), case, true);
        assert_eq!(
            own.map_err(|e| e.to_string()).as_ref(),
            Ok(&helm[&i]),
            "{case}"
        );
    }
}

#[test]
fn functions_that_differ_on_each_call_are_refused_where_they_run() {
    let folder = scratch("functions-not-run");
    let cases = lines("random.txt");
    assert!(cases.len() >= 10);
    for (i, case) in cases.iter().enumerate() {
        let error = run(&folder.join(i.to_string()), &format!("one\n{case}"), false).unwrap_err();
        let ChartError::Template(fault) = error else {
            panic!("{case}: {error}");
        };
        let function = fault.random_function.expect(case);
        assert!(case.contains(function), "{case}: {function}");
        assert_eq!(fault.at.line, 2, "{case}");
    }
    // What is only named does not run.
    let unused =
        "{{ if false }}{{ now }}{{ end }}{{ .Values.text | default (and false (randAlphaNum 5)) }}";
    assert_eq!(
        run(&folder.join("unused"), unused, false).unwrap(),
        "Hello World"
    );
}

#[test]
fn functions_that_generate_keys_are_refused_by_name_where_they_run() {
    let folder = scratch("functions-keys");
    for (i, case) in KEYS.iter().enumerate() {
        let error = run(&folder.join(i.to_string()), &format!("one\n {case}"), true).unwrap_err();
        let error = error.to_string();
        let name = case.split(' ').nth(1).unwrap();
        assert!(
            error.contains(&format!("NOTES.txt:2:5: {name}: ")),
            "{error}"
        );
        let unused = format!("{{{{ if false }}}}{case}{{{{ end }}}}");
        assert_eq!(
            run(&folder.join(format!("unused-{i}")), &unused, false).unwrap(),
            ""
        );
    }
}

/// A function that no expression calls has never been compared.
#[test]
fn every_function_is_in_the_table() {
    let mut table = ["expressions.txt", "refused.txt", "random.txt"]
        .map(lines)
        .concat();
    table.extend(KEYS.map(ToOwned::to_owned));
    let table = table.join("\n");
    let words: Vec<&str> = table
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    let functions = own_functions();
    let missing: Vec<&String> = functions
        .iter()
        .map(|(_, name)| name)
        .filter(|name| !words.contains(&name.as_str()))
        .collect();
    let found = functions.len();
    assert!(found >= 150, "only {found} functions were found");
    assert!(missing.is_empty(), "never called: {missing:?}");
}

/// The functions in the tables of the source: the name of the file, and the name of the function.
pub fn own_functions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(data("../src/template/functions")).unwrap() {
        let path = file.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        for entry in text.split("\n    (").skip(1) {
            // An entry of a table: a name, and its minimum number of arguments.
            let mut parts = entry.trim_start().splitn(3, ',');
            let (Some(name), Some(least)) = (parts.next(), parts.next()) else {
                continue;
            };
            if least.trim().parse::<usize>().is_ok() {
                found.push((stem.clone(), name.trim_matches('"').to_owned()));
            }
        }
    }
    found
}
