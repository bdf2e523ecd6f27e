//! Random template expressions over all functions render as with Helm's own engine.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::common::data;
use crate::common::engine::{Rendered, Setting, render_with_helm, render_with_library};

/// The number of expressions of each seed.
const COUNT: usize = 2000;
const SEEDS: [u64; 3] = [1, 2, 3];

/// What the expressions include.
const PARTIALS: &str =
    "{{ define \"show\" }}<{{ . }}>{{ end }}{{ define \"field\" }}[{{ .name }}]{{ end }}";

/// Forms of expressions, by the letter of their type. In a form, `{x}` stands for an expression of the type `x`.
///
/// s: string of ASCII characters, u: any string, i: int, n: number of any type, f: float64, b: bool, l: list, c: list of
/// strings, d: dict, a: anything, t: time, o: duration, y: a small int that is not negative, z: a missing value;
/// p, v, r, e, j, w, m, q, k: strings that are paths, versions, constraints, regular expressions, JSON, YAML, TOML, URLs
/// and keys; h: duration as a text; g: a layout of a date; x: the format of printf.
const FORMS: &[(char, &[&str])] = &[
    (
        's',
        &[
            "\"\"",
            "\"a\"",
            "\"Hello World\"",
            "\"a,b,,c\"",
            "\"foo-bar_baz\"",
            "\"  x y \"",
            "\"3.5\"",
            "\"42\"",
            "\"0x1F\"",
            "\"<a href='x'>&\"",
            "`back\\slash`",
            "\"one\\ntwo\\n\"",
            "\"HTTPServer2xx\"",
            ".Values.text",
            ".Values.numeric",
            ".Values.lines",
            ".Release.Name",
            ".Chart.Name",
            "(upper {s})",
            "(lower {s})",
            "(title {s})",
            "(untitle {s})",
            "(trim {s})",
            "(trimAll {s} {s})",
            "(trimall {s} {s})",
            "(trimPrefix {s} {s})",
            "(trimSuffix {s} {s})",
            "(nospace {s})",
            "(initials {s})",
            "(swapcase {s})",
            "(snakecase {s})",
            "(kebabcase {s})",
            "(camelcase {s})",
            "(trunc {i} {s})",
            "(abbrev {y} {s})",
            "(abbrevboth {y} {y} {s})",
            "(substr {y} {y} {s})",
            "(repeat {y} {s})",
            "(replace {s} {s} {s})",
            "(indent {y} {s})",
            "(nindent {y} {s})",
            "(wrap {y} {s})",
            "(wrapWith {y} {s} {s})",
            "(quote {a} {a})",
            "(squote {a})",
            "(cat {a} {a} {a})",
            "(plural {s} {s} {y})",
            "(toString {a})",
            "(join {s} {a})",
            "(ternary {s} {s} {b})",
            "(default {s} {s})",
            "(coalesce {z} {s} {s})",
            "(print {a} {a})",
            "(println {a})",
            "(printf {x} {a})",
            "(printf {x} {n} {s})",
            "(b64enc {s})",
            "(b32enc {s})",
            "(b64dec (b64enc {s}))",
            "(b32dec (b32enc {s}))",
            "(sha1sum {s})",
            "(sha256sum {s})",
            "(sha512sum {s})",
            "(adler32sum {s})",
            "(html {a})",
            "(js {s})",
            "(urlquery {s})",
            "(toJson {a})",
            "(mustToJson {a})",
            "(toRawJson {a})",
            "(mustToRawJson {a})",
            "(toPrettyJson {a})",
            "(mustToPrettyJson {a})",
            "(toYaml {a})",
            "(mustToYaml {a})",
            "(toYamlPretty {l})",
            "(toToml {d})",
            "(mustToToml {d})",
            "(kindOf {a})",
            "(typeOf {a})",
            "(base {p})",
            "(dir {p})",
            "(clean {p})",
            "(ext {p})",
            "(osBase {p})",
            "(osDir {p})",
            "(osClean {p})",
            "(osExt {p})",
            "(regexFind {e} {s})",
            "(mustRegexFind {e} {s})",
            "(regexReplaceAll {e} {s} {s})",
            "(mustRegexReplaceAll {e} {s} \"<$1>\")",
            "(regexReplaceAllLiteral {e} {s} {s})",
            "(mustRegexReplaceAllLiteral {e} {s} {s})",
            "(regexQuoteMeta {s})",
            "(urlJoin (urlParse {q}))",
            "(seq {y} {y})",
            "(seq {y} {i} {y})",
            "(duration {n})",
            "(duration {s})",
            "(durationRound {h})",
            "(durationRound {n})",
            "(date {g} {t})",
            "(dateInZone {g} {t} \"UTC\")",
            "(date_in_zone {g} {y} \"Asia/Tokyo\")",
            "(htmlDate {t})",
            "(htmlDateInZone {t} \"Europe/Berlin\")",
            "(unixEpoch {t})",
            "(include \"show\" {a})",
            "(include \"field\" {d})",
            "(tpl \"{{ . }}-{{ len . }}\" {s})",
            "(tpl \"{{ include \\\"show\\\" .a }}\" {d})",
            "(getHostByName {s})",
            "hello",
            "(required \"needed\" {s})",
            "(get {d} {k})",
            "(dig {k} {k} {s} {d})",
            "(index {c} 0)",
            "(first {c})",
            "(last {c})",
            "(semver {v}).Original",
            "(semver {v}).Prerelease",
            "(split {s} {s})._0",
            "(splitn {s} {y} {s})._1",
            "(.Files.Get {s})",
            "(toStrings {l} | join \"|\")",
            "({s} | default {s} | quote)",
            "(urlParse {q}).host",
            "({o}).String",
            "(slice {c} 0 1 | first)",
        ],
    ),
    (
        'u',
        &[
            "{s}",
            ".Values.unicode",
            "\"Straße ǅ İ\"",
            "(upper {u})",
            "(lower {u})",
            "(title {u})",
            "(quote {u})",
            "(nospace {u})",
            "(snakecase {u})",
            "(kebabcase {u})",
            "(swapcase {u})",
            "(html {u})",
            "(js {u})",
            "(urlquery {u})",
            "(printf \"%q|%+q|%x|%s\" {u} {u} {u} {u})",
            "(toJson {u})",
            "(toYaml {u})",
            "(regexReplaceAll {e} {u} {u})",
            "(initials {u})",
            "(untitle {u})",
        ],
    ),
    (
        'i',
        &[
            "0",
            "1",
            "3",
            "-2",
            "7",
            "(int {n})",
            "(len {l})",
            "(len {s})",
            "(atoi {s})",
            "(len {d})",
            "(len {c})",
        ],
    ),
    ('y', &["0", "1", "2", "3", "4", "5", "8", "12"]),
    (
        'n',
        &[
            "{i}",
            "{f}",
            "(int64 {a})",
            "(add {n} {n})",
            "(add1 {n})",
            "(sub {n} {n})",
            "(mul {n} {n})",
            "(div {n} {n})",
            "(mod {n} {n})",
            "(max {n} {n})",
            "(min {n} {n} {n})",
            "(biggest {n} {n})",
            "(toDecimal {s})",
            ".Values.int",
            ".Values.float",
            ".Values.million",
            ".Values.negative",
            "(semver {v}).Major",
            "(durationMilliseconds {h})",
            "(durationMicroseconds {h})",
            "(durationNanoseconds {h})",
            "(semver {v}).Patch",
            "(index {s} 0)",
        ],
    ),
    (
        'f',
        &[
            "1.5",
            "2.0",
            "-0.25",
            "1e3",
            "(float64 {a})",
            "(addf {n} {n})",
            "(add1f {n})",
            "(subf {n} {n})",
            "(mulf {n} {f})",
            "(divf {n} {n})",
            "(maxf {n} {n})",
            "(minf {n} {n})",
            "(floor {n})",
            "(ceil {n})",
            "(round {n} {y})",
            "(round {f} {y} 0.4)",
            "(durationSeconds {h})",
            "(durationMinutes {n})",
            "(durationHours {h})",
            "(durationDays {h})",
            "(durationWeeks {n})",
        ],
    ),
    (
        'b',
        &[
            "true",
            "false",
            ".Values.enabled",
            ".Values.disabled",
            "(not {a})",
            "(eq {s} {s} {s})",
            "(eq {n} {n})",
            "(ne {s} {s})",
            "(lt {n} {n})",
            "(le {f} {f})",
            "(gt {s} {s})",
            "(ge {i} {i})",
            "(empty {a})",
            "(all {a} {a})",
            "(any {a} {a})",
            "(deepEqual {a} {a})",
            "(has {a} {l})",
            "(mustHas {a} {l})",
            "(has {s} {c})",
            "(hasKey {d} {k})",
            "(contains {s} {s})",
            "(hasPrefix {s} {s})",
            "(hasSuffix {s} {s})",
            "(kindIs \"int\" {a})",
            "(typeIs \"string\" {a})",
            "(typeIsLike \"int64\" {a})",
            "(regexMatch {e} {s})",
            "(mustRegexMatch {e} {s})",
            "(semverCompare {r} {v})",
            "(isAbs {p})",
            "(osIsAbs {p})",
            "(eq {a} {z})",
            "(.Capabilities.APIVersions.Has \"v1\")",
        ],
    ),
    (
        'l',
        &[
            "(list {a} {a} {a})",
            "(list)",
            "(tuple {a} {a})",
            "{c}",
            ".Values.list",
            ".Values.mixed",
            ".Values.numbers",
            ".Values.emptyList",
            "(until {y})",
            "(untilStep {y} {y} {y})",
            "(append {l} {a})",
            "(push {l} {a})",
            "(mustAppend {l} {a})",
            "(mustPush {l} {a})",
            "(prepend {l} {a})",
            "(mustPrepend {l} {a})",
            "(concat {l} {l})",
            "(rest {l})",
            "(mustRest {l})",
            "(initial {l})",
            "(mustInitial {l})",
            "(reverse {l})",
            "(mustReverse {l})",
            "(uniq {l})",
            "(mustUniq {l})",
            "(without {l} {a} {a})",
            "(mustWithout {l} {a})",
            "(compact {l})",
            "(mustCompact {l})",
            "(slice {l} 0 1)",
            "(mustSlice {l} {y})",
            "(chunk 2 {l})",
            "(mustChunk 3 {l})",
            "(fromJsonArray {j})",
            "(fromYamlArray {w})",
            "(pluck {k} {d} {d})",
            "(sortAlpha {l})",
            "(default {l} {l})",
        ],
    ),
    (
        'c',
        &[
            "(splitList {s} {s})",
            "(sortAlpha {l})",
            "(sortAlpha (keys {d} {d}))",
            "(regexFindAll {e} {s} -1)",
            "(mustRegexFindAll {e} {s} {i})",
            "(regexSplit {e} {s} {i})",
            "(mustRegexSplit {e} {s} -1)",
            "(toStrings {l})",
            "(.Files.Lines {s})",
        ],
    ),
    (
        'd',
        &[
            "(dict)",
            "(dict {k} {a})",
            "(dict {k} {a} {k} {a})",
            "(dict {s})",
            ".Values.map",
            ".Values.nested",
            ".Values.keys",
            "(set (deepCopy {d}) {k} {a})",
            "(unset {d} {k})",
            "(pick {d} {k} {k})",
            "(omit {d} {k})",
            "(merge (dict) {d})",
            "(merge (deepCopy {d}) {d})",
            "(mustMerge (deepCopy {d}) {d})",
            "(mergeOverwrite (deepCopy {d}) {d})",
            "(mustMergeOverwrite (deepCopy {d}) {d})",
            "(deepCopy {d})",
            "(mustDeepCopy {d})",
            "(fromJson {j})",
            "(fromYaml \"a: {b: [1, 2.5, x]}\\nc: null\")",
            "(fromYaml (toYaml {d}))",
            "(fromToml {m})",
            "(urlParse {q})",
            "(dict \"a\" {d} \"name\" {s})",
            "(lookup \"v1\" \"Secret\" {s} {s})",
            "(ternary {d} {d} {b})",
        ],
    ),
    (
        'a',
        &[
            "{s}",
            "{s}",
            "{n}",
            "{b}",
            "{l}",
            "{d}",
            "{z}",
            "{o}",
            "nil",
            "{i}",
            "(mustFromJson {j})",
            "(default {a} {a})",
            "(coalesce {a} {a})",
            "(ternary {a} {a} {b})",
            "(first {l})",
            "(last {l})",
            "(mustFirst {l})",
            "(mustLast {l})",
            "(index {l} 0)",
            "(index {d} {k})",
            "(get {d} {k})",
            "(and {a} {a})",
            "(or {a} {a})",
            "({d}).a",
            "({z}).deeper",
            "({d}).b.c",
            "(split {s} {s})",
            "(deepCopy {a})",
            "(values {d} | len)",
            "(fail \"no\")",
            "(call {a})",
        ],
    ),
    (
        'z',
        &[
            ".Values.missing",
            ".Values.none",
            "(.Values.missing)",
            "((.Values.missing).x)",
            "nil",
            "({d}).missing",
        ],
    ),
    (
        't',
        &[
            "(toDate \"2006-01-02\" \"2024-02-29\")",
            "(toDate {g} \"2021-03-04 05:06:07\")",
            "(mustToDate \"2006-01-02 15:04\" \"1999-12-31 23:59\")",
            "(dateModify {h} {t})",
            "(date_modify {h} {t})",
            "(mustDateModify \"-36h\" {t})",
            "(must_date_modify \"1h1s\" {t})",
        ],
    ),
    (
        'o',
        &[
            "(mustToDuration {h})",
            "(mustToDuration {n})",
            "(durationRoundTo {h} {h})",
            "(durationTruncateTo {h} {n})",
        ],
    ),
    (
        'h',
        &[
            "\"1h30m\"",
            "\"90s\"",
            "\"-1.5h\"",
            "\"2562h\"",
            "\"250ms\"",
            "\"x\"",
            "\"\"",
            "\"1.25\"",
        ],
    ),
    (
        'g',
        &[
            "\"2006-01-02\"",
            "\"Mon Jan _2 15:04:05 MST 2006\"",
            "\"3:04PM, January 2\"",
            "\"2006-01-02T15:04:05.000Z07:00\"",
            "\"002 06 1 Monday -0700\"",
            "\"2006-01-02 15:04:05\"",
        ],
    ),
    (
        'p',
        &[
            "\"/a/b/../c.txt\"",
            "\"a//b/\"",
            "\"\"",
            "\"/\"",
            "\".\"",
            "\"x.tar.gz\"",
            "\"../a\"",
            "{s}",
        ],
    ),
    (
        'v',
        &[
            "\"1.2.3\"",
            "\"v1.16.3-gke.1\"",
            "\"2\"",
            "\"0.1.0-alpha.1+build\"",
            "\"1.2\"",
        ],
    ),
    (
        'r',
        &[
            "\">=1.2.3\"",
            "\"^1.2\"",
            "\"~1.16-0\"",
            "\"1.x || >=2\"",
            "\"<2, !=1.2.3\"",
            "\"*\"",
            "\"1.0 - 1.9\"",
        ],
    ),
    (
        'e',
        &[
            "\"[a-z]+\"",
            "\"o\"",
            "\"(l+)(o)?\"",
            "\"^\"",
            "\"x*\"",
            "`\\d+`",
            "`\\s`",
            "\"(?i)HELLO\"",
            "\"[^,]+\"",
            "`\\bb`",
            "\"a|b\"",
            "\"(\"",
            "`\\pL`",
            "`\\Qa.b\\E`",
            "`[[:upper:]]`",
            "\"{\"",
        ],
    ),
    (
        'j',
        &[
            "`{\"a\": 1, \"b\": {\"c\": [1, 2.5, \"x\"]}}`",
            "`[1, \"a\", null, true]`",
            "`\"text\"`",
            "`{\"a\": }`",
            "\"\"",
            "\"[1,]\"",
            "(toJson {d})",
            "(toJson {l})",
            "\"12\"",
        ],
    ),
    (
        'w',
        &[
            "\"- a\\n- 1\\n- {b: 2.5}\"",
            "\"[]\"",
            "\"\"",
            "(toYaml {l})",
            "\"a: 1\"",
        ],
    ),
    (
        'm',
        &[
            "\"a = 1\\n[b]\\nc = [1.5, 2.0]\"",
            "\"\"",
            "`x = \"y\"`",
            "\"[[l]]\\nk = true\\n[[l]]\\nk = false\"",
        ],
    ),
    (
        'q',
        &[
            "\"http://user:pw@example.com:8080/a%20b?x=1#frag\"",
            "\"mailto:a@b\"",
            "\"/path/only\"",
            "\"https://[::1]:443\"",
            "\"\"",
            "\"//host/p\"",
        ],
    ),
    (
        'k',
        &[
            "\"a\"", "\"b\"", "\"z\"", "\"name\"", "\"text\"", "\"a10\"", "{s}",
        ],
    ),
    (
        'x',
        &[
            "\"%v\"",
            "\"%s\"",
            "\"%d\"",
            "\"%5v|\"",
            "\"%-8v|\"",
            "\"%q\"",
            "\"%x\"",
            "\"%T\"",
            "\"%05d\"",
            "\"%.2f\"",
            "\"%+v %v\"",
            "\"%#v\"",
            "\"%t\"",
            "\"%e\"",
            "\"%g\"",
            "\"%c\"",
            "\"%U\"",
            "\"%o\"",
            "\"%[2]v %[1]v\"",
            "\"%6.2f|\"",
            "\"%s %s\"",
            "\"100%%\"",
            "\"%X\"",
            "\"%b\"",
            "\"%08.3f\"",
            "\"%+d\"",
            "\"% x\"",
        ],
    ),
];

