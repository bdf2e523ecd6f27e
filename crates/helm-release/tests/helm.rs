//! The real Helm and this crate work on the same releases.

use serde_json::{Value, json};

use crate::common::{NAMESPACE, World, config_map, deployment, hook_job, release};

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn helm_lists_reads_and_removes_what_was_installed_here() {
    let world = World::start();
    let before = world.objects();
    let chart = world.chart(&[
        config_map("colors", &json!({"color": "{{ .Values.color }}"})),
        deployment("web"),
        hook_job("migrate", &[("hook", "pre-install")]),
    ]);
    let values = json!({"color": "blue"}).as_object().unwrap().clone();
    let install = release(&chart).values(values);
    world
        .block_on(install.install(&world.client, &|_| ()))
        .unwrap();

    let listed = world.helm_json(&["list"]);
    let want = json!({
        "name": "web", "namespace": NAMESPACE, "revision": "1", "status": "deployed",
        "chart": "web-1.0.0", "app_version": "2.0",
    });
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    for (key, value) in want.as_object().unwrap() {
        assert_eq!(&listed[0][key], value, "helm list: {key}");
    }
    let history = world.helm_json(&["history", "web"]);
    assert_eq!(history[0]["description"], "Install complete", "{history}");
    assert_eq!(history[0]["status"], "deployed", "{history}");
    let values = world.helm_json(&["get", "values", "web"]);
    assert_eq!(values, json!({"color": "blue"}));
    // Helm renders the same chart to the same manifest.
    let folder = world.folder().join("chart");
    let folder = folder.to_str().unwrap();
    let template = [
        "template",
        "web",
        folder,
        "--set",
        "color=blue",
        "--no-hooks",
    ];
    let rendered = world.helm(&template).ok();
    let manifest = world.helm(&["get", "manifest", "web"]).ok();
    assert_eq!(manifest.trim(), rendered.trim());
    let hooks = world.helm(&["get", "hooks", "web"]).ok();
    assert!(hooks.contains("migrate"), "{hooks}");

    world
        .helm(&["uninstall", "web", "--wait", "--timeout", "60s"])
        .ok();
    // Helm leaves a hook whose policy does not delete it.
    world.delete("/apis/batch/v1/namespaces/default/jobs/migrate?propagationPolicy=Background");
    world.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_release_that_helm_installed_is_upgraded_and_helm_rolls_it_back() {
    let world = World::start();
    let old = [
        config_map(
            "colors",
            &json!({"color": "{{ .Values.color }}", "gone": "1"}),
        ),
        config_map("removed", &json!({})),
    ];
    let folder = world.chart_folder("old", &old);
    let set = ["--set", "color=blue", "--wait", "--timeout", "60s"];
    world
        .helm(&[&["install", "web", folder.to_str().unwrap()], &set[..]].concat())
        .ok();
    assert_eq!(world.revisions(), [(1, "deployed".to_owned())]);
    let chart = world.chart(&[config_map(
        "colors",
        &json!({"color": "{{ .Values.color }}"}),
    )]);

    let values = world.records()[0].config();
    let upgrade = release(&chart).values(values);
    let revision = world.block_on(upgrade.upgrade(&world.client, &|_| ()));

    assert_eq!(revision.unwrap(), 2);
    let data = |name: &str| world.config_map(name).map(|found| found["data"].clone());
    assert_eq!(
        data("colors"),
        Some(json!({"color": "blue"})),
        "a field is gone"
    );
    assert_eq!(data("removed"), None);
    let history = world.helm_json(&["history", "web"]);
    let statuses: Vec<&Value> = (history.as_array().unwrap().iter())
        .map(|entry| &entry["status"])
        .collect();
    assert_eq!(statuses, ["superseded", "deployed"]);
    world
        .helm(&["rollback", "web", "1", "--wait", "--timeout", "60s"])
        .ok();
    let want = json!({"color": "blue", "gone": "1"});
    assert_eq!(data("colors"), Some(want), "after the rollback");
    assert!(world.config_map("removed").is_some(), "after the rollback");
    // Helm's own revision is upgraded, too.
    assert_eq!(world.upgrade(&chart).unwrap(), 4);
    assert_eq!(data("removed"), None);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_release_that_helm_installed_is_removed() {
    let world = World::start();
    let before = world.objects();
    let chart = [
        config_map("colors", &json!({})),
        hook_job(
            "clean",
            &[
                ("hook", "post-delete"),
                ("hook-delete-policy", "hook-succeeded"),
            ],
        ),
    ];
    let folder = world.chart_folder("chart", &chart);
    let wait = ["--wait", "--timeout", "60s"];
    world
        .helm(&[&["install", "web", folder.to_str().unwrap()], &wait[..]].concat())
        .ok();

    let cleanup = world.uninstall().unwrap();

    assert!(
        matches!(cleanup, helm_release::rollout::Cleanup::Done),
        "{cleanup:?}"
    );
    let events = world.take_events();
    let hook = "running the post-delete hook Job default/clean";
    assert!(events.iter().any(|event| event == hook), "{events:?}");
    assert_eq!(world.helm_json(&["list", "--all-namespaces"]), json!([]));
    world.await_objects(&before);
}
