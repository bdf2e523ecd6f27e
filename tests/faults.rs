//! `osm` against a misbehaving API server: a test server with scripted responses, because the real one does not fail on
//! demand.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// The response to a request.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// This status.
    Status(u16),
    /// The connection is closed without a response.
    Reset,
    /// The response is truncated.
    Cut,
    /// The response is not HTTP.
    Noise,
    /// The response is an HTML page.
    Page,
    /// The request is refused with this `Retry-After` header and this body.
    Later(u32, &'static str),
}

/// A server that returns its faults one after another, and then valid responses.
struct Server {
    address: String,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(faults: &[Fault]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let faults = Mutex::new(faults.iter().rev().copied().collect::<Vec<_>>());
        let count = Arc::clone(&requests);
        // The thread ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::Relaxed);
                let fault = faults.lock().unwrap().pop();
                let _ = answer(stream, fault);
            }
        });
        Server { address, requests }
    }
}

fn answer(mut stream: TcpStream, fault: Option<Fault>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let (code, body) = match fault {
        Some(Fault::Reset) => return Ok(()),
        Some(Fault::Noise) => return stream.write_all(b"220 mail.example.com ESMTP\r\n"),
        Some(Fault::Status(code)) => (code, status(code)),
        Some(Fault::Later(..)) => (429, Value::Null),
        Some(Fault::Cut | Fault::Page) | None => (200, good(&path)),
    };
    let (header, body) = match fault {
        Some(Fault::Page) => (String::new(), "<html>".to_owned()),
        Some(Fault::Later(seconds, body)) => {
            (format!("Retry-After: {seconds}\r\n"), body.to_owned())
        }
        _ => (String::new(), body.to_string()),
    };
    let sent = match fault {
        Some(Fault::Cut) => &body[..body.len() / 2],
        _ => &body,
    };
    write!(
        stream,
        "HTTP/1.1 {code} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{header}Connection: close\r\n\r\n{sent}",
        body.len()
    )
}

fn status(code: u16) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "reason": "Made", "message": format!("made up ({code})")})
}

fn good(path: &str) -> Value {
    if path == "/version" {
        return json!({"major": "1", "minor": "36", "gitVersion": "v1.36.3"});
    }
    let controller = json!({"metadata": {"name": "osm-controller", "namespace": "ns", "labels": {
        "app.kubernetes.io/instance": "osm", "app.kubernetes.io/version": "v1.2.4"}}});
    let items = match path.contains("/deployments") {
        true => vec![controller],
        false => Vec::new(),
    };
    json!({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": items})
}

/// Runs `osm mesh list` against a server with these faults.
fn list(name: &str, faults: &[Fault]) -> (crate::common::Output, usize) {
    let server = Server::start(faults);
    let path = crate::common::scratch(&format!("faults-{name}")).join("kubeconfig");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server.address}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "users": [{"name": "test", "user": {"token": "t"}}],
    });
    std::fs::write(&path, config.to_string()).unwrap();
    let kubeconfig = path.display().to_string();
    let done = crate::common::osm(&["mesh", "list", "--kubeconfig", &kubeconfig]);
    (done, server.requests.load(Ordering::Relaxed))
}

#[test]
fn temporary_faults_are_retried() {
    use Fault::{Cut, Reset, Status};

    for (name, faults) in [
        ("none", vec![]),
        ("busy", vec![Status(429), Status(503)]),
        ("broken", vec![Status(500), Status(502), Status(504)]),
        ("reset", vec![Reset, Reset]),
        ("cut", vec![Cut]),
        ("mixed", vec![Status(503), Reset, Cut, Status(500)]),
    ] {
        let (done, requests) = list(name, &faults);
        assert!(done.stderr.is_empty(), "{name}: {}", done.stderr);
        assert!(
            done.ok().contains("osm         ns               v1.2.4"),
            "{name}"
        );
        // The version, the controllers and the namespaces; one more for each fault.
        assert_eq!(requests, 3 + faults.len(), "{name}");
    }
}

#[test]
fn permanent_faults_are_reported_after_a_limited_number_of_attempts() {
    use Fault::{Later, Noise, Page, Reset, Status};

    let table = [
        (
            "broken",
            Status(500),
            5,
            "cannot ask for the version: made up (500)\nthe API server has an internal error",
        ),
        (
            "busy",
            Status(429),
            5,
            "made up (429)\nthe API server is overloaded",
        ),
        ("reset", Reset, 5, "cannot be reached"),
        ("noise", Noise, 5, "cannot be reached"),
        (
            "page",
            Page,
            1,
            "the answer is not JSON: expected value at line 1 column 1\ncheck that this is the address",
        ),
        (
            "later",
            Later(3600, "Too many requests"),
            1,
            "the answer was 429 Too Many Requests: Too many requests\nthe API server is overloaded",
        ),
        (
            "unauthorized",
            Status(401),
            1,
            "the credentials are not accepted",
        ),
        (
            "forbidden",
            Status(403),
            1,
            "ask an administrator of the cluster",
        ),
    ];
    for (name, fault, tries, want) in table {
        let (done, requests) = list(name, &[fault; 20]);
        let error = done.fails(1);
        assert!(error.contains(want), "{name}: {error}");
        assert_eq!(requests, tries, "{name}: {error}");
    }
}

#[test]
fn retry_after_is_respected() {
    for (name, body) in [
        ("words", "Too many requests, please try again later.\n"),
        ("json", r#"{"message": "slow down"}"#),
    ] {
        let begun = std::time::Instant::now();
        let (done, requests) = list(name, &[Fault::Later(1, body)]);
        done.ok();
        assert_eq!(requests, 4, "{name}");
        let took = begun.elapsed();
        assert!(
            took >= std::time::Duration::from_secs(1),
            "{name}: {took:?}"
        );
    }
}
