//! `osm` reaches a cluster as kubectl does (certificates, tokens, login programs, proxies), and reports why if it cannot.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::cluster::{Cluster, Fault, PATIENCE};
use crate::common::run;
use serde_json::{Value, json};

const LIST: [&str; 2] = ["mesh", "list"];
/// A host name that only the proxy resolves (RFC 2606, section 2).
const ELSEWHERE: &str = "cluster.invalid";
const NONE: &str = "the cluster has no mesh";

/// Returns a kubeconfig user with a program that prints a credential (client.authentication.k8s.io/v1).
fn exec(folder: &Path, name: &str, script: &str) -> Value {
    let path = folder.join(name);
    std::fs::write(&path, script).unwrap();
    json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "/bin/sh",
        "args": [path.display().to_string()],
        "env": [{"name": "GIVEN", "value": "by the kubeconfig"}],
        "interactiveMode": "Never",
    }})
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn every_kind_of_credentials_works() {
    let cluster = Cluster::start();
    let token = cluster.token("robot", true);
    let folder = cluster.folder().to_owned();
    let file = folder.join("token");
    std::fs::write(&file, &token).unwrap();
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token},
    });
    let script = format!("test \"$GIVEN\" = 'by the kubeconfig' && echo '{credential}'");
    for (name, user) in [
        ("token", json!({"token": token})),
        (
            "token-file",
            json!({"tokenFile": file.display().to_string()}),
        ),
        ("exec", exec(&folder, "login", &script)),
        ("certificate", cluster.admin()),
    ] {
        let kubeconfig = cluster.kubeconfig_with(name, &user, &json!({}));
        let listed = cluster.osm_with(&kubeconfig, &LIST);
        assert!(listed.stderr.contains(NONE), "{name}: {}", listed.stderr);
        listed.ok();
    }

    // Existing files of a list are merged and missing ones ignored, as with kubectl.
    let two = format!(
        "{}:{}",
        folder.join("missing").display(),
        cluster.kubeconfig().display()
    );
    cluster.osm_with(two.as_ref(), &LIST).ok();

    // A proxy in the kubeconfig or the environment is used.
    let proxy = Tunnel::start();
    let through = json!({"proxy-url": proxy.url});
    let kubeconfig = cluster.kubeconfig_with("proxied", &cluster.admin(), &through);
    cluster.osm_with(&kubeconfig, &LIST).ok();
    let http = proxy.tunnels();
    assert!(http > 0, "nothing went through the proxy");
    let through = json!({"proxy-url": proxy.url.replace("http://", "socks5://")});
    let kubeconfig = cluster.kubeconfig_with("socks", &cluster.admin(), &through);
    cluster.osm_with(&kubeconfig, &LIST).ok();
    let first = proxy.tunnels();
    assert!(first > http, "nothing went through SOCKS");
    let with_proxy = |kubeconfig: &Path, no: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_osm"));
        command
            .args(LIST)
            .env_clear()
            .env("HOME", &folder)
            .env("KUBECONFIG", kubeconfig)
            .env("HTTPS_PROXY", &proxy.url)
            .env("NO_PROXY", no);
        run(&mut command, "")
    };
    // Only the proxy resolves this name.
    let elsewhere = json!({
        "server": cluster.url().replace("127.0.0.1", ELSEWHERE),
        "tls-server-name": "127.0.0.1",
    });
    let elsewhere = cluster.kubeconfig_with("elsewhere", &cluster.admin(), &elsewhere);
    with_proxy(&elsewhere, "").ok();
    let before = proxy.tunnels();
    assert!(before > first, "HTTPS_PROXY was not used");
    // The proxy in the environment is not used for hosts in NO_PROXY and for localhost.
    let error = with_proxy(&elsewhere, ELSEWHERE).fails(1);
    assert!(error.contains("cannot be reached"), "{error}");
    with_proxy(cluster.kubeconfig(), "").ok();
    assert_eq!(proxy.tunnels(), before, "something went through the proxy");
    // kubectl ignores empty entries.
    with_proxy(&elsewhere, "10.0.0.0/8,,").ok();
    let before = proxy.tunnels();
    // NO_PROXY does not affect the proxy in the kubeconfig.
    with_proxy(&kubeconfig, "127.0.0.1").ok();
    assert!(proxy.tunnels() > before, "nothing went through SOCKS");
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn failed_access_to_a_cluster_names_the_cause_and_the_next_step() {
    let cluster = Cluster::start();
    let folder = cluster.folder().to_owned();
    let nothing = json!({});
    let stranger = cluster.token("stranger", false);
    let other = Cluster::start();
    let with = |name: &str, user: &Value, more: &Value| cluster.kubeconfig_with(name, user, more);
    let theirs = std::fs::read_to_string(other.kubeconfig()).unwrap();
    let theirs: Value = serde_json::from_str(&theirs).unwrap();
    let authority = theirs["clusters"][0]["cluster"]["certificate-authority-data"].clone();
    let table = [
        (
            cluster.kubeconfig_expired("late"),
            "the credentials are not accepted: log in again",
        ),
        (
            with("wrong-token", &json!({"token": "wrong"}), &nothing),
            "the credentials are not accepted: log in again",
        ),
        (
            with("stranger", &json!({"token": stranger}), &nothing),
            "cannot list deployments",
        ),
        (
            with(
                "exec-fails",
                &exec(&folder, "fails", "echo go away >&2; exit 3"),
                &nothing,
            ),
            "/bin/sh",
        ),
        (
            with(
                "exec-noise",
                &exec(&folder, "noise", "echo hello"),
                &nothing,
            ),
            "hello",
        ),
        (
            with(
                "exec-missing",
                &json!({"exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "/missing/login",
                    "interactiveMode": "Never",
                    "installHint": "install the login program of the cloud",
                }}),
                &nothing,
            ),
            "logs in with /missing/login: install the login program of the cloud",
        ),
        (
            with(
                "other-authority",
                &cluster.admin(),
                &json!({"certificate-authority-data": authority}),
            ),
            "the certificates do not match: check certificate-authority",
        ),
        (
            with(
                "broken-authority",
                &cluster.admin(),
                &json!({"certificate-authority-data": "?"}),
            ),
            "the kubeconfig FOLDER/broken-authority.kubeconfig cannot be used: \
             clusters[test].certificate-authority-data: not valid base64",
        ),
        (
            with(
                "no-proxy",
                &cluster.admin(),
                &json!({"proxy-url": "http://127.0.0.1:1"}),
            ),
            "cannot be reached",
        ),
    ];
    let mut said = String::new();
    for (kubeconfig, want) in table {
        let name = kubeconfig.file_stem().unwrap().display().to_string();
        let error = cluster.osm_with(&kubeconfig, &LIST).fails(1);
        let plain = error
            .replace(cluster.url(), "SERVER")
            .replace(&folder.display().to_string(), "FOLDER");
        said.push_str(&format!("{name}\n{plain}\n"));
        assert!(plain.contains(want), "{name}: {want:?} is not in: {plain}");
    }
    insta::assert_snapshot!(said);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_request_to_a_server_that_hangs_times_out() {
    let cluster = Cluster::start();
    for (name, fault) in [("before", Fault::Hang), ("after", Fault::HangAfter)] {
        let proxy = cluster.proxy(name, Box::new(move |_, _| Some(fault)));
        let begun = Instant::now();
        let args = ["install", "--request-timeout=200ms"];
        let error = cluster.osm_with(proxy.kubeconfig(), &args).fails(1);
        assert!(
            error.contains("it did not answer within 200ms, 5 times in a row\n")
                && error.contains("--request-timeout"),
            "{error}"
        );
        assert!(begun.elapsed() < PATIENCE);
        assert_eq!(proxy.requests(), 5);
    }
}

