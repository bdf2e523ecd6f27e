//! Digests, references, tags, prefixes of repositories, and names of releases.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use image_pins::{Digest, Reference, ReleaseName, RepositoryPrefix, Tag};

/// The longest message in bytes: input is shortened in messages.
const LONGEST_MESSAGE: usize = 4000;

/// Parses a string as each type that is written as a string.
///
/// # Panics
/// A value does not print as what it was parsed from or as something that parses to it, or its parts do not add up to it.
pub fn references(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let text = text.trim_end_matches('\n');
    round_trip::<Digest>(text);
    round_trip::<Tag>(text);
    round_trip::<ReleaseName>(text);
    if let Some(prefix) = round_trip::<RepositoryPrefix>(text)
        && let Ok(image) = prefix.image("app")
    {
        assert_eq!(image.file_name(), "app");
        assert_eq!(image.to_string(), format!("{prefix}/app"));
    }
    if let Some(reference) = round_trip::<Reference>(text) {
        parts(&reference);
    }
}

fn round_trip<T>(text: &str) -> Option<T>
where
    T: FromStr<Err: Debug + Display> + Display + Debug + PartialEq,
{
    match text.parse::<T>() {
        Ok(value) => {
            let printed = value.to_string();
            match printed.parse::<T>() {
                Ok(again) => assert_eq!(value, again, "{text:?}"),
                Err(error) => unreachable!("{text:?} prints as {printed:?}: {error}"),
            }
            Some(value)
        }
        Err(error) => {
            let message = error.to_string();
            assert!(
                !message.is_empty() && message.len() < LONGEST_MESSAGE,
                "{message}"
            );
            None
        }
    }
}

fn parts(reference: &Reference) {
    let name = match reference.domain() {
        Some(domain) => format!("{domain}/{}", reference.path()),
        None => reference.path().to_owned(),
    };
    assert_eq!(name, reference.name());
    assert!(name.ends_with(reference.file_name()));
    let mut whole = name;
    if let Some(tag) = reference.tag() {
        whole = format!("{whole}:{tag}");
    }
    if let Some(digest) = reference.digest() {
        whole = format!("{whole}@{digest}");
        let pinned = reference.with_digest(*digest);
        assert!(pinned.is_pinned() && pinned.tag().is_none());
        assert_eq!(round_trip(&pinned.to_string()), Some(pinned));
    }
    assert_eq!(whole, reference.to_string());
    let normalized = reference.normalized();
    assert_eq!(normalized.normalized(), normalized, "{reference}");
    assert_eq!(round_trip(&normalized.to_string()), Some(normalized));
}
