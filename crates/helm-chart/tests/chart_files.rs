//! Which files, metadata and dependencies a chart may have: the same as for the real helm.

use std::path::{Path, PathBuf};

use crate::common::{assert_same, helm_objects, helm_template, render, scratch, write};

/// A chart: its files, besides those of [`BASE`], by path.
type Files = &'static [(&'static str, &'static str)];

/// What every chart of the table has, unless it says otherwise. The template shows what subcharts there are.
const BASE: Files = &[
    (
        "Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 0.1.0\nappVersion: 1.10\n",
    ),
    (
        "templates/about.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: about}\ndata:\n  {{- with .Chart }}\n  chart: {{ list .Name \
         .Version .AppVersion .APIVersion .Description .Home .Type .KubeVersion .Keywords | toJson | quote }}\n  \
         annotations: {{ range $k, $v := .Annotations }}{{ $k }}={{ $v }},{{ end }}\n  {{- end }}\n  files: {{ range \
         $name, $_ := .Files }}{{ $name }},{{ end }}\n  values: {{ toJson .Values | quote }}\n",
    ),
];

/// A template of a subchart that shows its version and values.
macro_rules! subchart {
    ($folder:literal, $version:literal) => {
        (
            concat!("charts/", $folder, "/Chart.yaml"),
            concat!("apiVersion: v2\nname: sub\nversion: ", $version, "\n"),
        )
    };
    ($folder:literal, $version:literal, shown) => {
        (
            concat!("charts/", $folder, "/templates/sub.yaml"),
            concat!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Chart.Name }}}\ndata: {v: '",
                $version,
                "', values: {{ toJson .Values | quote }}}\n"
            ),
        )
    };
}

macro_rules! depends {
    ($($dependency:literal),+) => {
        ("Chart.yaml", concat!("apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies:\n", $("- ", $dependency, "\n"),+))
    };
}

macro_rules! metadata {
    ($text:literal) => {
        &[("Chart.yaml", $text)]
    };
}

