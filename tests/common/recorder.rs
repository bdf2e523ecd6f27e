//! A server that answers as an empty cluster does, and records who asks and how.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, ServerConfig, ServerConnection, SignatureScheme,
};
use serde_json::{Value, json};

/// The headers that say who asks.
const RECORDED: [&str; 3] = ["authorization", "proxy-authorization", "impersonate-"];

/// A request, as far as it says who asks and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The target of the request line, without its query: a path, or a URL for a proxy.
    pub target: String,
    /// Headers in lower case, sorted: `authorization: Bearer t`.
    pub headers: Vec<String>,
    /// The client certificate.
    pub certificate: Option<Vec<u8>>,
}

/// What a recorder answers to requests other than those for `/version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// An empty list.
    Empty,
    /// All requests are unauthorized.
    Unauthorized,
}

/// The server; its thread ends with the process.
pub struct Recorder {
    /// Host and port.
    pub address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Recorder {
    /// Starts a server without TLS.
    pub fn start() -> Recorder {
        Recorder::start_with(None, Answers::Empty)
    }

    /// Starts a server with TLS and a certificate of `tests/fixtures/certificates`, which asks for a client certificate.
    pub fn start_tls(certificate: &str, answers: Answers) -> Recorder {
        let chain = CertificateDer::pem_slice_iter(&fixture(&format!("{certificate}.pem")))
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        let key = PrivateKeyDer::from_pem_slice(&fixture(&format!("{certificate}.key"))).unwrap();
        let mut config =
            ServerConfig::builder_with_provider(rustls_graviola::default_provider().into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_client_cert_verifier(Arc::new(AnyClient))
                .with_single_cert(chain, key)
                .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Recorder::start_with(Some(Arc::new(config)), answers)
    }

    fn start_with(tls: Option<Arc<ServerConfig>>, answers: Answers) -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, tls) = (Arc::clone(&log), tls.clone());
                std::thread::spawn(move || {
                    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
                    match tls {
                        None => answer(stream, |_| None, &log, answers),
                        Some(config) => {
                            let connection =
                                ServerConnection::new(config).map_err(std::io::Error::other)?;
                            let stream = rustls::StreamOwned::new(connection, stream);
                            let certificate = |stream: &rustls::StreamOwned<_, TcpStream>| {
                                let connection: &ServerConnection = &stream.conn;
                                let chain = connection.peer_certificates()?;
                                chain.first().map(|certificate| certificate.to_vec())
                            };
                            answer(stream, certificate, &log, answers)
                        }
                    }
                });
            }
        });
        Recorder { address, seen }
    }

    /// Returns the requests so far, and forgets them.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// Reads a file of `tests/fixtures/certificates`.
pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixture_path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Returns the path of a file of `tests/fixtures/certificates`.
pub fn fixture_path(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/certificates");
    PathBuf::from(folder).join(name)
}

fn answer<S: Read + Write>(
    stream: S,
    certificate: impl Fn(&S) -> Option<Vec<u8>>,
    log: &Mutex<Vec<Seen>>,
    answers: Answers,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let name = name.to_lowercase();
        if RECORDED.iter().any(|recorded| name.starts_with(recorded)) {
            headers.push(format!("{name}: {}", value.trim()));
        }
    }
    headers.sort();
    let target = first
        .split([' ', '?'])
        .nth(1)
        .unwrap_or_default()
        .to_owned();
    let mut stream = reader.into_inner();
    log.lock().unwrap().push(Seen {
        target: target.clone(),
        headers,
        certificate: certificate(&stream),
    });
    let (code, body) = match answers {
        Answers::Unauthorized => (401, json!({"kind": "Status", "code": 401, "message": "no"})),
        Answers::Empty => (200, good(&target)),
    };
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {code} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

fn good(target: &str) -> Value {
    match target.ends_with("/version") {
        true => json!({"major": "1", "minor": "36", "gitVersion": "v1.36.3"}),
        false => json!({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []}),
    }
}

/// Accepts every client certificate, of any version.
#[derive(Debug)]
struct AnyClient;

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED25519,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA512,
        ]
    }
}
