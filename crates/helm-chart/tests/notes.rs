//! `NOTES.txt` is a template like the others, but no manifest. Templates of a chart and its subcharts share their data.

use std::path::Path;

use helm_chart::{Chart, Target};
use serde_json::Map;

use crate::common::{helm, helm_template, scratch, write};

/// A chart with these files. Returns its path.
fn chart(folder: &Path, files: &[(&str, &str)]) -> String {
    write(
        &folder.join("Chart.yaml"),
        "{apiVersion: v2, name: web, version: 1.0.0}",
    );
    for (name, text) in files {
        write(&folder.join(name), text);
    }
    folder.display().to_string()
}

const SUBCHART: (&str, &str) = (
    "charts/sub/Chart.yaml",
    "{apiVersion: v2, name: sub, version: 1.0.0}",
);

fn notes(chart: &str) -> Result<String, String> {
    let chart = Chart::load(chart).map_err(|e| e.to_string())?;
    let target = Target {
        release: "rel".to_owned(),
        ..Target::default()
    };
    let rendered = chart.render_release(&Map::new(), &target);
    Ok(rendered.map_err(|e| e.to_string())?.notes)
}

/// The notes that `helm install --dry-run=client` shows.
fn helm_notes(chart: &str) -> String {
    let output = helm(&["install", "rel", chart, "--dry-run=client"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let notes = output.stdout.split_once("NOTES:\n");
    notes.map_or("", |(_, notes)| notes).to_owned()
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn notes_are_those_that_helm_shows() {
    let folder = scratch("notes");
    let tables: [&[(&str, &str)]; 5] = [
        &[(
            "templates/NOTES.txt",
            "\nOpen {{ .Release.Name }}: {{ .Template.Name }}\n\n",
        )],
        &[],
        // A definition in the notes is one for all templates.
        &[
            (
                "templates/NOTES.txt",
                "{{ define \"word\" }}hello{{ end }}{{ include \"word\" . }}",
            ),
            (
                "templates/a.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ include \"word\" . }}}\n",
            ),
        ],
        // Only the notes of the chart itself are shown.
        &[
            ("templates/NOTES.txt", "own"),
            ("templates/more/NOTES.txt", "deeper"),
            ("templates/other-NOTES.txt", "not: {a manifest"),
            SUBCHART,
            ("charts/sub/templates/NOTES.txt", "of the subchart"),
        ],
        &[
            SUBCHART,
            ("charts/sub/templates/NOTES.txt", "of the subchart"),
        ],
    ];
    for (i, files) in tables.iter().enumerate() {
        let chart = chart(&folder.join(i.to_string()), files);
        let own = notes(&chart).unwrap();
        assert_eq!(own.trim(), helm_notes(&chart).trim(), "{files:?}");
        assert_eq!(
            own.trim().is_empty(),
            !files.iter().any(|f| f.0 == "templates/NOTES.txt")
        );
    }
}

/// bitnami/charts#12227: charts check their values in the notes.
#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn errors_in_notes_are_errors_of_the_chart() {
    let folder = scratch("notes-refused");
    for (i, (name, text, message)) in [
        (
            "templates/NOTES.txt",
            "a\n{{ if not .Values.password }}{{ fail \"set password\" }}{{ end }}",
            "set password\n  raised by the chart at web/templates/NOTES.txt:2:33",
        ),
        (
            "templates/NOTES.txt",
            "{{ nope }}",
            "web/templates/NOTES.txt:1:4: unknown function",
        ),
        (
            "templates/other-NOTES.txt",
            "{{ fail \"no\" }}",
            "no\n  raised by the chart at web/templates/other-NOTES.txt:1:4",
        ),
        (
            "charts/sub/templates/NOTES.txt",
            "{{ fail \"no\" }}",
            "web/charts/sub/templates/NOTES.txt:1:4",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let chart = chart(&folder.join(i.to_string()), &[SUBCHART, (name, text)]);
        assert_ne!(
            helm_template::<&str>(&chart, &[]).code,
            0,
            "helm accepts {text}"
        );
        let error = notes(&chart).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn what_a_template_changes_is_seen_by_the_others_as_with_helm() {
    let object = |name: &str, value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{x: {{{{ {value} | toJson | quote }}}}}}\n"
        )
    };
    let folder = scratch("shared-values");
    let set = |what: &str| format!("{{{{ $_ := set {what} \"r\" 1 }}}}");
    let cases = [
        // Deeper templates are rendered first: those of the subchart, then those of its parent.
        (set(".Values"), ".Values.sub"),
        (set(".Values"), ".Subcharts.sub.Values"),
        (set(".Values.nested"), ".Values.sub.nested"),
        (set("."), ".Subcharts.sub.r"),
        (set(".Release"), ".Release.r"),
        (set(".Values.global"), ".Values.global"),
        (set(".Chart"), ".Subcharts.sub.Chart.r"),
        (set(".Values"), ".Values"),
    ];
    for (i, (change, seen)) in cases.iter().enumerate() {
        let (own, parent) = (
            object("own", ".r | default .Values"),
            object("parent", seen),
        );
        let later = object("later", ".r | default .Values.r");
        let path = chart(
            &folder.join(i.to_string()),
            &[
                ("values.yaml", "{global: {g: 1}, sub: {a: {b: 1}}}"),
                ("templates/parent.yaml", &parent),
                SUBCHART,
                ("charts/sub/values.yaml", "nested: {c: 2}"),
                ("charts/sub/templates/z.yaml", change),
                ("charts/sub/templates/own.yaml", &own),
                ("charts/sub/templates/later.yaml", &later),
            ],
        );
        let helm = crate::common::helm_objects::<&str>(&path, &[]);
        let own = crate::common::render::<&str>(&path, &[]).unwrap();
        let own: Vec<_> = own.into_iter().map(|object| object.value).collect();
        crate::common::assert_same(change, &helm, &own);
    }
}
