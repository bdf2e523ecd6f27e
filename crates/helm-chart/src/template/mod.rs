//! Go templates as Helm renders them, with file, line and column of every error.
//!
//! `parse` turns source into a tree (with the `gotmpl` crate) and checks it, `exec` executes the tree, `functions` are the
//! functions that templates call, and `value` is their data.

mod duration;
mod error;
mod exec;
mod files;
mod functions;
mod glob;
mod lazy;
mod limits;
mod lookups;
mod meter;
mod parse;
mod time;
mod value;

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

pub use error::{Location, TemplateFault};
pub use files::Files;
pub use lazy::{LazySource, to_parse_ahead};
pub use lookups::{Lookup, Lookups};
pub use value::{KubeVersion, Value};

/// Stack size of a thread for [`Stack::Large`], in bytes. Only the pages that deep templates touch take memory.
pub const STACK_BYTES: usize = limits::STACK_BYTES;

/// The available stack, which limits how deeply templates can nest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// The stack of any thread. If it is too small, the error says so ([`TemplateFault::needs_stack`]).
    OfAnyThread,
    /// [`STACK_BYTES`].
    Large,
}

/// One template file and the data it is rendered with.
pub struct TemplateFile {
    /// The file.
    pub source: Arc<LazySource>,
    /// The dot of the template (`.Values`, `.Release` and so on), which all templates of a chart share.
    pub data: Value,
    /// `.Template`, which is added to the dot when the template is rendered.
    pub identity: Value,
}

/// Parses a template without running it; `name` is its path in errors.
///
/// # Errors
/// Syntax errors, unknown functions and undefined variables, with their position.
pub(crate) fn check_syntax(name: &str, text: Cow<'static, str>) -> Result<(), TemplateFault> {
    parse::Source::parse(name, text, &functions::check_name).map(drop)
}

/// Renders all files except for partials (whose name starts with `_`), in the given order. Calls `finished` with the name
/// and the output of each.
///
/// Each file can include the definitions of all others. If two files define the same name, the later file wins.
///
/// # Errors
/// The first syntax error of any template, also in branches that are never taken; otherwise the first error of the
/// execution, or the message of `fail`.
pub fn render(
    files: &[TemplateFile],
    stack: Stack,
    lookups: &Lookups,
    allow_random: bool,
    mut finished: impl FnMut(&str, String),
) -> Result<(), TemplateFault> {
    meter::reset();
    let max_depth = match stack {
        Stack::OfAnyThread => limits::SHALLOW_DEPTH,
        Stack::Large => limits::MAX_DEPTH,
    };
    let context = functions::Context::new(lookups.clone(), allow_random);
    let mut machine = exec::Machine::new(Rc::new(scope(files)?), max_depth, context);
    for (i, file) in files.iter().enumerate() {
        if file.source.is_partial() {
            continue;
        }
        if let Value::Dict(dot) = &file.data {
            dot.borrow_mut()
                .insert("Template".into(), file.identity.clone());
        }
        let Some(text) = machine.render(&file.source.name, &file.data) else {
            continue;
        };
        let mut text = match text {
            Ok(text) => text,
            Err(fault) => {
                // Syntax errors in any file are reported before errors of the execution.
                files
                    .get(i..)
                    .unwrap_or_default()
                    .iter()
                    .try_for_each(|file| file.source.parse().map(drop))?;
                return Err(fault);
            }
        };
        meter::spend_output(&text);
        if text.contains(exec::NO_VALUE) {
            text = text.replace(exec::NO_VALUE, "");
        }
        finished(&file.source.name, text);
    }
    Ok(())
}

/// Returns the templates that can be called.
///
/// A syntax tree takes ten times the memory of its source. Files without definitions are therefore parsed only when they
/// are rendered, so that their trees do not add up.
fn scope(files: &[TemplateFile]) -> Result<exec::Scope, TemplateFault> {
    let mut scope = exec::Scope::default();
    for TemplateFile { source, .. } in files {
        if source.may_define() || scope.has(&source.name) {
            scope.add(&Rc::new(source.parse()?), &source.name);
        } else {
            scope.add_unparsed(Arc::clone(source));
        }
    }
    Ok(scope)
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
        let file = TemplateFile {
            source: Arc::new(LazySource::new(
                "t/templates/x.yaml",
                text.to_owned().into(),
            )),
            data: Value::from(data),
            identity: Value::Nil,
        };
        let mut rendered = String::new();
        render(&[file], stack, &Lookups::default(), false, |_, text| {
            rendered = text;
        })
        .map_err(|f| f.to_string())?;
        Ok(rendered)
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
    fn errors_name_their_position() {
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
