//! A server that answers what a script says, for what real registries cannot be made to do.

use std::io::{self, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use test_cluster::PATIENCE;

use super::answer::Answer;
use super::http::{Received, read_body, read_head};

/// A server on 127.0.0.1 without TLS; dropping it stops it.
pub struct LyingRegistry {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Method, start of the path, and answer.
    script: Vec<(String, String, Answer)>,
    requests: Vec<Received>,
    paused: usize,
    is_released: bool,
    is_stopped: bool,
}

impl LyingRegistry {
    /// Starts a server that answers everything with 404 until [`Self::on`] adds something.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if server.lock().is_stopped {
                    return;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&server)) else {
                    continue;
                };
                // Clients close connections whenever they want.
                std::thread::spawn(move || _ = shared.serve(stream));
            }
        });
        Self { address, shared }
    }

    /// Returns host and port.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Adds an answer for a method and all paths that begin with `prefix`. The first answer that matches counts.
    pub fn on(&self, method: &str, prefix: &str, answer: Answer) -> &Self {
        let entry = (method.to_owned(), prefix.to_owned(), answer);
        self.shared.lock().script.push(entry);
        self
    }

    /// Returns all requests so far, in the order in which they began.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.lock().requests.clone()
    }

    /// Waits until this many answers are paused at the same time.
    #[track_caller]
    pub fn await_paused(&self, count: usize) {
        let state = self.shared.lock();
        let enough = |state: &mut State| state.paused < count;
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, PATIENCE, enough);
        let paused = waited.unwrap().0.paused;
        assert!(paused >= count, "{paused} answers are paused, not {count}");
    }

    /// Sends all paused answers, also those that would be paused later.
    pub fn release(&self) {
        self.shared.lock().is_released = true;
        self.shared.changed.notify_all();
    }
}

impl Drop for LyingRegistry {
    fn drop(&mut self) {
        self.shared.lock().is_stopped = true;
        self.release();
        // The connection wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn wait_for_release(&self) {
        let mut state = self.lock();
        state.paused += 1;
        self.changed.notify_all();
        let is_waiting = |state: &mut State| !state.is_released;
        state = self.changed.wait_while(state, is_waiting).unwrap();
        state.paused -= 1;
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(head) = read_head(&mut reader)? {
            let number = {
                let requests = &mut self.lock().requests;
                requests.push(head.clone());
                requests.len() - 1
            };
            let mut read_body = || {
                read_body(&mut reader, &head, |part| {
                    self.lock().requests[number].body.extend_from_slice(part);
                })
            };
            let answer = self.answer(&head);
            let is_head = head.method == "HEAD";
            if !answer.is_early() {
                read_body()?;
            }
            if !answer.send(&mut stream, is_head, || self.wait_for_release())? {
                return Ok(());
            }
            if answer.is_early() {
                read_body()?;
            }
        }
        Ok(())
    }

