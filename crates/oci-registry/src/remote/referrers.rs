//! What refers to a manifest: signatures, attestations (OCI distribution specification, "Listing Referrers").

use http::Method;
use http::header::ACCEPT;
use image_pins::Digest;

use super::client::Client;
use super::exchange::Call;
use super::server::Server;
use crate::auth::Access;
use crate::error::{Reason, RegistryError};
use crate::limits;
use crate::link::fallback_tag;
use crate::model::{Descriptor, Manifest, ManifestError, media_type};
use crate::place::Repository;

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
        if let Some(entries) = self.ask_for_referrers(repository, digest).await? {
            return Ok(entries);
        }
        let index = self.list_at_tag(repository, digest).await?;
        Ok(index.as_ref().map_or(&[][..], Manifest::manifests).to_vec())
    }

    /// Asks a registry for the manifests that refer to a manifest; `None` if it has no such interface.
    pub(crate) async fn ask_for_referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        let server = self.server(repository.host());
        let listed = listed(&server, repository, digest).await;
        listed.map_err(|reason| reason.at(format!("the referrers of {repository}@{digest}")))
    }

    /// Returns the index at the tag for referrers, if there is one.
    pub(crate) async fn list_at_tag(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Manifest>, RegistryError> {
        let Some(tag) = fallback_tag(digest) else {
            return Ok(None);
        };
        match self.manifest_of_tag(repository, &tag).await {
            Ok(found) => Ok(Some(found).filter(|found| is_list(found, digest))),
            Err(error) if error.reason.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds a referrer to the list at the tag of its subject (OCI distribution specification, "Pushing Manifests with
    /// Subject"). What is in the list stays.
    ///
    /// # Errors
    /// The tag is something else than a list, the list becomes too long, or the registry refuses it.
    pub(crate) async fn list_referrer(
        &self,
        repository: &Repository,
        subject: &Digest,
        referrer: &Manifest,
    ) -> Result<(), RegistryError> {
        let Some(tag) = fallback_tag(subject) else {
            return Ok(());
        };
        let what = format!("{repository}:{tag}");
        let old = match self.manifest_of_tag(repository, &tag).await {
            Ok(found) if !is_list(&found, subject) => {
                let found = Box::new(found.digest());
                return Err(Reason::NotAList { found }.at(what));
            }
            Ok(found) => Some(found),
            Err(error) if error.reason.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let listed = old.as_ref().map_or(&[][..], Manifest::manifests);
        if listed.iter().any(|entry| entry.digest == referrer.digest()) {
            return Ok(());
        }
        let list = with_entry(old.as_ref(), referrer).map_err(|reason| reason.at(&what))?;
        self.put_tag(repository, &tag, &list).await
    }
}

/// Returns whether the manifest at the tag of a subject lists its referrers. Some programs set that tag for the subject
/// itself.
fn is_list(found: &Manifest, subject: &Digest) -> bool {
    found.media_type() == media_type::INDEX && !found.has_digest(subject)
}

/// Returns the list with one more referrer. Entries stay as they are: they can have fields that this crate does not know.
fn with_entry(list: Option<&Manifest>, referrer: &Manifest) -> Result<Manifest, Reason> {
    let invalid = |_| Reason::Client("the list of referrers cannot be changed".to_owned());
    let mut json = match list {
        Some(list) => serde_json::from_slice(list.bytes()).map_err(invalid)?,
        None => serde_json::json!({
            "schemaVersion": 2,
            "mediaType": media_type::INDEX,
            "manifests": [],
        }),
    };
    let entry = serde_json::to_value(referrer.referrer_descriptor()).map_err(invalid)?;
    if let Some(entries) = json.get_mut("manifests").and_then(|e| e.as_array_mut()) {
        entries.push(entry);
    }
    let bytes = serde_json::to_vec(&json).map_err(invalid)?;
    if bytes.len() as u64 > limits::MANIFEST {
        return Err(Reason::TooLarge {
            what: "the list of referrers",
            limit: limits::MANIFEST,
        });
    }
    Manifest::parse(bytes, Some(media_type::INDEX)).map_err(Reason::Manifest)
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
        let next = server.next_page(&answer)?;
        let media_type = answer.header(http::header::CONTENT_TYPE).map(str::to_owned);
        if media_type.is_some_and(|media_type| !media_type.starts_with(media_type::INDEX)) {
            return Ok(None);
        }
        let bytes = answer
            .read("the list of referrers", limits::MANIFEST)
            .await?;
        match Manifest::parse(bytes, None) {
            Ok(page) => found.extend_from_slice(page.manifests()),
            // Some registries answer `null` where nothing is to be listed.
            Err(ManifestError::Missing("manifests")) => {}
            Err(error) => return Err(Reason::Manifest(error)),
        }
        if found.len() > limits::MANIFESTS {
            return Err(Reason::TooMany {
                what: "referrers",
                limit: limits::MANIFESTS,
            });
        }
        match next {
            Some(next) => uri = next,
            None => return Ok(Some(found)),
        }
    }
    Err(Reason::TooMany {
        what: "pages",
        limit: limits::PAGES,
    })
}
