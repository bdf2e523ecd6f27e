//! Merges values: files over files, and the values of a user over the defaults of a chart.

use serde_json::{Map, Value};

use super::chart::Chart;

/// Merges `over` into `base`: maps are merged deeply, everything else is replaced. A `null` is kept.
pub fn merge(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => merge(base, over),
            (_, value) => _ = base.insert(key, value),
        }
    }
}

/// Whether a `null` of the user deletes the default now or is kept for a later merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// `null` deletes the default: for the values that templates see.
    Delete,
    /// `null` is kept: for values that are merged again.
    Keep,
}

/// Returns the values of a chart and its subcharts: `user` merged into the defaults of each.
///
/// The values of a subchart are below its name, and `global` is passed on to all of them.
///
/// # Errors
/// A message that names the subchart whose value is not a map.
pub(super) fn coalesce(
    chart: &Chart,
    user: Map<String, Value>,
    nulls: Nulls,
) -> Result<Map<String, Value>, String> {
    let mut values = user;
    for (key, default) in &chart.values {
        let is_subchart = chart.dependencies.iter().any(|d| d.metadata.name == *key);
        let nulls = if is_subchart { Nulls::Keep } else { nulls };
        match (values.get_mut(key), default) {
            (Some(Value::Null), _) if nulls == Nulls::Delete => _ = values.remove(key),
            (Some(Value::Object(own)), Value::Object(default)) => {
                let mut default = default.clone();
                if nulls == Nulls::Delete {
                    drop_nulls(&mut default);
                }
                coalesce_maps(own, default, nulls);
            }
            (Some(_), _) => {}
            (None, Value::Null) if nulls == Nulls::Delete => {}
            (None, default) => {
                let mut default = default.clone();
                if let (Value::Object(map), Nulls::Delete) = (&mut default, nulls) {
                    drop_nulls(map);
                }
                values.insert(key.clone(), default);
            }
        }
    }
    for dependency in &chart.dependencies {
        let name = &dependency.metadata.name;
        let mut own = match values.remove(name) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(map)) => map,
            Some(_) => return Err(format!("{name}: the values of a subchart must be a map")),
        };
        hand_down_globals(&mut own, values.get("global"));
        values.insert(
            name.clone(),
            Value::Object(coalesce(dependency, own, nulls)?),
        );
    }
    Ok(values)
}

/// Adds the entries of `default` that are missing in `own`, deeply.
pub(super) fn coalesce_maps(
    own: &mut Map<String, Value>,
    default: Map<String, Value>,
    nulls: Nulls,
) {
    for (key, default) in default {
        match (own.get_mut(&key), default) {
            (Some(Value::Null), Value::Null) => {}
            (Some(Value::Null), _) if nulls == Nulls::Delete => _ = own.remove(&key),
            (Some(Value::Object(own)), Value::Object(default)) => {
                coalesce_maps(own, default, nulls);
            }
            (Some(_), _) => {}
            (None, default) => _ = own.insert(key, default),
        }
    }
}

fn drop_nulls(map: &mut Map<String, Value>) {
    map.retain(|_, value| !value.is_null());
    for value in map.values_mut() {
        if let Value::Object(map) = value {
            drop_nulls(map);
        }
    }
}

/// Merges the globals of the parent over those of the subchart.
fn hand_down_globals(own: &mut Map<String, Value>, parent: Option<&Value>) {
    let global = own
        .entry("global")
        .or_insert_with(|| Value::Object(Map::new()));
    let (Value::Object(global), Some(Value::Object(parent))) = (global, parent) else {
        return;
    };
    for (key, value) in parent {
        match (global.get_mut(key), value) {
            (Some(Value::Object(own)), Value::Object(parent)) => {
                let mut merged = parent.clone();
                coalesce_maps(&mut merged, std::mem::take(own), Nulls::Keep);
                *own = merged;
            }
            (Some(Value::Object(_)), _) => {}
            (Some(existing), Value::Object(_)) if !existing.is_null() => {}
            _ => _ = global.insert(key.clone(), value.clone()),
        }
    }
}

/// Returns the value at a dotted path (`a.b.c`).
pub fn lookup<'v>(values: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    let mut keys = path.split('.');
    let mut value = values.get(keys.next()?)?;
    for key in keys {
        value = value.as_object()?.get(key)?;
    }
    Some(value)
}

/// Sets the value at a dotted path. Values on the way that are not maps are replaced by maps.
pub fn insert(values: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => _ = values.insert(path.to_owned(), value),
        Some((first, rest)) => {
            let slot = values.entry(first).or_insert(Value::Null);
            if !slot.is_object() {
                *slot = Value::Object(Map::new());
            }
            if let Value::Object(map) = slot {
                insert(map, rest, value);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[allow(clippy::needless_pass_by_value)] // Reads better in a table.
    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn maps_merge_deeply_and_lists_are_replaced() {
        let mut base = map(json!({"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}}));
        merge(&mut base, map(json!({"a": {"c": [3]}, "d": null, "f": 1})));
        assert_eq!(
            Value::Object(base),
            json!({"a": {"b": 1, "c": [3]}, "d": null, "f": 1})
        );
    }

    #[test]
    fn null_deletes_a_default() {
        let chart = Chart {
            values: map(json!({"a": {"b": 1, "c": 2}, "d": 1, "e": null})),
            ..Chart::default()
        };
        let user = map(json!({"a": {"b": null}, "d": null, "x": null}));
        let values = coalesce(&chart, user, Nulls::Delete).unwrap();
        assert_eq!(Value::Object(values), json!({"a": {"c": 2}, "x": null}));
    }

    #[test]
    fn subcharts_get_their_own_values_and_the_globals() {
        let mut sub = Chart {
            values: map(json!({"port": 1, "global": {"z": 1}})),
            ..Chart::default()
        };
        sub.metadata.name = "sub".into();
        let chart = Chart {
            values: map(json!({"sub": {"port": 2}, "global": {"x": 1}})),
            dependencies: vec![sub],
            ..Chart::default()
        };
        let values = coalesce(&chart, map(json!({"global": {"y": 2}})), Nulls::Delete).unwrap();
        assert_eq!(
            Value::Object(values),
            json!({
                "global": {"x": 1, "y": 2},
                "sub": {"port": 2, "global": {"x": 1, "y": 2, "z": 1}},
            })
        );
    }

    #[test]
    fn paths_reach_into_maps() {
        let mut values = map(json!({"a": {"b": 1}}));
        insert(&mut values, "a.c.d", json!(2));
        assert_eq!(lookup(&values, "a.c.d"), Some(&json!(2)));
        assert_eq!(lookup(&values, "a.b.c"), None);
    }
}
