//! Chooses platforms of an image.

use std::collections::HashSet;

use bytes::Bytes;
use image_pins::Digest;

use crate::error::Reason;
use crate::model::{Descriptor, Manifest, Platform};

/// The annotation of an attestation of build tools that has the digest of the manifest that it is about.
const ABOUT: &str = "vnd.docker.reference.digest";

/// What is left of an index.
pub(super) enum Choice {
    /// All that it has.
    Whole,
    /// One manifest.
    One(Box<Descriptor>),
    /// An index of several manifests.
    Several(Box<Manifest>),
}

/// Chooses the entries of an index that are for the wanted platforms, together with the attestations about them.
pub(super) fn choose(index: &Manifest, wanted: &[Platform]) -> Result<Choice, Reason> {
    let images = || index.manifests().iter().filter(|e| !e.is_attestation());
    let is_for = |entry: &&Descriptor, platform: &Platform| {
        let found = entry.platform.as_ref();
        found.is_some_and(|found| platform.matches(found))
    };
    for platform in wanted {
        if !images().any(|entry| is_for(&entry, platform)) {
            return Err(Reason::NoPlatform {
                wanted: Box::new(platform.clone()),
                available: images().filter_map(|e| e.platform.clone()).collect(),
            });
        }
    }
    let chosen: Vec<&Descriptor> = images()
        .filter(|entry| wanted.iter().any(|platform| is_for(entry, platform)))
        .collect();
    let digests: HashSet<Digest> = chosen.iter().map(|entry| entry.digest).collect();
    match chosen[..] {
        _ if chosen.len() == images().count() => Ok(Choice::Whole),
        [one] => Ok(Choice::One(Box::new(one.clone()))),
        _ => smaller(index, |entry| {
            let about = entry.annotations.get(ABOUT);
            let about = about.and_then(|digest| digest.parse().ok());
            digests.contains(&about.unwrap_or(entry.digest))
        })
        .map(|index| Choice::Several(Box::new(index))),
    }
}

/// Returns the index with fewer entries. Its bytes depend on nothing but those of the index and the choice.
fn smaller(index: &Manifest, is_kept: impl Fn(&Descriptor) -> bool) -> Result<Manifest, Reason> {
    let invalid = || Reason::Client("the index cannot be changed".to_owned());
    let mut json: serde_json::Value =
        serde_json::from_slice(index.bytes()).map_err(|_| invalid())?;
    let entries = json.get_mut("manifests").and_then(|e| e.as_array_mut());
    // As they are in the bytes: entries can have fields that this crate does not know.
    let mut known = index.manifests().iter();
    entries
        .ok_or_else(invalid)?
        .retain(|_| known.next().is_some_and(&is_kept));
    let bytes = serde_json::to_vec(&json).map_err(|_| invalid())?;
    Manifest::parse(Bytes::from(bytes), Some(index.media_type())).map_err(Reason::Manifest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::media_type::{INDEX, MANIFEST};

    /// Returns an index with an entry for each platform, and an attestation about each.
    fn index(platforms: &[&str]) -> Manifest {
        let mut entries = Vec::new();
        for (number, platform) in platforms.iter().enumerate() {
            let digest = crate::digest_of(platform.as_bytes());
            let platform: Platform = platform.parse().unwrap();
            let platform = serde_json::to_string(&platform).unwrap();
            entries.push(format!(
                r#"{{"mediaType":"{MANIFEST}","digest":"{digest}","size":{number},"platform":{platform},"x":1}}"#
            ));
            let attestation = crate::digest_of(digest.to_string().as_bytes());
            entries.push(format!(
                r#"{{"mediaType":"{MANIFEST}","digest":"{attestation}","size":{number},
                    "annotations":{{"{ABOUT}":"{digest}","vnd.docker.reference.type":"attestation-manifest"}},
                    "platform":{{"os":"unknown","architecture":"unknown"}}}}"#
            ));
        }
        let entries = entries.join(",");
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{entries}],"annotations":{{"k":"v"}}}}"#
        );
        Manifest::parse(text, None).unwrap()
    }

    fn platforms(names: &[&str]) -> Vec<Platform> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn platforms_are_chosen_as_containerd_does_it() {
        let index = index(&["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64"]);
        let table: [(&[&str], &[&str]); 6] = [
            (&["linux/amd64"], &["linux/amd64"]),
            (&["linux/arm64/v8"], &["linux/arm64"]),
            (&["linux/arm/v7"], &["linux/arm/v7"]),
            (&["linux/arm"], &["linux/arm/v6", "linux/arm/v7"]),
            (
                &["linux/arm64", "linux/amd64"],
                &["linux/amd64", "linux/arm64"],
            ),
            (
                &["linux/arm64", "linux/amd64", "linux/arm"],
                &["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64"],
            ),
        ];
        for (wanted, expected) in table {
            let expected: Vec<Digest> = expected
                .iter()
                .map(|name| crate::digest_of(name.as_bytes()))
                .collect();
            let found: Vec<Digest> = match choose(&index, &platforms(wanted)).unwrap() {
                Choice::Whole => index
                    .manifests()
                    .iter()
                    .filter(|entry| !entry.is_attestation())
                    .map(|entry| entry.digest)
                    .collect(),
                Choice::One(one) => vec![one.digest],
                Choice::Several(several) => {
                    assert_eq!(several.annotations, index.annotations);
                    assert_eq!(several.media_type(), INDEX);
                    // Each with its attestation.
                    assert_eq!(several.manifests().len(), 2 * expected.len());
                    let text = String::from_utf8(several.bytes().to_vec()).unwrap();
                    assert_eq!(text.matches(r#""x":1"#).count(), expected.len());
                    several
                        .manifests()
                        .iter()
                        .filter(|entry| !entry.is_attestation())
                        .map(|entry| entry.digest)
                        .collect()
                }
            };
            assert_eq!(found, expected, "{wanted:?}");
        }
    }

    #[test]
    fn a_platform_that_an_image_does_not_have_is_an_error() {
        let index = index(&["linux/amd64", "linux/arm64"]);
        let Err(reason) = choose(&index, &platforms(&["linux/amd64", "linux/s390x"])) else {
            panic!("it has no linux/s390x");
        };
        assert_eq!(
            reason.to_string(),
            "it is not for linux/s390x: choose from linux/amd64, linux/arm64"
        );
    }
}
