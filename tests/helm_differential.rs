//! `osm install --dry-run=client` and the real `helm template` render the same objects of `charts/osm`.

use std::path::{Path, PathBuf};

use crate::common::{assert_same, helm, helm_objects, osm, osm_objects, repository, scratch};

/// One line of the table.
struct Case {
    name: String,
    args: Vec<String>,
    /// An inline values file, which is `<<` in `args`.
    values: Option<String>,
}

fn cases() -> Vec<Case> {
    let table = std::fs::read_to_string(repository("tests/data/value-sets.txt")).unwrap();
    table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, rest) = line.split_once('|').expect("name | arguments");
            let (args, values) = match rest.split_once("<<") {
                Some((args, values)) => (format!("{args} <<"), Some(values.to_owned())),
                None => (rest.to_owned(), None),
            };
            Case {
                name: name.trim().to_owned(),
                args: words(&args),
                values,
            }
        })
        .collect()
}

/// Splits at spaces outside of double quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => {
                words.extend(Some(std::mem::take(&mut word)).filter(|w| !w.is_empty()));
            }
            c => word.push(c),
        }
    }
    words.extend(Some(word).filter(|w| !w.is_empty()));
    words
}

impl Case {
    /// Writes the inline values to a file and returns the arguments.
    fn arguments(&self, folder: &Path) -> Vec<String> {
        let file = folder
            .join(format!("{}.json", self.name))
            .display()
            .to_string();
        if let Some(values) = &self.values {
            std::fs::write(&file, values).unwrap();
        }
        let is_flag = |arg: &&String| *arg != "no-pins";
        let args = self.args.iter().filter(is_flag);
        args.map(|arg| {
            if arg == "<<" {
                file.clone()
            } else {
                arg.clone()
            }
        })
        .collect()
    }

    fn is_refused(&self) -> bool {
        self.name.starts_with("refuse-")
    }

    fn without_pins(&self) -> bool {
        self.args.iter().any(|arg| arg == "no-pins")
    }
}

/// Writes a values file with the compiled-in pins, for helm.
fn pins(folder: &Path) -> PathBuf {
    let path = folder.join("pins.yaml");
    std::fs::write(&path, osm(&["images", "list", "-o", "helm-values"]).ok()).unwrap();
    path
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn helm_and_osm_render_the_same_objects() {
    let folder = scratch("helm_differential");
    let pins = pins(&folder).display().to_string();
    let chart = repository("charts/osm");
    let mut compared = 0;
    for case in cases().iter().filter(|case| !case.is_refused()) {
        let args = case.arguments(&folder);
        let mut helm_args = vec!["-f".to_owned(), pins.clone()];
        helm_args.extend(args.clone());
        let from_helm = helm_objects("osm", &chart, &helm_args);
        assert_same(&case.name, &from_helm, &osm_objects(&args));
        compared += 1;
    }
    assert!(
        compared >= 40,
        "only {compared} sets of values were compared"
    );
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn helm_and_osm_list_the_objects_in_the_same_order() {
    let folder = scratch("helm_order");
    let args = [
        "--set",
        "osm.deployPrometheus=true",
        "--set",
        "osm.deployJaeger=true",
    ];
    let pins = pins(&folder).display().to_string();
    let helm_args = [["-f", &pins].as_slice(), &args].concat();
    let names = |objects: Vec<serde_json::Value>| -> Vec<String> {
        objects
            .iter()
            .map(|o| format!("{} {}", o["kind"], o["metadata"]["name"]))
            .collect()
    };
    let helm = names(helm_objects("osm", &repository("charts/osm"), &helm_args));
    assert_eq!(helm, names(osm_objects(&args)));
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn osm_refuses_values_that_helm_refuses() {
    let folder = scratch("helm_refusals");
    let pins = pins(&folder).display().to_string();
    let chart = repository("charts/osm");
    let cases: Vec<Case> = cases().into_iter().filter(Case::is_refused).collect();
    assert!(cases.len() >= 20, "only {} sets of values", cases.len());
    for case in &cases {
        let args = case.arguments(&folder);
        let mut helm_args = vec!["template", "osm", &chart, "--namespace", "osm-system"];
        let mut osm_args = vec!["install", "--dry-run"];
        if case.without_pins() {
            osm_args.extend(["--osm-chart-path", &chart]);
        } else {
            helm_args.extend(["-f", &pins]);
        }
        helm_args.extend(args.iter().map(String::as_str));
        osm_args.extend(args.iter().map(String::as_str));
        let refused = helm(&helm_args);
        assert_ne!(
            refused.code, 0,
            "{}: helm accepts it: {}",
            case.name, refused.stdout
        );
        let message = osm(&osm_args).fails(2);
        assert!(message.starts_with("error: "), "{}: {message}", case.name);
    }
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn helm_lint_accepts_the_chart() {
    let pins = pins(&scratch("helm_lint")).display().to_string();
    helm(&["lint", "--strict", &repository("charts/osm"), "-f", &pins]).ok();
}

#[test]
fn errors_name_the_refused_value() {
    let folder = scratch("refusals");
    let mut out = String::new();
    for case in cases()
        .iter()
        .filter(|case| case.is_refused() && !case.without_pins())
    {
        let args = case.arguments(&folder);
        let mut all = vec!["install", "--dry-run"];
        all.extend(args.iter().map(String::as_str));
        out.push_str(&format!("{}\n  {}", case.name, osm(&all).fails(2)));
    }
    insta::assert_snapshot!(out);
}
