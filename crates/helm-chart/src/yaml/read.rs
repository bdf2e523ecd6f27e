//! Parses YAML into JSON values. Errors have a line and a column.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use granit_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

use super::scalar::{Numbers, Scalar, is_timestamp, resolve};

/// Maximum number of nodes of a document with its aliases expanded.
///
/// A few hundred bytes of nested aliases can stand for billions of nodes.
const MAX_NODES: usize = 1_000_000;
/// Maximum size of all copies that anchors, aliases and recorded positions need, in bytes. Few aliases of a long string, and
/// few positions below a long key, can take all memory.
const MAX_COPIED: usize = 128 << 20;
/// The size of a node without its text, in bytes.
const NODE_BYTES: usize = 64;

/// An error in a YAML text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct YamlError {
    /// 1-based line.
    pub line: usize,
    /// 1-based column, in characters.
    pub column: usize,
    /// The reason.
    pub message: String,
}

/// The position of each key of a document: JSON pointer (RFC 6901) to 1-based line and column (in characters).
pub type Marks = BTreeMap<String, (usize, usize)>;

/// One document of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The content; an empty document is `null`.
    pub value: Value,
    /// The 1-based line on which the content of the document starts.
    pub line: usize,
}

/// Parses the first document; an empty string is `null`. As in Go, whatever follows it is not read.
///
/// # Errors
/// Syntax errors, and values that violate the types of YAML 1.1.
pub fn parse(text: &str, numbers: Numbers) -> Result<Value, YamlError> {
    let documents = read(text, numbers, None, true)?.into_iter();
    Ok(documents.map(|d| d.value).next().unwrap_or(Value::Null))
}

/// Parses all documents of a stream.
///
/// # Errors
/// Syntax errors, and values that violate the types of YAML 1.1.
pub fn parse_documents(text: &str, numbers: Numbers) -> Result<Vec<Document>, YamlError> {
    read(text, numbers, None, false)
}

/// Parses all documents of a stream and records where each mapping key stands.
///
/// # Errors
/// As [`parse_documents`].
pub fn parse_with_marks(text: &str, numbers: Numbers) -> Result<(Vec<Document>, Marks), YamlError> {
    let mut marks = Marks::new();
    let documents = read(text, numbers, Some(&mut marks), false)?;
    Ok((documents, marks))
}

fn read(
    text: &str,
    numbers: Numbers,
    marks: Option<&mut Marks>,
    only_first: bool,
) -> Result<Vec<Document>, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = &*without_ignored(text);
    let mut reader = Reader {
        numbers,
        anchors: BTreeMap::new(),
        size: Size::default(),
        copied: 0,
        marks,
        path: String::new(),
    };
    let mut options = granit_parser::options! {};
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut documents = Vec::new();
    while let Some(event) = next(&mut parser)? {
        let (event, span) = event;
        match event {
            Event::DocumentStart(..) => {
                reader.anchors.clear();
                let Some((event, span)) = next(&mut parser)? else {
                    break;
                };
                let line = span.start.line();
                let value = reader.node(&mut parser, event, &span)?;
                documents.push(Document { value, line });
                if only_first {
                    break;
                }
            }
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentEnd => {}
            _ => return Err(at(&span, "content outside of a document")),
        }
    }
    Ok(documents)
}

/// Removes what stands between the end of a document (`...`) and the next `---`, because Go does not read it. Line breaks
/// stay, so that positions do.
fn without_ignored(text: &str) -> Cow<'_, str> {
    const END: &str = "\n...";
    if memchr::memmem::find(text.as_bytes(), END.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut ignored = false;
    for line in text.split_inclusive('\n') {
        let is_end = |rest: &str| rest.is_empty() || rest.starts_with(char::is_whitespace);
        if line.starts_with("---") {
            ignored = false;
        } else if !out.is_empty() && line.strip_prefix("...").is_some_and(is_end) {
            ignored = true;
        }
        if ignored {
            // A lone carriage return is a line break, too.
            let breaks = line.replace("\r\n", "\n");
            let breaks = breaks.chars().filter(|c| matches!(c, '\r' | '\n'));
            out.extend(breaks.map(|_| '\n'));
        } else {
            out.push_str(line);
        }
    }
    Cow::Owned(out)
}

