//! A token server for the registry: gives out tokens that it signs (distribution's token authentication,
//! <https://distribution.github.io/distribution/spec/auth/>), and counts who asks.

use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use graviola::hashing::Sha256;
use graviola::signing::ecdsa::{P256, SigningKey};
use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};
use test_cluster::PATIENCE;

use super::http::{Received, answer, parameters, read_body, read_head};
use super::registry::{PASSWORD, USER};
use super::tls::{LOCALHOST, server_config};

/// The identity token that [`TokenServer`] accepts instead of [`USER`] and [`PASSWORD`].
pub const IDENTITY_TOKEN: &str = "identity-token-marker";
/// The name of the registry in tokens.
pub(crate) const SERVICE: &str = "registry.test";
/// The name of the token server in tokens.
pub(crate) const ISSUER: &str = "token-server.test";
/// The name of the key in the key set and in tokens.
const KEY_NAME: &str = "test-key";

/// How a token server behaves.
#[derive(Clone, Copy, Debug)]
pub struct TokenOptions {
    /// Whether it is reached by https.
    pub has_tls: bool,
    /// The host in its URL: [`LOCALHOST`] or `127.0.0.1`. crane refuses addresses of loopback, but not that name.
    pub host: &'static str,
    /// Whether it gives tokens for pulling to everyone.
    pub is_public: bool,
    /// How long tokens are valid, in seconds. The registry accepts them for 60 seconds more.
    pub lifetime: u32,
}

impl Default for TokenOptions {
    fn default() -> Self {
        Self {
            has_tls: true,
            host: LOCALHOST,
            is_public: false,
            lifetime: 300,
        }
    }
}

/// A request for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// The service that the token is for.
    pub service: String,
    /// The scopes, sorted: `repository:seaport/harbor:pull,push`.
    pub scopes: Vec<String>,
    /// Who asks: a user name, [`IDENTITY_TOKEN`], or nobody.
    pub user: Option<String>,
    /// The status of the answer.
    pub status: u16,
}

/// A server that signs tokens; dropping it stops it.
pub struct TokenServer {
    address: String,
    realm: String,
    shared: Arc<Shared>,
}

struct Shared {
    options: TokenOptions,
    key: SigningKey<P256>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    requests: Vec<TokenRequest>,
    /// How many of the next tokens have expired already.
    expired: usize,
    is_stopped: bool,
}

impl TokenServer {
    /// Starts a server on a free port.
    pub fn start(options: TokenOptions) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if options.has_tls { "https" } else { "http" };
        let realm = format!("{scheme}://{}:{}/token", options.host, address.port());
        let tls = options.has_tls.then(|| server_config("token server"));
        let shared = Arc::new(Shared {
            options,
            key: SigningKey::generate().unwrap(),
            state: Mutex::default(),
        });
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if server.lock().is_stopped {
                    return;
                }
                let (Ok(stream), shared, tls) = (stream, Arc::clone(&server), tls.clone()) else {
                    continue;
                };
                // Clients close connections whenever they want.
                std::thread::spawn(move || {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    match tls {
                        None => shared.serve(stream),
                        Some(config) => {
                            let connection = ServerConnection::new(config);
                            let connection = connection.map_err(io::Error::other)?;
                            shared.serve(StreamOwned::new(connection, stream))
                        }
                    }
                });
            }
        });
        Self {
            address: address.to_string(),
            realm,
            shared,
        }
    }

    /// Returns the URL that the registry sends clients to.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Returns all requests so far, also those that were refused.
    pub fn requests(&self) -> Vec<TokenRequest> {
        self.shared.lock().requests.clone()
    }

    /// Makes the registry refuse the next `count` tokens as expired, although the answers with them say that they are valid.
    pub fn expire_next(&self, count: usize) {
        self.shared.lock().expired = count;
    }

    /// Returns the public key of the tokens (RFC 7517).
    pub(crate) fn key_set(&self) -> Value {
        let mut buffer = [0; 256];
        let public = self.shared.key.to_spki_der(&mut buffer).unwrap();
        // It ends with the coordinates of the point.
        let (x, y) = public[public.len() - 64..].split_at(32);
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY_NAME,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }]})
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        self.shared.lock().is_stopped = true;
        // The connection wakes the thread that accepts.
        let _ = TcpStream::connect(&self.address);
    }
}