/// A proxy that opens tunnels (RFC 9110, section 9.3.6) and counts them.
struct Tunnel {
    url: String,
    tunnels: Arc<AtomicUsize>,
}

impl Tunnel {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let tunnels = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&tunnels);
        // The thread ends with the process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                std::thread::spawn(move || connect(client, &count));
            }
        });
        Self { url, tunnels }
    }

    fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::SeqCst)
    }
}

fn connect(mut client: TcpStream, count: &AtomicUsize) -> std::io::Result<()> {
    client.set_read_timeout(Some(Duration::from_mins(1)))?;
    let mut reader = BufReader::new(client.try_clone()?);
    let is_socks = reader.fill_buf()?.first() == Some(&5);
    let (target, answer) = match is_socks {
        true => socks_target(&mut reader, &mut client)?,
        false => http_target(&mut reader)?,
    };
    let mut server = TcpStream::connect(target)?;
    count.fetch_add(1, Ordering::SeqCst);
    client.write_all(answer)?;
    let (mut to, mut from) = (server.try_clone()?, client.try_clone()?);
    let upward = std::thread::spawn(move || std::io::copy(&mut reader, &mut to));
    let _ = std::io::copy(&mut server, &mut from);
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = upward.join();
    Ok(())
}

/// Reads an HTTP CONNECT request (RFC 9110, section 9.3.6) and returns the target and the response.
fn http_target(reader: &mut impl BufRead) -> std::io::Result<(String, &'static [u8])> {
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let target = first.strip_prefix("CONNECT ").unwrap_or_default();
    let target = target.split(' ').next().unwrap_or_default();
    let target = target.replace(ELSEWHERE, "127.0.0.1");
    Ok((target, b"HTTP/1.1 200 OK\r\n\r\n"))
}

/// Reads a SOCKS request without authentication (RFC 1928) and returns the target and the response.
fn socks_target(
    reader: &mut impl Read,
    client: &mut impl Write,
) -> std::io::Result<(String, &'static [u8])> {
    let mut byte = [0; 1];
    let mut next = |reader: &mut dyn Read| reader.read_exact(&mut byte).map(|()| byte[0]);
    next(reader)?;
    for _ in 0..next(reader)? {
        next(reader)?;
    }
    client.write_all(&[5, 0])?;
    let mut head = [0; 4];
    reader.read_exact(&mut head)?;
    let length = match head[3] {
        1 => 4,
        _ => usize::from(next(reader)?),
    };
    let mut address = vec![0; length];
    reader.read_exact(&mut address)?;
    let mut port = [0; 2];
    reader.read_exact(&mut port)?;
    let host = match head[3] {
        1 => address
            .iter()
            .map(u8::to_string)
            .collect::<Vec<_>>()
            .join("."),
        _ => String::from_utf8_lossy(&address).into_owned(),
    };
    let target = format!("{host}:{}", u16::from_be_bytes(port));
    Ok((target, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
}
