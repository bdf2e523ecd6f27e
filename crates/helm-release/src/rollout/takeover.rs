//! Takes over the fields of an object that earlier installers of its release own, before the object is applied.
//!
//! A server-side apply removes only what the same field manager applied before. What Helm, `kubectl apply` or another
//! installer set would stay, so that a list could have an item twice under two keys (kubernetes#80914). The fields of
//! these field managers therefore become our own; then the API server removes those that the new object lacks. Fields
//! of other field managers stay theirs, such as the number of replicas that an autoscaler chose.

use serde_json::{Value, json};

use super::defaults::{dependent_defaults, is_pod_spec};
use super::field_set::{FieldSet, select};
use crate::client::{Client, ClientError, ObjectRef};
use crate::fields::{list_at, text};
use crate::time;

/// How often the fields of an object are taken over at most, if others change the object at the same time.
const ATTEMPTS: usize = 5;

/// The annotation that an object has from whoever installed it as part of a release.
const INSTALLER_MARK: [&str; 3] = ["f:metadata", "f:annotations", "f:meta.helm.sh/release-name"];
/// The annotation with the last configuration of a client-side `kubectl apply`.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Field managers that apply whole objects, on the server side.
const APPLIERS: [&str; 2] = ["helm", "kubectl"];
/// Field managers that send whole objects, and compare them on the client side.
const UPDATERS: [&str; 3] = ["helm", "kubectl-client-side-apply", "kubectl-last-applied"];
/// Commands of kubectl that send whole objects. The field managers of its other commands, such as `kubectl-edit`, own
/// what a person changed.
const KUBECTL_WRITES_OBJECTS: [&str; 2] = ["kubectl-create", "kubectl-replace"];
/// The field manager to which the API server attributes what an object had before its fields were tracked.
const UNKNOWN_MANAGER: &str = "before-first-apply";

/// What is taken over of an entry in `managedFields`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// Everything: these fields were applied.
    Everything,
    /// What the installer named, and defaults in Pod templates. The entry also has fields that admission plugins set,
    /// such as the class of an Ingress.
    NamedWithDefaults,
    /// What the installer named. The entry may also have fields of others.
    Named,
}

/// Makes the fields of earlier installers our own, so that applying `new` removes those that it lacks. `old` are the
/// manifests of earlier revisions. `found` is the object as it was last read.
///
/// # Errors
/// The server refuses a request.
pub(super) async fn take_over(
    client: &Client,
    reference: &ObjectRef,
    found: &Value,
    new: &Value,
    old: &[&Value],
) -> Result<(), ClientError> {
    let mut found = Some(found.clone());
    for attempt in 1..=ATTEMPTS {
        let Some(mut live) = found else {
            return Ok(());
        };
        if list_at(&live, "/metadata/managedFields").is_empty() {
            live = track_fields(client, reference, live).await?;
        }
        let Some(entries) = managed_fields(client.field_manager(), &live, new, old) else {
            return Ok(());
        };
        let set = client.set_managed_fields(reference, &live, &entries).await;
        match set {
            Err(error) if error.code() == Some(409) && attempt < ATTEMPTS => {}
            // It is gone; applying creates it again.
            Err(error) if error.code() == Some(404) => return Ok(()),
            done => return done.map(drop),
        }
        found = client.get(reference).await?;
    }
    Ok(())
}

/// Returns the object with the fields that the API server attributes to an unknown field manager, because it did not
/// track the fields of the object so far.
async fn track_fields(
    client: &Client,
    reference: &ObjectRef,
    mut live: Value,
) -> Result<Value, ClientError> {
    let identity = json!({
        "apiVersion": reference.resource.api_version,
        "kind": reference.resource.kind,
        "metadata": {"name": reference.name},
    });
    let mut tracked = client.apply_dry_run(reference, &identity).await?;
    if let Some(fields) = tracked.pointer_mut("/metadata/managedFields") {
        live["metadata"]["managedFields"] = fields.take();
    }
    Ok(live)
}

