//! Upgrades over objects whose fields other tools own: afterwards the cluster holds what a fresh installation holds, and
//! what belongs to others stays.

use std::collections::BTreeMap;

use helm_release::rollout::RolloutOptions;
use serde_json::{Map, Value, json};

use crate::changes::{cases, deployment, pod, rule, service, webhook, webhooks};
use crate::common::{BOUND, CONFIG_MAPS, NAMESPACE, World, config_map, release};

/// Who installs the old objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Installer {
    /// This crate.
    Own,
    /// Helm, with server-side apply.
    HelmApply,
    /// Helm, with updates from the client side, as Helm 3 and the released CLI.
    HelmUpdate,
    /// `kubectl apply` of objects with the marks of the release.
    Kubectl,
    /// `kubectl apply --server-side` of the same.
    KubectlServerSide,
    /// `kubectl create` of the same.
    KubectlCreate,
    /// Helm with server-side apply, then `kubectl apply` of the same objects.
    HelmThenKubectl,
    /// Helm with updates, then the fields of all objects are no longer tracked.
    Untracked,
}

const OF_HELM: [Installer; 4] = [
    Installer::Own,
    Installer::HelmApply,
    Installer::HelmUpdate,
    Installer::Untracked,
];

const OF_KUBECTL: [Installer; 4] = [
    Installer::Kubectl,
    Installer::KubectlServerSide,
    Installer::KubectlCreate,
    Installer::HelmThenKubectl,
];

/// The path of a kind in the namespace of the release, or of all if it has none.
fn path_of(object: &Value) -> String {
    let (api_version, kind) = (
        object["apiVersion"].as_str().unwrap(),
        object["kind"].as_str().unwrap(),
    );
    let root = match api_version {
        "v1" => "/api/v1".to_owned(),
        other => format!("/apis/{other}"),
    };
    let plural = match kind.to_lowercase() {
        kind if kind.ends_with('s') => format!("{kind}es"),
        kind => format!("{kind}s"),
    };
    let name = object["metadata"]["name"].as_str().unwrap();
    match kind.ends_with("WebhookConfiguration") {
        true => format!("{root}/{plural}/{name}"),
        false => format!("{root}/namespaces/{NAMESPACE}/{plural}/{name}"),
    }
}

/// What an object holds, without what the server and the controllers write.
fn content(mut object: Value) -> Value {
    let fields = object.as_object_mut().unwrap();
    fields.remove("status");
    let metadata = fields["metadata"].as_object_mut().unwrap();
    for key in [
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
    ] {
        metadata.remove(key);
    }
    for revision in [
        "deployment.kubernetes.io/revision",
        "deprecated.daemonset.template.generation",
    ] {
        if let Some(annotations) = metadata.get_mut("annotations") {
            annotations.as_object_mut().unwrap().remove(revision);
        }
    }
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
    object
}

