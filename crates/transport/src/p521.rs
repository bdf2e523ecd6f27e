//! ECDSA on the curve P-521 (FIPS 186-5), which graviola lacks: keys of clients, and signatures of servers.

use std::sync::{Arc, LazyLock};

use p521::ecdsa::signature::Signer as _;
use p521::ecdsa::signature::hazmat::PrehashVerifier as _;
use p521::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p521::pkcs8::DecodePrivateKey as _;
use rustls::crypto::{CryptoProvider, KeyProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, PrivateKeyDer, SignatureVerificationAlgorithm,
    SubjectPublicKeyInfoDer, alg_id,
};
use rustls::sign::{self, public_key_to_spki};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// The size of a field element in bytes.
const FIELD: usize = 66;
/// The only signature scheme of these keys in TLS 1.3 (RFC 8446, section 4.2.3). TLS 1.2 allows shorter hashes, too, but
/// rustls does not say which version a signature is for.
const SCHEME: SignatureScheme = SignatureScheme::ECDSA_NISTP521_SHA512;

/// A verifier for each hash function that signatures on this curve may use (RFC 5758, section 3.2).
static VERIFIERS: [&dyn SignatureVerificationAlgorithm; 3] = [
    &Verifier {
        algorithm: alg_id::ECDSA_SHA512,
        hash: |message| Sha512::digest(message).to_vec(),
    },
    &Verifier {
        algorithm: alg_id::ECDSA_SHA384,
        hash: |message| Sha384::digest(message).to_vec(),
    },
    &Verifier {
        algorithm: alg_id::ECDSA_SHA256,
        hash: |message| Sha256::digest(message).to_vec(),
    },
];

/// Returns graviola's provider with this curve added.
pub(crate) fn provider() -> CryptoProvider {
    static ALGORITHMS: LazyLock<WebPkiSupportedAlgorithms> = LazyLock::new(|| {
        let others = rustls_graviola::default_provider().signature_verification_algorithms;
        let ours = (SCHEME, &VERIFIERS[..1]);
        WebPkiSupportedAlgorithms {
            all: [others.all, &VERIFIERS].concat().leak(),
            mapping: [others.mapping, &[ours]].concat().leak(),
        }
    });
    CryptoProvider {
        signature_verification_algorithms: *ALGORITHMS,
        key_provider: &Keys,
        ..rustls_graviola::default_provider()
    }
}

/// Loads keys of this curve, and those that graviola supports.
#[derive(Debug)]
struct Keys;

impl KeyProvider for Keys {
    fn load_private_key(
        &self,
        der: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn sign::SigningKey>, Error> {
        let key = match &der {
            PrivateKeyDer::Pkcs8(der) => SigningKey::from_pkcs8_der(der.secret_pkcs8_der()).ok(),
            PrivateKeyDer::Sec1(der) => {
                let key = p521::SecretKey::from_sec1_der(der.secret_sec1_der());
                key.map(SigningKey::from).ok()
            }
            _ => None,
        };
        match key {
            Some(key) => Ok(Arc::new(Key(Arc::new(key)))),
            None => rustls_graviola::default_provider()
                .key_provider
                .load_private_key(der),
        }
    }
}

/// A private key.
#[derive(Debug, Clone)]
struct Key(Arc<SigningKey>);

impl sign::SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn sign::Signer>> {
        let is_offered = offered.contains(&SCHEME);
        is_offered.then(|| Box::new(self.clone()) as Box<dyn sign::Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        let point = self.0.verifying_key().to_sec1_point(false);
        Some(public_key_to_spki(&alg_id::ECDSA_P521, point.as_bytes()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl sign::Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature: DerSignature = (self.0.try_sign(message))
            .map_err(|_| Error::General("signing with the client key failed".to_owned()))?;
        Ok(signature.as_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SCHEME
    }
}

/// Verifies signatures that are made with one hash function.
#[derive(Debug)]
struct Verifier {
    algorithm: AlgorithmIdentifier,
    hash: fn(&[u8]) -> Vec<u8>,
}

impl SignatureVerificationAlgorithm for Verifier {
    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P521
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm
    }

    fn verify_signature(
        &self,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| InvalidSignature)?;
        let signature = DerSignature::from_bytes(signature).map_err(|_| InvalidSignature)?;
        // The hash is an integer, and shorter than the order of the curve (FIPS 186-5, section 6.4.2). The library takes
        // none that is shorter than half of it.
        let hash = (self.hash)(message);
        let mut number = [0; FIELD];
        number[FIELD - hash.len()..].copy_from_slice(&hash);
        (key.verify_prehash(&number, &signature)).map_err(|_| InvalidSignature)
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::server::WebPkiClientVerifier;
    use rustls::{ClientConnection, RootCertStore, ServerConfig, ServerConnection};

    use super::*;
    use crate::tls::{Identity, Trust, client_config, read_certificates};

    fn fixture(name: &str) -> Vec<u8> {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/certificates/"
        );
        std::fs::read(format!("{folder}{name}")).unwrap()
    }

    fn chain(name: &str) -> Vec<CertificateDer<'static>> {
        read_certificates(&fixture(&format!("{name}.pem"))).unwrap()
    }