type Input<'i> = Parser<'i, granit_parser::StrInput<'i>>;

fn next<'i>(parser: &mut Input<'i>) -> Result<Option<(Event<'i>, Span)>, YamlError> {
    match parser.next_event() {
        None => Ok(None),
        Some(Ok(event)) => Ok(Some(event)),
        Some(Err(error)) => Err(syntax_error(&error)),
    }
}

#[cold]
fn syntax_error(error: &granit_parser::ScanError) -> YamlError {
    YamlError {
        line: error.marker().line().max(1),
        column: error.marker().col() + 1,
        message: reason(error),
    }
}

/// Returns the message of the parser without the position at its end.
fn reason(error: &granit_parser::ScanError) -> String {
    let text = error.to_string();
    text.rsplit_once(" at byte ")
        .or_else(|| text.rsplit_once(" at char "))
        .map_or(text.as_str(), |(reason, _)| reason)
        .to_owned()
}

fn at(span: &Span, message: impl Into<String>) -> YamlError {
    YamlError {
        line: span.start.line().max(1),
        column: span.start.col() + 1,
        message: message.into(),
    }
}

/// The size of a value.
#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    /// The bytes of the strings.
    text: usize,
}

impl Size {
    /// Returns the size of what was read since the size was `before`.
    fn since(self, before: Size) -> Size {
        Size {
            nodes: self.nodes - before.nodes,
            text: self.text - before.text,
        }
    }
}

struct Reader<'m> {
    numbers: Numbers,
    /// Values of anchors by the number that the parser gives them, with their size.
    anchors: BTreeMap<usize, (Value, Size)>,
    /// The size of what was read, with aliases expanded.
    size: Size,
    /// The bytes that were copied.
    copied: usize,
    marks: Option<&'m mut Marks>,
    /// JSON pointer of the current node; only maintained if marks are recorded.
    path: String,
}

