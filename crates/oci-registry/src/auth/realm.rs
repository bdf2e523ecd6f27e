//! Where a token may be asked for: a registry names its token server, and could name any server.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;

use crate::place::{Host, Origin};

/// Registries whose token server has an unrelated name, and that server.
const KNOWN_TOKEN_SERVERS: [(&str, &str); 1] = [("registry-1.docker.io", "auth.docker.io")];
/// How much of a realm is shown, in characters.
const SHOWN: usize = 200;

/// Which token servers are asked besides those that are safe in any case.
#[derive(Clone, Debug, Default)]
pub(crate) struct RealmPolicy {
    /// Registries that are reached without encryption. A token server on the same host can be, too, at any port.
    pub insecure: BTreeSet<Host>,
    /// Token servers that get credentials of any registry. An entry with a port is for this port alone.
    pub token_servers: BTreeSet<Host>,
}

/// A token server that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The URL to ask.
    pub uri: Uri,
    /// Whether it may get the credentials of the registry. Otherwise it is asked for a token without.
    pub send_credentials: bool,
}

impl RealmPolicy {
    /// Judges the realm of a challenge.
    ///
    /// # Errors
    /// The realm is not a URL of a token server, is not encrypted, or is in a private network that is not the
    /// registry's own: a registry must not make this program send requests to where only this program can.
    pub fn judge(&self, registry: &Origin, realm: &str) -> Result<Verdict, RealmError> {
        self.check(registry, realm).map_err(|why| RealmError {
            registry: registry.to_string(),
            realm: shown(realm),
            why,
        })
    }

    /// Judges a URL at which a manifest says that a layer is. It has to be in the Internet, or at a registry that is reached
    /// without encryption, which the user has named.
    ///
    /// # Errors
    /// It is not such a URL: a manifest must not make this program send requests to where only this program can.
    pub fn check_layer_url(&self, url: &str) -> Result<Uri, RefusedUrl> {
        let refused = |why| RefusedUrl {
            url: shown(url),
            why,
        };
        let (uri, host, _) = self.read(url).map_err(refused)?;
        if !host.is_public() && !names(&self.insecure, &host, None) {
            return Err(refused(RealmProblem::Private {
                host: host.to_string(),
            }));
        }
        Ok(uri)
    }

    fn check(&self, registry: &Origin, realm: &str) -> Result<Verdict, RealmProblem> {
        let (uri, host, port) = self.read(realm)?;
        let is_own = Name::new(&registry.host).as_ref() == Some(&host);
        let is_named = names(&self.token_servers, &host, Some(port));
        if !is_own && !is_named && !host.is_public() {
            return Err(RealmProblem::Private {
                host: host.to_string(),
            });
        }
        Ok(Verdict {
            send_credentials: is_own || is_named || is_known(&registry.host, &host),
            uri,
        })
    }

    /// Returns the parts of a URL that is encrypted, or need not be.
    fn read(&self, realm: &str) -> Result<(Uri, Name, u16), RealmProblem> {
        if realm.contains('#') {
            return Err(RealmProblem::Fragment);
        }
        let uri: Uri = realm.parse().map_err(|_| RealmProblem::NotUrl)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(RealmProblem::NotUrl);
        };
        if authority.as_str().contains('@') {
            return Err(RealmProblem::UserInfo);
        }
        let is_encrypted = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(RealmProblem::Scheme),
        };
        let (host, port) = split_port(authority.as_str());
        let port = match port {
            Some(port) => parse_port(port).ok_or(RealmProblem::NotUrl)?,
            None if is_encrypted => 443,
            None => 80,
        };
        let host = Name::new(host).ok_or(RealmProblem::NotUrl)?;
        if !is_encrypted && !names(&self.insecure, &host, None) {
            return Err(RealmProblem::Unencrypted {
                host: host.to_string(),
            });
        }
        Ok((uri, host, port))
    }
}

/// Returns whether the registry's credentials are for this token server: it is known, or a parent domain of the registry,
/// whose owner decides about the registry's name anyway. A sibling is not: below domains such as `github.io`, each name
/// belongs to another user.
fn is_known(registry: &str, token_server: &Name) -> bool {
    let Name::Domain(token_server) = token_server else {
        return false;
    };
    let is_parent = || {
        token_server.contains('.')
            && matches!(Name::new(registry), Some(Name::Domain(registry))
                if registry.strip_suffix(token_server.as_str()).is_some_and(|rest| rest.ends_with('.')))
    };
    KNOWN_TOKEN_SERVERS.contains(&(registry, token_server)) || is_parent()
}

