//! The test cluster itself: the real API server and helm, the stand-in kubelet, the pool of clusters, and that no process
//! outlives its test.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::common::cluster::{Cluster, Failure, Folder, PATIENCE, Process, SHORTLY};
use crate::common::{repository, scratch};
use serde_json::{Value, json};

const PODS: &str = "/api/v1/namespaces/default/pods";
const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";
const DIGEST: &str = "sha256:a0a5f231e65cda27ade22f890354217e59982b32f07904ea0d706bf3caaec763";

/// Returns the spec of a Pod with an init container and a container.
fn spec(image: &str, restart_policy: &str) -> Value {
    json!({
        "restartPolicy": restart_policy,
        "initContainers": [{ "name": "first", "image": "registry.test:5000/first:1" }],
        "containers": [{ "name": "main", "image": image }],
    })
}

/// Waits until a value in an object is as expected and returns the object.
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
fn helm_installs_and_removes_the_chart_completely() {
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
    // helm creates the namespace and does not delete it.
    cluster.delete("/api/v1/namespaces/osm-system");
    cluster.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn the_status_of_a_pod_names_its_problem() {
    let cluster = Cluster::start();
    let main = "/status/containerStatuses/0";
    let first = "/status/initContainerStatuses/0";
    // The failure, the path and value in the status, and a part of the message next to it.
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

        // An existing Pod can fail as well, and be deleted.
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
fn a_user_has_exactly_the_granted_permissions() {
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

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_cluster_is_reused_only_if_it_is_as_new() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let running =
        json!({ "metadata": { "name": "left" }, "spec": spec("example.test/main:1", "Always") });
    let ready = "/status/containerStatuses/0/ready";

    // Objects, including those with a finalizer, files and failing Pods.
    let held = json!({"metadata": {"name": "held", "finalizers": ["example.com/held"]}});
    let namespace = json!({"metadata": {"name": "left"}});
    cluster.post("/api/v1/namespaces", &namespace);
    for namespace in ["default", "left"] {
        cluster.post(&format!("/api/v1/namespaces/{namespace}/configmaps"), &held);
    }
    let restless = [
        "/api/v1/namespaces/left/events",
        "/apis/coordination.k8s.io/v1/namespaces/left/leases",
    ];
    let event = json!({"metadata": {"name": "left"}, "involvedObject": {"namespace": "left"}});
    let lease = json!({"metadata": {"name": "left"}});
    for (path, object) in restless.iter().zip([event, lease]) {
        cluster.post(path, &object);
    }
    let role = json!({"metadata": {"name": "left"}, "rules": []});
    cluster.post("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role);
    std::fs::write(cluster.folder().join("left"), "").unwrap();
    cluster.kubelet().fail("left", Failure::NotReady);
    cluster.post(PODS, &running);
    await_value(&cluster, &format!("{PODS}/left"), ready, &json!(false));
    assert_ne!(cluster.objects(), before);
    cluster.restore().unwrap();
    assert_eq!(cluster.objects(), before);
    for path in restless {
        assert_eq!(cluster.get(path).unwrap()["items"], json!([]), "{path}");
    }
    let files: Vec<_> = std::fs::read_dir(cluster.folder()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    cluster.post(PODS, &running);
    await_value(&cluster, &format!("{PODS}/left"), ready, &json!(true));

    // A change of an original object cannot be undone.
    let labels = json!({"metadata": {"labels": {"changed": "yes"}}});
    cluster.patch("/api/v1/namespaces/default", &labels);
    let why = cluster.restore().unwrap_err();
    assert!(why.contains("Namespace//default was "), "{why}");

    // A change of the API cannot be undone either: its effects remain.
    let policy = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
    let extended = Cluster::start();
    let plain = json!({"metadata": {"name": "plain"}, "spec": {
        "matchConstraints": {"resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]}]},
        "validations": [{"expression": "true"}],
    }});
    extended.post(policy, &plain);
    extended.delete(&format!("{policy}/plain"));
    assert_eq!(extended.restore().unwrap_err(), "its API was extended");
}

/// The environment variable with the folder of the process to kill.
const VICTIM: &str = "OSM_TEST_VICTIM";
/// The environment variable that is set once that process has the default signal handling.
const VICTIM_IS_READY: &str = "OSM_TEST_VICTIM_IS_READY";

/// Runs the process to kill, with a program and a folder that must end with it.
fn run_victim(folder: &Path) -> ! {
    // A background job of a shell without job control (`nohup cargo test &`) ignores SIGINT and SIGHUP, and so does
    // every process below it. The next exec resets a handled signal to its default action.
    if std::env::var_os(VICTIM_IS_READY).is_none() {
        use tokio::signal::unix::{SignalKind, signal};

        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let _entered = runtime.enter();
        let kinds = [SignalKind::interrupt(), SignalKind::hangup()];
        let _handled = kinds.map(|kind| signal(kind).unwrap());
        let error = Command::new(std::env::current_exe().unwrap())
            .args(std::env::args_os().skip(1))
            .env(VICTIM_IS_READY, "yes")
            .exec();
        panic!("cannot exec: {error}");
    }
    let temporary = Folder::create_in(folder);
    let script = "echo $$ > pid.new; mv pid.new pid; exec sleep 600";
    let arguments = ["-c".to_owned(), script.to_owned()];
    let _process = Process::start("sleeper", Path::new("sh"), &arguments, folder);
    std::fs::write(temporary.path().join("file"), "").unwrap();
    let temporary = temporary.path().display().to_string();
    std::fs::write(folder.join("temporary.new"), temporary).unwrap();
    std::fs::rename(folder.join("temporary.new"), folder.join("temporary")).unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn a_process_ends_when_its_test_is_killed() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        run_victim(Path::new(&folder));
    }
    let signal = |signal: &str, pid: &str| {
        let command = format!("kill -{signal} {pid} 2>/dev/null");
        let status = Command::new("sh").args(["-c", &command]).status();
        status.unwrap().success()
    };
    let until = |what: &str, look: &mut dyn FnMut() -> bool| {
        let start = Instant::now();
        while !look() {
            assert!(start.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
            std::thread::sleep(SHORTLY);
        }
    };
    // Ctrl-C reaches the whole process group, a kill only the process itself. The second half has the signal handling of
    // processes in a background job of a shell.
    for (name, whole_group, ignored) in [
        ("KILL", false, ""),
        ("INT", true, ""),
        ("TERM", true, ""),
        ("HUP", true, ""),
        ("KILL", false, "trap '' INT HUP; "),
        ("INT", true, "trap '' INT HUP; "),
        ("TERM", true, "trap '' INT HUP; "),
    ] {
        let case = format!("{name}{}", ignored.len());
        let folder = scratch(&format!("victim-{case}"));
        let mut victim = Command::new("sh")
            .args(["-c", &format!("{ignored}exec \"$@\""), "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "cluster::a_process_ends_when_its_test_is_killed"])
            .env(VICTIM, &folder)
            .process_group(0)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (pid, temporary) = (folder.join("pid"), folder.join("temporary"));
        until("the victim works", &mut || {
            pid.exists() && temporary.exists()
        });
        let sleeper = std::fs::read_to_string(pid).unwrap().trim().to_owned();
        let temporary = std::fs::read_to_string(temporary).unwrap();
        assert!(signal("0", &sleeper), "{case}: the program does not run");
        assert!(Path::new(&temporary).exists(), "{case}: {temporary}");
        let sign = if whole_group { "-" } else { "" };
        assert!(signal(name, &format!("{sign}{}", victim.id())));
        until("the victim ends", &mut || {
            victim.try_wait().unwrap().is_some()
        });
        until("the program ends", &mut || !signal("0", &sleeper));
        until("the folder is gone", &mut || {
            !Path::new(&temporary).exists()
        });
    }
}
