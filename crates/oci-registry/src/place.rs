//! Where content is: a registry, and a repository in it.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use image_pins::Reference;

/// The names of Docker Hub, which are one registry.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// The host of a registry, with the port if there is one: `registry.example.com:5000`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

impl Host {
    /// Returns the host that a reference names, with the port if there is one. All names of Docker Hub are `docker.io`.
    pub fn new(name: &str) -> Host {
        let name = name.to_lowercase();
        match DOCKER_HUB.contains(&name.as_str()) {
            true => Host("docker.io".to_owned()),
            false => Host(name),
        }
    }

    /// Returns host and port to connect to.
    pub fn address(&self) -> &str {
        match self.is_docker_hub() {
            true => "registry-1.docker.io",
            false => &self.0,
        }
    }

    /// Returns whether it is Docker Hub.
    pub fn is_docker_hub(&self) -> bool {
        self.0 == "docker.io"
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A string is not the host of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a host with an optional port, such as registry.example.com:5000, without https:// and without a path"
)]
pub struct InvalidHost;

impl FromStr for Host {
    type Err = InvalidHost;

    /// Parses a host with a port or without, as users write it.
    fn from_str(text: &str) -> Result<Host, InvalidHost> {
        let uri: Option<Uri> = format!("https://{text}/").parse().ok();
        let is_host = uri.is_some_and(|uri| {
            let name = uri.host().unwrap_or_default();
            let whole = match uri.port_u16() {
                Some(port) => format!("{name}:{port}"),
                None => name.to_owned(),
            };
            !name.is_empty() && whole == text
        });
        match is_host {
            true => Ok(Host::new(text)),
            false => Err(InvalidHost),
        }
    }
}

/// A repository of a registry: `registry.example.com/seaport/harbor`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    host: Host,
    path: String,
}

impl Repository {
    pub(crate) fn new(host: Host, path: &str) -> Repository {
        Repository {
            host,
            path: path.to_owned(),
        }
    }

    /// Returns the registry.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the name in the registry.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl From<&Reference> for Repository {
    /// Returns the repository of a reference. Short names are on Docker Hub.
    fn from(reference: &Reference) -> Repository {
        let whole = reference.normalized();
        Repository {
            host: Host::new(whole.domain().unwrap_or("docker.io")),
            path: whole.path().to_owned(),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.host, self.path))
    }
}

/// Scheme, host and port of a URL, which decide who may see a secret (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub scheme: String,
    pub host: String,
    pub port: u16,
}

impl Origin {
    /// Returns the origin of an absolute URL.
    pub fn of(uri: &Uri) -> Option<Origin> {
        let scheme = uri.scheme_str()?.to_lowercase();
        let port = match uri.port_u16() {
            Some(port) => port,
            None if scheme == "https" => 443,
            None => 80,
        };
        Some(Origin {
            host: uri.host()?.trim_matches(['[', ']']).to_lowercase(),
            scheme,
            port,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_names_its_registry() {
        let table = [
            ("curl", "docker.io/library/curl", "registry-1.docker.io"),
            (
                "index.docker.io/curl",
                "docker.io/library/curl",
                "registry-1.docker.io",
            ),
            (
                "registry-1.docker.io/seaport/harbor",
                "docker.io/seaport/harbor",
                "registry-1.docker.io",
            ),
            (
                "localhost:5000/a/b:v1",
                "localhost:5000/a/b",
                "localhost:5000",
            ),
            (
                "Registry.Example.com/a",
                "registry.example.com/a",
                "registry.example.com",
            ),
            ("[::1]:5000/a", "[::1]:5000/a", "[::1]:5000"),
        ];
        for (reference, repository, address) in table {
            let found = Repository::from(&reference.parse::<Reference>().unwrap());
            assert_eq!(found.to_string(), repository);
            assert_eq!(found.host().address(), address);
        }
    }

    #[test]
    fn a_host_has_neither_scheme_nor_path() {
        for text in [
            "localhost",
            "registry.example.com:5000",
            "127.0.0.1:80",
            "[::1]:5000",
        ] {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), text);
        }
        for text in ["", "https://a", "a/b", "user@a", "a:b", "a b", ":80"] {
            assert_eq!(text.parse::<Host>(), Err(InvalidHost), "{text:?}");
        }
    }

    #[test]
    fn an_origin_has_the_port_of_its_scheme() {
        let origin = |text: &str| Origin::of(&text.parse().unwrap()).unwrap();
        assert_eq!(
            origin("https://A.example.com/x"),
            origin("https://a.example.com:443/y")
        );
        assert_ne!(
            origin("https://a.example.com"),
            origin("http://a.example.com:443")
        );
        assert_ne!(
            origin("https://a.example.com"),
            origin("https://b.a.example.com")
        );
        assert_eq!(Origin::of(&"/path".parse().unwrap()), None);
    }
}
