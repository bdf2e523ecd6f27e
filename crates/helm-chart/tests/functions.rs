//! Every function and action of templates against the real helm: `functions/expressions.txt` gives
//! the same with both, `functions/refused.txt` is refused by both.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;

use crate::common::{Output, helm, osm, repository, scratch};

/// What the expressions include.
const PARTIALS: &str = "\
{{ define \"hello\" }}hello {{ if . }}{{ .Release.Name }}{{ end }}{{ end }}
{{ define \"nothing\" }}{{ .Values.none }}{{ end }}
";

fn lines(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(repository("tests/functions").clone() + "/" + file).unwrap();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(ToOwned::to_owned)
        .collect()
}

/// A chart with one template.
fn chart(folder: &Path, template: &str) -> String {
    std::fs::create_dir_all(folder.join("templates")).unwrap();
    for name in ["Chart.yaml", "values.yaml"] {
        let from = Path::new(&repository("tests/functions")).join(name);
        std::fs::copy(from, folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("templates/_partials.tpl"), PARTIALS).unwrap();
    std::fs::write(folder.join("templates/t.yaml"), template).unwrap();
    folder.display().to_string()
}

/// A template that gives what each case gives, in base64, so that no byte of it is lost.
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

fn with_helm(chart: &str) -> Output {
    helm(&["template", "osm", chart, "--namespace", "osm-system"])
}

fn with_osm(chart: &str) -> Output {
    osm(&["install", "--dry-run=client", "--osm-chart-path", chart])
}

/// The texts in the output, by the number of their case.
fn results(stdout: &str) -> BTreeMap<usize, String> {
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
    stdout.lines().filter_map(entry).collect()
}

/// What each case gives; where one of them fails each is asked for alone, to name it.
fn all_results(
    cases: &[String],
    folder: &Path,
    run: fn(&str) -> Output,
) -> BTreeMap<usize, String> {
    let whole = run(&chart(
        &folder.join("all"),
        &template(cases.iter().enumerate()),
    ));
    if whole.code == 0 {
        return results(&whole.stdout);
    }
    let one = |(i, case)| {
        let path: PathBuf = folder.join(format!("case-{i}"));
        let alone = run(&chart(&path, &template(std::iter::once((i, case)))));
        match alone.code {
            0 => results(&alone.stdout),
            _ => BTreeMap::from([(i, format!("FAILED: {}", alone.stderr))]),
        }
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
    let osm = all_results(&cases, &folder.join("osm"), with_osm);
    let mut wrong = String::new();
    for (i, case) in cases.iter().enumerate() {
        let (helm, osm) = (&helm[&i], &osm[&i]);
        if helm != osm || helm.starts_with("FAILED: ") {
            let _ = writeln!(wrong, "{case}\n  helm {helm:?}\n  osm  {osm:?}");
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
        assert_ne!(with_helm(&chart).code, 0, "helm takes {case}");
        let error = with_osm(&chart).fails(2);
        assert!(
            error.contains("functions/templates/t.yaml:2:"),
            "{case}: {error}"
        );
    }
}

/// A function that no expression calls has never been compared.
#[test]
fn every_function_is_in_the_table() {
    let table = lines("expressions.txt").join("\n") + &lines("refused.txt").join("\n");
    let words: Vec<&str> = table
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    let source = repository("crates/helm-chart/src/template/functions");
    let (mut found, mut missing) = (0, Vec::new());
    for file in std::fs::read_dir(source).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for entry in text.split("\n    (").skip(1) {
            // An entry of a table: a name, and how many arguments it takes at least.
            let mut parts = entry.trim_start().splitn(3, ',');
            let (Some(name), Some(least)) = (parts.next(), parts.next()) else {
                continue;
            };
            let name = name.trim_matches('"');
            if least.trim().parse::<usize>().is_err() {
                continue;
            }
            found += 1;
            if !words.contains(&name) {
                missing.push(name.to_owned());
            }
        }
    }
    assert!(found >= 150, "only {found} functions were found");
    assert!(missing.is_empty(), "never called: {missing:?}");
}
