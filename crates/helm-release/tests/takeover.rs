//! Upgrades over objects whose fields other tools own: afterwards the cluster holds what a fresh installation holds, and
//! what belongs to others stays.

use std::collections::BTreeMap;

use helm_release::rollout::RolloutOptions;
use serde_json::{Map, Value, json};

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

const INSTALLERS: [Installer; 8] = [
    Installer::Own,
    Installer::HelmApply,
    Installer::HelmUpdate,
    Installer::Kubectl,
    Installer::KubectlServerSide,
    Installer::KubectlCreate,
    Installer::HelmThenKubectl,
    Installer::Untracked,
];

fn object(api_version: &str, kind: &str, name: &str, body: Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version, "kind": kind, "metadata": {"name": name},
    });
    let fields = object.as_object_mut().unwrap();
    let Value::Object(body) = body else {
        panic!("{body}")
    };
    for (key, value) in body {
        match (key.as_str(), value) {
            ("metadata", Value::Object(more)) => {
                fields["metadata"].as_object_mut().unwrap().extend(more);
            }
            (_, value) => _ = fields.insert(key, value),
        }
    }
    object
}

fn service(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["selector"] = json!({"app": name});
    object("v1", "Service", name, json!({"spec": spec}))
}

/// A workload with this Pod specification, and more keys in its own.
fn workload(kind: &str, name: &str, pod: &Value, more: &Value) -> Value {
    let mut spec = json!({
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
    });
    if kind != "DaemonSet" {
        // Pods would only take time.
        spec["replicas"] = json!(0);
    }
    let keys = more.as_object().unwrap().clone();
    spec.as_object_mut().unwrap().extend(keys);
    object("apps/v1", kind, name, json!({"spec": spec}))
}

fn deployment(name: &str, pod: &Value) -> Value {
    workload("Deployment", name, pod, &json!({}))
}

/// A Pod specification with one container, and more keys in it.
fn pod(more: &Value) -> Value {
    let mut container = json!({"name": "main", "image": "registry.test/web:1"});
    let keys = more.as_object().unwrap().clone();
    container.as_object_mut().unwrap().extend(keys);
    json!({"containers": [container]})
}

fn webhooks(kind: &str, hooks: Value) -> Value {
    object(
        "admissionregistration.k8s.io/v1",
        kind,
        "hooks",
        json!({"webhooks": hooks}),
    )
}

fn webhook(name: &str, client: Value, rules: Value) -> Value {
    json!({
        "name": name, "sideEffects": "None", "admissionReviewVersions": ["v1"], "failurePolicy": "Ignore",
        "clientConfig": client, "rules": rules,
    })
}

fn rule(resources: Value, operations: Value) -> Value {
    // No object of this group exists, so the webhook is never called.
    json!({"apiGroups": ["nothing.test"], "apiVersions": ["v1"], "operations": operations, "resources": resources})
}

