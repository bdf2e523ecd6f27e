//! Addresses of servers and proxies.

use serde_json::json;

use super::Want::{Asks, Refuses};
use super::{
    TOKEN, assert_no_difference, base64_of, compare_entries, kubeconfig, program, token, write,
};
use crate::common::recorder::{Answers, Recorder};
use crate::common::{run, scratch};

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
