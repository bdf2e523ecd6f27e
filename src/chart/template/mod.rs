//! Go templates as helm renders them, with file, line and column of every error.
//!
//! [`parse`](self) turns source into a tree (with the `gotmpl` crate) and checks it, `exec` walks the
//! tree, `functions` are what templates can call, `value` is what they work on.

mod error;
mod exec;
mod files;
mod functions;
mod parse;
mod value;

use std::rc::Rc;

pub use error::{Location, TemplateFault};
pub use files::Files;
pub(crate) use files::glob_match;
pub use value::{KubeVersion, Value};

/// The stack a thread that renders needs, in bytes. Only what deep templates touch takes memory.
pub const STACK_BYTES: usize = exec::STACK_BYTES;

/// How much stack there is, and so how deeply templates may nest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// That of any thread. A fault says when it is too little.
    OfAnyThread,
    /// [`STACK_BYTES`].
    Large,
}

/// A template file that was read: its functions and variables exist and its blocks are closed.
#[derive(Debug)]
pub struct Parsed(parse::Source);

impl Parsed {
    /// Reads a template; `name` is its path and starts with the chart's name:
    /// `osm/templates/deployment.yaml`.
    ///
    /// # Errors
    /// What is wrong in the template, wherever it stands, also in branches that are never taken.
    pub fn parse(name: &str, text: &str) -> Result<Parsed, TemplateFault> {
        parse::Source::parse(name, text, &functions::exists).map(Parsed)
    }
}

/// One template file and the data it is rendered with.
pub struct TemplateFile {
    /// The template.
    pub parsed: Parsed,
    /// The dot of the template (`.Values`, `.Release` and so on).
    pub data: Value,
}

