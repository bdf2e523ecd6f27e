//! A proxy in front of the API server that makes requests fail.

use std::convert::Infallible;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::api::{Client, client, runtime};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The proxy refuses it with this status; 429 and 503 ask for a pause of one second.
    Status(u16),
    /// The connection is closed before the request reaches the API server.
    Reset,
    /// The API server handles the request, and the connection is closed without a response.
    LostAnswer,
    /// The response is cut off in the middle.
    CutAnswer,
    /// The request does not reach the API server, and the connection stays open without a response.
    Hang,
    /// The API server handles the request, and the connection stays open without a response.
    HangAfter,
    /// The response has headers, and no body follows.
    Silence,
}

/// Returns the fault for the n-th request, counted from 0, with this path and query.
pub type Faults = Box<dyn Fn(usize, &str) -> Option<Fault> + Send + Sync>;

/// A proxy that listens on loopback without TLS and sends requests as the administrator; dropping it stops it.
pub struct Proxy {
    kubeconfig: PathBuf,
    requests: Arc<AtomicUsize>,
    hangs: Receiver<()>,
    _stop: oneshot::Sender<Infallible>,
}

struct Shared {
    client: Client,
    faults: Faults,
    requests: Arc<AtomicUsize>,
    hangs: Sender<()>,
}

impl Proxy {
    /// Starts a proxy for the cluster of the kubeconfig `upstream`, and writes the kubeconfig of the proxy to `kubeconfig`.
    pub fn start(upstream: &Path, kubeconfig: PathBuf, faults: Faults) -> Self {
        let (address_sender, address) = channel();
        let (stop, mut stopped) = oneshot::channel::<Infallible>();
        let (hangs_sender, hangs) = channel();
        let requests = Arc::new(AtomicUsize::new(0));
        let (upstream, count) = (upstream.to_owned(), Arc::clone(&requests));
        std::thread::spawn(move || {
            runtime().block_on(async {
                let shared = Arc::new(Shared {
                    client: client(&upstream),
                    faults,
                    requests: count,
                    hangs: hangs_sender,
                });
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                address_sender.send(listener.local_addr().unwrap()).unwrap();
                loop {
                    let accepted = tokio::select! {
                        _ = &mut stopped => return,
                        accepted = listener.accept() => accepted,
                    };
                    let Ok((stream, _)) = accepted else { continue };
                    let shared = Arc::clone(&shared);
                    tokio::spawn(async move {
                        let service = service_fn(|request| pass(&shared, request));
                        // Faults close connections.
                        let _ = hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    });
                }
            });
        });
        let server = format!("http://{}", address.recv().unwrap());
        // JSON is YAML.
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": server}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "users": [{"name": "test", "user": {}}],
        });
        std::fs::write(&kubeconfig, config.to_string()).unwrap();
        Self {
            kubeconfig,
            requests,
            hangs,
            _stop: stop,
        }
    }

    /// Returns the kubeconfig of the proxy.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Returns how many requests there were.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Waits until a request hangs; returns `false` if none does within this time.
    pub fn hangs_within(&self, time: Duration) -> bool {
        match self.hangs.recv_timeout(time) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => panic!("the proxy is gone"),
        }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// The connection is closed.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Closed;

async fn pass(shared: &Shared, request: Request<Incoming>) -> Result<Answer, Closed> {
    let number = shared.requests.fetch_add(1, Ordering::SeqCst);
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let fault = (shared.faults)(number, path);
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    match fault {
        Some(Fault::Status(code)) => return Ok(refused(code)),
        Some(Fault::Reset) => return Err(Closed),
        Some(Fault::Hang) => {
            let _ = shared.hangs.send(());
            return pending().await;
        }
        _ => {}
    }
    let sent = shared.client.send(Request::from_parts(head, body)).await;
    let answer = sent
        .map_err(|_| Closed)?
        .map(transport::Body::into_incoming);
    match fault {
        Some(Fault::LostAnswer) => Err(Closed),
        Some(Fault::HangAfter) => {
            let _ = shared.hangs.send(());
            pending().await
        }
        Some(Fault::Silence) => Ok(answer.map(|_| Nothing.boxed_unsync())),
        Some(Fault::CutAnswer) => Ok(answer.map(|body| Half(Some(body)).boxed_unsync())),
        _ => Ok(answer.map(|body| body.map_err(Into::into).boxed_unsync())),
    }
}

fn refused(code: u16) -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "reason": "Injected", "message": format!("injected fault ({code})"),
    });
    let body = Full::from(status.to_string());
    let mut answer = Response::builder()
        .status(code)
        .header("Content-Type", "application/json");
    if matches!(code, 429 | 503) {
        answer = answer.header("Retry-After", "1");
    }
    let body = body.map_err(|never| match never {}).boxed_unsync();
    answer.body(body).expect("an answer")
}

/// A body that never sends anything.
struct Nothing;

impl Body for Nothing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Pending
    }
}

/// Half of the first frame of a body, followed by an error.
struct Half(Option<Incoming>);

impl Body for Half {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.0 else {
            let cut = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            return Poll::Ready(Some(Err(cut.into())));
        };
        let frame = std::task::ready!(Pin::new(body).poll_frame(context));
        self.0 = None;
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.map_data(|data| data.slice(..data.len() / 2))),
            Err(error) => Err(error.into()),
        }))
    }
}
