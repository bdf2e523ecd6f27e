//! Waiting: until what is ready, what is reported meanwhile, and what an error says.

use std::time::{Duration, Instant};

use helm_release::Error;
use helm_release::rollout::{Event, RolloutOptions};
use helm_release::wait::{NotReadyReason, WaitError};
use test_cluster::Failure;

use crate::common::{World, deployment, release};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn an_installation_reports_a_pod_problem_and_ends_when_the_deployment_is_available() {
    let world = World::start();
    let chart = world.chart(&[deployment("web")]);
    world.kubelet().fail("web", Failure::ImagePullBackOff);
    let problems = std::cell::RefCell::new(Vec::new());
    let progress = |event: Event<'_>| {
        if let Event::PodProblem { object, problem } = event {
            problems
                .borrow_mut()
                .push(format!("{object}: {}", problem.reason));
            world.kubelet().heal("web");
        }
    };

    let install = release(&chart);
    world
        .block_on(install.install(&world.client, &progress))
        .unwrap();

    assert_eq!(
        problems.take(),
        ["Deployment default/web: ImagePullBackOff"]
    );
    let found = world
        .get(&format!("{DEPLOYMENTS}/web"))
        .expect("the Deployment");
    assert_eq!(found["status"]["availableReplicas"], 1, "{found}");
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_timeout_names_each_object_that_is_not_ready_and_why() {
    let cases = [
        ("pull", Failure::ErrImagePull, "ErrImagePull"),
        ("back-off", Failure::ImagePullBackOff, "ImagePullBackOff"),
        ("crash", Failure::CrashLoopBackOff, "CrashLoopBackOff"),
        ("memory", Failure::OomKilled, "OOMKilled"),
        ("node", Failure::Unschedulable, "Unschedulable"),
        ("probe", Failure::NotReady, "NotReady"),
        ("mount", Failure::Mount, "FailedMount"),
    ];
    let world = World::start();
    for (name, failure, _) in cases {
        world.kubelet().fail(name, failure);
    }
    let mut objects: Vec<_> = cases.iter().map(|(name, ..)| deployment(name)).collect();
    objects.push(deployment("fine"));
    let chart = world.chart(&objects);
    let options = |timeout: u64, wait: bool| RolloutOptions {
        timeout: Duration::from_secs(timeout),
        wait,
        hooks: true,
    };

    let install = release(&chart).options(options(3, true));
    let begun = Instant::now();
    let error = world.block_on(install.install(&world.client, &|_| ()));
    let took = begun.elapsed();

    let Err(Error::Wait(WaitError::NotReady { timeout, objects })) = error else {
        panic!("{error:?}")
    };
    assert_eq!(timeout, Duration::from_secs(3));
    assert!((3..13).contains(&took.as_secs()), "{took:?}");
    let mut found: Vec<_> = (objects.iter())
        .map(|unready| {
            let reason = match &unready.reasons[..] {
                [NotReadyReason::Pod(problem)] => &problem.reason,
                // Only an event reports it.
                [
                    NotReadyReason::PodStarting {
                        warning: Some((reason, _)),
                        ..
                    },
                ] => reason,
                _ => panic!("{unready}"),
            };
            (unready.object.name.as_str(), reason.as_str())
        })
        .collect();
    found.sort_unstable();
    let mut want = cases.map(|(name, _, reason)| (name, reason));
    want.sort_unstable();
    assert_eq!(found, want);

    // The same is not awaited if that is not wanted.
    let install = release(&chart).options(options(60, false));
    let revision = world.block_on(install.install(&world.client, &|_| ()));
    assert_eq!(revision.unwrap(), 2);
}