/// Renders all files that are no partials (their name begins with `_`), in the order given; gives
/// their names and texts.
///
/// Each file can include what another defines. Where two define the same name the later file's
/// definition counts.
///
/// # Errors
/// The first thing that goes wrong in a template, or what a template refuses with `fail`.
pub fn render(
    files: Vec<TemplateFile>,
    stack: Stack,
) -> Result<Vec<(String, String)>, TemplateFault> {
    let mut scope = exec::Scope::default();
    let mut dots = Vec::with_capacity(files.len());
    for file in files {
        let source = Rc::new(file.parsed.0);
        scope.add(&source, &source.file);
        dots.push((source, file.data));
    }
    let max_depth = match stack {
        Stack::OfAnyThread => exec::SHALLOW_DEPTH,
        Stack::Large => exec::MAX_DEPTH,
    };
    let mut machine = exec::Machine::new(Rc::new(scope), max_depth);
    let mut rendered = Vec::with_capacity(dots.len());
    for (source, data) in dots {
        let name = &source.file;
        if name
            .rsplit('/')
            .next()
            .is_some_and(|base| base.starts_with('_'))
        {
            continue;
        }
        if let Some(text) = machine.render(name, &data) {
            let mut text = text?;
            if text.contains(exec::NO_VALUE) {
                text = text.replace(exec::NO_VALUE, "");
            }
            rendered.push((name.clone(), text));
        }
    }
    Ok(rendered)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(text: &str, data: &serde_json::Value) -> Result<String, String> {
        run_on(Stack::OfAnyThread, text, data)
    }

    fn run_on(stack: Stack, text: &str, data: &serde_json::Value) -> Result<String, String> {
        let parsed = Parsed::parse("t/templates/x.yaml", text).map_err(|f| f.to_string())?;
        let data = Value::from(data);
        let files = vec![TemplateFile { parsed, data }];
        let mut rendered = render(files, stack).map_err(|f| f.to_string())?;
        Ok(rendered.remove(0).1)
    }

    #[test]
    fn templates_render_as_in_go() {
        let data = json!({
            "a": {"b": "x"}, "list": [1.0, 2.0], "map": {"k2": "v2", "k1": "v1"}, "n": 3, "t": true,
        });
        let table = [
            ("{{ .a.b }}", "x"),
            ("{{ .missing }}|{{ .a.missing }}", "|"),
            ("{{- if .t }} yes {{- else }} no {{- end }}", " yes"),
            (
                "{{ if .missing }}a{{ else if .t }}b{{ else }}c{{ end }}",
                "b",
            ),
            ("{{ range .list }}{{ . }},{{ end }}", "1,2,"),
            (
                "{{ range $i, $v := .list }}{{ $i }}={{ $v }};{{ end }}",
                "0=1;1=2;",
            ),
            (
                "{{ range $k, $v := .map }}{{ $k }}:{{ $v }} {{ end }}",
                "k1:v1 k2:v2 ",
            ),
            ("{{ range .missing }}a{{ else }}none{{ end }}", "none"),
            ("{{ range $i := .n }}{{ $i }}{{ end }}", "012"),
            (
                "{{ range .list }}{{ if eq . 2.0 }}{{ break }}{{ end }}{{ . }}{{ end }}",
                "1",
            ),
            (
                "{{ range .list }}{{ if eq . 1.0 }}{{ continue }}{{ end }}{{ . }}{{ end }}",
                "2",
            ),
            ("{{ with .a }}{{ .b }}{{ $.n }}{{ end }}", "x3"),
            ("{{ with .missing }}a{{ else }}b{{ end }}", "b"),
            ("{{ $x := 1 }}{{ if .t }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
            (
                "{{ $x := 1 }}{{ if .t }}{{ $x := 2 }}{{ end }}{{ $x }}",
                "1",
            ),
            (
                "{{ define \"d\" }}<{{ . }}>{{ end }}{{ template \"d\" .n }}{{ include \"d\" 1 }}",
                "<3><1>",
            ),
            ("{{ block \"b\" .n }}({{ . }}){{ end }}", "(3)"),
            ("{{ \"a\" | printf \"%s-%s\" \"b\" | quote }}", "\"b-a\""),
            ("{{ (index .list 1) | int }}", "2"),
            ("{{ (dict \"k\" (dict \"l\" 1)).k.l }}", "1"),
            ("{{ $d := dict }}{{ $_ := set $d \"k\" 1 }}{{ $d.k }}", "1"),
            ("{{ and .t .missing }}{{ or .missing \"d\" }}", "d"),
            ("{{ and false .a.b.c }}", "false"),
            (
                "{{ tpl \"{{ .n }}{{ include \\\"d\\\" 2 }}\" . }}{{ define \"d\" }}d{{ . }}{{ end }}",
                "3d2",
            ),
            ("{{/* comment with }} inside */}}x{{- /* y */ -}} z", "xz"),
            ("{{ `raw }}` }}{{ \"}}\" }}", "raw }}}}"),
            ("{{ 'a' }}{{ 0x10 }}{{ 1e3 }}", "97161000"),
            ("{{ ternary \"a\" \"b\" (eq .n 3) }}", "a"),
            (
                "{{ kindOf .list }} {{ kindIs \"map\" .map }} {{ typeOf .t }}",
                "slice true bool",
            ),
        ];
        for (text, want) in table {
            assert_eq!(run(text, &data).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let data = json!({"a": {"b": "x"}, "list": [1.0]});
        let table = [
            "x\n  {{ if .a }}\n",
            "{{ range .list }}{{ . }}",
            "{{ define \"d\" }}",
            "a\n{{ end }}",
            "a\n {{ else }}",
            "{{ if .a }}{{ else }}{{ else }}{{ end }}",
            "{{ if .a }}{{ define \"d\" }}{{ end }}{{ end }}",
            "{{ .a",
            "{{/* never closed",
            "line\n{{ .a.b | toYamll }}",
            "{{ randAlphaNum 5 }}",
            "{{ $nope }}",
            "{{ .missing.deep }}",
            "{{ .a.b.c }}",
            "{{ .list.x }}",
            "{{ include \"nope\" . }}",
            "{{ break }}",
            "{{ eq 1 1.5 }}",
            "{{ index .list 5 }}",
            "{{ div 1 0 }}",
            "{{ fail \"chart says no\" }}",
            "{{ required \"set .x\" .x }}",
            "{{ upper 1 }}",
            "{{ upper }}",
            "{{ .a.b \"arg\" }}",
            "{{ range 1.5 }}{{ end }}",
            "{{ repeat 1000000000 \"x\" }}",
            "{{ until 100000000 }}",
            "{{ tpl \"\\n{{ nope }}\" . }}",
            "{{ $d := dict }}{{ set $d \"k\" $d }}",
            "{{ if }}{{ end }}",
            "{{ \"unterminated }}",
        ];
        let mut out = String::new();
        for text in table {
            let error = run(text, &data).expect_err(text);
            out.push_str(&format!("{text:?}\n  {error}\n"));
        }
        insta::assert_snapshot!(out);
    }

    #[test]
    fn endless_calls_end_in_an_error() {
        let endless = [
            "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}",
            "{{ define \"a\" }}{{ template \"b\" . }}{{ end }}{{ define \"b\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}",
            "{{ define \"a\" }}{{ if true }}{{ with 1 }}{{ range 1 }}{{ (include \"a\" (tuple (list .))) }}{{ end }}{{ end }}{{ end }}{{ end }}{{ include \"a\" . }}",
            "{{ $t := \"{{ tpl .t . }}\" }}{{ tpl $t (dict \"t\" $t) }}",
        ];
        let run_all = move || {
            for text in endless {
                let error = run_on(Stack::Large, text, &json!({})).expect_err(text);
                assert!(
                    error.contains("x.yaml") && error.contains("nested"),
                    "{error}"
                );
            }
        };
        let thread = std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(run_all)
            .unwrap();
        thread.join().unwrap();
    }
}
