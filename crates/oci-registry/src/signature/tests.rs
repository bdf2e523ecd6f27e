//! Signatures of real tools are accepted; changed, misused and malformed ones are refused, each for its own reason.

use graviola::hashing;
use graviola::signing::ecdsa;
use image_pins::Digest;
use proptest::prelude::*;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::*;
use crate::model::Manifest;

/// Reads a file of the test data, which its README describes.
pub(super) fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/signatures/");
    std::fs::read(format!("{folder}{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(super) fn fixture_text(name: &str) -> String {
    String::from_utf8(fixture(name)).unwrap()
}

fn key(name: &str) -> PublicKey {
    PublicKey::from_pem(&fixture(name)).unwrap()
}

/// The image of signatures that tests make.
const PINNED: &str = "sha256:baa5a0964d3320fbc0c6a922140453c8513ea24ab8fd0577034804a967248096";
const OTHER: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const SIGNATURE_TYPE: &str = "cosign container image signature";
const IN_TOTO: &str = "application/vnd.in-toto+json";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

fn digest(text: &str) -> Digest {
    text.parse().unwrap()
}

/// The image that cosign signed.
fn pin_of_cosign() -> Digest {
    digest(&fixture_text("cosign/digest"))
}

fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Signs a message with the private key of `p256.pub`.
fn sign(message: &[u8]) -> Vec<u8> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(&fixture("p256.key")).unwrap();
    let key = ecdsa::SigningKey::<ecdsa::P256>::from_pkcs8_der(der.secret_pkcs8_der()).unwrap();
    let mut space = [0; 128];
    let signature = key.sign_asn1::<hashing::Sha256>(&[message], &mut space);
    signature.unwrap().to_vec()
}

/// Checks a payload in the older format that the key of the tests has signed.
fn check_signed_payload(payload: &str) -> Result<Signed, Rejected> {
    let signature = encode(&sign(payload.as_bytes()));
    simple::check(
        &key("p256.pub"),
        &digest(PINNED),
        payload.as_bytes(),
        &signature,
    )
}

fn payload_of(kind: &str, image: &str) -> String {
    format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"example.com/harbor"}},"image":{{"docker-manifest-digest":"{image}"}},"type":"{kind}"}},"optional":null}}"#
    )
}

fn statement_of(statement_type: &str, predicate_type: &str, hex: &str) -> String {
    format!(
        r#"{{"_type":"{statement_type}","subject":[{{"name":"example.com/harbor","digest":{{"sha256":"{hex}"}}}}],"predicateType":"{predicate_type}","predicate":{{}}}}"#
    )
}

fn statement() -> String {
    statement_of(STATEMENT, SIGN, &digest(PINNED).hex())
}

/// What DSSE signs, written down once more.
fn encoding(payload_type: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"DSSEv1 ".to_vec();
    for (field, separator) in [(payload_type, " "), (payload, "")] {
        bytes.extend_from_slice(format!("{} ", field.len()).as_bytes());
        bytes.extend_from_slice(field);
        bytes.extend_from_slice(separator.as_bytes());
    }
    bytes
}

fn bundle_of(payload_type: &str, payload: &[u8], signature: &[u8]) -> Value {
    json!({
        "mediaType": bundle::MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": "the key of the harbor"}},
        "dsseEnvelope": {
            "payload": encode(payload),
            "payloadType": payload_type,
            "signatures": [{"sig": encode(signature)}],
        },
    })
}

/// Returns a bundle of a payload that the key of the tests has signed.
fn signed_bundle(payload_type: &str, payload: &str) -> Value {
    let signature = sign(&encoding(payload_type.as_bytes(), payload.as_bytes()));
    bundle_of(payload_type, payload.as_bytes(), &signature)
}

fn check_bundle(bundle: &Value) -> Result<Signed, Rejected> {
    check_bundle_text(&bundle.to_string())
}

fn check_bundle_text(bundle: &str) -> Result<Signed, Rejected> {
    bundle::check(&key("p256.pub"), &digest(PINNED), bundle.as_bytes())
}

fn wrong_type(what: &'static str, found: &str, expected: &'static str) -> Rejected {
    Rejected::Type {
        what,
        found: found.to_owned(),
        expected,
    }
}

fn named(name: &str) -> Result<Signed, Rejected> {
    Ok(Signed {
        name: Some(name.to_owned()),
    })
}

