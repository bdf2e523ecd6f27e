//! Values of the `Authorization` header.

use base64::Engine as _;
use http::HeaderValue;

/// Returns a bearer token (RFC 6750, section 2.1) for `Authorization`.
///
/// # Errors
/// It has characters that no header can have.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
        "the token cannot be sent in a header: it contains a line break or another control \
         character"
            .to_owned()
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns basic credentials (RFC 7617, section 2).
pub(super) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
