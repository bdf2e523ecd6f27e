//! Passwords and tokens, and what they prove.

use std::fmt;

/// The user that stands for an identity token (docker-credential-helpers).
const TOKEN_USER: &str = "<token>";

/// A password or token. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn new(secret: String) -> Secret {
        Secret(secret)
    }

    /// Returns the secret, to be sent.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether it can follow `Bearer` in a header (RFC 6750, section 2.1, and some more).
    pub(crate) fn is_visible_ascii(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// How a user proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// For the registry or its token server (RFC 7617).
    Basic {
        /// The name of the user.
        user: String,
        /// The password, or a token in its place.
        password: Secret,
    },
    /// For the token server (Docker registry OAuth 2 specification, `refresh_token`).
    IdentityToken(Secret),
    /// For the registry itself. It can be in a header.
    RegistryToken(Secret),
}

impl Credentials {
    /// Returns what user and password stand for. `None` without a password.
    pub(super) fn of_user(user: String, password: Secret) -> Option<Credentials> {
        if password.expose().is_empty() {
            return None;
        }
        Some(match user == TOKEN_USER {
            true => Credentials::IdentityToken(password),
            false => Credentials::Basic { user, password },
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Shows credentials with their secret.
    pub fn plain(credentials: &Credentials) -> String {
        match credentials {
            Credentials::Basic { user, password } => {
                format!("user {user}, password {}", password.expose())
            }
            Credentials::IdentityToken(token) => format!("identity token {}", token.expose()),
            Credentials::RegistryToken(token) => format!("registry token {}", token.expose()),
        }
    }
}
