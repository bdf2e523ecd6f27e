//! `osm verify control-plane-health --registry`: what a digest is that a runtime reports instead of the pinned one.

use serde_json::{Value, json};
use test_registry::{Answer, LyingRegistry, Options, Registry};

use crate::common::cluster::Cluster;
use crate::common::{Output, command, run};
use crate::images_verify::Mirror;

const PODS: &str = "/api/v1/namespaces/osm-system/pods";
const NAME: &str = "osm-controller";

/// Lets the runtime report this identifier for the image of the controller, in all its Pods.
fn report(cluster: &Cluster, id: &str) {
    let mut pods = pods(cluster);
    assert!(!pods.is_empty());
    for pod in &mut pods {
        let path = format!(
            "{PODS}/{}/status",
            pod["metadata"]["name"].as_str().unwrap()
        );
        let mut statuses = pod["status"]["containerStatuses"].take();
        let all = statuses.as_array_mut().unwrap().iter_mut();
        for status in all.filter(|status| status["name"] == NAME) {
            status["imageID"] = json!(id);
        }
        cluster.patch(&path, &json!({"status": {"containerStatuses": statuses}}));
    }
}

/// The Pods of the controller that run.
fn pods(cluster: &Cluster) -> Vec<Value> {
    let listed = cluster.get(PODS).unwrap();
    let all = listed["items"].as_array().unwrap().iter();
    let own = all.filter(|pod| {
        pod["metadata"]["labels"]["app"] == NAME && pod["metadata"]["deletionTimestamp"].is_null()
    });
    own.cloned().collect()
}

fn verify(cluster: &Cluster, more: &[&str]) -> Output {
    cluster.osm(&[&["verify", "control-plane-health", "-o", "json"], more].concat())
}

/// Returns the check of the first container of the controller.
#[track_caller]
fn check(output: &Output) -> Value {
    let checks: Value = serde_json::from_str(&output.stdout).unwrap();
    let mut checks = checks.as_array().unwrap().iter();
    let end = format!(", container {NAME}");
    let found = checks.find(|check| check["what"].as_str().unwrap().ends_with(&end));
    found.expect("the container").clone()
}

