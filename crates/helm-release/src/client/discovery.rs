//! What an API server serves: its groups, versions and kinds (Kubernetes API concepts, "API discovery").

use serde_json::Value;

use super::resource::ApiResource;
use crate::fields::{list, text};

/// The media types to ask for: all groups with their kinds in one answer ("Aggregated discovery"), or at least the
/// groups.
pub(super) const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// What an API server serves.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    versions: Vec<ServedVersion>,
}

/// A version of a group.
#[derive(Debug)]
struct ServedVersion {
    /// `v1`, `apps/v1`
    api_version: String,
    resources: Vec<ApiResource>,
    /// Whether the server could list all its kinds.
    is_complete: bool,
}

impl Discovery {
    /// Reads the answers for `/api` and `/apis`.
    pub fn parse(core: &Value, groups: &Value) -> Discovery {
        let mut versions = Vec::new();
        for answer in [core, groups] {
            // Without kinds, the versions of the core group are not in a list of groups.
            let core = answer.get("versions").map(|_| answer);
            let groups = list(answer, "groups").iter().chain(list(answer, "items"));
            for group in core.into_iter().chain(groups) {
                let name = match text(group, &["metadata", "name"]) {
                    "" => text(group, &["name"]),
                    name => name,
                };
                let served = list(group, "versions");
                versions.extend(served.iter().map(|version| served_version(name, version)));
            }
        }
        Discovery { versions }
    }

    /// Returns whether the server listed any kinds. An older server lists them for each version separately.
    pub fn has_kinds(&self) -> bool {
        self.versions.iter().any(|v| !v.resources.is_empty())
    }

    /// Lists the versions of all groups: `v1`, `apps/v1`.
    pub fn api_versions(&self) -> impl Iterator<Item = &str> {
        self.versions.iter().map(|v| v.api_version.as_str())
    }

    /// Lists the kinds of each version: `apps/v1/Deployment`.
    pub fn kinds(&self) -> impl Iterator<Item = String> {
        self.versions.iter().flat_map(|version| {
            let kinds = version.resources.iter().map(|resource| &resource.kind);
            kinds.map(|kind| format!("{}/{kind}", version.api_version))
        })
    }

    /// Adds the kinds of a version from the answer for its own path.
    pub fn add(&mut self, api_version: &str, answer: &Value) {
        let version = self
            .versions
            .iter_mut()
            .find(|v| v.api_version == api_version);
        if let Some(version) = version {
            version.resources = listed_resources(api_version, answer);
            version.is_complete = true;
        }
    }

    /// Finds a kind.
    pub fn find(&self, api_version: &str, kind: &str) -> Option<ApiResource> {
        let mut all = self.versions.iter().flat_map(|v| &v.resources);
        all.find(|r| r.api_version == api_version && r.kind == kind)
            .cloned()
    }

    /// Returns whether a version is served whose kinds could not all be listed.
    pub fn is_incomplete(&self, api_version: &str) -> bool {
        let mut versions = self.versions.iter();
        versions.any(|v| v.api_version == api_version && !v.is_complete)
    }

    /// Lists the versions of a group, the preferred one first.
    pub fn versions_of<'d>(&'d self, group: &'d str) -> impl Iterator<Item = &'d str> {
        self.api_versions().filter(move |version| {
            let of = version.split_once('/').map_or("", |(group, _)| group);
            of == group
        })
    }
}

fn served_version(group: &str, version: &Value) -> ServedVersion {
    let short = match version {
        Value::String(version) => version,
        _ => text(version, &["version"]),
    };
    let api_version = match group {
        "" => short.to_owned(),
        group => format!("{group}/{short}"),
    };
    let listed = version.get("resources").is_some();
    let resources = list(version, "resources")
        .iter()
        .map(|resource| ApiResource {
            api_version: api_version.clone().into(),
            kind: text(resource, &["responseKind", "kind"]).to_owned().into(),
            plural: text(resource, &["resource"]).to_owned().into(),
            namespaced: text(resource, &["scope"]) == "Namespaced",
        })
        .collect();
    ServedVersion {
        resources,
        is_complete: listed && text(version, &["freshness"]) != "Stale",
        api_version,
    }
}

/// Reads the answer for the path of a version (`APIResourceList`), without its subresources.
pub(super) fn listed_resources(api_version: &str, answer: &Value) -> Vec<ApiResource> {
    list(answer, "resources")
        .iter()
        .filter(|resource| !text(resource, &["name"]).contains('/'))
        .map(|resource| ApiResource {
            api_version: api_version.to_owned().into(),
            kind: text(resource, &["kind"]).to_owned().into(),
            plural: text(resource, &["name"]).to_owned().into(),
            namespaced: resource.get("namespaced") == Some(&Value::Bool(true)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn aggregated_and_older_answers_give_the_same_kinds() {
        let aggregated = Discovery::parse(
            &json!({"items": [{"metadata": {}, "versions": [{"version": "v1", "resources": [
                {"resource": "pods", "responseKind": {"kind": "Pod"}, "scope": "Namespaced"}]}]}]}),
            &json!({"items": [{"metadata": {"name": "example.com"}, "versions": [
                {"version": "v2", "resources": [
                    {"resource": "things", "responseKind": {"kind": "Thing"}, "scope": "Cluster"}]},
                {"version": "v1", "freshness": "Stale", "resources": []}]}]}),
        );
        let mut older = Discovery::parse(
            &json!({"versions": ["v1"]}),
            &json!({"groups": [{"name": "example.com", "versions": [
                {"version": "v2"}, {"version": "v1"}]}]}),
        );
        assert!(aggregated.has_kinds() && !older.has_kinds());
        older.add(
            "v1",
            &json!({"resources": [{"name": "pods", "kind": "Pod", "namespaced": true},
                {"name": "pods/status", "kind": "Pod", "namespaced": true}]}),
        );
        let things =
            json!({"resources": [{"name": "things", "kind": "Thing", "namespaced": false}]});
        older.add("example.com/v2", &things);
        for discovery in [aggregated, older] {
            let kinds: Vec<String> = discovery.kinds().collect();
            assert_eq!(kinds, ["v1/Pod", "example.com/v2/Thing"]);
            let thing = discovery.find("example.com/v2", "Thing");
            assert!(thing.is_some_and(|thing| thing.plural == "things" && !thing.namespaced));
            assert!(discovery.is_incomplete("example.com/v1"));
            assert!(!discovery.is_incomplete("example.com/v2"));
            let versions: Vec<&str> = discovery.versions_of("example.com").collect();
            assert_eq!(versions, ["example.com/v2", "example.com/v1"]);
        }
    }
}
