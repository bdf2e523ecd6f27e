//! Sends a blob to a registry (OCI distribution specification, "Pushing Blobs").
//!
//! A small blob is one request, which can be repeated. A large one is streamed in one `PATCH` without `Content-Range`,
//! which the registries that limit the size of chunks take, too. It is committed after this program has checked the
//! digest, so that nothing that a source made up is ever stored.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Method, StatusCode, Uri};
use image_pins::Digest;
use transport::Payload;

use super::client::Client;
use super::ecr;
use super::exchange::{Answer, Call, Failed, exists, exists_at_target, follow, refusal};
use super::location::with_parameter;
use super::server::Server;
use crate::auth::Access;
use crate::error::{Reason, RegistryError};
use crate::limits;
use crate::model::Descriptor;
use crate::place::Repository;
use crate::source::ImageSource;

/// A token is valid for at least so long when an upload begins.
const TOKEN_LEFT: Duration = Duration::from_mins(1);
/// How many pieces wait to be sent.
const PIECES: usize = 2;

/// How a blob came to be in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uploaded {
    /// The registry took it from another repository.
    Mounted,
    /// It was sent.
    Sent,
}

/// Why a blob could not be sent.
pub(crate) enum UploadError {
    /// The source does not have the blob as it should be. Another one may have it.
    Source(RegistryError),
    Target(RegistryError),
}

/// How an attempt to send a blob failed.
enum Failure {
    /// The source does not have the blob as it should be.
    Source(RegistryError),
    /// It can succeed later, after this pause at least.
    Temporary(Reason, Option<Duration>),
    /// The connection broke while the blob was sent, for example because the token was refused; or the registry does not
    /// know the session any more.
    Unknown(Reason),
    /// The registry refuses it, or was asked often enough.
    Target(Reason),
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Failure {
        match reason.is_not_found() {
            true => Failure::Unknown(reason),
            false => Failure::Target(reason),
        }
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Failure {
        match failed {
            Failed::Now(reason @ (Reason::Connection(_) | Reason::Silent(_)), _) => {
                Failure::Unknown(reason)
            }
            Failed::Now(reason, pause) => Failure::Temporary(reason, pause),
            Failed::Forever(reason) => reason.into(),
        }
    }
}

impl Client {
    /// Returns whether a repository has a blob, before it is sent. One that denies access to it counts as one without it,
    /// because Artifactory denies access to what does not exist.
    ///
    /// # Errors
    /// The registry cannot be reached, or refuses the request.
    pub async fn has_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        let server = self.server(repository.host());
        let answer = head(&server, repository, digest).await;
        exists_at_target(answer).map_err(|reason| reason.at(format!("{repository}@{digest}")))
    }

    /// Returns whether a blob can be read from a repository.
    ///
    /// # Errors
    /// The registry cannot be reached, or refuses the request.
    pub(crate) async fn can_read_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        let server = self.server(repository.host());
        let answer = head(&server, repository, digest).await;
        exists(answer).map_err(|reason| reason.at(format!("{repository}@{digest}")))
    }

    /// Sends a blob, or lets the registry take it from `mount_from`, a repository of the same registry that has it. `sent`
    /// is called with the number of bytes that were sent so far, which begins anew if the blob is sent again.
    ///
    /// # Errors
    /// The source does not have the blob, or the registry refuses it or cannot be reached.
    pub(crate) async fn upload(
        &self,
        repository: &Repository,
        blob: &Descriptor,
        source: &ImageSource,
        mount_from: Option<&str>,
        sent: &(dyn Fn(u64) + Sync),
    ) -> Result<Uploaded, UploadError> {
        let upload = Upload {
            client: self,
            server: self.server(repository.host()),
            access: Access::push(repository.path()),
            repository,
            blob,
            what: format!("{repository}@{}", blob.digest),
            sent,
        };
        upload.run(source, mount_from).await
    }
}

async fn head(server: &Server, repository: &Repository, digest: &Digest) -> Result<Answer, Reason> {
    let uri = server.uri(&format!("/v2/{}/blobs/{digest}", repository.path()))?;
    let access = Access::pull(repository.path());
    server
        .exchange(&Call::new(Method::HEAD, uri, &access))
        .await
}

struct Upload<'u> {
    client: &'u Client,
    server: Arc<Server>,
    access: Access,
    repository: &'u Repository,
    blob: &'u Descriptor,
    what: String,
    /// Called with the number of bytes that were sent so far.
    sent: &'u (dyn Fn(u64) + Sync),
}

