//! Obstacles to an installation in a working cluster: quotas, webhooks, namespaces that are being deleted, damaged
//! records, missing permissions. The error names the obstacle, and a rerun completes once it is removed.

use crate::common::cluster::Cluster;
use serde_json::json;

const NAMESPACES: &str = "/api/v1/namespaces";
const SYSTEM: &str = "/api/v1/namespaces/osm-system";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmission";
const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn errors_name_the_obstacle_and_a_rerun_resumes() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let mut said = String::new();
    let mut refused = |what: &str, want: &str| {
        let error = cluster.osm(&["install"]).fails(1);
        let at = error.rfind("error: ").unwrap();
        assert!(error.contains(want), "{what}: {want:?} is not in: {error}");
        // The requests are concurrent, so any of them may fail first.
        let error = ["osm-bootstrap", "osm-controller", "osm-injector"]
            .iter()
            .fold(error[at..].to_owned(), |error, name| {
                error.replace(name, "ONE")
            });
        said.push_str(&format!("{what}\n{error}\n"));
    };

    cluster.post(NAMESPACES, &json!({"metadata": {"name": "osm-system"}}));
    let quota =
        json!({"metadata": {"name": "few"}, "spec": {"hard": {"count/deployments.apps": "1"}}});
    cluster.post(&format!("{SYSTEM}/resourcequotas"), &quota);
    let counted = format!("{SYSTEM}/resourcequotas/few");
    cluster.until("the quota is counted", |cluster| {
        cluster.get(&counted)?["status"]["used"]["count/deployments.apps"]
            .as_str()
            .map(drop)
    });
    refused("a quota", "raise the quota of the namespace");
    cluster.delete(&counted);
    cluster.osm(&["install"]).ok();
    cluster.uninstall(&before);

    // No server listens on this port.
    let webhook = json!({"metadata": {"name": "gate"}, "webhooks": [{
        "name": "gate.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"]}],
        "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
    }]});
    cluster.post(WEBHOOKS, &webhook);
    refused(
        "a webhook that is gone",
        "a webhook of the cluster does not answer",
    );
    cluster.delete(&format!("{WEBHOOKS}/gate"));
    cluster.osm(&["install"]).ok();
    cluster.uninstall(&before);

    // If the record cannot be created, nothing else is created.
    let policy = json!({"metadata": {"name": "plain"}, "spec": {
        "matchConstraints": {"resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]}]},
        "validations": [{"expression": "object.type != 'helm.sh/release.v1'", "message": "no releases here"}],
    }});
    cluster.post(&format!("{POLICIES}policies"), &policy);
    let binding = json!({"metadata": {"name": "plain"}, "spec": {
        "policyName": "plain", "validationActions": ["Deny"]}});
    cluster.post(&format!("{POLICIES}policybindings"), &binding);
    let record = json!({"metadata": {"name": "probe"}, "type": "helm.sh/release.v1"});
    let probe = "/api/v1/namespaces/default/secrets?dryRun=All";
    cluster.until("the policy is in force", |cluster| {
        (cluster.request("POST", probe, Some(&record)).0 == 422).then_some(())
    });
    refused(
        "a policy against the record",
        "a policy of the cluster denies this object",
    );
    assert_eq!(cluster.get(SYSTEM), None, "the namespace stayed");
    cluster.delete(&format!("{POLICIES}policybindings/plain"));
    cluster.delete(&format!("{POLICIES}policies/plain"));
    cluster.until("the policy is gone", |cluster| {
        (cluster.request("POST", probe, Some(&record)).0 == 200).then_some(())
    });
    cluster.osm(&["install"]).ok();
    cluster.uninstall(&before);

    // A namespace is deleted after all objects in it.
    cluster.post(NAMESPACES, &json!({"metadata": {"name": "osm-system"}}));
    let held = json!({"metadata": {"name": "held", "finalizers": ["example.com/held"]}});
    cluster.post(&format!("{SYSTEM}/configmaps"), &held);
    cluster.delete(SYSTEM);
    refused(
        "a namespace that goes away",
        "the namespace osm-system is being deleted",
    );
    let released = json!({"metadata": {"finalizers": null}});
    cluster.patch(&format!("{SYSTEM}/configmaps/held"), &released);
    cluster.await_objects(&before);
    cluster.osm(&["install"]).ok();

    // A damaged record is not overwritten.
    let record = format!("{SYSTEM}/secrets/sh.helm.release.v1.osm.v1");
    let kept = cluster.get(&record).unwrap();
    cluster.patch(&record, &json!({"data": {"release": "bm90aGluZw=="}}));
    refused("a damaged record", "sh.helm.release.v1.osm.v1");
    for command in [&["mesh", "upgrade"][..], &["uninstall", "mesh", "--force"]] {
        let error = cluster.osm(command).fails(1);
        assert!(
            error.contains("sh.helm.release.v1.osm.v1"),
            "{command:?}: {error}"
        );
    }
    cluster.patch(
        &record,
        &json!({"data": {"release": kept["data"]["release"]}}),
    );
    cluster.uninstall(&before);
    insta::assert_snapshot!(said);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn exactly_the_missing_permissions_are_listed() {
    let cluster = Cluster::start();
    let all = |groups: &[&str], resources: &[&str]| json!({"apiGroups": groups, "resources": resources, "verbs": ["*"]});
    // Everything but Services.
    let rules = json!([
        all(
            &[""],
            &[
                "namespaces",
                "secrets",
                "serviceaccounts",
                "configmaps",
                "pods"
            ]
        ),
        all(
            &[
                "apps",
                "batch",
                "rbac.authorization.k8s.io",
                "admissionregistration.k8s.io"
            ],
            &["*"]
        ),
    ]);
    let role = json!({"metadata": {"name": "most"}, "rules": rules});
    cluster.post(&format!("{RBAC}/clusterroles"), &role);
    let binding = json!({
        "metadata": {"name": "most"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "most"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "almost"}],
    });
    cluster.post(&format!("{RBAC}/clusterrolebindings"), &binding);
    let before = cluster.objects();
    let almost = cluster.kubeconfig_for("almost", &[]);
    let missing = |more: &[&str]| {
        let args = [&["install"], more].concat();
        cluster.osm_with(&almost, &args).fails(1)
    };
    let list = |verbs: &[&str]| {
        let lines = verbs
            .iter()
            .map(|verb| format!("\n  {verb} services in namespace osm-system"));
        format!(
            "error: this user lacks permissions that an installation needs:{}\n\
             ask an administrator of the cluster for these permissions\n",
            lines.collect::<String>()
        )
    };
    assert_eq!(missing(&[]), list(&["create", "get", "patch"]));
    assert_eq!(
        missing(&["--atomic"]),
        list(&["create", "delete", "get", "patch"])
    );
    cluster.await_objects(&before);
}