/// Returns whether one of `hosts` is this host. `None`: at any port.
fn names(hosts: &BTreeSet<Host>, host: &Name, port: Option<u16>) -> bool {
    hosts.iter().any(|entry| {
        let entry = entry.to_string();
        let (name, entry_port) = split_port(&entry);
        let is_port = match (entry_port, port) {
            (Some(entry_port), Some(port)) => parse_port(entry_port) == Some(port),
            _ => true,
        };
        is_port && Name::new(name).as_ref() == Some(host)
    })
}

/// Splits `host:port`, `[address]:port` and both without a port.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn parse_port(port: &str) -> Option<u16> {
    let is_number = port.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| port.parse().ok()).flatten()
}

/// A host, in the one form that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Domain(String),
    Address(IpAddr),
    /// Some programs read it as an IPv4 address: `0x7f000001`, `127.1`, `0177.0.0.1` (WHATWG URL, section 3.5, "ends in a
    /// number").
    OddAddress(String),
}

impl Name {
    /// Returns `None` for what cannot be a host. IPv6 addresses may be in brackets.
    fn new(host: &str) -> Option<Name> {
        let address = host
            .strip_prefix('[')
            .map_or(Some(host), |rest| rest.strip_suffix(']'))?;
        if let Ok(address) = address.parse::<Ipv6Addr>() {
            return Some(Name::Address(address.into()));
        }
        // A dot at the end says that the name is complete.
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            return Some(Name::Address(address.into()));
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if host.len() > 253 || !host.split('.').all(is_label) {
            return None;
        }
        let last = host.rsplit('.').next().unwrap_or_default();
        let is_number = match last.strip_prefix("0x") {
            Some(digits) => digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
            None => last.bytes().all(|digit| digit.is_ascii_digit()),
        };
        Some(match is_number {
            true => Name::OddAddress(host),
            false => Name::Domain(host),
        })
    }

    /// Returns whether it is in the Internet, as far as its name tells.
    fn is_public(&self) -> bool {
        match self {
            Name::Domain(name) => {
                let is_below = |parent: &str| {
                    name.strip_suffix(parent)
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                };
                !is_below("localhost") && !is_below("localdomain")
            }
            Name::Address(IpAddr::V4(address)) => is_public_v4(*address),
            Name::Address(IpAddr::V6(address)) => is_public_v6(*address),
            Name::OddAddress(_) => false,
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Name::Domain(name) | Name::OddAddress(name) => f.write_str(name),
            Name::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Name::Address(address) => write!(f, "{address}"),
        }
    }
}

/// Returns whether it is not reserved (IANA IPv4 Special-Purpose Address Registry) and not multicast.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_reserved = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !is_reserved
}

/// Returns whether it is in the range of global addresses, `2000::/3`, without 6to4 (`2002::/16`) and Teredo
/// (`2001::/32`), which contain IPv4 addresses. Mapped IPv4 addresses, `fc00::/7` and `fe80::/10` are outside of it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [first, second, ..] = segments;
    first & 0xe000 == 0x2000 && first != 0x2002 && (first, second) != (0x2001, 0)
}

/// A URL of a layer that is not followed.
#[derive(Debug)]
pub(crate) struct RefusedUrl {
    /// The URL, as messages show it.
    pub url: String,
    pub why: RealmProblem,
}

/// Returns what a server sent for a message: without user info, query, fragment and control characters, and not too long.
pub(super) fn shown(text: &str) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let text = text.get(..end).unwrap_or_default();
    let without_user = match text.split_once("://") {
        None => text.to_owned(),
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
    };
    let plain = without_user.chars().filter(|c| !c.is_control());
    plain.take(SHOWN).collect()
}

/// Why no token is asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{registry} names the token server {realm:?}: {why}")]
pub struct RealmError {
    /// The registry that named the token server.
    pub registry: String,
    /// The URL of the token server, without query and user info, and cut if it is long.
    pub realm: String,
    /// Why it is not asked.
    pub why: RealmProblem,
}

