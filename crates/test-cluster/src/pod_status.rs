//! The status of Pods that run, end or fail, with the reasons and messages of Kubernetes 1.36 with containerd.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::timing::now;

/// How a Pod fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The first pull of the image failed.
    ErrImagePull,
    /// The pull of the image has failed and will be retried.
    ImagePullBackOff,
    /// The containers end soon after each start.
    CrashLoopBackOff,
    /// No node fits the Pod. A Pod that is already bound keeps running.
    Unschedulable,
    /// The containers were killed because they used too much memory.
    OomKilled,
    /// The containers end with exit code 1. With `restartPolicy: OnFailure` they have done so more often than the default
    /// backoffLimit allows, so the Job fails at once.
    JobFails,
    /// The containers run, and their readiness probes fail.
    NotReady,
    /// A volume cannot be mounted; only an event reports it.
    Mount,
    /// The init containers run and do not end.
    InitRuns,
}

/// What becomes of a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Runs,
    Succeeds,
    Fails(Failure),
}

/// Returns the string at a JSON pointer (RFC 6901); empty if there is none.
pub fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Returns the restart policy: `Always`, `OnFailure` or `Never`.
pub fn restart_policy(pod: &Value) -> &str {
    match text(pod, "/spec/restartPolicy") {
        "" => "Always",
        policy => policy,
    }
}

/// Returns the images of all containers, those of init containers first.
pub fn images(pod: &Value) -> Vec<String> {
    let (init, main) = containers(pod);
    init.iter().chain(main).map(image).collect()
}

fn containers(pod: &Value) -> (&[Value], &[Value]) {
    let list = |name: &str| list(&pod["spec"][name]);
    (list("initContainers"), list("containers"))
}

fn image(container: &Value) -> String {
    text(container, "/image").to_owned()
}

/// Returns the status, without the conditions that the scheduler sets when it binds a Pod.
pub fn status(pod: &Value, fate: Fate) -> Value {
    let now = now();
    if fate == Fate::Fails(Failure::Unschedulable) {
        return json!({
            "phase": "Pending",
            "conditions": [{
                "type": "PodScheduled",
                "status": "False",
                "lastTransitionTime": now,
                "reason": "Unschedulable",
                "message": "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: \
                            3 No preemption victims found for incoming pod.",
            }],
        });
    }
    let Written { phase, init, main } = written(pod, fate);
    let (init_containers, main_containers) = containers(pod);
    // If init containers fail, only the first one is reached.
    let init_statuses: Vec<Value> = init_containers
        .iter()
        .enumerate()
        .map(|(index, container)| match (&init, index) {
            (State::Waits(..), 1..) => INITIALIZING.of(pod, container, &now),
            (state, _) => state.of(pod, container, &now),
        })
        .collect();
    let main_statuses: Vec<Value> = main_containers
        .iter()
        .map(|container| main.of(pod, container, &now))
        .collect();
    let ip = address(pod);
    let started = pod.pointer("/status/startTime");
    json!({
        "phase": phase,
        "reason": null,
        "message": null,
        "conditions": conditions(pod, phase, &init, &main, &now),
        "hostIP": "10.0.1.1",
        "hostIPs": [{ "ip": "10.0.1.1" }],
        "podIP": ip,
        "podIPs": [{ "ip": ip }],
        "startTime": started.map_or_else(|| json!(now), |time| json!(time)),
        "initContainerStatuses": init_statuses,
        "containerStatuses": main_statuses,
    })
}