impl Reader<'_> {
    /// Counts what is read.
    fn count(&mut self, size: Size, span: &Span) -> Result<(), YamlError> {
        self.size.nodes = self.size.nodes.saturating_add(size.nodes);
        self.size.text = self.size.text.saturating_add(size.text);
        if self.size.nodes > MAX_NODES {
            return Err(at(
                span,
                format!(
                    "the document has more than {MAX_NODES} nodes once its aliases are expanded"
                ),
            ));
        }
        Ok(())
    }

    /// Counts the copy of a value.
    fn count_copy(&mut self, size: Size, span: &Span) -> Result<(), YamlError> {
        let bytes = size.nodes.saturating_mul(NODE_BYTES);
        self.count_bytes(bytes.saturating_add(size.text), span, "aliases")
    }

    fn count_bytes(&mut self, bytes: usize, span: &Span, what: &str) -> Result<(), YamlError> {
        self.copied = self.copied.saturating_add(bytes);
        if self.copied > MAX_COPIED {
            let limit = MAX_COPIED >> 20;
            let message = format!("the {what} of the document take more than {limit} MiB");
            return Err(at(span, message));
        }
        Ok(())
    }

    fn node<'i>(
        &mut self,
        parser: &mut Input<'i>,
        event: Event<'i>,
        span: &Span,
    ) -> Result<Value, YamlError> {
        let before = self.size;
        let text = match &event {
            Event::Scalar(text, ..) => text.len(),
            _ => 0,
        };
        self.count(Size { nodes: 1, text }, span)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag
                    .as_deref()
                    .map(|t| format!("{}{}", t.handle(), t.suffix()));
                (self.scalar(text, style, tag.as_deref(), span)?, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.sequence(parser)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.mapping(parser)?, anchor),
            Event::Alias(anchor) => {
                let contains_itself = || at(span, "an alias that contains itself");
                let found = self.anchors.get(&anchor).map(|(_, size)| *size);
                let size = found.ok_or_else(contains_itself)?;
                self.count(size, span)?;
                self.count_copy(size, span)?;
                let found = self.anchors.get(&anchor).map(|(value, _)| value.clone());
                return found.ok_or_else(contains_itself);
            }
            _ => return Err(at(span, "a value is missing here")),
        };
        if anchor != 0 {
            let size = self.size.since(before);
            self.count_copy(size, span)?;
            self.anchors.insert(anchor, (value.clone(), size));
        }
        Ok(value)
    }

    fn sequence(&mut self, parser: &mut Input<'_>) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        while let Some((event, span)) = next(parser)? {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            let outer = self.enter(|| items.len().to_string(), &span)?;
            items.push(self.node(parser, event, &span)?);
            self.leave(outer);
        }
        Ok(Value::Array(items))
    }

    fn mapping(&mut self, parser: &mut Input<'_>) -> Result<Value, YamlError> {
        let mut map = Map::new();
        while let Some((event, span)) = next(parser)? {
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let is_merge = matches!(
                &event,
                Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<"
            );
            let key = if is_merge {
                String::from("<<")
            } else {
                key_text(self.node(parser, event, &span)?)
                    .ok_or_else(|| at(&span, "null, a list or a map cannot be a key"))?
            };
            let outer = self.enter(|| key.replace('~', "~0").replace('/', "~1"), &span)?;
            let Some((event, value_span)) = next(parser)? else {
                break;
            };
            let value = self.node(parser, event, &value_span)?;
            self.leave(outer);
            if is_merge {
                merge_key(&mut map, value).map_err(|()| {
                    at(
                        &value_span,
                        "a merge key (<<) takes a map or a list of maps",
                    )
                })?;
            } else {
                map.insert(key, value);
            }
        }
        Ok(Value::Object(map))
    }

    /// Extends the path by a key (escaped as in RFC 6901, section 3) and records its position. Returns the length to
    /// restore.
    fn enter(&mut self, key: impl FnOnce() -> String, span: &Span) -> Result<usize, YamlError> {
        let outer = self.path.len();
        if self.marks.is_some() {
            self.path.push('/');
            self.path.push_str(&key());
            self.count_bytes(self.path.len(), span, "positions")?;
        }
        if let Some(marks) = self.marks.as_deref_mut() {
            marks.insert(self.path.clone(), (span.start.line(), span.start.col() + 1));
        }
        Ok(outer)
    }

    fn leave(&mut self, outer: usize) {
        self.path.truncate(outer);
    }

    fn scalar(
        &self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&str>,
        span: &Span,
    ) -> Result<Value, YamlError> {
        let core = tag.and_then(|tag| {
            tag.strip_prefix("tag:yaml.org,2002:")
                .or_else(|| tag.strip_prefix("!!"))
        });
        let resolved = match core {
            Some("binary") => {
                let decoded = decode_binary(&text)
                    .ok_or_else(|| at(span, "the value of !!binary is not base64"))?;
                return Ok(Value::String(decoded));
            }
            Some("bool" | "int" | "float" | "null") => resolve(&text),
            // A tag that is not one of these, or not one of YAML, says nothing about a scalar.
            Some(_) => Scalar::Text,
            None if style == ScalarStyle::Plain && tag.is_none() => resolve(&text),
            None => Scalar::Text,
        };
        let fits = match core {
            Some("null") => resolved == Scalar::Null,
            Some("timestamp") => is_timestamp(&text),
            Some("bool") => matches!(resolved, Scalar::Bool(_)),
            Some("int") => matches!(resolved, Scalar::Int(_) | Scalar::Uint(_)),
            Some("float") => {
                matches!(
                    resolved,
                    Scalar::Int(_) | Scalar::Uint(_) | Scalar::Float(_)
                )
            }
            _ => true,
        };
        if !fits {
            let tag = core.unwrap_or_default();
            return Err(at(span, format!("cannot read `{text}` as !!{tag}")));
        }
        Ok(match resolved {
            Scalar::Null => Value::Null,
            Scalar::Bool(b) => Value::Bool(b),
            Scalar::Text | Scalar::Merge => Value::String(text.into_owned()),
            Scalar::Int(i) => self.number(Number::from(i)),
            Scalar::Uint(u) => self.number(Number::from(u)),
            Scalar::Float(f) => Value::Number(
                Number::from_f64(f)
                    .ok_or_else(|| at(span, format!("JSON has no value for `{text}`")))?,
            ),
        })
    }

    fn number(&self, number: Number) -> Value {
        match self.numbers {
            Numbers::Exact => Value::Number(number),
            Numbers::Floats => number.as_f64().map_or(Value::Null, Value::from),
        }
    }
}

