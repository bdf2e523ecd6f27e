//! The body of a request: bytes that are there, or that come while it is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// The body of a request.
#[derive(Debug)]
pub struct Payload(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Full<Bytes>),
    Stream(Stream),
}

#[derive(Debug)]
struct Stream {
    pieces: mpsc::Receiver<Bytes>,
    left: u64,
}

/// Where the pieces of a streamed [`Payload`] go.
///
/// Dropped before everything is there, it breaks the request, so that the server cannot take a part for the whole.
#[derive(Debug)]
pub struct PayloadSender(mpsc::Sender<Bytes>);

impl Payload {
    /// Creates a body of this length in bytes, and where its pieces go. At most `pieces` of them wait to be sent.
    pub fn stream(length: u64, pieces: usize) -> (PayloadSender, Payload) {
        let (sender, receiver) = mpsc::channel(pieces.max(1));
        let stream = Stream {
            pieces: receiver,
            left: length,
        };
        (PayloadSender(sender), Payload(Kind::Stream(stream)))
    }
}

impl PayloadSender {
    /// Waits until the piece can be sent. Returns whether the request still goes on.
    pub async fn send(&self, piece: Bytes) -> bool {
        self.0.send(piece).await.is_ok()
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Payload {
        Payload(Kind::Whole(Full::new(bytes)))
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.0 {
            Kind::Whole(body) => Pin::new(body)
                .poll_frame(context)
                .map_err(|never| match never {}),
            Kind::Stream(stream) => stream.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(body) => body.is_end_stream(),
            Kind::Stream(stream) => stream.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(body) => body.size_hint(),
            Kind::Stream(stream) => SizeHint::with_exact(stream.left),
        }
    }
}

impl Stream {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = std::task::ready!(self.pieces.poll_recv(context));
        let left = piece
            .as_ref()
            .and_then(|piece| self.left.checked_sub(piece.len() as u64));
        Poll::Ready(Some(match (piece, left) {
            (Some(piece), Some(left)) => {
                self.left = left;
                Ok(Frame::data(piece))
            }
            (None, _) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the content ended early",
            )),
            (Some(_), None) => Err(io::Error::other("the content is longer than announced")),
        }))
    }
}
