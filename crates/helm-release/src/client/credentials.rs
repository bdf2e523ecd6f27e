//! What a user of a kubeconfig proves its identity with: tokens, passwords, login programs, and as whom it acts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::authorization::{basic, bearer};
use super::kubeconfig::{AuthProvider, Impersonation, User};
use super::login::Login;
use crate::time::unix_seconds;

/// How long the content of a token file is used before the file is read again; client-go's interval, less its leeway.
const TOKEN_FILE_AGE: Duration = Duration::from_secs(50);

/// How requests are authenticated.
pub(super) enum Credentials {
    /// Not at all, or by a client certificate alone.
    None,
    /// By this value of the `Authorization` header.
    Fixed(HeaderValue),
    /// By the token in a file.
    File(TokenFile),
    /// By what a login program returns.
    Login(Box<Login>),
}

impl Credentials {
    /// Returns the credentials of a user; `login` turns its login program into one that can run.
    ///
    /// # Errors
    /// They contradict each other, or cannot be used.
    pub fn of(user: &User, login: Option<Login>) -> Result<Credentials, String> {
        let provided = match &user.auth_provider {
            Some(provider) => Some(provider_token(provider)?),
            None => None,
        };
        if !user.token_file.is_empty() {
            let file = TokenFile::open(Path::new(&user.token_file), &user.token)?;
            return Ok(Credentials::File(file));
        }
        if !user.token.is_empty() {
            return Ok(Credentials::Fixed(bearer(&user.token)?));
        }
        if !user.username.is_empty() {
            let value = basic(&user.username, &user.password);
            return value
                .map(Credentials::Fixed)
                .ok_or_else(|| "its password cannot be sent in a header".to_owned());
        }
        if let Some(token) = provided {
            return Ok(Credentials::Fixed(bearer(&token)?));
        }
        let has_certificate = user.has_client_certificate();
        Ok(match login {
            Some(login) if !has_certificate => Credentials::Login(Box::new(login)),
            _ => Credentials::None,
        })
    }
}

/// Checks that the credentials of a user do not contradict each other.
///
/// # Errors
/// There are several of which only one is allowed.
pub(super) fn check_user(user: &User) -> Result<(), String> {
    let has_token = !user.token.is_empty() || !user.token_file.is_empty();
    let has_password = !user.username.is_empty() || !user.password.is_empty();
    let both = match user {
        _ if has_token && has_password => "a token and a password",
        User {
            auth_provider: Some(_),
            exec: Some(_),
            ..
        } => "auth-provider and exec",
        _ => return Ok(()),
    };
    Err(format!("it has {both}: only one of them is allowed"))
}

/// Returns the token of a way to log in that is compiled into clients.
fn provider_token(provider: &AuthProvider) -> Result<String, String> {
    let name = &provider.name;
    match name.as_str() {
        "oidc" if provider.id_token.is_empty() => {
            Err("the auth-provider oidc has no id-token: log in again".to_owned())
        }
        "oidc" if has_expired(&provider.id_token) => Err(
            "the id-token of the auth-provider oidc has expired, and is not refreshed here: log in \
             again, or use a login program (exec)"
                .to_owned(),
        ),
        "oidc" => Ok(provider.id_token.clone()),
        _ => Err(format!(
            "the auth-provider {name} is not supported: use a login program (exec), such as \
             gke-gcloud-auth-plugin or kubelogin"
        )),
    }
}

/// Returns whether a JSON Web Token (RFC 7519, section 4.1.4) has expired.
fn has_expired(token: &str) -> bool {
    let claims = token.split('.').nth(1).and_then(|part| {
        let part = part.trim_end_matches('=');
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(part)
            .ok()
    });
    let claims: Option<Value> = claims.and_then(|text| serde_json::from_slice(&text).ok());
    let expiry = claims.and_then(|claims| claims.get("exp")?.as_u64());
    expiry.is_some_and(|expiry| expiry <= unix_seconds())
}

/// A file whose content is a token, which is rotated.
pub(super) struct TokenFile {
    path: PathBuf,
    /// The header, and when the file is to be read again.
    current: Mutex<(HeaderValue, Instant)>,
}

impl TokenFile {
    /// Reads a file; `token` is used if that is not possible.
    fn open(path: &Path, token: &str) -> Result<TokenFile, String> {
        let header = match read_token(path) {
            Err(_) if !token.is_empty() => bearer(token)?,
            read => read?,
        };
        Ok(TokenFile {
            path: path.to_owned(),
            current: Mutex::new((header, Instant::now())),
        })
    }

    /// Returns the current header. While the file cannot be read, the last content is used.
    pub fn header(&self) -> HeaderValue {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1.elapsed() >= TOKEN_FILE_AGE {
            if let Ok(header) = read_token(&self.path) {
                current.0 = header;
            }
            current.1 = Instant::now();
        }
        current.0.clone()
    }
}

fn read_token(path: &Path) -> Result<HeaderValue, String> {
    let place = path.display();
    let content = fs::read_to_string(path).map_err(|e| format!("the token file {place}: {e}"))?;
    match content.trim() {
        "" => Err(format!("the token file {place} is empty")),
        token => bearer(token).map_err(|e| format!("the token file {place}: {e}")),
    }
}

/// Returns the headers by which a user acts as another one.
///
/// # Errors
/// A value cannot be sent in a header, or no user is named.
pub(super) fn impersonation_headers(as_whom: &Impersonation) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &str| {
        let name = HeaderName::try_from(name).map_err(|e| format!("{name}: {e}"))?;
        let value = HeaderValue::try_from(value)
            .map_err(|_| format!("{value:?} cannot be sent in a header"))?;
        headers.append(name, value);
        Ok::<(), String>(())
    };
    let Impersonation {
        user,
        uid,
        groups,
        extra,
    } = as_whom;
    if user.is_empty() {
        return match uid.is_empty() && groups.is_empty() && extra.is_empty() {
            true => Ok(headers),
            false => Err("it has as-uid, as-groups or as-user-extra, but not as".to_owned()),
        };
    }
    add("impersonate-user", user)?;
    if !uid.is_empty() {
        add("impersonate-uid", uid)?;
    }
    for group in groups {
        add("impersonate-group", group)?;
    }
    for (key, values) in extra {
        for value in values {
            add(&format!("impersonate-extra-{}", header_key(key)), value)?;
        }
    }
    Ok(headers)
}

/// Escapes what a header's name cannot have, and `%` (RFC 9110, section 5.6.2; RFC 3986, section 2.1).
fn header_key(key: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte);
    let escaped = key.bytes().map(|byte| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    escaped.collect()
}
