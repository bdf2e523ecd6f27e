//! A certificate authority for servers of tests: P-256 keys that are generated in this process, without C code.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use graviola::hashing::Sha256;
use graviola::signing::ecdsa::{P256, SigningKey};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber,
    SignatureAlgorithm,
};

/// The buffer size in bytes for any encoding of a P-256 key or signature.
const LONGEST: usize = 256;

/// A certificate and its private key, both PEM.
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

/// An authority that signs certificates of servers and clients.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, Key>,
    serials: AtomicU64,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// Creates an authority with a new key.
    pub fn new() -> Self {
        let key = Key::generate();
        let mut params = params("test authority", 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = KeyIdMethod::PreSpecified(b"test authority".to_vec());
        let certificate = params.self_signed(&key).unwrap().pem();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
            serials: AtomicU64::new(2),
        }
    }

    /// Returns the certificate of the authority itself, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Issues a certificate for a server on 127.0.0.1 that also has these host names.
    pub fn server(&self, common_name: &str, hosts: &[&str]) -> Pair {
        let mut params = params(common_name, self.serial());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names = vec![SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
        let hosts = hosts.iter().map(|host| (*host).try_into().unwrap());
        (params.subject_alt_names).extend(hosts.map(SanType::DnsName));
        self.sign(&params)
    }

    /// Issues a client certificate that has expired.
    pub fn expired_client(&self, user: &str) -> Pair {
        let mut params = params(user, self.serial());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        self.sign(&params)
    }

    /// Issues a client certificate for a user in some groups.
    pub fn client(&self, user: &str, groups: &[&str]) -> Pair {
        let mut params = params(user, self.serial());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        // A distinguished name holds each attribute once here, so a user can have one group only.
        assert!(
            groups.len() <= 1,
            "a client certificate holds one group, not {groups:?}"
        );
        for group in groups {
            (params.distinguished_name).push(DnType::OrganizationName, *group);
        }
        self.sign(&params)
    }

    fn serial(&self) -> u64 {
        self.serials.fetch_add(1, Ordering::Relaxed)
    }

    fn sign(&self, params: &CertificateParams) -> Pair {
        let key = Key::generate();
        Pair {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.pem(),
        }
    }
}

/// Generates a key pair: the private key and the public key, PEM.
pub fn key_pair() -> (String, String) {
    let key = Key::generate();
    let mut buffer = [0; LONGEST];
    let public = key.key.to_spki_der(&mut buffer).unwrap();
    (key.pem(), pem("PUBLIC KEY", public))
}

/// Returns a random token: 48 hexadecimal digits.
pub fn token() -> String {
    let mut bytes = [0; 24];
    graviola::random::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = (text.as_bytes().chunks(64))
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

fn params(common_name: &str, serial: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    (params.distinguished_name).push(DnType::CommonName, common_name);
    params.serial_number = Some(SerialNumber::from(serial));
    params
}

/// A P-256 key that signs certificates.
struct Key {
    key: SigningKey<P256>,
    /// The public key as an uncompressed point (SEC 1, section 2.3.3).
    point: Vec<u8>,
}

impl Key {
    fn generate() -> Self {
        let key = SigningKey::<P256>::generate().unwrap();
        let mut buffer = [0; LONGEST];
        let spki = key.to_spki_der(&mut buffer).unwrap();
        // A SubjectPublicKeyInfo ends with the point: 4, x and y.
        let point = spki[spki.len() - 65..].to_vec();
        assert_eq!(point[0], 4, "an uncompressed point");
        Self { key, point }
    }

    fn pem(&self) -> String {
        let mut buffer = [0; LONGEST];
        pem("PRIVATE KEY", self.key.to_pkcs8_der(&mut buffer).unwrap())
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut buffer = [0; LONGEST];
        self.key
            .sign_asn1::<Sha256>(&[message], &mut buffer)
            .map(<[u8]>::to_vec)
            .map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
