//! The body of an answer.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::error::SendError;

/// The body of an answer, as it arrives.
#[derive(Debug)]
pub struct Body(Incoming);

impl From<Incoming> for Body {
    fn from(body: Incoming) -> Body {
        Body(body)
    }
}

impl Body {
    /// Waits for the next bytes; `None` at the end. Trailers are ignored.
    ///
    /// # Errors
    /// The connection breaks.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, SendError> {
        while let Some(frame) = self.0.frame().await {
            let frame = frame.map_err(|error| SendError(Box::new(error)))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// Waits for everything.
    ///
    /// # Errors
    /// The connection breaks.
    pub async fn collect(self) -> Result<Bytes, SendError> {
        let collected = self.0.collect().await;
        let collected = collected.map_err(|error| SendError(Box::new(error)))?;
        Ok(collected.to_bytes())
    }

    /// Returns the body as hyper has it, to pass it on.
    pub fn into_incoming(self) -> Incoming {
        self.0
    }
}
