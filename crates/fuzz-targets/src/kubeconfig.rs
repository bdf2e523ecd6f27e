//! Kubeconfig files.

use helm_release::client::fuzzing::contexts;
use serde_json::json;

/// A password, which must not be in any message. It begins with a letter that ends no escape sequence of a message.
const PASSWORD: &str = "Tr0ub4dor";

/// Reads a kubeconfig, and prepares a connection for each of its contexts. Then each line is a part of an address with a
/// password.
///
/// # Panics
/// A connection has an address that no request can have, a path is not the end of it, or a message has the password.
pub fn kubeconfig(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(contexts) = contexts(text, "/api") {
        for (name, uri) in contexts {
            match uri {
                Ok(uri) => {
                    let is_http = uri.starts_with("http://") || uri.starts_with("https://");
                    assert!(is_http && uri.ends_with("/api"), "{name}: {uri}");
                    // Credentials are sent in a header.
                    let authority = uri.split('/').nth(2).unwrap_or_default();
                    assert!(!authority.is_empty() && !authority.contains('@'), "{uri}");
                }
                Err(message) => assert!(!message.is_empty()),
            }
        }
    }
    let first = text.lines().next().unwrap_or_default();
    if first.len() < 200 && !first.contains(PASSWORD) {
        passwords(first);
    }
}

fn passwords(part: &str) {
    for address in [
        format!("https://user:{PASSWORD}@{part}"),
        format!("user:{PASSWORD}@{part}"),
        format!("https://user:{part}{PASSWORD}@a.example:6443"),
        format!("{part}//user:{PASSWORD}@a.example"),
    ] {
        for (server, proxy) in [(&*address, ""), ("https://a.example", &*address)] {
            let kubeconfig = json!({
                "clusters": [{"name": "c", "cluster": {"server": server, "proxy-url": proxy}}],
                "contexts": [{"name": "x", "context": {"cluster": "c"}}],
            });
            let read = contexts(&kubeconfig.to_string(), "/api");
            let messages: Vec<String> = match read {
                Ok(contexts) => contexts
                    .into_iter()
                    .filter_map(|(_, uri)| uri.err())
                    .collect(),
                // YAML has no control characters.
                Err(message) => vec![message],
            };
            for message in messages {
                assert!(!message.contains(PASSWORD), "{address}: {message}");
            }
        }
    }
}
