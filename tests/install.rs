//! `osm install` and `osm uninstall` against a real API server: the objects they create, compatibility with helm, their
//! errors, and that nothing remains afterwards.

use std::path::Path;
use std::process::Command;

use crate::common::cluster::{Cluster, Failure};
use crate::common::{finish, lines, release, repository, run};
use serde_json::{Value, json};

const INSTALLED: &str =
    "OSM installed successfully in namespace [osm-system] with mesh name [osm]\n";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/osm-system/deployments";

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_mesh_is_installed_listed_and_removed_completely() {
    let cluster = Cluster::start();
    let before = cluster.objects();

    let installed = cluster.osm(&["install"]);
    assert!(
        installed
            .stderr
            .contains("waiting until everything is ready\n")
    );
    assert_eq!(installed.ok(), INSTALLED);
    let deployments = cluster.get(DEPLOYMENTS).unwrap();
    for deployment in deployments["items"].as_array().unwrap() {
        let (wanted, status) = (&deployment["spec"]["replicas"], &deployment["status"]);
        assert_eq!(&status["availableReplicas"], wanted, "{deployment}");
    }
    assert_eq!(
        cluster.osm(&["mesh", "list"]).ok(),
        format!(
            "MESH NAME   MESH NAMESPACE   VERSION   ADDED NAMESPACES\n\
             osm         osm-system       {}\n",
            release()
        )
    );
    let version = cluster.osm_json(&["version", "-o", "json"]);
    assert_eq!(version["meshes"][0]["name"], "osm");

    let again = cluster.osm(&["install"]).fails(1);
    assert!(
        again.contains("the mesh osm is already installed in namespace osm-system"),
        "{again}"
    );

    let gone = cluster.osm(&["uninstall", "mesh", "--force", "--delete-namespace"]);
    assert_eq!(
        gone.ok(),
        "OSM [mesh name: osm] in namespace [osm-system] uninstalled\n"
    );
    cluster.await_objects(&before);
    let nothing = cluster.osm(&["uninstall", "mesh", "--force"]);
    assert!(
        nothing
            .stderr
            .contains("mesh osm not found in namespace osm-system")
    );
    nothing.ok();
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn helm_and_osm_manage_each_others_releases() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let helm_json = |command: &[&str]| -> Value {
        serde_json::from_str(&cluster.helm_release(command, &["-o", "json"])).unwrap()
    };

    cluster
        .osm(&["install", "--set", "osm.controllerLogLevel=debug"])
        .ok();
    let list = ["list", "--namespace", "osm-system", "-o", "json"];
    let listed: Value = serde_json::from_str(&cluster.helm(&list).ok()).unwrap();
    assert_eq!(listed[0]["name"], "osm");
    assert_eq!(listed[0]["status"], "deployed");
    assert_eq!(listed[0]["app_version"], release());
    assert_eq!(helm_json(&["status"])["info"]["status"], "deployed");
    assert_eq!(
        helm_json(&["get", "values"]),
        json!({"osm": {"controllerLogLevel": "debug"}})
    );
    let manifest = cluster.helm_release(&["get", "manifest"], &[]);
    assert_eq!(manifest.matches("kind: Deployment").count(), 3);
    assert_eq!(
        helm_json(&["history"])[0]["description"],
        "Install complete"
    );

    // helm upgrades, rolls back and uninstalls.
    let chart = crate::common::repository("charts/osm");
    let pins = cluster.pins();
    let wait = ["--wait", "--timeout", "60s"];
    let two = ["--set", "osm.osmController.replicaCount=2"];
    let more = [&[&chart[..], "--values", &pins], &two[..], &wait].concat();
    cluster.helm_release(&["upgrade"], &more);
    assert_eq!(cluster.replicas("osm-controller"), 2);
    cluster.helm_release(&["rollback"], &[&["1"], &wait[..]].concat());
    assert_eq!(cluster.replicas("osm-controller"), 1);
    cluster.helm_release(&["uninstall"], &wait);
    // The namespace is not deleted, because it no longer has a mesh.
    let gone = cluster.osm(&["uninstall", "mesh", "--force", "--delete-namespace"]);
    let said = "the namespace osm-system was not deleted, because no mesh is installed in it\n";
    assert!(gone.stderr.contains(said), "{}", gone.stderr);
    cluster.delete("/api/v1/namespaces/osm-system");
    cluster.await_objects(&before);

    // The reverse, also for a release whose name is not the name of the mesh.
    cluster.helm_install("service-mesh", &chart);
    let listed = cluster.osm_json(&["mesh", "list", "-o", "json"]);
    assert_eq!(listed[0]["name"], "osm");
    cluster.uninstall(&before);
}

