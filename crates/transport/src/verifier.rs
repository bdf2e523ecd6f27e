//! Verifies certificates of servers with given authorities, by the rules of Go where those of webpki are stricter.
//!
//! webpki accepts neither a trust anchor that is the certificate of the server itself, nor the certificate of an authority
//! that a server presents as its own. Clusters have both, because Go accepts them. Here the name, the dates, the purpose,
//! the chain and all signatures of these are verified, too.

use std::sync::Arc;

use rustls::CertificateError::{Expired, InvalidPurpose, NotValidYet, UnknownIssuer};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::error::BuildError;
use crate::system::System;
use crate::x509::Certificate;

/// How many authorities a chain has at most.
const LONGEST_CHAIN: u8 = 8;
/// How many signatures are checked at most: a server must not be able to keep the client busy.
const SIGNATURES: usize = 64;

/// Trusts servers whose certificates these authorities have signed, or whose certificates are among them.
#[derive(Debug)]
pub(crate) struct Verifier {
    /// Servers that this one trusts are trusted, too.
    system: Option<System>,
    webpki: Arc<WebPkiServerVerifier>,
    anchors: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Certificates that are not valid now, or cannot be read, are ignored as long as others are left.
    ///
    /// # Errors
    /// None of the certificates can be used.
    pub fn new(
        authorities: &[CertificateDer<'static>],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Verifier, BuildError> {
        let (mut anchors, mut roots) = (Vec::new(), RootCertStore::empty());
        let mut problem = BuildError::NoCertificate;
        for authority in authorities {
            let parsed = Certificate::parse(authority);
            if parsed.is_some_and(|parsed| check_dates(&parsed, UnixTime::now()).is_err()) {
                problem = BuildError::TrustAnchorExpired;
                continue;
            }
            match roots.add(authority.clone()) {
                Ok(()) => anchors.push(authority.clone()),
                Err(error) => problem = BuildError::TrustAnchor(error),
            }
        }
        if anchors.is_empty() {
            return Err(problem);
        }
        let webpki =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        Ok(Verifier {
            system: None,
            webpki: webpki
                .build()
                .map_err(|error| BuildError::TrustAnchor(Error::General(error.to_string())))?,
            anchors,
            algorithms: provider.signature_verification_algorithms,
        })
    }

    /// Also trusts the servers that the authorities of this machine have signed.
    pub fn or(self, system: System) -> Verifier {
        Verifier {
            system: Some(system),
            ..self
        }
    }

    /// Verifies the certificate of a server with the given authorities.
    fn verify_given(
        &self,
        server: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self
            .webpki
            .verify_server_cert(server, intermediates, name, ocsp, now);
        let Err(error) = verified else {
            return verified;
        };
        match self.verify_exception(server, intermediates, name, now) {
            None => Err(error),
            Some(verified) => verified.map(|()| ServerCertVerified::assertion()),
        }
    }

    /// Verifies what only webpki refuses; `None` if it is no such case.
    fn verify_exception(
        &self,
        server: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<Result<(), Error>> {
        let parsed = Certificate::parse(server)?;
        let is_anchor = self.anchors.iter().any(|anchor| **anchor == **server);
        if parsed.is_restricted || !(is_anchor || parsed.is_authority()) {
            return None;
        }
        if !is_anchor {
            let parse = |der| Certificate::parse(der);
            let chain = Chain {
                anchors: self.anchors.iter().filter_map(|der| parse(der)).collect(),
                intermediates: intermediates.iter().filter_map(|der| parse(der)).collect(),
                algorithms: self.algorithms,
                now,
            };
            let mut signatures = SIGNATURES;
            if !chain.leads_to_anchor(&parsed, 0, &mut signatures) {
                return None;
            }
        }
        Some(check_server(server, &parsed, name, now))
    }
}

/// Checks everything but the chain.
fn check_server(
    server: &CertificateDer<'_>,
    parsed: &Certificate<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), Error> {
    check_dates(parsed, now)?;
    if !parsed.is_for_servers() {
        return Err(InvalidPurpose.into());
    }
    verify_server_name(&ParsedCertificate::try_from(server)?, name)
}

fn check_dates(certificate: &Certificate<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    match now {
        _ if now < certificate.not_before => Err(NotValidYet),
        _ if now > certificate.not_after => Err(Expired),
        _ => Ok(()),
    }
}

/// What a chain can be built from.
struct Chain<'c> {
    anchors: Vec<Certificate<'c>>,
    intermediates: Vec<Certificate<'c>>,
    algorithms: WebPkiSupportedAlgorithms,
    now: UnixTime,
}

impl Chain<'_> {
    /// Returns whether a chain of signatures leads from a certificate to a trust anchor; `above` is how many authorities
    /// are between it and the server.
    fn leads_to_anchor(&self, of: &Certificate<'_>, above: u8, signatures: &mut usize) -> bool {
        let anchors = self.anchors.iter().map(|anchor| (anchor, true));
        let intermediates = self.intermediates.iter().map(|other| (other, false));
        for (issuer, is_anchor) in anchors.chain(intermediates) {
            let is_authority = match is_anchor {
                true => issuer.may_be_authority(),
                false => issuer.is_authority(),
            };
            let fits = issuer.subject == of.issuer
                && is_authority
                && issuer.may_sign
                && issuer.is_for_servers()
                && !issuer.is_restricted
                && issuer.path_length.is_none_or(|longest| above <= longest)
                && check_dates(issuer, self.now).is_ok();
            if !fits || !self.has_signed(issuer, of, signatures) {
                continue;
            }
            let is_trusted = is_anchor
                || (above < LONGEST_CHAIN && self.leads_to_anchor(issuer, above + 1, signatures));
            if is_trusted {
                return true;
            }
        }
        false
    }

    /// Returns whether the signature of a certificate is one of this issuer.
    fn has_signed(
        &self,
        issuer: &Certificate<'_>,
        of: &Certificate<'_>,
        signatures: &mut usize,
    ) -> bool {
        self.algorithms.all.iter().any(|algorithm| {
            let fits = algorithm.signature_alg_id().as_ref() == of.signature_algorithm
                && algorithm.public_key_alg_id().as_ref() == issuer.key_algorithm;
            if !fits || *signatures == 0 {
                return false;
            }
            *signatures -= 1;
            let verified = algorithm.verify_signature(issuer.key, of.signed, of.signature);
            verified.is_ok()
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let by_given = self.verify_given(server, intermediates, name, ocsp, now);
        // Images of containers often have no authorities.
        let system = self
            .system
            .as_ref()
            .and_then(|system| system.verifier().ok());
        let (Err(given), Some(system)) = (&by_given, system) else {
            return by_given;
        };
        let is_unknown = *given == Error::InvalidCertificate(UnknownIssuer);
        match system.verify_server_cert(server, intermediates, name, ocsp, now) {
            // The authorities of this machine may know the issuer.
            Err(by_system) if is_unknown => Err(by_system),
            Err(_) => by_given,
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}
