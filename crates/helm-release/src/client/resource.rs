//! Kinds of objects and where they are in the API (Kubernetes API concepts, "Resource URIs").

use std::borrow::Cow;

use percent_encoding::{AsciiSet, PercentEncode, utf8_percent_encode};

use super::request::RESERVED;

/// What is escaped in a segment of a path.
const SEGMENT: &AsciiSet = &RESERVED.remove(b':');

/// A kind of objects, with its place in the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiResource {
    /// `v1`, `apps/v1`
    pub api_version: Cow<'static, str>,
    /// `Deployment`
    pub kind: Cow<'static, str>,
    /// `deployments`
    pub plural: Cow<'static, str>,
    /// Whether its objects are in a namespace.
    pub namespaced: bool,
}

const fn known(
    namespaced: bool,
    api_version: &'static str,
    kind: &'static str,
    plural: &'static str,
) -> ApiResource {
    ApiResource {
        api_version: Cow::Borrowed(api_version),
        kind: Cow::Borrowed(kind),
        plural: Cow::Borrowed(plural),
        namespaced,
    }
}

const fn namespaced(
    api_version: &'static str,
    name: &'static str,
    plural: &'static str,
) -> ApiResource {
    known(true, api_version, name, plural)
}

const fn cluster_wide(
    api_version: &'static str,
    name: &'static str,
    plural: &'static str,
) -> ApiResource {
    known(false, api_version, name, plural)
}

const ADMISSION: &str = "admissionregistration.k8s.io/v1";
const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// `CustomResourceDefinitions`.
pub const CUSTOM_RESOURCE_DEFINITION: ApiResource = cluster_wide(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
);
/// `Deployments`.
pub const DEPLOYMENT: ApiResource = namespaced("apps/v1", "Deployment", "deployments");
/// `EndpointSlices`.
pub const ENDPOINT_SLICE: ApiResource =
    namespaced("discovery.k8s.io/v1", "EndpointSlice", "endpointslices");
/// `Events`.
pub(crate) const EVENT: ApiResource = namespaced("v1", "Event", "events");
/// `MutatingWebhookConfigurations`.
pub const MUTATING_WEBHOOKS: ApiResource = cluster_wide(
    ADMISSION,
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
);
/// `Namespaces`.
pub const NAMESPACE: ApiResource = cluster_wide("v1", "Namespace", "namespaces");
/// `Nodes`.
pub const NODE: ApiResource = cluster_wide("v1", "Node", "nodes");
/// `Pods`.
pub const POD: ApiResource = namespaced("v1", "Pod", "pods");
/// `Secrets`.
pub const SECRET: ApiResource = namespaced("v1", "Secret", "secrets");
/// `ValidatingWebhookConfigurations`.
pub const VALIDATING_WEBHOOKS: ApiResource = cluster_wide(
    ADMISSION,
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
);

