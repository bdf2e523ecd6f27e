//! Clients, kubeconfigs and requests for the API server.

use std::path::Path;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::certificates::{Authority, Pair};

/// Returns a runtime for one thread.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Returns a client for the cluster of a kubeconfig; use it only in the runtime in which it was created.
pub async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    Client::try_from(config.unwrap()).unwrap()
}

/// Returns the entry of a user with a client certificate for a kubeconfig.
pub fn certificate_user(pair: &Pair) -> Value {
    json!({
        "client-certificate-data": base64(&pair.certificate),
        "client-key-data": base64(&pair.key),
    })
}

/// Returns the kubeconfig of a user, with all certificates inside; `more` is added to the entry of the cluster.
pub fn kubeconfig(authority: &Authority, url: &str, user: &Value, more: &Value) -> String {
    let mut cluster = json!({
        "server": url,
        "certificate-authority-data": base64(authority.certificate()),
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        cluster[key] = value.clone();
    }
    // JSON is YAML.
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
        "clusters": [{ "name": "test", "cluster": cluster }],
        "users": [{ "name": "test", "user": user }],
    })
    .to_string()
}

/// Encodes data for a kubeconfig: base64 (RFC 4648, section 4).
pub fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Sends a request; returns the status code and the body of the response.
pub async fn request(
    client: &Client,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> kube::Result<(u16, Value)> {
    let kind = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("Content-Type", kind)
        .body(
            body.map(|body| body.to_string().into_bytes())
                .unwrap_or_default(),
        )
        .unwrap();
    match client.request_text(request).await {
        // A response that is not JSON, such as the `ok` of /readyz, is returned as a string.
        Ok(text) => Ok((
            200,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )),
        Err(kube::Error::Api(status)) => Ok((status.code, json!(status))),
        Err(error) => Err(error),
    }
}
