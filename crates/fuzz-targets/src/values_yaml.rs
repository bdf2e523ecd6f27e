//! YAML: values files and manifests.

use helm_chart::yaml::{Document, Numbers, parse, parse_documents, parse_with_marks, to_yaml};
use helm_chart::{ChartError, Object, read_manifest};
use serde_json::Value;

use crate::text::assert_in_yaml;

/// Reads an input as a values file, as a stream of documents and as a manifest.
///
/// # Panics
/// A value that is written and read again is another one, or a position is outside of the text.
pub fn values_yaml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for numbers in [Numbers::Floats, Numbers::Exact] {
        match parse(text, numbers) {
            Ok(value) => round_trip(&value, numbers),
            Err(error) => assert_in_yaml(text, error.line, error.column, &error),
        }
    }
    let documents = parse_documents(text, Numbers::Exact);
    match parse_with_marks(text, Numbers::Exact) {
        Ok((with_marks, marks)) => {
            assert_eq!(documents.as_ref(), Ok(&with_marks));
            for (pointer, (line, column)) in &marks {
                assert_in_yaml(text, *line, *column, pointer);
            }
            for Document { value, line } in &with_marks {
                assert_in_yaml(text, *line, 1, &"a document");
                round_trip(value, Numbers::Exact);
            }
        }
        Err(error) => assert_eq!(documents, Err(error)),
    }
    manifest(text);
}

fn round_trip(value: &Value, numbers: Numbers) {
    let written = to_yaml(value);
    let read = parse(&written, numbers);
    // A whole float is written without a fraction, as Go does, and may be read as an integer.
    let same = read.as_ref().is_ok_and(|read| is_same(value, read));
    assert!(
        same,
        "{value:?} is written as {written:?}, read as {read:?}"
    );
    let again = read.and_then(|read| parse(&to_yaml(&read), numbers));
    assert!(again.as_ref().is_ok_and(|again| is_same(value, again)));
}

fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, a)| other.get(key).is_some_and(|b| is_same(a, b)))
        }
        _ => one == other,
    }
}

/// The manifests of the objects are those of the same objects.
fn manifest(text: &str) {
    match read_manifest("web/templates/all.yaml", text) {
        Ok(objects) => {
            let written = objects.iter().map(|o| format!("---\n{}\n", o.manifest));
            let again = read_manifest("web/templates/all.yaml", &written.collect::<String>());
            let contents = |objects: &[Object]| -> Vec<(Value, Vec<String>, i64)> {
                let content = |o: &Object| (o.value.clone(), o.hooks.clone(), o.hook_weight);
                objects.iter().map(content).collect()
            };
            let again = again.map(|objects| contents(&objects));
            assert!(
                again
                    .as_ref()
                    .is_ok_and(|again| *again == contents(&objects)),
                "{objects:?} are read again as {again:?}"
            );
        }
        Err(ChartError::Object { file, .. }) => {
            assert!(file.starts_with("web/templates/all.yaml"), "{file}");
        }
        Err(error) => unreachable!("{error}"),
    }
}