/// Returns the `managedFields` with which applying `new` removes what earlier installers set; `None` if they are as
/// they should be.
fn managed_fields(manager: &str, live: &Value, new: &Value, old: &[&Value]) -> Option<Vec<Value>> {
    let last_applied = text(live, &["metadata", "annotations", LAST_APPLIED]);
    let last_applied: Option<Value> = serde_json::from_str(last_applied).ok();
    let mut named: Vec<Value> = old.iter().map(|old| with_encoded_strings(old)).collect();
    named.extend(last_applied);
    let is_known = !named.is_empty();
    named.push(with_encoded_strings(new));
    let named: Vec<&Value> = named.iter().collect();

    let mut before = FieldSet::default();
    let mut claimed = FieldSet::default();
    // The entries of others, and those of installers of which only a part is taken over.
    let (mut others, mut shared) = (Vec::new(), Vec::new());
    let mut is_changed = false;
    for entry in list_at(live, "/metadata/managedFields") {
        let mut fields = FieldSet::from(entry.get("fieldsV1").unwrap_or(&Value::Null));
        if text(entry, &["apiVersion"]) != text(new, &["apiVersion"]) {
            // Another version may have other names for the same fields.
            fields.retain_in(live);
        }
        match claim(entry, &fields, manager) {
            None => others.push((entry, fields)),
            Some(Claim::Everything) => {
                claimed.add(&fields);
                match text(entry, &["manager"]) == manager {
                    true => before.add(&fields),
                    false => is_changed = true,
                }
            }
            Some(claim) => {
                if is_known || claim == Claim::Named {
                    let with_defaults = claim == Claim::NamedWithDefaults;
                    claimed.add(&named_fields(
                        &fields,
                        &named,
                        with_defaults,
                        &mut Vec::new(),
                    ));
                } else {
                    claimed.add(&fields);
                }
                let annotation = ["f:metadata", "f:annotations", &format!("f:{LAST_APPLIED}")];
                if fields.at(&annotation).is_some() {
                    claimed.insert(&annotation);
                }
                shared.push((entry, fields));
            }
        }
    }
    let of_others: Vec<&FieldSet> = others.iter().map(|(_, fields)| fields).collect();
    let of_shared: Vec<&FieldSet> = shared.iter().map(|(_, fields)| fields).collect();
    claim_dropped_structures(&mut claimed, live, Some(new), &of_others, &of_shared);
    for path in dependent_defaults(live, new) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        if of_others.iter().all(|fields| fields.at(&path).is_none()) {
            let claim = claimed.insert(&path);
            let found = of_shared.iter().filter_map(|fields| fields.at(&path));
            found.for_each(|fields| claim.add(fields));
        }
    }
    claim_encoded_strings(&mut claimed, new);

    let mut entries: Vec<Value> = others.into_iter().map(|(entry, _)| entry.clone()).collect();
    for (entry, fields) in shared {
        let mut left = fields.clone();
        left.remove(&claimed);
        is_changed |= left != fields;
        if !left.is_empty() {
            let mut entry = entry.clone();
            entry["fieldsV1"] = Value::from(&left);
            entries.push(entry);
        }
    }
    if !is_changed && claimed == before {
        return None;
    }
    entries.push(json!({
        "manager": manager, "operation": "Apply", "apiVersion": text(new, &["apiVersion"]),
        "time": time::now(), "fieldsType": "FieldsV1", "fieldsV1": Value::from(&claimed),
    }));
    Some(entries)
}

/// Returns what is taken over of an entry; `None` if it belongs to another field manager.
fn claim(entry: &Value, fields: &FieldSet, manager: &str) -> Option<Claim> {
    if !text(entry, &["subresource"]).is_empty() {
        return None;
    }
    let name = text(entry, &["manager"]);
    let is_marked = fields.at(&INSTALLER_MARK).is_some();
    match text(entry, &["operation"]) {
        "Apply" if is_marked || name == manager || APPLIERS.contains(&name) => {
            Some(Claim::Everything)
        }
        "Update" if name == UNKNOWN_MANAGER => Some(Claim::Named),
        "Update" if name == manager || UPDATERS.contains(&name) => Some(Claim::NamedWithDefaults),
        "Update" if is_marked => {
            let is_person = name.starts_with("kubectl") && !KUBECTL_WRITES_OBJECTS.contains(&name);
            (!is_person).then_some(Claim::NamedWithDefaults)
        }
        _ => None,
    }
}