/// Who asks for a token.
enum Caller {
    Nobody,
    Known(String),
    /// With a wrong password or token.
    Refused(String),
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn serve(&self, stream: impl Read + Write) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        while let Some(mut request) = read_head(&mut reader)? {
            let mut body = Vec::new();
            read_body(&mut reader, &request, |part| body.extend_from_slice(part))?;
            request.body = body;
            let (status, said) = self.handle(&request);
            let headers = [("Content-Type", "application/json")];
            answer(reader.get_mut(), status, &headers, &said.to_string())?;
            if request.header("connection") == Some("close") {
                break;
            }
        }
        Ok(())
    }

    fn handle(&self, request: &Received) -> (u16, Value) {
        let form = match request.method.as_str() {
            "POST" => parameters(&String::from_utf8_lossy(&request.body)),
            _ => request.query(),
        };
        let first = |name: &str| {
            let found = form.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        // One parameter may hold several scopes, and there may be several parameters.
        let mut scopes: Vec<String> = (form.iter().filter(|(key, _)| key == "scope"))
            .flat_map(|(_, value)| value.split_whitespace().map(str::to_owned))
            .collect();
        scopes.sort();
        let caller = caller(request, &first);
        let (status, user) = match caller {
            Caller::Known(user) => (200, Some(user)),
            Caller::Nobody if self.options.is_public => (200, None),
            Caller::Nobody => (401, None),
            Caller::Refused(user) => (401, Some(user)),
        };
        let mut state = self.lock();
        let mut said =
            json!({"errors": [{"code": "UNAUTHORIZED", "message": "wrong credentials"}]});
        if status == 200 {
            let is_expired = state.expired > 0;
            state.expired = state.expired.saturating_sub(1);
            let token = self.token(&scopes, user.as_deref(), is_expired);
            said = json!({"token": token, "expires_in": self.options.lifetime});
            if request.method == "POST" {
                said = json!({"access_token": token, "expires_in": self.options.lifetime});
            }
            if first("offline_token") == "true" || first("access_type") == "offline" {
                said["refresh_token"] = IDENTITY_TOKEN.into();
            }
        }
        state.requests.push(TokenRequest {
            method: request.method.clone(),
            service: first("service"),
            scopes,
            user,
            status,
        });
        (status, said)
    }

    /// Signs a token (RFC 7519, ES256) for these scopes; nobody gets more than `pull`.
    fn token(&self, scopes: &[String], user: Option<&str>, is_expired: bool) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        // The registry accepts tokens for a minute after their end.
        let start = if is_expired { now - 7200 } else { now - 10 };
        let end = if is_expired {
            now - 3600
        } else {
            now + u64::from(self.options.lifetime)
        };
        let access: Vec<Value> = (scopes.iter())
            .filter_map(|scope| {
                // The name of a repository may contain a host with a port.
                let (kind, rest) = scope.split_once(':')?;
                let (name, actions) = rest.rsplit_once(':')?;
                let actions: Vec<&str> = (actions.split(','))
                    .filter(|action| user.is_some() || *action == "pull")
                    .collect();
                Some(json!({"type": kind, "name": name, "actions": actions}))
            })
            .collect();
        let header = json!({"typ": "JWT", "alg": "ES256", "kid": KEY_NAME});
        let claims = json!({
            "iss": ISSUER, "sub": user.unwrap_or_default(), "aud": SERVICE,
            "iat": start, "nbf": start, "exp": end, "jti": "test", "access": access,
        });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut buffer = [0; 256];
        let signature = self.key.sign::<Sha256>(&[signed.as_bytes()], &mut buffer);
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap()))
    }
}

