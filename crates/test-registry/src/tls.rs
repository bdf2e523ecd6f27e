//! TLS of this test process: one authority that all servers here have their certificates from.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use test_cluster::{Authority, PATIENCE, Pair};

/// A name of the servers besides 127.0.0.1.
pub const LOCALHOST: &str = "localhost";

/// Returns the authority of this process.
fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

/// Returns the certificate of the authority that has signed the certificates of all servers here (PEM).
pub fn authority_certificate() -> &'static str {
    authority().certificate()
}

/// Issues a certificate for a server on 127.0.0.1, which is also `localhost`.
pub(crate) fn issue(common_name: &str) -> Pair {
    authority().server(common_name, &[LOCALHOST])
}

/// Writes a new certificate and its key to `server.pem` and `server.key` in a folder.
pub(crate) fn write_pair(common_name: &str, folder: &Path) {
    let pair = issue(common_name);
    std::fs::write(folder.join("server.pem"), pair.certificate).unwrap();
    std::fs::write(folder.join("server.key"), pair.key).unwrap();
}

/// Returns the configuration of a server with a new certificate.
pub(crate) fn server_config(common_name: &str) -> Arc<ServerConfig> {
    let pair = issue(common_name);
    let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(rustls_graviola::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key);
    Arc::new(config.unwrap())
}

/// Gets a path of a server here; returns its answer, headers included.
pub(crate) fn get(address: &str, has_tls: bool, path: &str) -> io::Result<String> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    match has_tls {
        false => exchange(stream, address, path),
        true => {
            let mut roots = RootCertStore::empty();
            let root = CertificateDer::from_pem_slice(authority_certificate().as_bytes());
            roots.add(root.unwrap()).unwrap();
            let provider = rustls_graviola::default_provider();
            let config = ClientConfig::builder_with_provider(provider.into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = ServerName::try_from("127.0.0.1").unwrap();
            let connection = ClientConnection::new(Arc::new(config), name);
            let connection = connection.map_err(io::Error::other)?;
            exchange(StreamOwned::new(connection, stream), address, path)
        }
    }
}

fn exchange(mut stream: impl Read + Write, address: &str, path: &str) -> io::Result<String> {
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    stream.flush()?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // A server may close the connection without saying so in TLS.
        Err(e) if e.kind() != io::ErrorKind::UnexpectedEof => Err(e),
        _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}
