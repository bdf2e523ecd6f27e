//! Finds the signatures of an image: at the tag that cosign sets, and among the referrers.

use image_pins::Digest;

use super::client::Client;
use crate::error::RegistryError;
use crate::model::Manifest;
use crate::place::Repository;
use crate::signature::{Format, Outcome, PublicKey, Unverified, Verified, bundle, judge, simple};
use crate::source::ImageSource;

type Outcomes = Vec<(Format, Outcome)>;

impl Client {
    /// Checks the signatures of an image with a key. One valid signature is enough: what else is there, or cannot be read,
    /// does not make it less valid.
    ///
    /// No transparency log is asked.
    ///
    /// # Errors
    /// No signature is valid, with the reason for each that was found, and for each place that cannot be read.
    pub async fn verify_signatures(
        &self,
        repository: &Repository,
        digest: &Digest,
        key: &PublicKey,
    ) -> Result<Verified, Unverified> {
        let mut outcomes = self.signatures_at_tag(repository, digest, key).await;
        outcomes.extend(
            self.signatures_among_referrers(repository, digest, key)
                .await,
        );
        judge(outcomes)
    }

    async fn signatures_at_tag(
        &self,
        repository: &Repository,
        digest: &Digest,
        key: &PublicKey,
    ) -> Outcomes {
        let Some(tag) = simple::tag(digest) else {
            return Vec::new();
        };
        match self.manifest_of_tag(repository, &tag).await {
            Ok(manifest) => {
                self.check_candidates(repository, digest, key, &manifest)
                    .await
            }
            Err(error) if error.reason.is_not_found() => Vec::new(),
            Err(error) => unreadable(Format::SimpleSigning, &error),
        }
    }

    async fn signatures_among_referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
        key: &PublicKey,
    ) -> Outcomes {
        let referrers = match self.referrers(repository, digest).await {
            Ok(referrers) => referrers,
            Err(error) => return unreadable(Format::Bundle, &error),
        };
        let mut outcomes = Vec::new();
        for referrer in referrers {
            match self.manifest(repository, &referrer.digest).await {
                // What a list names may refer to something else.
                Ok(manifest)
                    if manifest
                        .subject
                        .as_ref()
                        .is_none_or(|s| s.digest != *digest) => {}
                Ok(manifest) => {
                    let found = self
                        .check_candidates(repository, digest, key, &manifest)
                        .await;
                    outcomes.extend(found);
                }
                Err(error) => outcomes.extend(unreadable(Format::Bundle, &error)),
            }
        }
        outcomes
    }

    /// Checks all signatures in a manifest.
    async fn check_candidates(
        &self,
        repository: &Repository,
        digest: &Digest,
        key: &PublicKey,
        manifest: &Manifest,
    ) -> Outcomes {
        let source = ImageSource::Repository(repository.clone());
        let mut outcomes = Vec::new();
        for candidate in simple::candidates(manifest) {
            let outcome = match self.read_small(&source, candidate.payload).await {
                Ok(payload) => simple::check(key, digest, &payload, candidate.signature).into(),
                Err(error) => Outcome::Unreadable(error.to_string()),
            };
            outcomes.push((Format::SimpleSigning, outcome));
        }
        for candidate in bundle::candidates(manifest) {
            let outcome = match self.read_small(&source, candidate).await {
                Ok(bytes) => bundle::check(key, digest, &bytes).into(),
                Err(error) => Outcome::Unreadable(error.to_string()),
            };
            outcomes.push((Format::Bundle, outcome));
        }
        outcomes
    }
}

fn unreadable(format: Format, error: &RegistryError) -> Outcomes {
    vec![(format, Outcome::Unreadable(error.to_string()))]
}