mod real_signatures {
    use super::*;

    #[test]
    fn a_bundle_of_cosign_is_a_signature_of_its_image_only() {
        let manifest = Manifest::parse(fixture("cosign/bundle-manifest.json"), None).unwrap();
        let layers: Vec<_> = bundle::candidates(&manifest).collect();
        let bundle = fixture("cosign/bundle.json");
        assert_eq!(layers.len(), 1);
        assert_eq!(layers[0].digest, crate::digest_of(&bundle));
        assert_eq!(manifest.subject.unwrap().digest, pin_of_cosign());

        let cosign = key("cosign/cosign.pub");
        let checked = bundle::check(&cosign, &pin_of_cosign(), &bundle);
        assert_eq!(checked, Ok(Signed { name: None }));
        assert_eq!(
            bundle::check(&cosign, &digest(PINNED), &bundle),
            Err(Rejected::OtherImage {
                signed: Some(pin_of_cosign().to_string())
            })
        );
        let other = bundle::check(&key("p256.pub"), &pin_of_cosign(), &bundle);
        assert!(
            matches!(&other, Err(Rejected::WrongKey { hint: Some(hint) }) if hint.ends_with('=')),
            "{other:?}"
        );
    }

    #[test]
    fn a_simple_signature_of_cosign_is_one_of_its_image_only() {
        let manifest = Manifest::parse(fixture("cosign/simple-manifest.json"), None).unwrap();
        let candidates: Vec<_> = simple::candidates(&manifest).collect();
        let payload = fixture("cosign/simple-payload.json");
        assert_eq!(candidates.len(), 1);
        assert_eq!(candidates[0].payload.digest, crate::digest_of(&payload));

        let check = |key: &PublicKey, pinned: &Digest| {
            simple::check(key, pinned, &payload, candidates[0].signature)
        };
        let cosign = key("cosign/cosign.pub");
        assert_eq!(
            check(&cosign, &pin_of_cosign()),
            named("127.0.0.1:5907/seaport/harbor")
        );
        assert_eq!(
            check(&cosign, &digest(PINNED)),
            Err(Rejected::OtherImage {
                signed: Some(pin_of_cosign().to_string())
            })
        );
        assert_eq!(
            check(&key("p256.pub"), &pin_of_cosign()),
            Err(Rejected::WrongKey { hint: None })
        );
    }

    #[test]
    fn a_list_of_parts_by_the_right_key_is_an_attestation() {
        let cosign = key("cosign/cosign.pub");
        let bundle = fixture("cosign/sbom-bundle.json");
        assert_eq!(
            bundle::check(&cosign, &pin_of_cosign(), &bundle),
            Err(Rejected::Attestation {
                predicate_type: "https://spdx.dev/Document".to_owned()
            })
        );
    }

    #[test]
    fn a_signature_of_the_hash_by_ed25519_is_refused_with_the_reason() {
        let manifest = Manifest::parse(fixture("cosign/ed25519ph-manifest.json"), None).unwrap();
        let candidate = simple::candidates(&manifest).next().unwrap();
        let payload = fixture("cosign/ed25519ph-payload.json");
        let checked = simple::check(
            &key("ed25519.pub"),
            &pin_of_cosign(),
            &payload,
            candidate.signature,
        );
        assert_eq!(checked, Err(Rejected::WrongKeyOrPrehashed));
    }

    #[test]
    fn every_kind_of_key_can_sign_an_image() {
        let payload = fixture("payload.json");
        for (name, signature) in [
            ("p256", "p256-sha256"),
            ("p384", "p384-sha384"),
            ("p521", "p521-sha512"),
            ("rsa2048", "rsa2048-sha256"),
            ("ed25519", "ed25519"),
        ] {
            let signature = encode(&fixture(&format!("{signature}.sig")));
            let key = key(&format!("{name}.pub"));
            assert_eq!(
                simple::check(&key, &digest(PINNED), &payload, &signature),
                named("registry.example.com/seaport/harbor"),
                "{name}"
            );
        }
    }
}

mod simple_signing {
    use super::*;

    #[test]
    fn the_tag_of_signatures_is_made_of_the_digest() {
        let tag = simple::tag(&digest(OTHER)).unwrap().to_string();
        assert_eq!(
            tag,
            "sha256-44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a.sig"
        );
        assert_eq!(simple::tag(&Digest::Sha512([1; 64])), None);
    }

