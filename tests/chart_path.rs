//! Charts given with `--osm-chart-path`: flags reach the renderer, and a chart that is refused ends with exit code 2.
//! What charts can contain is tested in `crates/helm-chart`.

use std::path::Path;

use crate::common::{assert_same, helm_objects, osm, osm_objects, scratch};

const TEMPLATE: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: small}
data:
  kubernetes: {{ .Capabilities.KubeVersion.Version | quote }}
  has: {{ .Capabilities.APIVersions.Has \"example.com/v1/Widget\" | quote }}
  release: {{ printf \"%s %s\" .Release.Name .Release.Namespace | quote }}
  values: {{ .Values | toJson | quote }}
";

/// Writes a chart with a single template.
fn chart(folder: &Path, template: &str) -> String {
    let files = [
        (
            "Chart.yaml",
            "apiVersion: v2\nname: small\nversion: 0.1.0\n",
        ),
        ("values.yaml", "text: hello\nlist: [a]\nmap: {a: 1}\n"),
        (
            "values.schema.json",
            r#"{"properties": {"list": {"type": "array"}}}"#,
        ),
        ("templates/a.yaml", template),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder.display().to_string()
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn flags_mean_what_they_mean_to_helm() {
    let folder = scratch("chart-path-flags");
    let chart = chart(&folder.join("chart"), TEMPLATE);
    let (one, two) = (folder.join("one.yaml"), folder.join("two.yaml"));
    std::fs::write(&one, "text: one\nmap: {b: 2}\nlist: [x, y]\n").unwrap();
    std::fs::write(&two, "map: {b: 3}\nn: 1000000\n").unwrap();
    let (one, two) = (one.display().to_string(), two.display().to_string());
    let both = format!("{one},{two}");
    let file = format!("text={one}");
    let cases: [(&str, &[&str]); 8] = [
        ("no flags", &[]),
        ("values files, the last one wins", &["-f", &one, "-f", &two]),
        ("values files in one flag", &["-f", &both]),
        (
            "the content of a file, and a literal",
            &["--set-file", &file, "--set-literal", r"s=a,b\c={d}"],
        ),
        (
            "--set overrides files",
            &["--set", "map.b=4,n=5", "-f", &two],
        ),
        (
            "types of --set",
            &["--set", "n=1000000", "--set-string", "s=1000000"],
        ),
        (
            "JSON",
            &["--set-json", "list=[1,2.5,null]", "--set", "text=null"],
        ),
        (
            "the cluster",
            &[
                "--kube-version",
                "1.29.3",
                "--api-versions",
                "none/v1",
                "--api-versions",
                "example.com/v1/Widget",
            ],
        ),
    ];
    for (case, args) in cases {
        let wanted = helm_objects("osm", &chart, args);
        assert_eq!(wanted.len(), 1, "{case}");
        let path: [&str; 2] = ["--osm-chart-path", &chart];
        assert_same(case, &wanted, &osm_objects(&[&path, args].concat()));
    }
}

#[test]
fn a_chart_that_is_refused_ends_with_exit_code_2() {
    let folder = scratch("chart-path-refused");
    let whole = chart(&folder.join("whole"), TEMPLATE);
    let broken = chart(&folder.join("broken"), "a: b\n{{ if }}\n");
    let refuses = chart(&folder.join("refuses"), "{{ fail \"set .x\" }}\n");
    let no_yaml = chart(&folder.join("no-yaml"), "a: b: c\n");
    let nested = "{{ $x := list }}{{ range 49000 }}{{ $x = list $x }}{{ end }}{{ fail (toJson $x | len | toString) }}\n";
    let deep = chart(&folder.join("deep"), nested);
    let missing = folder.join("missing").display().to_string();
    let cases: [(&str, &str, &str); 7] = [
        (&broken, "", "small/templates/a.yaml:2:1"),
        (&refuses, "", "set .x"),
        (&no_yaml, "", "small/templates/a.yaml (rendered line 1)"),
        (&deep, "", "small/templates/a.yaml"),
        (&missing, "", "missing"),
        (&whole, "list=1", "list"),
        (&whole, "list[=1", "--set"),
    ];
    for (path, set, wanted) in cases {
        let mut args = vec!["install", "--dry-run=client", "--osm-chart-path", path];
        if !set.is_empty() {
            args.extend(["--set", set]);
        }
        let error = osm(&args).fails(2);
        assert!(error.starts_with("error: "), "{path}: {error}");
        assert!(error.contains(wanted), "{path}: {error}");
    }
}

#[test]
fn a_dry_run_refuses_functions_whose_result_differs_on_each_call_unless_they_are_allowed() {
    let folder = scratch("chart-path-random");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: small}\ndata:\n  x: {{ .Values.x | default (randAlphaNum 5) | quote }}\n";
    let chart = chart(&folder, template);
    let args = ["install", "--dry-run", "--osm-chart-path", &chart];
    let error = osm(&args).fails(2);
    assert_eq!(
        error,
        "error: small/templates/a.yaml:5:30: randAlphaNum: its result differs on each call; a dry run calls such \
         functions only with --allow-random\n"
    );
    let objects = osm_objects(&["--osm-chart-path", &chart, "--allow-random"]);
    let drawn = objects[0]["data"]["x"].as_str().unwrap();
    assert!(
        drawn.len() == 5 && drawn.bytes().all(|b| b.is_ascii_alphanumeric()),
        "{drawn}"
    );
}
