//! Defaults of the API server that depend on another field.
//!
//! The server sets a default when the field is missing. When the other field changes, the old default stays and may no
//! longer be valid or wanted: a Deployment whose strategy becomes `Recreate` would keep the default of `rollingUpdate`
//! and be refused (kubernetes#24198), and an image that gets a tag would keep the pull policy `Always`.

use serde_json::{Value, json};

use crate::fields::{list, text};

/// Where the specification of Pods is in the kinds that have a Pod template which can change.
fn pod_spec_path(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" | "ReplicationController" => {
            Some(&["spec", "template", "spec"])
        }
        "CronJob" => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        _ => None,
    }
}

/// Returns whether a path of field set elements is in the specification of a Pod template.
pub(super) fn is_pod_spec(path: &[&str]) -> bool {
    path.starts_with(&["f:spec", "f:template", "f:spec"])
        || path.starts_with(&["f:spec", "f:jobTemplate", "f:spec", "f:template", "f:spec"])
}

/// Lists the fields of an object whose default is another one for the new object, or is not valid any more, by the
/// elements of their field sets. The new object does not name them.
pub(super) fn dependent_defaults(live: &Value, new: &Value) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let kind = text(new, &["kind"]);
    let mut stale = |path: &[&str]| {
        let pointer = format!("/{}", path.join("/"));
        if live.pointer(&pointer).is_some() && new.pointer(&pointer).is_none() {
            paths.push(path.iter().map(|key| format!("f:{key}")).collect());
        }
    };
    match kind {
        "Deployment" if text(new, &["spec", "strategy", "type"]) == "Recreate" => {
            stale(&["spec", "strategy", "rollingUpdate"]);
        }
        "DaemonSet" | "StatefulSet"
            if text(new, &["spec", "updateStrategy", "type"]) == "OnDelete" =>
        {
            stale(&["spec", "updateStrategy", "rollingUpdate"]);
        }
        "Service" if text(new, &["spec", "sessionAffinity"]) != "ClientIP" => {
            stale(&["spec", "sessionAffinityConfig"]);
        }
        _ => {}
    }
    if let Some(path) = pod_spec_path(kind) {
        let pointer = format!("/{}", path.join("/"));
        if let (Some(live), Some(new)) = (live.pointer(&pointer), new.pointer(&pointer)) {
            let prefix: Vec<String> = path.iter().map(|key| format!("f:{key}")).collect();
            let inner = pod_spec_defaults(live, new).into_iter();
            paths.extend(inner.map(|path| [prefix.clone(), path].concat()));
        }
    }
    paths
}

/// As [`dependent_defaults`], for the specification of a Pod.
fn pod_spec_defaults(live: &Value, new: &Value) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let is_host_network = new.get("hostNetwork") == Some(&Value::Bool(true));
    for key in ["initContainers", "containers"] {
        for (live, new) in pairs(live, new, key, "name") {
            let path = [
                format!("f:{key}"),
                item(&json!({"name": text(new, &["name"])})),
            ];
            let policy = text(live, &["imagePullPolicy"]);
            let is_named = new.get("imagePullPolicy").is_some();
            if !is_named
                && !policy.is_empty()
                && policy != default_pull_policy(text(new, &["image"]))
            {
                paths.push([&path[..], &["f:imagePullPolicy".to_owned()]].concat());
            }
            if is_host_network {
                continue;
            }
            for (live, new) in pairs(live, new, "ports", "containerPort") {
                if live.get("hostPort").is_some() && new.get("hostPort").is_none() {
                    let protocol = live.get("protocol").and_then(Value::as_str);
                    let port = item(&json!({
                        "containerPort": new.get("containerPort"),
                        "protocol": protocol.unwrap_or("TCP"),
                    }));
                    let rest = ["f:ports".to_owned(), port, "f:hostPort".to_owned()];
                    paths.push([&path[..], &rest].concat());
                }
            }
        }
    }
    for (live, new) in pairs(live, new, "volumes", "name") {
        let has_source = new.as_object().is_some_and(|keys| keys.len() > 1);
        // A volume without a source is an empty folder.
        if has_source && live.get("emptyDir").is_some() && new.get("emptyDir").is_none() {
            let volume = item(&json!({"name": text(new, &["name"])}));
            paths.push(["f:volumes".to_owned(), volume, "f:emptyDir".to_owned()].to_vec());
        }
    }
    // `serviceAccount` is the old name of the field, which the server keeps equal to the new one.
    let keys = ["serviceAccount", "serviceAccountName"];
    if keys.iter().all(|key| new.get(key).is_none()) && live.get("serviceAccount").is_some() {
        paths.extend(keys.map(|key| vec![format!("f:{key}")]));
    }
    paths
}

