//! A chart with everything that charts have renders as with helm. Broken charts are refused with file and line.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use helm_chart::ChartError;
use serde_json::Value;

use crate::common::{
    assert_same, copy_folder, data, helm_objects, helm_template, pack, render, scratch,
};

/// Copies the chart and adds its packed subchart. Returns the folder and the same chart as a .tgz.
fn foreign(name: &str) -> [String; 2] {
    let charts = data("charts");
    let parent = scratch(name);
    let folder = parent.join("foreign");
    copy_folder(&charts.join("foreign"), &folder);
    let packed = folder.join("charts/packed-0.1.0.tgz");
    pack(&charts.join("packed"), "packed", &packed);
    // `helm package` leaves out what .helmignore names; loading an archive does not.
    let package = parent.join("package");
    copy_folder(&folder, &package);
    std::fs::remove_dir_all(package.join("docs")).unwrap();
    for ignored in ["ignored.yaml", "broken.yaml.bak"] {
        std::fs::remove_file(package.join("templates").join(ignored)).unwrap();
    }
    let archive = parent.join("foreign-1.2.3.tgz");
    pack(&package, "foreign", &archive);
    [folder, archive].map(|path| path.display().to_string())
}

/// Names of cases and their flags. `@` stands for the folder of values files.
const CASES: [(&str, &[&str]); 28] = [
    ("defaults", &[]),
    ("another name", &["--set", "name=a-very-long-name-that-is-"]),
    (
        "whole numbers of --set are integers",
        &["--set", "limit=1000000,replicas=3"],
    ),
    (
        "numbers as text",
        &["--set-string", "limit=1000000,env.RATIO=1e3"],
    ),
    (
        "a list item by its index",
        &["--set", "list[0]=a,list[1]=skip,list[2]=more"],
    ),
    ("lists that stop", &["--set", "list={a,stop,b}"]),
    (
        "an empty list",
        &["--set-json", "list=[]", "--set-json", "ports=[]"],
    ),
    (
        "null deletes",
        &["--set", "labels=null", "--set", "env=null"],
    ),
    (
        "null deletes one key",
        &["--set", "env.LOG_LEVEL=null,resources.limits.memory=null"],
    ),
    (
        "json",
        &[
            "--set-json",
            r#"labels={"a":"b","n":"1"}"#,
            "--set-json",
            "empty=[1,2.5,null]",
        ],
    ),
    (
        "commas and dots that are escaped",
        &["--set", r"secret=a\,b,labels.example\.com/x=y"],
    ),
    ("values from files", &["--set-file", "secret=@/two.yaml"]),
    (
        "a literal value",
        &[
            "--set-literal",
            r"secret=a,b=\c{d}",
            "--set-literal",
            "list[0]=1",
        ],
    ),
    (
        "a condition switches off",
        &["--set", "unpacked.enabled=false"],
    ),
    (
        "a condition counts more than tags",
        &["--set", "tags.front=false"],
    ),
    (
        "tags switch off",
        &["--set", "tags.front=false,tags.back=false"],
    ),
    (
        "one tag is enough",
        &["--set", "tags.front=false,tags.back=true"],
    ),
    ("an alias", &["--set", "second.enabled=true"]),
    (
        "only the alias",
        &["--set", "second.enabled=true,unpacked.enabled=false"],
    ),
    (
        "values of subcharts",
        &[
            "--set",
            "unpacked.greeting=hi,packed.innermost.word=w,second.enabled=true",
        ],
    ),
    (
        "a condition two levels down",
        &["--set", "packed.innermost.enabled=false"],
    ),
    (
        "globals",
        &[
            "--set",
            "global.domain=a.b,global.nested.c=1,packed.global.domain=own",
        ],
    ),
    (
        "what is imported can be overridden",
        &[
            "--set",
            "imported.from=me,shared=mine,unpacked.data.inner.over=x",
        ],
    ),
    (
        "a template in the values",
        &[
            "--set-json",
            r#"greeting="{{ .Values.list | join \"-\" }} {{ include \"foreign.count\" 2 }}""#,
        ],
    ),
    ("no hooks", &["--set", "hooks=false,optional=set"]),
    (
        "Kubernetes and its API versions",
        &[
            "--kube-version",
            "1.29.3",
            "--api-versions",
            "none/v1",
            "--api-versions",
            "example.com/v1/Widget",
        ],
    ),
    (
        "values files, the last one wins",
        &["-f", "@/one.yaml", "-f", "@/two.yaml"],
    ),
    (
        "--set goes over files",
        &[
            "-f",
            "@/two.yaml",
            "--set",
            "labels.tier=set",
            "--set-string",
            "replicas_text=5",
        ],
    ),
];

