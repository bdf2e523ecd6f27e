//! How a manifest that is about another one is found: at a tag that is made of the other's digest, or as its referrer.

use image_pins::{Digest, Tag};

/// What cosign appends to the tag of a digest: signatures, attestations, lists of contents.
const SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];
/// The longest tag, to which the tag of a digest is cut.
const LONGEST_TAG: usize = 128;

/// How a manifest is found by the digest of the one that it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Link {
    /// At this tag in the same repository.
    Tag(Tag),
    /// It refers to the manifest with this digest (OCI image specification, manifest.md, "subject").
    Subject(Digest),
}

/// Returns the tags at which cosign stores the signatures, attestations and lists of contents of a manifest.
/// A SHA-512 digest has no such tags, because they would be too long.
pub(crate) fn cosign_tags(digest: &Digest) -> impl Iterator<Item = Tag> {
    SUFFIXES
        .iter()
        .filter_map(|suffix| format!("{}.{suffix}", plain_tag(digest)).parse().ok())
}

/// Returns the tag that lists the referrers of a manifest (OCI distribution specification, "Referrers Tag Schema").
pub(crate) fn fallback_tag(digest: &Digest) -> Option<Tag> {
    let whole = plain_tag(digest);
    whole.get(..LONGEST_TAG).unwrap_or(&whole).parse().ok()
}

fn plain_tag(digest: &Digest) -> String {
    format!("{}-{}", digest.algorithm(), digest.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_made_of_digests() {
        let sha256 = crate::digest_of(b"");
        let whole = sha256.to_string().replace(':', "-");
        assert_eq!(fallback_tag(&sha256).unwrap().as_ref(), whole);
        let tags: Vec<String> = cosign_tags(&sha256).map(|tag| tag.to_string()).collect();
        let expected = ["sig", "att", "sbom"].map(|suffix| format!("{whole}.{suffix}"));
        assert_eq!(tags, expected);
    }

    #[test]
    fn the_tag_of_a_long_digest_is_cut() {
        let sha512 = Digest::Sha512([0xab; 64]);
        assert_eq!(fallback_tag(&sha512).unwrap().as_ref().len(), 128);
        assert_eq!(cosign_tags(&sha512).count(), 0);
    }
}
