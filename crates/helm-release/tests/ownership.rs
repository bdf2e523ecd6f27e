//! Objects that exist and belong to another owner are never changed.

use helm_release::Error;
use helm_release::release::Ownership;
use serde_json::{Value, json};

use crate::common::{CONFIG_MAPS, World, config_map, hook_job};

/// The marks of a release on an object.
fn marked(name: &str, release: &str, namespace: &str, is_labelled: bool) -> Value {
    let mut object = config_map(name, &json!({"theirs": "1"}));
    object["metadata"]["annotations"] = json!({
        "meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace,
    });
    if is_labelled {
        object["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
    }
    object
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn an_installation_or_upgrade_over_objects_of_other_owners_is_refused() {
    let world = World::start();
    let release = |name: &str, namespace: &str| Ownership::Release {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
    };
    let unlabelled = Ownership::Unlabelled {
        name: "web".to_owned(),
        namespace: "default".to_owned(),
    };
    let cases = [
        (
            "no-owner",
            config_map("no-owner", &json!({"theirs": "1"})),
            Ownership::NoRelease,
        ),
        (
            "other-release",
            marked("other-release", "shop", "default", true),
            release("shop", "default"),
        ),
        (
            "other-namespace",
            marked("other-namespace", "web", "shop", true),
            release("web", "shop"),
        ),
        (
            "unlabelled",
            marked("unlabelled", "web", "default", false),
            unlabelled,
        ),
    ];
    for (_, object, _) in &cases {
        world.post(CONFIG_MAPS, object);
    }
    // An object with the marks of this very release is adopted.
    world.post(CONFIG_MAPS, &marked("own", "web", "default", true));
    // A Job in the place of a hook that is not a hook.
    let jobs = "/apis/batch/v1/namespaces/default/jobs";
    world.post(jobs, &hook_job("hook", &[]));
    let own = config_map("own", &json!({"ours": "1"}));
    let mut objects = vec![
        own.clone(),
        hook_job("hook", &[("hook", "pre-install,pre-upgrade")]),
    ];
    objects.extend(
        cases
            .iter()
            .map(|(name, _, _)| config_map(name, &json!({"ours": "1"}))),
    );
    let before: Vec<_> = cases
        .iter()
        .map(|(name, ..)| world.config_map(name))
        .collect();
    let conflicts = world.chart(&objects);
    let check = |result: Result<i64, Error>| {
        let Err(Error::Conflicts { objects }) = result else {
            panic!("not refused: {result:?}")
        };
        let found: Vec<_> = objects
            .into_iter()
            .map(|(object, owner)| (object.name, owner))
            .collect();
        let mut want: Vec<_> = (cases.iter())
            .map(|(name, _, owner)| ((*name).to_owned(), owner.clone()))
            .collect();
        want.push(("hook".to_owned(), Ownership::NoRelease));
        assert_eq!(found.len(), want.len(), "{found:?}");
        for conflict in want {
            assert!(found.contains(&conflict), "{conflict:?} in {found:?}");
        }
        let after: Vec<_> = cases
            .iter()
            .map(|(name, ..)| world.config_map(name))
            .collect();
        assert_eq!(before, after, "the objects of other owners");
    };

    check(world.install(&conflicts));
    assert!(world.revisions().is_empty(), "nothing was recorded");
    assert_eq!(
        world.config_map("own").unwrap()["data"],
        json!({"theirs": "1"})
    );

    world.install(&world.chart(&[own])).unwrap();
    check(world.upgrade(&conflicts));
    assert_eq!(world.revisions(), [(1, "deployed".to_owned())]);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_removal_leaves_what_another_release_has_taken_over() {
    let world = World::start();
    let chart = world.chart(&[
        config_map("taken", &json!({"color": "red"})),
        config_map("own", &json!({})),
    ]);
    world.install(&chart).unwrap();
    let owner = json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "shop"}}});
    world.patch(&format!("{CONFIG_MAPS}/taken"), &owner);
    world.take_events();

    let cleanup = world.uninstall().unwrap();

    assert!(
        matches!(cleanup, helm_release::rollout::Cleanup::Done),
        "{cleanup:?}"
    );
    let events = world.take_events();
    let stays =
        "ConfigMap default/taken stays: it belongs to the release shop in namespace default";
    assert!(events.iter().any(|event| event == stays), "{events:?}");
    assert_eq!(
        world.config_map("taken").unwrap()["data"],
        json!({"color": "red"})
    );
    assert_eq!(world.config_map("own"), None);
    assert!(world.revisions().is_empty());
}