    #[test]
    fn only_layers_with_the_media_type_and_a_signature_are_candidates() {
        let layer = |media_type: &str, annotation: &str, signature: &str| json!({"mediaType": media_type, "digest": PINNED, "size": 2, "annotations": {annotation: signature}});
        let (media_type, annotation) = (simple::MEDIA_TYPE, simple::SIGNATURE_ANNOTATION);
        let text = json!({
            "schemaVersion": 2,
            "config": layer("application/vnd.oci.image.config.v1+json", annotation, "config"),
            "layers": [
                layer(media_type, annotation, "first"),
                layer("application/vnd.dsse.envelope.v1+json", annotation, "attestation"),
                layer(media_type, "dev.cosignproject.cosign/Signature", "upper case"),
                layer(media_type, annotation, ""),
            ],
        });
        let manifest = Manifest::parse(text.to_string(), None).unwrap();
        let signatures: Vec<&str> = simple::candidates(&manifest)
            .map(|candidate| candidate.signature)
            .collect();
        assert_eq!(signatures, ["first", ""]);

        let index = json!({"schemaVersion": 2, "manifests": [layer(media_type, annotation, "x")]});
        let index = Manifest::parse(index.to_string(), None).unwrap();
        assert_eq!(simple::candidates(&index).count(), 0);
    }

    #[test]
    fn a_payload_that_the_key_signed_counts_only_if_it_is_a_signature_of_the_image() {
        let table = [
            (
                payload_of(SIGNATURE_TYPE, PINNED),
                named("example.com/harbor"),
            ),
            (
                payload_of(SIGNATURE_TYPE, OTHER),
                Err(Rejected::OtherImage {
                    signed: Some(OTHER.to_owned()),
                }),
            ),
            (
                payload_of("atomic container signature", PINNED),
                Err(wrong_type(
                    "type of the payload",
                    "atomic container signature",
                    SIGNATURE_TYPE,
                )),
            ),
            (
                payload_of("", PINNED),
                Err(wrong_type("type of the payload", "", SIGNATURE_TYPE)),
            ),
            (
                payload_of(SIGNATURE_TYPE, &PINNED.to_uppercase()),
                Err(Rejected::OtherImage {
                    signed: Some(PINNED.to_uppercase()),
                }),
            ),
        ];
        for (payload, result) in table {
            assert_eq!(check_signed_payload(&payload), result, "{payload}");
        }
    }

