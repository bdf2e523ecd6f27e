//! Foreign charts in a real cluster: what their templates can read from it, their CRDs and hooks, and their supported
//! Kubernetes versions.

use crate::common::cluster::Cluster;
use serde_json::json;

const EXAMPLES: &str = "/apis/example.com/v1/namespaces/osm-system/examples/one";
const DEFINITION: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/examples.example.com";

/// Writes a chart with these additional lines of `Chart.yaml` and these files.
fn chart(cluster: &Cluster, meta: &str, files: &[(&str, &str)]) -> String {
    let folder = cluster.folder().join("chart");
    let meta = format!("apiVersion: v2\nname: foreign\nversion: 1.0.0\n{meta}");
    for (name, text) in [&[("Chart.yaml", meta.as_str())], files].concat() {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder.display().to_string()
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_chart_sees_the_api_versions_of_the_cluster() {
    let cluster = Cluster::start();
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\ndata:\n\
        \x20 all: {{ range (list \"v1\" \"v1/Pod\" \"apps/v1\" \"apps/v1/Deployment\" \"apps/v1beta1\" \
        \"example.com/v1\" \"example.com/v1/Example\") }}{{ . }}={{ $.Capabilities.APIVersions.Has . }} {{ end }}\n";
    let chart = chart(&cluster, "", &[("templates/seen.yaml", template)]);
    let seen = || {
        let args = [
            "install",
            "--dry-run=server",
            "-o",
            "json",
            "--osm-chart-path",
        ];
        let list = cluster.osm_json(&[&args[..], &[&chart]].concat());
        list["items"][0]["data"]["all"].as_str().unwrap().to_owned()
    };
    // Without a cluster, apps/v1beta1 counts as available although it was removed, as with helm.
    let kubernetes = "v1=true v1/Pod=true apps/v1=true apps/v1/Deployment=true apps/v1beta1=false";
    assert_eq!(
        seen(),
        format!("{kubernetes} example.com/v1=false example.com/v1/Example=false")
    );
    cluster.post(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        &json!({"metadata": {"name": "examples.example.com"}, "spec": {
            "group": "example.com", "scope": "Cluster",
            "names": {"plural": "examples", "kind": "Example"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}],
        }}),
    );
    cluster.until("the new kind is served", |_| {
        (seen() == format!("{kubernetes} example.com/v1=true example.com/v1/Example=true"))
            .then_some(())
    });
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn templates_look_up_objects_as_with_helm() {
    let cluster = Cluster::start();
    let secrets = "/api/v1/namespaces/default/secrets";
    let first = json!({"metadata": {"name": "first"}, "stringData": {"next": "second"}});
    cluster.post(secrets, &first);
    let second = json!({"metadata": {"name": "second", "labels": {"found": "yes"}}});
    cluster.post(secrets, &second);
    // The second lookup uses the result of the first.
    let template = "{{ $first := lookup \"v1\" \"Secret\" \"default\" \"first\" }}\n\
        apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\ndata:\n\
        {{ if $first }}\
        \x20 second: {{ (lookup \"v1\" \"Secret\" \"default\" ($first.data.next | b64dec)).metadata.labels.found | quote }}\n\
        {{ end }}\
        \x20 missing: {{ lookup \"v1\" \"Secret\" \"default\" \"missing\" | len | quote }}\n\
        \x20 many: {{ len (lookup \"v1\" \"Secret\" \"default\" \"\").items | quote }}\n\
        \x20 kinds: {{ range (lookup \"v1\" \"Secret\" \"default\" \"\").items }}{{ .apiVersion }}/{{ .kind }} {{ end }}\n";
    let chart = chart(&cluster, "", &[("templates/seen.yaml", template)]);
    let seen = "/api/v1/namespaces/osm-system/configmaps/seen";
    let want =
        json!({"second": "yes", "missing": "0", "many": "2", "kinds": "v1/Secret v1/Secret"});
    cluster.osm(&["install", "--osm-chart-path", &chart]).ok();
    assert_eq!(cluster.get(seen).unwrap()["data"], want);
    cluster
        .osm(&["uninstall", "mesh", "--force", "--delete-namespace"])
        .ok();
    cluster.helm_install("osm", &chart);
    assert_eq!(cluster.get(seen).unwrap()["data"], want);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn crds_of_a_chart_are_created_first_and_not_deleted() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "examples.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "examples", "kind": "Example"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    })
    .to_string();
    let example = "{{ if not (.Capabilities.APIVersions.Has \"example.com/v1/Example\") }}{{ fail \"no kind\" }}{{ end }}\
        apiVersion: example.com/v1\nkind: Example\nmetadata:\n\
        \x20 name: one\n\
        \x20 labels: {before: {{ len (lookup \"example.com/v1\" \"Example\" \"osm-system\" \"\").items | quote }}}\n";
    let plain = "apiVersion: example.com/v1\nkind: Example\nmetadata: {name: one}\n";
    let with = |example: &str| {
        let files = [
            ("crds/examples.json", definition.as_str()),
            ("templates/example.yaml", example),
        ];
        chart(&cluster, "", &files)
    };
    let uninstall = ["uninstall", "mesh", "--force", "--delete-namespace"];
    let missing = "the cluster has no Example in example.com/v1";
    for (example, code, want) in [(plain, 1, missing), (example, 2, "no kind")] {
        let chart = with(example);
        let refused = cluster.osm(&["install", "--osm-chart-path", &chart, "--skip-crds"]);
        let error = refused.fails(code);
        assert!(error.contains(want), "{want:?} is not in: {error}");
        cluster.await_objects(&before);
    }
    let chart = with(example);
    let install = ["install", "--osm-chart-path", &chart];

    let installed = cluster.osm(&install);
    let created = "created CustomResourceDefinition examples.example.com from the chart's crds/\n";
    assert!(installed.stderr.contains(created), "{}", installed.stderr);
    installed.ok();
    let made = cluster.get(EXAMPLES).expect("the example");
    assert_eq!(made["metadata"]["labels"]["before"], "0");
    cluster.osm(&uninstall).ok();
    cluster.until("the example is gone", |c| {
        c.get(EXAMPLES).is_none().then_some(())
    });

    // The CRD is not deleted, as with helm, and the next installation does not change it.
    let there = cluster.get(DEFINITION).expect("the CRD");
    let again = cluster.osm(&install);
    assert!(
        again
            .stderr
            .contains("already exists and is left unchanged"),
        "{}",
        again.stderr
    );
    again.ok();
    let still = cluster.get(DEFINITION).expect("the CRD");
    assert_eq!(there["metadata"]["uid"], still["metadata"]["uid"]);
    cluster.osm(&uninstall).ok();
    cluster.delete(DEFINITION);
    cluster.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn the_items_of_a_list_are_installed_and_removed_as_with_helm() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let lists = "apiVersion: v1\nkind: List\nitems:\n\
        - {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}\n\
        ---\napiVersion: v1\nkind: ConfigMapList\nitems:\n- {metadata: {name: two}}\n\
        ---\napiVersion: v1\nkind: List\nmetadata: {annotations: {helm.sh/hook: 'pre-install,pre-upgrade'}}\nitems:\n\
        - {apiVersion: v1, kind: ConfigMap, metadata: {name: hook}}\n\
        ---\napiVersion: v1\nkind: List\nmetadata: {annotations: {helm.sh/resource-policy: keep}}\nitems:\n\
        - {apiVersion: v1, kind: ConfigMap, metadata: {name: kept, namespace: default}}\n\
        ---\napiVersion: v1\nkind: List\nitems:\n";
    let chart = chart(&cluster, "", &[("templates/lists.yaml", lists)]);
    let seen = || {
        ["osm-system", "default"].map(|namespace| {
            let maps = format!("/api/v1/namespaces/{namespace}/configmaps");
            let maps = cluster.get(&maps).unwrap();
            let names = maps["items"].as_array().unwrap().iter();
            let names = names.map(|map| map["metadata"]["name"].as_str().unwrap().to_owned());
            names
                .filter(|name| !name.starts_with("kube-"))
                .collect::<Vec<_>>()
        })
    };
    let kept = "/api/v1/namespaces/default/configmaps/kept";
    let install = ["install", "--osm-chart-path", &chart];
    cluster.osm(&install).ok();
    let all = [
        vec!["hook".to_owned(), "one".to_owned(), "two".to_owned()],
        vec!["kept".to_owned()],
    ];
    assert_eq!(seen(), all);
    cluster
        .osm(&["mesh", "upgrade", "--osm-chart-path", &chart])
        .ok();
    assert_eq!(seen(), all);
    // helm leaves hooks and kept objects. osm leaves only the kept objects.
    cluster.helm_release(&["uninstall"], &["--wait"]);
    assert_eq!(seen(), [vec!["hook".to_owned()], vec!["kept".to_owned()]]);
    cluster.osm(&install).ok();
    cluster.osm(&["uninstall", "mesh", "--force"]).ok();
    assert_eq!(seen(), [vec![], vec!["kept".to_owned()]]);
    cluster.delete(kept);
    cluster.delete("/api/v1/namespaces/osm-system");
    cluster.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_hook_pod_is_awaited_until_it_ends() {
    let cluster = Cluster::start();
    let pod = |policy: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: before\n  annotations: {{helm.sh/hook: pre-install}}\n\
            spec:\n  restartPolicy: {policy}\n  containers: [{{name: a, image: example.com/a:1}}]\n"
        )
    };
    let runs = chart(&cluster, "", &[("templates/pod.yaml", &pod("Always"))]);
    let install = ["install", "--osm-chart-path", &runs, "--timeout", "3s"];
    let error = cluster.osm(&install).fails(1);
    assert!(error.contains("it runs and has not ended"), "{error}");
    let ends = chart(&cluster, "", &[("templates/pod.yaml", &pod("Never"))]);
    assert_eq!(runs, ends);
    cluster.osm(&install).ok();
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn the_kube_version_of_a_chart_is_checked_against_the_cluster() {
    let cluster = Cluster::start();
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\n";
    // The default version without a cluster is newer than this cluster, and only that one is refused.
    let old = chart(
        &cluster,
        "kubeVersion: '>=1.30 <1.37'\n",
        &[("templates/map.yaml", map)],
    );
    let install = ["install", "--osm-chart-path", &old];
    let error = cluster
        .osm(&[&install[..], &["--dry-run"]].concat())
        .fails(2);
    assert!(
        error.contains("needs Kubernetes >=1.30 <1.37, this is v1.37.0"),
        "{error}"
    );
    cluster.osm(&install).ok();
    cluster
        .osm(&["mesh", "upgrade", "--osm-chart-path", &old])
        .ok();

    let new = chart(&cluster, "kubeVersion: '>=1.37'\n", &[]);
    let upgrade = ["mesh", "upgrade", "--osm-chart-path", &new];
    let error = cluster.osm(&upgrade).fails(2);
    assert!(
        error.contains("needs Kubernetes >=1.37, this is v1.36"),
        "{error}"
    );
}

#[test]
fn values_that_contradict_flags_are_refused_before_any_request() {
    // No cluster runs, so any request would fail with another error.
    let error = crate::common::osm(&["install", "--set", "osm.osmNamespace=elsewhere"]).fails(2);
    assert!(
        error
            .contains("the values set the namespace elsewhere, but the release goes to osm-system"),
        "{error}"
    );
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn notes_are_printed_and_kept_in_the_record_as_with_helm() {
    let cluster = Cluster::start();
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\ndata: {x: {{ randAlphaNum 5 | quote }}}\n";
    let files = [
        ("templates/seen.yaml", template),
        (
            "templates/NOTES.txt",
            "\nOpen {{ .Release.Name }} in {{ .Release.Namespace }}.\n\n",
        ),
    ];
    let chart = chart(&cluster, "", &files);
    let printed = cluster.osm(&["install", "--osm-chart-path", &chart]).ok();
    let shown = "NOTES:\nOpen osm in osm-system.\n";
    assert!(printed.ends_with(shown), "{printed}");
    let kept = cluster.helm_release(&["get", "notes"], &[]);
    assert_eq!(kept, "NOTES:\n\nOpen osm in osm-system.\n\n\n");
}
