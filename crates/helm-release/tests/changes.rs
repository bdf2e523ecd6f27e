//! Objects before and after an upgrade: a pair for each kind of list, and for each default that depends on another field.

// The tables read better without a reference at each value.
#![allow(clippy::needless_pass_by_value)]

use serde_json::{Value, json};

use crate::common::config_map;

/// An object with this body.
pub fn object(api_version: &str, kind: &str, name: &str, body: Value) -> Value {
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

/// A Service with this specification, and a selector.
pub fn service(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["selector"] = json!({"app": name});
    object("v1", "Service", name, json!({"spec": spec}))
}

/// A workload with this Pod specification, and more keys in its own.
pub fn workload(kind: &str, name: &str, pod: &Value, more: &Value) -> Value {
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

/// A Deployment with this Pod specification.
pub fn deployment(name: &str, pod: &Value) -> Value {
    workload("Deployment", name, pod, &json!({}))
}

/// A Pod specification with one container, and more keys in it.
pub fn pod(more: &Value) -> Value {
    let mut container = json!({"name": "main", "image": "registry.test/web:1"});
    let keys = more.as_object().unwrap().clone();
    container.as_object_mut().unwrap().extend(keys);
    json!({"containers": [container]})
}

/// The webhooks of an API, called `hooks`.
pub fn webhooks(kind: &str, hooks: Value) -> Value {
    object(
        "admissionregistration.k8s.io/v1",
        kind,
        "hooks",
        json!({"webhooks": hooks}),
    )
}

/// A webhook that is never called.
pub fn webhook(name: &str, client: Value, rules: Value) -> Value {
    json!({
        "name": name, "sideEffects": "None", "admissionReviewVersions": ["v1"], "failurePolicy": "Ignore",
        "clientConfig": client, "rules": rules,
    })
}

/// A rule of a webhook.
pub fn rule(resources: Value, operations: Value) -> Value {
    // No object of this group exists, so the webhook is never called.
    json!({"apiGroups": ["nothing.test"], "apiVersions": ["v1"], "operations": operations, "resources": resources})
}

/// Each object before and after the upgrade. A name says what changes.
#[allow(clippy::too_many_lines)]
pub fn cases() -> Vec<(Value, Value)> {
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