/// Charts that helm renders: the case, the files, and the flags.
const TAKEN: &[(&str, Files, &[&str])] = &[
    ("the base", &[], &[]),
    (
        "no apiVersion",
        metadata!("name: web\nversion: 0.1.0\n"),
        &[],
    ),
    (
        "apiVersion v1",
        metadata!("apiVersion: v1\nname: web\nversion: v1\n"),
        &[],
    ),
    (
        "a description of several lines",
        metadata!(
            "apiVersion: v2\nname: web\nversion: '1.02'\ndescription: |\n  a\n  b\u{200b}\nhome: \"a\\tb\"\n"
        ),
        &[],
    ),
    (
        "numbers as strings",
        metadata!(
            "apiVersion: v2\nname: web\nversion: 1.10\nappVersion: 1234567.0\nannotations: {a: 1.50, b: true}\nkeywords: [1, 0.123456789]\n"
        ),
        &[],
    ),
    (
        "the case of fields does not count",
        metadata!("APIVersion: v2\nNAME: web\nVersion: 0.1.0\nappversion: x\n"),
        &[],
    ),
    (
        "type: application",
        metadata!("apiVersion: v2\nname: web\nversion: 0.1.0\ntype: application\n"),
        &[],
    ),
    // apache/doris-operator#401
    (
        "kubeVersion is compared without the suffix of a vendor",
        metadata!("apiVersion: v2\nname: web\nversion: 0.1.0\nkubeVersion: '>=1.30.0'\n"),
        &["--kube-version", "v1.33.4-gke.1245000"],
    ),
    (
        "kubeVersion is compared without build metadata",
        metadata!("apiVersion: v2\nname: web\nversion: 0.1.0\nkubeVersion: '1.31.2'\n"),
        &["--kube-version", "v1.31.2+k3s1"],
    ),
    (
        "requirements.yaml of apiVersion v1 is a file",
        &[
            ("Chart.yaml", "apiVersion: v1\nname: web\nversion: 0.1.0\n"),
            (
                "requirements.yaml",
                "dependencies:\n- {name: sub, version: '1.x', alias: other}\n",
            ),
            ("requirements.lock", "dependencies: []\n"),
            subchart!("sub", "1.0.0"),
            subchart!("sub", "1.0.0", shown),
        ],
        &[],
    ),
    (
        "requirements.yaml of apiVersion v2 is none",
        &[
            (
                "requirements.yaml",
                "dependencies:\n- {name: sub, version: '1.x', condition: sub.enabled}\n",
            ),
            ("requirements.lock", "dependencies: []\n"),
            ("values.yaml", "sub: {enabled: false}\n"),
            subchart!("sub", "1.0.0"),
            subchart!("sub", "1.0.0", shown),
        ],
        &[],
    ),
    (
        "a subchart may have any apiVersion",
        &[
            (
                "charts/sub/Chart.yaml",
                "apiVersion: v7\nname: sub\nversion: 1.0.0\n",
            ),
            subchart!("sub", "1.0.0", shown),
        ],
        &[],
    ),
    (
        "what begins with a dot or an underscore is no subchart",
        &[
            ("charts/.keep", ""),
            ("charts/_old/values.yaml", "a: b\n"),
            ("charts/a.prov", "x"),
        ],
        &[],
    ),
    // helm's own test chart `withsubchart`
    (
        "a subchart of another version is taken as if it were not declared",
        &[
            depends!("{name: sub, version: 0.0.1, alias: other, tags: [off]}"),
            ("values.yaml", "tags: {off: false}\nsub: {a: 1}\n"),
            subchart!("sub", "0.1.0"),
            subchart!("sub", "0.1.0", shown),
        ],
        &[],
    ),
    (
        "a condition disables a subchart of another version",
        &[
            depends!("{name: sub, version: ^2, condition: sub.enabled}"),
            ("values.yaml", "sub: {enabled: false}\n"),
            subchart!("sub", "1.0.0"),
            subchart!("sub", "1.0.0", shown),
        ],
        &[],
    ),
    (
        "no version fits a dependency without one, so that its alias has no effect",
        &[
            depends!("{name: sub, alias: other}"),
            subchart!("sub", "1.0.0"),
            subchart!("sub", "1.0.0", shown),
        ],
        &[],
    ),
    (
        "no version fits an invalid constraint",
        &[
            depends!("{name: sub, version: '==1.0.0', alias: other}"),
            subchart!("sub", "1.0.0"),
            subchart!("sub", "1.0.0", shown),
        ],
        &[],
    ),
    // helm#30710
    (
        "the declared version of two counts",
        &[
            depends!("{name: sub, version: 0.2.0}"),
            ("values.yaml", "sub: {a: 1}\n"),
            subchart!("sub-0.1.0", "0.1.0"),
            subchart!("sub-0.1.0", "0.1.0", shown),
            ("charts/sub-0.1.0/values.yaml", "a: 2\n"),
            subchart!("sub-0.2.0", "0.2.0"),
            subchart!("sub-0.2.0", "0.2.0", shown),
            ("charts/sub-0.2.0/values.yaml", "a: 3\n"),
        ],
        &[],
    ),
    (
        "two versions of a chart with two aliases",
        &[
            depends!(
                "{name: sub, version: 0.2.0, alias: new}",
                "{name: sub, version: ~0.1, alias: old}"
            ),
            subchart!("a", "0.1.0"),
            subchart!("a", "0.1.0", shown),
            subchart!("b", "0.2.0"),
            subchart!("b", "0.2.0", shown),
        ],
        &[],
    ),
    (
        "two versions of a chart that is disabled",
        &[
            depends!("{name: sub, version: '*', condition: sub.enabled}"),
            ("values.yaml", "sub: {enabled: false}\n"),
            subchart!("a", "0.1.0"),
            subchart!("b", "0.2.0"),
        ],
        &[],
    ),
    (
        "a pre-release of a subchart",
        &[
            depends!("{name: sub, version: '>=1.0.0-0 <2', alias: pre}"),
            subchart!("sub", "1.5.0-rc.1"),
            subchart!("sub", "1.5.0-rc.1", shown),
        ],
        &[],
    ),
    (
        "a condition behind a blank is not found",
        &[
            depends!("{name: sub, version: 1.0.0, condition: 'a.x, b.y'}"),
            ("values.yaml", "b: {y: false}\n"),
            subchart!("sub", "1.0.0"),
            subchart!("sub", "1.0.0", shown),
        ],
        &[],
    ),
    (
        "a condition before a blank is not found",
        &[
            depends!("{name: sub, version: 1.0.0, condition: ' b.y ,c.z'}"),
            ("values.yaml", "b: {y: false}\nc: {z: true}\n"),
            subchart!("sub", "1.0.0"),
            subchart!("sub", "1.0.0", shown),
        ],
        &[],
    ),
    (
        "blanks around all conditions do not count",
        &[
            depends!("{name: sub, version: 1.0.0, condition: ' a.x,b.y '}"),
            ("values.yaml", "a: {x: text}\nb: {y: false}\n"),
            subchart!("sub", "1.0.0"),
            subchart!("sub", "1.0.0", shown),
        ],
        &[],
    ),
    (
        ".helmignore has no braces, and only ^ negates a class",
        &[
            (
                ".helmignore",
                "*.{bak,md}\n[!a]*.txt\n\\!c\n[^x-z].json\ndocs/\n/top\na?/b\n",
            ),
            ("a.bak", ""),
            ("b.md", ""),
            ("b.{bak,md}", ""),
            ("!.txt", ""),
            ("b.txt", ""),
            ("!c", ""),
            ("a.json", ""),
            ("x.json", ""),
            ("docs/a", ""),
            ("docs.txt", ""),
            ("top", ""),
            ("sub/top", ""),
            ("ax/b", ""),
            ("abc/b", ""),
            ("templates/.hidden", "{{ nope }}"),
        ],
        &[],
    ),
    (
        ".helmignore with a byte order mark and a negated rule",
        &[
            (".helmignore", "\u{feff}*.bak\r\n  *.md  \r\n#*.txt\r\n"),
            ("a.bak", ""),
            ("b.md", ""),
            ("c.txt", ""),
        ],
        &[],
    ),
    (
        "tags of values",
        &[(
            "values.yaml",
            "a: !!string 1234531231\nb: !local {c: 1}\nd: !!int '3'\ne: !!str yes\nf: !!bool 'yes'\ng: !!float 3\n\
           h: !!binary |\n  aGVs\n  bG8=\ni: !!timestamp 2001-12-14\nj: ! '12'\nk: !foo 12\n0.123456789: l\n",
        )],
        &[],
    ),
    (
        "merge keys of values",
        &[(
            "values.yaml",
            "x: &x {a: 1, b: 2}\nk: {a: 0, <<: *x, b: 3}\nl: {<<: *x, <<: {a: 9}, c: 1}\n\
           m: {a: 5, <<: [{a: 7}, {a: 8, d: 1}]}\no: {\"<<\": 1}\n",
        )],
        &[],
    ),
    (
        "values after the end of a document",
        &[("values.yaml", "a: 1\n...\nb: [\n---\nc: 2\n... # end\n]\n")],
        &[],
    ),
    // helm#31867
    (
        "documents begin where a line begins with a separator",
        &[(
            "templates/b.yaml",
            "\n  ---\t \napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n---{{ \"\" -}}\n\
           apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n--- # d\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\n...\nx\n",
        )],
        &[],
    ),
    // Why only these: one template has to be left that shows something.
    (
        "everything that a negated rule does not match is ignored",
        &[
            (".helmignore", "!*[.mst]*\n"),
            ("a.bak", ""),
            ("bbb", ""),
            ("s", ""),
        ],
        &[],
    ),
];

