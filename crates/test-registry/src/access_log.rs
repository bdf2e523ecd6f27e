//! The access log of distribution: lines in the combined format of Apache.

use super::http::query_of;

/// A request that the registry has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, such as `GET`.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// The bytes of the body of the answer.
    pub bytes: u64,
}

impl Request {
    /// Returns a decoded parameter of the query: `digest` of the request that ends an upload, or `mount`.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let found = query_of(&self.path)
            .into_iter()
            .find(|(key, _)| key == name);
        found.map(|(_, value)| value)
    }
}

/// Reads the requests from a log; other lines are skipped.
pub(crate) fn parse(log: &str) -> Vec<Request> {
    log.lines().filter_map(parse_line).collect()
}

/// Reads `HOST - USER [TIME] "METHOD PATH HTTP/1.1" STATUS BYTES "REFERRER" "AGENT"`.
fn parse_line(line: &str) -> Option<Request> {
    let (_, rest) = line.split_once("] \"")?;
    // Quotes in a path are escaped by the registry.
    let (request, rest) = rest.split_once("\" ")?;
    let mut words = request.split(' ');
    let (method, path, protocol) = (words.next()?, words.next()?, words.next()?);
    if !protocol.starts_with("HTTP/") {
        return None;
    }
    let mut numbers = rest.split(' ');
    Some(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        status: numbers.next()?.parse().ok()?,
        bytes: numbers.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_found_among_the_other_lines() {
        let log = r#"
{"level":"info","msg":"listening on 127.0.0.1:40000, tls","time":"2026-11-30T16:00:00Z"}
127.0.0.1 - - [30/Nov/2026:16:00:00 +0000] "GET /v2/ HTTP/1.1" 401 87 "" "crane/v0.22.1"
127.0.0.1 - tester [30/Nov/2026:16:00:00 +0000] "PUT /v2/a/blobs/uploads/1?_state=x&digest=sha256%3Aab HTTP/2.0" 201 0 "" "go \"x\""
{"msg":"GET [x] \"GET / HTTP/1.1\""}
"#;
        let request = |method: &str, path: &str, status, bytes| Request {
            method: method.to_owned(),
            path: path.to_owned(),
            status,
            bytes,
        };
        let want = [
            request("GET", "/v2/", 401, 87),
            request(
                "PUT",
                "/v2/a/blobs/uploads/1?_state=x&digest=sha256%3Aab",
                201,
                0,
            ),
        ];
        let found = parse(log);
        assert_eq!(found, want);
        assert_eq!(found[1].parameter("digest").as_deref(), Some("sha256:ab"));
        assert_eq!(found[0].parameter("digest"), None);
    }
}