/// Whole templates.
const TEMPLATES: &[&str] = &[
    "{{ {a} }}",
    "{{ {s} }}",
    "{{ {u} }}",
    "{{ {n} }}",
    "{{ {l} }}",
    "{{ {d} }}",
    "{{ {b} }}",
    "{{ {c} }}",
    "{{ {t} }}",
    "{{ {o} }}",
    "{{ {f} }}",
    "{{ {a} | toJson }}",
    "{{ {l} | toYaml }}",
    "{{ {d} | toToml }}",
    "{{ {l} | toYaml | nindent 2 }}",
    "{{ {d} | toPrettyJson }}",
    "{{ printf {x} {a} }}",
    "{{ printf {x} {l} }}",
    "{{ printf {x} {d} }}",
    "{{ printf {x} {n} }}",
    "{{ typeOf {a} }} {{ kindOf {a} }}",
    "{{ if {a} }}yes{{ else if {b} }}maybe{{ else }}no{{ end }}",
    "{{ range $i, $v := {l} }}{{ $i }}={{ $v }};{{ else }}none{{ end }}",
    "{{ range $k, $v := {d} }}{{ $k }}={{ $v }};{{ else }}none{{ end }}",
    "{{ range {l} }}<{{ . }}>{{ end }}",
    "{{ range {l} }}{{ if eq (toString .) {s} }}{{ continue }}{{ end }}{{ . }}{{ end }}",
    "{{ with {a} }}{{ . | toJson }}{{ else }}empty{{ end }}",
    "{{ $x := {a} }}{{ $x }}|{{ $x | toJson }}",
    "{{ $d := deepCopy {d} }}{{ $_ := set $d {k} {a} }}{{ $d | toJson }}",
    "{{ template \"show\" {a} }}",
    "{{ {s} | {f1} }}",
    "{{ range $i := {y} }}{{ $i }}{{ end }}",
    "{{ .Values.text | default {s} | trunc {y} | quote }}",
    "{{ $a := {l} }}{{ range $a }}{{ kindOf . }} {{ end }}",
];

