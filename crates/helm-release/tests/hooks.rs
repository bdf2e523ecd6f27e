//! Hooks: their order, their delete policies, and what happens if one fails.

use helm_release::Error;
use helm_release::rollout::Cleanup;
use helm_release::wait::WaitError;
use serde_json::{Value, json};
use test_cluster::Failure;

use crate::common::{World, config_map, hook_job};

/// Reads a Job, if it exists and is not being deleted.
fn job(world: &World, name: &str) -> Option<Value> {
    let job = world.get(&format!("/apis/batch/v1/namespaces/default/jobs/{name}"))?;
    job["metadata"]["deletionTimestamp"]
        .is_null()
        .then_some(job)
}

/// The names of the Jobs of these that exist.
fn existing<'n>(world: &World, names: &[&'n str]) -> Vec<&'n str> {
    let names = names.iter().copied();
    names.filter(|name| job(world, name).is_some()).collect()
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn hooks_run_by_weight_and_name_around_the_objects() {
    let world = World::start();
    let chart = world.chart(&[
        hook_job("c-heavy", &[("hook", "pre-install"), ("hook-weight", "5")]),
        hook_job("b", &[("hook", "pre-install,pre-upgrade")]),
        hook_job("z-light", &[("hook", "pre-install"), ("hook-weight", "-5")]),
        hook_job("a", &[("hook", "pre-install")]),
        hook_job("after", &[("hook", "post-install,post-upgrade")]),
        hook_job("before-removal", &[("hook", "pre-delete")]),
        hook_job("after-removal", &[("hook", "post-delete")]),
        config_map("colors", &json!({})),
    ]);
    let running = |event: &str, job: &str| format!("running the {event} hook Job default/{job}");
    let (applying, waiting) = (
        "applying 1 objects".to_owned(),
        "waiting until everything is ready".to_owned(),
    );

    world.install(&chart).unwrap();
    let want = [
        running("pre-install", "z-light"),
        running("pre-install", "a"),
        running("pre-install", "b"),
        running("pre-install", "c-heavy"),
        applying.clone(),
        waiting.clone(),
        running("post-install", "after"),
    ];
    assert_eq!(world.take_events(), want);

    // A hook that exists is replaced by default.
    let uid = |name: &str| job(&world, name).expect(name)["metadata"]["uid"].clone();
    let (replaced, untouched) = (uid("b"), uid("a"));
    world.upgrade(&chart).unwrap();
    let want = [
        running("pre-upgrade", "b"),
        applying,
        waiting,
        running("post-upgrade", "after"),
    ];
    assert_eq!(world.take_events(), want);
    assert_ne!(uid("b"), replaced);
    assert_eq!(uid("a"), untouched);

    let cleanup = world.uninstall().unwrap();
    assert!(matches!(cleanup, Cleanup::Done), "{cleanup:?}");
    let want = [
        running("pre-delete", "before-removal"),
        "removing 1 objects".to_owned(),
        running("post-delete", "after-removal"),
    ];
    assert_eq!(world.take_events(), want);
    let all = [
        "c-heavy",
        "b",
        "z-light",
        "a",
        "after",
        "before-removal",
        "after-removal",
    ];
    assert_eq!(existing(&world, &all), Vec::<&str>::new());
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn delete_policies_are_followed_and_a_failed_hook_ends_the_installation() {
    let policies = [
        ("default", None),
        ("succeeded", Some("hook-succeeded")),
        ("failed", Some("hook-failed")),
        ("both", Some("hook-succeeded, hook-failed")),
        ("before", Some("before-hook-creation")),
    ];
    let names = policies.map(|(name, _)| name);
    let world = World::start();
    let hook = |name: &str, policy: Option<&str>, weight: &str| {
        let mut annotations = vec![("hook", "pre-install"), ("hook-weight", weight)];
        annotations.extend(policy.map(|policy| ("hook-delete-policy", policy)));
        hook_job(name, &annotations)
    };
    let mut objects: Vec<Value> = policies
        .iter()
        .map(|(name, policy)| hook(name, *policy, "0"))
        .collect();
    objects.push(config_map("colors", &json!({})));

    world.install(&world.chart(&objects)).unwrap();
    let stays = ["default", "failed", "before"];
    world.until("the hooks that succeeded to go", |_| {
        (existing(&world, &names) == stays).then_some(())
    });
    let _ = world.uninstall().unwrap();
    world.take_events();

    // Each fails in turn, after one that succeeds and before one that never runs.
    for (name, policy) in policies {
        let chart = world.chart(&[
            hook("first", Some("hook-succeeded"), "-1"),
            hook(name, policy, "0"),
            hook("never", None, "1"),
            config_map("colors", &json!({})),
        ]);
        world.kubelet().fail(name, Failure::JobFails);
        let error = world.install(&chart).unwrap_err();
        let Error::Wait(WaitError::Failed {
            object, problems, ..
        }) = &error
        else {
            panic!("{name}: {error}")
        };
        assert_eq!(object.to_string(), format!("Job default/{name}"));
        assert_eq!(problems.len(), 1, "{name}: {error}");
        assert_eq!(
            world.config_map("colors"),
            None,
            "{name}: nothing is applied"
        );
        let stays: &[&str] = match policy {
            Some(policy) if policy.contains("hook-failed") => &[],
            _ => &[name],
        };
        world.until("the hooks to go", |_| {
            (existing(&world, &["first", name, "never"]) == stays).then_some(())
        });
        assert!(
            world
                .revisions()
                .iter()
                .all(|(_, status)| status == "failed"),
            "{name}"
        );
        world.kubelet().heal(name);
    }
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_failed_post_delete_hook_is_reported_and_the_release_is_removed() {
    let world = World::start();
    let before = world.objects();
    let chart = world.chart(&[
        config_map("colors", &json!({})),
        hook_job("clean", &[("hook", "post-delete")]),
    ]);
    world.install(&chart).unwrap();
    world.kubelet().fail("clean", Failure::JobFails);

    let cleanup = world.uninstall().unwrap();

    let Cleanup::Failed(error) = cleanup else {
        panic!("{cleanup:?}")
    };
    assert!(
        error.to_string().starts_with("Job default/clean failed"),
        "{error}"
    );
    world.await_objects(&before);
}
