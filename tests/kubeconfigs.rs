//! A kubeconfig means to `osm` what it means to kubectl: both ask the same server, and what they send is compared.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::common::cluster::base64;
use crate::common::recorder::{Answers, Recorder, fixture, fixture_path};
use crate::common::{Output, run, scratch};

const KUBECTL: &str = "OSM_TEST_KUBECTL";

/// What both programs do with a kubeconfig.
enum Want {
    /// They ask for the version with these headers.
    Asks(&'static [&'static str]),
    /// `osm` asks without credentials, and kubectl asks for a user name on its standard input.
    AsksAnonymously,
    /// They send nothing; the error of `osm` contains this.
    Refuses(&'static str),
}

use Want::{Asks, AsksAnonymously, Refuses};

fn program(name: &str, kubeconfig: &str, arguments: &[&str]) -> Command {
    let program = match name {
        "osm" => PathBuf::from(env!("CARGO_BIN_EXE_osm")),
        _ => std::env::var_os(KUBECTL)
            .unwrap_or_else(|| panic!("{KUBECTL} is not set: run `cargo xtask test`"))
            .into(),
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("HOME", std::env::temp_dir().join("no-home"))
        .env("KUBECONFIG", kubeconfig);
    command
}

fn osm(kubeconfig: &str) -> Output {
    let mut command = program("osm", kubeconfig, &["mesh", "list"]);
    run(&mut command, "")
}

fn kubectl(kubeconfig: &str) -> Output {
    let arguments = ["get", "--raw", "/version", "--request-timeout=20s"];
    run(&mut program("kubectl", kubeconfig, &arguments), "")
}

/// Lets both programs use a kubeconfig, and compares what each of them asks first. Returns the difference, if there is
/// one.
fn compare(name: &str, kubeconfig: &str, recorder: &Recorder, want: &Want) -> Option<String> {
    let theirs = kubectl(kubeconfig);
    let their_requests = recorder.take();
    let ours = osm(kubeconfig);
    let our_requests = recorder.take();
    let (their_first, our_first) = (their_requests.first(), our_requests.first());
    let headers = our_first.map(|seen| seen.headers.iter().map(String::as_str).collect());
    let headers: Option<Vec<&str>> = headers;
    let is_as_wanted = match want {
        Asks(wanted) => {
            our_first == their_first
                && headers.is_some_and(|headers| headers == *wanted)
                && (theirs.code, ours.code) == (0, 0)
        }
        AsksAnonymously => {
            headers.is_some_and(|headers| headers.is_empty())
                && theirs.stdout.contains("Please enter Username")
                && ours.code == 0
        }
        Refuses(part) => {
            (our_first, their_first) == (None, None)
                && (theirs.code, ours.code) == (1, 1)
                && ours.stderr.contains(part)
                && !ours.stderr.contains("panicked")
        }
    };
    (!is_as_wanted).then(|| {
        format!(
            "{name}\n kubectl: {} {}{}\n {their_first:?}\n osm: {} {}\n {our_first:?}\n",
            theirs.code, theirs.stdout, theirs.stderr, ours.code, ours.stderr
        )
    })
}

/// Fails if a table has differences.
#[track_caller]
fn assert_no_difference(differences: impl Iterator<Item = Option<String>>) {
    let mut rows = 0;
    let differences: Vec<String> = differences.inspect(|_| rows += 1).flatten().collect();
    assert!(rows > 0);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Returns a kubeconfig; `more` overwrites keys of the cluster.
fn kubeconfig(recorder: &Recorder, user: &Value, more: &Value) -> Value {
    let mut cluster = json!({
        "server": format!("https://{}", recorder.address),
        "certificate-authority-data": base64_of("authority.pem"),
    });
    for (key, value) in more.as_object().unwrap() {
        cluster[key] = value.clone();
    }
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
    })
}

