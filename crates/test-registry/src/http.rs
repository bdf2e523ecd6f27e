//! Just enough of HTTP/1.1 (RFC 9112) for servers of tests: reads requests, and writes short answers.

use std::io::{self, BufRead, Read as _, Write};

/// A request that a server has received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The method, such as `GET`.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers in their order, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body that arrived, without the framing of chunks.
    pub body: Vec<u8>,
}

impl Received {
    /// Returns the first header with this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the decoded parameters of the query, in their order.
    pub fn query(&self) -> Vec<(String, String)> {
        query_of(&self.path)
    }
}

/// Returns the decoded parameters of the query of a path.
pub(crate) fn query_of(path: &str) -> Vec<(String, String)> {
    parameters(path.split_once('?').map_or("", |(_, query)| query))
}

/// Decodes `application/x-www-form-urlencoded` parameters.
pub(crate) fn parameters(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

/// Replaces `+` and `%XX`; other text stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let hex = |digits: &[u8]| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok();
        match (first, after.get(..2).and_then(hex)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads the request line and the headers; `None` if the client has closed the connection.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::Error::other(format!("not a request line: {line:?}")));
    };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    Ok(Some(Received {
        method,
        path,
        headers,
        body: Vec::new(),
    }))
}

/// Reads the body that the headers announce, and passes on each part as it arrives.
pub(crate) fn read_body(
    reader: &mut impl BufRead,
    head: &Received,
    mut received: impl FnMut(&[u8]),
) -> io::Result<()> {
    if head.header("transfer-encoding") != Some("chunked") {
        let length = head.header("content-length").unwrap_or("0").parse();
        return read_exactly(reader, length.map_err(io::Error::other)?, &mut received);
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
        read_exactly(reader, size, &mut received)?;
        // The end of the chunk, or of the last one, which has no trailers here.
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn read_exactly(
    reader: &mut impl BufRead,
    mut left: u64,
    received: &mut impl FnMut(&[u8]),
) -> io::Result<()> {
    while left > 0 {
        let mut part = reader.by_ref().take(left);
        let bytes = part.fill_buf()?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        received(bytes);
        let count = bytes.len();
        part.consume(count);
        left -= count as u64;
    }
    Ok(())
}

/// Writes an answer with a body.
pub(crate) fn answer(
    stream: &mut impl Write,
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    write!(stream, "{head}\r\n{body}")?;
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_read_by_length_or_by_chunks_and_leave_the_next_request() {
        let table = [
            ("Content-Length: 5\r\n\r\nabcde", "abcde"),
            ("\r\n", ""),
            (
                "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
                "abcde",
            ),
        ];
        for (rest, want) in table {
            let text = format!(
                "POST /v2/?a=b%2Fc+d&e HTTP/1.1\r\nX-Y: z \r\n{rest}GET / HTTP/1.1\r\n\r\n"
            );
            let mut reader = text.as_bytes();
            let head = read_head(&mut reader).unwrap().unwrap();
            assert_eq!(
                (head.method.as_str(), head.header("x-y")),
                ("POST", Some("z"))
            );
            let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
            assert_eq!(head.query(), [pair("a", "b/c d"), pair("e", "")]);
            let mut body = Vec::new();
            read_body(&mut reader, &head, |part| body.extend_from_slice(part)).unwrap();
            assert_eq!(body, want.as_bytes(), "{rest}");
            assert_eq!(read_head(&mut reader).unwrap().unwrap().method, "GET");
            assert_eq!(read_head(&mut reader).unwrap(), None);
        }
    }

    #[test]
    fn a_body_that_ends_early_is_an_error() {
        let head = Received {
            headers: vec![("content-length".to_owned(), "5".to_owned())],
            ..Received::default()
        };
        let mut body = Vec::new();
        let error = read_body(&mut &b"abc"[..], &head, |part| body.extend_from_slice(part));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(body, b"abc");
    }
}
