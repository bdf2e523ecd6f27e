//! What `charts/osm` renders: third-party images, pull policies, and the configurations of Prometheus and Fluent Bit.

use helm_chart::yaml::{self, Numbers};
use helm_chart::{Chart, Target};
use serde_json::{Map, Value, json};

use crate::common::{osm, osm_objects, release, repository};

/// Switches on everything that has an image of its own.
const EVERYTHING: &str = "osm.deployPrometheus=true,osm.deployJaeger=true,osm.enableFluentbit=true";

fn find<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    let is_it = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    let found = objects.iter().find(is_it);
    found.unwrap_or_else(|| panic!("no {kind}/{name}"))
}

/// The containers of all Pod templates, init containers included, with the names of their objects.
fn containers(objects: &[Value]) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for object in objects {
        let spec = &object["spec"]["template"]["spec"];
        for list in ["initContainers", "containers"] {
            for container in spec[list].as_array().into_iter().flatten() {
                let place = format!("{}/{}", object["metadata"]["name"], container["name"]);
                found.push((place.replace('"', ""), container));
            }
        }
    }
    found
}

/// Renders the chart of this repository, also as for an upgrade.
fn render(is_upgrade: bool, values: Value) -> Vec<Value> {
    let chart = Chart::load(repository("charts/osm")).unwrap();
    let pins = osm(&["images", "list", "-o", "helm-values"]).ok();
    let mut all = yaml::parse(&pins, Numbers::Floats).unwrap();
    let mut all: Map<String, Value> = std::mem::take(all.as_object_mut().unwrap());
    let Value::Object(values) = values else {
        panic!("{values} is not a map")
    };
    helm_chart::values::merge(&mut all, values);
    let target = Target {
        is_upgrade,
        ..Target::default()
    };
    let objects = chart.render(&all, &target).unwrap();
    objects.into_iter().map(|object| object.value).collect()
}

#[test]
fn everything_switched_on_is_pinned() {
    let args = [
        "install",
        "--dry-run",
        "--require-pinned",
        "--set",
        EVERYTHING,
    ];
    let done = osm(&args);
    assert!(!done.stderr.contains("warning"), "{}", done.stderr);
    let images = [
        "curlimages/curl",
        "prom/prometheus",
        "jaegertracing/all-in-one",
    ];
    let out = done.ok();
    for image in images.into_iter().chain(["fluent/fluent-bit"]) {
        let pinned = format!("image: {image}:");
        let line = out.lines().find(|line| line.trim().starts_with(&pinned));
        assert!(
            line.is_some_and(|line| line.contains("@sha256:")),
            "{image}: {line:?}"
        );
    }
}

#[test]
fn a_tag_of_fluent_bit_is_not_pinned() {
    let args = [
        "install",
        "--dry-run",
        "--require-pinned",
        "--set",
        EVERYTHING,
    ];
    let tag = ["--set", "osm.fluentBit.tag=1.9"];
    let error = osm(&[&args[..], &tag].concat()).fails(1);
    let wanted = "error: --require-pinned: one image is not pinned by a digest:\n  fluent/fluent-bit:1.9 \
                  (tag: --set osm.fluentBit.tag=1.9) in Deployment/osm-controller, container fluentbit-logger\n";
    assert_eq!(error, wanted);
}

#[test]
fn a_mirror_of_fluent_bit_keeps_the_compiled_digest() {
    let args = [
        "--set",
        "osm.enableFluentbit=true",
        "--set",
        "osm.fluentBit.registry=m.example.com/x",
    ];
    let out = osm(&[&["images", "list", "-o", "json"], &args[..]].concat()).ok();
    let list: Value = serde_json::from_str(&out).unwrap();
    let images = list["images"].as_array().unwrap();
    let image = images
        .iter()
        .find(|image| image["key"] == "fluentBit")
        .unwrap();
    let reference = image["reference"].as_str().unwrap();
    assert!(
        reference.starts_with("m.example.com/x/fluent-bit:3.2.10@sha256:d6dec000"),
        "{reference}"
    );
    let origin = format!(
        "compiled-in {}, registry: --set osm.fluentBit.registry=m.example.com/x",
        release()
    );
    assert_eq!(image["origin"], origin);
}

