//! The proxy that the environment names for a server, by the rules of Go's `httpproxy`: `HTTPS_PROXY`, `HTTP_PROXY` and
//! `NO_PROXY`, in either case.

use std::net::IpAddr;

use http::Uri;

use crate::proxy::{InvalidProxy, Proxy};

/// A proxy from the environment.
#[derive(Debug, Clone)]
pub struct EnvironmentProxy {
    /// The variable that names it: `HTTPS_PROXY` or `HTTP_PROXY`.
    pub variable: &'static str,
    /// The proxy, or why it is not valid.
    pub proxy: Result<Proxy, InvalidProxy>,
}

/// Returns the proxy for a server that the environment names; `None` for this machine itself, and for servers that
/// `NO_PROXY` names.
pub fn environment_proxy(server: &Uri) -> Option<EnvironmentProxy> {
    choose(server, |name| std::env::var(name).ok())
}

fn choose(server: &Uri, variable: impl Fn(&str) -> Option<String>) -> Option<EnvironmentProxy> {
    let read = |name: &str| {
        let names = [name.to_owned(), name.to_lowercase()];
        let mut values = names.iter().filter_map(|name| variable(name));
        values.find(|value| !value.is_empty())
    };
    let is_https = server.scheme_str() == Some("https");
    let name = match is_https {
        true => "HTTPS_PROXY",
        false => "HTTP_PROXY",
    };
    // In a CGI program, a header of the request sets HTTP_PROXY (CVE-2016-5386).
    if !is_https && variable("REQUEST_METHOD").is_some_and(|method| !method.is_empty()) {
        return None;
    }
    let proxy = read(name)?;
    let port = server.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let no_proxy = read("NO_PROXY").unwrap_or_default();
    if !is_proxied(server.host().unwrap_or_default(), port, &no_proxy) {
        return None;
    }
    let proxy = match proxy.contains("://") {
        true => proxy.parse(),
        false => format!("http://{proxy}").parse(),
    };
    Some(EnvironmentProxy {
        variable: name,
        proxy,
    })
}

/// Returns whether a server is reached through a proxy, given the value of `NO_PROXY`.
fn is_proxied(host: &str, port: u16, no_proxy: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return false;
    }
    let entries = no_proxy.split(',').map(|entry| entry.trim().to_lowercase());
    !entries.into_iter().any(|entry| match entry.as_str() {
        "" => false,
        "*" => true,
        entry => is_named(&host, address, port, entry),
    })
}

/// Returns whether an entry of `NO_PROXY` names a server: a network, an address, or a domain with all below it.
fn is_named(host: &str, address: Option<IpAddr>, port: u16, entry: &str) -> bool {
    if let Some((network, bits)) = parse_network(entry) {
        return address.is_some_and(|address| contains(network, bits, address));
    }
    let (name, only_port) = match entry.rsplit_once(':') {
        Some((name, only)) if !name.contains(':') || name.ends_with(']') => (name, Some(only)),
        _ => (entry, None),
    };
    if only_port.is_some_and(|only| only != port.to_string()) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(named) = name.parse::<IpAddr>() {
        return address == Some(named);
    }
    // `.example.com` and `*.example.com` are only what is below.
    let below = name.strip_prefix('*').filter(|rest| rest.starts_with('.'));
    let below = below.or(name.starts_with('.').then_some(name));
    match below {
        Some(domain) => host.ends_with(domain),
        None if name.is_empty() => false,
        None => host == name || host.ends_with(&format!(".{name}")),
    }
}

fn parse_network(text: &str) -> Option<(IpAddr, u32)> {
    let (network, bits) = text.split_once('/')?;
    let (network, bits): (IpAddr, u32) = (network.parse().ok()?, bits.parse().ok()?);
    let longest = if network.is_ipv4() { 32 } else { 128 };
    (bits <= longest).then_some((network, bits))
}

fn contains(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn chosen(server: &str, variables: &[(&str, &str)]) -> Option<String> {
        let found = choose(&server.parse().unwrap(), |name| {
            let mut found = variables.iter().filter(|(key, _)| *key == name);
            found.next().map(|(_, value)| (*value).to_owned())
        });
        found.map(|found| format!("{:?}", found.proxy.unwrap()))
    }

    #[test]
    fn a_proxy_is_used_for_other_machines_unless_no_proxy_names_them() {
        let table = [
            ("https://10.0.0.1:6443", "", true),
            ("https://10.0.0.1:6443", "10.0.0.0/8", false),
            ("https://10.0.0.1:6443", "0.0.0.0/0", false),
            ("https://10.0.0.1:6443", "11.0.0.0/8, 10.0.0.1,", false),
            ("https://10.0.0.1:6443", "11.0.0.0/8,,10.0.0.1", false),
            ("https://10.0.0.1:6443", "10.0.0.0/33", true),
            ("https://api.example.com", "example.com", false),
            ("https://api.example.com", "EXAMPLE.com", false),
            ("https://API.example.com", "example.com", false),
            ("https://example.com", "example.com", false),
            ("https://api.example.com", ".example.com", false),
            ("https://example.com", ".example.com", true),
            ("https://api.example.com", "ample.com", true),
            ("https://api.example.com", "*", false),
            ("https://api.example.com", "x, *", false),
            ("https://127.0.0.1:6443", "", false),
            ("https://127.9.9.9:6443", "", false),
            ("https://localhost:6443", "", false),
            ("https://[::1]:6443", "", false),
            ("https://10.0.0.1:6443", "10.0.0.1:6443", false),
            ("https://10.0.0.1:6443", "10.0.0.1:443", true),
            ("https://api.example.com", "*.example.com", false),
            ("https://api.example.com", "example.com:443", false),
            ("https://api.example.com", "example.com:80", true),
            ("https://[2001:db8::1]:6443", "2001:db8::/32", false),
            ("https://[2001:db8::1]:6443", "2001:db8::1", false),
            ("https://[2001:db8::1]:6443", "[2001:db8::1]:6443", false),
            ("https://[2001:db8::1]:6443", "[2001:db8::1]:443", true),
            ("http://10.0.0.1:8080", "", false),
        ];
        for (server, no, want) in table {
            for proxy in ["http://proxy.example.com:3128", "proxy.example.com:3128"] {
                let variables = [("HTTPS_PROXY", proxy), ("no_proxy", no)];
                let proxy = chosen(server, &variables);
                let want = want.then(|| "http://proxy.example.com:3128/".to_owned());
                assert_eq!(proxy, want, "{server} {no:?}");
            }
        }
    }

    #[test]
    fn an_http_server_has_its_own_variable() {
        let http = [("http_proxy", "http://proxy:1")];
        let cgi = [("HTTP_PROXY", "http://proxy:1"), ("REQUEST_METHOD", "GET")];
        let server = "http://cluster.example.com";
        assert_eq!(chosen(server, &http).as_deref(), Some("http://proxy:1/"));
        assert_eq!(chosen(server, &cgi), None);
        assert_eq!(chosen("https://cluster.example.com", &http), None);
    }
}