/// The kinds of Kubernetes itself that charts use: no request is needed to know them.
static BUILT_IN: [ApiResource; 33] = [
    CUSTOM_RESOURCE_DEFINITION,
    ENDPOINT_SLICE,
    namespaced("v1", "ConfigMap", "configmaps"),
    namespaced("v1", "Endpoints", "endpoints"),
    namespaced("v1", "LimitRange", "limitranges"),
    NAMESPACE,
    cluster_wide("v1", "PersistentVolume", "persistentvolumes"),
    namespaced("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    POD,
    namespaced("v1", "ReplicationController", "replicationcontrollers"),
    namespaced("v1", "ResourceQuota", "resourcequotas"),
    SECRET,
    namespaced("v1", "Service", "services"),
    namespaced("v1", "ServiceAccount", "serviceaccounts"),
    namespaced("apps/v1", "DaemonSet", "daemonsets"),
    DEPLOYMENT,
    namespaced("apps/v1", "ReplicaSet", "replicasets"),
    namespaced("apps/v1", "StatefulSet", "statefulsets"),
    namespaced(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
    ),
    namespaced("batch/v1", "CronJob", "cronjobs"),
    namespaced("batch/v1", "Job", "jobs"),
    namespaced("networking.k8s.io/v1", "Ingress", "ingresses"),
    cluster_wide("networking.k8s.io/v1", "IngressClass", "ingressclasses"),
    namespaced("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    namespaced("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    cluster_wide(RBAC, "ClusterRole", "clusterroles"),
    cluster_wide(RBAC, "ClusterRoleBinding", "clusterrolebindings"),
    namespaced(RBAC, "Role", "roles"),
    namespaced(RBAC, "RoleBinding", "rolebindings"),
    cluster_wide("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses"),
    cluster_wide("storage.k8s.io/v1", "StorageClass", "storageclasses"),
    MUTATING_WEBHOOKS,
    VALIDATING_WEBHOOKS,
];

impl ApiResource {
    /// Returns a kind of Kubernetes itself.
    pub(crate) fn built_in(api_version: &str, kind: &str) -> Option<ApiResource> {
        let known = BUILT_IN
            .iter()
            .find(|known| known.api_version == api_version && known.kind == kind);
        known.cloned()
    }

    /// Refers to an object of this kind; `namespace` is empty for cluster-wide kinds.
    pub fn at(&self, namespace: &str, name: &str) -> ObjectRef {
        ObjectRef {
            resource: self.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Returns the group of its API; empty for the core group.
    pub(crate) fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// Returns the path of all its objects in a namespace; in all namespaces if that is empty.
    pub(crate) fn path(&self, namespace: &str) -> String {
        let ApiResource {
            api_version,
            plural,
            ..
        } = self;
        let root = group_path(api_version);
        match self.namespaced && !namespace.is_empty() {
            true => format!("{root}/namespaces/{}/{plural}", segment(namespace)),
            false => format!("{root}/{plural}"),
        }
    }
}

/// Returns the path of a group and version: `/api/v1`, `/apis/apps/v1`.
pub(crate) fn group_path(api_version: &str) -> String {
    match api_version.contains('/') {
        true => format!("/apis/{api_version}"),
        false => format!("/api/{api_version}"),
    }
}

/// Escapes a name as one segment of a path (RFC 3986, section 3.3).
fn segment(name: &str) -> PercentEncode<'_> {
    utf8_percent_encode(name, SEGMENT)
}

/// A reference to an object: its kind, namespace and name.
///
/// References are equal if they name the same object: a group serves its objects in each of its versions.
#[derive(Debug, Clone)]
pub struct ObjectRef {
    /// Its kind.
    pub resource: ApiResource,
    /// Its namespace; empty if it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Eq for ObjectRef {}

impl PartialEq for ObjectRef {
    fn eq(&self, other: &ObjectRef) -> bool {
        self.resource.group() == other.resource.group()
            && self.resource.kind == other.resource.kind
            && self.namespace == other.namespace
            && self.name == other.name
    }
}

impl ObjectRef {
    /// Returns the path of the object.
    pub(crate) fn path(&self) -> String {
        format!(
            "{}/{}",
            self.resource.path(&self.namespace),
            segment(&self.name)
        )
    }
}

/// `Deployment shop/web`, or `ClusterRole reader`.
impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ObjectRef {
            resource,
            namespace,
            name,
        } = self;
        match namespace.is_empty() {
            true => write!(f, "{} {name}", resource.kind),
            false => write!(f, "{} {namespace}/{name}", resource.kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_object_follows_from_its_kind() {
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
            let kind = ApiResource::built_in(api_version, kind).expect("a built-in kind");
            assert_eq!(kind.at(namespace, "x").path(), path);
        }
        assert_eq!(ApiResource::built_in("v1", "Deployment"), None);
        let role = ApiResource::built_in(RBAC, "ClusterRole").expect("a built-in kind");
        for (name, path) in [
            ("system:node", "system:node"),
            ("?a", "%3Fa"),
            ("#", "%23"),
            ("a/b", "a%2Fb"),
        ] {
            let all = role.path("");
            assert_eq!(role.at("", name).path(), format!("{all}/{path}"));
        }
    }

    #[test]
    fn references_in_different_versions_of_a_group_are_equal() {
        let of = |api_version: &'static str, kind: &'static str| {
            namespaced(api_version, kind, "things").at("ns", "x")
        };
        let budget = of("policy/v1", "PodDisruptionBudget");
        assert_eq!(budget, of("policy/v1beta1", "PodDisruptionBudget"));
        assert_ne!(budget, of("example.com/v1", "PodDisruptionBudget"));
        assert_ne!(budget, of("policy/v1", "Eviction"));
        assert_ne!(of("v1", "Event"), of("events.k8s.io/v1", "Event"));
    }
}
