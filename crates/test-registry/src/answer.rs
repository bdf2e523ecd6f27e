//! Answers of a script, also those that no real server gives.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use socket2::SockRef;

/// How a connection ends in the middle of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Properly (FIN).
    Close,
    /// With an error (RST). The client may lose bytes that it has not read yet.
    Reset,
}

/// How an answer says where its body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length,
    Declared(u64),
    Chunked,
    UntilClose,
}

/// When an answer waits for [`crate::LyingRegistry::release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    BeforeHead,
    AfterBytes(u64),
}

/// An answer of a script. The connection stays open after it, unless its end is a lie or a cut.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
    framing: Framing,
    is_endless: bool,
    cut: Option<(u64, Cut)>,
    pause: Option<Pause>,
    is_early: bool,
    uses: Option<usize>,
}

impl Answer {
    /// Creates an answer with an empty body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: String::new(),
            body: Vec::new(),
            framing: Framing::Length,
            is_endless: false,
            cut: None,
            pause: None,
            is_early: false,
            uses: None,
        }
    }

    /// Creates a redirect. One to a path that it answers itself is endless.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status).header("Location", location)
    }

    /// Adds a header. `Content-Length` is set by the body, or by [`Self::declared_length`].
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Declares this length instead of that of the body. All of the body is sent, and the connection is closed after it.
    #[must_use]
    pub fn declared_length(mut self, length: u64) -> Self {
        self.framing = Framing::Declared(length);
        self
    }

    /// Sends the body in chunks, without a length.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        self
    }

    /// Sends the body without a length; it ends with the connection.
    #[must_use]
    pub fn until_close(mut self) -> Self {
        self.framing = Framing::UntilClose;
        self
    }

    /// Repeats the body in chunks until the client closes the connection, or until the cut.
    #[must_use]
    pub fn endless(mut self) -> Self {
        assert!(!self.body.is_empty(), "an endless body repeats something");
        self.body = self.body.repeat((64 << 10) / self.body.len() + 1);
        self.is_endless = true;
        self.chunked()
    }

    /// Ends the connection after this many bytes of the body.
    #[must_use]
    pub fn cut_after(mut self, bytes: u64, cut: Cut) -> Self {
        self.cut = Some((bytes, cut));
        self
    }

    /// Sends nothing before [`crate::LyingRegistry::release`].
    #[must_use]
    pub fn paused(mut self) -> Self {
        self.pause = Some(Pause::BeforeHead);
        self
    }

    /// Sends the headers and this many bytes of the body, and the rest after [`crate::LyingRegistry::release`].
    #[must_use]
    pub fn paused_after(mut self, bytes: u64) -> Self {
        self.pause = Some(Pause::AfterBytes(bytes));
        self
    }

    /// Sends the answer before the body of the request is read. With a cut, that body is never read.
    #[must_use]
    pub fn early(mut self) -> Self {
        self.is_early = true;
        self
    }

    /// Uses the answer this many times only; after that the next one of the script counts.
    #[must_use]
    pub fn times(mut self, uses: usize) -> Self {
        self.uses = Some(uses);
        self
    }

    /// Returns whether it is sent before the body of the request is read.
    pub(crate) fn is_early(&self) -> bool {
        self.is_early
    }

    /// Takes one of the uses that are left; `None` if there is none.
    pub(crate) fn take(&mut self) -> Option<Self> {
        if let Some(uses) = &mut self.uses {
            *uses = uses.checked_sub(1)?;
        }
        Some(self.clone())
    }

    /// Sends the answer. Returns whether the connection stays open.
    pub(crate) fn send(
        &self,
        stream: &mut TcpStream,
        is_head: bool,
        wait_for_release: impl Fn(),
    ) -> io::Result<bool> {
        if self.pause == Some(Pause::BeforeHead) {
            wait_for_release();
        }
        let framing = match self.framing {
            Framing::Length => format!("Content-Length: {}\r\n", self.body.len()),
            Framing::Declared(length) => format!("Content-Length: {length}\r\n"),
            Framing::Chunked => "Transfer-Encoding: chunked\r\n".to_owned(),
            Framing::UntilClose => "Connection: close\r\n".to_owned(),
        };
        let head = format!(
            "HTTP/1.1 {} x\r\n{framing}{}\r\n",
            self.status, self.headers
        );
        stream.write_all(head.as_bytes())?;
        if !is_head {
            self.send_body(stream, wait_for_release)?;
        }
        match self.cut {
            Some((_, Cut::Reset)) => {
                SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
                Ok(false)
            }
            Some((_, Cut::Close)) => Ok(false),
            None => Ok(match self.framing {
                Framing::Length | Framing::Chunked => true,
                Framing::Declared(length) => is_head || length == self.body.len() as u64,
                Framing::UntilClose => false,
            }),
        }
    }

    fn send_body(&self, stream: &mut TcpStream, wait_for_release: impl Fn()) -> io::Result<()> {
        let length = self.body.len() as u64;
        let mut end = if self.is_endless { u64::MAX } else { length };
        if let Some((bytes, _)) = self.cut {
            end = end.min(bytes);
        }
        let pause = match self.pause {
            Some(Pause::AfterBytes(bytes)) => Some(bytes),
            _ => None,
        };
        let mut sent = 0;
        loop {
            if pause == Some(sent) {
                wait_for_release();
            }
            if sent == end {
                break;
            }
            let stop = pause
                .filter(|pause| *pause > sent)
                .map_or(end, |pause| pause.min(end));
            let start = sent % length;
            let count = (length - start).min(stop - sent);
            let part = &self.body[usize::try_from(start).unwrap()..];
            let part = &part[..usize::try_from(count).unwrap()];
            match self.framing {
                Framing::Chunked => {
                    write!(stream, "{count:x}\r\n")?;
                    stream.write_all(part)?;
                    stream.write_all(b"\r\n")?;
                }
                _ => stream.write_all(part)?,
            }
            sent += count;
        }
        match (self.framing, self.cut) {
            (Framing::Chunked, None) => stream.write_all(b"0\r\n\r\n"),
            _ => Ok(()),
        }
    }
}
