//! Lost answers and servers that fail for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use helm_release::rollout::Event;
use serde_json::json;
use test_cluster::Fault;

use crate::common::{World, config_map, release};

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn an_installation_succeeds_although_all_answers_about_its_record_are_lost_for_a_while() {
    // A request is sent five times. Then the record is read back, also five times, and perhaps stored again.
    let cases = [
        ("written-and-read-back", Fault::LostAnswer, 5),
        ("written-and-not-read-back", Fault::LostAnswer, 10),
        ("not-written", Fault::Status(500), 5),
    ];
    let world = World::start();
    let chart = world.chart(&[config_map("colors", &json!({}))]);
    for (name, fault, requests) in cases {
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        let faults = move |_, path: &str| {
            let is_record = path.contains("/secrets/sh.helm.release.v1.web.");
            (is_record && count.fetch_add(1, Ordering::Relaxed) < requests).then_some(fault)
        };
        let proxy = world.proxy(name, Box::new(faults));
        let client = world.connect(proxy.kubeconfig());

        let (install, progress) = (release(&chart), |event: Event<'_>| world.note(&event));
        let installed = world.block_on(install.install(&client, &progress));
        assert_eq!(installed.unwrap(), 1, "{name}");

        assert!(seen.load(Ordering::Relaxed) > requests, "{name}");
        assert_eq!(world.revisions(), [(1, "deployed".to_owned())], "{name}");
        let events = world.take_events();
        let again = "storing the record of the release again: cannot change Secret";
        assert!(
            events.iter().any(|event| event.starts_with(again)),
            "{name}: {events:?}"
        );
        let _ = world.uninstall().unwrap();
        world.take_events();
    }
}
