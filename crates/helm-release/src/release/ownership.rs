//! Which release an object belongs to: the label and the annotations that Helm sets.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::fields::text;

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// The release that objects belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'o> {
    /// The name of the release.
    pub name: &'o str,
    /// The namespace of the release.
    pub namespace: &'o str,
}

impl Owner<'_> {
    /// Returns the object with the marks of the release.
    pub(crate) fn mark(&self, object: &Value) -> Value {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            let mut set = |map: &str, key: &str, value: &str| {
                let entry = metadata
                    .entry(map)
                    .or_insert_with(|| Value::Object(Map::new()));
                if !entry.is_object() {
                    *entry = json!({});
                }
                if let Some(entries) = entry.as_object_mut() {
                    entries.insert(key.to_owned(), Value::from(value));
                }
            };
            set("labels", MANAGED_BY, "Helm");
            set("annotations", RELEASE_NAME, self.name);
            set("annotations", RELEASE_NAMESPACE, self.namespace);
        }
        object
    }

    /// Returns whether an object in the cluster has the marks of another release.
    pub(crate) fn is_foreign(&self, object: &Value) -> bool {
        release_name(object).is_some() && !self.owns(object)
    }

    /// Returns whether an object in the cluster has the marks of this release.
    pub(crate) fn owns(&self, object: &Value) -> bool {
        text(object, &["metadata", "labels", MANAGED_BY]) == "Helm"
            && text(object, &["metadata", "annotations", RELEASE_NAME]) == self.name
            && text(object, &["metadata", "annotations", RELEASE_NAMESPACE]) == self.namespace
    }
}

/// Returns the name of the release that an object in the cluster names.
pub fn release_name(object: &Value) -> Option<&str> {
    let name = text(object, &["metadata", "annotations", RELEASE_NAME]);
    (!name.is_empty()).then_some(name)
}

/// Which release an object in the cluster belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// It names no release.
    NoRelease,
    /// It belongs to a release.
    Release {
        /// The name of the release.
        name: String,
        /// The namespace of the release.
        namespace: String,
    },
    /// It names a release, but lacks the label that Helm requires.
    Unlabelled {
        /// The name of the release.
        name: String,
        /// The namespace of the release.
        namespace: String,
    },
}

impl Ownership {
    /// Reads the marks of an object.
    pub(crate) fn read(object: &Value) -> Ownership {
        let Some(name) = release_name(object) else {
            return Ownership::NoRelease;
        };
        let name = name.to_owned();
        let namespace = text(object, &["metadata", "annotations", RELEASE_NAMESPACE]).to_owned();
        match text(object, &["metadata", "labels", MANAGED_BY]) {
            "Helm" => Ownership::Release { name, namespace },
            _ => Ownership::Unlabelled { name, namespace },
        }
    }
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ownership::NoRelease => write!(f, "it belongs to no release"),
            Ownership::Release { name, namespace } => {
                write!(
                    f,
                    "it belongs to the release {name} in namespace {namespace}"
                )
            }
            Ownership::Unlabelled { name, namespace } => write!(
                f,
                "it names the release {name} in namespace {namespace}, but lacks the label {MANAGED_BY}: Helm"
            ),
        }
    }
}

/// Returns whether an object stays when its release is removed (annotation `helm.sh/resource-policy`).
pub(crate) fn is_kept(object: &Value) -> bool {
    text(
        object,
        &["metadata", "annotations", "helm.sh/resource-policy"],
    ) == "keep"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_owns_what_it_marked_and_nothing_else() {
        let owner = Owner {
            name: "web",
            namespace: "ns",
        };
        let other = Owner {
            name: "web",
            namespace: "other",
        };
        let plain = json!({"kind": "Service", "metadata": {"name": "a", "annotations": null}});
        let marked = owner.mark(&plain);
        assert!(owner.owns(&marked) && !other.owns(&marked) && !owner.owns(&plain));
        assert_eq!(Ownership::read(&plain), Ownership::NoRelease);
        let mut unlabelled = marked;
        unlabelled["metadata"]["labels"] = json!({});
        assert!(!owner.owns(&unlabelled));
        let (name, namespace) = ("web".to_owned(), "ns".to_owned());
        let want = Ownership::Unlabelled { name, namespace };
        assert_eq!(Ownership::read(&unlabelled), want);
    }
}