/// Why a token server is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RealmProblem {
    /// It is not an absolute URL with a host.
    #[error("this is not a URL with a host")]
    NotUrl,
    /// The URL contains a user or a password.
    #[error("the URL contains a user, which a registry must not choose")]
    UserInfo,
    /// The URL has a fragment.
    #[error("the URL has a fragment, which is never sent")]
    Fragment,
    /// The scheme is neither https nor http.
    #[error("the URL is neither https nor http")]
    Scheme,
    /// It would be reached without encryption. Allowed if `host` is an insecure registry.
    #[error("it is not encrypted, and {host} is not allowed to be insecure")]
    Unencrypted {
        /// The host of the token server, without a port.
        host: String,
    },
    /// It is on this machine or in a private network, and the registry is not. Allowed if `host` is named as a token
    /// server.
    #[error(
        "{host} is an address of this machine or of a private network, and not the host of the registry"
    )]
    Private {
        /// The host of the token server, without a port.
        host: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(insecure: &[&str], token_servers: &[&str]) -> RealmPolicy {
        let hosts = |names: &[&str]| names.iter().map(|name| Host::new(name)).collect();
        RealmPolicy {
            insecure: hosts(insecure),
            token_servers: hosts(token_servers),
        }
    }

    fn origin(url: &str) -> Origin {
        Origin::of(&url.parse().unwrap()).unwrap()
    }

    fn judged(policy: &RealmPolicy, registry: &str, realm: &str) -> Result<bool, RealmProblem> {
        match policy.judge(&origin(registry), realm) {
            Ok(verdict) => {
                assert_eq!(verdict.uri, realm.parse::<Uri>().unwrap());
                Ok(verdict.send_credentials)
            }
            Err(error) => Err(error.why),
        }
    }

    #[test]
    fn credentials_go_only_to_token_servers_that_belong_to_the_registry() {
        let table = [
            (
                "https://r.example.com",
                "https://r.example.com/token?a=b",
                true,
            ),
            (
                "https://r.example.com",
                "https://R.Example.COM./token",
                true,
            ),
            (
                "https://r.example.com",
                "https://r.example.com:8443/token",
                true,
            ),
            (
                "https://r.example.com:5000",
                "https://r.example.com/token",
                true,
            ),
            (
                "https://registry-1.docker.io",
                "https://auth.docker.io/token",
                true,
            ),
            (
                "https://registry.gitlab.example",
                "https://gitlab.example/jwt/auth",
                true,
            ),
            ("https://a.b.example.com", "https://example.com/token", true),
            // Siblings, children and strangers.
            (
                "https://r.example.com",
                "https://auth.example.com/token",
                false,
            ),
            ("https://a.github.io", "https://b.github.io/token", false),
            (
                "https://example.com",
                "https://auth.example.com/token",
                false,
            ),
            (
                "https://r.example.com",
                "https://auth.docker.io/token",
                false,
            ),
            (
                "https://docker.io.example.com",
                "https://auth.docker.io/token",
                false,
            ),
            ("https://r.example.com", "https://ample.com/token", false),
            (
                "https://r.example.com",
                "https://r.example.com.evil.example/token",
                false,
            ),
            ("https://r.example.com", "https://com/token", false),
            (
                "https://r.example.com",
                "https://93.184.215.14/token",
                false,
            ),
            (
                "https://r.example.com",
                "https://[2606:2800:21f:cb07::1]/token",
                false,
            ),
        ];
        for (registry, realm, expected) in table {
            let found = judged(&RealmPolicy::default(), registry, realm);
            assert_eq!(found, Ok(expected), "{registry} {realm}");
        }
    }

    #[test]
    fn a_named_token_server_gets_credentials_at_its_port() {
        let policy = policy(
            &[],
            &[
                "auth.example.com",
                "sso.example.com:8443",
                "[fd00::1]",
                "10.0.0.5",
            ],
        );
        let table = [
            ("https://auth.example.com/token", Ok(true)),
            ("https://AUTH.example.com:8443/token", Ok(true)),
            ("https://sso.example.com:8443/token", Ok(true)),
            ("https://sso.example.com/token", Ok(false)),
            ("https://x.auth.example.com/token", Ok(false)),
            ("https://[fd00:0::1]:444/token", Ok(true)),
            ("https://10.0.0.5/token", Ok(true)),
            (
                "https://10.0.0.6/token",
                Err(RealmProblem::Private {
                    host: "10.0.0.6".to_owned(),
                }),
            ),
            (
                "http://auth.example.com/token",
                Err(RealmProblem::Unencrypted {
                    host: "auth.example.com".to_owned(),
                }),
            ),
        ];
        for (realm, expected) in table {
            assert_eq!(
                judged(&policy, "https://r.example.com", realm),
                expected,
                "{realm}"
            );
        }
    }

    #[test]
    fn http_is_for_insecure_registries_only() {
        let policy = policy(&["localhost:5000", "plain.example.com", "[::1]:5000"], &[]);
        let unencrypted = |host: &str| {
            Err(RealmProblem::Unencrypted {
                host: host.to_owned(),
            })
        };
        let private = |host: &str| {
            Err(RealmProblem::Private {
                host: host.to_owned(),
            })
        };
        let table = [
            (
                "http://localhost:5000",
                "http://localhost:5000/token",
                Ok(true),
            ),
            (
                "http://localhost:5000",
                "http://localhost:5001/token",
                Ok(true),
            ),
            ("http://[::1]:5000", "http://[0::1]:5001/token", Ok(true)),
            (
                "https://r.example.com",
                "http://plain.example.com/token",
                Ok(false),
            ),
            (
                "https://r.plain.example.com",
                "http://plain.example.com/token",
                Ok(true),
            ),
            (
                "https://r.example.com",
                "http://r.example.com/token",
                unencrypted("r.example.com"),
            ),
            (
                "http://localhost:5000",
                "http://127.0.0.1:5000/token",
                unencrypted("127.0.0.1"),
            ),
            (
                "https://r.example.com",
                "http://localhost:5000/token",
                private("localhost"),
            ),
        ];
        for (registry, realm, expected) in table {
            assert_eq!(
                judged(&policy, registry, realm),
                expected,
                "{registry} {realm}"
            );
        }
    }

    #[test]
    fn a_private_address_is_asked_only_if_it_is_the_registrys_own() {
        let hosts = [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "localhost.localdomain",
            "127.0.0.1",
            "127.255.0.9.",
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:8.8.8.8]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[ff02::1]",
            "2130706433",
            "0x7f000001",
            "0x7F.1",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.1",
            "8.8.8.08",
        ];
        for host in hosts {
            let realm = format!("https://{host}/token");
            let other = judged(&RealmPolicy::default(), "https://r.example.com", &realm);
            assert!(
                matches!(other, Err(RealmProblem::Private { .. })),
                "{host}: {other:?}"
            );
            let own = judged(
                &RealmPolicy::default(),
                &format!("https://{host}:5000"),
                &realm,
            );
            assert_eq!(own, Ok(true), "{host}");
        }
        let public = [
            "8.8.8.8",
            "100.63.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.0.1",
            "[2606:4700::1111]",
            "localhost.example.com",
            "notlocalhost.example",
            "10.0.0.1.example",
        ];
        for host in public {
            let realm = format!("https://{host}/token");
            let found = judged(&RealmPolicy::default(), "https://r.example.com", &realm);
            assert_eq!(found, Ok(false), "{host}");
        }
    }

    #[test]
    fn what_is_not_a_plain_url_is_refused() {
        let table = [
            ("", RealmProblem::NotUrl),
            ("/token", RealmProblem::NotUrl),
            ("r.example.com", RealmProblem::NotUrl),
            ("//r.example.com/token", RealmProblem::NotUrl),
            ("https://", RealmProblem::NotUrl),
            ("https:///token", RealmProblem::NotUrl),
            ("https://r.example.com:99999/token", RealmProblem::NotUrl),
            ("https://r.example.com:/token", RealmProblem::NotUrl),
            ("https://r.example.com:+443/token", RealmProblem::NotUrl),
            ("https://r..example.com/token", RealmProblem::NotUrl),
            (
                "https://r.example.com\\.evil.example/token",
                RealmProblem::NotUrl,
            ),
            (
                "https://r.example.com%2eevil.example/token",
                RealmProblem::NotUrl,
            ),
            ("https://[fe80::1%25eth0]/token", RealmProblem::NotUrl),
            ("https://[127.0.0.1]/token", RealmProblem::NotUrl),
            ("https://b\u{fc}cher.example/token", RealmProblem::NotUrl),
            ("https://r.example.com/a b", RealmProblem::NotUrl),
            ("file:///etc/passwd", RealmProblem::NotUrl),
            ("ftp://r.example.com/token", RealmProblem::Scheme),
            ("https://user@r.example.com/token", RealmProblem::UserInfo),
            (
                "https://r.example.com:pw@evil.example/token",
                RealmProblem::UserInfo,
            ),
            ("https://r.example.com/token#x", RealmProblem::Fragment),
        ];
        for (realm, expected) in table {
            let error = RealmPolicy::default()
                .judge(&origin("https://r.example.com"), realm)
                .unwrap_err();
            assert_eq!(error.why, expected, "{realm}");
        }
    }

    #[test]
    fn an_error_names_both_servers_and_shows_no_secret() {
        let error = |realm: &str| {
            RealmPolicy::default()
                .judge(&origin("https://r.example.com"), realm)
                .unwrap_err()
        };
        assert_eq!(
            error("https://10.0.0.1/token?key=marker-secret").to_string(),
            "https://r.example.com:443 names the token server \"https://10.0.0.1/token\": 10.0.0.1 is an address of this \
             machine or of a private network, and not the host of the registry"
        );
        let long = format!("https://10.0.0.1/{}", "ä".repeat(300));
        let table = [
            "https://u:marker-secret@r.example.com/token",
            "https://u:marker-secret@x@r.example.com/token",
            "https://r.example.com/token#marker-secret",
            "http://r.example.com/token?marker-secret",
            "https://r.example.com/\u{1b}[31m?marker-secret",
            long.as_str(),
        ];
        for realm in table {
            let error = error(realm);
            for text in [error.to_string(), format!("{error:?}")] {
                assert!(!text.contains("marker-secret"), "{text}");
                assert!(
                    !text.contains('\u{1b}') && !text.contains("\\u{1b}"),
                    "{text}"
                );
            }
            assert!(error.realm.chars().count() <= 200, "{realm}");
        }
    }
}
