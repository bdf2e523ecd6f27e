//! Lists all objects of a cluster by discovery, and compares two such lists.

use std::collections::BTreeMap;

use serde_json::Value;
use transport::SendError;

use super::api::{Client, request};

/// Kinds whose objects change by themselves.
const RESTLESS: [&str; 4] = ["ComponentStatus", "Event", "Lease", "Node"];

/// An object and its path in the API.
pub struct Located {
    pub path: String,
    pub object: Value,
}

/// Reads all objects, by `group/version/Kind/namespace/name`.
pub async fn objects(client: &Client) -> Result<BTreeMap<String, Value>, SendError> {
    let located = locate_objects(client).await?.into_iter();
    Ok(located.map(|(key, found)| (key, found.object)).collect())
}

/// As [`objects`], each with its path.
pub async fn locate_objects(client: &Client) -> Result<BTreeMap<String, Located>, SendError> {
    let mut found = BTreeMap::new();
    let get = async |path: String| -> Result<Value, SendError> {
        match request(client, "GET", &path, None).await? {
            (200, value) => Ok(value),
            // The kind may have been removed since it was discovered.
            _ => Ok(Value::Null),
        }
    };
    for (group, versions) in groups(&get("/apis".to_owned()).await?) {
        let mut seen = Vec::new();
        // A kind that the preferred version lacks may be in another version.
        for version in versions {
            let (api, group_version) = match group.is_empty() {
                true => ("/api", version.clone()),
                false => ("/apis", format!("{group}/{version}")),
            };
            let resources = get(format!("{api}/{group_version}")).await?;
            for resource in items(&resources["resources"]) {
                let (plural, kind) = (text(&resource["name"]), text(&resource["kind"]));
                let listable = items(&resource["verbs"]).iter().any(|verb| verb == "list");
                let restless = RESTLESS.contains(&kind);
                if !listable || restless || seen.contains(&kind.to_owned()) {
                    continue;
                }
                seen.push(kind.to_owned());
                let list = get(format!("{api}/{group_version}/{plural}")).await?;
                for object in items(&list["items"]) {
                    let metadata = &object["metadata"];
                    let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
                    let key = format!("{group}/{version}/{kind}/{namespace}/{name}");
                    let within = match namespace {
                        "" => String::new(),
                        namespace => format!("namespaces/{namespace}/"),
                    };
                    let located = Located {
                        path: format!("{api}/{group_version}/{within}{plural}/{name}"),
                        object: object.clone(),
                    };
                    found.insert(key, located);
                }
            }
        }
    }
    Ok(found)
}

/// Returns whether each active namespace has the objects that the controllers create in it.
pub fn has_default_objects(objects: &BTreeMap<String, Value>) -> bool {
    let namespaces = objects
        .range("/v1/Namespace//".to_owned()..)
        .map_while(|(key, object)| Some((key.strip_prefix("/v1/Namespace//")?, object)))
        .filter(|(_, object)| object["status"]["phase"] == "Active");
    let mut defaults = namespaces.flat_map(|(name, _)| {
        [
            format!("/v1/ConfigMap/{name}/kube-root-ca.crt"),
            format!("/v1/ServiceAccount/{name}/default"),
        ]
    });
    defaults.all(|key| objects.contains_key(&key))
}

/// Returns each group with its versions, the preferred one first.
fn groups(discovery: &Value) -> Vec<(String, Vec<String>)> {
    let mut groups = vec![(String::new(), vec!["v1".to_owned()])];
    for group in items(&discovery["groups"]) {
        let mut versions = vec![text(&group["preferredVersion"]["version"]).to_owned()];
        for version in items(&group["versions"]) {
            let version = text(&version["version"]).to_owned();
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        groups.push((text(&group["name"]).to_owned(), versions));
    }
    groups
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Describes the first difference; `None` if there is none.
pub fn first_difference(
    wanted: &BTreeMap<String, Value>,
    found: &BTreeMap<String, Value>,
) -> Option<String> {
    let mut keys = wanted.keys().chain(found.keys());
    keys.find_map(|key| match (wanted.get(key), found.get(key)) {
        (Some(a), Some(b)) if a == b => None,
        (Some(a), Some(b)) => Some(format!("{key} was {a}\nand is {b}")),
        (Some(_), None) => Some(format!("{key} is gone")),
        (None, _) => Some(format!("{key} is new")),
    })
}
