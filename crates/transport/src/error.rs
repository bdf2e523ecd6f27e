//! What can go wrong in a client and with a request.

use std::error::Error;
use std::fmt;

use rustls::{CertificateError, InvalidMessage};

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The TLS implementation does not run on this processor.
    #[error(
        "this processor lacks instructions that TLS needs \
         (on x86_64: adx, aes, avx2, bmi1, bmi2 and pclmulqdq)"
    )]
    UnsupportedProcessor,
    /// A certificate or a private key is not valid PEM (RFC 7468).
    #[error("not valid PEM: {0}")]
    Pem(rustls::pki_types::pem::Error),
    /// There is no certificate where one is needed.
    #[error("it contains no certificate")]
    NoCertificate,
    /// There is no private key where one is needed.
    #[error("it contains no private key")]
    NoPrivateKey,
    /// A trust anchor cannot be used.
    #[error("the certificate authority cannot be used: {0}")]
    TrustAnchor(rustls::Error),
    /// The certificates of all trust anchors have expired, or are not valid yet.
    #[error("the certificate of the authority has expired, or is not valid yet")]
    TrustAnchorExpired,
    /// A client certificate or its private key cannot be used.
    #[error("the client certificate cannot be used: {0}")]
    Identity(rustls::Error),
    /// The TLS name of the server is neither a name nor an address.
    #[error("{name:?} is neither a host name nor an IP address")]
    ServerName {
        /// The name.
        name: String,
    },
    /// The TLS provider of this program does not support TLS 1.2 and 1.3.
    #[error("the TLS provider cannot be used: {0}")]
    Provider(rustls::Error),
}

/// Why a request has no answer: the connection could not be established, or broke.
///
/// The message contains all causes.
#[derive(Debug)]
pub struct SendError(pub(crate) Box<dyn Error + Send + Sync>);

impl SendError {
    /// Returns whether the connection could not be established, so that the server cannot have seen the request.
    pub fn is_connect(&self) -> bool {
        let legacy = self.0.downcast_ref::<hyper_util::client::legacy::Error>();
        legacy.is_some_and(hyper_util::client::legacy::Error::is_connect)
    }

    /// Returns whether no authority that is trusted has signed the certificate of the server.
    pub fn is_untrusted_certificate(&self) -> bool {
        let unknown = |error: &CertificateError| matches!(error, CertificateError::UnknownIssuer);
        matches!(self.tls(), Some(rustls::Error::InvalidCertificate(error)) if unknown(error))
    }

    /// Returns whether the server answered the TLS handshake with something that is not TLS, as servers of plain HTTP do.
    pub fn is_not_tls(&self) -> bool {
        matches!(
            self.tls(),
            Some(rustls::Error::InvalidMessage(
                InvalidMessage::InvalidContentType
            ))
        )
    }

    /// Returns the TLS error that ended the connection, if there is one.
    pub fn tls(&self) -> Option<&rustls::Error> {
        let mut next: Option<&(dyn Error + 'static)> = Some(&*self.0);
        while let Some(error) = next {
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return Some(tls);
            }
            let wrapped = error.downcast_ref::<std::io::Error>();
            next = match wrapped.and_then(std::io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The error of the client only says that there is a cause.
        let is_wrapper = self.0.is::<hyper_util::client::legacy::Error>();
        let first: &(dyn Error + 'static) = match (is_wrapper, self.0.source()) {
            (true, Some(cause)) => cause,
            _ => &*self.0,
        };
        let mut text = first.to_string();
        let mut next = first.source();
        while let Some(cause) = next {
            let said = cause.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            next = cause.source();
        }
        f.write_str(&text)
    }
}

impl Error for SendError {}
