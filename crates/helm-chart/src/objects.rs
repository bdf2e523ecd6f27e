//! Parses rendered templates into Kubernetes objects: splits documents, finds hooks, and sorts by kind.

use serde_json::{Map, Value};

use super::error::ChartError;
use crate::json::text;
use crate::yaml::{self, Numbers};

/// A Kubernetes object that a chart rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The whole object.
    pub value: Value,
    /// The template that rendered it: `web/templates/rbac.yaml`.
    pub source: String,
    /// The rendered text, without the `---` around it.
    pub manifest: String,
    /// The events that it is a hook for; empty if it is part of the release itself.
    pub hooks: Vec<String>,
    /// The weight of a hook. Hooks with a lower weight run first.
    pub hook_weight: i64,
}

impl Object {
    /// Returns the kind of the object.
    pub fn kind(&self) -> &str {
        text(&self.value, &["kind"])
    }

    /// Returns the group and version of the object.
    pub fn api_version(&self) -> &str {
        text(&self.value, &["apiVersion"])
    }

    /// Returns the name of the object.
    pub fn name(&self) -> &str {
        text(&self.value, &["metadata", "name"])
    }

    /// Returns the namespace of the object; empty if it has none.
    pub fn namespace(&self) -> &str {
        text(&self.value, &["metadata", "namespace"])
    }

    /// Returns whether the object is a hook.
    pub fn is_hook(&self) -> bool {
        !self.hooks.is_empty()
    }
}

/// The order in which Helm installs kinds. Unknown kinds come last, by name.
const INSTALL_ORDER: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Returns the sort key of a kind in Helm's install order.
pub fn install_rank(kind: &str) -> (usize, &str) {
    match INSTALL_ORDER.iter().position(|k| *k == kind) {
        Some(at) => (at, ""),
        None => (INSTALL_ORDER.len(), kind),
    }
}

/// The hook events of Helm.
const HOOK_EVENTS: [&str; 9] = [
    "pre-install",
    "post-install",
    "pre-delete",
    "post-delete",
    "pre-upgrade",
    "post-upgrade",
    "pre-rollback",
    "post-rollback",
    "test",
];

/// Parses rendered files. Returns the objects of the release, followed by the hooks, each in Helm's install order and
/// otherwise as rendered. The items of a List become objects of their own.
///
/// # Errors
/// [`ChartError::Object`] for output that is not YAML or not an object.
pub(super) fn collect(
    rendered: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<Object>, ChartError> {
    let mut objects = Vec::new();
    for (source, text) in rendered {
        for (line, document) in split(&text) {
            objects.extend(self::objects(&source, line, document)?);
        }
    }
    objects.sort_by(|a, b| a.source.cmp(&b.source));
    objects.sort_by_cached_key(|object| {
        let (rank, kind) = install_rank(object.kind());
        (object.is_hook(), rank, kind.to_owned())
    });
    Ok(objects)
}

/// Parses a rendered manifest, for example that of an earlier release. `name` is its path in errors. The order is that of
/// [`Chart::render`](crate::Chart::render).
///
/// # Errors
/// [`ChartError::Object`] if a document is not YAML or not a Kubernetes object.
pub fn read_manifest(name: &str, text: &str) -> Result<Vec<Object>, ChartError> {
    collect([(name.to_owned(), text.to_owned())])
}

/// Splits rendered text into documents. Returns each with its first line, counted from 1.
///
/// As in Helm, a document begins where a line begins with `---`, whatever follows (`---apiVersion: v1`), and blanks before
/// a document do not count.
fn split(text: &str) -> Vec<(usize, &str)> {
    let start = text.len() - text.trim_start().len();
    let mut separators = Vec::new();
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        if line.starts_with("---") {
            separators.push(at);
        }
        at += line.len();
    }
    let starts = std::iter::once(start).chain(separators.iter().map(|at| at + "---".len()));
    let ends = separators.iter().copied().chain([text.len()]);
    let (mut counted, mut line) = (0, 1);
    let mut documents = Vec::new();
    for (start, end) in starts.zip(ends) {
        let document = text[start..end].trim_start();
        if !document.is_empty() {
            let first = end - document.len();
            line += text[counted..first].matches('\n').count();
            counted = first;
            documents.push((line, document));
        }
    }
    documents
}

