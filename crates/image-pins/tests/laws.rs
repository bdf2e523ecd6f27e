//! Property tests of digests, references and pin files.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use image_pins::{
    Components, Digest, PinFile, Reference, ReleaseName, RepositoryPrefix, Source, Tag,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

const DOMAIN: &str =
    "localhost|[a-zA-Z0-9]{1,8}(-[a-z0-9]{1,4})?\\.[a-zA-Z0-9]{1,8}|Registry|\\[[a-f0-9:]{2,20}\\]";
const PORT: &str = "(:[0-9]{1,5})?";
const COMPONENT: &str = "[a-z0-9]{1,6}((\\.|_|__|-{1,3})[a-z0-9]{1,6}){0,3}";
const TAG: &str = "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}";

fn digest() -> impl Strategy<Value = Digest> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(Digest::Sha256),
        (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(first, last)| {
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(&first);
            bytes[32..].copy_from_slice(&last);
            Digest::Sha512(bytes)
        }),
    ]
}

fn domain() -> impl Strategy<Value = String> {
    (DOMAIN, PORT).prop_map(|(host, port)| host + &port)
}

prop_compose! {
    fn reference_text()(
        domain in option::of(domain()),
        path in vec(COMPONENT, 1..5),
        tag in option::of(TAG),
        digest in option::of(digest()),
    ) -> String {
        let domain = domain.map(|domain| domain + "/").unwrap_or_default();
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = digest.map(|digest| format!("@{digest}")).unwrap_or_default();
        format!("{domain}{}{tag}{digest}", path.join("/"))
    }
}

fn release() -> impl Strategy<Value = ReleaseName> {
    ("v(0|[1-9][0-9]{0,3})\\.(0|[1-9][0-9]?)\\.(0|[1-9][0-9]?)(-(rc|beta)\\.[1-9])?")
        .prop_map(|text| text.parse().unwrap())
}

prop_compose! {
    fn pin_file()(
        release in release(),
        registry in prop_oneof![domain(), COMPONENT.prop_map(String::from)],
        file in any::<String>(),
        format in any::<String>(),
        sha256 in any::<[u8; 32]>(),
        images in btree_map(COMPONENT, any::<[u8; 32]>().prop_map(Digest::Sha256), 1..5),
        external in btree_map(
            "[A-Za-z0-9_-]{1,9}(\\.[A-Za-z0-9_-]{1,9}){0,2}",
            (COMPONENT, TAG).prop_map(|(name, tag)| format!("{name}:{tag}").parse::<Reference>().unwrap()),
            0..4,
        ),
    ) -> PinFile {
        let registry = registry.parse().unwrap();
        PinFile { release, registry, source: Source { file, format, sha256: Digest::Sha256(sha256) }, images, external }
    }
}

