//! Upgrades: what changes in the cluster, and in the history.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use helm_release::Error;
use helm_release::rollout::RolloutOptions;
use serde_json::{Value, json};
use test_cluster::Failure;

use crate::common::{CONFIG_MAPS, World, config_map, deployment, release};

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn an_upgrade_changes_adds_and_removes_objects_and_fields() {
    let world = World::start();
    let mut kept = config_map("kept", &json!({}));
    kept["metadata"]["annotations"] = json!({"helm.sh/resource-policy": "keep"});
    let old = world.chart(&[
        config_map("changed", &json!({"a": "1", "b": "1"})),
        config_map("removed", &json!({})),
        kept,
    ]);
    world.install(&old).unwrap();
    // Another user has added a field, which stays.
    let changed = format!("{CONFIG_MAPS}/changed");
    world.patch(&changed, &json!({"data": {"theirs": "1"}}));
    let new = world.chart(&[
        config_map("changed", &json!({"a": "2"})),
        config_map("added", &json!({"a": "1"})),
    ]);

    assert_eq!(world.upgrade(&new).unwrap(), 2);

    let data = |name: &str| world.config_map(name).map(|found| found["data"].clone());
    assert_eq!(data("changed"), Some(json!({"a": "2", "theirs": "1"})));
    assert_eq!(data("added"), Some(json!({"a": "1"})));
    assert_eq!(data("removed"), None);
    assert!(world.config_map("kept").is_some(), "its policy is keep");
    let want = [(1, "superseded".to_owned()), (2, "deployed".to_owned())];
    assert_eq!(world.revisions(), want);
    let events = world.take_events();
    let removing = "removing ConfigMap default/removed, which the release no longer has";
    assert!(events.iter().any(|event| event == removing), "{events:?}");
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn the_history_keeps_ten_revisions() {
    let world = World::start();
    let chart = world.chart(&[config_map("colors", &json!({}))]);
    world.install(&chart).unwrap();
    for revision in 2..=12 {
        assert_eq!(world.upgrade(&chart).unwrap(), revision);
    }
    let want: Vec<(i64, String)> = (3..=12)
        .map(|revision| {
            let status = if revision == 12 {
                "deployed"
            } else {
                "superseded"
            };
            (revision, status.to_owned())
        })
        .collect();
    assert_eq!(world.revisions(), want);
    let listed = world.helm_json(&["history", "web"]);
    let listed: Vec<(i64, String)> = (listed.as_array().unwrap().iter())
        .map(|entry| {
            let status = entry["status"].as_str().unwrap().to_owned();
            (entry["revision"].as_i64().unwrap(), status)
        })
        .collect();
    assert_eq!(listed, want, "what helm lists");
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_failed_upgrade_keeps_the_deployed_revision_and_is_resumed() {
    let world = World::start();
    world.install(&world.chart(&[deployment("web")])).unwrap();
    world.kubelet().fail("api", Failure::ErrImagePull);
    let new = world.chart(&[deployment("web"), deployment("api")]);
    let upgrade = release(&new).options(RolloutOptions {
        timeout: Duration::from_secs(1),
        ..RolloutOptions::default()
    });
    let error = world.block_on(upgrade.upgrade(&world.client, &|_| ()));
    assert!(matches!(error, Err(Error::Wait(_))), "{error:?}");
    let want = [(1, "deployed".to_owned()), (2, "failed".to_owned())];
    assert_eq!(world.revisions(), want);

    // What the failed revision added is known, and is removed by a revision that lacks it.
    world.kubelet().heal("api");
    let upgraded = world.upgrade(&world.chart(&[deployment("web")]));
    assert_eq!(upgraded.unwrap(), 3);
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    assert_eq!(world.get(&format!("{deployments}/api")), None::<Value>);
    let want = [
        (1, "superseded".to_owned()),
        (2, "failed".to_owned()),
        (3, "deployed".to_owned()),
    ];
    assert_eq!(world.revisions(), want);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn only_an_installed_release_can_be_upgraded() {
    let world = World::start();
    let chart = world.chart(&[config_map("colors", &json!({}))]);
    let error = world.upgrade(&chart).unwrap_err();
    assert!(matches!(error, Error::NotInstalled { .. }), "{error}");
    assert!(world.revisions().is_empty(), "nothing was recorded");
    assert_eq!(world.config_map("colors"), None);

    // Helm has to finish what only Helm starts.
    world.install(&chart).unwrap();
    let path = "/api/v1/namespaces/default/secrets/sh.helm.release.v1.web.v1";
    let secret = world.get(path).unwrap();
    let mut record = decode(secret["data"]["release"].as_str().unwrap());
    record["info"]["status"] = json!("pending-rollback");
    let data = json!({"data": {"release": encode(&record)}});
    world.patch(path, &data);
    let error = world.upgrade(&chart).unwrap_err();
    assert!(matches!(error, Error::PendingRollback { .. }), "{error}");
    assert_eq!(world.revisions(), [(1, "pending-rollback".to_owned())]);
}

/// Decodes a record: base64 of gzip of JSON, within the base64 of a Secret.
fn decode(data: &str) -> Value {
    let compressed = BASE64.decode(BASE64.decode(data).unwrap()).unwrap();
    serde_json::from_reader(flate2::read::GzDecoder::new(compressed.as_slice())).unwrap()
}

/// Encodes a record as [`decode`] reads it.
fn encode(record: &Value) -> String {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    serde_json::to_writer(&mut encoder, record).unwrap();
    BASE64.encode(BASE64.encode(encoder.finish().unwrap()))
}