fn objects(source: &str, line: usize, document: &str) -> Result<Vec<Object>, ChartError> {
    let wrong = |line: usize, message: String| ChartError::Object {
        file: format!("{source} (rendered line {line})"),
        message,
    };
    let value = yaml::parse(document, Numbers::Exact).map_err(|e| {
        let bad = document
            .lines()
            .nth(e.line.saturating_sub(1))
            .unwrap_or_default()
            .trim();
        wrong(
            line + e.line - 1,
            format!("the rendered text is not YAML: {}: {bad:?}", e.message),
        )
    })?;
    let Value::Object(map) = &value else {
        if value.is_null() {
            return Ok(Vec::new());
        }
        return Err(wrong(
            line,
            "the rendered text is not a Kubernetes object".to_owned(),
        ));
    };
    if map.is_empty() {
        return Ok(Vec::new());
    }
    let annotations = map.get("metadata").and_then(|m| m.get("annotations"));
    let annotation = |name: &str| annotations?.get(name)?.as_str();
    let hooks: Vec<String> = annotation("helm.sh/hook")
        .map(|events| events.split(',').map(|e| e.trim().to_lowercase()).collect())
        .unwrap_or_default();
    let hook_weight = annotation("helm.sh/hook-weight")
        .and_then(|w| w.parse().ok())
        .unwrap_or_default();
    let check = |value: &Value| {
        for key in ["apiVersion", "kind"] {
            if text(value, &[key]).is_empty() {
                return Err(wrong(line, format!("the object has no {key}")));
            }
        }
        if text(value, &["metadata", "name"]).is_empty() {
            let kind = text(value, &["kind"]);
            return Err(wrong(line, format!("the {kind} has no metadata.name")));
        }
        Ok(())
    };
    let items = list_items(&value);
    if items.is_none() {
        check(&value)?;
    }
    // Helm skips objects for unknown events.
    if hooks
        .iter()
        .any(|e| !HOOK_EVENTS.contains(&e.as_str()) && e != "test-success")
    {
        return Ok(Vec::new());
    }
    let object = |value: Value, manifest: String| Object {
        source: source.to_owned(),
        manifest,
        hooks: hooks.clone(),
        hook_weight,
        value,
    };
    let Some(items) = items else {
        let manifest = document.trim_matches('\n').to_owned();
        return Ok(vec![object(value, manifest)]);
    };
    let items = items.into_iter().map(|item| {
        check(&item)?;
        let manifest = yaml::to_yaml(&item).trim_matches('\n').to_owned();
        Ok(object(item, manifest))
    });
    items.collect()
}

/// Returns the items of a List, with their kind and with the Helm annotations of the List; `None` if it is not a List.
fn list_items(value: &Value) -> Option<Vec<Value>> {
    let kind = text(value, &["kind"]).strip_suffix("List")?;
    let items = match value.get("items")? {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        _ => return None,
    };
    let annotations = value.pointer("/metadata/annotations");
    let annotations = annotations.and_then(Value::as_object).into_iter().flatten();
    let annotations: Vec<_> = annotations
        .filter(|(key, _)| key.starts_with("helm.sh/"))
        .collect();
    let item = |item: &Value| {
        let mut item = item.clone();
        if let (Some(item), false) = (item.as_object_mut(), kind.is_empty()) {
            let api_version = text(value, &["apiVersion"]);
            item.entry("apiVersion")
                .or_insert_with(|| api_version.into());
            item.entry("kind").or_insert_with(|| kind.into());
        }
        for (key, annotation) in &annotations {
            annotate(&mut item, key, annotation);
        }
        item
    };
    Some(items.iter().map(item).collect())
}

/// Adds an annotation to an object. Other values are left unchanged; a later check refuses them.
fn annotate(object: &mut Value, key: &str, annotation: &Value) {
    let mut at = object;
    for name in ["metadata", "annotations"] {
        let Some(map) = at.as_object_mut() else {
            return;
        };
        at = map.entry(name).or_insert(Value::Null);
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
    }
    if let Some(map) = at.as_object_mut() {
        map.insert(key.to_owned(), annotation.clone());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let objects = collect(vec![("t.yaml".into(), text.into())]).unwrap();
        objects
            .iter()
            .map(|o| format!("{}/{}", o.kind(), o.name()))
            .collect()
    }

    fn doc(kind: &str, name: &str) -> String {
        format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n")
    }

    #[test]
    fn documents_are_split_and_ordered_by_kind() {
        let text = format!(
            "---\n# only a comment\n---\n{}---\n{}--- # note\n{}\n---\n\n",
            doc("Zebra", "z"),
            doc("Deployment", "d"),
            doc("ServiceAccount", "s"),
        );
        assert_eq!(
            names(&text),
            ["ServiceAccount/s", "Deployment/d", "Zebra/z"]
        );
    }

    /// helm#31867
    #[test]
    fn a_line_that_begins_with_a_separator_begins_a_document() {
        let (a, b) = (doc("A", "a"), doc("B", "b"));
        for (text, line) in [
            (format!("---{a}---{b}"), 5),
            (format!("\n \t\n  ---\t {a}---\n\n{b}"), 9),
            (format!("{a}---\r\n\r\n  {b}--- # the end\n---\n"), 7),
            (format!("  {a}\n--- \t# note\n{b}"), 6),
        ] {
            assert_eq!(names(&text), ["A/a", "B/b"], "{text}");
            assert_eq!(
                split(&text).get(1).map(|(line, _)| *line),
                Some(line),
                "{text}"
            );
        }
        // Four hyphens are a separator and the begin of a list.
        assert_eq!(split("a\n----b\n"), [(1, "a\n"), (2, "-b\n")]);
    }

    #[test]
    fn a_separator_inside_of_text_splits_nothing() {
        let text =
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: |\n    ---\n    b\n";
        assert_eq!(names(text), ["ConfigMap/a"]);
    }

    #[test]
    fn hooks_come_last_and_unknown_events_not_at_all() {
        let hook = |event: &str| {
            format!(
                "{}  annotations: {{helm.sh/hook: {event}}}\n",
                doc("Job", event)
            )
        };
        let text = format!(
            "{}---\n{}---\n{}",
            hook("pre-install"),
            hook("moon"),
            doc("Zebra", "z")
        );
        assert_eq!(names(&text), ["Zebra/z", "Job/pre-install"]);
    }

    #[test]
    fn output_that_is_not_an_object_is_refused_with_its_position() {
        for text in [
            "a: [",
            "text",
            "kind: Pod",
            "apiVersion: v1\nkind: Pod",
            "x\n---\na: b: c",
        ] {
            let error = collect(vec![("t.yaml".into(), text.into())]).unwrap_err();
            assert!(
                error.to_string().starts_with("t.yaml (rendered line "),
                "{error}"
            );
        }
    }
}