fn base64_of(file: &str) -> String {
    base64(&String::from_utf8(fixture(file)).unwrap())
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Compares a user and a cluster.
fn compare_entries(
    folder: &Path,
    recorder: &Recorder,
    name: &str,
    (user, cluster): (&Value, &Value),
    want: &Want,
) -> Option<String> {
    let text = kubeconfig(recorder, user, cluster).to_string();
    let path = write(folder, &format!("{name}.kubeconfig"), &text);
    compare(name, &path, recorder, want)
}

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn credentials_are_chosen_as_by_kubectl() {
    let recorder = Recorder::start_tls("server", Answers::Empty);
    let folder = scratch("kubeconfigs-credentials");
    // kubectl trims it, and prefers it to an inline token.
    let file = write(&folder, "token", "\n from-file\r\n");
    let empty = write(&folder, "empty", " \n");
    let two = write(&folder, "two", "one\ntwo\n");
    let missing = folder.join("missing").display().to_string();
    let table = [
        ("nothing", json!({}), AsksAnonymously),
        ("null", Value::Null, AsksAnonymously),
        (
            "token",
            json!({"token": "t"}),
            Asks(&["authorization: Bearer t"]),
        ),
        (
            "umlaut",
            json!({"token": "tä"}),
            Asks(&["authorization: Bearer tä"]),
        ),
        (
            "token-with-line-break",
            json!({"token": "a\nb"}),
            Refuses("control character"),
        ),
        (
            "token-with-line-end",
            json!({"token": "a\n"}),
            Refuses("control character"),
        ),
        (
            "token-with-return",
            json!({"token": "a\r"}),
            Refuses("control character"),
        ),
        (
            "token-with-zero",
            json!({"token": "a\0b"}),
            Refuses("control character"),
        ),
        (
            "number",
            json!({"token": 12_345}),
            Refuses("users[test].token: expected a string"),
        ),
        (
            "empty-token",
            json!({"token": "", "tokenFile": file}),
            Asks(&["authorization: Bearer from-file"]),
        ),
        (
            "token-file",
            json!({"tokenFile": file}),
            Asks(&["authorization: Bearer from-file"]),
        ),
        (
            "relative-token-file",
            json!({"tokenFile": "token"}),
            Asks(&["authorization: Bearer from-file"]),
        ),
        (
            "file-over-token",
            json!({"token": "t", "tokenFile": file}),
            Asks(&["authorization: Bearer from-file"]),
        ),
        (
            "missing-file-and-token",
            json!({"token": "t", "tokenFile": missing}),
            Asks(&["authorization: Bearer t"]),
        ),
        (
            "empty-file-and-token",
            json!({"token": "t", "tokenFile": empty}),
            Asks(&["authorization: Bearer t"]),
        ),
        (
            "missing-file",
            json!({"tokenFile": missing}),
            Refuses("missing: No such file"),
        ),
        (
            "empty-file",
            json!({"tokenFile": empty}),
            Refuses("is empty"),
        ),
        (
            "folder-as-file",
            json!({"tokenFile": folder}),
            Refuses("the token file"),
        ),
        (
            "two-lines-in-file",
            json!({"tokenFile": two}),
            Refuses("control character"),
        ),
        (
            "empty-file-name",
            json!({"token": "t", "tokenFile": ""}),
            Asks(&["authorization: Bearer t"]),
        ),
        (
            "password",
            json!({"username": "u", "password": "p"}),
            Asks(&["authorization: Basic dTpw"]),
        ),
        (
            "user-without-password",
            json!({"username": "u"}),
            Asks(&["authorization: Basic dTo="]),
        ),
        (
            "password-without-user",
            json!({"password": "p"}),
            AsksAnonymously,
        ),
        (
            "password-with-line-break",
            json!({"username": "u", "password": "p\n"}),
            Asks(&["authorization: Basic dTpwCg=="]),
        ),
        (
            "token-and-password",
            json!({"token": "t", "username": "u"}),
            Refuses("only one of them"),
        ),
        (
            "token-and-only-password",
            json!({"token": "t", "password": "p"}),
            Refuses("only one of them"),
        ),
        (
            "file-and-password",
            json!({"tokenFile": file, "username": "u"}),
            Refuses("only one of them"),
        ),
        (
            "empty-user-and-token",
            json!({"token": "t", "username": "", "password": ""}),
            Asks(&["authorization: Bearer t"]),
        ),
        (
            "impersonation",
            json!({
            "token": "t", "as": "jane", "as-uid": "1", "as-groups": ["b", "a"],
            "as-user-extra": {"scopes": ["x", "y"], "a b/ü%": ["z"]}}),
            Asks(&[
                "authorization: Bearer t",
                "impersonate-extra-a%20b%2f%c3%bc%25: z",
                "impersonate-extra-scopes: x",
                "impersonate-extra-scopes: y",
                "impersonate-group: a",
                "impersonate-group: b",
                "impersonate-uid: 1",
                "impersonate-user: jane",
            ]),
        ),
        (
            "empty-impersonation",
            json!({"token": "t", "as": "", "as-groups": []}),
            Asks(&["authorization: Bearer t"]),
        ),
        (
            "impersonation-of-nobody",
            json!({"token": "t", "as-groups": ["a"]}),
            Refuses("but not as"),
        ),
        (
            "impersonation-with-line-break",
            json!({"token": "t", "as": "a\nb"}),
            Refuses("cannot be sent in a header"),
        ),
        (
            "group-with-line-break",
            json!({"token": "t", "as": "a", "as-groups": ["a\nb"]}),
            Refuses("cannot be sent in a header"),
        ),
        (
            "gcp",
            json!({"auth-provider": {"name": "gcp", "config": {"access-token": "t"}}}),
            Refuses("gke-gcloud-auth-plugin"),
        ),
        (
            "gcp-and-token",
            json!({"token": "t", "auth-provider": {"name": "gcp"}}),
            Refuses("auth-provider gcp"),
        ),
        (
            "unknown-provider",
            json!({"auth-provider": {"name": "x"}}),
            Refuses("auth-provider x"),
        ),
        (
            "provider-and-exec",
            json!({
            "auth-provider": {"name": "oidc"},
            "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "x", "interactiveMode": "Never"}}),
            Refuses("only one of them"),
        ),
    ];
    assert_no_difference(table.iter().map(|(name, user, want)| {
        compare_entries(&folder, &recorder, name, (user, &json!({})), want)
    }));
}

const TOKEN: &[&str] = &["authorization: Bearer t"];

fn token() -> Value {
    json!({"token": "t"})
}

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn servers_are_reached_as_by_kubectl() {
    let tls = Recorder::start_tls("server", Answers::Empty);
    let plain = Recorder::start();
    let folder = scratch("kubeconfigs-servers");
    let (https, address) = (format!("https://{}", tls.address), &plain.address);
    let port = plain.address.rsplit(':').next().unwrap();
    let table = [
        ("slash", format!("{https}/"), Asks(TOKEN)),
        ("path", format!("{https}/a/b/"), Asks(TOKEN)),
        ("query", format!("{https}/a?b=c#d"), Asks(TOKEN)),
        ("upper-case", https.replace("https", "HTTPS"), Asks(TOKEN)),
        // Credentials in the address take precedence over the user's.
        (
            "user-in-address",
            https.replace("//", "//us%40er:p%3Aw@"),
            Asks(&["authorization: Basic dXNAZXI6cDp3"]),
        ),
        (
            "user-without-password",
            https.replace("//", "//user@"),
            Asks(&["authorization: Basic dXNlcjo="]),
        ),
        (
            "no-scheme",
            format!("localhost:{}", tls.address.rsplit(':').next().unwrap()),
            Refuses("cannot be reached"),
        ),
        (
            "other-scheme",
            "ftp://127.0.0.1:1".to_owned(),
            Refuses("ftp is not http or https"),
        ),
        (
            "scheme-only",
            "https://".to_owned(),
            Refuses("it has no host"),
        ),
        ("port-only", "https://:1".to_owned(), Refuses("")),
        (
            "blank",
            "https://a b".to_owned(),
            Refuses("the server \"https://a b\""),
        ),
        ("line-break", format!("{https}\n"), Refuses("the server")),
        (
            "open-bracket",
            "https://[::1:1".to_owned(),
            Refuses("the server"),
        ),
        (
            "large-port",
            "https://127.0.0.1:99999".to_owned(),
            Refuses("the server"),
        ),
        (
            "word-as-port",
            "https://127.0.0.1:x".to_owned(),
            Refuses("the server"),
        ),
        (
            "path-without-scheme",
            "localhost/a".to_owned(),
            Refuses("the server"),
        ),
        ("empty", String::new(), Refuses("has no server")),
    ];
    let secure = table.iter().map(|(name, server, want)| {
        let cluster = json!({"server": server});
        compare_entries(&folder, &tls, name, (&token(), &cluster), want)
    });
    assert_no_difference(secure);

    // kubectl sends no credentials to servers without TLS, but those in the address.
    let anonymous: &[&str] = &[];
    let table = [
        (
            "http",
            format!("http://{address}"),
            token(),
            Asks(anonymous),
        ),
        ("without-scheme", address.clone(), token(), Asks(anonymous)),
        (
            "name-without-scheme",
            format!("localhost:{port}"),
            token(),
            Asks(anonymous),
        ),
        (
            "user",
            format!("http://u:p@{address}"),
            token(),
            Asks(&["authorization: Basic dTpw"]),
        ),
        (
            "certificate",
            format!("http://{address}"),
            json!({
            "client-certificate-data": base64_of("client.pem"), "client-key-data": base64_of("client.key")}),
            Asks(anonymous),
        ),
        (
            "impersonation",
            format!("http://{address}"),
            json!({"as": "jane"}),
            Asks(&["impersonate-user: jane"]),
        ),
        (
            "two-methods",
            format!("http://{address}"),
            json!({"token": "t", "username": "u"}),
            Refuses("only one of them"),
        ),
        (
            "exec",
            format!("http://{address}"),
            json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "/missing", "interactiveMode": "Never"}}),
            Asks(anonymous),
        ),
        (
            "exec-without-mode",
            format!("http://{address}"),
            json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "/missing"}}),
            Refuses("interactiveMode"),
        ),
    ];
    let without_tls = table.iter().map(|(name, server, user, want)| {
        let cluster = json!({"server": server});
        compare_entries(&folder, &plain, name, (user, &cluster), want)
    });
    assert_no_difference(without_tls);
}

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn a_proxy_of_the_kubeconfig_is_used_as_by_kubectl() {
    // The server is not there: what the proxy is asked is compared.
    let proxy = Recorder::start();
    let folder = scratch("kubeconfigs-proxies");
    let with_password = format!("http://us%40er:pw@{}", proxy.address);
    let table = [
        ("proxy", format!("http://{}", proxy.address), Asks(&[])),
        (
            "proxy-with-password",
            with_password,
            Asks(&["proxy-authorization: Basic dXNAZXI6cHc="]),
        ),
        (
            "other-scheme",
            format!("ftp://{}", proxy.address),
            Refuses("proxy-url"),
        ),
        ("no-scheme", proxy.address.clone(), Refuses("proxy-url")),
        ("no-host", "http://".to_owned(), Refuses("proxy-url")),
        (
            "large-port",
            "http://127.0.0.1:99999".to_owned(),
            Refuses(""),
        ),
        ("blank", "http://a b".to_owned(), Refuses("proxy-url")),
    ];
    let rows = table.iter().map(|(name, proxy_url, want)| {
        let cluster = json!({"server": "http://cluster.invalid:8080", "proxy-url": proxy_url});
        compare_entries(&folder, &proxy, name, (&token(), &cluster), want)
    });
    assert_no_difference(rows);

    // In the environment, each scheme has its own variable.
    let text = kubeconfig(
        &proxy,
        &token(),
        &json!({"server": "http://cluster.invalid"}),
    );
    let path = write(&folder, "environment.kubeconfig", &text.to_string());
    for variable in ["HTTP_PROXY", "http_proxy"] {
        let seen = ["osm", "kubectl"].map(|name| {
            let arguments: &[&str] = match name {
                "osm" => &["mesh", "list"],
                _ => &["get", "--raw", "/version"],
            };
            let mut command = program(name, &path, arguments);
            run(
                command.env(variable, format!("http://{}", proxy.address)),
                "",
            )
            .ok();
            proxy.take().into_iter().next()
        });
        assert_eq!(seen[0], seen[1]);
        assert_eq!(
            seen[0].as_ref().unwrap().target,
            "http://cluster.invalid/version"
        );
    }
}

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn what_is_empty_is_absent_as_for_kubectl() {
    let recorder = Recorder::start_tls("server", Answers::Empty);
    let folder = scratch("kubeconfigs-empty");
    let authority = fixture_path("authority.pem");
    let wrapped = |width: usize, end: &str| {
        let data = base64_of("authority.pem");
        let lines: Vec<&str> = (data.as_bytes().chunks(width))
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        json!({"certificate-authority-data": lines.join(end) + end})
    };
    let server_name = json!({"tls-server-name": "other.example"});
    let table = [
        ("server-name", json!({"tls-server-name": ""}), Asks(TOKEN)),
        ("proxy", json!({"proxy-url": ""}), Asks(TOKEN)),
        (
            "authority-data",
            json!({"certificate-authority-data": "", "certificate-authority": authority}),
            Asks(TOKEN),
        ),
        (
            "null",
            json!({"certificate-authority-data": null, "certificate-authority": authority, "tls-server-name": null,
                "proxy-url": null, "insecure-skip-tls-verify": null, "extensions": null}),
            Asks(TOKEN),
        ),
        (
            "authority-file",
            json!({"certificate-authority": ""}),
            Asks(TOKEN),
        ),
        (
            "no-authority",
            json!({"certificate-authority-data": ""}),
            Refuses("certificate"),
        ),
        (
            "both",
            json!({"certificate-authority": authority}),
            Refuses("only one of them"),
        ),
        ("wrong-name", server_name, Refuses("certificate")),
        (
            "insecure",
            json!({"certificate-authority-data": "", "insecure-skip-tls-verify": true}),
            Asks(TOKEN),
        ),
        (
            "insecure-with-authority",
            json!({"insecure-skip-tls-verify": true}),
            Refuses("only one of them"),
        ),
        (
            "insecure-text",
            json!({"insecure-skip-tls-verify": "true"}),
            Refuses("expected true or false"),
        ),
        ("wrapped-at-64", wrapped(64, "\n"), Asks(TOKEN)),
        ("wrapped-at-76", wrapped(76, "\r\n"), Asks(TOKEN)),
        (
            "blank-in-data",
            wrapped(64, " "),
            Refuses("not valid base64"),
        ),
        (
            "no-base64",
            json!({"certificate-authority-data": "?"}),
            Refuses("not valid base64"),
        ),
        (
            "no-certificate",
            json!({"certificate-authority-data": base64("hello")}),
            Refuses("certificate-authority: it contains no certificate"),
        ),
        (
            "key-as-authority",
            json!({"certificate-authority-data": base64_of("server.key")}),
            Refuses("certificate-authority: it contains no certificate"),
        ),
        (
            "missing-authority",
            json!({"certificate-authority-data": "", "certificate-authority": "missing.pem"}),
            Refuses("missing.pem: No such file"),
        ),
    ];
    assert_no_difference(table.iter().map(|(name, cluster, want)| {
        compare_entries(&folder, &recorder, name, (&token(), cluster), want)
    }));
}

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn files_are_read_and_merged_as_by_kubectl() {
    let recorder = Recorder::start_tls("server", Answers::Empty);
    let folder = scratch("kubeconfigs-files");
    let whole = kubeconfig(&recorder, &token(), &json!({}));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = whole.clone();
        change(&mut changed);
        changed.to_string()
    };
    let complete = whole.to_string();
    let only = |keys: &[&str]| {
        with(&|config| {
            let config = config.as_object_mut().unwrap();
            config.retain(|key, _| keys.contains(&key.as_str()));
        })
    };
    let second_user = json!([{"name": "test", "user": {"token": "second"}}]);
    let yaml = format!(
        "# comment\napiVersion: v1\nkind: Config\nclusters:\n- name: test\n  cluster:\n    server: https://{}\n    \
         certificate-authority: {}\nusers:\n- name: test\n  user: {{token: t}}\ncontexts:\n- name: test\n  context: \
         {{cluster: test, user: test}}\ncurrent-context: test\n",
        recorder.address,
        fixture_path("authority.pem").display()
    );
    let table: Vec<(&str, Vec<String>, Want)> = vec![
        ("yaml", vec![yaml.clone()], Asks(TOKEN)),
        ("yaml-crlf", vec![yaml.replace('\n', "\r\n")], Asks(TOKEN)),
        ("yaml-start", vec![format!("---\n{yaml}")], Asks(TOKEN)),
        (
            "byte-order-mark",
            vec![format!("\u{feff}{yaml}")],
            Asks(TOKEN),
        ),
        (
            "quoted-numbers",
            vec![yaml.replace("name: test", "name: '1'")],
            Refuses(""),
        ),
        (
            "empty-current-context-first",
            vec![
                with(&|c| c["current-context"] = "".into()),
                only(&["current-context"]),
            ],
            Asks(TOKEN),
        ),
        (
            "null-current-context-first",
            vec![
                with(&|c| c["current-context"] = Value::Null),
                only(&["current-context"]),
            ],
            Asks(TOKEN),
        ),
        (
            "parts",
            vec![
                only(&["users"]),
                only(&["clusters"]),
                only(&["contexts", "current-context"]),
            ],
            Asks(TOKEN),
        ),
        (
            "first-user-wins",
            vec![
                complete.clone(),
                with(&|c| c["users"] = second_user.clone()),
            ],
            Asks(TOKEN),
        ),
        (
            "first-user-wins-as-a-whole",
            vec![
                with(&|c| c["users"] = second_user.clone()),
                complete.clone(),
            ],
            Asks(&["authorization: Bearer second"]),
        ),
        (
            "first-context-wins",
            vec![
                with(&|c| c["current-context"] = "other".into()),
                complete.clone(),
            ],
            Refuses("no context other"),
        ),
        (
            "empty-file",
            vec![String::new(), complete.clone()],
            Asks(TOKEN),
        ),
        (
            "comment-only",
            vec!["# nothing\n".to_owned(), complete.clone()],
            Asks(TOKEN),
        ),
        (
            "null",
            vec!["null\n".to_owned(), complete.clone()],
            Asks(TOKEN),
        ),
        (
            "empty-mapping",
            vec!["{}".to_owned(), complete.clone()],
            Asks(TOKEN),
        ),
        (
            "no-kind",
            vec![with(&|c| {
                c.as_object_mut().unwrap().remove("kind");
                c.as_object_mut().unwrap().remove("apiVersion");
            })],
            Asks(TOKEN),
        ),
        (
            "other-kind",
            vec![with(&|c| c["kind"] = "Pod".into())],
            Refuses("not a kubeconfig"),
        ),
        (
            "other-version",
            vec![with(&|c| c["apiVersion"] = "v2".into())],
            Refuses("not a kubeconfig"),
        ),
        (
            "text",
            vec!["hello".to_owned()],
            Refuses("expected a mapping, found a string"),
        ),
        (
            "list",
            vec!["[]".to_owned()],
            Refuses("expected a mapping, found a list"),
        ),
        ("broken", vec!["a: [".to_owned()], Refuses("cannot be used")),
        (
            "broken-second",
            vec![complete.clone(), "a: [".to_owned()],
            Refuses("cannot be used"),
        ),
        (
            "unknown-keys",
            vec![with(&|c| {
                c["x"] = 1.into();
                c["preferences"] = json!({"colors": true});
                c["clusters"][0]["cluster"]["y"] = json!([]);
            })],
            Asks(TOKEN),
        ),
        (
            "upper-case-key",
            vec![with(&|c| {
                c["users"][0]["user"] = json!({"Token": "x", "token": "t"});
            })],
            Asks(TOKEN),
        ),
        (
            "two-of-one-name",
            vec![with(&|c| {
                let user = c["users"][0].clone();
                c["users"].as_array_mut().unwrap().push(user);
            })],
            Refuses("there are two of this name"),
        ),
        (
            "null-entries",
            vec![with(&|c| {
                for key in ["users", "clusters", "contexts"] {
                    c[key]
                        .as_array_mut()
                        .unwrap()
                        .push(json!({"name": "other", key.trim_end_matches('s'): null}));
                }
            })],
            Asks(TOKEN),
        ),
        (
            "unknown-user",
            vec![with(&|c| {
                c["contexts"][0]["context"]["user"] = "other".into();
            })],
            AsksAnonymously,
        ),
        (
            "no-user",
            vec![with(&|c| {
                c["contexts"][0]["context"]
                    .as_object_mut()
                    .unwrap()
                    .remove("user");
            })],
            AsksAnonymously,
        ),
        (
            "unknown-cluster",
            vec![with(&|c| {
                c["contexts"][0]["context"]["cluster"] = "other".into();
            })],
            Refuses("the cluster \"other\", which does not exist"),
        ),
        (
            "users-not-a-list",
            vec![with(&|c| c["users"] = json!({}))],
            Refuses("users: expected a list"),
        ),
        (
            "number-as-name",
            vec![with(&|c| c["users"][0]["name"] = 1.into())],
            Refuses("users[0].name: expected a string"),
        ),
    ];
    assert_no_difference(table.iter().map(|(name, texts, want)| {
        let paths = texts
            .iter()
            .enumerate()
            .map(|(index, text)| write(&folder, &format!("{name}-{index}.kubeconfig"), text));
        let paths: Vec<String> = paths.collect();
        compare(name, &paths.join(":"), &recorder, want)
    }));
}