/// The state of all init containers, or of all other containers.
enum State {
    Runs {
        ready: bool,
    },
    Ended {
        code: i64,
        reason: &'static str,
        restarts: i64,
    },
    /// Waiting, with a reason and a message, and with the exit code of the last run if there was one.
    Waits(&'static str, Message, Option<i64>),
}

/// The message of a waiting container.
#[derive(Clone, Copy)]
enum Message {
    None,
    Pull,
    BackOffPull,
    BackOffRestart,
}

/// The states of the containers, and the phase of the Pod that follows.
struct Written {
    phase: &'static str,
    init: State,
    main: State,
}

const DONE: State = ended(0, "Completed", 0);
const INITIALIZING: State = State::Waits("PodInitializing", Message::None, None);

const fn ended(code: i64, reason: &'static str, restarts: i64) -> State {
    State::Ended {
        code,
        reason,
        restarts,
    }
}

fn written(pod: &Value, fate: Fate) -> Written {
    let failed = |code, reason| ("Failed", ended(code, reason, 0));
    let restarts = restart_policy(pod) != "Never";
    let (phase, main) = match fate {
        Fate::Runs | Fate::Fails(Failure::Unschedulable) => {
            ("Running", State::Runs { ready: true })
        }
        Fate::Succeeds => ("Succeeded", DONE),
        Fate::Fails(Failure::NotReady) => ("Running", State::Runs { ready: false }),
        Fate::Fails(Failure::Mount) => {
            return pulling(pod, "ContainerCreating", Message::None);
        }
        Fate::Fails(Failure::InitRuns) => {
            return Written {
                phase: "Pending",
                init: State::Runs { ready: false },
                main: INITIALIZING,
            };
        }
        Fate::Fails(Failure::ErrImagePull) => {
            return pulling(pod, "ErrImagePull", Message::Pull);
        }
        Fate::Fails(Failure::ImagePullBackOff) => {
            return pulling(pod, "ImagePullBackOff", Message::BackOffPull);
        }
        Fate::Fails(Failure::OomKilled) if restarts => ("Running", ended(137, "OOMKilled", 3)),
        Fate::Fails(Failure::OomKilled) => failed(137, "OOMKilled"),
        Fate::Fails(Failure::CrashLoopBackOff | Failure::JobFails) if restarts => (
            "Running",
            State::Waits("CrashLoopBackOff", Message::BackOffRestart, Some(7)),
        ),
        Fate::Fails(Failure::CrashLoopBackOff | Failure::JobFails) => failed(1, "Error"),
    };
    Written {
        phase,
        init: DONE,
        main,
    }
}

/// Describes a Pod whose image cannot be pulled: the image of an init container if it has one.
fn pulling(pod: &Value, reason: &'static str, message: Message) -> Written {
    let waits = State::Waits(reason, message, None);
    let (init, main) = match containers(pod).0.is_empty() {
        true => (DONE, waits),
        false => (waits, INITIALIZING),
    };
    Written {
        phase: "Pending",
        init,
        main,
    }
}

impl State {
    fn of(&self, pod: &Value, container: &Value, now: &str) -> Value {
        let image = image(container);
        let name = text(container, "/name");
        let before = previous(pod, name);
        let last = || before.map_or_else(|| json!({}), |status| status["lastState"].clone());
        let ended = |code: i64, reason: &str| {
            json!({ "terminated": {
                "exitCode": code,
                "reason": reason,
                "startedAt": now,
                "finishedAt": now,
                "containerID": format!("containerd://{}", hex(&image)),
            }})
        };
        let running = json!({ "running": { "startedAt": now } });
        // A sidecar is listed among the init containers and keeps running after them.
        let sidecar = text(container, "/restartPolicy") == "Always";
        let (state, last, ready, restarts) = match self {
            Self::Ended { code: 0, .. } if sidecar => (running, last(), true, 0),
            Self::Runs { ready } => (running, last(), *ready, 0),
            Self::Ended {
                code,
                reason,
                restarts,
            } => {
                let last = match restarts {
                    0 => json!({}),
                    _ => ended(*code, reason),
                };
                // An init container that has succeeded counts as ready.
                (ended(*code, reason), last, *code == 0, *restarts)
            }
            Self::Waits(reason, message, restarts) => {
                let text = message.text(pod, name, &image);
                let mut waiting = json!({ "reason": reason });
                if let Some(text) = text {
                    waiting["message"] = text.into();
                }
                let last = restarts.map_or_else(|| json!({}), |_| ended(1, "Error"));
                (
                    json!({ "waiting": waiting }),
                    last,
                    false,
                    restarts.unwrap_or(0),
                )
            }
        };
        // Restarts are counted during the whole life of the Pod.
        let restarts = restarts.max(before.map_or(0, |status| {
            status["restartCount"].as_i64().unwrap_or_default()
        }));
        let pulled = !matches!(self, Self::Waits(_, _, None));
        json!({
            "name": name,
            "image": image,
            "imageID": if pulled { image_id(&image) } else { String::new() },
            "containerID": if pulled { format!("containerd://{}", hex(&image)) } else { String::new() },
            "ready": ready,
            "started": state.get("running").is_some(),
            "restartCount": restarts,
            "state": state,
            "lastState": last,
        })
    }

