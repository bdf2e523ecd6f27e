//! Clients, kubeconfigs and requests for the API server.

use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use transport::{Body, SendError, Trust};

use super::certificates::{Authority, Pair};

/// A client of the API server.
pub struct Client {
    http: transport::Client,
    server: String,
    /// The value of the header `Authorization`.
    authorization: String,
}

/// Returns a runtime for one thread.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Returns a client for the cluster of a kubeconfig of [`kubeconfig`] with a user of [`token_user`]; use it only in the
/// runtime in which it was created.
pub fn client(kubeconfig: &Path) -> Client {
    let config: Value = serde_json::from_slice(&std::fs::read(kubeconfig).unwrap()).unwrap();
    let (cluster, user) = (
        &config["clusters"][0]["cluster"],
        &config["users"][0]["user"],
    );
    let authority = decode(&cluster["certificate-authority-data"]);
    let http = transport::Client::builder().trust(Trust::Authorities(
        transport::read_certificates(&authority).unwrap(),
    ));
    Client {
        http: http.build().unwrap(),
        server: cluster["server"].as_str().unwrap().to_owned(),
        authorization: format!("Bearer {}", user["token"].as_str().unwrap()),
    }
}

fn decode(data: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let text = data.as_str().unwrap_or_default();
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

impl Client {
    /// Sends a request whose URI is a path.
    pub async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Body>, SendError> {
        let path = request.uri().path_and_query().unwrap().as_str();
        *request.uri_mut() = format!("{}{path}", self.server).parse().unwrap();
        let authorization = self.authorization.parse().unwrap();
        (request.headers_mut()).insert(http::header::AUTHORIZATION, authorization);
        self.http.send(request).await
    }
}

/// Returns the entry of a user with a client certificate for a kubeconfig.
pub fn certificate_user(pair: &Pair) -> Value {
    json!({
        "client-certificate-data": base64(&pair.certificate),
        "client-key-data": base64(&pair.key),
    })
}

/// Returns the entry of a user with a token for a kubeconfig.
pub fn token_user(token: &str) -> Value {
    json!({ "token": token })
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

/// Sends a request; returns the status code and the body of the response. The code of every success is 200.
///
/// While the server is too busy (429), for example because it opens the storage of a new kind, it is asked again after
/// the time that it names.
pub async fn request(
    client: &Client,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<(u16, Value), SendError> {
    let kind = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let body = Bytes::from(body.map(Value::to_string).unwrap_or_default());
    let answer = loop {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Content-Type", kind)
            .body(body.clone())
            .unwrap();
        let answer = client.send(request).await?;
        let seconds = answer.headers().get("Retry-After");
        let seconds = seconds.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        match seconds {
            Some(seconds) if answer.status() == StatusCode::TOO_MANY_REQUESTS => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            _ => break answer,
        }
    };
    let code = match answer.status().is_success() {
        true => 200,
        false => answer.status().as_u16(),
    };
    let text = answer.into_body().collect().await?;
    // A response that is not JSON, such as the `ok` of /readyz, is returned as a string.
    let value = serde_json::from_slice(&text)
        .unwrap_or_else(|_| String::from_utf8_lossy(&text).into_owned().into());
    Ok((code, value))
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("{0} {1}")]
    Refused(u16, Value),
    #[error(transparent)]
    Broke(#[from] SendError),
}

/// The events of a watch.
pub struct Events {
    body: Body,
    buffer: BytesMut,
}

/// Starts a watch.
pub async fn watch(client: &Client, path: &str) -> Result<Events, Failed> {
    let request = Request::get(path).body(Bytes::new()).unwrap();
    let answer = client.send(request).await?;
    if !answer.status().is_success() {
        return Err(Failed::Refused(answer.status().as_u16(), Value::Null));
    }
    Ok(Events {
        body: answer.into_body(),
        buffer: BytesMut::new(),
    })
}

impl Events {
    /// Waits for the next event; `None` at the end. No event is lost if the future is dropped.
    pub async fn next(&mut self) -> Result<Option<Value>, SendError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                return Ok(Some(serde_json::from_slice(&line).unwrap()));
            }
            match self.body.chunk().await? {
                None => return Ok(None),
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
            }
        }
    }
}