    #[test]
    fn payloads_that_programs_read_in_different_ways_are_refused() {
        let good = payload_of(SIGNATURE_TYPE, PINNED);
        let image = format!(r#""image":{{"docker-manifest-digest":"{PINNED}"}}"#);
        let other = format!(r#""image":{{"docker-manifest-digest":"{OTHER}"}}"#);
        let upper = other.replace("image", "Image");
        let table = [
            (
                good.replace(&image, &format!("{other},{image}")),
                "duplicate field `image`",
            ),
            (
                good.replace(&image, &format!("{image},{other}")),
                "duplicate field `image`",
            ),
            (
                good.replace(&image, &format!("{image},{upper}")),
                "unknown field `Image`",
            ),
            (
                good.replace(r#""type""#, r#""type":"x","type""#),
                "duplicate field `type`",
            ),
            (
                good.replace(r#""optional""#, r#""critical":{},"optional""#),
                "duplicate field `critical`",
            ),
            (
                good.replace(r#""optional""#, r#""Critical":{},"optional""#),
                "unknown field `Critical`",
            ),
            (
                good.replace("docker-manifest", "docker-Manifest"),
                "unknown field `docker-Manifest-digest`",
            ),
            (
                good.replace(r#""docker-ref"#, r#""Docker-Reference":"x","docker-ref"#),
                "unknown field `Docker-Reference`",
            ),
            (good.replace(&image, r#""image":{}"#), "missing field"),
            (format!("{good}{good}"), "trailing characters"),
            (String::new(), "EOF while parsing"),
            ("null".to_owned(), "invalid type: null"),
        ];
        for (payload, reason) in table {
            assert_ne!(payload, good);
            match check_signed_payload(&payload) {
                Err(Rejected::Json { what, error }) => {
                    assert_eq!(what, "payload");
                    assert!(error.contains(reason), "{error} for {payload}");
                }
                other => panic!("{other:?} for {payload}"),
            }
        }
    }

    #[test]
    fn a_signature_that_is_no_base64_is_refused() {
        let payload = payload_of(SIGNATURE_TYPE, PINNED);
        let good = encode(&sign(payload.as_bytes()));
        let table = [
            (String::new(), Rejected::Empty),
            ("?".to_owned(), Rejected::Base64("signature")),
            (format!("{good}\n"), Rejected::Base64("signature")),
            (format!("{good}===="), Rejected::Base64("signature")),
            (good[..7].to_owned(), Rejected::Base64("signature")),
            ("AAAA".to_owned(), Rejected::WrongKey { hint: None }),
        ];
        let check = |signature: &str| {
            let payload = payload.as_bytes();
            simple::check(&key("p256.pub"), &digest(PINNED), payload, signature)
        };
        assert!(check(&good).is_ok());
        for (signature, rejected) in table {
            assert_eq!(check(&signature), Err(rejected), "{signature:?}");
        }
    }
}

mod bundles {
    use super::*;

    #[test]
    fn a_statement_that_the_key_signed_counts_only_if_it_is_a_signature_of_the_image() {
        let hex = digest(PINNED).hex();
        let other = digest(OTHER).hex();
        let two = |first: &str, second: &str| {
            statement().replace(
                r#""subject":["#,
                &format!(r#""subject":[{{"digest":{{{first}}}}},{{"digest":{{{second}}}}},"#),
            )
        };
        let foreign = || {
            Err(Rejected::OtherImage {
                signed: Some(OTHER.to_owned()),
            })
        };
        let table = [
            (statement(), named("example.com/harbor")),
            (
                two(&format!(r#""sha256":"{other}""#), r#""sha1":"x""#),
                named("example.com/harbor"),
            ),
            (statement_of(STATEMENT, SIGN, &other), foreign()),
            (
                statement_of(STATEMENT, SIGN, &hex).replace("sha256", "sha512"),
                Err(Rejected::OtherImage { signed: None }),
            ),
            (
                statement_of(STATEMENT, SIGN, &hex).replace("sha256", "SHA256"),
                Err(Rejected::OtherImage { signed: None }),
            ),
            (
                statement_of(STATEMENT, "https://spdx.dev/Document", &hex),
                Err(Rejected::Attestation {
                    predicate_type: "https://spdx.dev/Document".to_owned(),
                }),
            ),
            (
                statement_of(STATEMENT, &format!("{SIGN}/"), &hex),
                Err(Rejected::Attestation {
                    predicate_type: format!("{SIGN}/"),
                }),
            ),
            (
                statement_of("https://in-toto.io/Statement/v0.1", SIGN, &hex),
                Err(wrong_type(
                    "type of the statement",
                    "https://in-toto.io/Statement/v0.1",
                    STATEMENT,
                )),
            ),
        ];
        for (statement, result) in table {
            let bundle = signed_bundle(IN_TOTO, &statement);
            assert_eq!(check_bundle(&bundle), result, "{statement}");
        }
    }

    #[test]
    fn a_pin_by_sha_512_is_compared_with_that_digest() {
        let pinned = Digest::Sha512([7; 64]);
        let subject = statement().replace("sha256", "sha512");
        let statement = subject.replace(&digest(PINNED).hex(), &pinned.hex());
        let bundle = signed_bundle(IN_TOTO, &statement).to_string();
        let check = |pinned: Digest| bundle::check(&key("p256.pub"), &pinned, bundle.as_bytes());
        assert_eq!(check(pinned), named("example.com/harbor"));
        assert_eq!(
            check(Digest::Sha512([8; 64])),
            Err(Rejected::OtherImage {
                signed: Some(pinned.to_string())
            })
        );
    }

    #[test]
    fn an_envelope_for_another_purpose_is_refused() {
        let bundle = signed_bundle("application/json", &statement());
        assert_eq!(
            check_bundle(&bundle),
            Err(wrong_type(
                "type of the payload",
                "application/json",
                IN_TOTO
            ))
        );
        // The payload itself, signed without the encoding.
        let bare = bundle_of(
            IN_TOTO,
            statement().as_bytes(),
            &sign(statement().as_bytes()),
        );
        assert_eq!(
            check_bundle(&bare),
            Err(Rejected::WrongKey {
                hint: Some("the key of the harbor".to_owned())
            })
        );
    }

    #[test]
    fn an_envelope_has_exactly_one_signature() {
        for count in [0, 2, 3] {
            let mut bundle = signed_bundle(IN_TOTO, &statement());
            let right = bundle["dsseEnvelope"]["signatures"][0].clone();
            let mut signatures = vec![right; count];
            if let Some(last) = signatures.get_mut(1) {
                *last = json!({"sig": "AAAA"});
            }
            bundle["dsseEnvelope"]["signatures"] = Value::Array(signatures);
            assert_eq!(check_bundle(&bundle), Err(Rejected::SignatureCount(count)));
        }
        let mut bundle = signed_bundle(IN_TOTO, &statement());
        let envelope = bundle["dsseEnvelope"].as_object_mut().unwrap();
        envelope.remove("signatures");
        assert_eq!(check_bundle(&bundle), Err(Rejected::SignatureCount(0)));
    }

    #[test]
    fn a_changed_bundle_is_refused_for_what_is_wrong_with_it() {
        let media_type = "media type of the bundle";
        let old = "application/vnd.dev.sigstore.bundle+json;version=0.2";
        let newer = "application/vnd.dev.sigstore.bundle.v0.4+json";
        let table: [(&str, Value, Rejected); 16] = [
            (
                "/mediaType",
                json!(newer),
                wrong_type(media_type, newer, bundle::MEDIA_TYPE),
            ),
            (
                "/mediaType",
                json!(old),
                wrong_type(media_type, old, bundle::MEDIA_TYPE),
            ),
            (
                "/mediaType",
                Value::Null,
                wrong_type(media_type, "", bundle::MEDIA_TYPE),
            ),
            (
                "/verificationMaterial",
                json!({"certificate": {"rawBytes": "AAAA"}}),
                Rejected::Keyless,
            ),
            (
                "/verificationMaterial",
                json!({"x509CertificateChain": {"certificates": []}}),
                Rejected::Keyless,
            ),
            (
                "/verificationMaterial",
                json!({"publicKey": {"hint": "x"}, "x509_certificate_chain": {}}),
                Rejected::Keyless,
            ),
            (
                "/verificationMaterial",
                json!({"tlogEntries": []}),
                Rejected::NoVerificationMaterial,
            ),
            (
                "/verificationMaterial",
                Value::Null,
                Rejected::NoVerificationMaterial,
            ),
            ("/dsseEnvelope", Value::Null, Rejected::NoEnvelope),
            ("/dsseEnvelope/signatures/0/sig", json!(""), Rejected::Empty),
            (
                "/dsseEnvelope/signatures/0/sig",
                Value::Null,
                Rejected::Empty,
            ),
            (
                "/dsseEnvelope/signatures/0/sig",
                json!("no base64"),
                Rejected::Base64("signature"),
            ),
            (
                "/dsseEnvelope/payload",
                json!("no base64"),
                Rejected::Base64("payload"),
            ),
            (
                "/dsseEnvelope/payload",
                json!(""),
                Rejected::WrongKey {
                    hint: Some("the key of the harbor".to_owned()),
                },
            ),
            (
                "/dsseEnvelope/payload",
                json!(encode(statement().replace("harbor", "arbor").as_bytes())),
                Rejected::WrongKey {
                    hint: Some("the key of the harbor".to_owned()),
                },
            ),
            (
                "/dsseEnvelope/payloadType",
                Value::Null,
                wrong_type("type of the payload", "", IN_TOTO),
            ),
        ];
        for (place, value, rejected) in table {
            let mut bundle = signed_bundle(IN_TOTO, &statement());
            assert!(check_bundle(&bundle).is_ok());
            *bundle.pointer_mut(place).unwrap() = value;
            assert_eq!(check_bundle(&bundle), Err(rejected), "{bundle}");
        }
    }

    #[test]
    fn all_spellings_of_protobuf_are_read() {
        let bundle = signed_bundle(IN_TOTO, &statement());
        let text = bundle.to_string();
        let payload = encode(statement().as_bytes());
        let unpadded = payload.trim_end_matches('=');
        let url_safe = |text: &str| text.replace('+', "-").replace('/', "_");
        let signature = bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str();
        let signature = signature.unwrap();
        let snake = text
            .replace("mediaType", "media_type")
            .replace("verificationMaterial", "verification_material")
            .replace("publicKey", "public_key")
            .replace("dsseEnvelope", "dsse_envelope")
            .replace("payloadType", "payload_type");
        let old_name = "application/vnd.dev.sigstore.bundle+json;version=0.3";
        for other in [
            snake,
            text.replace(&payload, unpadded),
            text.replace(&payload, &url_safe(&payload)),
            text.replace(signature, url_safe(signature).trim_end_matches('=')),
            text.replace(bundle::MEDIA_TYPE, old_name),
            text.replacen('{', r#"{"new":{"field":1},"#, 1),
            text.replace(
                r#""publicKey""#,
                r#""certificate":null,"tlogEntries":[],"publicKey""#,
            ),
        ] {
            assert_eq!(
                check_bundle_text(&other),
                named("example.com/harbor"),
                "{other}"
            );
        }
    }

    #[test]
    fn a_field_that_is_there_twice_is_refused_in_the_bundle_and_in_the_statement() {
        let bundle = signed_bundle(IN_TOTO, &statement()).to_string();
        let in_bundle = [
            "mediaType",
            "media_type",
            "dsseEnvelope",
            "dsse_envelope",
            "verification_material",
            "public_key",
            "payload",
            "payload_type",
            "signatures",
            "sig",
        ];
        for field in in_bundle {
            let camel = match field {
                "media_type" => "mediaType",
                "dsse_envelope" => "dsseEnvelope",
                "verification_material" => "verificationMaterial",
                "public_key" => "publicKey",
                "payload_type" => "payloadType",
                same => same,
            };
            let (first, second) = (format!(r#""{camel}":"#), format!(r#""{field}":null,"#));
            let twice = bundle.replacen(&first, &format!("{second}{first}"), 1);
            assert_ne!(twice, bundle, "{field}");
            match check_bundle_text(&twice) {
                Err(Rejected::Json { what, error }) => {
                    assert_eq!(what, "bundle");
                    assert!(error.contains("duplicate field"), "{error} for {twice}");
                }
                other => panic!("{other:?} for {twice}"),
            }
        }
        let other = digest(OTHER).hex();
        let table = [
            (r#""sha256":"#, format!(r#""sha256":"{other}","#)),
            (r#""digest":"#, r#""digest":{},"#.to_owned()),
            (r#""subject":"#, r#""subject":[],"#.to_owned()),
            (
                r#""predicateType":"#,
                r#""predicateType":"https://spdx.dev/Document","#.to_owned(),
            ),
            (r#""_type":"#, r#""_type":"x","#.to_owned()),
        ];
        for (field, before) in table {
            let twice = statement().replacen(field, &format!("{before}{field}"), 1);
            match check_bundle(&signed_bundle(IN_TOTO, &twice)) {
                Err(Rejected::Json { what, error }) => {
                    assert_eq!(what, "statement");
                    assert!(error.contains("duplicate field"), "{error}");
                }
                other => panic!("{other:?} for {twice}"),
            }
        }
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        for text in ["", "{", "[]", "7", "null", "<html>", "{}{}", "\u{feff}{}"] {
            let rejected = check_bundle_text(text).unwrap_err();
            let is_json = matches!(&rejected, Rejected::Json { what: "bundle", .. });
            assert!(is_json, "{rejected:?} for {text:?}");
        }
        let deep = "[".repeat(1 << 20);
        assert!(check_bundle_text(&deep).is_err());
        let deep = format!(r#"{{"other":{}}}"#, "[".repeat(1 << 20));
        assert!(check_bundle_text(&deep).is_err());
    }
}

mod changes {
    use super::*;

    /// Returns all copies of bytes in which one bit is different.
    fn with_one_other_bit(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
        (0..bytes.len() * 8).map(|bit| {
            let mut changed = bytes.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            changed
        })
    }

    #[test]
    fn no_bit_of_a_simple_signature_can_be_changed() {
        let manifest = Manifest::parse(fixture("cosign/simple-manifest.json"), None).unwrap();
        let signature = simple::candidates(&manifest).next().unwrap().signature;
        let payload = fixture("cosign/simple-payload.json");
        let (cosign, pinned) = (key("cosign/cosign.pub"), pin_of_cosign());
        let check = |payload: &[u8], signature: &[u8]| {
            let text = std::str::from_utf8(signature).ok()?;
            simple::check(&cosign, &pinned, payload, text).ok()
        };
        assert!(check(&payload, signature.as_bytes()).is_some());
        for changed in with_one_other_bit(&payload) {
            assert_eq!(check(&changed, signature.as_bytes()), None);
        }
        for changed in with_one_other_bit(signature.as_bytes()) {
            let text = String::from_utf8_lossy(&changed).into_owned();
            assert_eq!(check(&payload, &changed), None, "{text}");
        }
    }

    #[test]
    fn no_bit_of_an_envelope_can_be_changed() {
        let bundle: Value = serde_json::from_slice(&fixture("cosign/bundle.json")).unwrap();
        let field = |place: &str| {
            let text = bundle.pointer(place).unwrap().as_str().unwrap();
            decode(text, "field").unwrap()
        };
        let payload = field("/dsseEnvelope/payload");
        let signature = field("/dsseEnvelope/signatures/0/sig");
        let (cosign, pinned) = (key("cosign/cosign.pub"), pin_of_cosign());
        let check = |payload: &[u8], signature: &[u8]| {
            let bundle = bundle_of(IN_TOTO, payload, signature).to_string();
            bundle::check(&cosign, &pinned, bundle.as_bytes()).is_ok()
        };
        assert!(check(&payload, &signature));
        for changed in with_one_other_bit(&payload) {
            assert!(!check(&changed, &signature));
        }
        for changed in with_one_other_bit(&signature) {
            assert!(!check(&payload, &changed));
        }
        // The type of the payload and both lengths are signed, too.
        let signed = encoding(IN_TOTO.as_bytes(), &payload);
        assert!(cosign.verify(&signed, &signature));
        let head = signed.len() - payload.len();
        for changed in with_one_other_bit(&signed[..head]) {
            let changed = [&changed, payload.as_slice()].concat();
            assert!(!cosign.verify(&changed, &signature));
        }
    }

    proptest! {
        #[test]
        fn different_envelopes_never_sign_the_same_bytes(
            one in ("[ 0-9DSEv]{0,12}", "[ 0-9DSEv]{0,12}"),
            other in ("[ 0-9DSEv]{0,12}", "[ 0-9DSEv]{0,12}"),
        ) {
            let bytes = |(kind, payload): &(String, String)| bundle::authentic(kind, payload.as_bytes());
            prop_assert_eq!(bytes(&one) == bytes(&other), one == other);
            // The same text, cut at another place.
            let whole = format!("{}{}", one.0, one.1);
            for cut in 0..=whole.len() {
                let moved = (whole[..cut].to_owned(), whole[cut..].to_owned());
                prop_assert_eq!(bytes(&one) == bytes(&moved), one == moved);
            }
        }

        #[test]
        fn the_signed_bytes_have_both_fields_with_their_lengths_in_bytes(
            kind in "\\PC{0,12}",
            payload in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            prop_assert_eq!(bundle::authentic(&kind, &payload), encoding(kind.as_bytes(), &payload));
        }

        #[test]
        fn other_bytes_are_never_a_signature(
            payload in proptest::collection::vec(any::<u8>(), 0..200),
            signature in "[A-Za-z0-9+/=_-]{0,100}",
        ) {
            let (key, pinned) = (key("p256.pub"), digest(PINNED));
            prop_assert!(simple::check(&key, &pinned, &payload, &signature).is_err());
            prop_assert!(bundle::check(&key, &pinned, &payload).is_err());
        }
    }

    #[test]
    fn the_encoding_is_that_of_the_specification() {
        // DSSE, protocol.md, "Test Vectors".
        let bytes = bundle::authentic("http://example.com/HelloWorld", b"hello world");
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }
}

mod verdicts {
    use super::*;

    const SIMPLE: Format = Format::SimpleSigning;
    const BUNDLE: Format = Format::Bundle;

    fn valid() -> Outcome {
        Outcome::Valid(Signed { name: None })
    }

    fn rejected() -> Outcome {
        Outcome::Rejected(Rejected::WrongKey { hint: None })
    }

    fn unreadable() -> Outcome {
        Outcome::Unreadable("the registry answers 503".to_owned())
    }

    #[test]
    fn one_valid_signature_is_enough() {
        let table = [
            (
                vec![(SIMPLE, valid())],
                "1 valid signature (simple signing)",
                0,
            ),
            (
                vec![(BUNDLE, valid()), (SIMPLE, unreadable())],
                "1 valid signature (sigstore bundle)",
                1,
            ),
            (
                vec![
                    (BUNDLE, unreadable()),
                    (BUNDLE, rejected()),
                    (SIMPLE, valid()),
                ],
                "1 valid signature (simple signing)",
                2,
            ),
            (
                vec![
                    (BUNDLE, valid()),
                    (BUNDLE, rejected()),
                    (SIMPLE, valid()),
                    (BUNDLE, valid()),
                ],
                "3 valid signatures (simple signing, 2 × sigstore bundle)",
                1,
            ),
        ];
        for (outcomes, text, problems) in table {
            let verified = judge(outcomes).unwrap();
            let expected = format!("{text}; no transparency log was consulted");
            assert_eq!(verified.to_string(), expected);
            assert_eq!(verified.problems.len(), problems, "{text}");
            let all = verified.count(SIMPLE) + verified.count(BUNDLE);
            assert_eq!(all, verified.signatures().len());
        }
    }

    #[test]
    fn without_a_valid_signature_all_reasons_are_given() {
        let attestation = || {
            Outcome::Rejected(Rejected::Attestation {
                predicate_type: "https://spdx.dev/Document".to_owned(),
            })
        };
        let table = [
            (vec![], "no signature found", false),
            (
                vec![(SIMPLE, unreadable()), (BUNDLE, attestation())],
                "no valid signature found: simple signing: cannot be read: the registry answers 503; sigstore bundle: \
                 it is an attestation of the type \"https://spdx.dev/Document\", not a signature",
                true,
            ),
            (
                vec![
                    (BUNDLE, rejected()),
                    (SIMPLE, rejected()),
                    (BUNDLE, rejected()),
                ],
                "no valid signature found: sigstore bundle: it was signed with another key, or changed afterwards \
                 (2 times); simple signing: it was signed with another key, or changed afterwards",
                false,
            ),
        ];
        for (outcomes, text, is_incomplete) in table {
            let unverified = judge(outcomes).unwrap_err();
            let expected = format!("{text}; no transparency log was consulted");
            assert_eq!(unverified.to_string(), expected);
            assert_eq!(unverified.is_incomplete(), is_incomplete, "{text}");
        }
    }

    #[test]
    fn a_message_about_many_candidates_is_short() {
        let outcomes = (0..1000).map(|count| {
            let rejected = Rejected::SignatureCount(count / 2 + 2);
            (BUNDLE, Outcome::Rejected(rejected))
        });
        let text = judge(outcomes).unwrap_err().to_string();
        assert_eq!(text.matches("(2 times)").count(), 8, "{text}");
        assert!(text.contains("; and 984 more; no"), "{text}");
    }

    #[test]
    fn text_from_a_registry_is_short_and_has_no_control_characters() {
        let long = format!("\u{1b}[31m\n{}", "x".repeat(5000));
        let hex = digest(PINNED).hex();
        let statement = |predicate_type: &str, subject: &str| {
            let value = json!({
                "_type": STATEMENT,
                "predicateType": predicate_type,
                "subject": [{"digest": {"sha256": subject}}],
            });
            signed_bundle(IN_TOTO, &value.to_string())
        };
        let mut hinted = signed_bundle(IN_TOTO, "{}");
        hinted["verificationMaterial"]["publicKey"]["hint"] = json!(long);
        hinted["dsseEnvelope"]["payload"] = json!("AAAA");
        let mut typed = signed_bundle(IN_TOTO, "{}");
        typed["mediaType"] = json!(long);
        let mut invalid = signed_bundle(IN_TOTO, "{}");
        invalid["dsseEnvelope"] = json!(long);
        let bundles = [
            statement(&long, &hex),
            statement(SIGN, &long),
            hinted,
            typed,
            invalid,
        ];
        let payload = json!({"critical": {
            "identity": {},
            "image": {"docker-manifest-digest": long},
            "type": SIGNATURE_TYPE,
        }});
        let results = bundles
            .iter()
            .map(check_bundle)
            .chain([check_signed_payload(&payload.to_string())]);
        for result in results {
            let message = result.unwrap_err().to_string();
            assert!(message.contains("[31m"), "{message}");
            assert!(message.len() < 500, "{message}");
            assert!(!message.contains(char::is_control), "{message:?}");
        }
        let unverified = judge([(SIMPLE, Outcome::Unreadable(long))]).unwrap_err();
        let message = unverified.to_string();
        assert!(message.contains("\\u{1b}[31m\\nxx"), "{message}");
        assert!(!message.contains(char::is_control), "{message:?}");
    }
}