/// Converts a key to a string, as Go does. JSON has no other keys.
fn key_text(key: Value) -> Option<String> {
    Some(match key {
        Value::String(text) => text,
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => match n.as_i64() {
            Some(i) => i.to_string(),
            None => super::float_32_to_text(n.as_f64()?),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    })
}

/// Merges the value of a merge key. As in Go, it overrides what stands before it. In a list, earlier maps override later
/// ones.
fn merge_key(map: &mut Map<String, Value>, value: Value) -> Result<(), ()> {
    match value {
        Value::Object(merged) => map.extend(merged),
        Value::Array(items) => {
            for item in items.into_iter().rev() {
                let Value::Object(merged) = item else {
                    return Err(());
                };
                map.extend(merged);
            }
        }
        _ => return Err(()),
    }
    Ok(())
}

/// Decodes the text of `!!binary`, as Go does: line breaks do not count.
fn decode_binary(text: &str) -> Option<String> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let bytes = ENGINE.decode(text).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn documents_keep_their_types_and_order() {
        let docs = parse_documents("a: y\nb: [1, 1.5, '1']\n---\n- ~\n", Numbers::Exact).unwrap();
        assert_eq!(docs[0].value, json!({"a": true, "b": [1, 1.5, "1"]}));
        assert_eq!(
            docs[1],
            Document {
                value: json!([null]),
                line: 4
            }
        );
    }

    #[test]
    fn values_files_have_only_floats() {
        let value = parse("port: 8200", Numbers::Floats).unwrap();
        assert!(value["port"].is_f64());
    }

    #[test]
    fn all_styles_of_charts_are_read() {
        let text = "\
# a comment
apiVersion: v1
kind: \"ConfigMap\" # and another

metadata:
  annotations:
    \"helm.sh/hook\": pre-install
    'a.b/c': 'it is'
  labels: {}
ports:
- name: http
  port: 8080
-   name: x
    on: # a list that is as deep as its key
    - - a
      - [b, \"c d\", 5, yes]
    -
list:
  - -1
  - 1.5
  - []
  - ~
text: |
  a

    b: c # not a comment
# not the end of the text

end: |-
    x
url: http://a:1/b#c
";
        let documents = parse_documents(text, Numbers::Exact).unwrap();
        assert_eq!(documents.len(), 1);
        assert_eq!(documents[0].line, 2);
        assert_eq!(
            documents[0].value,
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {
                    "annotations": {"helm.sh/hook": "pre-install", "a.b/c": "it is"},
                    "labels": {},
                },
                "ports": [
                    {"name": "http", "port": 8080},
                    {"name": "x", "true": [["a", ["b", "c d", 5, true]], null]},
                ],
                "list": [-1, 1.5, [], null],
                "text": "a\n\n  b: c # not a comment\n",
                "end": "x",
                "url": "http://a:1/b#c",
            })
        );
    }

    #[test]
    fn anchors_and_merge_keys_are_expanded() {
        let text = "base: &b {a: 1, b: 2}\nuse:\n  <<: *b\n  b: 3\nagain: *b\n";
        let value = parse(text, Numbers::Exact).unwrap();
        assert_eq!(value["use"], json!({"a": 1, "b": 3}));
        assert_eq!(value["again"], value["base"]);
    }

    #[test]
    fn a_merge_key_overrides_what_stands_before_it() {
        let table = [
            ("{a: 0, <<: {a: 1, b: 2}, b: 3}", json!({"a": 1, "b": 3})),
            ("{<<: {a: 1, b: 2}, <<: {a: 9}}", json!({"a": 9, "b": 2})),
            (
                "{a: 5, <<: [{a: 7}, {a: 8, d: 1}]}",
                json!({"a": 7, "d": 1}),
            ),
            ("{\"<<\": 1}", json!({"<<": 1})),
        ];
        for (text, want) in table {
            assert_eq!(parse(text, Numbers::Exact), Ok(want), "{text}");
        }
    }

    #[test]
    fn tags_are_read_as_in_go() {
        let table = [
            ("!!string 1234531231", json!("1234531231")),
            ("!local 1", json!("1")),
            ("!local {a: 1}", json!({"a": 1})),
            ("!!str yes", json!("yes")),
            ("!!int \"3\"", json!(3)),
            ("!!bool \"yes\"", json!(true)),
            ("!!null \"\"", json!(null)),
            ("!<tag:yaml.org,2002:int> 3", json!(3)),
            ("!!set {a, b}", json!({"a": null, "b": null})),
            ("!!binary |\n  aGVs\n  bG8=\n", json!("hello")),
            ("!!binary /w==", json!("\u{fffd}")),
            ("!!timestamp 2001-12-14", json!("2001-12-14")),
        ];
        for (text, want) in table {
            assert_eq!(parse(text, Numbers::Exact), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_follows_the_end_of_a_document_is_not_read() {
        let text = "a: |\n  ....\n  ...\n....: 1\n... # end\nb: [\n...\n---\nc: 1\n...\n]";
        let documents = parse_documents(text, Numbers::Exact).unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0].value, json!({"a": "....\n...\n", "....": 1}));
        assert_eq!(
            (&documents[1].value, documents[1].line),
            (&json!({"c": 1}), 9)
        );
        assert_eq!(
            parse("a: 1\n---\nb: [\n", Numbers::Exact),
            Ok(json!({"a": 1}))
        );
    }

    #[test]
    fn keys_that_are_no_text_become_text() {
        let value = parse("1: a\ntrue: b\n1.5: c\n0.123456789: d\n", Numbers::Exact).unwrap();
        assert_eq!(
            value,
            json!({"1": "a", "true": "b", "1.5": "c", "0.12345679": "d"})
        );
    }

    #[test]
    fn marks_tell_where_keys_stand() {
        let (_, marks) =
            parse_with_marks("a:\n  b/c: 1\n  d:\n  - e: 2\n", Numbers::Exact).unwrap();
        assert_eq!(marks["/a/b~1c"], (2, 3));
        assert_eq!(marks["/a/d/0/e"], (4, 5));
    }

    #[test]
    fn errors_have_line_and_column() {
        let table = [
            ("a: 1\nb: [1, 2\n", 2),
            ("a: 1\n  b: 2\n", 2),
            ("a: *x\n", 1),
            ("? [a]\n: 1\n", 1),
            ("a: !!int x\n", 1),
            ("a: .inf\n", 1),
            ("a: b\n~: 1\n", 2),
            ("a: !!binary x\n", 1),
            ("a: !!timestamp x\n", 1),
            ("a: &a [1]\nb:\n  <<: *a\n", 3),
        ];
        for (text, line) in table {
            let error = parse(text, Numbers::Exact).unwrap_err();
            assert_eq!(error.line, line, "{text:?}: {error}");
        }
    }

    /// The last of them may have no end, and a lone carriage return ends a line.
    #[test]
    fn what_is_not_read_keeps_its_lines() {
        for (text, line) in [
            ("a: 1\n...\nb\n---\n- ]", 5),
            ("a: 1\n...\nb\rc\n---\n- ]", 6),
            ("a: 1\n...\rb\n---\n- ]", 5),
            ("a: 1\n...\r\nb\r\n---\n- ]", 5),
            ("%a\n...\nb", 3),
        ] {
            let error = parse_documents(text, Numbers::Exact).unwrap_err();
            assert_eq!(error.line, line, "{text:?}: {error}");
        }
    }

    #[test]
    fn a_bomb_of_aliases_is_refused_before_it_grows() {
        let mut text = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
        for i in 1..12 {
            let before = format!("*a{},", i - 1).repeat(10);
            text.push_str(&format!("a{i}: &a{i} [{before}]\n"));
        }
        let error = parse(&text, Numbers::Exact).unwrap_err();
        assert!(error.message.contains("aliases"), "{error}");
    }

    #[test]
    fn copies_of_long_strings_are_limited() {
        let long = "x".repeat(1 << 20);
        let aliases = format!("a: &a {long}\nb: [{}]\n", "*a,".repeat(200));
        let anchors = format!("{}{long}{}", "&a [".repeat(200), "]".repeat(200));
        let keys = format!("? {long}\n: [{}]\n", "1,".repeat(200));
        for (text, what, line) in [(&aliases, "aliases", 2), (&anchors, "aliases", 1)] {
            let error = parse(text, Numbers::Exact).unwrap_err();
            assert_eq!(error.line, line);
            assert!(error.message.contains(what), "{}", error.message);
        }
        let error = parse_with_marks(&keys, Numbers::Exact).unwrap_err();
        assert_eq!(error.line, 2);
        assert!(error.message.contains("positions"), "{}", error.message);
        assert!(parse(&keys, Numbers::Exact).is_ok());
    }

    /// Lines that YAML gives a meaning to, at depths that often fit together.
    fn any_text() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "- ",
            "- ",
            "a: ",
            "b: ",
            "a:",
            "\"k\": ",
            "'k': ",
            "on: ",
            "x",
            "x y",
            "1",
            "-1",
            "0x1F",
            "1e3",
            ".5",
            "yes",
            "null",
            "~",
            "\"q\"",
            "'q'",
            "\"q: # r\"",
            "''",
            "[]",
            "[a, b]",
            "[a,1 , \"x\"]",
            "[a, [b]]",
            "{}",
            "{a: b}",
            "|",
            "|-",
            "|+",
            ">",
            "# c",
            " # c",
            "#",
            ":",
            "-",
            "?",
            "&a ",
            "*a",
            "!!str ",
            "---",
            "...",
            "%",
            "a:b",
            "http://h:1/p#f",
            "x:",
            "@",
            "`",
            "\\",
            "  ",
            "\t",
            "(a)",
            "ö",
            "…: ",
            "$(A)",
            "/p",
            "<<: ",
            "1.2.3",
            "-x",
            "--x",
        ]);
        let line = (0usize..4, prop::collection::vec(piece, 0..4))
            .prop_map(|(depth, pieces)| format!("{}{}", "  ".repeat(depth), pieces.concat()));
        let end = prop::sample::select(vec!["", "\n", "\n\n"]);
        (prop::collection::vec(line, 1..9), end)
            .prop_map(|(lines, end)| format!("{}{end}", lines.join("\n")))
    }

    /// Texts of one kind of line each: those that most often hold together.
    fn plausible_text() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec![
            "a: 1", "b: x # c", "c:", "d: |", "e: |-", "- x", "- a: 1", "- - x", "-", "- b:",
            "- |", "text", "", "# c", "f: []", "g: \"x\"", "- [a, b]", "h: {}",
        ]);
        let line =
            (0usize..5, line).prop_map(|(depth, line)| format!("{}{line}\n", " ".repeat(depth)));
        prop::collection::vec(line, 1..8).prop_map(|lines| lines.concat())
    }

    fn is_written_back(text: &str) -> Result<(), TestCaseError> {
        // As floats, because `1e3` is written as `1000`.
        for document in parse_documents(text, Numbers::Floats).unwrap_or_default() {
            let written = crate::yaml::to_yaml(&document.value);
            let again = parse(&written, Numbers::Floats)
                .map_err(|e| TestCaseError::fail(format!("{e}\n{written}\n{text}")))?;
            prop_assert_eq!(again, document.value, "{}", text);
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn any_text_is_refused_or_reads_the_same_once_written(text in any_text()) {
            is_written_back(&text)?;
        }

        #[test]
        fn plausible_texts_read_the_same_once_written(text in plausible_text()) {
            is_written_back(&text)?;
        }
    }
}