#[test]
#[ignore = "needs a cluster and a registry: run cargo xtask test"]
fn the_registry_tells_a_platform_from_another_image() {
    let mirror = Mirror::start(Options::default());
    let cluster = Cluster::start();
    let replicas = ["--set", "osm.osmController.replicaCount=2"].map(str::to_owned);
    let install = ["install".to_owned()];
    let flags = install.iter().chain(&mirror.images).chain(&replicas);
    cluster.osm(&flags.collect::<Vec<_>>()).ok();
    cluster.create_webhooks();
    assert_eq!(pods(&cluster).len(), 2);
    let [ca_file, authority] = &mirror.access;
    let with_registry = ["--registry", ca_file, authority];

    let repository = format!("mesh/{NAME}");
    let name = mirror.name(&repository);
    let index = mirror.registry.digest(&repository, "v1");
    let pinned = format!("{name}@{index}");
    let crane = |arguments: &[&str]| -> Value {
        serde_json::from_str(&mirror.registry.crane(arguments).ok()).unwrap()
    };
    let manifests = crane(&["manifest", &pinned])["manifests"].clone();
    let digest_of = |architecture: &str| {
        let mut all = manifests.as_array().unwrap().iter();
        let found = all.find(|entry| entry["platform"]["architecture"] == architecture);
        found.unwrap()["digest"].as_str().unwrap().to_owned()
    };
    let (amd64, arm64) = (digest_of("amd64"), digest_of("arm64"));
    let configuration =
        crane(&["manifest", &format!("{name}@{arm64}")])["config"]["digest"].clone();
    let configuration = configuration.as_str().unwrap().to_owned();
    let other = mirror.registry.digest("mesh/osm-injector", "v1");

    // The identifier, whether it holds, the verdict and its platform, and the end of the message.
    let at_name = |digest: &str| format!("{name}@{digest}");
    let same = |platform: &str| format!(": the same image, for {platform}");
    let another = ": another image, which the pinned one does not contain".to_owned();
    let judge = |table: &[(String, bool, &str, Value, String)]| {
        for (id, holds, verdict, platform, end) in table {
            report(&cluster, id);
            let before = mirror.registry.requests().len();
            let output = verify(&cluster, &with_registry);
            let found = check(&output);
            assert_eq!(output.code, i32::from(!holds), "{id}: {}", output.stderr);
            assert_eq!(found["holds"], *holds, "{found}");
            let running = id.rsplit('@').next().unwrap();
            let digest = json!({
                "expected": index, "running": running, "verdict": verdict, "platform": platform,
            });
            assert_eq!(found["digest"], digest, "{id}");
            assert_eq!(
                found["found"],
                format!("{pinned}, reported as {running}{end}")
            );
            // Two Pods run it.
            let requests = &mirror.registry.requests()[before..];
            let reads = requests.iter().filter(|r| r.path.ends_with(&index));
            assert_eq!(reads.count(), 1, "{requests:?}");
        }
    };
    judge(&[
        (
            at_name(&amd64),
            true,
            "same image",
            json!("linux/amd64"),
            same("linux/amd64"),
        ),
        (
            at_name(&arm64),
            true,
            "same image",
            json!("linux/arm64"),
            same("linux/arm64"),
        ),
        (
            configuration.clone(),
            true,
            "same image",
            json!("linux/arm64"),
            same("linux/arm64"),
        ),
        // It has a repository, so it is a manifest.
        (
            at_name(&configuration),
            false,
            "other image",
            json!(null),
            another.clone(),
        ),
        (
            at_name(&other),
            false,
            "other image",
            json!(null),
            another.clone(),
        ),
        (other, false, "other image", json!(null), another),
    ]);

    // The node says what it can run.
    let node = pods(&cluster)[0]["spec"]["nodeName"].clone();
    let path = format!("/api/v1/nodes/{}/status", node.as_str().unwrap());
    let set_platform = |os: &str, architecture: &str| {
        let info = json!({"operatingSystem": os, "architecture": architecture});
        cluster.patch(&path, &json!({"status": {"nodeInfo": info}}));
    };
    set_platform("linux", "amd64");
    judge(&[
        (
            at_name(&amd64),
            true,
            "same image",
            json!("linux/amd64"),
            same("linux/amd64"),
        ),
        (
            at_name(&arm64),
            false,
            "other platform",
            json!("linux/arm64"),
            ": the same image for linux/arm64, but the node is linux/amd64".to_owned(),
        ),
    ]);
    set_platform("", "");

    // What cannot be found out stays as it is without the flag.
    let not_asked = verify(&cluster, &[]);
    let found = check(&not_asked);
    assert_eq!((not_asked.code, &found["holds"]), (0, &json!(true)));
    assert_eq!(found["digest"]["verdict"], "not asked");
    let text = found["found"].as_str().unwrap();
    assert!(
        text.ends_with(
            "; use --registry to ask the registry whether it belongs to the pinned image"
        ),
        "{text}"
    );
    let untrusted = verify(&cluster, &["--registry"]);
    let found = check(&untrusted);
    assert_eq!((untrusted.code, &found["holds"]), (0, &json!(true)));
    assert_eq!(found["digest"]["verdict"], "unknown");
    let text = found["found"].as_str().unwrap();
    assert!(
        text.contains(": what this is cannot be found out: ")
            && text.ends_with("; trust the authority of the registry with --ca-file"),
        "{text}"
    );

    // With the digest of the index, no registry is asked.
    report(&cluster, &pinned);
    let before = mirror.registry.requests().len();
    let output = verify(&cluster, &with_registry);
    assert_eq!((output.code, &check(&output)["digest"]), (0, &json!(null)));
    assert_eq!(mirror.registry.requests().len(), before);
    cluster
        .osm(&["uninstall", "mesh", "--force", "--delete-namespace"])
        .ok();
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn an_index_that_is_not_the_pinned_one_excuses_nothing() {
    let cluster = Cluster::start();
    let registry = LyingRegistry::start();
    let digest = |byte: &str| format!("sha256:{}", byte.repeat(32));
    let (running, chosen) = (digest("ab"), digest("cd"));
    // It names the digest that runs, and does not hash to the digest that it is asked for.
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": running, "size": 2,
            "platform": {"os": "linux", "architecture": "amd64"},
        }],
    });
    registry.on("GET", "/v2/", Answer::new(200).body(index.to_string()));
    let mesh = format!("{}/mesh", registry.address());
    let digest_flag = format!("{NAME}={chosen}");
    let address = registry.address();
    let with_registry = ["--registry", "--insecure-registry", &address];
    cluster
        .osm(&[
            "install",
            "--image-registry",
            &mesh,
            "--image-digest",
            &digest_flag,
        ])
        .ok();
    cluster.create_webhooks();
    // A pinned image holds as without the flag, since nothing else can be pulled by its digest; one by its tag does not.
    for holds in [true, false] {
        if !holds {
            cluster
                .osm(&[
                    "mesh",
                    "upgrade",
                    "--image-registry",
                    &mesh,
                    "--image-tag",
                    "v1",
                ])
                .ok();
        }
        report(&cluster, &format!("{mesh}/{NAME}@{running}"));
        let before = registry.requests().len();
        let output = verify(&cluster, &with_registry);
        let found = check(&output);
        assert_eq!(found["holds"], holds, "{found}");
        assert_eq!(found["digest"]["verdict"], "unknown", "{found}");
        let text = found["found"].as_str().unwrap();
        assert!(text.contains("it is not what was asked for"), "{text}");
        assert_eq!(found["holds"], check(&verify(&cluster, &[]))["holds"]);
        assert!(registry.requests().len() > before);
    }
    cluster
        .osm(&["uninstall", "mesh", "--force", "--delete-namespace"])
        .ok();
}

#[test]
fn flags_of_registries_need_the_flag_that_uses_them() {
    for flag in [
        "--ca-file",
        "--registry-auth-file",
        "--insecure-registry",
        "--token-server",
    ] {
        let arguments = ["verify", "control-plane-health", flag, "a"];
        let error = run(&mut command(&arguments), "").fails(2);
        assert!(
            error.contains(&format!("{flag} has no effect without --registry")),
            "{error}"
        );
    }
}
