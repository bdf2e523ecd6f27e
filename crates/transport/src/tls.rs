//! TLS settings: which servers are trusted, and who the client is.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::{PemObject as _, SectionKind, from_buf};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, InconsistentKeys, SignatureScheme,
};

use crate::error::BuildError;
use crate::p521;
use crate::system::System;
use crate::verifier::Verifier;
use crate::x509::Certificate;

/// Which servers are trusted.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Those whose certificates the authorities of this machine have signed.
    #[default]
    System,
    /// Those whose certificates the authorities of this machine, or these, have signed.
    SystemAnd(Vec<CertificateDer<'static>>),
    /// Those whose certificates these authorities have signed.
    Authorities(Vec<CertificateDer<'static>>),
    /// All, without any check: anyone on the way can read and change what is sent.
    Anyone,
}

/// A client certificate with its chain and its private key.
#[derive(Debug)]
pub struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Identity {
        Identity {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

impl Identity {
    /// Reads a certificate, with its chain, and a private key (PKCS #8, PKCS #1 or SEC 1) from PEM.
    ///
    /// Other blocks, such as `EC PARAMETERS`, are ignored.
    ///
    /// # Errors
    /// One of them is not PEM, or contains no certificate or no key.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Identity, BuildError> {
        let chain = read_certificates(certificate)?;
        let key = match PrivateKeyDer::from_pem_slice(key) {
            Err(rustls::pki_types::pem::Error::NoItemsFound) => {
                return Err(BuildError::NoPrivateKey);
            }
            key => key.map_err(BuildError::Pem)?,
        };
        Ok(Identity { chain, key })
    }
}

impl Identity {
    /// Loads the key, and checks that it is that of the certificate, which may be of any version.
    fn certify(self, provider: &CryptoProvider) -> Result<CertifiedKey, BuildError> {
        let Identity { chain, key } = self;
        let parsed = chain.first().and_then(|first| Certificate::parse(first));
        let unusable = BuildError::Identity;
        let parsed = parsed.ok_or_else(|| unusable(CertificateError::BadEncoding.into()))?;
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(unusable)?;
        // rustls only reads certificates of version 3 for this.
        let public = key.public_key();
        if public.is_some_and(|public| *public != *parsed.key_info) {
            return Err(unusable(InconsistentKeys::KeyMismatch.into()));
        }
        Ok(CertifiedKey::new(chain, key))
    }
}

/// Reads the certificates from PEM; other blocks are ignored.
///
/// # Errors
/// It is not PEM, or contains no certificate.
pub fn read_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let mut certificates = Vec::new();
    let mut rest = pem;
    while let Some((kind, der)) = from_buf(&mut rest).map_err(BuildError::Pem)? {
        if kind == SectionKind::Certificate {
            certificates.push(der.into());
        }
    }
    match certificates.is_empty() {
        true => Err(BuildError::NoCertificate),
        false => Ok(certificates),
    }
}

/// Returns the TLS provider of this program, or graviola with P-521 if it has installed none.
fn provider() -> Result<Arc<CryptoProvider>, BuildError> {
    if let Some(installed) = CryptoProvider::get_default() {
        return Ok(Arc::clone(installed));
    }
    match graviola::util::is_cpu_supported() {
        true => Ok(Arc::new(p521::provider())),
        false => Err(BuildError::UnsupportedProcessor),
    }
}

/// Builds the TLS configuration of a client that speaks these protocols (ALPN, RFC 7301).
pub(crate) fn client_config(
    trust: &Trust,
    identity: Option<Identity>,
    protocols: &[&[u8]],
) -> Result<ClientConfig, BuildError> {
    let provider = provider()?;
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(BuildError::Provider)?;
    let builder = match trust {
        Trust::System => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(System::new(Arc::clone(&provider)))),
        Trust::SystemAnd(authorities) => {
            let system = System::new(Arc::clone(&provider));
            let verifier = Verifier::new(authorities, &provider)?.or(system);
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
        }
        Trust::Authorities(authorities) => {
            let verifier = Verifier::new(authorities, &provider)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
        }
        Trust::Anyone => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(NoCheck(algorithms))),
    };
    let mut config = match identity {
        Some(identity) => {
            let certified = identity.certify(&provider)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

/// Accepts every certificate.
#[derive(Debug)]
struct NoCheck(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for NoCheck {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
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
        self.0.supported_schemes()
    }
}
