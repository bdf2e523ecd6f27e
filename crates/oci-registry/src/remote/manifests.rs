//! Manifests and tags of a repository.

use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE};
use image_pins::{Digest, Tag};

use super::client::Client;
use super::exchange::{Answer, Call, exists_at_target};
use super::server::Server;
use crate::auth::Access;
use crate::error::{Reason, RegistryError};
use crate::hash::Hasher;
use crate::limits;
use crate::model::{Manifest, media_type};
use crate::place::Repository;

/// The digest of a manifest in answers of a registry (OCI distribution specification, "Pulling manifests").
const DOCKER_CONTENT_DIGEST: &str = "docker-content-digest";

/// The digest of the subject in answers of a registry that lists referrers (OCI distribution specification, "Pushing
/// Manifests with Subject").
const OCI_SUBJECT: &str = "oci-subject";

/// What a registry did with a manifest.
pub(crate) struct Stored {
    /// Whether it lists the manifest among the referrers of its subject.
    pub is_listed: bool,
}

impl Client {
    /// Reads a manifest by its digest. It has that digest.
    ///
    /// # Errors
    /// The registry does not have it, sends something else, or cannot be reached.
    pub async fn manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Manifest, RegistryError> {
        let what = format!("{repository}@{digest}");
        let read = async {
            let server = self.server(repository.host());
            let manifest = get(&server, repository, &digest.to_string()).await?;
            let actual = Hasher::same_algorithm(digest, manifest.bytes());
            match actual == *digest {
                true => Ok(manifest.with_digest(actual)),
                false => Err(Reason::Digest { actual }),
            }
        };
        read.await.map_err(|reason: Reason| reason.at(what))
    }

    /// Reads the manifest that a tag points at now.
    ///
    /// # Errors
    /// The registry does not have it, or cannot be reached.
    pub async fn manifest_of_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<Manifest, RegistryError> {
        let server = self.server(repository.host());
        let read = get(&server, repository, tag.as_ref()).await;
        read.map_err(|reason| reason.at(format!("{repository}:{tag}")))
    }

    /// Returns the digest that a tag points at now; `None` if there is no such tag.
    ///
    /// The request is one that Docker Hub does not count as a pull.
    ///
    /// # Errors
    /// The registry cannot be reached, or refuses the request.
    pub async fn resolve(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<Option<Digest>, RegistryError> {
        let look = async {
            let server = self.server(repository.host());
            // The answer is gone before the next request, which needs its permit.
            let named: Option<Digest> = match head(&server, repository, tag.as_ref()).await {
                Err(reason) if reason.is_not_found() => return Ok(None),
                // Some proxies do not know the method.
                Err(Reason::Status { status, .. }) if status.as_u16() == 405 => None,
                answer => {
                    let answer = answer?;
                    let named = answer.header(DOCKER_CONTENT_DIGEST);
                    named.and_then(|digest| digest.parse().ok())
                }
            };
            match named {
                Some(digest) => Ok(Some(digest)),
                None => match get(&server, repository, tag.as_ref()).await {
                    Err(reason) if reason.is_not_found() => Ok(None),
                    manifest => Ok(Some(manifest?.digest())),
                },
            }
        };
        look.await
            .map_err(|reason: Reason| reason.at(format!("{repository}:{tag}")))
    }

    /// Returns whether a repository has a manifest, before it is sent. One that denies access to it counts as one without
    /// it, because Artifactory denies access to what does not exist.
    ///
    /// # Errors
    /// The registry cannot be reached, or refuses the request.
    pub async fn has_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        let server = self.server(repository.host());
        let answer = head(&server, repository, &digest.to_string()).await;
        exists_at_target(answer).map_err(|reason| reason.at(format!("{repository}@{digest}")))
    }

    /// Sends a manifest. The blobs and manifests that it names must be there.
    ///
    /// # Errors
    /// The registry refuses it, or cannot be reached.
    pub(crate) async fn put_manifest(
        &self,
        repository: &Repository,
        manifest: &Manifest,
    ) -> Result<Stored, RegistryError> {
        let digest = manifest.digest();
        let what = format!("{repository}@{digest}");
        let server = self.server(repository.host());
        let sent = put(&server, repository, manifest, &digest.to_string()).await;
        sent.map_err(|reason| reason.at(what))
    }

