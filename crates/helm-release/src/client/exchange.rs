//! Sends a request and reads the answer, which may be compressed.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, Request, Response, header};
use serde_json::Value;
use transport::Body;

use super::connection::Connection;
use super::request::{ApiRequest, RequestError, refusal};

/// Builds the HTTP request for a connection.
///
/// # Errors
/// The path is not valid.
pub fn build(
    connection: &Connection,
    request: &ApiRequest<'_>,
) -> Result<Request<Bytes>, RequestError> {
    let uri = connection.uri(request.path).map_err(RequestError::Path)?;
    let mut built = Request::builder()
        .method(request.method.clone())
        .uri(uri)
        .header(header::ACCEPT, request.accept);
    // The events of a watch are read as they arrive.
    if connection.accepts_gzip && !request.path.contains("?watch=true") {
        built = built.header(header::ACCEPT_ENCODING, "gzip");
    }
    let built = match request.body {
        Some((content_type, body)) => built
            .header(header::CONTENT_TYPE, content_type)
            .body(Bytes::from(body.to_string())),
        None => built.body(Bytes::new()),
    };
    built.map_err(|error| RequestError::Path(error.to_string()))
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// The answer is not a success, or there is none.
pub async fn exchange(
    connection: &Connection,
    request: Request<Bytes>,
) -> Result<Value, RequestError> {
    let answer = start(connection, request).await?;
    let is_gzip = is_gzip(answer.headers());
    let body = unpack(is_gzip, answer.into_body().collect().await?)?;
    Ok(serde_json::from_slice(&body)?)
}

/// Sends a request and returns the answer as soon as its header is there.
///
/// # Errors
/// The answer is not a success, or there is none.
pub async fn start(
    connection: &Connection,
    request: Request<Bytes>,
) -> Result<Response<Body>, RequestError> {
    // Requests are sent from deep inside of other futures: on the heap, they do not make those large.
    let answer = Box::pin(connection.send(request)).await?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let (head, body) = answer.into_parts();
    let body = unpack(is_gzip(&head.headers), body.collect().await?)?;
    Err(RequestError::Refused(refusal(
        head.status,
        &head.headers,
        &body,
    )))
}

/// Returns whether a body is compressed (RFC 9110, section 8.4.1.3).
fn is_gzip(headers: &HeaderMap) -> bool {
    let encoding = headers.get(header::CONTENT_ENCODING);
    encoding.is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"gzip"))
}

fn unpack(is_gzip: bool, body: Bytes) -> Result<Bytes, RequestError> {
    if !is_gzip {
        return Ok(body);
    }
    let mut unpacked = Vec::new();
    let read = GzDecoder::new(&*body).read_to_end(&mut unpacked);
    read.map_err(RequestError::Compression)?;
    Ok(unpacked.into())
}