/// Finds out who asks: by basic authentication, or by the parameters of OAuth 2.
fn caller(request: &Received, parameter: &impl Fn(&str) -> String) -> Caller {
    let judge = |user: String, is_right: bool| match is_right {
        true => Caller::Known(user),
        false => Caller::Refused(user),
    };
    match parameter("grant_type").as_str() {
        "refresh_token" => {
            let is_right = parameter("refresh_token") == IDENTITY_TOKEN;
            return judge(IDENTITY_TOKEN.to_owned(), is_right);
        }
        "password" => {
            let (user, password) = (parameter("username"), parameter("password"));
            let is_right = (user.as_str(), password.as_str()) == (USER, PASSWORD);
            return judge(user, is_right);
        }
        _ => {}
    }
    let Some(header) = request.header("authorization") else {
        return Caller::Nobody;
    };
    let decoded = header
        .strip_prefix("Basic ")
        .and_then(|text| STANDARD.decode(text).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().and_then(|text| text.split_once(':')) {
        Some((user, password)) => judge(user.to_owned(), (user, password) == (USER, PASSWORD)),
        None => Caller::Refused(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tls::get;
    use super::*;

    fn body(server: &TokenServer, path: &str) -> (String, Value) {
        let answer = get(&server.address, server.shared.options.has_tls, path).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().to_owned();
        (status, serde_json::from_str(body).unwrap())
    }

    fn part(token: &Value, number: usize) -> Value {
        let part = token.as_str().unwrap().split('.').nth(number).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn everyone_may_pull_only_from_a_public_server() {
        for has_tls in [false, true] {
            let path =
                "/token?service=s&scope=repository:a/b:pull,push&scope=repository:c:5000/d:pull";
            let options = TokenOptions {
                has_tls,
                ..TokenOptions::default()
            };
            let private = TokenServer::start(options);
            let (status, said) = body(&private, path);
            assert_eq!(
                (status.as_str(), &said["errors"][0]["code"]),
                ("401", &json!("UNAUTHORIZED"))
            );

            let public = TokenServer::start(TokenOptions {
                is_public: true,
                ..options
            });
            public.expire_next(1);
            let (status, expired) = body(&public, path);
            assert_eq!(
                (status.as_str(), &expired["expires_in"]),
                ("200", &json!(300))
            );
            let (_, valid) = body(&public, path);
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_secs();
            for (said, is_expired) in [(expired, true), (valid, false)] {
                let claims = part(&said["token"], 1);
                assert_eq!(claims["exp"].as_u64().unwrap() + 60 < now, is_expired);
                let access = json!([
                    {"type": "repository", "name": "a/b", "actions": ["pull"]},
                    {"type": "repository", "name": "c:5000/d", "actions": ["pull"]},
                ]);
                assert_eq!(claims["access"], access);
            }
            let request = TokenRequest {
                method: "GET".to_owned(),
                service: "s".to_owned(),
                scopes: vec![
                    "repository:a/b:pull,push".to_owned(),
                    "repository:c:5000/d:pull".to_owned(),
                ],
                user: None,
                status: 200,
            };
            assert_eq!(public.requests(), [request.clone(), request]);
            assert_eq!(private.requests()[0].status, 401);
        }
    }

    #[test]
    fn only_the_right_secret_is_accepted() {
        let server = TokenServer::start(TokenOptions::default());
        let basic = |user: &str, password: &str| {
            let value = STANDARD.encode(format!("{user}:{password}"));
            let headers = vec![("authorization".to_owned(), format!("Basic {value}"))];
            ("GET", headers, String::new())
        };
        let form = |text: String| ("POST", Vec::new(), text);
        let table = [
            (basic(USER, PASSWORD), 200, USER),
            (basic(USER, "wrong"), 401, USER),
            (basic("other", PASSWORD), 401, "other"),
            (
                form(format!(
                    "grant_type=refresh_token&refresh_token={IDENTITY_TOKEN}"
                )),
                200,
                IDENTITY_TOKEN,
            ),
            (
                form("grant_type=refresh_token&refresh_token=x".to_owned()),
                401,
                IDENTITY_TOKEN,
            ),
            (
                form(format!(
                    "grant_type=password&username={USER}&password={PASSWORD}"
                )),
                200,
                USER,
            ),
            (
                form(format!("grant_type=password&username={USER}&password=x")),
                401,
                USER,
            ),
        ];
        for ((method, headers, body), want, user) in table {
            let request = Received {
                method: method.to_owned(),
                path: "/token?offline_token=true".to_owned(),
                headers,
                body: body.into_bytes(),
            };
            let (status, said) = server.shared.handle(&request);
            assert_eq!(status, want, "{request:?}");
            let token = if method == "POST" {
                "access_token"
            } else {
                "token"
            };
            assert_eq!(said[token].is_string(), want == 200, "{request:?}");
            let has_identity = method == "GET" && want == 200;
            assert_eq!(
                said["refresh_token"] == IDENTITY_TOKEN,
                has_identity,
                "{request:?}"
            );
            let last = server.requests().pop().unwrap();
            assert_eq!((last.user.as_deref(), last.status), (Some(user), want));
        }
    }
}