#[test]
fn helm_values_of_images_contain_no_secrets() {
    let secret = "osm.fluentBit.httpProxy=http://u:p@proxy,osm.fluentBit.primaryKey=k3y";
    let values = osm(&["images", "list", "-o", "helm-values", "--set", secret]).ok();
    assert!(
        values.contains("fluent/fluent-bit:3.2.10@sha256:"),
        "{values}"
    );
    assert!(
        !values.contains("u:p@proxy") && !values.contains("k3y"),
        "{values}"
    );
}

// The default depends on another field: the API server sets `Always` for an image without a tag, and keeps it when an
// upgrade brings a tag or a digest.
#[test]
fn an_upgrade_states_the_pull_policy_of_every_container() {
    let switches =
        json!({"osm": {"deployPrometheus": true, "deployJaeger": true, "enableFluentbit": true}});
    let objects = render(true, switches);
    let containers = containers(&objects);
    assert_eq!(containers.len(), 10, "{containers:?}");
    for (place, container) in containers {
        assert_eq!(container["imagePullPolicy"], "IfNotPresent", "{place}");
    }
}

#[test]
fn an_installation_states_the_pull_policy_unless_it_is_the_default() {
    let pinned = format!("curl:latest@sha256:{}", "c".repeat(64));
    // The policy of the mesh, the image of curl, and the policy of its container.
    let table = [
        ("IfNotPresent", None, Value::Null),
        // The image of a digest cannot change.
        ("Always", None, Value::Null),
        ("Never", None, json!("Never")),
        ("IfNotPresent", Some("curl"), json!("IfNotPresent")),
        ("Always", Some("curl:8.10.1"), json!("Always")),
        ("IfNotPresent", Some(pinned.as_str()), json!("IfNotPresent")),
    ];
    for (policy, image, expected) in table {
        let mut values = json!({"osm": {"image": {"pullPolicy": policy}}});
        if let Some(image) = image {
            values["osm"]["curlImage"] = image.into();
        }
        let objects = render(false, values);
        let containers = containers(&objects);
        assert_eq!(containers.len(), 7, "{containers:?}");
        for (place, container) in containers {
            let expected = match place.contains("/init-") {
                true => &expected,
                false => &json!(policy),
            };
            assert_eq!(
                container["imagePullPolicy"], *expected,
                "{policy} {image:?} {place}"
            );
        }
    }
}

#[test]
fn the_proxies_of_fluent_bit_are_in_a_secret() {
    let proxies =
        "osm.fluentBit.enableProxySupport=true,osm.fluentBit.httpsProxy=https://u:p%23@proxy:3129";
    let objects = osm_objects(&["--set", "osm.enableFluentbit=true", "--set", proxies]);
    let secret = find(&objects, "Secret", "proxy-config");
    let wanted = json!({"HTTP_PROXY": "", "HTTPS_PROXY": "https://u:p%23@proxy:3129"});
    assert_eq!(secret["stringData"], wanted);
    let others = objects.iter().filter(|object| object["kind"] != "Secret");
    for object in others {
        assert!(!object.to_string().contains("p%23"), "{object}");
    }
    let controller = find(&objects, "Deployment", "osm-controller");
    let env = &controller["spec"]["template"]["spec"]["containers"][1]["env"];
    for (i, name) in ["HTTP_PROXY", "HTTPS_PROXY"].into_iter().enumerate() {
        let from = json!({"secretKeyRef": {"name": "proxy-config", "key": name}});
        assert_eq!(env[i], json!({"name": name, "valueFrom": from}));
    }
    for off in [
        "osm.enableFluentbit=false",
        "osm.fluentBit.enableProxySupport=false",
    ] {
        let set = format!("osm.enableFluentbit=true,{proxies},{off}");
        let text = osm(&["install", "--dry-run", "--set", &set]).ok();
        assert!(
            !text.contains("p%23") && !text.contains("kind: Secret"),
            "{off}"
        );
    }
}

#[test]
fn fluent_bit_may_read_the_folders_of_the_node_on_openshift() {
    let rule = json!({
        "apiGroups": ["security.openshift.io"],
        "resources": ["securitycontextconstraints"],
        "resourceNames": ["hostaccess"],
        "verbs": ["use"],
    });
    let openshift = ["--api-versions", "security.openshift.io/v1"];
    let fluent_bit = ["--set", "osm.enableFluentbit=true"];
    for (args, expected) in [
        ([openshift, fluent_bit].concat(), true),
        (openshift.to_vec(), false),
        (fluent_bit.to_vec(), false),
    ] {
        let objects = osm_objects(&args);
        let role = find(&objects, "ClusterRole", "osm");
        let rules = role["rules"].as_array().unwrap();
        assert_eq!(rules.contains(&rule), expected, "{args:?}");
    }
}

