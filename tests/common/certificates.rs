//! Certificates of servers that clients have to judge as Go does.

use super::recorder::fixture;

/// The certificate of a server, the authorities that a client trusts, and what the error says if the server is not
/// trusted. The names are those of files in `tests/fixtures/certificates`.
pub const SERVERS: [(&str, &[&str], Option<&str>); 20] = [
    ("server", &["authority"], None),
    ("server", &["other-authority", "authority"], None),
    ("server", &["other-authority"], Some("certificate")),
    ("other-name", &["authority"], Some("certificate")),
    // The own certificate as trust anchor (kube-rs#1767).
    ("server", &["server"], None),
    ("server", &["other-authority", "server"], None),
    ("other-name", &["other-name"], Some("certificate")),
    ("self-signed", &["self-signed"], None),
    ("self-signed", &["authority"], Some("certificate")),
    (
        "self-signed-name",
        &["self-signed-name"],
        Some("certificate"),
    ),
    (
        "self-signed-expired",
        &["self-signed-expired"],
        Some("expired"),
    ),
    ("self-signed", &["self-signed-name"], Some("certificate")),
    // The certificate of an authority as the server's own, as Teleport has it.
    ("authority-served", &["authority-served"], None),
    ("authority-served", &["authority"], Some("certificate")),
    ("authority-served-signed", &["authority"], None),
    (
        "authority-served-signed",
        &["authority-served-signed"],
        None,
    ),
    (
        "authority-served-signed",
        &["other-authority"],
        Some("certificate"),
    ),
    (
        "authority-served-name",
        &["authority-served-name"],
        Some("certificate"),
    ),
    (
        "authority-served-expired",
        &["authority-served-expired"],
        Some("expired"),
    ),
    ("server", &["authority-served-expired", "authority"], None),
];

/// Returns the certificates of authorities in one text.
pub fn bundle(authorities: &[&str]) -> String {
    let files = authorities
        .iter()
        .map(|name| fixture(&format!("{name}.pem")));
    String::from_utf8(files.collect::<Vec<_>>().concat()).unwrap()
}