/// Packages the chart of the default release, as for a release.
fn packaged_chart(folder: &Path) -> String {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["xtask", "package-chart", "--destination"])
        .arg(folder)
        .current_dir(repository(""));
    run(&mut command, "").ok().trim().to_owned()
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn osm_and_helm_install_the_same_objects() {
    let cluster = Cluster::start();
    let chart = packaged_chart(cluster.folder());
    let before = cluster.objects();
    let release_objects = || -> std::collections::BTreeMap<String, Value> {
        let objects = cluster.objects().into_iter();
        objects
            .filter(|(key, object)| {
                let annotations = &object["metadata"]["annotations"];
                annotations["meta.helm.sh/release-name"] == "osm" && !key.contains("/ReplicaSet/")
            })
            .map(|(key, mut object)| {
                let metadata = object["metadata"].as_object_mut().unwrap();
                for key in [
                    "managedFields",
                    "uid",
                    "creationTimestamp",
                    "resourceVersion",
                    "generation",
                ] {
                    metadata.remove(key);
                }
                // The Deployment controller records its revision here.
                if let Some(annotations) = metadata["annotations"].as_object_mut() {
                    annotations.remove("deployment.kubernetes.io/revision");
                }
                object.as_object_mut().unwrap().remove("status");
                if key.contains("/Service/") {
                    for key in ["clusterIP", "clusterIPs"] {
                        object["spec"].as_object_mut().unwrap().remove(key);
                    }
                }
                (key, object)
            })
            .collect()
    };

    let table: [(&[&str], usize); 3] = [
        (&[], 11),
        (
            &[
                "--set",
                "osm.osmController.autoScale.enable=true,osm.injector.enablePodDisruptionBudget=true",
            ],
            13,
        ),
        (
            &["--set", "osm.deployPrometheus=true,osm.deployJaeger=true"],
            22,
        ),
    ];
    for (values, count) in table {
        cluster.osm(&[&["install"], values].concat()).ok();
        let by_osm = release_objects();
        cluster.uninstall(&before);

        // Its values have the pins.
        let install = ["install", "osm", &chart, "--namespace", "osm-system"];
        let wait = ["--create-namespace", "--wait", "--timeout", "60s"];
        cluster.helm(&[&install, &wait[..], values].concat()).ok();
        let by_helm = release_objects();
        cluster.uninstall(&before);
        assert_eq!(by_osm.len(), count, "{values:?}: {:?}", by_osm.keys());
        assert_eq!(
            by_osm.keys().collect::<Vec<_>>(),
            by_helm.keys().collect::<Vec<_>>()
        );
        for (key, object) in &by_helm {
            assert_eq!(&by_osm[key], object, "{key}");
        }
    }
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_second_mesh_is_refused_before_anything_is_created() {
    let cluster = Cluster::start();
    cluster.osm(&["install"]).ok();
    let before = cluster.objects();
    let table: [(&[&str], &str); 4] = [
        (
            &["--mesh-name", "two"],
            "a namespace can have only one mesh",
        ),
        (&["--osm-namespace", "two"], "meshes need different names"),
        (
            &["--osm-namespace", "two", "--mesh-name", "two"],
            "it was installed to be the only mesh in the cluster",
        ),
        (
            &[
                "--osm-namespace",
                "two",
                "--mesh-name",
                "two",
                "--enforce-single-mesh=false",
            ],
            "it was installed to be the only mesh in the cluster",
        ),
    ];
    for (args, why) in table {
        let all = [&["install"], args].concat();
        let error = cluster.osm(&all).fails(1);
        assert!(
            error.contains("the mesh osm already exists in namespace osm-system")
                && error.contains(why),
            "{args:?}: {error}"
        );
        cluster.await_objects(&before);
    }
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_failed_installation_names_the_cause_and_a_rerun_resumes() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let table = [
        (
            Failure::ImagePullBackOff,
            "ImagePullBackOff: Back-off pulling image",
        ),
        (Failure::ErrImagePull, "ErrImagePull"),
        (Failure::CrashLoopBackOff, "CrashLoopBackOff"),
        (Failure::OomKilled, "OOMKilled"),
        (
            Failure::Unschedulable,
            "Unschedulable: 0/3 nodes are available",
        ),
        (Failure::NotReady, "its readiness probe fails"),
        (
            Failure::Mount,
            "FailedMount: MountVolume.SetUp failed for volume \"config\"",
        ),
        (Failure::InitRuns, "container init-osm-injector"),
    ];
    let mut said = String::new();
    for (failure, reason) in table {
        cluster.kubelet().fail("osm-injector", failure);
        let error = cluster.osm(&["install", "--timeout", "6s"]).fails(1);
        assert!(
            error.contains(
                "not ready after 6s:\n  Deployment osm-system/osm-injector\n    Pod osm-injector-"
            ) && error.contains(reason)
                && error.contains("Rerun the same command to resume"),
            "{failure:?}: {error}"
        );
        said.push_str(&format!("{failure:?}\n{}\n", error_of(&error)));
        cluster.kubelet().heal("osm-injector");
        let more = cluster.osm(&["install"]);
        assert!(
            more.stderr.contains("resuming it"),
            "{failure:?}: {}",
            more.stderr
        );
        assert_eq!(more.ok(), INSTALLED);
        cluster.uninstall(&before);
    }

    // The error names the origin of the reference and the command that copies the image to the mirror.
    cluster
        .kubelet()
        .fail("osm-bootstrap", Failure::ImagePullBackOff);
    let mirrored = [
        "install",
        "--timeout",
        "6s",
        "--image-registry",
        "mirror.example.com",
    ];
    let error = cluster.osm(&mirrored).fails(1);
    for want in [
        format!(
            "the reference is from: compiled-in {}, registry: --image-registry",
            release()
        ),
        "osm images mirror --to mirror.example.com\n".to_owned(),
    ] {
        assert!(error.contains(&want), "{want:?} is not in: {error}");
    }
    cluster.uninstall(&before);
    let tagged = ["install", "--timeout", "6s", "--image-tag", "v9"];
    let error = cluster.osm(&tagged).fails(1);
    assert!(
        error.contains("the reference is from: --image-tag\n"),
        "{error}"
    );
    cluster.kubelet().heal("osm-bootstrap");
    cluster.uninstall(&before);

    // A failed hook leaves the same objects as with helm.
    cluster.kubelet().fail("osm-preinstall", Failure::JobFails);
    cluster.osm(&["install"]).fails(1);
    let role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/osm-preinstall";
    assert!(cluster.get(role).is_none(), "hook-succeeded");
    let job = "/apis/batch/v1/namespaces/osm-system/jobs/osm-preinstall";
    assert!(cluster.get(job).is_some(), "it shows why it failed");
    // They are removed even with --no-hooks.
    cluster
        .osm(&["uninstall", "mesh", "--force", "--no-hooks"])
        .ok();
    assert!(cluster.get(job).is_none(), "a hook that is left");
    cluster.delete("/api/v1/namespaces/osm-system");
    cluster.await_objects(&before);

    // A failed hook Job is reported immediately, and --atomic removes everything.
    let error = cluster.osm(&["install", "--atomic"]).fails(1);
    assert!(
        error.contains("Job osm-system/osm-preinstall failed")
            && error.contains("the installation was rolled back"),
        "{error}"
    );
    cluster.await_objects(&before);
    // The reasons are printed before the rollback, which removes their objects.
    let reasons = error
        .find("Job osm-system/osm-preinstall failed")
        .expect("why");
    said.push_str(&format!(
        "JobFails\n{}",
        without_suffixes(&error[reasons..])
    ));
    insta::assert_snapshot!(said);
}

/// Returns the error without the generated suffixes of Pod names.
fn error_of(stderr: &str) -> String {
    let error = stderr
        .find("\nerror: ")
        .expect("an error after the progress messages");
    without_suffixes(&stderr[error + 1..])
}

fn without_suffixes(text: &str) -> String {
    let word = |word: &str| {
        let plain = word.trim_end_matches([',', ':']);
        let parts: Vec<&str> = plain.split('-').collect();
        // Generated suffixes have no vowels and no similar digits.
        let is_generated = |part: &&str| {
            let letters = "bcdfghjklmnpqrstvwxz2456789";
            part.len() >= 5 && part.chars().all(|c| letters.contains(c))
        };
        match parts.as_slice() {
            _ if word.starts_with("pod=") => "pod=POD".to_owned(),
            ["osm", app, hash, _] if is_generated(hash) => {
                format!("osm-{app}-HASH-END{}", &word[plain.len()..])
            }
            ["osm", "preinstall", end] if is_generated(end) => {
                format!("osm-preinstall-END{}", &word[plain.len()..])
            }
            _ => word.to_owned(),
        }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(|l| line(l) + "\n").collect()
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn ctrl_c_lists_what_was_created_and_the_same_command_resumes() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    cluster.kubelet().fail("osm-injector", Failure::NotReady);
    let mut child = cluster.osm_started(cluster.kubeconfig(), &["install", "--timeout", "0"]);
    let mut next_line = lines(child.stderr.take().unwrap());
    while !next_line()
        .expect("it ended")
        .contains("waiting until everything is ready")
    {}
    let kill = format!("kill -INT {}", child.id());
    let sent = std::process::Command::new("sh")
        .args(["-c", &kill])
        .status();
    assert!(sent.unwrap().success());
    let mut rest = String::new();
    while let Some(line) = next_line() {
        rest += &format!("{line}\n");
    }
    assert_eq!(finish(child).code, 1);
    for said in [
        "interrupted. Objects created or changed so far:\n  Namespace osm-system\n",
        "  Deployment osm-system/osm-injector\n",
        "Rerun the same command to resume, or run `osm uninstall mesh` to remove them.",
    ] {
        assert!(rest.contains(said), "{said:?} is not in: {rest}");
    }

    cluster.kubelet().heal("osm-injector");
    let more = cluster.osm(&["install"]);
    assert!(
        more.stderr.contains("(pending-install): resuming it"),
        "{}",
        more.stderr
    );
    assert_eq!(more.ok(), INSTALLED);
    cluster.uninstall(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn an_object_deleted_during_the_wait_is_reported_immediately() {
    let cluster = Cluster::start();
    cluster.kubelet().fail("osm-injector", Failure::NotReady);
    let install = ["install", "--timeout", "0"];
    let child = cluster.osm_started(cluster.kubeconfig(), &install);
    cluster.until("the injector is there", |cluster| {
        cluster.deployment("osm-injector")
    });
    cluster.delete(&format!("{DEPLOYMENTS}/osm-injector"));
    let done = finish(child);
    let error = done.stderr;
    assert_eq!(done.code, 1, "{error}");
    let said = "Deployment osm-system/osm-injector was deleted while it was awaited";
    assert!(error.contains(said), "{error}");
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn atomic_removes_objects_that_the_control_plane_created() {
    let cluster = Cluster::start();
    cluster.post(
        "/api/v1/namespaces",
        &json!({"metadata": {"name": "osm-system"}}),
    );
    let before = cluster.objects();
    cluster.kubelet().fail("osm-injector", Failure::NotReady);
    let install = ["install", "--atomic", "--timeout", "20s"];
    let child = cluster.osm_started(cluster.kubeconfig(), &install);
    cluster.until("the controller exists", |cluster| {
        cluster.deployment("osm-controller")
    });
    // The real controller creates this when it starts.
    let secrets = "/api/v1/namespaces/osm-system/secrets";
    cluster.post(secrets, &json!({"metadata": {"name": "osm-ca-bundle"}}));
    let done = finish(child);
    let error = done.stderr;
    for said in [
        "running the post-delete hook Job osm-system/osm-cleanup",
        "error: not ready after 20s:\nthe installation was rolled back",
    ] {
        assert!(error.contains(said), "{said:?} is not in: {error}");
    }
    cluster.await_objects(&before);

    // A root certificate that existed before is not removed.
    let kept = cluster.post(secrets, &json!({"metadata": {"name": "osm-ca-bundle"}}));
    let error = cluster.osm(&install).fails(1);
    assert!(
        error.contains("the installation was rolled back"),
        "{error}"
    );
    let still = cluster.get(&format!("{secrets}/osm-ca-bundle"));
    assert_eq!(still.unwrap()["metadata"]["uid"], kept["metadata"]["uid"]);
    cluster.delete(&format!("{secrets}/osm-ca-bundle"));
    cluster.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_release_that_is_not_a_mesh_is_neither_removed_nor_upgraded() {
    let cluster = Cluster::start();
    let chart = cluster.folder().join("other");
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    std::fs::write(
        chart.join("Chart.yaml"),
        "apiVersion: v2\nname: dashboards\nversion: 1.0.0\n",
    )
    .unwrap();
    std::fs::write(
        chart.join("templates/map.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dashboards}\n",
    )
    .unwrap();
    cluster.helm_install("osm", &chart.display().to_string());
    let before = cluster.objects();
    for command in [
        &["install"][..],
        &["mesh", "upgrade"],
        &["uninstall", "mesh", "--force", "--delete-namespace"],
    ] {
        let error = cluster.osm(command).fails(1);
        let said = "the release osm in namespace osm-system is not a mesh: its chart is dashboards";
        assert!(error.contains(said), "{command:?}: {error}");
    }
    // A namespace without a mesh is not deleted either.
    let shop = json!({"metadata": {"name": "shop"}});
    cluster.post("/api/v1/namespaces", &shop);
    let typo = ["uninstall", "mesh", "--force", "--delete-namespace"];
    let typo = [&typo[..], &["--osm-namespace", "shop"]].concat();
    let done = cluster.osm(&typo);
    assert!(done.stderr.contains("mesh osm not found in namespace shop"));
    assert_eq!(done.ok(), "");
    let still = cluster.get("/api/v1/namespaces/shop").unwrap();
    assert_eq!(still["status"]["phase"], "Active");
    cluster.delete("/api/v1/namespaces/shop");
    cluster.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_mesh_that_helm_uninstalled_with_keep_history_can_be_installed_again() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    cluster.osm(&["install"]).ok();
    cluster.helm_release(&["uninstall"], &["--keep-history", "--wait"]);
    let error = cluster.osm(&["mesh", "upgrade"]).fails(1);
    assert!(
        error.contains("run `osm install` to install it again"),
        "{error}"
    );
    // This also works after a failed attempt. The history of helm is not removed.
    cluster.kubelet().fail("osm-injector", Failure::NotReady);
    for more in [&["--atomic"][..], &[]] {
        let install = ["install", "--timeout", "3s"];
        cluster.osm(&[&install[..], more].concat()).fails(1);
        let first = "/api/v1/namespaces/osm-system/secrets/sh.helm.release.v1.osm.v1";
        assert!(cluster.get(first).is_some(), "{more:?}");
    }
    cluster.kubelet().heal("osm-injector");
    assert_eq!(cluster.osm(&["install"]).ok(), INSTALLED);
    // The history can be removed as well, without a mesh.
    cluster.helm_release(&["uninstall"], &["--keep-history", "--wait"]);
    let all = ["uninstall", "mesh", "--force", "--delete-namespace"];
    let done = cluster.osm(&all);
    assert!(!done.stderr.contains("running"), "{}", done.stderr);
    done.ok();
    cluster.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn removing_a_failed_mesh_does_not_affect_another() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    cluster.kubelet().fail("osm-preinstall", Failure::JobFails);
    let error = cluster.osm(&["install"]).fails(1);
    assert!(
        error.contains("run `osm uninstall mesh` to remove them"),
        "{error}"
    );
    cluster.kubelet().heal("osm-preinstall");
    let blue = ["--mesh-name", "blue"];
    cluster.osm(&[&["install"], &blue[..]].concat()).ok();
    // The real controller creates this when it starts.
    let secrets = "/api/v1/namespaces/osm-system/secrets";
    let made = cluster.post(secrets, &json!({"metadata": {"name": "osm-ca-bundle"}}));

    let done = cluster.osm(&["uninstall", "mesh", "--force"]);
    assert!(
        done.stderr
            .contains("the mesh blue runs in namespace osm-system, too"),
        "{}",
        done.stderr
    );
    done.ok();
    let still = cluster.get(&format!("{secrets}/osm-ca-bundle"));
    assert_eq!(still.unwrap()["metadata"]["uid"], made["metadata"]["uid"]);
    let listed = cluster.osm_json(&["mesh", "list", "-o", "json"]);
    assert_eq!(listed[0]["name"], "blue");

    // The suggested command removes this mesh and no other.
    let error = cluster.osm(&[&["install"], &blue[..]].concat()).fails(1);
    assert!(
        error.contains("run `osm uninstall mesh --mesh-name blue` to remove it"),
        "{error}"
    );
    let all = ["uninstall", "mesh", "--force", "--delete-namespace"];
    cluster.osm(&[&all[..], &blue].concat()).ok();
    cluster.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn concurrent_changes_of_another_user_are_kept() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let failed = |child: std::process::Child| {
        let done = finish(child);
        let error = done.stderr;
        assert_eq!(done.code, 1, "{error}");
        error
    };
    let begun = |more: &[&str]| {
        let install = [&["install"], more].concat();
        let child = cluster.osm_started(cluster.kubeconfig(), &install);
        cluster.until("the injector is there", |cluster| {
            cluster.deployment("osm-injector")
        });
        child
    };
    cluster.kubelet().fail("osm-injector", Failure::NotReady);
    let atomic = begun(&["--atomic", "--timeout", "15s"]);
    cluster.osm(&["install", "--timeout", "2s"]).fails(1);
    let error = failed(atomic);
    assert!(
        error.contains("the installation was not rolled back: another process has resumed it"),
        "{error}"
    );
    assert!(cluster.deployment("osm-controller").is_some());
    cluster.uninstall(&before);

    let waits = begun(&[]);
    let record = "/api/v1/namespaces/osm-system/secrets/sh.helm.release.v1.osm.v1";
    cluster.delete(record);
    cluster.kubelet().heal("osm-injector");
    let error = failed(waits);
    assert!(
        error.contains("another process removed the release osm")
            && error.contains("run `osm install` to install it again"),
        "{error}"
    );
    assert_eq!(cluster.get(record), None, "it was created again");
    assert_eq!(cluster.osm(&["install"]).ok(), INSTALLED);
    cluster.uninstall(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_missing_or_copied_record_removes_nothing() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    cluster.osm(&["install"]).ok();
    let secrets = "/api/v1/namespaces/osm-system/secrets";
    let record = format!("{secrets}/sh.helm.release.v1.osm.v1");
    let mut kept = cluster.get(&record).unwrap();
    for key in ["resourceVersion", "uid", "namespace"] {
        kept["metadata"][key].take();
    }
    let all = ["uninstall", "mesh", "--force", "-a"];

    cluster.post("/api/v1/namespaces/default/secrets", &kept);
    kept["metadata"]["name"] = json!("backup");
    cluster.post(secrets, &kept);
    kept["metadata"]["name"] = json!("sh.helm.release.v1.osm.v1");
    let there = ["uninstall", "mesh", "--osm-namespace", "default", "--force"];
    let done = cluster.osm(&there);
    assert!(
        done.stderr
            .contains("mesh osm not found in namespace default"),
        "{}",
        done.stderr
    );
    assert_eq!(done.ok(), "");
    assert_eq!(cluster.replicas("osm-controller"), 1);
    cluster.delete("/api/v1/namespaces/default/secrets/sh.helm.release.v1.osm.v1");

    cluster.delete(&record);
    let error = cluster.osm(&all).fails(1);
    assert!(
        error.contains("runs in namespace osm-system, but it has no record"),
        "{error}"
    );
    assert_eq!(cluster.replicas("osm-controller"), 1);
    cluster.post(secrets, &kept);
    cluster.uninstall(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn cluster_wide_resources_are_deleted_with_the_flag() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    cluster.osm(&["install"]).ok();
    // The real osm-bootstrap creates these when it starts.
    cluster.post(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        &json!({"metadata": {"name": "meshconfigs.config.openservicemesh.io"}, "spec": {
            "group": "config.openservicemesh.io", "scope": "Namespaced",
            "names": {"plural": "meshconfigs", "kind": "MeshConfig"},
            "versions": [{"name": "v1alpha2", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}],
        }}),
    );
    let all = ["uninstall", "mesh", "--force", "--delete-namespace", "-a"];
    let done = cluster.osm(&all);
    let said = "removing CustomResourceDefinition meshconfigs.config.openservicemesh.io\n";
    assert!(done.stderr.contains(said), "{}", done.stderr);
    done.ok();
    cluster.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn missing_permissions_and_conflicts_are_reported_before_anything_is_created() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let nobody = cluster.kubeconfig_for("nobody", &[]);
    let error = cluster.osm_with(&nobody, &["install"]).fails(1);
    for missing in [
        "this user lacks permissions that an installation needs:",
        "\n  create clusterroles.rbac.authorization.k8s.io\n",
        "\n  patch deployments.apps in namespace osm-system\n",
        "\n  get namespaces\n",
    ] {
        assert!(error.contains(missing), "{missing:?}: {error}");
    }

    cluster.post(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        &json!({"metadata": {"name": "osm"}, "rules": []}),
    );
    let error = cluster.osm(&["install"]).fails(1);
    assert!(
        error.contains("ClusterRole osm: it belongs to no release"),
        "{error}"
    );
    // A dry run reports the same error.
    assert_eq!(
        cluster.osm(&["install", "--dry-run=server"]).fails(1),
        error
    );
    cluster.delete("/apis/rbac.authorization.k8s.io/v1/clusterroles/osm");
    cluster.await_objects(&before);

    for (more, count) in [(&["--no-hooks"][..], 11), (&[], 19)] {
        let args = [&["install", "--dry-run=server", "-o", "json"], more].concat();
        let answered = cluster.osm_json(&args);
        assert_eq!(answered["items"].as_array().unwrap().len(), count);
    }
    cluster.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn the_next_attempt_removes_objects_of_a_failed_one() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    cluster.kubelet().fail("osm-injector", Failure::NotReady);
    let more = ["--set", "osm.deployPrometheus=true", "--timeout", "3s"];
    cluster.osm(&[&["install"], &more[..]].concat()).fails(1);
    let prometheus = || cluster.deployment("osm-prometheus");
    assert!(prometheus().is_some());

    // Another failed attempt removes them,
    cluster.osm(&["install", "--timeout", "3s"]).fails(1);
    assert!(prometheus().is_none());
    cluster.uninstall(&before);

    // and so does uninstalling after any attempt.
    cluster.osm(&[&["install"], &more[..]].concat()).fails(1);
    cluster.uninstall(&before);
    cluster.kubelet().heal("osm-injector");
    cluster.osm(&["install"]).ok();
    cluster.uninstall(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_mesh_is_removed_even_if_its_cleanup_fails() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    cluster.osm(&["install"]).ok();

    let typo = ["uninstall", "mesh", "--force", "--mesh-name", "ossm"];
    for more in ["--delete-namespace", "--delete-cluster-wide-resources"] {
        let error = cluster.osm(&[&typo[..], &[more]].concat()).fails(1);
        assert!(
            error.contains("the mesh osm") && error.contains("in namespace osm-system"),
            "{error}"
        );
    }
    assert!(cluster.deployment("osm-controller").is_some());

    cluster
        .kubelet()
        .fail("osm-cleanup", Failure::ImagePullBackOff);
    let all = ["uninstall", "mesh", "--force", "--delete-namespace"];
    let error = cluster
        .osm(&[&all[..], &["--timeout", "15s"]].concat())
        .fails(1);
    for said in [
        "osm-cleanup",
        "ImagePullBackOff",
        "the mesh is removed, but",
    ] {
        assert!(error.contains(said), "{said:?} is not in: {error}");
    }
    cluster.await_objects(&before);

    cluster.osm(&["install"]).ok();
    cluster.osm(&[&all[..], &["--no-hooks"]].concat()).ok();
    cluster.await_objects(&before);
}

#[test]
fn without_a_cluster_the_error_names_the_configuration_or_the_server() {
    let folder = crate::common::scratch("no-cluster");
    let missing = folder.join("missing");
    let table = [
        (
            missing.display().to_string(),
            "no configuration for a cluster found",
        ),
        (
            write(&folder, "gone", "https://127.0.0.1:1"),
            "cannot ask for the version: the API server https://127.0.0.1:1 cannot be reached",
        ),
    ];
    for (kubeconfig, want) in table {
        for command in [
            &["install"][..],
            &["mesh", "list"],
            &["uninstall", "mesh", "--force"],
        ] {
            let args = [command, &["--kubeconfig", &kubeconfig]].concat();
            let error = crate::common::osm(&args).fails(1);
            assert!(error.contains(want), "{args:?}: {error}");
        }
        // `osm version` still prints its own version.
        let version = crate::common::osm(&["version", "--kubeconfig", &kubeconfig]);
        assert!(
            version
                .stderr
                .contains("cannot list the meshes of the cluster")
        );
        version.ok();
    }
    let error = crate::common::osm(&[
        "mesh",
        "list",
        "--kubeconfig",
        &write(&folder, "c", "https://127.0.0.1:1"),
        "--context",
        "tesst",
    ])
    .fails(1);
    assert!(
        error.contains("has no context tesst\ndid you mean test?"),
        "{error}"
    );
}

fn write(folder: &std::path::Path, name: &str, server: &str) -> String {
    let path = folder.join(name);
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "users": [{"name": "test", "user": {}}],
    });
    std::fs::write(&path, config.to_string()).unwrap();
    path.display().to_string()
}