    fn key(name: &str) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(&fixture(&format!("{name}.key"))).unwrap()
    }

    /// Lets a client with a certificate and a server with another shake hands.
    fn shake_hands(client: &str, server: &str, authority: &str) -> Result<(), Error> {
        let identity = Identity {
            chain: chain(client),
            key: key(client),
        };
        let trust = Trust::Authorities(chain(authority));
        let config = client_config(&trust, Some(identity), &[]).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();

        let provider = Arc::new(provider());
        let mut clients = RootCertStore::empty();
        clients.add(chain("authority").remove(0)).unwrap();
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(clients), Arc::clone(&provider));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(chain(server), key(server))
            .unwrap();
        let mut server = ServerConnection::new(Arc::new(config)).unwrap();

        while client.is_handshaking() || server.is_handshaking() {
            let mut sent = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut sent).unwrap();
            }
            server.read_tls(&mut sent.as_slice()).unwrap();
            server.process_new_packets()?;
            sent.clear();
            while server.wants_write() {
                server.write_tls(&mut sent).unwrap();
            }
            client.read_tls(&mut sent.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn clients_and_servers_may_have_keys_on_p_521() {
        for (client, server, authority) in [
            ("client-p521", "server", "authority"),
            ("client-p521-sec1", "server", "authority"),
            ("client", "server-p521-sha256", "authority-p521"),
            ("client", "server-p521-sha384", "authority-p521"),
            ("client", "server-p521-sha512", "authority-p521"),
            ("client-p521", "server-p521-sha512", "authority-p521"),
        ] {
            let done = shake_hands(client, server, authority);
            assert_eq!(done, Ok(()), "{client} {server}");
        }
        let error = shake_hands("client", "server-p521-sha512", "authority").unwrap_err();
        assert!(matches!(error, Error::InvalidCertificate(_)), "{error}");
    }

    #[test]
    fn a_changed_signature_message_or_key_is_refused() {
        let key = SigningKey::from_pkcs8_der(match &key("client-p521") {
            PrivateKeyDer::Pkcs8(der) => der.secret_pkcs8_der(),
            _ => unreachable!(),
        });
        let key = Key(Arc::new(key.unwrap()));
        let public = key.0.verifying_key().to_sec1_point(false);
        let signature = sign::Signer::sign(&key, b"message").unwrap();
        let is_valid = |public: &[u8], message: &[u8], signature: &[u8]| {
            let verified = VERIFIERS[0].verify_signature(public, message, signature);
            verified.is_ok()
        };
        assert!(is_valid(public.as_bytes(), b"message", &signature));
        assert!(!is_valid(public.as_bytes(), b"messagf", &signature));
        for i in 0..signature.len() {
            let mut changed = signature.clone();
            changed[i] ^= 1;
            assert!(!is_valid(public.as_bytes(), b"message", &changed), "{i}");
        }
        for length in 0..public.as_bytes().len() {
            let cut = &public.as_bytes()[..length];
            assert!(!is_valid(cut, b"message", &signature), "{length}");
        }
        for verifier in &VERIFIERS[1..] {
            let other_hash = verifier.verify_signature(public.as_bytes(), b"message", &signature);
            assert!(other_hash.is_err());
        }
    }
}
