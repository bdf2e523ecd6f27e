//! The grammar of `--set` and its siblings, except for `--set-file`, which would read the files that an input names.

use helm_chart::set::{Mode, assign};
use helm_chart::{json, values};
use serde_json::{Map, Value};

/// Applies assignments in each mode.
///
/// # Panics
/// The same assignments give other values when they are applied again, the values of `--set-json` and of an escaped string
/// are not those that were written, or an error points outside of the flag.
pub fn set(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for mode in [Mode::Typed, Mode::Text, Mode::Json, Mode::Literal] {
        let mut values = Map::new();
        match assign(text, mode, &mut values) {
            Ok(()) => {
                let mut again = values.clone();
                if assign(text, mode, &mut again).is_ok() {
                    assert_eq!(values, again, "{mode:?}");
                }
                as_json(&values);
            }
            Err(error) => {
                assert_eq!(error.text, text);
                let length = text.chars().count();
                assert!((1..=length + 1).contains(&error.column), "{error}");
            }
        }
    }
    escaped(text);
}

/// Values are read back from `--set-json`, where all numbers are floats.
fn as_json(values: &Map<String, Value>) {
    let written = json::compact(&Value::Object(values.clone()));
    let read = |text: &str| {
        let mut values = Map::new();
        assign(text, Mode::Json, &mut values).map(|()| values)
    };
    let once = read(&written);
    if let Ok(once) = &once {
        let again = read(&json::compact(&Value::Object(once.clone())));
        assert_eq!(again.as_ref(), Ok(once));
    }
    assert!(once.is_ok(), "{written}: {once:?}");
    let mut merged = values.clone();
    values::merge(&mut merged, values.clone());
    assert_eq!(merged, *values);
}

/// With each character escaped, a string is the value.
fn escaped(text: &str) {
    let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
    let mut values = Map::new();
    let assigned = assign(&format!("a.b={escaped}"), Mode::Text, &mut values);
    assert_eq!(assigned, Ok(()));
    let found = values::lookup(&values, "a.b").and_then(Value::as_str);
    assert_eq!(found, Some(text));
}
