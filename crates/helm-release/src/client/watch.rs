//! The events of a watch: one JSON object in each line (Kubernetes API concepts, "Efficient detection of changes").

use std::collections::VecDeque;

use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::Value;
use transport::Body;

use super::request::RequestError;

/// The longest line, in bytes. Objects are not larger than a few megabytes.
const LONGEST_LINE: usize = 32 << 20;

/// A change that a watch reports.
#[derive(Debug)]
pub(crate) enum WatchEvent {
    /// An object was created.
    Added(Value),
    /// An object was changed.
    Modified(Value),
    /// An object was deleted.
    Deleted,
    /// Nothing changed up to a resource version.
    Bookmark,
    /// The server ends the watch: the resource version is too old, for example.
    Error,
}

/// The part of an answer that was not returned yet.
struct Lines {
    body: Body,
    ready: VecDeque<Vec<u8>>,
    /// The start of a line.
    rest: Vec<u8>,
    has_ended: bool,
}

/// Reads the events of an answer. The stream ends with the answer, and after the first error.
pub(super) fn events(body: Body) -> impl Stream<Item = Result<WatchEvent, RequestError>> {
    let lines = Lines {
        body,
        ready: VecDeque::new(),
        rest: Vec::new(),
        has_ended: false,
    };
    unfold(lines, |mut lines| async move {
        let event = match lines.next().await {
            Ok(line) => parse_event(&line?),
            Err(error) => Err(error),
        };
        lines.has_ended |= event.is_err();
        Some((event, lines))
    })
}

impl Lines {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, RequestError> {
        loop {
            if self.has_ended {
                return Ok(None);
            }
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(line));
            }
            let Some(chunk) = self.body.chunk().await? else {
                self.has_ended = true;
                let last = std::mem::take(&mut self.rest);
                return Ok((!last.trim_ascii().is_empty()).then_some(last));
            };
            let mut parts = chunk.split(|byte| *byte == b'\n');
            self.rest
                .extend_from_slice(parts.next().unwrap_or_default());
            for part in parts {
                let line = std::mem::replace(&mut self.rest, part.to_vec());
                if !line.trim_ascii().is_empty() {
                    self.ready.push_back(line);
                }
            }
            if self.rest.len() > LONGEST_LINE {
                return Err(RequestError::LongLine);
            }
        }
    }
}

fn parse_event(line: &[u8]) -> Result<WatchEvent, RequestError> {
    let mut event: Value = serde_json::from_slice(line)?;
    let object = event.get_mut("object").map(Value::take);
    let object = object.unwrap_or_default();
    Ok(match event.get("type").and_then(Value::as_str) {
        Some("ADDED") => WatchEvent::Added(object),
        Some("MODIFIED") => WatchEvent::Modified(object),
        Some("DELETED") => WatchEvent::Deleted,
        Some("BOOKMARK") => WatchEvent::Bookmark,
        _ => WatchEvent::Error,
    })
}