/// The objects with the marks of the release `web`.
fn marked(objects: &[Value]) -> Value {
    let mark = |object: &Value| {
        let mut object = object.clone();
        object["metadata"]["namespace"] = json!(NAMESPACE);
        object["metadata"]["labels"]["app.kubernetes.io/managed-by"] = json!("Helm");
        object["metadata"]["annotations"]["meta.helm.sh/release-name"] = json!("web");
        object["metadata"]["annotations"]["meta.helm.sh/release-namespace"] = json!(NAMESPACE);
        object
    };
    let items: Vec<Value> = objects.iter().map(mark).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn quickly() -> RolloutOptions {
    RolloutOptions {
        timeout: BOUND,
        wait: false,
        hooks: false,
    }
}

impl World {
    fn install_quickly(&self, objects: &[Value]) {
        let chart = self.chart(objects);
        let install = release(&chart).options(quickly());
        self.block_on(install.install(&self.client, &|_| ()))
            .unwrap();
    }

    fn upgrade_quickly(&self, objects: &[Value]) -> Result<i64, helm_release::Error> {
        let chart = self.chart(objects);
        let upgrade = release(&chart).options(quickly());
        self.block_on(upgrade.upgrade(&self.client, &|_| ()))
    }

    fn kubectl_with(&self, args: &[&str], objects: &Value) {
        let path = self.folder().join("objects.json");
        std::fs::write(&path, objects.to_string()).unwrap();
        let file = ["--filename", path.to_str().unwrap()];
        self.kubectl(&[args, &file].concat()).ok();
    }

    fn install_with(&self, installer: Installer, objects: &[Value]) {
        let helm = |more: &[&str]| {
            let folder = self.chart_folder("old", objects);
            let install = ["install", "web", folder.to_str().unwrap()];
            self.helm(&[&install, more].concat()).ok();
        };
        let record_only = || self.install_quickly(&[config_map("record", &json!({}))]);
        match installer {
            Installer::Own => self.install_quickly(objects),
            Installer::HelmApply => helm(&[]),
            Installer::HelmUpdate => helm(&["--server-side=false"]),
            Installer::Kubectl => {
                record_only();
                self.kubectl_with(&["apply"], &marked(objects));
            }
            Installer::KubectlServerSide => {
                record_only();
                self.kubectl_with(&["apply", "--server-side"], &marked(objects));
            }
            Installer::KubectlCreate => {
                record_only();
                self.kubectl_with(&["create"], &marked(objects));
            }
            Installer::HelmThenKubectl => {
                helm(&[]);
                self.kubectl_with(&["apply"], &marked(objects));
            }
            Installer::Untracked => {
                helm(&["--server-side=false"]);
                for object in objects {
                    let none = json!({"metadata": {"managedFields": [{}]}});
                    self.patch(&path_of(object), &none);
                }
            }
        }
    }

    fn contents(&self, objects: &[Value]) -> BTreeMap<String, Value> {
        let read = |object: &Value| {
            let path = path_of(object);
            let found = self
                .get(&path)
                .unwrap_or_else(|| panic!("{path} does not exist"));
            (path, content(found))
        };
        objects.iter().map(read).collect()
    }
}

/// The differences between two values, each with its place.
fn differences(want: &Value, found: &Value, place: &str, lines: &mut Vec<String>) {
    match (want, found) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                differences(&of(a), &of(b), &format!("{place}.{key}"), lines);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{place}[{i}]"), lines);
            }
        }
        _ if want == found => {}
        _ => lines.push(format!(
            "{place}: a fresh installation has {want}, found {found}"
        )),
    }
}

