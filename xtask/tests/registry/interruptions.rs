//! `publish-images`, interrupted after any number of requests.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use test_registry::{Distribution, Options, Registry};
use xtask::flags::PublishImages;
use xtask::publish_images::publish;

use crate::common::{block_on, builder, client, components, fill, find, publish_flags, repository};

/// The components of v1.0.0.
const NAMES: [&str; 2] = ["controller", "init"];
/// A run is interrupted after each of these requests.
const STEP: usize = 20;

/// Publishes until this many requests were answered, and then never again. Returns whether it was done before.
fn publish_until(moment: usize, flags: &PublishImages, hosts: &[String]) -> bool {
    let answered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    let client = builder(hosts)
        .log(Arc::new(move |_| _ = count.fetch_add(1, Ordering::Relaxed)))
        .build()
        .unwrap();
    let (components, mut out) = (components(), Vec::new());
    block_on(async {
        let mut publishing = pin!(publish(&client, &components, flags, &mut out));
        poll_fn(|context| {
            let polled = publishing.as_mut().poll(context);
            match polled.map(Result::unwrap) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending if answered.load(Ordering::Relaxed) >= moment => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    })
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn an_interrupted_run_shows_no_part_of_a_release_and_the_next_one_completes_it() {
    let options = Options {
        has_tls: false,
        ..Options::default()
    };
    let (source, target) = (Distribution::start(options), Distribution::start(options));
    let hosts = [&source, &target].map(|registry| registry.address().to_owned());
    let client = client(&hosts);
    let built = fill(&source, "staging", "v1.0.5", NAMES);
    let (mut moment, mut was_tagged) = (1, 0);
    loop {
        let folder = tempfile::tempdir().unwrap();
        let prefix = format!("public{moment}");
        let flags = publish_flags(&[
            "--from",
            &format!("{}/staging", source.address()),
            "--to",
            &format!("{}/{prefix}", target.address()),
            "--confirm",
            "--digest-dir",
            &folder.path().display().to_string(),
            "v1.0.5",
        ]);
        let is_done = publish_until(moment, &flags, &hosts);
        let find = |tag: &str| find(&client, &target, &prefix, tag, NAMES);
        let has_file = |tag: &str| {
            let path = folder.path().join(format!("osm_image_digest_{tag}.txt"));
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.lines().count() == 1 + NAMES.len()
        };
        // If one image has the tag, everything of all images is there.
        if find("v1.0.5") != [None, None] {
            was_tagged += 1;
            for (name, digest) in NAMES.iter().zip(&built) {
                let place = repository(&target, &format!("{prefix}/{name}"));
                let digest = digest.parse().unwrap();
                block_on(async { client.check_image(&place, &digest).await }).unwrap();
            }
        }
        // A digest file is written when all images have its tag.
        let expected: Vec<_> = built.iter().cloned().map(Some).collect();
        for tag in ["v1.0.5", "latest"] {
            assert!(
                !has_file(tag) || find(tag) == expected,
                "{tag} after {moment}"
            );
        }
        assert!(publish_until(usize::MAX, &flags, &hosts));
        for tag in ["v1.0.5", "latest"] {
            assert_eq!(find(tag), expected, "{tag} after {moment}");
            assert!(has_file(tag));
        }
        if is_done {
            break;
        }
        moment += STEP;
    }
    let interrupted = moment / STEP;
    assert!(interrupted > 4, "{interrupted}");
    assert!(
        was_tagged > 0 && was_tagged < interrupted,
        "{was_tagged} of {interrupted}"
    );
}
