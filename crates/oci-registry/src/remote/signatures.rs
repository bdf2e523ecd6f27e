//! Finds the signatures of an image: at the tag that cosign sets, and among the referrers.

use image_pins::Digest;

use super::client::Client;
use crate::error::RegistryError;
use crate::limits;
use crate::model::{Descriptor, Manifest};
use crate::signature::{Format, Outcome, PublicKey, Unverified, Verified, bundle, judge, simple};
use crate::source::ImageSource;

/// The type of a signature in the old format that cosign stores as a referrer.
const COSIGN: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";

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
        source: impl Into<ImageSource>,
        digest: &Digest,
        key: &PublicKey,
    ) -> Result<Verified, Unverified> {
        let mut search = Search {
            client: self,
            source: source.into(),
            digest,
            key,
            left: limits::SIGNATURES,
            outcomes: Vec::new(),
        };
        search.at_tag().await;
        search.among_referrers().await;
        judge(search.outcomes)
    }
}

/// A search for the signatures of one image.
struct Search<'s> {
    client: &'s Client,
    source: ImageSource,
    digest: &'s Digest,
    key: &'s PublicKey,
    /// How many more signatures, or manifests that can have some, are read.
    left: usize,
    outcomes: Vec<(Format, Outcome)>,
}

impl Search<'_> {
    async fn at_tag(&mut self) {
        let Some(tag) = simple::tag(self.digest) else {
            return;
        };
        match self.client.read_tag(&self.source, &tag).await {
            Ok(Some(manifest)) => self.check_candidates(&manifest).await,
            Ok(None) => {}
            Err(error) => self.cannot_read(Format::SimpleSigning, &error),
        }
    }

    async fn among_referrers(&mut self) {
        let referrers = match self.client.list_referrers(&self.source, self.digest).await {
            Ok(referrers) => referrers,
            Err(error) => return self.cannot_read(Format::Bundle, &error),
        };
        for referrer in referrers
            .iter()
            .filter(|referrer| can_be_signature(referrer))
        {
            if !self.may_read(Format::Bundle) {
                return;
            }
            match self.client.read_manifest(&self.source, referrer).await {
                // What a list names may refer to something else.
                Ok(manifest) if manifest.is_about(self.digest) => {
                    self.check_candidates(&manifest).await;
                }
                Ok(_) => {}
                Err(error) => self.cannot_read(Format::Bundle, &error),
            }
        }
    }

    /// Checks all signatures in a manifest.
    async fn check_candidates(&mut self, manifest: &Manifest) {
        for candidate in simple::candidates(manifest) {
            if !self.may_read(Format::SimpleSigning) {
                return;
            }
            match self
                .client
                .read_small(&self.source, candidate.payload)
                .await
            {
                Ok(payload) => {
                    let found = simple::check(self.key, self.digest, &payload, candidate.signature);
                    self.outcomes.push((Format::SimpleSigning, found.into()));
                }
                Err(error) => self.cannot_read(Format::SimpleSigning, &error),
            }
        }
        for candidate in bundle::candidates(manifest) {
            if !self.may_read(Format::Bundle) {
                return;
            }
            match self.client.read_small(&self.source, candidate).await {
                Ok(bytes) => {
                    let found = bundle::check(self.key, self.digest, &bytes);
                    self.outcomes.push((Format::Bundle, found.into()));
                }
                Err(error) => self.cannot_read(Format::Bundle, &error),
            }
        }
    }

    /// Counts something that is about to be read. Returns whether it is not too much.
    fn may_read(&mut self, format: Format) -> bool {
        let Some(left) = self.left.checked_sub(1) else {
            let message = format!("there are more than {} signatures", limits::SIGNATURES);
            // Messages name the first problems only.
            self.outcomes
                .insert(0, (format, Outcome::Unreadable(message)));
            return false;
        };
        self.left = left;
        true
    }

    fn cannot_read(&mut self, format: Format, error: &RegistryError) {
        self.outcomes
            .push((format, Outcome::Unreadable(error.to_string())));
    }
}

/// Returns whether a referrer can be a signature. Lists of old registries have no types.
fn can_be_signature(referrer: &Descriptor) -> bool {
    let kind = referrer.artifact_type.as_deref();
    kind.is_none_or(|kind| [bundle::MEDIA_TYPE, simple::MEDIA_TYPE, COSIGN].contains(&kind))
}
