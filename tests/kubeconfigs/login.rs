//! Login programs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::Want::{self, Asks, Refuses};
use super::{
    TOKEN, assert_no_difference, base64_of, compare_entries, kubeconfig, kubectl, osm, token, write,
};
use crate::common::recorder::{Answers, Recorder, fixture, fixture_path};
use crate::common::scratch;

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