/// Returns the fields of a set that one of the manifests names, and with `with_defaults` also the other fields of named
/// structures in Pod templates. `path` is where the set is in the object.
fn named_fields<'s>(
    fields: &'s FieldSet,
    manifests: &[&Value],
    with_defaults: bool,
    path: &mut Vec<&'s str>,
) -> FieldSet {
    let is_default = |path: &[&str]| with_defaults && is_pod_spec(path);
    let mut found = FieldSet {
        is_member: fields.is_member && (!manifests.is_empty() || is_default(path)),
        ..FieldSet::default()
    };
    for (element, child) in &fields.children {
        let selected: Vec<&Value> = (manifests.iter())
            .filter_map(|manifest| select(manifest, element))
            .collect();
        path.push(element);
        if !selected.is_empty() || (element.starts_with("f:") && is_default(path)) {
            let inner = named_fields(child, &selected, with_defaults, path);
            if !inner.is_empty() {
                found.children.insert(element.clone(), inner);
            }
        }
        path.pop();
    }
    found
}

/// Claims each structure as a whole of which the new object has nothing and others own nothing. Otherwise the defaults
/// in it would stay, such as `scheme` in the `httpGet` of a probe that is now a `tcpSocket`.
fn claim_dropped_structures(
    claimed: &mut FieldSet,
    live: &Value,
    new: Option<&Value>,
    others: &[&FieldSet],
    shared: &[&FieldSet],
) {
    for (element, child) in &mut claimed.children {
        let Some(live) = select(live, element) else {
            continue;
        };
        let below = |sets: &[&FieldSet]| -> Vec<FieldSet> {
            let found = sets.iter().filter_map(|set| set.children.get(element));
            found.cloned().collect()
        };
        if matches!(element.as_str(), "f:metadata" | "f:status") {
            continue;
        }
        let (of_others, of_shared) = (below(others), below(shared));
        let new = new.and_then(|new| select(new, element));
        let is_structure = live.is_object() && element.starts_with("f:");
        if is_structure && new.is_none() && of_others.is_empty() {
            child.is_member = true;
            for fields in &of_shared {
                child.add(fields);
            }
            continue;
        }
        let (of_others, of_shared): (Vec<_>, Vec<_>) =
            (of_others.iter().collect(), of_shared.iter().collect());
        claim_dropped_structures(child, live, new, &of_others, &of_shared);
    }
}

/// Claims the data of a Secret that was applied as strings, and that the new Secret lacks. The API server tracks who
/// applied the strings, but keeps them as data.
fn claim_encoded_strings(claimed: &mut FieldSet, new: &Value) {
    if text(new, &["kind"]) != "Secret" {
        return;
    }
    let Some(strings) = claimed.at(&["f:stringData"]).cloned() else {
        return;
    };
    let kept = ["data", "stringData"].map(|key| new.get(key));
    for element in strings.children.keys() {
        let is_kept = kept
            .iter()
            .flatten()
            .any(|map| select(map, element).is_some());
        if !is_kept {
            claimed.insert(&["f:data", element]);
        }
    }
}