    /// Lets a tag point at a manifest that is there. If the tag points at another one, it is moved only if `can_move`.
    ///
    /// # Errors
    /// The tag points at another manifest, the registry refuses it, or cannot be reached.
    pub(crate) async fn set_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
        manifest: &Manifest,
        can_move: bool,
    ) -> Result<(), RegistryError> {
        let is_set = match self.check_tag(repository, tag, manifest, can_move).await {
            // Access to a tag that does not exist can be denied, too. If the manifest can be read, the tag could be.
            Err(error)
                if matches!(error.reason, Reason::Denied { .. })
                    && (can_move
                        || (self.has_manifest(repository, &manifest.digest())).await?) =>
            {
                false
            }
            checked => checked?,
        };
        if is_set {
            return Ok(());
        }
        let Err(error) = self.put_tag(repository, tag, manifest).await else {
            return Ok(());
        };
        // Another program may have set the tag meanwhile, in a registry where tags are immutable.
        match self.check_tag(repository, tag, manifest, can_move).await {
            Ok(true) => Ok(()),
            Err(taken) if matches!(taken.reason, Reason::TagTaken { .. }) => Err(taken),
            Ok(false) | Err(_) => Err(error),
        }
    }

    /// Returns whether a tag points at a manifest.
    ///
    /// # Errors
    /// The tag points at another manifest and cannot be moved, or the registry cannot be reached.
    pub(crate) async fn check_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
        manifest: &Manifest,
        can_move: bool,
    ) -> Result<bool, RegistryError> {
        match self.resolve(repository, tag).await? {
            Some(found) if manifest.has_digest(&found) => Ok(true),
            Some(found) if !can_move => {
                let (found, wanted) = (Box::new(found), Box::new(manifest.digest()));
                Err(Reason::TagTaken { found, wanted }.at(format!("{repository}:{tag}")))
            }
            _ => Ok(false),
        }
    }

    /// Sends a manifest to a tag.
    ///
    /// # Errors
    /// The registry refuses it, or cannot be reached.
    pub(crate) async fn put_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        let server = self.server(repository.host());
        match put(&server, repository, manifest, tag.as_ref()).await {
            Ok(_) => Ok(()),
            Err(reason) => Err(reason.at(format!("{repository}:{tag}"))),
        }
    }
}

fn call(
    server: &Server,
    method: Method,
    repository: &Repository,
    name: &str,
    access: &Access,
) -> Result<Call, Reason> {
    let uri = server.uri(&format!("/v2/{}/manifests/{name}", repository.path()))?;
    Ok(Call::new(method, uri, access))
}

/// Sends a request that accepts every type of manifest.
async fn read(
    server: &Server,
    method: Method,
    repository: &Repository,
    name: &str,
) -> Result<Answer, Reason> {
    let access = Access::pull(repository.path());
    let mut call = call(server, method, repository, name, &access)?;
    for media_type in media_type::ACCEPTED {
        call = call.header(ACCEPT, media_type);
    }
    server.exchange(&call).await
}

async fn head(server: &Server, repository: &Repository, name: &str) -> Result<Answer, Reason> {
    read(server, Method::HEAD, repository, name).await
}

async fn get(server: &Server, repository: &Repository, name: &str) -> Result<Manifest, Reason> {
    let answer = read(server, Method::GET, repository, name).await?;
    let media_type = answer.header(CONTENT_TYPE).map(str::to_owned);
    let bytes = answer.read("the manifest", limits::MANIFEST).await?;
    Manifest::parse(bytes, media_type.as_deref()).map_err(Reason::Manifest)
}

async fn put(
    server: &Server,
    repository: &Repository,
    manifest: &Manifest,
    name: &str,
) -> Result<Stored, Reason> {
    let access = Access::push(repository.path());
    let mut call = call(server, Method::PUT, repository, name, &access)?
        .header(CONTENT_TYPE, manifest.media_type());
    call.body = manifest.bytes().clone();
    let answer = server.exchange(&call).await?;
    // A registry may name it by another algorithm.
    let is_digest = |named: &str| named.parse().is_ok_and(|named| manifest.has_digest(&named));
    let named = answer.header(DOCKER_CONTENT_DIGEST);
    if let Some(named) = named.filter(|named| !is_digest(named)) {
        return Err(Reason::Protocol(format!(
            "it stores the manifest with the digest {named:?}"
        )));
    }
    Ok(Stored {
        is_listed: answer.headers.contains_key(OCI_SUBJECT),
    })
}
