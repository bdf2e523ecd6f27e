//! `osm mesh upgrade` and `osm verify` against a real API server: upgrades between releases and of helm releases, and
//! reports of changes in the cluster.

use crate::common::cluster::{Cluster, Failure};
use crate::common::release;
use serde_json::{Value, json};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/osm-system/deployments";

/// Returns the image of the first container of a Deployment.
fn image(cluster: &Cluster, deployment: &str) -> String {
    let found = cluster.deployment(deployment).unwrap();
    let image = found.pointer("/spec/template/spec/containers/0/image");
    image.and_then(Value::as_str).unwrap().to_owned()
}

/// Returns an environment variable of the first container of a Deployment.
fn variable(cluster: &Cluster, deployment: &str, name: &str) -> String {
    let found = cluster.deployment(deployment).unwrap();
    let variables = found
        .pointer("/spec/template/spec/containers/0/env")
        .unwrap();
    let variable = variables
        .as_array()
        .unwrap()
        .iter()
        .find(|v| v["name"] == name);
    variable.unwrap()["value"].as_str().unwrap().to_owned()
}

/// Returns the compiled-in reference of a component of a release.
fn compiled(release: &str, component: &str) -> String {
    let listed = crate::common::osm(&["images", "list", "--release", release, "-o", "json"]).ok();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let images = listed["images"].as_array().unwrap();
    let image = images.iter().find(|i| i["component"] == component).unwrap();
    image["reference"].as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_mesh_is_upgraded_to_the_next_release_and_removed_completely() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    cluster
        .osm(&[
            "install",
            "--release",
            "v1.2.3",
            "--set",
            "osm.osmController.replicaCount=2,osm.deployPrometheus=true",
        ])
        .ok();
    assert_eq!(
        image(&cluster, "osm-controller"),
        compiled("v1.2.3", "osm-controller")
    );

    let dry = cluster
        .osm(&["mesh", "upgrade", "--reuse-values", "--dry-run"])
        .ok();
    let controller = format!(
        "Deployment/osm-controller, container osm-controller:\n  - {}\n  + {}\n",
        compiled("v1.2.3", "osm-controller"),
        compiled(release(), "osm-controller")
    );
    assert!(dry.contains(&controller), "{dry}");
    assert_eq!(
        image(&cluster, "osm-controller"),
        compiled("v1.2.3", "osm-controller")
    );

    let history = || -> Value {
        serde_json::from_str(&cluster.helm_release(&["history"], &["-o", "json"])).unwrap()
    };
    let first = history()[0]["updated"].as_str().unwrap().to_owned();
    let upgraded = cluster.osm(&["mesh", "upgrade", "--reuse-values"]);
    assert!(upgraded.stderr.contains(&controller), "{}", upgraded.stderr);
    assert_eq!(
        upgraded.ok(),
        format!(
            "OSM upgraded successfully to {} in namespace [osm-system] with mesh name [osm]\n",
            release()
        )
    );
    assert_eq!(
        image(&cluster, "osm-controller"),
        compiled(release(), "osm-controller")
    );
    let init = variable(&cluster, "osm-injector", "OSM_DEFAULT_INIT_CONTAINER_IMAGE");
    assert_eq!(init, compiled(release(), "init"));
    assert_eq!(cluster.replicas("osm-controller"), 2);
    assert!(cluster.deployment("osm-prometheus").is_some());

    // Values from standard input are used, although it can be read only once.
    let input = "osm: {osmController: {replicaCount: 3}}\n";
    let upgrade = ["mesh", "upgrade", "--reuse-values", "-f", "-"];
    cluster.osm_with_input(&upgrade, input).ok();
    assert_eq!(cluster.replicas("osm-controller"), 3);

    // Without --reuse-values the values are reset, and objects that are no longer rendered are removed.
    let reset = cluster.osm(&["mesh", "upgrade"]);
    let prometheus = reset.stderr.lines().take(3).collect::<Vec<_>>();
    assert_eq!(
        prometheus[0],
        "Deployment/osm-prometheus, container prometheus:"
    );
    assert!(
        prometheus[1].starts_with("  - prom/prometheus:"),
        "{prometheus:?}"
    );
    assert_eq!(prometheus[2], "  + none");
    assert!(
        reset.stderr.contains(
            "removing Deployment osm-system/osm-prometheus, which the release no longer has\n"
        ),
        "{}",
        reset.stderr
    );
    reset.ok();
    let again = cluster.osm(&["mesh", "upgrade", "--dry-run"]).ok();
    assert_eq!(again, "no image changes\n");
    assert_eq!(cluster.replicas("osm-controller"), 1);
    assert!(cluster.deployment("osm-prometheus").is_none());
    let history = history();
    let times: Vec<&str> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|revision| revision["updated"].as_str().unwrap())
        .collect();
    assert_eq!(times[0], first, "an earlier revision keeps its time");
    let states: Vec<&str> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|revision| revision["status"].as_str().unwrap())
        .collect();
    assert_eq!(
        states,
        ["superseded", "superseded", "superseded", "deployed"]
    );

    cluster.uninstall(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn an_upgrade_of_a_helm_release_removes_obsolete_objects() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    // Another chart with the same objects, one more label and one more object, and another number of a port.
    let chart = cluster.folder().join("chart");
    crate::common::copy_folder(crate::common::repository("charts/osm").as_ref(), &chart);
    let path = chart.join("templates/osm-controller.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let enforced = "    enforceSingleMesh: \"true\"\n";
    let text = text.replacen(enforced, &format!("{enforced}    extra: \"label\"\n"), 1);
    std::fs::write(&path, text).unwrap();
    std::fs::write(
        chart.join("templates/extra.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: extra\n  namespace: osm-system\n",
    )
    .unwrap();
    for file in ["services.yaml", "osm-controller.yaml"] {
        let path = chart.join("templates").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = text
            .replace("\"healthz\" \"port\" 9091", "\"healthz\" \"port\" 9095")
            .replace("\"containerPort\" 9091", "\"containerPort\" 9095");
        assert_ne!(text, changed, "{file}");
        std::fs::write(&path, changed).unwrap();
    }
    cluster.helm_install("osm", &chart.display().to_string());
    let ports = || {
        let service = "/api/v1/namespaces/osm-system/services/osm-controller";
        let numbers = |list: &Value, key: &str| -> Vec<Value> {
            let items = list.as_array().unwrap().iter();
            items.map(|item| item[key].clone()).collect()
        };
        let controller = cluster.deployment("osm-controller").unwrap();
        let container = &controller["spec"]["template"]["spec"]["containers"][0];
        (
            numbers(&cluster.get(service).unwrap()["spec"]["ports"], "port"),
            numbers(&container["ports"], "containerPort"),
        )
    };
    let of = |service: [u16; 3], container: [u16; 3]| {
        (
            service.map(Value::from).to_vec(),
            container.map(Value::from).to_vec(),
        )
    };
    assert_eq!(ports(), of([15128, 9092, 9095], [15000, 15128, 9095]));
    let label = || {
        let controller = cluster.deployment("osm-controller").unwrap();
        controller["metadata"]["labels"]["extra"].clone()
    };
    assert_eq!(label(), "label");
    // Nothing has changed. Only the objects that a control plane creates are missing.
    let verified = cluster.osm(&["verify", "control-plane-health"]);
    assert_eq!(
        verified.stdout.matches("FAILED").count(),
        2,
        "{}",
        verified.stdout
    );
    let extra = "/api/v1/namespaces/osm-system/configmaps/extra";
    assert!(cluster.get(extra).is_some());

    cluster.osm(&["mesh", "upgrade"]).ok();
    assert_eq!(ports(), of([15128, 9092, 9091], [15000, 15128, 9091]));
    assert_eq!(label(), Value::Null);
    assert!(cluster.get(extra).is_none());
    cluster.uninstall(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn an_unfinished_install_names_the_command_that_resumes_it() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    cluster
        .kubelet()
        .fail("osm-controller", Failure::ImagePullBackOff);
    cluster.osm(&["install", "--timeout", "2s"]).fails(1);
    let error = cluster.osm(&["mesh", "upgrade"]).fails(1);
    assert!(
        error.contains("was not installed completely\nrun `osm install` to resume"),
        "{error}"
    );
    cluster.uninstall(&before);

    // Installed by helm, with a release name other than the mesh name.
    let (chart, pins) = (crate::common::repository("charts/osm"), cluster.pins());
    let namespace = ["--namespace", "osm-system", "--create-namespace"];
    let install = ["install", "service-mesh", &chart, "--values", &pins];
    let wait = ["--set", "osm.meshName=blue", "--wait", "--timeout", "5s"];
    let done = cluster.helm(&[&install[..], &namespace, &wait].concat());
    assert_eq!(done.code, 1, "{}", done.stderr);
    cluster.kubelet().heal("osm-controller");
    let error = cluster.osm(&["install", "--mesh-name", "blue"]).fails(1);
    assert!(
        error.contains(
            "was not installed completely; run `osm mesh upgrade --mesh-name blue` to resume"
        ),
        "{error}"
    );
    cluster
        .osm(&["mesh", "upgrade", "--mesh-name", "blue"])
        .ok();
    let all = ["uninstall", "mesh", "--force", "--delete-namespace"];
    cluster
        .osm(&[&all[..], &["--mesh-name", "blue"]].concat())
        .ok();
    cluster.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn as_many_revisions_are_kept_as_with_helm_and_needed_ones_are_not_removed() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let records = || -> Vec<String> {
        let secrets = "/api/v1/namespaces/osm-system/secrets?labelSelector=owner%3Dhelm";
        let list = cluster.get(secrets).unwrap();
        let items = list["items"].as_array().unwrap().iter();
        let name = |item: &Value| item["metadata"]["name"].as_str().unwrap().to_owned();
        items.map(name).collect()
    };
    let quick = ["--no-hooks", "--wait=false"];
    let upgrade = [&["mesh", "upgrade"], &quick[..]].concat();
    cluster.osm(&[&["install"], &quick[..]].concat()).ok();
    // Only the record of this revision lists the object that was created before the failure.
    let prometheus = ["--set", "osm.deployPrometheus=true"];
    let refused = ["--set", "osm.injector.resource.requests.cpu=3", "--set"];
    let refused = [&refused[..], &["osm.injector.resource.limits.cpu=2"]].concat();
    cluster
        .osm(&[&upgrade[..], &prometheus, &refused].concat())
        .fails(1);
    assert!(cluster.deployment("osm-prometheus").is_some());
    for _ in 0..10 {
        cluster.osm(&[&upgrade[..], &refused].concat()).fails(1);
    }
    assert_eq!(records().len(), 12);
    cluster.osm(&upgrade).ok();
    assert_eq!(records().len(), 10);
    assert!(cluster.deployment("osm-prometheus").is_none());
    cluster.uninstall(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn an_upgrade_keeps_the_name_of_a_mesh() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let chart = crate::common::repository("charts/osm");
    let name = || {
        let controller = cluster.deployment("osm-controller").unwrap();
        controller["metadata"]["labels"]["app.kubernetes.io/instance"].clone()
    };
    // The release names differ from the mesh names.
    for (release, mesh) in [("service-mesh", "osm"), ("osm", "blue")] {
        let values = format!("osm.meshName={mesh}");
        cluster.helm_install_with(release, &chart, &["--set", &values]);
        assert_eq!(name(), mesh);
        cluster
            .osm(&["mesh", "upgrade", "--mesh-name", release])
            .ok();
        assert_eq!(name(), mesh);
        let rename = [
            "mesh",
            "upgrade",
            "--mesh-name",
            mesh,
            "--set",
            "osm.meshName=red",
        ];
        let error = cluster.osm(&rename).fails(2);
        let refused = [
            "to red, and its namespaces",
            "set osm.meshName to different values",
        ];
        assert!(refused.iter().any(|why| error.contains(why)), "{error}");
        let move_it = [
            "mesh",
            "upgrade",
            "--mesh-name",
            mesh,
            "--set",
            "osm.osmNamespace=there",
        ];
        let error = cluster.osm(&move_it).fails(2);
        assert!(
            error.contains("would move the control plane from namespace osm-system to there"),
            "{error}"
        );
        let gone = ["uninstall", "mesh", "--force", "--delete-namespace", "-a"];
        cluster
            .osm(&[&gone[..], &["--mesh-name", mesh]].concat())
            .ok();
        cluster.await_objects(&before);
    }
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_failed_upgrade_names_the_cause_and_a_rerun_resumes() {
    let cluster = Cluster::start();
    let nothing = cluster.osm(&["mesh", "upgrade"]).fails(1);
    assert!(
        nothing.contains("mesh osm not found in namespace osm-system"),
        "{nothing}"
    );
    cluster.osm(&["install", "--release", "v1.2.3"]).ok();
    let other = cluster
        .osm(&["mesh", "upgrade", "--mesh-name", "other"])
        .fails(1);
    assert!(
        other.contains("found: osm in namespace osm-system"),
        "{other}"
    );

    cluster
        .kubelet()
        .fail("osm-bootstrap", Failure::ImagePullBackOff);
    let error = cluster
        .osm(&["mesh", "upgrade", "--timeout", "5s"])
        .fails(1);
    assert!(
        error.contains("Deployment osm-system/osm-bootstrap")
            && error.contains("ImagePullBackOff")
            && error.contains(&compiled(release(), "osm-bootstrap"))
            && error.contains("Rerun the same command to resume"),
        "{error}"
    );
    let install = cluster.osm(&["install"]).fails(1);
    assert!(
        install.contains(
            "status failed)\nan upgrade was not finished; run `osm mesh upgrade` to resume it"
        ),
        "{install}"
    );
    cluster.kubelet().heal("osm-bootstrap");
    cluster.osm(&["mesh", "upgrade"]).ok();
    assert_eq!(
        image(&cluster, "osm-bootstrap"),
        compiled(release(), "osm-bootstrap")
    );
}

/// Makes the API server refuse every change of a Deployment until `heal` is called.
fn refuse(cluster: &Cluster, deployment: &str) {
    let root = "/apis/admissionregistration.k8s.io/v1";
    cluster.post(
        &format!("{root}/validatingadmissionpolicies"),
        &json!({
            "metadata": {"name": "refuse"},
            "spec": {
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                    "resources": ["deployments"], "resourceNames": [deployment],
                }]},
                "validations": [{"expression": "false", "message": "not today"}],
            },
        }),
    );
    cluster.post(
        &format!("{root}/validatingadmissionpolicybindings"),
        &json!({
            "metadata": {"name": "refuse"},
            "spec": {"policyName": "refuse", "validationActions": ["Deny"]},
        }),
    );
    let path = format!("{DEPLOYMENTS}/{deployment}?fieldManager=test&dryRun=All");
    cluster.until("the policy holds", |cluster| {
        let patch = json!({"metadata": {"labels": {"tried": "yes"}}});
        let (code, _) = cluster.request("PATCH", &path, Some(&patch));
        (code == 422).then_some(())
    });
}

fn heal(cluster: &Cluster) {
    let root = "/apis/admissionregistration.k8s.io/v1";
    cluster.delete(&format!("{root}/validatingadmissionpolicybindings/refuse"));
    cluster.delete(&format!("{root}/validatingadmissionpolicies/refuse"));
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn objects_of_a_failed_upgrade_are_removed_by_the_next_or_with_the_mesh() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let prometheus = || cluster.deployment("osm-prometheus");
    for finish in ["upgrade", "uninstall"] {
        let with = ["install", "--set", "osm.deployPrometheus=true"];
        cluster.osm(&with).ok();
        refuse(&cluster, "osm-injector");
        // The new revision has no Prometheus and fails before the old Prometheus is removed.
        let error = cluster
            .osm(&["mesh", "upgrade", "--image-tag", "v9"])
            .fails(1);
        assert!(
            error.contains("cannot apply Deployment osm-system/osm-injector")
                && error.contains("not today")
                && error.contains("a policy of the cluster denies this object"),
            "{error}"
        );
        assert!(prometheus().is_some());
        heal(&cluster);
        if finish == "upgrade" {
            cluster.until("the policy is gone", |cluster| {
                let upgraded = cluster.osm(&["mesh", "upgrade"]);
                (upgraded.code == 0).then_some(())
            });
            assert!(prometheus().is_none());
        }
        cluster.uninstall(&before);
    }
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn verify_compares_the_running_images() {
    let cluster = Cluster::start();
    cluster.osm(&["install"]).ok();
    let verify = || {
        let output = cluster.osm(&["verify", "control-plane-health", "-o", "json"]);
        let checks: Value = serde_json::from_str(&output.stdout).unwrap();
        let failed: Vec<String> = checks
            .as_array()
            .unwrap()
            .iter()
            .filter(|check| check["holds"] == false)
            .map(|check| {
                let what = check["what"].as_str().unwrap();
                // The suffix of the Pod name is generated.
                let what = what.split(", ").last().unwrap();
                format!("{what}: {}", check["found"].as_str().unwrap())
            })
            .collect();
        (output.code, failed)
    };
    // No control plane runs here, which would create its webhooks.
    let webhooks = [
        "MutatingWebhookConfiguration of osm-injector: not found; osm-injector creates it when it starts",
        "ValidatingWebhookConfiguration of osm-controller: not found; osm-controller creates it when it starts",
    ];
    assert_eq!(verify(), (1, webhooks.map(str::to_owned).to_vec()));
    cluster.create_webhooks();
    let (code, failed) = verify();
    assert_eq!((code, failed), (0, Vec::new()));
    mesh_config_images_are_judged(&cluster, &verify);

    // An image is changed without a new revision: the image of the sidecars,
    let injector = format!("{DEPLOYMENTS}/osm-injector");
    let mut live = cluster.get(&injector).unwrap();
    live["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("managedFields");
    let env = "/spec/template/spec/containers/0/env";
    let variables = live.pointer_mut(env).unwrap().as_array_mut().unwrap();
    let sidecar = variables
        .iter_mut()
        .find(|variable| variable["name"] == "OSM_DEFAULT_ENVOY_IMAGE");
    sidecar.unwrap()["value"] = json!("other/envoy:1");
    cluster.put(&injector, &live);
    let (code, failed) = verify();
    let drift = failed.iter().find(|line| line.contains("other/envoy:1"));
    let drift = drift.unwrap_or_else(|| panic!("{failed:?}"));
    assert!(
        code == 1
            && drift.starts_with("OSM_DEFAULT_ENVOY_IMAGE: is other/envoy:1, the release has "),
        "{drift}"
    );

    // and the image of the controller.
    let mut controller = cluster.deployment("osm-controller").unwrap();
    controller["spec"]["template"]["spec"]["containers"][0]["image"] = json!("other/image:1");
    controller["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("managedFields");
    cluster.put(&format!("{DEPLOYMENTS}/osm-controller"), &controller);
    let told = cluster.until("the drift is seen", |_| {
        let (code, failed) = verify();
        let drift = failed.iter().find(|line| line.contains("other/image:1"))?;
        (code == 1).then(|| drift.clone())
    });
    let recorded = compiled(release(), "osm-controller");
    assert_eq!(
        told,
        format!(
            "container osm-controller: has the image other/image:1, the release has {recorded}"
        )
    );
}

/// The `MeshConfig` decides which images sidecars get, and an upgrade does not change it (openservicemesh/osm#4371).
fn mesh_config_images_are_judged(cluster: &Cluster, verify: &dyn Fn() -> (i32, Vec<String>)) {
    let kind = "/apis/config.openservicemesh.io/v1alpha2/namespaces/osm-system/meshconfigs";
    cluster.post(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        &json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "meshconfigs.config.openservicemesh.io"},
            "spec": {
                "group": "config.openservicemesh.io", "scope": "Namespaced",
                "names": {"kind": "MeshConfig", "plural": "meshconfigs", "singular": "meshconfig"},
                "versions": [{
                    "name": "v1alpha2", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {
                        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    }},
                }],
            },
        }),
    );
    cluster.until("MeshConfigs are served", |cluster| cluster.get(kind));
    let sidecar = variable(cluster, "osm-injector", "OSM_DEFAULT_ENVOY_IMAGE");
    let config = json!({
        "apiVersion": "config.openservicemesh.io/v1alpha2", "kind": "MeshConfig",
        "metadata": {"name": "osm-mesh-config"},
        // The same image as that of the release, and an image that is not set.
        "spec": {
            "sidecar": {"envoyImage": sidecar, "envoyWindowsImage": ""},
            "traffic": {"enableEgress": true},
        },
    });
    cluster.post(kind, &config);
    assert_eq!(verify(), (0, Vec::new()));
    let upgrade = |more: &[&str]| cluster.osm(&[&["mesh", "upgrade", "--dry-run"], more].concat());
    let quiet = upgrade(&["--require-pinned"]);
    assert!(!quiet.stderr.contains("MeshConfig"), "{}", quiet.stderr);
    quiet.ok();

    let path = format!("{kind}/osm-mesh-config");
    let image = |image: &str| json!({"spec": {"sidecar": {"envoyImage": image}}});
    cluster.patch(&path, &image("mirror.test/envoy:v1"));
    let field = "MeshConfig osm-system/osm-mesh-config spec.sidecar.envoyImage";
    let overrides =
        format!("{field}: is mirror.test/envoy:v1, which overrides {sidecar} of the release");
    assert_eq!(verify(), (1, vec![overrides]));
    let warned = upgrade(&["--set", "osm.enableEgress=false,osm.envoyLogLevel=debug"]);
    let command =
        "run `kubectl patch meshconfig osm-mesh-config --namespace osm-system --type merge --patch";
    for line in [
        format!(
            "MeshConfig osm-system/osm-mesh-config has spec.sidecar.envoyImage, so new sidecars use \
             mirror.test/envoy:v1 instead of {sidecar}, which is not pinned: anyone who can push this tag \
             controls what runs\nto use the image of the release, {command} \
             '{{\"spec\":{{\"sidecar\":{{\"envoyImage\":\"\"}}}}}}'`\n"
        ),
        "these values have no effect: MeshConfig osm-system/osm-mesh-config exists".to_owned(),
        "  osm.enableEgress=false: spec.traffic.enableEgress is true\n".to_owned(),
        "  osm.envoyLogLevel=\"debug\": spec.sidecar.logLevel is not set\n".to_owned(),
        format!(
            "to set them, {command} \
             '{{\"spec\":{{\"sidecar\":{{\"logLevel\":\"debug\"}},\"traffic\":{{\"enableEgress\":false}}}}}}'`"
        ),
    ] {
        assert!(
            warned.stderr.contains(&line),
            "{line}\n in {}",
            warned.stderr
        );
    }
    warned.ok();
    let refused = upgrade(&["--require-pinned"]).fails(1);
    assert!(
        refused.contains(
            "--require-pinned: mirror.test/envoy:v1 in MeshConfig osm-system/osm-mesh-config"
        ),
        "{refused}"
    );
    // The command that the warning names mends it.
    cluster.patch(&path, &image(""));
    assert_eq!(verify(), (0, Vec::new()));
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn namespaces_are_added_to_a_mesh_and_removed() {
    let cluster = Cluster::start();
    cluster.post("/api/v1/namespaces", &json!({"metadata": {"name": "shop"}}));
    let shop = || cluster.get("/api/v1/namespaces/shop").unwrap();
    let before = shop();
    // Without a mesh nothing is labeled (openservicemesh/osm#2494).
    let error = cluster.osm(&["namespace", "add", "shop"]).fails(1);
    assert!(
        error.contains("mesh osm not found\nrun `osm install` to install it"),
        "{error}"
    );
    assert_eq!(shop(), before);
    cluster.osm(&["install"]).ok();
    let other = ["namespace", "add", "shop", "--mesh-name", "other"];
    let error = cluster.osm(&other).fails(1);
    assert!(
        error.contains("mesh other not found\nfound: osm in namespace osm-system"),
        "{error}"
    );
    // Nothing changes if one of several namespaces does not exist.
    let missing = ["namespace", "add", "shop", "nowhere"];
    let error = cluster.osm(&missing).fails(1);
    assert!(error.contains("namespace nowhere not found"), "{error}");
    assert_eq!(shop(), before);

    let said = cluster.osm(&["namespace", "add", "shop"]).ok();
    assert_eq!(said, "Namespace [shop] successfully added to mesh [osm]\n");
    assert_eq!(
        shop()["metadata"]["labels"]["openservicemesh.io/monitored-by"],
        "osm"
    );
    let injection = &shop()["metadata"]["annotations"]["openservicemesh.io/sidecar-injection"];
    assert_eq!(injection, "enabled");
    assert_eq!(
        cluster.osm(&["namespace", "list"]).ok(),
        "NAMESPACE   MESH   SIDECAR-INJECTION\nshop        osm    enabled\n"
    );
    assert!(
        cluster
            .osm(&["mesh", "list"])
            .ok()
            .contains(&format!("{:7}   shop", release()))
    );
    let other = cluster
        .osm(&["namespace", "add", "shop", "--mesh-name", "other"])
        .fails(1);
    assert!(other.contains("belongs to the mesh osm"), "{other}");
    let wrong = cluster
        .osm(&["namespace", "remove", "shop", "--mesh-name", "other"])
        .fails(1);
    assert!(
        wrong.contains("belongs to the mesh osm, not to other"),
        "{wrong}"
    );

    // New sidecars reach only Pods that restart (openservicemesh/osm#4371).
    let quick = ["--no-hooks", "--wait=false", "--release", "v1.2.3"];
    let upgraded = cluster.osm(&[&["mesh", "upgrade"], &quick[..]].concat());
    let note = "Pods in these namespaces keep their old sidecars until they restart: shop\n";
    assert!(upgraded.stderr.contains(note), "{}", upgraded.stderr);
    upgraded.ok();

    cluster.osm(&["namespace", "remove", "shop"]).ok();
    assert_eq!(shop()["metadata"]["labels"], before["metadata"]["labels"]);
    assert_eq!(
        shop()["metadata"]["annotations"],
        before["metadata"]["annotations"]
    );
    cluster.osm(&["namespace", "ignore", "shop"]).ok();
    assert_eq!(
        shop()["metadata"]["labels"]["openservicemesh.io/ignore"],
        "true"
    );
    let own = cluster.osm(&["namespace", "add", "osm-system"]).fails(1);
    assert!(
        own.contains("has the control plane of the mesh osm"),
        "{own}"
    );
    let missing = cluster.osm(&["namespace", "add", "nowhere"]).fails(1);
    assert!(missing.contains("namespace nowhere not found"), "{missing}");
}