const ONE: &str = "
name: one
replicas: 4
labels: {tier: one, extra: 'yes'}
list: [x, w]
on: switch
text: \"no line feed at the end\"
limit: 123456789
";

const TWO: &str = "
labels:
  tier: two
  team:
env: {MODE: 0o17, OFF: off, DATE: 2001-12-14, LONG: 12345678901, FLOAT: 1.50}
resources: {requests: {cpu: 1, memory: '1'}}
secret: |-
  two
  lines
ports:
- {name: x, port: 0x50}
";

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn a_foreign_chart_renders_as_with_helm() {
    let files = scratch("foreign-values");
    std::fs::write(files.join("one.yaml"), ONE).unwrap();
    std::fs::write(files.join("two.yaml"), TWO).unwrap();
    let charts = foreign("foreign-same");
    for (case, args) in CASES {
        let args: Vec<String> = args
            .iter()
            .map(|arg| arg.replace('@', &files.display().to_string()))
            .collect();
        let wanted = helm_objects(&charts[0], &args);
        assert!(wanted.len() >= 8, "{case}: {} objects", wanted.len());
        for chart in &charts {
            assert_same(case, &wanted, &objects(chart, &args).unwrap());
        }
    }
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn the_library_and_helm_refuse_the_same_values() {
    let [chart, _] = foreign("foreign-schema");
    for set in [
        "replicas=101",
        "replicas=two",
        "name=1234567890123456789012345678901",
        "list={1}",
    ] {
        assert_ne!(helm_template(&chart, &["--set", set]).code, 0, "{set}");
        let key = set.split_once('=').unwrap().0;
        let error = render(&chart, &["--set", set]).unwrap_err().to_string();
        assert!(error.contains(key), "{set}: {error}");
    }
}

#[test]
fn the_folder_and_the_archive_render_to_the_same() {
    let [folder, archive] = foreign("foreign-forms");
    let [folder, archive] = [folder, archive].map(|chart| objects(&chart, NO_FLAGS).unwrap());
    assert!(folder.len() >= 8, "{} objects", folder.len());
    assert_eq!(folder, archive);
}

const NO_FLAGS: &[&str] = &[];

fn objects<S: AsRef<str>>(chart: &str, args: &[S]) -> Result<Vec<Value>, ChartError> {
    let objects = render(chart, args)?;
    Ok(objects.into_iter().map(|object| object.value).collect())
}

/// The message of a chart that has to be refused.
#[track_caller]
fn refused(case: &str, chart: &str) -> String {
    render(chart, NO_FLAGS).expect_err(case).to_string()
}

/// A chart with a single template.
fn small(folder: &Path, template: &str) -> String {
    std::fs::create_dir_all(folder.join("templates")).unwrap();
    std::fs::write(
        folder.join("Chart.yaml"),
        "apiVersion: v2\nname: small\nversion: 0.1.0\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("values.yaml"),
        "text: hello\nlist: [a]\nmap: {a: 1}\n",
    )
    .unwrap();
    std::fs::write(folder.join("templates/bad.yaml"), template).unwrap();
    folder.display().to_string()
}

const BROKEN: [(&str, &str); 36] = [
    (
        "an if that is not closed",
        "a: b\n{{ if .Values.text }}\nc: d\n",
    ),
    (
        "a range that is not closed",
        "{{ range .Values.list }}\n- {{ . }}\n",
    ),
    (
        "a with that is not closed",
        "x:\n  {{- with .Values.map }}\n  y: z",
    ),
    ("a define that is not closed", "{{ define \"x\" }}\na: b\n"),
    ("a block that is not closed", "{{ block \"x\" . }}\na: b\n"),
    (
        "the inner block is not closed",
        "{{ if true }}\n{{ range .Values.list }}\n{{ end }}\n",
    ),
    ("a stray end", "a: b\n{{ end }}\nc: d\n"),
    ("a stray else", "a: b\n{{ else }}\nc: d\n"),
    (
        "a second else",
        "{{ if true }}\n{{ else }}\n{{ else }}\n{{ end }}\n",
    ),
    (
        "an else in a define",
        "{{ define \"x\" }}\n{{ else }}\n{{ end }}\n",
    ),
    (
        "a define inside of an if",
        "{{ if true }}{{ define \"x\" }}{{ end }}{{ end }}\n",
    ),
    (
        "an unknown function",
        "a: b\nc: {{ .Values.text | uper }}\n",
    ),
    ("a function of time", "a: {{ now }}\n"),
    ("a random function", "a: {{ randAlphaNum 5 }}\n"),
    (
        "an unknown template",
        "{{ define \"small.name\" }}{{ end }}\na: {{ include \"smal.name\" . }}\n",
    ),
    ("an unknown variable", "a: {{ $nope }}\n"),
    ("an unknown method", "a: {{ .Files.Gett \"x\" }}\n"),
    (
        "an endless include",
        "{{ define \"x\" }}{{ include \"x\" . }}{{ end }}\n{{ include \"x\" . }}\n",
    ),
    (
        "an endless template",
        "{{ define \"x\" }}{{ template \"y\" . }}{{ end }}{{ define \"y\" }}{{ template \"x\" . }}{{ end }}\n{{ template \"x\" . }}\n",
    ),
    (
        "an endless tpl",
        "{{ $t := \"{{ tpl .t . }}\" }}\n{{ tpl $t (dict \"t\" $t) }}\n",
    ),
    (
        "the file includes itself",
        "a: {{ include .Template.Name . }}\n",
    ),
    (
        "an endless output",
        "{{ define \"x\" }}{{ range 1000 }}{{ range 1000 }}{{ range 1000 }}0123456789{{ end }}{{ end }}{{ end }}{{ end }}\n{{ include \"x\" . }}\n",
    ),
    ("a text that is not closed", "a: {{ \"text }}\nb: c\n"),
    ("a raw text that is not closed", "a: {{ `text }}\nb: c\n"),
    (
        "a comment that is not closed",
        "a: b\n{{/* comment }}\nb: c\n",
    ),
    (
        "an action that is not closed",
        "a: b\nc: {{ .Values.text \nd: e\n",
    ),
    (
        "a parenthesis that is not closed",
        "a: {{ (upper .Values.text }}\n",
    ),
    ("an empty action", "a: {{ }}\n"),
    ("a key of nothing", "a: {{ .Values.missing.deeper }}\n"),
    ("break outside of a loop", "{{ break }}\n"),
    (
        "the chart refuses",
        "a: b\n{{ fail \"set .x to something\" }}\n",
    ),
    (
        "a required value",
        "a: {{ required \"text2 is needed\" .Values.text2 }}\n",
    ),
    (
        "no YAML",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.text }}: no\n",
    ),
    (
        "no YAML in the second document",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\nkind: [\n",
    ),
    ("no object", "just text\n"),
    ("no kind", "apiVersion: v1\nmetadata: {name: a}\n"),
];

