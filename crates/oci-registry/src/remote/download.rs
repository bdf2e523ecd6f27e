//! Reads a blob and checks that it is the one that was asked for.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_RANGE, RANGE};
use http::{Method, StatusCode, Uri};

use super::body::content_length;
use super::exchange::{Answer, Call};
use super::location::shown;
use super::permits::Permit;
use super::server::Server;
use crate::auth::Access;
use crate::error::{Reason, RegistryError};
use crate::hash::Hasher;
use crate::model::Descriptor;
use crate::place::Repository;

/// A blob as it arrives. Size and digest are checked: after the last piece, [`BlobReader::chunk`] fails if they differ.
///
/// A connection that breaks is opened again, and the download goes on where it was.
pub struct BlobReader {
    server: Arc<Server>,
    call: Call,
    wanted: Descriptor,
    what: String,
    hasher: Option<Hasher>,
    /// How many bytes were passed on.
    offset: u64,
    /// How many bytes of the current answer were passed on before.
    skip: u64,
    answer: Option<Answer>,
    /// How often the connection broke since the last bytes came.
    breaks: u32,
    _permit: Permit,
}

impl fmt::Debug for BlobReader {
    /// Shows nothing of the answer: a redirect leads to a URL that is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader")
            .field("what", &self.what)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

impl BlobReader {
    /// Opens a blob. The first answer of the registry is not waited for.
    pub(super) async fn open(
        server: Arc<Server>,
        repository: &Repository,
        wanted: &Descriptor,
    ) -> Result<BlobReader, RegistryError> {
        let what = format!("{repository}@{}", wanted.digest);
        let path = format!("/v2/{}/blobs/{}", repository.path(), wanted.digest);
        let uri = server.uri(&path).map_err(|reason| reason.at(&what))?;
        let call = Call::new(Method::GET, uri, &Access::pull(repository.path()));
        Ok(BlobReader::new(server, call, wanted, what).await)
    }

    /// Opens a layer at one of the URLs of its descriptor, and waits for the answer.
    pub(super) async fn open_elsewhere(
        server: Arc<Server>,
        uri: Uri,
        wanted: &Descriptor,
    ) -> Result<BlobReader, RegistryError> {
        let what = format!("{}: the layer {}", shown(&uri), wanted.digest);
        let mut call = Call::new(Method::GET, uri, &Access::pull(""));
        call.is_public = true;
        let mut reader = BlobReader::new(server, call, wanted, what).await;
        match reader.request().await {
            Ok(answer) => reader.answer = Some(answer),
            Err(reason) => return Err(reason.at(reader.what)),
        }
        Ok(reader)
    }

    async fn new(server: Arc<Server>, call: Call, wanted: &Descriptor, what: String) -> BlobReader {
        let permit = server.downloads.acquire().await;
        BlobReader {
            server,
            call,
            what,
            hasher: Some(Hasher::new(wanted.digest.algorithm())),
            wanted: wanted.clone(),
            offset: 0,
            skip: 0,
            answer: None,
            breaks: 0,
            _permit: permit,
        }
    }

    /// Waits for the next bytes. Returns `None` once everything has come and is what was asked for.
    ///
    /// # Errors
    /// The registry does not have the blob, sends something else, or cannot be reached.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RegistryError> {
        self.next().await.map_err(|reason| reason.at(&self.what))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Reason> {
        loop {
            if self.hasher.is_none() {
                return Ok(None);
            }
            let mut answer = match self.answer.take() {
                Some(answer) => answer,
                None => self.request().await?,
            };
            match answer.body.chunk().await {
                Ok(Some(piece)) => {
                    self.answer = Some(answer);
                    if let Some(piece) = self.take(piece)? {
                        return Ok(Some(piece));
                    }
                }
                Ok(None) if self.offset >= self.wanted.size => return self.finish(),
                // The rest does not count once everything is there.
                Err(_) if self.offset >= self.wanted.size => return self.finish(),
                Ok(None) => {
                    self.pause(Reason::Size {
                        expected: self.wanted.size,
                        actual: self.offset,
                    })
                    .await?;
                }
                Err(reason) => self.pause(reason).await?,
            }
        }
    }

    /// Sends a request for the bytes that are missing.
    async fn request(&mut self) -> Result<Answer, Reason> {
        let mut call = self.call.clone();
        if self.offset > 0 {
            call = call.header(RANGE, &format!("bytes={}-", self.offset));
        }
        let answer = self.server.exchange(&call).await?;
        let expected = match answer.status {
            StatusCode::PARTIAL_CONTENT if self.offset > 0 => {
                let range = answer.header(CONTENT_RANGE).unwrap_or_default();
                if !range.starts_with(&format!("bytes {}-", self.offset)) {
                    return Err(Reason::Protocol(format!(
                        "it answers a request for the bytes from {} on with others ({range:?})",
                        self.offset
                    )));
                }
                self.skip = 0;
                self.wanted.size - self.offset
            }
            StatusCode::OK => {
                self.skip = self.offset;
                self.wanted.size
            }
            status => {
                return Err(Reason::Protocol(format!(
                    "it answers a request for a blob with {status}"
                )));
            }
        };
        match content_length(&answer.headers) {
            Some(actual) if actual != expected => Err(Reason::Size { expected, actual }),
            _ => Ok(answer),
        }
    }

    /// Returns what is new of the bytes that came.
    fn take(&mut self, mut piece: Bytes) -> Result<Option<Bytes>, Reason> {
        let known = usize::try_from(self.skip)
            .unwrap_or(usize::MAX)
            .min(piece.len());
        let _ = piece.split_to(known);
        self.skip -= known as u64;
        if piece.is_empty() {
            return Ok(None);
        }
        if self.offset + piece.len() as u64 > self.wanted.size {
            return Err(Reason::TooLarge {
                what: "the content",
                limit: self.wanted.size,
            });
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&piece);
        }
        self.offset += piece.len() as u64;
        self.breaks = 0;
        Ok(Some(piece))
    }

    fn finish(&mut self) -> Result<Option<Bytes>, Reason> {
        let actual = self.hasher.take().map(Hasher::finish);
        match actual {
            Some(actual) if actual != self.wanted.digest => Err(Reason::Digest { actual }),
            _ => Ok(None),
        }
    }

    /// Waits before the connection is opened again, or fails if it broke too often.
    async fn pause(&mut self, reason: Reason) -> Result<(), Reason> {
        let Some(pause) = self.server.settings.retries.pause(self.breaks) else {
            return Err(reason);
        };
        self.breaks += 1;
        self.server.settings.log(&format!(
            "{}: {reason} after {} bytes; it is resumed",
            self.what, self.offset
        ));
        tokio::time::sleep(pause).await;
        Ok(())
    }
}