/// A user with a login program: a shell script.
fn exec(folder: &Path, name: &str, script: &str, more: &Value) -> Value {
    let path = write(folder, &format!("{name}.sh"), script);
    let mut exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "/bin/sh",
        "args": [path],
        "interactiveMode": "Never",
    });
    for (key, value) in more.as_object().unwrap() {
        exec[key] = value.clone();
    }
    json!({"exec": exec})
}

/// A script that prints a credential; `more` changes it.
fn prints(more: &Value) -> String {
    let mut credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"},
    });
    for (key, value) in more.as_object().unwrap() {
        credential[key] = value.clone();
    }
    format!("cat <<'END'\n{credential}\nEND\n")
}

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn login_programs_run_as_by_kubectl() {
    let recorder = Recorder::start_tls("server", Answers::Empty);
    let folder = scratch("kubeconfigs-login");
    let beta = "client.authentication.k8s.io/v1beta1";
    let status = |status: Value| prints(&json!({"status": status}));
    let (ok, nothing) = (prints(&json!({})), json!({}));
    let certificate = String::from_utf8(fixture("client.pem")).unwrap();
    let key = String::from_utf8(fixture("client.key")).unwrap();
    let table: Vec<(&str, String, Value, Want)> = vec![
        ("token", ok.clone(), nothing.clone(), Asks(TOKEN)),
        ("beta", prints(&json!({"apiVersion": beta})), json!({"apiVersion": beta}), Asks(TOKEN)),
        ("beta-without-mode", prints(&json!({"apiVersion": beta})), json!({"apiVersion": beta, "interactiveMode": null}), Asks(TOKEN)),
        ("without-mode", ok.clone(), json!({"interactiveMode": ""}), Refuses("interactiveMode")),
        ("unknown-mode", ok.clone(), json!({"interactiveMode": "Perhaps"}), Refuses("interactiveMode")),
        ("always", ok.clone(), json!({"interactiveMode": "Always"}), Refuses("needs a terminal")),
        ("if-available", ok.clone(), json!({"interactiveMode": "IfAvailable"}), Asks(TOKEN)),
        ("alpha", ok.clone(), json!({"apiVersion": "client.authentication.k8s.io/v1alpha1"}), Refuses("v1alpha1")),
        ("no-version", ok.clone(), json!({"apiVersion": ""}), Refuses("apiVersion")),
        ("no-command", ok.clone(), json!({"command": ""}), Refuses("no command")),
        ("missing", ok.clone(), json!({"command": "/missing"}), Refuses("/missing")),
        ("missing-in-path", ok.clone(), json!({"command": "not-a-program"}), Refuses("not-a-program")),
        ("variable-without-name", ok.clone(), json!({"env": [{"name": "", "value": "x"}]}), Refuses("no name")),
        ("other-version-in-answer", prints(&json!({"apiVersion": beta})), nothing.clone(), Refuses("v1beta1")),
        ("other-kind-in-answer", prints(&json!({"kind": "Pod"})), nothing.clone(), Refuses("Pod")),
        (
            "no-kind-in-answer",
            prints(&json!({"kind": null})),
            nothing.clone(),
            Asks(TOKEN),
        ),
        (
            "no-version-in-answer",
            prints(&json!({"apiVersion": null})),
            nothing.clone(),
            Refuses("ExecCredential"),
        ),
        (
            "neither-kind-nor-version-in-answer",
            prints(&json!({"apiVersion": null, "kind": null})),
            nothing.clone(),
            Refuses("ExecCredential"),
        ),
        (
            "no-status", prints(&json!({"status": null})), nothing.clone(), Refuses("no status")),
        ("empty-status", status(json!({})), nothing.clone(), Refuses("neither a token nor a certificate")),
        ("certificate-without-key", status(json!({"clientCertificateData": certificate})), nothing.clone(), Refuses("not both")),
        ("broken-certificate", status(json!({"clientCertificateData": "x", "clientKeyData": "y"})), nothing.clone(), Refuses("certificate")),
        ("certificate", status(json!({"clientCertificateData": certificate, "clientKeyData": key})), nothing.clone(), Asks(&[])),
        ("token-with-line-break", status(json!({"token": "a\nb"})), nothing.clone(), Refuses("control character")),
        ("number-as-token", status(json!({"token": 1})), nothing.clone(), Refuses("status.token: expected a string")),
        ("bad-expiry", status(json!({"token": "t", "expirationTimestamp": "tomorrow"})), nothing.clone(), Refuses("expirationTimestamp")),
        ("empty-expiry", status(json!({"token": "t", "expirationTimestamp": ""})), nothing.clone(), Refuses("expirationTimestamp")),
        ("null-expiry", status(json!({"token": "t", "expirationTimestamp": null})), nothing.clone(), Asks(TOKEN)),
        ("far-expiry", status(json!({"token": "t", "expirationTimestamp": "9999-12-31T23:59:59Z"})), nothing.clone(), Asks(TOKEN)),
        ("past-expiry", status(json!({"token": "t", "expirationTimestamp": "2001-01-01T00:00:00+01:00"})), nothing.clone(), Asks(TOKEN)),
        ("yaml", "printf 'apiVersion: client.authentication.k8s.io/v1\\nkind: ExecCredential\\nstatus:\\n  token: t\\n'".to_owned(), nothing.clone(), Asks(TOKEN)),
        ("noise", "echo hello".to_owned(), nothing.clone(), Refuses("hello")),
        ("silence", "true".to_owned(), nothing.clone(), Refuses("")),
        ("zeros", "printf '\\000\\377'".to_owned(), nothing.clone(), Refuses("")),
        ("list", "echo '[]'".to_owned(), nothing.clone(), Refuses("")),
        ("killed", "kill -9 $$".to_owned(), nothing.clone(), Refuses("failed")),
        ("relative-command", ok.clone(), json!({"command": "./login", "args": []}), Asks(TOKEN)),
        // The program inherits the environment; what the kubeconfig says takes precedence.
        ("environment", "test \"$HOME\" != '' && test \"$A\" = b && ".to_owned() + &ok, json!({"env": [{"name": "A", "value": "a"}, {"name": "A", "value": "b"}]}), Asks(TOKEN)),
        ("reads", "test \"$(cat)\" = '' && ".to_owned() + &ok, nothing.clone(), Asks(TOKEN)),
    ];
    let login = folder.join("login");
    std::fs::write(&login, format!("#!/bin/sh\n{ok}")).unwrap();
    std::fs::set_permissions(&login, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_no_difference(table.iter().map(|(name, script, more, want)| {
        let user = exec(&folder, name, script, more);
        compare_entries(&folder, &recorder, name, (&user, &json!({})), want)
    }));

    // Other credentials take precedence: the program does not run.
    let certificate = json!({"client-certificate-data": base64_of("client.pem"), "client-key-data": base64_of("client.key")});
    let table = [
        ("with-token", token(), Asks(TOKEN)),
        (
            "with-password",
            json!({"username": "u"}),
            Asks(&["authorization: Basic dTo="]),
        ),
        ("with-certificate", certificate, Asks(&[])),
    ];
    assert_no_difference(table.iter().map(|(name, more, want)| {
        let mut user = exec(&folder, name, "exit 1", &json!({}));
        for (key, value) in more.as_object().unwrap() {
            user[key] = value.clone();
        }
        compare_entries(&folder, &recorder, name, (&user, &json!({})), want)
    }));
}

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn a_login_program_is_told_what_kubectl_tells_it_and_runs_as_often() {
    let recorder = Recorder::start_tls("server", Answers::Empty);
    let refusing = Recorder::start_tls("server", Answers::Unauthorized);
    let folder = scratch("kubeconfigs-told");
    let log = folder.join("log");
    let script = format!(
        "printf '%s\\n' \"$KUBERNETES_EXEC_INFO\" >> {}\n",
        log.display()
    );
    let extension =
        json!([{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}]);
    let cluster_info = json!({"provideClusterInfo": true});
    let authority = json!({"certificate-authority-data": "", "certificate-authority": fixture_path("authority.pem"),
        "tls-server-name": "127.0.0.1", "disable-compression": true, "extensions": extension});
    let insecure = json!({"certificate-authority-data": "", "insecure-skip-tls-verify": true});
    let (ok, nothing) = (prints(&json!({})), json!({}));
    let proxied =
        json!({"proxy-url": "http://127.0.0.1:1", "server": "https://cluster.invalid/a/?b"});
    let table = [
        ("nothing", &recorder, &nothing, &nothing, ok.as_str(), 1),
        ("cluster", &recorder, &cluster_info, &nothing, &ok, 1),
        ("authority", &recorder, &cluster_info, &authority, &ok, 1),
        ("insecure", &recorder, &cluster_info, &insecure, &ok, 1),
        ("proxy", &recorder, &cluster_info, &proxied, "exit 1", 1),
        ("fails", &recorder, &nothing, &nothing, "exit 1", 1),
        // Its token may have been revoked, so it runs once more.
        ("refused", &refusing, &nothing, &nothing, &ok, 2),
    ];
    for (name, recorder, more, cluster, end, runs) in table {
        let user = exec(&folder, name, &(script.clone() + end), more);
        let text = kubeconfig(recorder, &user, cluster).to_string();
        let path = write(&folder, &format!("{name}.kubeconfig"), &text);
        let told = [osm, kubectl].map(|program| {
            let output = program(&path);
            let told = std::fs::read_to_string(&log)
                .unwrap_or_else(|e| panic!("{name}: {e}: {}", output.stderr));
            std::fs::remove_file(&log).unwrap();
            let told = told.lines().filter(|line| !line.is_empty());
            let told = told.map(|line| serde_json::from_str(line).unwrap());
            told.collect::<Vec<Value>>()
        });
        assert_eq!(told[0], told[1], "{name}");
        assert_eq!(told[0].len(), runs, "{name}");
    }
}