/// Charts that helm refuses, and a part of our message.
const REFUSED: &[(&str, Files, &str)] = &[
    (
        "a library",
        metadata!("apiVersion: v2\nname: web\nversion: 0.1.0\ntype: library\n"),
        "library chart",
    ),
    (
        "another type",
        metadata!("apiVersion: v2\nname: web\nversion: 0.1.0\ntype: whatever\n"),
        "Chart.yaml:4:1: type",
    ),
    (
        "a type with a capital",
        metadata!("apiVersion: v2\nname: web\nversion: 0.1.0\ntype: Application\n"),
        "type",
    ),
    (
        "no version",
        metadata!("apiVersion: v2\nname: web\n"),
        "needs a version",
    ),
    (
        "version latest",
        metadata!("apiVersion: v2\nname: web\nversion: latest\n"),
        "\"latest\"",
    ),
    (
        "four numbers",
        metadata!("apiVersion: v2\nname: web\nversion: 1.2.3.4\n"),
        "\"1.2.3.4\"",
    ),
    (
        "apiVersion v3",
        metadata!("apiVersion: v3\nname: web\nversion: 0.1.0\n"),
        "\"v3\"",
    ),
    (
        "apiVersion v4",
        metadata!("apiVersion: v4\nname: web\nversion: 0.1.0\n"),
        "\"v4\"",
    ),
    (
        "a name that is a list",
        metadata!("apiVersion: v2\nname: [web]\nversion: 0.1.0\n"),
        "name: expected a string",
    ),
    (
        "keywords that are no list",
        metadata!("apiVersion: v2\nname: web\nversion: 0.1.0\nkeywords: a\n"),
        "keywords",
    ),
    (
        "deprecated is text",
        metadata!("apiVersion: v2\nname: web\nversion: 0.1.0\ndeprecated: 'yes'\n"),
        "deprecated",
    ),
    (
        "an empty maintainer",
        metadata!("apiVersion: v2\nname: web\nversion: 0.1.0\nmaintainers: [null]\n"),
        "maintainers",
    ),
    (
        "the same dependency twice",
        &[
            depends!("{name: sub, version: 1.0.0}", "{name: sub, version: 1.0.0}"),
            subchart!("sub", "1.0.0"),
        ],
        "more than one",
    ),
    (
        "an alias that is another dependency's name",
        &[
            depends!(
                "{name: sub, version: 1.0.0, alias: b}",
                "{name: b, version: 1.0.0}"
            ),
            subchart!("sub", "1.0.0"),
        ],
        "more than one",
    ),
    (
        "an alias with a dot",
        &[
            depends!("{name: sub, version: 1.0.0, alias: a.b}"),
            subchart!("sub", "1.0.0"),
        ],
        "alias",
    ),
    ("an empty dependency", &[depends!("null")], "empty"),
    (
        "a dependency that is not there",
        &[depends!("{name: sub, version: 1.0.0}")],
        "which is not in charts/",
    ),
    (
        "a subchart whose version is none",
        &[subchart!("sub", "latest")],
        "charts/sub/Chart.yaml:3:1",
    ),
    (
        "a file in charts/",
        &[("charts/README.md", "text")],
        "charts/README.md",
    ),
    (
        "a folder with the name of an archive",
        &[subchart!("sub.tgz", "1.0.0")],
        "sub.tgz",
    ),
    (
        "a value whose key is null",
        &[("values.yaml", "a: 1\n~: 1\n")],
        "values.yaml:2:1",
    ),
    (
        "a binary value that is not base64",
        &[("values.yaml", "a: !!binary 'aG k='\n")],
        "values.yaml:1:",
    ),
    (
        "a timestamp that is none",
        &[("values.yaml", "a: !!timestamp x\n")],
        "values.yaml:1:",
    ),
    (
        "a list as merge key",
        &[("values.yaml", "x: &x [1]\na: {<<: *x}\n")],
        "values.yaml:2:",
    ),
    (
        "a kubeVersion that is none",
        metadata!("apiVersion: v2\nname: web\nversion: 0.1.0\nkubeVersion: latest\n"),
        "kubeVersion",
    ),
    (
        ".helmignore with an open class",
        &[(".helmignore", "a\n[\n")],
        ".helmignore:2",
    ),
    (
        ".helmignore with a class that is empty",
        &[(".helmignore", "[]a]\n")],
        ".helmignore:1",
    ),
    (
        ".helmignore with two stars",
        &[(".helmignore", "docs/**\n")],
        ".helmignore:1",
    ),
    (
        ".helmignore with nothing behind a backslash",
        &[(".helmignore", "a\\\n")],
        ".helmignore:1",
    ),
];

