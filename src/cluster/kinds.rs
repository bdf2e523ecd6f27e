//! From an object's kind to its place in the API (Kubernetes API concepts, "Resource URIs").

use serde_json::Value;

/// Where objects of a kind live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// `v1`, `apps/v1`
    pub api_version: String,
    /// `Deployment`
    pub kind: String,
    /// `deployments`
    pub plural: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

/// The kinds of Kubernetes itself that charts use: known without asking the cluster.
const BUILT_IN: [(&str, &str, &str, bool); 31] = [
    ("v1", "ConfigMap", "configmaps", true),
    ("v1", "Endpoints", "endpoints", true),
    ("v1", "LimitRange", "limitranges", true),
    ("v1", "Namespace", "namespaces", false),
    ("v1", "PersistentVolume", "persistentvolumes", false),
    (
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        true,
    ),
    ("v1", "Pod", "pods", true),
    (
        "v1",
        "ReplicationController",
        "replicationcontrollers",
        true,
    ),
    ("v1", "ResourceQuota", "resourcequotas", true),
    ("v1", "Secret", "secrets", true),
    ("v1", "Service", "services", true),
    ("v1", "ServiceAccount", "serviceaccounts", true),
    ("apps/v1", "DaemonSet", "daemonsets", true),
    ("apps/v1", "Deployment", "deployments", true),
    ("apps/v1", "ReplicaSet", "replicasets", true),
    ("apps/v1", "StatefulSet", "statefulsets", true),
    (
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        true,
    ),
    ("batch/v1", "CronJob", "cronjobs", true),
    ("batch/v1", "Job", "jobs", true),
    ("networking.k8s.io/v1", "Ingress", "ingresses", true),
    (
        "networking.k8s.io/v1",
        "IngressClass",
        "ingressclasses",
        false,
    ),
    (
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "networkpolicies",
        true,
    ),
    (
        "policy/v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        true,
    ),
    (
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
        "clusterroles",
        false,
    ),
    (
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        false,
    ),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", true),
    (
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "rolebindings",
        true,
    ),
    (
        "scheduling.k8s.io/v1",
        "PriorityClass",
        "priorityclasses",
        false,
    ),
    ("storage.k8s.io/v1", "StorageClass", "storageclasses", false),
    (
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        false,
    ),
    (
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        false,
    ),
];

impl Kind {
    /// A kind of Kubernetes itself.
    pub fn built_in(api_version: &str, kind: &str) -> Option<Kind> {
        let known = BUILT_IN
            .iter()
            .find(|known| known.0 == api_version && known.1 == kind)?;
        Some(Kind {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: known.2.to_owned(),
            namespaced: known.3,
        })
    }

    /// The path of all its objects in a namespace; in all namespaces if that is empty.
    pub fn path(&self, namespace: &str) -> String {
        let Kind {
            api_version,
            plural,
            ..
        } = self;
        let root = group_path(api_version);
        match self.namespaced && !namespace.is_empty() {
            true => format!("{root}/namespaces/{namespace}/{plural}"),
            false => format!("{root}/{plural}"),
        }
    }
}

/// The path of a group and version: `/api/v1`, `/apis/apps/v1`.
pub fn group_path(api_version: &str) -> String {
    match api_version.contains('/') {
        true => format!("/apis/{api_version}"),
        false => format!("/api/{api_version}"),
    }
}

/// An object's place: its kind, namespace and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty if it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Place {
    /// The path of the object.
    pub fn path(&self) -> String {
        format!("{}/{}", self.kind.path(&self.namespace), self.name)
    }
}

/// As people name it: `Deployment osm-system/osm-controller`.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Place {
            kind,
            namespace,
            name,
        } = self;
        match namespace.is_empty() {
            true => write!(f, "{} {name}", kind.kind),
            false => write!(f, "{} {namespace}/{name}", kind.kind),
        }
    }
}

/// The text at some keys of an object; empty if there is none.
pub fn text<'v>(object: &'v Value, keys: &[&str]) -> &'v str {
    let found = keys.iter().try_fold(object, |value, key| value.get(key));
    found.and_then(Value::as_str).unwrap_or_default()
}

/// The labels that a workload selects its Pods by, as a query; empty if it selects none.
pub fn selector(workload: &Value) -> String {
    let labels = workload.pointer("/spec/selector/matchLabels");
    let labels: Vec<String> = labels
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    labels.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_their_paths() {
        let table = [
            ("v1", "Namespace", "", "/api/v1/namespaces/x"),
            ("v1", "Secret", "ns", "/api/v1/namespaces/ns/secrets/x"),
            (
                "apps/v1",
                "Deployment",
                "ns",
                "/apis/apps/v1/namespaces/ns/deployments/x",
            ),
        ];
        for (api_version, kind, namespace, path) in table {
            let kind = Kind::built_in(api_version, kind).expect("a built-in kind");
            let place = Place {
                kind,
                namespace: namespace.to_owned(),
                name: "x".to_owned(),
            };
            assert_eq!(place.path(), path);
        }
        assert_eq!(Kind::built_in("v1", "Deployment"), None);
    }
}