    fn answer(&self, request: &Received) -> Answer {
        let mut state = self.lock();
        let mut matching = state.script.iter_mut().filter(|(method, prefix, _)| {
            *method == request.method && request.path.starts_with(&**prefix)
        });
        let found = matching.find_map(|(_, _, answer)| answer.take());
        found.unwrap_or_else(|| Answer::new(404).body("no answer is scripted for this"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};

    use super::super::answer::Cut;
    use super::*;

    /// Sends text on a new connection.
    fn send(registry: &LyingRegistry, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(registry.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    }

    /// Reads until the server closes the connection; returns the headers and the body.
    fn read(mut stream: TcpStream) -> (String, String) {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    const LAST: &str = "GET /last HTTP/1.1\r\n\r\n";

    fn registry() -> LyingRegistry {
        let registry = LyingRegistry::start();
        registry.on("GET", "/last", Answer::new(200).until_close());
        registry
    }

    #[test]
    fn the_first_answer_for_method_and_path_counts_until_it_is_used_up() {
        let registry = registry();
        let limited = Answer::new(429).header("Retry-After", "7").times(2);
        registry
            .on("GET", "/v2/a/", limited)
            .on("GET", "/v2/", Answer::new(200).body("found"));
        let statuses = |method: &str, path: &str| {
            let text = format!("{method} {path} HTTP/1.1\r\n\r\n");
            read(send(&registry, &format!("{}{LAST}", text.repeat(3))))
        };
        let (first, rest) = statuses("GET", "/v2/a/x?y");
        assert_eq!(
            first,
            "HTTP/1.1 429 x\r\nContent-Length: 0\r\nRetry-After: 7"
        );
        assert_eq!(rest.matches("429 x").count(), 1, "{rest}");
        assert!(rest.contains("HTTP/1.1 200 x\r\nContent-Length: 5\r\n\r\nfoundHTTP/1.1 200"));
        let (first, _) = statuses("POST", "/v2/a/x");
        assert!(first.starts_with("HTTP/1.1 404 x"), "{first}");
        let requests = registry.requests();
        assert_eq!(requests.len(), 8);
        assert_eq!(requests[0].path, "/v2/a/x?y");
    }

    #[test]
    fn an_answer_ends_where_the_script_says() {
        let answer = || Answer::new(200).body("0123456789");
        // The answer, its header, what arrives of its body, and whether the connection is reset.
        let table = [
            (
                answer().declared_length(99),
                "Content-Length: 99",
                "0123456789",
                false,
            ),
            (
                answer().declared_length(3),
                "Content-Length: 3",
                "0123456789",
                false,
            ),
            (
                answer().until_close(),
                "Connection: close",
                "0123456789",
                false,
            ),
            (
                answer().cut_after(4, Cut::Close),
                "Content-Length: 10",
                "0123",
                false,
            ),
            (
                answer().cut_after(4, Cut::Reset),
                "Content-Length: 10",
                "0123",
                true,
            ),
            (
                answer().chunked().cut_after(4, Cut::Close),
                "Transfer-Encoding: chunked",
                "4\r\n0123\r\n",
                false,
            ),
        ];
        for (scripted, header, body, is_reset) in table {
            let registry = registry();
            registry.on("GET", "/v2/", scripted.clone());
            let mut stream = send(&registry, "GET /v2/ HTTP/1.1\r\n\r\n");
            let mut bytes = Vec::new();
            let end = stream.read_to_end(&mut bytes).map_err(|e| e.kind());
            let text = String::from_utf8(bytes).unwrap();
            if is_reset {
                assert_eq!(end, Err(ErrorKind::ConnectionReset), "{scripted:?}");
                let whole = format!("HTTP/1.1 200 x\r\n{header}\r\n\r\n{body}");
                assert!(whole.starts_with(&text), "{text}");
            } else {
                assert!(end.is_ok(), "{scripted:?}: {end:?}");
                assert_eq!(text, format!("HTTP/1.1 200 x\r\n{header}\r\n\r\n{body}"));
            }
        }
    }

    #[test]
    fn the_answer_to_head_has_no_body() {
        let registry = registry();
        registry.on("HEAD", "/v2/", Answer::new(200).body("abc"));
        let (head, rest) = read(send(
            &registry,
            &format!("HEAD /v2/ HTTP/1.1\r\n\r\n{LAST}"),
        ));
        assert_eq!(head, "HTTP/1.1 200 x\r\nContent-Length: 3");
        assert!(
            rest.starts_with("HTTP/1.1 200 x\r\nConnection: close"),
            "{rest}"
        );
    }

    #[test]
    fn an_endless_body_repeats_until_the_client_goes_or_until_the_cut() {
        let registry = registry();
        registry.on("GET", "/endless", Answer::new(200).body("ab").endless());
        let cut = Answer::new(200)
            .body("ab")
            .endless()
            .cut_after(1 << 20, Cut::Close);
        registry.on("GET", "/cut", cut);
        let mut stream = send(&registry, "GET /endless HTTP/1.1\r\n\r\n");
        let mut start = vec![0; 4 << 20];
        stream.read_exact(&mut start).unwrap();
        let (_, body) = read(send(&registry, "GET /cut HTTP/1.1\r\n\r\n"));
        assert_eq!(body.matches("ab").count(), 1 << 19);
    }

    #[test]
    fn a_paused_answer_goes_on_when_it_is_released() {
        let registry = registry();
        let answer = || Answer::new(200).body("abcd").until_close();
        registry
            .on("GET", "/before", answer().paused())
            .on("GET", "/inside", answer().paused_after(2))
            .on("GET", "/after", answer().paused_after(4));
        let mut streams = ["before", "inside", "after"]
            .map(|path| send(&registry, &format!("GET /{path} HTTP/1.1\r\n\r\n")));
        registry.await_paused(3);
        let head = "HTTP/1.1 200 x\r\nConnection: close\r\n\r\n";
        let mut texts = ["", "ab", "abcd"].map(|sent| match sent {
            "" => Vec::new(),
            sent => format!("{head}{sent}").into_bytes(),
        });
        for (stream, text) in streams.iter_mut().zip(&mut texts) {
            let want = text.clone();
            stream.read_exact(text).unwrap();
            assert_eq!(*text, want);
            stream.set_nonblocking(true).unwrap();
            let more = stream.read(&mut [0]).map_err(|e| e.kind());
            assert_eq!(more, Err(ErrorKind::WouldBlock));
            stream.set_nonblocking(false).unwrap();
        }
        registry.release();
        for (mut stream, mut text) in streams.into_iter().zip(texts) {
            stream.read_to_end(&mut text).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), format!("{head}abcd"));
        }
    }

    #[test]
    fn requests_are_recorded_with_what_arrived_of_their_bodies() {
        let registry = registry();
        registry
            .on("PUT", "/late", Answer::new(201))
            .on("PUT", "/early", Answer::new(401).early())
            .on(
                "PUT",
                "/gone",
                Answer::new(401).early().cut_after(0, Cut::Reset),
            );
        let put =
            |path: &str| format!("PUT /{path}?d=1 HTTP/1.1\r\nA: b\r\nContent-Length: 3\r\n\r\n");
        let both = format!("{}abc{}def{LAST}", put("late"), put("early"));
        let (head, rest) = read(send(&registry, &both));
        assert!(head.starts_with("HTTP/1.1 201"), "{head}");
        assert!(rest.starts_with("HTTP/1.1 401"), "{rest}");
        // The answer comes although no body does.
        let mut stream = send(&registry, &put("gone"));
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 401");
        let seen: Vec<_> = (registry.requests().into_iter())
            .map(|request| (request.path, String::from_utf8(request.body).unwrap()))
            .collect();
        let want = [
            ("/late?d=1", "abc"),
            ("/early?d=1", "def"),
            ("/last", ""),
            ("/gone?d=1", ""),
        ];
        assert_eq!(
            seen,
            want.map(|(path, body)| (path.to_owned(), body.to_owned()))
        );
        assert_eq!(registry.requests()[0].header("a"), Some("b"));
    }

    #[test]
    fn a_redirect_to_itself_never_ends() {
        let registry = registry();
        registry.on("GET", "/v2/loop", Answer::redirect(307, "/v2/loop"));
        let request = "GET /v2/loop HTTP/1.1\r\n\r\n";
        let (head, rest) = read(send(&registry, &format!("{}{LAST}", request.repeat(20))));
        assert_eq!(
            head,
            "HTTP/1.1 307 x\r\nContent-Length: 0\r\nLocation: /v2/loop"
        );
        assert_eq!(rest.matches("Location: /v2/loop").count(), 19);
    }
}