/// Each object before and after the upgrade. A name says what changes.
#[allow(clippy::too_many_lines)]
fn cases() -> Vec<(Value, Value)> {
    let service_ports = |health: u16| {
        service(
            "ports",
            json!({"ports": [
                {"name": "health", "port": health}, {"name": "http", "port": 80, "targetPort": 8080},
                {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53},
            ]}),
        )
    };
    let quick = |image: &str| json!({"containers": [{"name": "main", "image": image}]});
    let service_hook = json!({"service": {"name": "x", "namespace": "default", "path": "/a"}});
    let url_hook = json!({"url": "https://hooks.test/a"});
    vec![
        // The key of an item changes, and its name has to be unique (kubernetes#80914).
        (service_ports(9095), service_ports(9091)),
        // Two ports exchange their names.
        (
            service(
                "names",
                json!({"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}),
            ),
            service(
                "names",
                json!({"ports": [{"name": "b", "port": 1}, {"name": "a", "port": 2}]}),
            ),
        ),
        (
            service(
                "protocol",
                json!({"ports": [{"name": "a", "port": 1, "protocol": "UDP"}]}),
            ),
            service(
                "protocol",
                json!({"ports": [{"name": "a", "port": 1, "protocol": "TCP"}]}),
            ),
        ),
        (
            service(
                "target",
                json!({"ports": [{"name": "a", "port": 1, "targetPort": 9}]}),
            ),
            service("target", json!({"ports": [{"name": "a", "port": 1}]})),
        ),
        (
            service(
                "affinity",
                json!({"ports": [{"port": 1}], "sessionAffinity": "ClientIP"}),
            ),
            service("affinity", json!({"ports": [{"port": 1}]})),
        ),
        (
            service(
                "type",
                json!({"ports": [{"port": 1}], "type": "NodePort", "externalTrafficPolicy": "Local"}),
            ),
            service("type", json!({"ports": [{"port": 1}]})),
        ),
        (
            deployment(
                "container-ports",
                &pod(&json!({"ports": [
                    {"name": "health", "containerPort": 9095}, {"name": "http", "containerPort": 80},
                ]})),
            ),
            deployment(
                "container-ports",
                &pod(&json!({"ports": [
                    {"name": "health", "containerPort": 9091}, {"name": "http", "containerPort": 80},
                ]})),
            ),
        ),
        (
            deployment(
                "env",
                &pod(&json!({"env": [
                {"name": "A", "value": "1"}, {"name": "B", "value": "1"},
                {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "D", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                {"name": "E", "value": "1"},
            ], "envFrom": [{"configMapRef": {"name": "x"}}], "args": ["a", "b"]})),
            ),
            deployment(
                "env",
                &pod(&json!({"env": [
                {"name": "E", "value": "$(A)"}, {"name": "A", "value": "1"}, {"name": "C", "value": "1"},
                {"name": "D", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ], "args": ["b"]})),
            ),
        ),
        (
            deployment(
                "no-env",
                &pod(&json!({"env": [{"name": "A", "value": "1"}]})),
            ),
            deployment("no-env", &pod(&json!({}))),
        ),
        (
            deployment(
                "volumes",
                &json!({
                    "volumes": [
                        {"name": "a", "configMap": {"name": "x"}}, {"name": "b"}, {"name": "c", "emptyDir": {}},
                        {"name": "d", "secret": {"secretName": "x"}},
                    ],
                    "containers": [{"name": "main", "image": "registry.test/web:1", "volumeMounts": [
                        {"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/b"},
                        {"name": "d", "mountPath": "/d"},
                    ]}],
                }),
            ),
            deployment(
                "volumes",
                &json!({
                    "volumes": [
                        {"name": "a", "secret": {"secretName": "x"}}, {"name": "b", "configMap": {"name": "x"}},
                        {"name": "e", "secret": {"secretName": "x"}},
                    ],
                    "containers": [{"name": "main", "image": "registry.test/web:1", "volumeMounts": [
                        {"name": "b", "mountPath": "/a"}, {"name": "a", "mountPath": "/b", "readOnly": true},
                        {"name": "e", "mountPath": "/d"},
                    ]}],
                }),
            ),
        ),
        (
            deployment(
                "probes",
                &pod(&json!({
                    "livenessProbe": {"httpGet": {"path": "/", "port": 1}}, "readinessProbe": {"exec": {"command": ["a"]}},
                    "startupProbe": {"tcpSocket": {"port": 1}},
                    "lifecycle": {"preStop": {"httpGet": {"path": "/", "port": 1}}},
                    "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}},
                    "securityContext": {"runAsUser": 1},
                })),
            ),
            deployment(
                "probes",
                &pod(&json!({
                    "livenessProbe": {"tcpSocket": {"port": 1}}, "readinessProbe": {"httpGet": {"path": "/", "port": 1}},
                    "lifecycle": {"preStop": {"exec": {"command": ["a"]}}},
                    "resources": {"limits": {"memory": "1Gi"}},
                })),
            ),
        ),
        (
            deployment(
                "containers",
                &json!({
                    "initContainers": [
                        {"name": "one", "image": "registry.test/web:1"}, {"name": "two", "image": "registry.test/web"},
                    ],
                    "containers": [
                        {"name": "main", "image": "registry.test/web:1", "ports": [{"name": "http", "containerPort": 80}]},
                        {"name": "side", "image": "registry.test/side:1"},
                    ],
                }),
            ),
            deployment(
                "containers",
                &json!({
                    "initContainers": [
                        {"name": "two", "image": "registry.test/web:1"}, {"name": "one", "image": "registry.test/web"},
                    ],
                    "containers": [
                        {"name": "app", "image": "registry.test/web:1", "ports": [{"name": "http", "containerPort": 80}]},
                        {"name": "side", "image": "registry.test/side:1"},
                    ],
                }),
            ),
        ),
        (
            deployment(
                "pod",
                &json!({
                    "serviceAccountName": "default", "nodeSelector": {"a": "1", "b": "1"}, "hostNetwork": true,
                    "tolerations": [
                        {"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists", "effect": "NoSchedule"},
                    ],
                    "imagePullSecrets": [{"name": "a"}, {"name": "b"}],
                    "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["a"]}],
                    "topologySpreadConstraints": [{
                        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway",
                    }],
                    "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                        {"topologyKey": "zone"},
                    ]}},
                    "securityContext": {"runAsUser": 1, "supplementalGroups": [1, 2]},
                    "containers": [{"name": "main", "image": "registry.test/web:1", "ports": [{"containerPort": 80}]}],
                }),
            ),
            deployment(
                "pod",
                &json!({
                    "nodeSelector": {"b": "2"},
                    "tolerations": [{"key": "b", "operator": "Exists"}],
                    "imagePullSecrets": [{"name": "b"}],
                    "topologySpreadConstraints": [{
                        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                    }],
                    "securityContext": {"supplementalGroups": [2]},
                    "containers": [{"name": "main", "image": "registry.test/web:1", "ports": [{"containerPort": 80}]}],
                }),
            ),
        ),
        // The default of `rollingUpdate` is not valid with the new type (kubernetes#24198).
        (
            workload(
                "Deployment",
                "strategy",
                &quick("registry.test/web:1"),
                &json!({"replicas": 2, "minReadySeconds": 1}),
            ),
            workload(
                "Deployment",
                "strategy",
                &quick("registry.test/web:1"),
                &json!({"strategy": {"type": "Recreate"}}),
            ),
        ),
        (
            workload(
                "DaemonSet",
                "strategy",
                &quick("registry.test/web:1"),
                &json!({}),
            ),
            workload(
                "DaemonSet",
                "strategy",
                &quick("registry.test/web:1"),
                &json!({"updateStrategy": {"type": "OnDelete"}}),
            ),
        ),
        (
            workload(
                "StatefulSet",
                "strategy",
                &quick("registry.test/web:1"),
                &json!({"serviceName": "x"}),
            ),
            workload(
                "StatefulSet",
                "strategy",
                &quick("registry.test/web:1"),
                &json!({
                    "serviceName": "x", "updateStrategy": {"type": "OnDelete"},
                }),
            ),
        ),
        // The default of the pull policy depends on the tag.
        (
            deployment("policy", &quick("registry.test/web")),
            deployment(
                "policy",
                &quick(
                    "registry.test/web@sha256:01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
                ),
            ),
        ),
        (
            deployment("latest", &quick("registry.test/web:1")),
            deployment("latest", &quick("registry.test/web:latest")),
        ),
        (
            object(
                "batch/v1",
                "CronJob",
                "cron",
                json!({"spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {
                    "template": {"spec": {"restartPolicy": "Never", "containers": [
                        {"name": "main", "image": "registry.test/web", "env": [{"name": "A", "value": "1"}]},
                    ]}},
                }}}}),
            ),
            object(
                "batch/v1",
                "CronJob",
                "cron",
                json!({"spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {
                    "template": {"spec": {"restartPolicy": "Never", "containers": [
                        {"name": "main", "image": "registry.test/web:1"},
                    ]}},
                }}}}),
            ),
        ),
        (
            config_map("data", &json!({"a": "1", "b": "1"})),
            config_map("data", &json!({"b": "2", "c": "1"})),
        ),
        (config_map("no-data", &json!({"a": "1"})), {
            let mut emptied = config_map("no-data", &json!({}));
            emptied.as_object_mut().unwrap().remove("data");
            emptied
        }),
        (
            object(
                "v1",
                "Secret",
                "strings",
                json!({"stringData": {"a": "1", "b": "1"}}),
            ),
            object("v1", "Secret", "strings", json!({"stringData": {"b": "2"}})),
        ),
        (
            object(
                "v1",
                "ConfigMap",
                "labels",
                json!({"metadata": {
                    "labels": {"a": "1", "b": "1"}, "annotations": {"a": "1"},
                }}),
            ),
            object(
                "v1",
                "ConfigMap",
                "labels",
                json!({"metadata": {"labels": {"b": "2"}}}),
            ),
        ),
        (
            webhooks(
                "ValidatingWebhookConfiguration",
                json!([
                    webhook(
                        "a.hooks.test",
                        service_hook.clone(),
                        json!([rule(json!(["pods"]), json!(["CREATE"]))])
                    ),
                    webhook(
                        "b.hooks.test",
                        service_hook,
                        json!([
                            rule(json!(["pods"]), json!(["CREATE"])),
                            rule(json!(["services"]), json!(["CREATE"])),
                        ])
                    ),
                    webhook(
                        "c.hooks.test",
                        url_hook.clone(),
                        json!([rule(json!(["pods"]), json!(["CREATE"]))])
                    ),
                ]),
            ),
            webhooks(
                "ValidatingWebhookConfiguration",
                json!([
                    webhook(
                        "b.hooks.test",
                        url_hook.clone(),
                        json!([rule(json!(["services"]), json!(["CREATE", "UPDATE"]))])
                    ),
                    webhook(
                        "d.hooks.test",
                        url_hook,
                        json!([rule(json!(["pods"]), json!(["CREATE"]))])
                    ),
                ]),
            ),
        ),
        (
            object(
                "networking.k8s.io/v1",
                "Ingress",
                "ingress",
                json!({"spec": {
                    "defaultBackend": {"service": {"name": "x", "port": {"number": 80}}},
                    "tls": [{"hosts": ["a.test"], "secretName": "a"}],
                }}),
            ),
            object(
                "networking.k8s.io/v1",
                "Ingress",
                "ingress",
                json!({"spec": {
                    "defaultBackend": {"resource": {"apiGroup": "x.test", "kind": "X", "name": "x"}},
                    "rules": [{"host": "a.test"}],
                }}),
            ),
        ),
        (
            object(
                "policy/v1",
                "PodDisruptionBudget",
                "budget",
                json!({"spec": {
                    "minAvailable": 1, "selector": {"matchLabels": {"app": "a", "b": "b"}},
                }}),
            ),
            object(
                "policy/v1",
                "PodDisruptionBudget",
                "budget",
                json!({"spec": {
                    "maxUnavailable": 1, "selector": {"matchLabels": {"app": "a"}},
                }}),
            ),
        ),
        (
            object(
                "rbac.authorization.k8s.io/v1",
                "Role",
                "role",
                json!({"rules": [
                    {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get"]},
                    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
                ]}),
            ),
            object(
                "rbac.authorization.k8s.io/v1",
                "Role",
                "role",
                json!({"rules": [
                    {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
                ]}),
            ),
        ),
        (
            object(
                "v1",
                "ServiceAccount",
                "account",
                json!({"imagePullSecrets": [{"name": "a"}, {"name": "b"}]}),
            ),
            object(
                "v1",
                "ServiceAccount",
                "account",
                json!({"imagePullSecrets": [{"name": "b"}]}),
            ),
        ),
    ]
}

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

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn an_upgrade_removes_what_the_chart_dropped_and_leaves_what_belongs_to_others() {
    // The cluster cannot be reused, because its webhooks change.
    let world = World::start();
    compare_with_a_fresh_installation(&world);
    change_objects_before_an_upgrade(&world);
}

/// After an upgrade the cluster holds what a fresh installation holds, whoever installed the old objects.
fn compare_with_a_fresh_installation(world: &World) {
    let (old, new): (Vec<Value>, Vec<Value>) = cases().into_iter().unzip();
    world.install_quickly(&new);
    let fresh = world.contents(&new);
    drop(world.uninstall().unwrap());
    let mut lines = Vec::new();
    for installer in INSTALLERS {
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

/// An upgrade keeps what an autoscaler, an operator or an injector changed.
fn change_objects_before_an_upgrade(world: &World) {
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
    let paths: Vec<String> = old.iter().map(path_of).collect();
    let [web, service, map, hooks] = &paths[..] else {
        panic!()
    };
    for installer in INSTALLERS {
        if installer == Installer::Untracked {
            // Nobody knows what belongs to whom.
            continue;
        }
        world.install_with(installer, &old);
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

        world.upgrade_quickly(&new).unwrap();

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
        drop(world.uninstall().unwrap());
    }
    assert_eq!(world.get(&format!("{CONFIG_MAPS}/web")), None);
}
