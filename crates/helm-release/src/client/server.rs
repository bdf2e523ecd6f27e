//! The address of an API server, as kubectl reads it.

use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::authorization::basic;

/// The address of an API server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Scheme, host and port, and the path below which the API is; without a slash at its end.
    base: String,
    is_https: bool,
    /// User and password.
    credentials: Option<(String, String)>,
}

impl Server {
    /// Parses an address; without a scheme it is an HTTP server.
    ///
    /// # Errors
    /// It is not an address of an HTTP server.
    pub fn parse(text: &str) -> Result<Server, String> {
        let (is_https, rest) = match text.split_once("://") {
            // If it is not a scheme, it may contain a password.
            Some((scheme, _)) if !is_scheme(scheme) => {
                return Err("its scheme is not http or https".to_owned());
            }
            Some((scheme, rest)) if !rest.is_empty() && !rest.starts_with('/') => {
                match scheme.to_ascii_lowercase().as_str() {
                    "https" => (true, rest),
                    "http" => (false, rest),
                    _ => return Err(format!("{scheme} is not http or https")),
                }
            }
            Some(_) => return Err("it has no host".to_owned()),
            None => (false, text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = path.trim_end_matches('/');
        if !text.contains("://") && !path.is_empty() {
            return Err("with a path it needs a scheme, http:// or https://".to_owned());
        }
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if host.is_empty() || host.starts_with(':') {
            return Err("it has no host".to_owned());
        }
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let credentials = user.map(|user| {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            (decode(user), decode(password))
        });
        let scheme = if is_https { "https" } else { "http" };
        // Go accepts an empty port.
        let host = host.trim_end_matches(':');
        let server = Server {
            base: format!("{scheme}://{host}{path}"),
            is_https,
            credentials,
        };
        server.uri("/")?;
        Ok(server)
    }

    /// Returns the URI of a path of the API, which starts with a slash.
    ///
    /// # Errors
    /// The path is not valid in a URI.
    pub fn uri(&self, path: &str) -> Result<Uri, String> {
        let uri: Uri = format!("{}{path}", self.base)
            .parse()
            .map_err(|e: http::uri::InvalidUri| e.to_string())?;
        // A port that is no number is only found here.
        match uri.authority().map(http::uri::Authority::as_str) {
            Some(authority) if has_valid_port(authority) => Ok(uri),
            _ => Err("the port is not a number up to 65535".to_owned()),
        }
    }

    /// Returns whether the server speaks TLS.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Returns the credentials that are in the address, for `Authorization` (RFC 7617).
    pub fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.credentials.as_ref()?;
        basic(user, password)
    }
}

/// Returns an address, valid or not, without the user and the password that it may contain.
pub(super) fn without_credentials(server: &str) -> String {
    let start = match server.split_once("//") {
        Some(("", _)) => "//".len(),
        Some((before, _)) if before.strip_suffix(':').is_some_and(is_scheme) => {
            before.len() + "//".len()
        }
        _ => 0,
    };
    // A password may itself contain `@` or `/` that should have been encoded.
    match server.rfind('@').filter(|at| *at >= start) {
        Some(at) => format!("{}…{}", &server[..start], &server[at..]),
        None => server.to_owned(),
    }
}

/// Returns an address as kubectl passes it on to login programs: behind a path, without a query and a fragment.
pub(super) fn without_query(server: &str) -> &str {
    let path = server.find("://").and_then(|scheme| {
        let start = scheme + "://".len();
        Some(start + server[start..].find(['/', '?', '#'])?)
    });
    let Some(path) = path else { return server };
    let end = server[path..]
        .find(['?', '#'])
        .unwrap_or(server.len() - path);
    match end > 1 {
        true => &server[..path + end],
        false => server,
    }
}

/// Returns whether `text` is a valid URI scheme (RFC 3986, section 3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn has_valid_port(authority: &str) -> bool {
    match authority.rsplit_once(':') {
        Some((_, port)) if !port.contains(']') => port.parse::<u16>().is_ok(),
        _ => true,
    }
}

impl std::fmt::Display for Server {
    /// Without the credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.base)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_credentials() {
        for (server, shown) in [
            ("https://a.example:x", "https://a.example:x"),
            ("https://user:secret@a.example:x", "https://…@a.example:x"),
            ("https://user:sec/r@t@a.example", "https://…@a.example"),
            ("user:secret@a.example", "…@a.example"),
            ("//user:secret@a.example", "//…@a.example"),
            ("user:secret@https://a.example", "…@https://a.example"),
            ("@//é", "…@//é"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(server), shown);
        }
    }

    #[test]
    fn the_address_of_a_server_is_read_as_kubectl_reads_it() {
        let table = [
            ("https://a.example:6443", Ok("https://a.example:6443/api")),
            ("https://a.example:6443/", Ok("https://a.example:6443/api")),
            ("HTTPS://a.example", Ok("https://a.example/api")),
            ("https://a.example:", Ok("https://a.example/api")),
            (
                "https://a/k8s/clusters/c/",
                Ok("https://a/k8s/clusters/c/api"),
            ),
            ("https://a/b?c=d#e", Ok("https://a/b/api")),
            ("https://[::1]:6443", Ok("https://[::1]:6443/api")),
            ("127.0.0.1:6443", Ok("http://127.0.0.1:6443/api")),
            ("localhost:6443", Ok("http://localhost:6443/api")),
            ("localhost", Ok("http://localhost/api")),
            ("https://u:p@a.example", Ok("https://a.example/api")),
            ("localhost/path", Err("needs a scheme")),
            ("ftp://localhost", Err("ftp is not http or https")),
            ("user:secret@https://a", Err("its scheme is not")),
            ("https://", Err("no host")),
            ("https:///path", Err("no host")),
            ("https://:6443", Err("no host")),
            ("https://a:99999", Err("the port")),
            ("https://a:b", Err("")),
            ("https://a b", Err("")),
            ("https://a\n", Err("")),
        ];
        for (text, want) in table {
            let uri = Server::parse(text).and_then(|server| server.uri("/api"));
            match (uri, want) {
                (Ok(uri), Ok(want)) => assert_eq!(uri.to_string(), want, "{text:?}"),
                (Err(error), Err(part)) => assert!(error.contains(part), "{text:?}: {error}"),
                (uri, want) => panic!("{text:?}: {uri:?}, not {want:?}"),
            }
        }
        let server = Server::parse("https://us%40er:p@a.example").unwrap();
        assert_eq!(server.authorization().unwrap(), "Basic dXNAZXI6cA==");
        assert_eq!(server.to_string(), "https://a.example");
    }
}
