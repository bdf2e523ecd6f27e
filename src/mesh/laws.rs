//! Property tests of image overrides, checked on the rendered objects.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use super::images::{COMPONENTS, Given, GivenBy, Overrides, Pins, RELEASES, scan};
use super::values::Root;
use super::{Plan, Request, ValueSource};
use helm_chart::set::Mode;
use image_pins::Reference;
use proptest::prelude::*;

/// The switches that add images or other objects, below the root of the values.
const SWITCHES: [&str; 6] = [
    "deployPrometheus=true",
    "deployJaeger=true",
    "enableFluentbit=true",
    "osmController.autoScale.enable=true",
    "injector.enablePodDisruptionBudget=true",
    "featureFlags.enableMeshRootCertificate=true",
];

/// One of the releases of the chart, which are those of the default one's minor version.
fn releases() -> impl Strategy<Value = &'static str> {
    let minor = |name: &'static str| name.split('.').take(2).collect::<Vec<_>>();
    let of_chart = minor(Pins::default_channel().name());
    let names = RELEASES.iter().map(|release| release.name);
    prop::sample::select(
        names
            .filter(|name| minor(name) == of_chart)
            .collect::<Vec<_>>(),
    )
}

fn request(switches: &BTreeSet<usize>, release: &str, overrides: Overrides) -> Request {
    let set = |switch: &str| {
        let assignment = format!("{}.{switch}", Root::Osm.key());
        ValueSource::Assignment(Mode::Typed, assignment)
    };
    Request {
        namespace: "osm-system".to_owned(),
        release: Some(release.to_owned()),
        values: switches.iter().map(|i| set(SWITCHES[*i])).collect(),
        overrides,
        ..Request::default()
    }
}

/// Returns the images of mesh components in the rendered objects, and the rendered text.
fn rendered(request: &Request) -> (Vec<Reference>, String) {
    let rendered = Plan::new(request).unwrap().render().unwrap();
    let names: Vec<&str> = COMPONENTS.iter().map(|c| c.name).collect();
    let of_mesh = |r: &Reference| names.contains(&r.file_name());
    let images = scan(&rendered.objects, true)
        .unwrap()
        .into_iter()
        .map(|i| i.reference);
    let text = rendered
        .objects
        .iter()
        .map(|o| o.manifest.as_str())
        .collect();
    (images.filter(of_mesh).collect(), text)
}

/// Strings that occur if a part of a reference is empty or wrongly formatted.
const TRACES: [&str; 4] = ["@\"", ":\"", "%!", "<no value>"];

fn assert_no_placeholder(text: &str) -> Result<(), TestCaseError> {
    prop_assert!(
        text.contains("kind: Deployment"),
        "no Deployment in {text:?}"
    );
    for line in text.lines() {
        for trace in TRACES {
            prop_assert!(!line.contains(trace), "{trace:?} in {line:?}");
        }
    }
    Ok(())
}

fn switches() -> impl Strategy<Value = BTreeSet<usize>> {
    prop::collection::btree_set(0..SWITCHES.len(), 0..SWITCHES.len())
}

fn registry() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        "[a-z]{1,8}\\.example\\.com",
        Just("localhost".to_owned()),
        Just("[2001:db8::1]".to_owned())
    ];
    (
        host,
        prop::option::of(1..65535u16),
        prop::option::of("[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}"),
    )
        .prop_map(|(host, port, path)| {
            let port = port.map(|p| format!(":{p}")).unwrap_or_default();
            let path = path.map(|p| format!("/{p}")).unwrap_or_default();
            format!("{host}{port}{path}")
        })
}

fn given_by() -> impl Strategy<Value = GivenBy> {
    prop_oneof![Just(GivenBy::CommandLine), Just(GivenBy::Environment)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_registry_applies_to_every_mesh_image(
        switches in switches(), release in releases(), registry in registry(), by in given_by(),
    ) {
        let given = Given { value: registry.parse().unwrap(), by };
        let overrides = Overrides { registry: Some(given), ..Overrides::default() };
        let (images, text) = rendered(&request(&switches, release, overrides));
        prop_assert_eq!(images.len(), COMPONENTS.len());
        for image in images {
            prop_assert!(image.to_string().starts_with(&format!("{registry}/")), "{image}");
            prop_assert!(image.is_pinned(), "{image}");
        }
        assert_no_placeholder(&text)?;
    }

    #[test]
    fn a_tag_applies_to_every_mesh_image_and_removes_digests(
        switches in switches(), release in releases(), tag in "[A-Za-z0-9_][A-Za-z0-9._-]{0,20}",
    ) {
        let overrides = Overrides { tag: Some(tag.parse().unwrap()), ..Overrides::default() };
        let (images, text) = rendered(&request(&switches, release, overrides));
        prop_assert_eq!(images.len(), COMPONENTS.len());
        for image in images {
            prop_assert!(image.to_string().ends_with(&format!(":{tag}")), "{image}");
            prop_assert!(!image.is_pinned(), "{image}");
        }
        assert_no_placeholder(&text)?;
    }

    #[test]
    fn without_overrides_every_mesh_image_has_its_compiled_digest(
        switches in switches(), release in releases(),
    ) {
        let (images, text) = rendered(&request(&switches, release, Overrides::default()));
        let Pins::Release(pins) = Pins::of_release(release).unwrap() else {
            return Err(TestCaseError::fail("the release has no pins"));
        };
        prop_assert_eq!(images.len(), COMPONENTS.len());
        let found: BTreeSet<String> = images.iter().map(ToString::to_string).collect();
        let wanted: BTreeSet<String> = pins
            .images
            .iter()
            .map(|pin| format!("{}/{}@{}", pins.registry, pin.component, pin.digest))
            .collect();
        prop_assert_eq!(found, wanted);
        assert_no_placeholder(&text)?;
    }

    #[test]
    fn listed_images_equal_rendered_images(
        switches in switches(), release in releases(),
        tag in prop::option::of("[a-z]{1,5}"), registry in prop::option::of(registry()),
    ) {
        let overrides = Overrides {
            tag: tag.map(|t| t.parse().unwrap()),
            registry: registry.map(|r| Given { value: r.parse().unwrap(), by: GivenBy::CommandLine }),
            ..Overrides::default()
        };
        let plan = Plan::new(&request(&switches, release, overrides)).unwrap();
        let listed: BTreeSet<Reference> =
            plan.images().unwrap().into_iter().map(|image| image.reference).collect();
        let found: BTreeSet<Reference> =
            plan.render().unwrap().images.into_iter().map(|image| image.reference).collect();
        prop_assert!(listed.len() >= COMPONENTS.len(), "{listed:?}");
        prop_assert_eq!(listed, found);
    }
}