/// Pairs the items of a list in the cluster with those of the new list that have the same key.
fn pairs<'v>(
    live: &'v Value,
    new: &'v Value,
    list_key: &str,
    key: &'v str,
) -> Vec<(&'v Value, &'v Value)> {
    let protocol = |item: &Value| match text(item, &["protocol"]) {
        "" => "TCP".to_owned(),
        named => named.to_owned(),
    };
    let is_same = |a: &Value, b: &Value| a.get(key) == b.get(key) && protocol(a) == protocol(b);
    let live = list(live, list_key);
    let pair = |new: &'v Value| Some((live.iter().find(|live| is_same(live, new))?, new));
    list(new, list_key).iter().filter_map(pair).collect()
}

/// Returns the element of a list item in a field set.
fn item(keys: &Value) -> String {
    format!("k:{keys}")
}

/// Returns the pull policy of an image for which none is named (Kubernetes, "Images", "Imagepullpolicy defaulting").
fn default_pull_policy(image: &str) -> &'static str {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let file = name.rsplit_once('/').map_or(name, |(_, file)| file);
    match (file.split_once(':'), digest) {
        (Some((_, "latest")), _) | (None, None) => "Always",
        _ => "IfNotPresent",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_default_pull_policy_depends_on_the_tag() {
        let table = [
            ("web", "Always"),
            ("registry.test:5000/web", "Always"),
            ("web:latest", "Always"),
            ("web:latest@sha256:0", "Always"),
            ("web@sha256:0", "IfNotPresent"),
            ("web:1", "IfNotPresent"),
            ("registry.test:5000/web:1", "IfNotPresent"),
        ];
        for (image, want) in table {
            assert_eq!(default_pull_policy(image), want, "{image}");
        }
    }

    #[test]
    fn defaults_that_no_longer_hold_are_listed() {
        let deployment =
            |spec: Value| json!({"kind": "Deployment", "spec": {"template": {"spec": spec}}});
        let container = |more: Value| {
            let mut container = json!({"name": "main", "image": "web:1"});
            container
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            deployment(json!({"containers": [container]}))
        };
        let main = "f:spec f:template f:spec f:containers k:{\"name\":\"main\"}";
        // The object in the cluster, the new one, and the fields whose default has to be set again.
        let table = [
            (
                json!({"kind": "Deployment", "spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}}),
                json!({"kind": "Deployment", "spec": {"strategy": {"type": "Recreate"}}}),
                vec!["f:spec f:strategy f:rollingUpdate".to_owned()],
            ),
            (
                json!({"kind": "Deployment", "spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}}),
                json!({"kind": "Deployment", "spec": {}}),
                vec![],
            ),
            (
                json!({"kind": "Service", "spec": {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {}}}),
                json!({"kind": "Service", "spec": {}}),
                vec!["f:spec f:sessionAffinityConfig".to_owned()],
            ),
            (
                container(json!({"imagePullPolicy": "Always"})),
                container(json!({})),
                vec![format!("{main} f:imagePullPolicy")],
            ),
            (
                container(json!({"imagePullPolicy": "IfNotPresent"})),
                container(json!({})),
                vec![],
            ),
            (
                container(json!({"imagePullPolicy": "Always"})),
                container(json!({"imagePullPolicy": "Never"})),
                vec![],
            ),
            (
                container(
                    json!({"ports": [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]}),
                ),
                container(json!({"ports": [{"containerPort": 80}]})),
                vec![format!(
                    "{main} f:ports k:{{\"containerPort\":80,\"protocol\":\"TCP\"}} f:hostPort"
                )],
            ),
            (
                deployment(json!({"volumes": [{"name": "v", "emptyDir": {}}]})),
                deployment(json!({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]})),
                vec!["f:spec f:template f:spec f:volumes k:{\"name\":\"v\"} f:emptyDir".to_owned()],
            ),
            (
                deployment(json!({"serviceAccount": "a", "serviceAccountName": "a"})),
                deployment(json!({})),
                vec![
                    "f:spec f:template f:spec f:serviceAccount".to_owned(),
                    "f:spec f:template f:spec f:serviceAccountName".to_owned(),
                ],
            ),
        ];
        for (live, new, want) in table {
            let found: Vec<String> = dependent_defaults(&live, &new)
                .into_iter()
                .map(|path| path.join(" "))
                .collect();
            assert_eq!(found, want, "{live} to {new}");
        }
    }
}