// These tests change webhooks, so each of them needs a new cluster.

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn upgraded_objects_of_helm_equal_those_of_a_fresh_installation() {
    compare_with_a_fresh_installation(&World::start(), &OF_HELM);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn upgraded_objects_of_kubectl_equal_those_of_a_fresh_installation() {
    compare_with_a_fresh_installation(&World::start(), &OF_KUBECTL);
}

/// After an upgrade the cluster holds what a fresh installation holds, whoever installed the old objects.
fn compare_with_a_fresh_installation(world: &World, installers: &[Installer]) {
    let (old, new): (Vec<Value>, Vec<Value>) = cases().into_iter().unzip();
    world.install_quickly(&new);
    let fresh = world.contents(&new);
    drop(world.uninstall().unwrap());
    let mut lines = Vec::new();
    for &installer in installers {
        world.install_with(installer, &old);
        if let Err(error) = world.upgrade_quickly(&new) {
            lines.push(format!("{installer:?}: {error}"));
        }
        for (path, found) in world.contents(&new) {
            differences(
                &fresh[&path],
                &found,
                &format!("{installer:?} {path}"),
                &mut lines,
            );
        }
        // Nothing changes the second time.
        let before: Vec<Value> = fresh.keys().map(|path| world.get(path).unwrap()).collect();
        if let Err(error) = world.upgrade_quickly(&new) {
            lines.push(format!("{installer:?}, second upgrade: {error}"));
        }
        for (path, before) in fresh.keys().zip(before) {
            let after = world.get(path).unwrap();
            let place = format!("{installer:?}, second upgrade: {path} .metadata.generation");
            let generation = |object: &Value| object["metadata"]["generation"].clone();
            differences(
                &generation(&before),
                &generation(&after),
                &place,
                &mut lines,
            );
        }
        drop(world.uninstall().unwrap());
    }
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn an_upgrade_keeps_what_an_autoscaler_an_operator_or_an_injector_changed() {
    let world = World::start();
    let old = [
        deployment("web", &pod(&json!({"env": [{"name": "A", "value": "1"}]}))),
        service("web", json!({"ports": [{"name": "http", "port": 80}]})),
        config_map("web", &json!({"a": "1"})),
        webhooks(
            "MutatingWebhookConfiguration",
            json!([webhook(
                "a.hooks.test",
                json!({"url": "https://hooks.test/a"}),
                json!([rule(json!(["pods"]), json!(["CREATE"]))])
            )]),
        ),
    ];
    let mut new = old.clone();
    new[0] = deployment("web", &pod(&json!({"env": [{"name": "B", "value": "1"}]})));
    // From now on an autoscaler sets the number of replicas.
    new[0]["spec"].as_object_mut().unwrap().remove("replicas");
    new[1] = service("web", json!({"ports": [{"name": "http", "port": 81}]}));
    let paths = old.each_ref().map(path_of);
    for installer in [
        Installer::Own,
        Installer::HelmApply,
        Installer::HelmUpdate,
        Installer::Kubectl,
        Installer::KubectlServerSide,
    ] {
        world.install_with(installer, &old);
        change_as_others(&world, &paths);
        world.upgrade_quickly(&new).unwrap();
        check_what_belongs_to_others(&world, installer, &paths);
        drop(world.uninstall().unwrap());
    }
    assert_eq!(world.get(&format!("{CONFIG_MAPS}/web")), None);
}

/// Scales, injects and annotates as other field managers do.
fn change_as_others(world: &World, paths: &[String; 4]) {
    let [web, service, map, hooks] = paths;
    world
        .kubectl(&["scale", "deployment", "web", "--replicas=3"])
        .ok();
    let strategic = |what: &str, manager: &str, patch: &Value| {
        let patch = patch.to_string();
        let args = ["patch", what, "web", "--type=strategic", "--patch", &patch];
        world
            .kubectl(&[&args[..], &["--field-manager", manager]].concat())
            .ok();
    };
    strategic(
        "deployment",
        "injector",
        &json!({"spec": {"template": {
            "metadata": {"annotations": {"injected": "yes"}},
            "spec": {
                "containers": [{"name": "sidecar", "image": "registry.test/sidecar:1"},
                    {"name": "main", "env": [{"name": "THEIRS", "value": "1"}],
                        "volumeMounts": [{"name": "theirs", "mountPath": "/theirs"}]}],
                "volumes": [{"name": "theirs", "emptyDir": {}}],
            },
        }}}),
    );
    strategic(
        "service",
        "operator",
        &json!({"spec": {"ports": [{"name": "theirs", "port": 99}]}}),
    );
    for path in [web, service, map, hooks] {
        let theirs =
            json!({"metadata": {"annotations": {"theirs": "1"}, "labels": {"theirs": "1"}}});
        world.patch(&format!("{path}?fieldManager=operator"), &theirs);
    }
    world.patch(
        &format!("{map}?fieldManager=operator"),
        &json!({"data": {"theirs": "1"}}),
    );
    let mut configuration = world.get(hooks).unwrap();
    configuration["webhooks"][0]["clientConfig"]["caBundle"] = json!("LS0tLS1CRUdJTg==");
    world.put(&format!("{hooks}?fieldManager=cainjector"), &configuration);
}

fn check_what_belongs_to_others(world: &World, installer: Installer, paths: &[String; 4]) {
    let [web, service, map, hooks] = paths;
    let found = world.get(web).unwrap();
    assert_eq!(found["spec"]["replicas"], 3, "{installer:?}");
    let template = &found["spec"]["template"];
    assert_eq!(
        template["metadata"]["annotations"]["injected"], "yes",
        "{installer:?}"
    );
    let names = |list: &Value| -> Vec<String> {
        let items = list.as_array().unwrap().iter();
        let mut names: Vec<String> = items
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort_unstable();
        names
    };
    let containers = &template["spec"]["containers"];
    assert_eq!(names(containers), ["main", "sidecar"], "{installer:?}");
    let main = containers
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["name"] == "main")
        .unwrap();
    assert_eq!(names(&main["env"]), ["B", "THEIRS"], "{installer:?}");
    assert_eq!(names(&main["volumeMounts"]), ["theirs"], "{installer:?}");
    assert_eq!(
        names(&template["spec"]["volumes"]),
        ["theirs"],
        "{installer:?}"
    );
    let ports = &world.get(service).unwrap()["spec"]["ports"];
    assert_eq!(names(ports), ["http", "theirs"], "{installer:?}");
    for path in [web, service, map, hooks] {
        let metadata = &world.get(path).unwrap()["metadata"];
        assert_eq!(
            metadata["annotations"]["theirs"], "1",
            "{installer:?} {path}"
        );
        assert_eq!(metadata["labels"]["theirs"], "1", "{installer:?} {path}");
    }
    let data = &world.get(map).unwrap()["data"];
    assert_eq!(*data, json!({"a": "1", "theirs": "1"}), "{installer:?}");
    let bundle = &world.get(hooks).unwrap()["webhooks"][0]["clientConfig"]["caBundle"];
    assert_eq!(bundle, "LS0tLS1CRUdJTg==", "{installer:?}");
}
