//! Sets of fields as `metadata.managedFields` holds them (`FieldsV1`): a tree of path elements.
//!
//! An element is `f:` and a key, `k:` and the keys of a list item as JSON, `v:` and a value of a set, or `i:` and an
//! index; `.` stands for the node itself (Kubernetes API reference, `FieldsV1`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A set of fields, as a tree. The node itself may be in the set, and so may fields below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldSet {
    /// Whether the node itself is in the set.
    pub is_member: bool,
    /// What is below the node, by path element.
    pub children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// Returns whether the set has neither the node nor anything below it.
    pub fn is_empty(&self) -> bool {
        !self.is_member && self.children.is_empty()
    }

    /// Returns the set below a path.
    pub fn at(&self, path: &[&str]) -> Option<&FieldSet> {
        path.iter()
            .try_fold(self, |set, element| set.children.get(*element))
    }

    /// Adds the node at a path, and returns it.
    pub fn insert(&mut self, path: &[&str]) -> &mut FieldSet {
        let mut node = self;
        for element in path {
            node = node.children.entry((*element).to_owned()).or_default();
        }
        node.is_member = true;
        node
    }

    /// Adds all fields of another set.
    pub fn add(&mut self, other: &FieldSet) {
        self.is_member |= other.is_member;
        for (element, child) in &other.children {
            self.children.entry(element.clone()).or_default().add(child);
        }
    }

    /// Removes all fields of another set.
    pub fn remove(&mut self, other: &FieldSet) {
        self.is_member &= !other.is_member;
        for (element, removed) in &other.children {
            if let Some(child) = self.children.get_mut(element) {
                child.remove(removed);
                if child.is_empty() {
                    self.children.remove(element);
                }
            }
        }
    }

    /// Keeps only the fields that an object has.
    pub fn retain_in(&mut self, object: &Value) {
        self.children
            .retain(|element, child| match select(object, element) {
                Some(value) => {
                    child.retain_in(value);
                    true
                }
                None => false,
            });
    }
}

impl From<&Value> for FieldSet {
    /// Reads the `fieldsV1` of an entry. What is not an object counts as empty.
    fn from(fields: &Value) -> FieldSet {
        fn child(value: &Value) -> FieldSet {
            let mut set = FieldSet::from(value);
            // A leaf is an empty object.
            set.is_member |= set.children.is_empty();
            set
        }
        let elements = fields.as_object().into_iter().flatten();
        let mut set = FieldSet::default();
        for (element, value) in elements {
            match element.as_str() {
                "." => set.is_member = true,
                _ => _ = set.children.insert(element.clone(), child(value)),
            }
        }
        set
    }
}

impl From<&FieldSet> for Value {
    /// Writes a `fieldsV1`.
    fn from(set: &FieldSet) -> Value {
        let mut fields = Map::new();
        if set.is_member && !set.children.is_empty() {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (element, child) in &set.children {
            fields.insert(element.clone(), Value::from(child));
        }
        Value::Object(fields)
    }
}

/// Returns what a path element selects in an object. An item of a list is found even if it lacks some of the keys in
/// the element, because the API server may have set their defaults.
pub(super) fn select<'v>(value: &'v Value, element: &str) -> Option<&'v Value> {
    let (kind, selector) = element.split_once(':')?;
    match kind {
        "f" => value.get(selector),
        "i" => value.get(selector.parse::<usize>().ok()?),
        "v" => {
            let wanted: Value = serde_json::from_str(selector).ok()?;
            value.as_array()?.iter().find(|item| **item == wanted)
        }
        "k" => {
            let keys: Map<String, Value> = serde_json::from_str(selector).ok()?;
            let fits = |item: &&Value, is_exact: bool| {
                keys.iter().all(|(key, wanted)| match item.get(key) {
                    Some(found) => found == wanted,
                    None => !is_exact,
                })
            };
            let items = value.as_array()?;
            let exact = items.iter().find(|item| fits(item, true));
            exact.or_else(|| items.iter().find(|item| fits(item, false)))
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_set_is_read_and_written() {
        let fields = json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}},
        });
        let set = FieldSet::from(&fields);
        assert_eq!(Value::from(&set), fields);
        assert!(set.at(&["f:metadata", "f:labels"]).unwrap().is_member);
        assert!(!set.at(&["f:spec", "f:ports"]).unwrap().is_member);
        assert!(FieldSet::from(&json!({})).is_empty());
    }

    #[test]
    fn sets_are_added_and_removed() {
        let set = |fields: Value| FieldSet::from(&fields);
        // The left set, the right one, their sum, and the left one without the right one.
        let table = [
            (
                json!({"f:a": {}}),
                json!({"f:a": {"f:b": {}}}),
                json!({"f:a": {".": {}, "f:b": {}}}),
                json!({"f:a": {}}),
            ),
            (
                json!({"f:a": {".": {}, "f:b": {}}}),
                json!({"f:a": {}}),
                json!({"f:a": {".": {}, "f:b": {}}}),
                json!({"f:a": {"f:b": {}}}),
            ),
            (
                json!({"f:a": {"f:b": {}}, "f:c": {}}),
                json!({"f:a": {"f:b": {}}}),
                json!({"f:a": {"f:b": {}}, "f:c": {}}),
                json!({"f:c": {}}),
            ),
        ];
        for (left, right, sum, difference) in table {
            let mut added = set(left.clone());
            added.add(&set(right.clone()));
            assert_eq!(Value::from(&added), sum, "{left} and {right}");
            let mut removed = set(left.clone());
            removed.remove(&set(right.clone()));
            assert_eq!(Value::from(&removed), difference, "{left} without {right}");
        }
        let mut retained = set(json!({"f:a": {"f:b": {}, "f:c": {}}, "f:d": {}}));
        retained.retain_in(&json!({"a": {"b": 1}}));
        assert_eq!(Value::from(&retained), json!({"f:a": {"f:b": {}}}));
    }

    #[test]
    fn an_element_selects_a_field_or_an_item() {
        let ports =
            json!([{"port": 80, "name": "a"}, {"port": 80, "protocol": "UDP", "name": "b"}]);
        let table = [
            (json!({"a": 1}), "f:a", Some(json!(1))),
            (json!({"a": 1}), "f:b", None),
            (json!(["x", "y"]), "v:\"y\"", Some(json!("y"))),
            (json!(["x", "y"]), "i:0", Some(json!("x"))),
            (json!(["x"]), "i:1", None),
            // The protocol of the first port is a default.
            (
                ports.clone(),
                "k:{\"port\":80,\"protocol\":\"TCP\"}",
                Some(ports[0].clone()),
            ),
            (
                ports.clone(),
                "k:{\"port\":80,\"protocol\":\"UDP\"}",
                Some(ports[1].clone()),
            ),
            (ports, "k:{\"port\":81,\"protocol\":\"TCP\"}", None),
            (json!(1), "k:{\"port\":81}", None),
            (json!({"a": 1}), "nonsense", None),
            (json!([1]), "k:nonsense", None),
        ];
        for (value, element, want) in table {
            assert_eq!(
                select(&value, element),
                want.as_ref(),
                "{element} of {value}"
            );
        }
    }
}