/// Returns a manifest with the strings of a Secret among its data, where the API server keeps them.
fn with_encoded_strings(manifest: &Value) -> Value {
    let mut manifest = manifest.clone();
    if text(&manifest, &["kind"]) == "Secret"
        && let Some(Value::Object(strings)) = manifest.get("stringData").cloned()
    {
        let data = manifest.get("data").and_then(Value::as_object).cloned();
        let mut data = data.unwrap_or_default();
        data.extend(strings);
        manifest["data"] = Value::Object(data);
    }
    manifest
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
        json!({
            "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        })
    }

    fn object(entries: &[Value], spec: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "X", "metadata": {"managedFields": entries}, "spec": spec})
    }

    /// Returns the fields of each field manager afterwards.
    fn owners(live: &Value, new: &Value, old: &[&Value]) -> Option<Value> {
        let entries = managed_fields("own", live, new, old)?;
        let owners = entries.iter().map(|entry| {
            let key = format!(
                "{} {}",
                text(entry, &["manager"]),
                text(entry, &["operation"])
            );
            (key, entry["fieldsV1"].clone())
        });
        Some(Value::Object(owners.collect()))
    }

    #[test]
    fn the_fields_of_installers_are_taken_over_and_those_of_others_are_not() {
        let spec = json!({"f:spec": {"f:a": {}}});
        let marked = json!({
            "f:metadata": {"f:annotations": {"f:meta.helm.sh/release-name": {}}}, "f:spec": {"f:a": {}},
        });
        let mut scale = entry("helm", "Update", &spec);
        scale["subresource"] = json!("scale");
        // An entry, and whether its fields become our own.
        let table = [
            (entry("helm", "Apply", &spec), true),
            (entry("helm", "Update", &spec), true),
            (entry("helm3", "Update", &marked), true),
            (entry("helm3", "Update", &spec), false),
            (entry("flux", "Apply", &marked), true),
            (entry("flux", "Apply", &spec), false),
            (entry("kubectl", "Apply", &spec), true),
            (entry("kubectl-client-side-apply", "Update", &spec), true),
            (entry("kubectl-create", "Update", &marked), true),
            (entry("kubectl-create", "Update", &spec), false),
            (entry("kubectl-edit", "Update", &marked), false),
            (entry("before-first-apply", "Update", &spec), true),
            (entry("own", "Update", &spec), true),
            (entry("kube-controller-manager", "Update", &spec), false),
            (scale, false),
        ];
        let old = json!({"spec": {"a": 1}});
        for (entry, want) in table {
            let live = object(std::slice::from_ref(&entry), &json!({"a": 1}));
            let new = object(&[], &json!({}));
            let owners = owners(&live, &new, &[&old]);
            let is_ours =
                owners.is_some_and(|owners| owners["own Apply"]["f:spec"]["f:a"].is_object());
            assert_eq!(is_ours, want, "{entry}");
        }
    }

    #[test]
    fn what_no_installer_named_stays_with_the_entry_that_has_it() {
        // An admission plugin has set `class`; it is not a field that the chart dropped.
        let fields = json!({"f:spec": {"f:a": {}, "f:class": {}, "f:list": {
            "k:{\"name\":\"ours\"}": {".": {}, "f:name": {}}, "k:{\"name\":\"injected\"}": {".": {}, "f:name": {}},
        }}});
        let spec = json!({"a": 1, "class": "x", "list": [{"name": "ours"}, {"name": "injected"}]});
        let old = json!({"spec": {"a": 1, "list": [{"name": "ours"}]}});
        let live = object(&[entry("helm", "Update", &fields)], &spec);
        let new = object(&[], &json!({}));
        let want = json!({
            "own Apply": {"f:spec": {"f:a": {}, "f:list": {"k:{\"name\":\"ours\"}": {".": {}, "f:name": {}}}}},
            "helm Update": {"f:spec": {
                "f:class": {}, "f:list": {"k:{\"name\":\"injected\"}": {".": {}, "f:name": {}}},
            }},
        });
        assert_eq!(owners(&live, &new, &[&old]).unwrap(), want);
        // Without any manifest nobody knows what was named.
        let all = owners(&live, &new, &[]).unwrap();
        assert_eq!(all, json!({"own Apply": fields}));
        // What kubectl applied is known from its annotation.
        let mut live = object(
            &[entry("kubectl-client-side-apply", "Update", &fields)],
            &spec,
        );
        live["metadata"]["annotations"][LAST_APPLIED] = json!(old.to_string());
        assert_eq!(
            owners(&live, &new, &[]).unwrap()["own Apply"],
            want["own Apply"]
        );
    }

    #[test]
    fn a_dropped_structure_is_claimed_as_a_whole_unless_others_own_a_part_of_it() {
        let ours = entry(
            "own",
            "Apply",
            &json!({"f:spec": {"f:probe": {"f:port": {}}}}),
        );
        let live = json!({"probe": {"port": 1, "scheme": "HTTP"}});
        let new = object(&[], &json!({"other": 1}));
        let claimed = owners(&object(std::slice::from_ref(&ours), &live), &new, &[]);
        let want = json!({"own Apply": {"f:spec": {"f:probe": {".": {}, "f:port": {}}}}});
        assert_eq!(claimed, Some(want));
        let theirs = entry(
            "operator",
            "Update",
            &json!({"f:spec": {"f:probe": {"f:scheme": {}}}}),
        );
        assert_eq!(owners(&object(&[ours, theirs], &live), &new, &[]), None);
    }

    #[test]
    fn nothing_is_sent_if_all_fields_are_our_own() {
        let ours = entry("own", "Apply", &json!({"f:spec": {"f:a": {}}}));
        let live = object(&[ours], &json!({"a": 1}));
        assert_eq!(owners(&live, &object(&[], &json!({})), &[]), None);
    }
}
