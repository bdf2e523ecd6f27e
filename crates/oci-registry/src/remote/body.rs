//! The body of an answer: it must not be silent for too long, and is limited where it is read as a whole.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;

use crate::error::Reason;

/// The body of an answer, as it arrives.
pub(crate) struct Body {
    arriving: transport::Body,
    /// How long it may be silent.
    silence: Duration,
}

impl Body {
    pub fn new(arriving: transport::Body, silence: Duration) -> Body {
        Body { arriving, silence }
    }

    /// Waits for the next bytes; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Reason> {
        match tokio::time::timeout(self.silence, self.arriving.chunk()).await {
            Err(_) => Err(Reason::Silent(self.silence)),
            Ok(piece) => piece.map_err(Reason::Connection),
        }
    }

    /// Reads the first bytes. What cannot be read is left out: this is for bodies that only explain an error.
    pub async fn read_start(mut self, limit: u64) -> Bytes {
        let mut read = BytesMut::new();
        while (read.len() as u64) < limit {
            match self.chunk().await {
                Ok(Some(piece)) => read.extend_from_slice(&piece),
                Ok(None) | Err(_) => break,
            }
        }
        read.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        read.freeze()
    }

    /// Reads everything, and fails as soon as it is known to be too large.
    pub async fn read_limited(
        mut self,
        headers: &HeaderMap,
        what: &'static str,
        limit: u64,
    ) -> Result<Bytes, Reason> {
        let too_large = Reason::TooLarge { what, limit };
        if content_length(headers).is_some_and(|length| length > limit) {
            return Err(too_large);
        }
        let mut read = BytesMut::new();
        while let Some(piece) = self.chunk().await? {
            if read.len() as u64 + piece.len() as u64 > limit {
                return Err(too_large);
            }
            read.extend_from_slice(&piece);
        }
        Ok(read.freeze())
    }
}

/// Returns the length that an answer announces.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
