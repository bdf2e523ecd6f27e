//! The CRDs of a chart: created before everything else, and never changed or removed.

use helm_chart::Chart;
use serde_json::{Value, json};

use crate::common::{World, config_map, hook_job};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// The definition of `Widgets`.
fn definition() -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn crds_are_served_before_everything_else_and_outlive_the_release() {
    let world = World::start();
    let served = "{{ .Capabilities.APIVersions.Has `example.com/v1/Widget` }}";
    let folder = world.chart_folder("chart", &[
        json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"}, "size": 1}),
        config_map("seen", &json!({"served": served})),
        hook_job("first", &[("hook", "pre-install")]),
    ]);
    std::fs::create_dir(folder.join("crds")).unwrap();
    std::fs::write(folder.join("crds/widgets.yaml"), definition().to_string()).unwrap();
    let chart = Chart::load(&folder).unwrap();

    world.install(&chart).unwrap();

    let widget = "/apis/example.com/v1/namespaces/default/widgets/one";
    assert_eq!(world.get(widget).expect("the Widget")["size"], 1);
    let seen = world.config_map("seen").expect("the ConfigMap");
    assert_eq!(
        seen["data"],
        json!({"served": "true"}),
        "templates know the kind"
    );
    let crd = "CustomResourceDefinition widgets.example.com";
    let want = [
        format!("created {crd} from the chart's crds/"),
        "running the pre-install hook Job default/first".to_owned(),
        "applying 2 objects".to_owned(),
        "waiting until everything is ready".to_owned(),
    ];
    assert_eq!(world.take_events(), want);

    let path = format!("{DEFINITIONS}/widgets.example.com");
    let uid = world.get(&path).expect("the CRD")["metadata"]["uid"].clone();
    let _ = world.uninstall().unwrap();
    assert_eq!(world.get(widget), None);
    world.take_events();
    world.install(&chart).unwrap();
    assert_eq!(
        world.take_events()[0],
        format!("{crd} already exists and is left unchanged")
    );
    assert_eq!(world.get(&path).expect("the CRD")["metadata"]["uid"], uid);
}