#[test]
fn broken_templates_are_refused_with_file_and_line() {
    let folder = scratch("foreign-broken");
    let mut messages = String::new();
    for (i, (case, template)) in BROKEN.into_iter().enumerate() {
        let chart = small(&folder.join(i.to_string()), template);
        let error = refused(case, &chart);
        assert!(
            error.contains("small/templates/bad.yaml"),
            "{case}: {error}"
        );
        let _ = writeln!(messages, "# {case}\n{error}\n");
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn deep_nesting_is_refused_without_a_crash() {
    let folder = scratch("foreign-deep");
    let nested = |wrap: &str, times: usize| {
        format!(
            "{{{{ $x := list }}}}{{{{ range {times} }}}}{{{{ $x = {wrap} }}}}{{{{ end }}}}{{{{ $y := deepCopy $x }}}}{{{{ fail (printf \"%d %d %d %t\" (toJson $x | len) (toString $x | len) (toYaml $y | trunc 1 | len) (deepEqual $x $y)) }}}}\n"
        )
    };
    let deep = |open: &str, middle: &str, close: &str| {
        format!(
            "a: {}{middle}{}\n",
            open.repeat(100_000),
            close.repeat(100_000)
        )
    };
    let table = [
        ("if", deep("{{ if true }}", "x", "{{ end }}")),
        ("else if", deep("{{ if true }}{{ else if true }}", "", "{{ end }}")),
        ("parentheses", format!("a: {{{{ {}1{} }}}}\n", "(".repeat(100_000), ")".repeat(100_000))),
        ("lists", deep("[", "", "]")),
        ("maps", deep("{a: ", "b", "}")),
        ("sequences", format!("{}x\n", "- ".repeat(100_000))),
        ("lists of lists", nested("list $x", 100_000)),
        ("dicts of dicts", nested("dict \"a\" $x", 100_000)),
        ("as deep as may be", nested("list $x", 49_000)),
        (
            "set below",
            "{{ $top := dict }}{{ $x := $top }}{{ range 24000 }}{{ $y := dict }}{{ $_ := set $x \"a\" $y }}{{ $x = $y }}{{ end }}{{ fail (deepCopy $top | toJson | len | toString) }}\n".to_owned(),
        ),
        (
            "set around itself",
            "{{ $x := dict }}{{ $_ := set $x \"a\" (list (dict \"b\" $x)) }}\n".to_owned(),
        ),
        (
            "decoded",
            "{{ fromJson (repeat 100000 \"[\") | toYaml }}{{ fromYaml (repeat 100000 \"[\") | toYaml }}\n".to_owned(),
        ),
    ];
    for (case, template) in table {
        let chart = small(&folder.join(case.replace(' ', "-")), &template);
        let error = refused(case, &chart);
        assert!(
            error.contains("small/templates/bad.yaml"),
            "{case}: {error}"
        );
    }
}

/// Writes a gzipped tar archive with these files, whatever their paths are.
fn archive(path: &Path, files: &[(&str, &str)]) {
    let file = std::fs::File::create(path).unwrap();
    let gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        // Written as bytes: the tar crate refuses to write paths that a chart must not have.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
}

#[test]
fn bad_charts_are_refused() {
    const CHART: (&str, &str) = ("Chart.yaml", "apiVersion: v2\nname: bad\nversion: 0.1.0\n");
    const DEPENDENT: &str =
        "apiVersion: v2\nname: bad\nversion: 0.1.0\ndependencies:\n- {name: sub, version: ^2}\n";
    const SUB: (&str, &str) = (
        "charts/sub/Chart.yaml",
        "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
    );
    let parent = scratch("foreign-bad");
    let folders: [(&str, &[(&str, &str)]); 16] = [
        ("an empty folder", &[]),
        ("no Chart.yaml", &[("values.yaml", "a: b\n")]),
        (
            "a Chart.yaml that is not YAML",
            &[("Chart.yaml", "name: bad\nversion: [\n")],
        ),
        (
            "a Chart.yaml that is not a map",
            &[("Chart.yaml", "- name\n")],
        ),
        (
            "a Chart.yaml without a name",
            &[("Chart.yaml", "apiVersion: v2\nversion: 0.1.0\n")],
        ),
        (
            "a name that leaves the folder",
            &[("Chart.yaml", "name: ../bad\nversion: 0.1.0\n")],
        ),
        (
            "a values.yaml that is not YAML",
            &[CHART, ("values.yaml", "a: b\nc: 'd\n")],
        ),
        (
            "a values.yaml that is not a map",
            &[CHART, ("values.yaml", "- a\n- b\n")],
        ),
        (
            "a values.yaml that is text",
            &[CHART, ("values.yaml", "text\n")],
        ),
        (
            "a schema that is not JSON",
            &[CHART, ("values.schema.json", "{\n")],
        ),
        (
            "a template that is not UTF-8",
            &[CHART, ("templates/x.yaml", "latin1")],
        ),
        ("a subchart that is not there", &[("Chart.yaml", DEPENDENT)]),
        (
            "a subchart without Chart.yaml",
            &[CHART, ("charts/sub/values.yaml", "a: b\n")],
        ),
        (
            "a packed subchart that is not an archive",
            &[CHART, ("charts/sub-1.0.0.tgz", "text")],
        ),
        (
            "a kubeVersion that does not fit",
            &[(
                "Chart.yaml",
                "name: bad\nversion: 0.1.0\nkubeVersion: <1.20\n",
            )],
        ),
        (
            "values of a subchart that are not a map",
            &[CHART, SUB, ("values.yaml", "sub: text\n")],
        ),
    ];
    let mut paths: Vec<(&str, PathBuf)> = Vec::new();
    for (i, (case, files)) in folders.into_iter().enumerate() {
        let folder = parent.join(format!("folder-{i}"));
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let bytes: &[u8] = if *text == "latin1" {
                b"a: b\nc: \xfc\n"
            } else {
                text.as_bytes()
            };
            std::fs::write(path, bytes).unwrap();
        }
        paths.push((case, folder));
    }
    let archives: [(&str, &[(&str, &str)]); 5] = [
        ("an archive with nothing in it", &[]),
        (
            "an archive without a chart",
            &[("bad/values.yaml", "a: b\n")],
        ),
        (
            "a path outside of the archive",
            &[("bad/Chart.yaml", CHART.1), ("bad/../../etc/passwd", "x")],
        ),
        (
            "an absolute path",
            &[("bad/Chart.yaml", CHART.1), ("/etc/passwd", "x")],
        ),
        ("a chart at the top of the archive", &[CHART]),
    ];
    for (i, (case, files)) in archives.into_iter().enumerate() {
        let path = parent.join(format!("archive-{i}.tgz"));
        archive(&path, files);
        paths.push((case, path));
    }
    let cut = parent.join("cut.tgz");
    archive(&cut, &[("bad/Chart.yaml", CHART.1)]);
    let whole = std::fs::read(&cut).unwrap();
    for (case, name, bytes) in [
        (
            "a file that is not an archive",
            "text.tgz",
            b"this is text\n".as_slice(),
        ),
        ("an empty file", "empty.tgz", b""),
        (
            "an archive that is cut off",
            "cut.tgz",
            &whole[..whole.len() / 2],
        ),
    ] {
        std::fs::write(parent.join(name), bytes).unwrap();
        paths.push((case, parent.join(name)));
    }
    paths.push(("a path that does not exist", parent.join("missing")));
    let mut messages = String::new();
    for (case, path) in paths {
        let error = refused(case, &path.display().to_string());
        let error = error.replace(&parent.display().to_string(), "/charts");
        let _ = writeln!(messages, "# {case}\n{error}\n");
    }
    insta::assert_snapshot!(messages);
}