fn write_chart(parent: &Path, name: &str, files: Files) -> PathBuf {
    let folder = parent.join(name);
    for (path, text) in BASE.iter().chain(files) {
        write(&folder.join(path), text);
    }
    folder
}

fn rendered(chart: &str, flags: &[&str]) -> Vec<serde_json::Value> {
    let objects = render(chart, flags).unwrap_or_else(|error| panic!("{chart}: {error}"));
    objects.into_iter().map(|object| object.value).collect()
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn charts_are_taken_as_helm_takes_them() {
    let parent = scratch("chart-files-taken");
    for (i, (case, files, flags)) in TAKEN.iter().enumerate() {
        let chart = write_chart(&parent, &i.to_string(), files)
            .display()
            .to_string();
        let wanted = helm_objects(&chart, flags);
        assert!(!wanted.is_empty(), "{case}: helm renders nothing");
        assert_same(case, &wanted, &rendered(&chart, flags));
    }
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn helm_refuses_the_charts_that_are_refused_here() {
    let parent = scratch("chart-files-helm-refuses");
    for (i, (case, files, _)) in REFUSED.iter().enumerate() {
        let chart = write_chart(&parent, &i.to_string(), files)
            .display()
            .to_string();
        let flags: &[&str] = &[];
        assert_ne!(helm_template(&chart, flags).code, 0, "{case}");
    }
}

#[test]
fn charts_that_helm_refuses_are_refused_with_a_reason() {
    let parent = scratch("chart-files-refused");
    for (i, (case, files, part)) in REFUSED.iter().enumerate() {
        let chart = write_chart(&parent, &i.to_string(), files)
            .display()
            .to_string();
        let flags: &[&str] = &[];
        let error = render(&chart, flags).expect_err(case).to_string();
        assert!(error.contains(part), "{case}: {error}");
    }
}

/// Helm takes one of them at random, or parts of each (helm#30710).
#[test]
fn different_charts_for_one_subchart_are_refused() {
    let flags: &[&str] = &[];
    let table: &[(&str, Files)] = &[
        (
            "both versions fit",
            &[
                depends!("{name: sub, version: '>=0.1.0'}"),
                subchart!("a", "0.1.0"),
                subchart!("b", "0.2.0"),
            ],
        ),
        (
            "neither version fits",
            &[
                depends!("{name: sub, version: ^1}"),
                subchart!("a", "0.1.0"),
                subchart!("b", "0.2.0"),
            ],
        ),
        (
            "none is declared",
            &[subchart!("a", "0.1.0"), subchart!("b", "0.2.0")],
        ),
        (
            "one version, other templates",
            &[
                subchart!("a", "0.1.0"),
                subchart!("b", "0.1.0"),
                subchart!("b", "0.1.0", shown),
            ],
        ),
    ];
    let parent = scratch("chart-files-ambiguous");
    for (i, (case, files)) in table.iter().enumerate() {
        let chart = write_chart(&parent, &i.to_string(), files)
            .display()
            .to_string();
        let error = render(&chart, flags).expect_err(case).to_string();
        assert!(
            error.contains("several charts that could be the subchart \"sub\""),
            "{case}: {error}"
        );
    }
    let equal: Files = &[subchart!("a", "0.1.0"), subchart!("b", "0.1.0")];
    let chart = write_chart(&parent, "equal", equal).display().to_string();
    assert_eq!(rendered(&chart, flags).len(), 1);
}
