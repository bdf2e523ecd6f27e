//! Certificates of servers and clients.

use serde_json::json;

use super::Want::{Asks, Refuses};
use super::{TOKEN, assert_no_difference, base64_of, compare_entries, token};
use crate::common::certificates::{SERVERS, bundle};
use crate::common::cluster::base64;
use crate::common::recorder::{Answers, Recorder, fixture, fixture_path};
use crate::common::scratch;

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn certificates_of_servers_are_verified_as_by_kubectl() {
    let folder = scratch("kubeconfigs-server-certificates");
    assert_no_difference(SERVERS.iter().map(|(server, authorities, error)| {
        let recorder = Recorder::start_tls(server, Answers::Empty);
        let cluster = json!({"certificate-authority-data": base64(&bundle(authorities))});
        let name = format!("{server}-{}", authorities.join("-"));
        let want = error.map_or(Asks(TOKEN), Refuses);
        compare_entries(&folder, &recorder, &name, (&token(), &cluster), &want)
    }));
}

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn client_certificates_are_presented_as_by_kubectl() {
    let recorder = Recorder::start_tls("server", Answers::Empty);
    let folder = scratch("kubeconfigs-client-certificates");
    let from = |certificate: &str, key: &str| {
        json!({
            "client-certificate-data": base64_of(&format!("{certificate}.pem")),
            "client-key-data": base64_of(&format!("{key}.key")),
        })
    };
    let presented: &[&str] = &[];
    let names = [
        "client",
        "client-v1",
        "client-p384",
        "client-p521",
        "client-p521-sec1",
        "client-rsa",
        "client-rsa-pkcs1",
        "client-ed25519",
    ];
    let kinds = names
        .iter()
        .map(|name| (*name, from(name, name), Asks(presented)));
    let files = json!({"client-certificate": fixture_path("client.pem"), "client-key": fixture_path("client.key")});
    let both_in_one = base64(&format!(
        "{}{}",
        String::from_utf8(fixture("client.key")).unwrap(),
        String::from_utf8(fixture("client.pem")).unwrap()
    ));
    let others = [
        ("files", files.clone(), Asks(presented)),
        (
            "one-file",
            json!({"client-certificate-data": both_in_one, "client-key-data": both_in_one}),
            Asks(presented),
        ),
        (
            "other-key",
            from("client", "client-v1"),
            Refuses("client certificate"),
        ),
        (
            "v1-other-key",
            from("client-v1", "client"),
            Refuses("client certificate"),
        ),
        (
            "other-kind-of-key",
            from("client", "client-rsa"),
            Refuses("client certificate"),
        ),
        (
            "no-key",
            json!({"client-certificate-data": base64_of("client.pem")}),
            Refuses("no client-key"),
        ),
        (
            "empty-key",
            json!({"client-certificate-data": base64_of("client.pem"), "client-key-data": base64("\n")}),
            Refuses("no private key"),
        ),
        (
            "no-certificate-in-data",
            json!({"client-certificate-data": base64("x"), "client-key-data": base64_of("client.key")}),
            Refuses("no certificate"),
        ),
        (
            "data-and-file",
            json!({"client-certificate-data": base64_of("client.pem"), "client-certificate": fixture_path("client.pem"),
            "client-key-data": base64_of("client.key")}),
            Refuses("only one of them"),
        ),
        (
            "broken-pem",
            json!({"client-certificate-data": base64("-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n"),
            "client-key-data": base64_of("client.key")}),
            Refuses("client-certificate"),
        ),
        (
            "broken-der",
            json!({"client-certificate-data": base64("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
            "client-key-data": base64_of("client.key")}),
            Refuses("client certificate"),
        ),
        (
            "key-only",
            json!({"token": "t", "client-key-data": "eA=="}),
            Asks(TOKEN),
        ),
    ];
    assert_no_difference(kinds.chain(others).map(|(name, user, want)| {
        compare_entries(&folder, &recorder, name, (&user, &json!({})), &want)
    }));
}
