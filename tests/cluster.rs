//! What the tests against a cluster stand on: the real API server and helm, the stand-in kubelet, and that
//! nothing stays behind.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::common::cluster::{Cluster, Failure, PATIENCE, Process, SHORTLY};
use crate::common::{repository, scratch};
use serde_json::{Value, json};

const PODS: &str = "/api/v1/namespaces/default/pods";
const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";
const DIGEST: &str = "sha256:a0a5f231e65cda27ade22f890354217e59982b32f07904ea0d706bf3caaec763";

/// A Pod's spec: one container after an init container.
fn spec(image: &str, restart_policy: &str) -> Value {
    json!({
        "restartPolicy": restart_policy,
        "initContainers": [{ "name": "first", "image": "registry.test:5000/first:1" }],
        "containers": [{ "name": "main", "image": image }],
    })
}

/// What the API says of an object as soon as a value in it is as wanted.
#[track_caller]
fn await_value(cluster: &Cluster, path: &str, pointer: &str, wanted: &Value) -> Value {
    let start = Instant::now();
    loop {
        let object = cluster.get(path).unwrap_or_default();
        let found = object.pointer(pointer);
        if found == Some(wanted) {
            return object;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{path}: {pointer} is {found:?}, not {wanted}; {}",
            object["status"]
        );
        std::thread::sleep(SHORTLY);
    }
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn helm_installs_and_removes_the_chart_and_leaves_nothing() {
    let cluster = Cluster::start();
    let before = cluster.objects();

    cluster.helm_install("osm", &repository("charts/osm"));

    let path = "/apis/apps/v1/namespaces/osm-system/deployments";
    let deployments = cluster.get(path).unwrap();
    let deployments = deployments["items"].as_array().unwrap();
    assert!(deployments.len() >= 3, "{deployments:?}");
    for deployment in deployments {
        let (wanted, status) = (&deployment["spec"]["replicas"], &deployment["status"]);
        assert_eq!(&status["availableReplicas"], wanted, "{deployment}");
    }
    let pods = cluster
        .get("/api/v1/namespaces/osm-system/pods?labelSelector=app=osm-controller")
        .unwrap();
    let container = &pods["items"][0]["status"]["containerStatuses"][0];
    let (image, id) = (&container["image"], &container["imageID"]);
    let digest = image.as_str().unwrap().split_once('@').unwrap().1;
    assert!(id.as_str().unwrap().ends_with(digest), "{image} {id}");

    let mut uninstall = vec!["uninstall", "osm", "--wait", "--timeout", "60s"];
    uninstall.extend(["--namespace", "osm-system"]);
    cluster.helm(&uninstall).ok();
    // helm makes the namespace and leaves it.
    cluster.delete("/api/v1/namespaces/osm-system");
    cluster.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn what_is_wrong_with_a_pod_is_in_its_status() {
    let cluster = Cluster::start();
    let main = "/status/containerStatuses/0";
    let first = "/status/initContainerStatuses/0";
    // The failure; what the status says, at its path; and a part of the message beside it.
    let table = [
        (
            Failure::ErrImagePull,
            format!("{first}/state/waiting/reason"),
            json!("ErrImagePull"),
            "failed to pull and unpack image \"registry.test:5000/first:1\"",
        ),
        (
            Failure::ImagePullBackOff,
            format!("{first}/state/waiting/reason"),
            json!("ImagePullBackOff"),
            "Back-off pulling image \"registry.test:5000/first:1\"",
        ),
        (
            Failure::CrashLoopBackOff,
            format!("{main}/state/waiting/reason"),
            json!("CrashLoopBackOff"),
            "restarting failed container=main pod=crash-loop-back-off_default(",
        ),
        (
            Failure::Unschedulable,
            "/status/conditions/0/reason".to_owned(),
            json!("Unschedulable"),
            "0/3 nodes are available: ",
        ),
        (
            Failure::OomKilled,
            format!("{main}/lastState/terminated/reason"),
            json!("OOMKilled"),
            "",
        ),
        (
            Failure::NotReady,
            format!("{main}/started"),
            json!(true),
            "",
        ),
    ];
    for (failure, pointer, wanted, message) in table {
        let case = format!("{failure:?}");
        let name = case.chars().fold(String::new(), |name, c| match c {
            c if c.is_uppercase() && !name.is_empty() => format!("{name}-{}", c.to_lowercase()),
            c => format!("{name}{}", c.to_lowercase()),
        });
        let path = format!("{PODS}/{name}");
        let image = format!("registry.test:5000/main:1@{DIGEST}");
        let pod = json!({ "metadata": { "name": name }, "spec": spec(&image, "Always") });
        cluster.kubelet().fail(&name, failure);
        cluster.post(PODS, &pod);
        let pod = await_value(&cluster, &path, &pointer, &wanted);
        let status = &pod["status"];
        let beside = format!("{}/message", pointer.rsplit_once('/').unwrap().0);
        let said = pod.pointer(&beside).unwrap_or(&Value::Null).to_string();
        let said = said.replace("\\\"", "\"");
        assert!(said.contains(message), "{case}: {said}");
        let ready = |pod: &Value| {
            let conditions = pod["status"]["conditions"].as_array().unwrap();
            conditions
                .iter()
                .any(|c| c["type"] == "Ready" && c["status"] == "True")
        };
        assert!(!ready(&pod), "{case}: {status}");
        let bound = failure != Failure::Unschedulable;
        assert_eq!(pod["spec"]["nodeName"].is_string(), bound, "{case}");
        if failure == Failure::OomKilled {
            assert_eq!(
                status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"],
                137
            );
            assert_eq!(status["containerStatuses"][0]["restartCount"], 3);
        }

        cluster.kubelet().heal(&name);
        let ready_pointer = format!("{main}/ready");
        let pod = await_value(&cluster, &path, &ready_pointer, &json!(true));
        assert!(ready(&pod), "{case}: {}", pod["status"]);
        assert_eq!(pod["status"]["phase"], "Running", "{case}");
        let status = &pod["status"]["containerStatuses"][0];
        let restarts = match failure {
            Failure::CrashLoopBackOff => 7,
            Failure::OomKilled => 3,
            _ => 0,
        };
        assert_eq!(status["restartCount"], restarts, "{case}");
        let id = &status["imageID"];
        assert_eq!(id, &json!(format!("registry.test:5000/main@{DIGEST}")));

        // A Pod that is there already can fail as well, and go.
        cluster.kubelet().fail(&name, Failure::NotReady);
        await_value(&cluster, &path, &ready_pointer, &json!(false));
        cluster.delete(&path);
        cluster.until("the Pod is gone", |cluster| {
            cluster.get(&path).is_none().then_some(())
        });
    }
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn jobs_complete_or_fail() {
    let cluster = Cluster::start();
    cluster.kubelet().fail("fails", Failure::JobFails);
    let table = [
        ("never", "Never", "Complete", ""),
        ("on-failure", "OnFailure", "Complete", ""),
        ("fails-never", "Never", "Failed", "BackoffLimitExceeded"),
        (
            "fails-on-failure",
            "OnFailure",
            "Failed",
            "BackoffLimitExceeded",
        ),
    ];
    for (name, policy, _, _) in table {
        let template = json!({ "spec": spec("example.test/main:1", policy) });
        let limit = if policy == "Never" { 0 } else { 6 };
        cluster.post(
            JOBS,
            &json!({
                "metadata": { "name": name },
                "spec": { "backoffLimit": limit, "template": template },
            }),
        );
    }
    for (name, _, wanted, reason) in table {
        let ended = cluster.until(name, |cluster| {
            let job = cluster.get(&format!("{JOBS}/{name}"))?;
            let conditions = job["status"]["conditions"].as_array()?.clone();
            conditions
                .into_iter()
                .find(|c| ["Complete", "Failed"].iter().any(|kind| c["type"] == *kind))
        });
        assert_eq!(ended["type"], wanted, "{name}: {ended}");
        assert!(
            reason.is_empty() || ended["reason"] == reason,
            "{name}: {ended}"
        );
    }
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_user_may_do_what_is_granted_and_no_more() {
    let cluster = Cluster::start();
    let roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
    cluster.post(
        roles,
        &json!({
            "metadata": { "name": "readers" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers" }],
        }),
    );
    let table: [(&str, &[&str], bool); 3] = [
        ("nobody", &[], false),
        ("someone", &["readers"], true),
        ("someone", &["writers"], false),
    ];
    for (user, groups, may) in table {
        let kubeconfig = cluster.kubeconfig_for(user, groups);
        let output = cluster.helm_with(&kubeconfig, &["list", "--namespace", "default"]);
        let refused = output
            .stderr
            .contains(&format!("User \"{user}\" cannot list"));
        assert_eq!(
            output.code == 0,
            may,
            "{user} {groups:?}: {}",
            output.stderr
        );
        assert_eq!(refused, !may, "{user} {groups:?}: {}", output.stderr);
    }
}

/// Set for the process that is to be killed: the folder it works in.
const VICTIM: &str = "OSM_TEST_VICTIM";

#[test]
fn a_process_ends_when_its_test_is_killed() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        let script = "echo $$ > pid.new; mv pid.new pid; exec sleep 600";
        let arguments = ["-c".to_owned(), script.to_owned()];
        let _process = Process::start("sleeper", Path::new("sh"), &arguments, Path::new(&folder));
        loop {
            std::thread::park();
        }
    }
    let signal = |signal: &str, pid: &str| {
        let command = format!("kill -{signal} {pid} 2>/dev/null");
        let status = Command::new("sh").args(["-c", &command]).status();
        status.unwrap().success()
    };
    // Ctrl-C reaches the whole process group, and a kill only the process itself.
    for (name, whole_group) in [("KILL", false), ("INT", true), ("TERM", true)] {
        let folder = scratch(&format!("victim-{name}"));
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cluster::a_process_ends_when_its_test_is_killed"])
            .env(VICTIM, &folder)
            .process_group(0)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let sleeper = loop {
            if let Ok(pid) = std::fs::read_to_string(folder.join("pid")) {
                break pid.trim().to_owned();
            }
            assert!(start.elapsed() < PATIENCE, "the program does not start");
            std::thread::sleep(SHORTLY);
        };
        assert!(signal("0", &sleeper), "the program runs");
        let sign = if whole_group { "-" } else { "" };
        assert!(signal(name, &format!("{sign}{}", victim.id())));
        victim.wait().unwrap();
        while signal("0", &sleeper) {
            assert!(start.elapsed() < PATIENCE, "{name}: the program still runs");
            std::thread::sleep(SHORTLY);
        }
    }
}