impl Upload<'_> {
    async fn run(
        &self,
        source: &ImageSource,
        mut mount_from: Option<&str>,
    ) -> Result<Uploaded, UploadError> {
        let failed = |reason: Reason| {
            let reason = match reason {
                reason @ Reason::Status { .. } if self.blob.size == 0 => {
                    Reason::EmptyBlob(Box::new(reason))
                }
                reason => reason,
            };
            UploadError::Target(reason.at(&self.what))
        };
        let (mut done, mut is_anew) = (0, false);
        loop {
            let failure = match self.attempt(source, mount_from.take()).await {
                Ok(uploaded) => return Ok(uploaded),
                Err(failure) => failure,
            };
            let (reason, wanted) = match failure {
                Failure::Source(error) => return Err(UploadError::Source(error)),
                Failure::Target(reason) => return Err(failed(reason)),
                Failure::Unknown(_) if !is_anew => {
                    // A registry that refuses a token while it is sent a blob closes the connection.
                    is_anew = true;
                    self.server.auth.forget_tokens();
                    continue;
                }
                Failure::Unknown(reason @ (Reason::Connection(_) | Reason::Silent(_))) => {
                    (reason, None)
                }
                Failure::Unknown(reason) => return Err(failed(reason)),
                Failure::Temporary(reason, wanted) => (reason, wanted),
            };
            let Some(pause) = self.server.settings.retries.pause(done) else {
                return Err(failed(reason));
            };
            done += 1;
            tokio::time::sleep(pause.max(wanted.unwrap_or_default())).await;
        }
    }

    async fn attempt(
        &self,
        source: &ImageSource,
        mount_from: Option<&str>,
    ) -> Result<Uploaded, Failure> {
        let _permit = self.server.uploads.acquire().await;
        let session = self.start(mount_from).await.map_err(Failure::Target)?;
        let Some(session) = session else {
            return Ok(Uploaded::Mounted);
        };
        let sent = match self.blob.size <= limits::SMALL_BLOB {
            true => self.send_whole(source, &session).await,
            false => self.stream(source, &session).await,
        };
        if let Err(failure) = sent {
            self.cancel(session).await;
            return Err(failure);
        }
        Ok(Uploaded::Sent)
    }

    /// Opens a session; `None` if the blob is there because it was mounted.
    async fn start(&self, mount_from: Option<&str>) -> Result<Option<Uri>, Reason> {
        let path = format!("/v2/{}/blobs/uploads/", self.repository.path());
        let uri = self.server.uri(&path)?;
        if let Some(from) = mount_from {
            let mount = with_parameter(&uri, "mount", &self.blob.digest.to_string())?;
            let mount = with_parameter(&mount, "from", &from.replace('/', "%2F"))?;
            let access = self.access.clone().mounting(from);
            let call = Call::new(Method::POST, mount, &access);
            match self.server.exchange(&call).await {
                Ok(answer) if answer.status == StatusCode::CREATED => return Ok(None),
                Ok(answer) if answer.status == StatusCode::ACCEPTED => {
                    return location(&answer).map(Some);
                }
                // Whatever it has against mounting, it may take the blob itself.
                Ok(_) | Err(_) => {}
            }
        }
        let call = Call::new(Method::POST, uri, &self.access);
        let answer = match self.server.exchange(&call).await {
            Err(Reason::NotFound { message }) => Err(Reason::NoRepository {
                message,
                create_command: ecr::create_command(self.repository),
            }),
            answer => answer,
        }?;
        match answer.status {
            StatusCode::ACCEPTED => location(&answer).map(Some),
            status => Err(Reason::Protocol(format!(
                "it answers the beginning of an upload with {status}"
            ))),
        }
    }

    async fn send_whole(&self, source: &ImageSource, session: &Uri) -> Result<(), Failure> {
        let content = self
            .client
            .read_small(source, self.blob)
            .await
            .map_err(Failure::Source)?;
        self.commit(session, content).await?;
        (self.sent)(self.blob.size);
        Ok(())
    }

    async fn stream(&self, source: &ImageSource, session: &Uri) -> Result<(), Failure> {
        let mut reader = self
            .client
            .open(source, self.blob)
            .await
            .map_err(Failure::Source)?;
        let authorization = self.server.authorization(&self.access, TOKEN_LEFT).await?;
        let mut request = self
            .server
            .request(Method::PATCH, session, authorization.as_ref())?;
        let octets = HeaderValue::from_static("application/octet-stream");
        request.headers_mut().insert(CONTENT_TYPE, octets);
        let (sender, payload) = Payload::stream(self.blob.size, PIECES);
        // Only the silence counts, not the whole time, so this has no limit of its own.
        let send = self.server.send(request.map(|()| payload), Duration::MAX);
        let mut send = pin!(send);
        let feed = async {
            let mut position = 0;
            while let Some(piece) = reader.chunk().await.map_err(Failure::Source)? {
                position += piece.len() as u64;
                let silence = self.server.silence();
                let sent = tokio::time::timeout(silence, sender.send(piece)).await;
                match sent {
                    Ok(true) => (self.sent)(position),
                    // The answer is there already, and says why.
                    Ok(false) => return Ok(false),
                    Err(_) => return Err(Failure::Unknown(Reason::Silent(silence))),
                }
            }
            Ok(true)
        };
        let mut feed = pin!(feed);
        let (is_complete, response) = match select(feed.as_mut(), send.as_mut()).await {
            Either::Left((fed, _)) => {
                let fed = fed?;
                let patience = self.server.silence() + self.time_to_store();
                let answered = tokio::time::timeout(patience, send).await;
                let silent = |_| Failure::Unknown(Reason::Silent(patience));
                (fed, answered.map_err(silent)?)
            }
            // The last bytes are sent, and the source is about to say whether they are right.
            Either::Right((Ok(response), _)) if response.status().is_success() => {
                (feed.await?, Ok(response))
            }
            Either::Right((response, _)) => (false, response),
        };
        let response = response.map_err(Failure::Unknown)?;
        match response.status() {
            status if status.is_success() && is_complete => {}
            status if status.is_success() => {
                let early = "it accepts a blob before it has all of it";
                return Err(Failure::Unknown(Reason::Protocol(early.to_owned())));
            }
            StatusCode::UNAUTHORIZED => {
                return Err(Failure::Unknown(
                    refusal(response, authorization.is_some()).await,
                ));
            }
            _ => {
                let is_known = authorization.is_some();
                return Err(self.server.failed(response, is_known).await.into());
            }
        }
        let next = match response.headers().get(LOCATION).map(HeaderValue::to_str) {
            Some(Ok(next)) => follow(session, next)?,
            _ => session.clone(),
        };
        self.commit(&next, Bytes::new()).await
    }

    /// Ends a session with the last bytes of the blob.
    async fn commit(&self, session: &Uri, content: Bytes) -> Result<(), Failure> {
        let uri = with_parameter(session, "digest", &self.blob.digest.to_string())?;
        let mut call = Call::new(Method::PUT, uri, &self.access)
            .header(CONTENT_TYPE, "application/octet-stream");
        call.body = content;
        call.more_time = self.time_to_store();
        let sent = match call.body.is_empty() {
            true => self.server.exchange(&call).await.map_err(Failure::from),
            // A registry can keep a part of it, and would append it if it came again.
            false => self.server.attempt(&call).await.map_err(Failure::from),
        };
        let answer = match sent {
            Ok(answer) => answer,
            Err(failure) => {
                // An attempt may have succeeded although its answer was lost.
                return match head(&self.server, self.repository, &self.blob.digest).await {
                    Ok(_) => Ok(()),
                    Err(_) => Err(failure),
                };
            }
        };
        match answer.status {
            StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::OK => Ok(()),
            status => Err(Failure::Target(Reason::Protocol(format!(
                "it answers the end of an upload with {status}"
            )))),
        }
    }

    /// Tells the registry that a session is over. Whether it listens does not matter: it forgets sessions by itself.
    async fn cancel(&self, session: Uri) {
        let authorization = self
            .server
            .authorization(&self.access, Duration::ZERO)
            .await;
        let authorization = authorization.ok().flatten();
        let request = self
            .server
            .request(Method::DELETE, &session, authorization.as_ref());
        if let Ok(request) = request {
            let request = request.map(|()| Bytes::new().into());
            let _ = self.server.send(request, Duration::from_secs(5)).await;
        }
    }

    /// Returns how much longer the registry may be silent while it stores the blob.
    fn time_to_store(&self) -> Duration {
        self.server.settings.timeouts.time_to_store(self.blob.size)
    }
}

fn location(answer: &Answer) -> Result<Uri, Reason> {
    match answer.header(LOCATION) {
        Some(location) => follow(&answer.uri, location),
        None => Err(Reason::Protocol(
            "it answers the beginning of an upload without a location".to_owned(),
        )),
    }
}
