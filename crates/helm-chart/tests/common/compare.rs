//! Compares the objects that helm renders with those that this project renders. The tests of `osm` use this file, too.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Panics with the first difference between what helm and this project render.
#[track_caller]
pub fn assert_same(case: &str, helm: &[Value], own: &[Value]) {
    let index = |objects: &[Value]| -> BTreeMap<String, Value> {
        let name = |o: &Value| {
            format!(
                "{} {} {}",
                o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]
            )
        };
        objects.iter().map(|o| (name(o), o.clone())).collect()
    };
    let (helm_index, own_index) = (index(helm), index(own));
    let names = |objects: &BTreeMap<String, Value>| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&helm_index), names(&own_index), "{case}: objects");
    assert_eq!(helm.len(), own.len(), "{case}: number of objects");
    for (name, object) in &helm_index {
        if let Some(difference) = difference(object, &own_index[name], "") {
            panic!("{case}: {name}{difference}");
        }
    }
}

fn difference(helm: &Value, own: &Value, path: &str) -> Option<String> {
    match (helm, own) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter()
                .find_map(|key| match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => difference(a, b, &format!("{path}.{key}")),
                    (a, b) => Some(format!("{path}.{key}: helm {a:?}, own {b:?}")),
                })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(i, (a, b))| difference(a, b, &format!("{path}[{i}]"))),
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => None,
        (a, b) if a == b => None,
        (a, b) => Some(format!("{path}: helm {a}, own {b}")),
    }
}
