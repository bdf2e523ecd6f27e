//! Removals: what goes, what stays, and how an interrupted one is resumed.

use helm_release::rollout::{Cleanup, RemovalOptions};
use helm_release::{ChartRelease, Error, uninstall};
use serde_json::json;
use test_cluster::Failure;

use crate::common::{CONFIG_MAPS, World, config_map, deployment, hook_job};

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_removal_leaves_only_what_is_to_be_kept() {
    let world = World::start();
    let mut kept = config_map("kept", &json!({}));
    kept["metadata"]["annotations"] = json!({"helm.sh/resource-policy": "keep"});
    let before = world.objects();
    let chart = world.chart(&[config_map("colors", &json!({})), deployment("web"), kept]);
    world.install(&chart).unwrap();
    world.upgrade(&chart).unwrap();
    world.take_events();

    let cleanup = world.uninstall().unwrap();

    assert!(matches!(cleanup, Cleanup::Done), "{cleanup:?}");
    let want = [
        "ConfigMap default/kept stays: its helm.sh/resource-policy is keep",
        "removing 2 objects",
    ];
    assert_eq!(world.take_events(), want);
    world.delete(&format!("{CONFIG_MAPS}/kept"));
    world.await_objects(&before);
    let error = world.uninstall().unwrap_err();
    assert!(matches!(error, Error::NotInstalled { .. }), "{error}");
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_removal_that_failed_is_resumed_and_blocks_installations() {
    let world = World::start();
    let before = world.objects();
    let chart = world.chart(&[
        config_map("colors", &json!({})),
        hook_job("drain", &[("hook", "pre-delete")]),
    ]);
    world.install(&chart).unwrap();
    world.kubelet().fail("drain", Failure::JobFails);

    let error = world.uninstall().unwrap_err();

    assert!(
        error.to_string().starts_with("Job default/drain failed"),
        "{error}"
    );
    assert!(world.config_map("colors").is_some(), "nothing is removed");
    assert_eq!(world.revisions(), [(1, "uninstalling".to_owned())]);
    let error = world.install(&chart).unwrap_err();
    assert!(
        matches!(&error, Error::AlreadyInstalled { status, .. } if status == "uninstalling"),
        "{error}"
    );
    let error = world.upgrade(&chart).unwrap_err();
    assert!(matches!(error, Error::NotInstalled { .. }), "{error}");

    world.kubelet().heal("drain");
    let cleanup = world.uninstall().unwrap();
    assert!(matches!(cleanup, Cleanup::Done), "{cleanup:?}");
    world.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn in_a_namespace_that_is_being_deleted_hooks_do_not_run() {
    let world = World::start();
    let before = world.objects();
    let chart = world.chart(&[
        config_map("colors", &json!({})),
        hook_job("drain", &[("hook", "pre-delete")]),
        hook_job("clean", &[("hook", "post-delete")]),
    ]);
    let install = ChartRelease::new(&chart, "web", "shop").create_namespace();
    let installed = world.block_on(install.install(&world.client, &|_| ()));
    installed.unwrap();
    // The record stays while the namespace is being deleted.
    let record = "/api/v1/namespaces/shop/secrets/sh.helm.release.v1.web.v1";
    let held = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    world.patch(record, &held);
    world.delete("/api/v1/namespaces/shop");

    let removed = world.block_on(uninstall(
        &world.client,
        "web",
        "shop",
        RemovalOptions::default(),
        &|event| world.note(&event),
    ));

    let cleanup = removed.unwrap();
    assert!(
        matches!(&cleanup, Cleanup::NamespaceTerminating(namespace) if namespace == "shop"),
        "{cleanup:?}"
    );
    let events = world.take_events();
    assert!(
        !events.iter().any(|event| event.contains("hook")),
        "{events:?}"
    );
    world.patch(record, &json!({"metadata": {"finalizers": null}}));
    world.await_objects(&before);
}
