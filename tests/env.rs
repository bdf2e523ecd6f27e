//! Settings in commands that contact a cluster: `osm env`, and managed meshes.

use serde_json::Value;

use crate::common::cluster::Cluster;
use crate::common::{osm_with_variables, scratch, words};

/// Runs `osm env` with variables, and reads the JSON that it prints.
fn env(variables: &[(&str, &str)], flags: &str) -> Value {
    let line = format!("env -o json {flags}");
    serde_json::from_str(&osm_with_variables(variables, &words(&line)).ok()).unwrap()
}

fn configuration(name: &str, text: &str) -> String {
    let path = scratch(name).join("config.yaml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn settings_are_printed_with_their_sources() {
    let file = configuration(
        "env",
        "install:\n  distribution: kind\n  namespace: from-file\n",
    );
    let variables = [
        ("OSM_CONFIG", file.as_str()),
        ("OSM_CONTEXT", "ci"),
        ("OSM_IMAGE_REGISTRY", "registry.example.com/mesh"),
        ("OSM_TIMEOUT", "10m"),
        ("OSM_REQUEST_TIMEOUT", "1m"),
        ("KUBECONFIG", "/etc/kubeconfig"),
        ("OSM_IMAGE_TAG", "v9"),
    ];
    let flags = words("env --request-timeout 5s");
    let done = osm_with_variables(&variables, &flags);
    assert!(
        done.stderr.contains("OSM_IMAGE_TAG has no effect"),
        "{}",
        done.stderr
    );
    insta::assert_snapshot!("env", done.ok().replace(&file, "FILE"));
    insta::assert_snapshot!("env_without_settings", osm!("env").ok());
}

#[test]
fn each_setting_has_a_variable_and_a_flag() {
    // The setting, its variable, a value, and whether `osm env` has the flag.
    let cases = [
        ("osm-namespace", "OSM_NAMESPACE", "mesh", true),
        ("mesh-name", "OSM_MESH_NAME", "blue", false),
        (
            "image-registry",
            "OSM_IMAGE_REGISTRY",
            "r.example.com",
            false,
        ),
        ("image-pull-policy", "OSM_IMAGE_PULL_POLICY", "Never", false),
        ("context", "OSM_CONTEXT", "ci", true),
        ("request-timeout", "OSM_REQUEST_TIMEOUT", "1s", true),
        ("timeout", "OSM_TIMEOUT", "1h", false),
        ("kubeconfig", "KUBECONFIG", "k", true),
    ];
    let shown = env(&[], "");
    assert_eq!(shown["settings"].as_object().unwrap().len(), cases.len());
    for (setting, variable, value, has_flag) in cases {
        let default = &shown["settings"][setting];
        assert_eq!(default["source"], "default", "{setting}");
        assert_eq!(
            &env(&[(variable, "")], "")["settings"][setting],
            default,
            "{setting}"
        );
        let entry = env(&[(variable, value)], "")["settings"][setting].clone();
        assert_eq!(entry["value"], value, "{setting}");
        assert_eq!(entry["source"], format!("environment {variable}"));
        if has_flag {
            let flags = format!("--{setting} other");
            let flags = flags.replace("request-timeout other", "request-timeout 2s");
            let entry = env(&[(variable, value)], &flags)["settings"][setting].clone();
            assert_eq!(entry["source"], format!("flag --{setting}"));
            assert_ne!(entry["value"], value, "{setting}");
        }
    }
}

#[test]
fn keys_of_released_versions_stay() {
    let file = configuration(
        "env_released",
        "install:\n  kind: managed\n  distribution: AKS\n  namespace: kube-system\n",
    );
    let shown = env(&[("OSM_CONFIG", &file)], "");
    let install = serde_json::json!({
        "kind": "managed", "distribution": "AKS", "namespace": "kube-system",
    });
    assert_eq!(shown["install"], install);
    assert_eq!(shown["config"]["osm_namespace"], "kube-system");
    let install = serde_json::json!({
        "kind": "self-hosted", "distribution": "", "namespace": "osm-system",
    });
    assert_eq!(env(&[], "")["install"], install);
}

#[test]
fn an_invalid_setting_is_an_error_of_every_command_that_uses_it() {
    let cases = [
        ("OSM_TIMEOUT", "soon", "install"),
        ("OSM_TIMEOUT", "soon", "mesh upgrade"),
        ("OSM_TIMEOUT", "soon", "uninstall mesh --force"),
        ("OSM_TIMEOUT", "soon", "env"),
        ("OSM_REQUEST_TIMEOUT", "5", "mesh list"),
        ("OSM_REQUEST_TIMEOUT", "5", "version"),
        ("OSM_NAMESPACE", "Mesh", "verify control-plane-health"),
        ("OSM_MESH_NAME", "A b", "namespace add shop"),
        ("OSM_MESH_NAME", "A b", "namespace remove shop"),
        ("OSM_MESH_NAME", "A b", "verify control-plane-health"),
        ("OSM_IMAGE_REGISTRY", "https://r", "mesh upgrade"),
        ("OSM_CONFIG", "/not/there", "mesh list"),
    ];
    for (variable, value, command) in cases {
        let error = osm_with_variables(&[(variable, value)], &words(command)).fails(2);
        let expected = match variable {
            "OSM_CONFIG" => format!("error: {variable}: "),
            _ => format!("error: invalid value '{value}' for {variable} (--"),
        };
        assert!(error.starts_with(&expected), "{command}: {error}");
    }
}

/// The kubeconfig of a cluster that does not exist, with the context `test`.
fn kubeconfig() -> String {
    let path = scratch("settings_kubeconfig").join("kubeconfig");
    let text = "clusters: [{name: test, cluster: {server: 'http://127.0.0.1:9'}}]\n\
                users: [{name: test, user: {}}]\n\
                contexts: [{name: test, context: {cluster: test, user: test}}]\n\
                current-context: test\n";
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn an_unknown_context_names_what_chose_it() {
    let kubeconfig = kubeconfig();
    let unknown = |variables: &[(&str, &str)], flags: &str| {
        let variables = [variables, &[("KUBECONFIG", &kubeconfig)]].concat();
        let line = format!("mesh list {flags}");
        osm_with_variables(&variables, &words(&line)).fails(1)
    };
    let by_variable = unknown(&[("OSM_CONTEXT", "tset")], "");
    assert!(
        by_variable.contains("no context tset\ndid you mean test? OSM_CONTEXT takes one of: test"),
        "{by_variable}"
    );
    let by_flag = unknown(&[("OSM_CONTEXT", "tset")], "--context tset");
    assert!(
        by_flag.contains("? --context takes one of: test"),
        "{by_flag}"
    );
}

/// A configuration file of a mesh that the provider of the cluster manages.
fn managed() -> String {
    configuration("managed", "install: {kind: managed, distribution: AKS}\n")
}

#[test]
fn a_managed_mesh_is_not_installed_upgraded_or_removed() {
    let file = managed();
    for command in [
        "install",
        "install --dry-run",
        "mesh upgrade",
        "mesh upgrade --dry-run",
        "uninstall mesh",
        "uninstall mesh --force",
        "uninstall mesh --force -a --delete-namespace",
    ] {
        let done = osm_with_variables(&[("OSM_CONFIG", &file)], &words(command));
        let error = done.fails(2);
        assert!(
            error.contains("config.yaml:1:11: install.kind is managed: the provider of the cluster (AKS) manages"),
            "{command}: {error}"
        );
    }
    // Other commands work.
    osm_with_variables(&[("OSM_CONFIG", &file)], &words("version --client-only")).ok();
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn only_what_a_managed_mesh_leaves_behind_is_removed() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let file = managed();
    let clean_up = || {
        let line = "uninstall mesh --force --delete-cluster-wide-resources";
        let kubeconfig = cluster.kubeconfig().to_str().unwrap();
        let variables = [("OSM_CONFIG", file.as_str()), ("KUBECONFIG", kubeconfig)];
        osm_with_variables(&variables, &words(line))
    };
    osm!(cluster, "install").ok();
    let error = clean_up().fails(2);
    assert!(error.contains("install.kind is managed"), "{error}");
    assert!(cluster.deployment("osm-controller").is_some());
    cluster.uninstall(&before);
    clean_up().ok();
}
