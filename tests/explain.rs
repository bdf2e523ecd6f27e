//! `osm explain` and `osm images explain`.

use serde_json::Value;

use crate::common::{osm_with_input, osm_with_variables, words};

#[test]
fn a_value_is_explained() {
    insta::assert_snapshot!(osm!("explain osm.image.registry").ok());
}

#[test]
fn a_map_lists_its_values() {
    insta::assert_snapshot!(osm!("explain osm.certificateProvider").ok());
}

#[test]
fn values_without_a_comment_have_the_meaning_of_the_value_around_them() {
    insta::assert_snapshot!(osm!("explain osm.image.digest.osmCRDs").ok());
}

#[test]
fn the_data_of_an_explanation_has_all_of_it() {
    let data: Value = serde_json::from_str(&osm!("explain smi -o json").ok()).unwrap();
    let inner = &data["values"][0];
    assert_eq!(inner["value"], "smi.validateTrafficTarget");
    assert_eq!(inner["type"], "boolean");
    assert_eq!(inner["default"], true);
    assert_eq!(inner["meaning"], "Refuse invalid TrafficTargets.");
    assert_eq!(
        inner["setBy"],
        serde_json::json!(["--set", "-f", "chart default"])
    );
}

#[test]
fn an_image_is_explained_with_everything_that_is_overridden() {
    let values = "osm: {image: {registry: file.example.com}}\n";
    let words = words("images explain osm-crds --image-registry flag.example.com -f -");
    insta::assert_snapshot!(osm_with_input(&words, values).ok());
}

#[test]
fn an_image_that_is_not_used_names_the_value_that_enables_it() {
    for (name, switch) in [
        ("fluent-bit", "osm.enableFluentbit"),
        ("prometheus", "osm.deployPrometheus"),
        ("osm.tracing.image", "osm.deployJaeger"),
    ] {
        let message = osm!("images explain {name}").fails(2);
        assert!(message.contains("is not used"), "{message}");
        let next = format!("add --set {switch}=true");
        assert!(message.contains(&next), "{message}");
        osm!("images explain {name} --set {switch}=true").ok();
    }
}

#[test]
fn values_override_the_variable_of_the_registry() {
    let variables = [("OSM_IMAGE_REGISTRY", "variable.example.com")];
    let explain = |more: &str| {
        let line = format!("images explain osmCRDs {more}");
        osm_with_variables(&variables, &words(&line)).ok()
    };
    for (more, registry) in [
        ("", "variable.example.com"),
        (
            "--set osm.image.registry=set.example.com",
            "set.example.com",
        ),
    ] {
        let explained = explain(more);
        let image = format!("Image:      {registry}/osm-crds@sha256:");
        assert!(explained.contains(&image), "{explained}");
    }
}

#[test]
fn a_tag_counts_instead_of_a_digest() {
    insta::assert_snapshot!(osm!("images explain osm-controller --image-tag v9").ok());
}

#[test]
fn the_parts_of_the_image_of_fluent_bit_are_explained() {
    let on = "--set osm.enableFluentbit=true";
    let data = osm!("images explain fluent-bit {on} --set osm.fluentBit.tag=9 -o json").ok();
    let data: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(data["reference"], "fluent/fluent-bit:9");
    assert_eq!(data["pinned"], false);
    let steps = data["steps"].as_array().unwrap().iter();
    let of_pin = steps.filter(|step| step["key"] == "osm.fluentBit.pinnedImage");
    let effects: Vec<&str> = of_pin
        .map(|step| step["effect"].as_str().unwrap())
        .collect();
    assert_eq!(effects, ["overridden", "another key counts"]);
}

#[test]
fn the_explained_image_is_the_listed_one() {
    let list: Value = serde_json::from_str(&osm!("images list -o json").ok()).unwrap();
    let images = list["images"].as_array().unwrap();
    assert!(images.len() > 7, "{list}");
    for image in images {
        for name in [&image["component"], &image["key"]] {
            let name = name.as_str().unwrap();
            let explained = osm!("images explain {name} -o json").ok();
            let explained: Value = serde_json::from_str(&explained).unwrap();
            assert_eq!(explained["reference"], image["reference"], "{name}");
            let steps = explained["steps"].as_array().unwrap().iter();
            let used: Vec<&Value> = steps.filter(|step| step["effect"] == "used").collect();
            assert!(!used.is_empty(), "{explained}");
        }
    }
}