/// Functions of one string, for the end of a pipeline.
const LAST: [&str; 8] = [
    "upper",
    "quote",
    "squote",
    "trim",
    "b64enc",
    "toJson",
    "nindent 2",
    "default \"d\"",
];

struct Random(u64);

impl Random {
    /// The generator `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[usize::try_from(self.next() % from.len() as u64).unwrap()]
    }

    /// Replaces the placeholders of a form.
    fn fill(&mut self, form: &str, depth: usize, out: &mut String) {
        let mut rest = form;
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at(at);
            out.push_str(before);
            let placeholder = match after.as_bytes() {
                [b'{', letter, b'}', ..] if letter.is_ascii_lowercase() => Some(*letter),
                _ => None,
            };
            if let Some(letter) = placeholder {
                self.expression(char::from(letter), depth, out);
                rest = &after[3..];
            } else if let Some(after) = after.strip_prefix("{f1}") {
                out.push_str(self.pick(&LAST));
                rest = after;
            } else {
                out.push('{');
                rest = &after[1..];
            }
        }
        out.push_str(rest);
    }

    fn expression(&mut self, letter: char, depth: usize, out: &mut String) {
        let forms = FORMS.iter().find(|(of, _)| *of == letter).unwrap().1;
        // At the end, only forms without a placeholder are left, or one more level if there are none.
        let leaves: Vec<&str> = forms
            .iter()
            .copied()
            .filter(|form| !form.contains('{'))
            .collect();
        let form = match depth {
            0 if !leaves.is_empty() => self.pick(&leaves),
            _ => self.pick(forms),
        };
        self.fill(form, depth.saturating_sub(1), out);
    }

    fn template(&mut self) -> String {
        let depth = usize::try_from(1 + self.next() % 3).unwrap();
        let form = self.pick(TEMPLATES);
        let mut out = String::new();
        self.fill(form, depth, &mut out);
        out
    }
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn random_expressions_render_as_with_helm() {
    let values = std::fs::read_to_string(data("functions/values.yaml")).unwrap();
    let setting = Setting {
        values: &values,
        partials: PARTIALS,
    };
    let mut cases = Vec::new();
    for seed in SEEDS {
        let mut random = Random(seed);
        cases.extend((0..COUNT).map(|_| random.template()));
    }
    let helm = render_with_helm(setting, &cases);
    let own = render_with_library(setting, &cases);
    let rendered = helm.iter().filter(|result| result.is_ok()).count();
    assert!(rendered * 2 > cases.len(), "helm renders only {rendered}");
    let mut report = String::new();
    let mut wrong = 0;
    for ((case, helm), own) in cases.iter().zip(&helm).zip(&own) {
        if !is_same(helm, own) {
            wrong += 1;
            let _ = writeln!(report, "{case}\n  helm {helm:?}\n  own  {own:?}");
        }
    }
    assert!(wrong == 0, "{report}{wrong} of {} differ", cases.len());
}

/// Messages of errors are not compared.
fn is_same(helm: &Rendered, own: &Rendered) -> bool {
    match (helm, own) {
        (Ok(helm), Ok(own)) => helm == own,
        (Err(_), Err(_)) => true,
        _ => false,
    }
}

/// A function that no form calls is never compared.
#[test]
fn the_forms_call_every_function_that_always_gives_the_same() {
    let forms: String = FORMS
        .iter()
        .flat_map(|(_, forms)| *forms)
        .map(|form| format!("{form} "))
        .collect();
    let called: BTreeSet<&str> = forms
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    let functions = crate::functions::own_functions();
    // Functions for passwords are slow on purpose, or need what another one has encrypted.
    let differs = ["random", "keys", "passwords"];
    let missing: Vec<&String> = functions
        .iter()
        .filter(|(file, name)| !differs.contains(&file.as_str()) && !called.contains(name.as_str()))
        .map(|(_, name)| name)
        .filter(|name| !["now", "ago"].contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "in no form: {missing:?}");
}