fn scrape_jobs() -> Map<String, Value> {
    let objects = osm_objects(&["--set", "osm.deployPrometheus=true"]);
    let config = find(&objects, "ConfigMap", "osm-prometheus-server-conf");
    let text = config["data"]["prometheus.yml"].as_str().unwrap();
    let config = yaml::parse(text, Numbers::Exact).unwrap();
    let jobs = config["scrape_configs"].as_array().unwrap().iter();
    jobs.map(|job| (job["job_name"].as_str().unwrap().to_owned(), job.clone()))
        .collect()
}

#[test]
fn prometheus_has_the_jobs_and_metrics_of_the_dashboards() {
    let jobs = scrape_jobs();
    let names: Vec<&String> = jobs.keys().collect();
    let wanted = [
        "kubernetes-apiservers",
        "kubernetes-cadvisor",
        "kubernetes-nodes",
        "kubernetes-pods",
        "smi-metrics",
    ];
    assert_eq!(names, wanted);
    let keep = &jobs["kubernetes-pods"]["metric_relabel_configs"][0]["regex"];
    let metrics: Vec<&str> = keep.as_str().unwrap().split('|').collect();
    assert_eq!(metrics.len(), 17, "{metrics:?}");
    for metric in [
        "^osm.*",
        "envoy_server_live",
        "envoy_cluster_upstream_rq_tx_reset",
    ] {
        assert!(metrics.contains(&metric), "{metric}: {metrics:?}");
    }
}

#[test]
fn a_pod_of_a_deployment_is_labelled_with_the_deployment() {
    let jobs = scrape_jobs();
    let rules = jobs["kubernetes-pods"]["relabel_configs"]
        .as_array()
        .unwrap();
    let rules: Vec<String> = rules
        .iter()
        .filter(|rule| rule["target_label"].to_string().contains("_workload_"))
        .map(|rule| {
            let sources = rule["source_labels"].as_array().unwrap().iter();
            let sources = sources.map(|label| label.as_str().unwrap().rsplit('_').next().unwrap());
            let sources: Vec<&str> = sources.collect();
            format!(
                "{} {} {}",
                rule["target_label"],
                sources.join(";"),
                rule["regex"]
            )
        })
        .collect();
    let wanted = [
        "\"source_workload_kind\" kind null",
        "\"source_workload_name\" name null",
        "\"source_workload_kind\" kind \"^ReplicaSet$\"",
        "\"source_workload_name\" kind;name \"^ReplicaSet;(.*)-[^-]+$\"",
    ];
    assert_eq!(rules, wanted);
}

#[test]
fn labels_are_read_from_the_names_of_smi_metrics() {
    let jobs = scrape_jobs();
    let rules = jobs["smi-metrics"]["metric_relabel_configs"]
        .as_array()
        .unwrap();
    let mut labels = Vec::new();
    for end in ["source", "destination"] {
        labels.extend(["namespace", "kind", "name", "pod"].map(|part| format!("{end}_{part}")));
    }
    // Each rule captures the value of one label.
    let pattern = |captured: &str| {
        let part = |label: &String| match label == captured {
            true => format!("{label}_(.*)"),
            false => format!("{label}_.*"),
        };
        labels.iter().map(part).collect::<Vec<_>>().join("_")
    };
    let rule = |label: &str, regex: String| json!({"target_label": label, "source_labels": ["__name__"], "regex": regex});
    let total = "osm_request_total";
    let duration = "osm_request_duration_ms_(bucket|sum|count)";
    let mut wanted = vec![rule(
        "response_code",
        format!(r"response_code_(\d{{3}})_{}_{total}", pattern("")),
    )];
    for (prefix, metric) in [(r"response_code_\d{3}_", total), ("", duration)] {
        let of_label = |label: &String| rule(label, format!("{prefix}{}_{metric}", pattern(label)));
        wanted.extend(labels.iter().map(of_label));
        wanted.push(rule("__name__", format!(".*({metric})")));
    }
    assert_eq!(
        rules[0]["regex"],
        ".*osm_request_(total|duration_ms_(bucket|count|sum))"
    );
    assert_eq!(rules[1..], wanted);
}
