//! What refers to a manifest: signatures, attestations (OCI distribution specification, "Listing Referrers").

use http::Method;
use http::header::ACCEPT;
use image_pins::{Digest, Tag};

use super::client::Client;
use super::exchange::Call;
use super::location::next_link;
use super::server::Server;
use crate::auth::Access;
use crate::error::{Reason, RegistryError};
use crate::limits;
use crate::model::{Descriptor, Manifest, media_type};
use crate::place::Repository;

/// The longest tag, to which the tag of a digest is cut.
const LONGEST_TAG: usize = 128;

impl Client {
    /// Lists the manifests that refer to a manifest. A registry without that interface has them at a tag.
    ///
    /// What is listed may have another subject: that shows when it is read.
    ///
    /// # Errors
    /// The registry cannot be reached, or refuses the request.
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let server = self.server(repository.host());
        let listed = match listed(&server, repository, digest).await {
            Ok(Some(listed)) => Ok(listed),
            Ok(None) => match self.fallback(repository, digest).await? {
                Some(index) => Ok(index.manifests().to_vec()),
                None => Ok(Vec::new()),
            },
            Err(reason) => Err(reason),
        };
        listed.map_err(|reason| reason.at(format!("the referrers of {repository}@{digest}")))
    }

    /// Returns the index at the tag for referrers, if there is one.
    pub(crate) async fn fallback(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Manifest>, RegistryError> {
        let Some(tag) = fallback_tag(digest) else {
            return Ok(None);
        };
        match self.manifest_of_tag(repository, &tag).await {
            Ok(found) => {
                let is_list = found.media_type() == media_type::INDEX && found.digest() != *digest;
                Ok(Some(found).filter(|_| is_list))
            }
            Err(error) if error.reason.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns the tag that lists the referrers of a manifest ("Referrers Tag Schema").
pub(crate) fn fallback_tag(digest: &Digest) -> Option<Tag> {
    let whole = format!("{}-{}", digest.algorithm(), digest.hex());
    whole.get(..LONGEST_TAG).unwrap_or(&whole).parse().ok()
}

/// Returns what the registry lists; `None` if it has no such interface.
async fn listed(
    server: &Server,
    repository: &Repository,
    digest: &Digest,
) -> Result<Option<Vec<Descriptor>>, Reason> {
    let mut uri = server.uri(&format!("/v2/{}/referrers/{digest}", repository.path()))?;
    let mut found = Vec::new();
    for _ in 0..limits::PAGES {
        let access = Access::pull(repository.path());
        let call = Call::new(Method::GET, uri, &access).header(ACCEPT, media_type::INDEX);
        let answer = match server.exchange(&call).await {
            Ok(answer) => answer,
            Err(reason) if reason.is_not_found() => return Ok(None),
            // Some registries know the path as something else.
            Err(Reason::Status { status, .. }) if [400, 405].contains(&status.as_u16()) => {
                return Ok(None);
            }
            Err(reason) => return Err(reason),
        };
        let next = match next_link(&answer.headers) {
            Some(next) => Some(super::exchange::follow(&answer.uri, next)?),
            None => None,
        };
        let media_type = answer.header(http::header::CONTENT_TYPE).map(str::to_owned);
        if media_type.is_some_and(|media_type| !media_type.starts_with(media_type::INDEX)) {
            return Ok(None);
        }
        let bytes = answer
            .read("the list of referrers", limits::MANIFEST)
            .await?;
        let page = Manifest::parse(bytes, None).map_err(Reason::Manifest)?;
        found.extend_from_slice(page.manifests());
        if found.len() > limits::MANIFESTS {
            return Err(Reason::TooMany {
                what: "referrers",
                limit: limits::MANIFESTS,
            });
        }
        match next {
            Some(next) if server.is_origin_of(&next) => uri = next,
            Some(_) => {
                return Err(Reason::Protocol(
                    "the next page of a list is at another server".to_owned(),
                ));
            }
            None => return Ok(Some(found)),
        }
    }
    Err(Reason::TooMany {
        what: "pages",
        limit: limits::PAGES,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_of_a_long_digest_is_cut() {
        let sha256 = crate::digest_of(b"");
        let tag = fallback_tag(&sha256).unwrap().to_string();
        assert_eq!(tag, sha256.to_string().replace(':', "-"));
        let sha512 = Digest::Sha512([0xab; 64]);
        assert_eq!(fallback_tag(&sha512).unwrap().as_ref().len(), 128);
    }
}