    fn is_ready(&self) -> bool {
        matches!(self, Self::Runs { ready: true })
    }

    fn is_done(&self) -> bool {
        matches!(self, Self::Ended { code: 0, .. })
    }
}

impl Message {
    fn text(self, pod: &Value, container: &str, image: &str) -> Option<String> {
        let pull = format!(
            "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": \
             failed to resolve reference \"{image}\": {image}: not found"
        );
        match self {
            Self::None => None,
            Self::Pull => Some(pull),
            Self::BackOffPull => Some(format!(
                "Back-off pulling image \"{image}\": ErrImagePull: {pull}"
            )),
            Self::BackOffRestart => Some(format!(
                "back-off 5m0s restarting failed container={container} pod={}_{}({})",
                text(pod, "/metadata/name"),
                text(pod, "/metadata/namespace"),
                text(pod, "/metadata/uid")
            )),
        }
    }
}

/// Returns the last status of a container.
fn previous<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    let status = &pod["status"];
    let init = list(&status["initContainerStatuses"]).iter();
    init.chain(list(&status["containerStatuses"]))
        .find(|status| text(status, "/name") == container)
}

fn conditions(pod: &Value, phase: &str, init: &State, main: &State, now: &str) -> Vec<Value> {
    let (init_containers, main_containers) = containers(pod);
    let names = |containers: &[Value]| {
        let names: Vec<&str> = containers.iter().map(|c| text(c, "/name")).collect();
        format!("[{}]", names.join(" "))
    };
    let condition = |kind: &str, why_not: Option<(&str, String)>| match why_not {
        None => json!({ "type": kind, "status": "True", "lastTransitionTime": now }),
        Some((reason, message)) => json!({
            "type": kind,
            "status": "False",
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }),
    };
    let ready = match phase {
        "Succeeded" => Some(("PodCompleted", String::new())),
        "Failed" => Some(("PodFailed", String::new())),
        _ if main.is_ready() => None,
        _ => Some((
            "ContainersNotReady",
            format!("containers with unready status: {}", names(main_containers)),
        )),
    };
    let initialized = (!init.is_done()).then(|| {
        let message = format!(
            "containers with incomplete status: {}",
            names(init_containers)
        );
        ("ContainersNotInitialized", message)
    });
    vec![
        condition("PodReadyToStartContainers", None),
        condition("Initialized", initialized),
        condition("Ready", ready.clone()),
        condition("ContainersReady", ready),
        condition("PodScheduled", None),
    ]
}

/// Returns an address that stays the same for a Pod.
fn address(pod: &Value) -> String {
    let hash = Sha256::digest(text(pod, "/metadata/uid"));
    format!("10.244.{}.{}", hash[0], hash[1])
}

/// Returns `name@digest`, with the digest of the reference if it has one, else with a hash of the reference.
fn image_id(reference: &str) -> String {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, digest.to_owned()),
        None => (reference, format!("sha256:{}", hex(reference))),
    };
    let name = match name.rsplit_once(':') {
        // A colon before the last slash starts a port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    format!("{name}@{digest}")
}

fn hex(text: &str) -> String {
    let hash = Sha256::digest(text);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