proptest! {
    #[test]
    fn a_displayed_digest_parses_to_itself(digest in digest()) {
        let text = digest.to_string();
        prop_assert_eq!(text.parse(), Ok(digest));
        prop_assert_eq!(format!("{}:{}", digest.algorithm(), digest.hex()), text);
        prop_assert_eq!(digest.hex().len(), digest.as_bytes().len() * 2);
    }

    #[test]
    fn a_parsed_reference_displays_its_input(text in reference_text()) {
        prop_assume!(text.split(['@']).next().unwrap().len() <= 255);
        let reference: Reference = text.parse().unwrap();
        prop_assert_eq!(reference.to_string(), text.clone());
        let json = serde_json::to_string(&reference).unwrap();
        prop_assert_eq!(serde_json::from_str::<Reference>(&json).unwrap(), reference.clone());

        let parts = reference.domain().map_or(String::new(), |domain| format!("{domain}/")) + reference.path();
        prop_assert_eq!(reference.name(), parts);
        prop_assert_eq!(reference.is_pinned(), text.contains('@'));
        prop_assert!(reference.path().ends_with(reference.file_name()));
    }

    #[test]
    fn normalization_adds_a_domain_and_is_idempotent(text in reference_text()) {
        let reference: Reference = text.parse().unwrap();
        let normalized = reference.normalized();
        prop_assume!(normalized.name().len() <= 255);
        prop_assert!(normalized.domain().is_some());
        prop_assert_eq!(normalized.normalized(), normalized.clone());
        prop_assert_eq!(normalized.to_string().parse::<Reference>().unwrap(), normalized.clone());
        prop_assert_eq!((normalized.tag(), normalized.digest()), (reference.tag(), reference.digest()));
    }

    #[test]
    fn with_tag_and_with_digest_replace_tag_and_digest(
        text in reference_text(), tag in TAG, digest in digest(),
    ) {
        let reference: Reference = text.parse().unwrap();
        let tag: Tag = tag.parse().unwrap();
        let tagged = reference.with_tag(&tag);
        prop_assert_eq!(tagged.to_string(), format!("{}:{tag}", reference.name()));
        let pinned = reference.with_digest(digest);
        prop_assert_eq!(pinned.to_string(), format!("{}@{digest}", reference.name()));
        prop_assert_eq!(pinned.to_string().parse(), Ok(pinned));
    }

    #[test]
    fn an_image_name_starts_with_its_prefix(
        domain in option::of(domain()), path in vec(COMPONENT, 1..4), name in COMPONENT,
    ) {
        let text = domain.into_iter().chain(path).collect::<Vec<_>>().join("/");
        let registry: RepositoryPrefix = text.parse().unwrap();
        prop_assert_eq!(registry.to_string(), text.clone());
        prop_assert_eq!(registry.image(&name).unwrap().to_string(), format!("{text}/{name}"));
    }

    #[test]
    fn parsers_never_panic_on_any_string(text in any::<String>()) {
        parse_as_everything(&text);
    }

    #[test]
    fn parsers_never_panic_on_strings_of_valid_characters(text in "[a-zA-Z0-9:@/._\\[\\]é-]{0,40}") {
        parse_as_everything(&text);
    }

    #[test]
    fn a_written_pin_file_parses_to_itself(file in pin_file()) {
        let text = file.to_toml("make \"digests\"\n");
        let path = PathBuf::from(format!("digests/{}.toml", file.release));
        prop_assert_eq!(PinFile::parse(&text, &path).unwrap(), file.clone());
        prop_assert!(text.starts_with("# Generated by `make \"digests\" `; do not edit.\nschema = 1\n"));
    }

    #[test]
    fn parsing_a_damaged_pin_file_never_panics(
        file in pin_file(), at in any::<prop::sample::Index>(), damage in any::<String>(), length in 0..40_usize,
    ) {
        let mut text: Vec<char> = file.to_toml("make").chars().collect();
        let at = at.index(text.len());
        let end = (at + length).min(text.len());
        text.splice(at..end, damage.chars());
        let text: String = text.into_iter().collect();
        let path = PathBuf::from(format!("{}.toml", file.release));
        if let Err(error) = PinFile::parse(&text, &path) {
            prop_assert!(error.line <= text.split('\n').count() && error.line > 0 && error.column > 0, "{}", error);
        }
        let _ = Components::parse(&text, &path);
    }
}

/// Parses the string as every type. A parsed value must display its input.
fn parse_as_everything(text: &str) {
    fn same<T: std::str::FromStr + std::fmt::Display>(text: &str) {
        if let Ok(value) = text.parse::<T>() {
            assert_eq!(value.to_string(), text);
        }
    }
    same::<Digest>(text);
    same::<Reference>(text);
    same::<RepositoryPrefix>(text);
    same::<Tag>(text);
    same::<ReleaseName>(text);
    let _: BTreeMap<&str, bool> = BTreeMap::from([
        (text, PinFile::parse(text, text.as_ref()).is_ok()),
        ("", Components::parse(text, text.as_ref()).is_ok()),
    ]);
}
