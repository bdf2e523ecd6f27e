//! `osm images mirror` and `osm images save` that are killed at any moment: no tag and no archive is there that is
//! incomplete, and the same command completes what was begun.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use image_pins::{Digest, Reference, Tag};
use oci_registry::{Client, Repository};
use test_registry::{Auth, Distribution, ImageSpec, Options, Registry, Valve, push_image};

use crate::common::mesh_images::COMPONENTS;
use crate::common::{command, run, scratch};

/// The tag of all images.
const TAG: &str = "v1.2.4";
/// At how many moments each command is killed.
const MOMENTS: u64 = 50;
/// How many commands run at the same time.
const WORKERS: u64 = 4;

/// The source and the target, and the images.
struct Registries {
    source: Distribution,
    target: Distribution,
    digests: Vec<Digest>,
}

/// Copies of one after the other, by ways of their own.
struct Worker<'r> {
    registries: &'r Registries,
    to_source: Valve,
    to_target: Valve,
    folder: PathBuf,
}

impl Registries {
    fn start() -> Registries {
        // TLS would take most of the time.
        let registry = || {
            Distribution::start(Options {
                has_tls: false,
                auth: Auth::None,
            })
        };
        let (source, target) = (registry(), registry());
        let digests = (1..).zip(COMPONENTS).map(|(seed, component)| {
            // The others are smaller, because so many copies take time.
            let has_index = seed <= 2;
            let spec = ImageSpec {
                platforms: ["linux/amd64", "linux/arm64"][..=usize::from(has_index)].to_vec(),
                has_index,
                seed,
                ..ImageSpec::default()
            };
            let image = push_image(&source, &format!("mesh/{component}"), TAG, &spec);
            image.digest.parse().unwrap()
        });
        Registries {
            digests: digests.collect(),
            source,
            target,
        }
    }

    /// Checks that all tags below a prefix stand for complete images, the right ones. Returns how many there are.
    #[track_caller]
    fn complete_tags(&self, prefix: &str) -> usize {
        let repository = |component: &str| {
            let name = format!("{}/{prefix}/{component}", self.target.address());
            let reference: Reference = name.parse().unwrap();
            Repository::from(&reference)
        };
        let host = repository("any").host().clone();
        let client = Client::builder().insecure(vec![host]).build().unwrap();
        let tag: Tag = TAG.parse().unwrap();
        let count = async {
            let mut found = 0;
            for (component, wanted) in COMPONENTS.iter().zip(&self.digests) {
                let repository = repository(component);
                if let Some(digest) = client.resolve(&repository, &tag).await.unwrap() {
                    client.check_image(&repository, &digest).await.unwrap();
                    assert_eq!(digest, *wanted, "{repository}");
                    found += 1;
                }
            }
            found
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(count)
    }
}

impl Worker<'_> {
    fn new(registries: &Registries) -> Worker<'_> {
        Worker {
            registries,
            to_source: Valve::open_to(registries.source.address()),
            to_target: Valve::open_to(registries.target.address()),
            folder: scratch("images_killed"),
        }
    }

    fn osm(line: &str) -> Command {
        let mut osm = command(&line.split_whitespace().collect::<Vec<_>>());
        // Without TLS, nothing needs the authorities of this machine.
        osm.env("SSL_CERT_FILE", "/dev/null");
        osm
    }

    /// Returns the command that copies the images to a prefix of the target.
    fn mirror(&self, prefix: &str) -> Command {
        let (from, to) = (self.registries.source.address(), self.to_target.address());
        Self::osm(&format!(
            "images mirror --to {to}/{prefix} --image-registry {from}/mesh --image-tag {TAG} \
             --insecure-registry {from} --insecure-registry {to}"
        ))
    }

    /// Returns the command that saves the images of the source.
    fn save(&self, file: &Path) -> Command {
        let (from, file) = (self.to_source.address(), file.display());
        Self::osm(&format!(
            "images save {file} --image-registry {from}/mesh --image-tag {TAG} --insecure-registry {from}"
        ))
    }

    /// Kills mirrors and saves at the moments of this worker. Returns how many were incomplete then.
    fn run(&self, moments: impl Iterator<Item = u64>) -> u64 {
        let whole = self.folder.join("whole.tar");
        let mirrored = bytes_of(&mut self.mirror("whole"), &self.to_target);
        let saved = bytes_of(&mut self.save(&whole), &self.to_source);
        let whole = std::fs::read(whole).unwrap();
        let mut incomplete = 0;
        for moment in moments {
            let prefix = format!("copy{moment}");
            let mut mirror = self.mirror(&prefix);
            kill(&mut mirror, &self.to_target, mirrored * moment / MOMENTS);
            let tags = self.registries.complete_tags(&prefix);
            run(&mut mirror, "").ok();
            assert_eq!(self.registries.complete_tags(&prefix), COMPONENTS.len());

            let file = self.folder.join(format!("{moment}.tar"));
            let mut save = self.save(&file);
            kill(&mut save, &self.to_source, saved * moment / MOMENTS);
            let is_there = file.exists();
            assert!(!is_there || std::fs::read(&file).unwrap() == whole);
            run(&mut save, "").ok();
            assert!(std::fs::read(&file).unwrap() == whole, "{moment}");
            std::fs::remove_file(&file).unwrap();
            incomplete += u64::from(tags < COMPONENTS.len() && !is_there);
        }
        // Nothing of the unfinished ones is left.
        assert_eq!(std::fs::read_dir(&self.folder).unwrap().count(), 1);
        incomplete
    }
}

/// Runs a command to its end. Returns how many bytes have passed.
#[track_caller]
fn bytes_of(command: &mut Command, valve: &Valve) -> u64 {
    valve.open();
    run(command, "").ok();
    valve.open()
}

/// Starts a command, and kills it when so many bytes have passed. Afterwards the way is open.
fn kill(command: &mut Command, valve: &Valve, bytes: u64) {
    valve.close_after(bytes);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut osm = command.spawn().unwrap();
    while !valve.is_closed_within(Duration::from_millis(20)) && osm.try_wait().unwrap().is_none() {}
    osm.kill().unwrap();
    osm.wait().unwrap();
    valve.open();
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn copies_that_are_killed_leave_nothing_incomplete_and_are_completed_by_the_same_command() {
    let registries = Registries::start();
    let incomplete = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (registries, incomplete) = (&registries, &incomplete);
            scope.spawn(move || {
                let moments = (0..MOMENTS).filter(|moment| moment % WORKERS == worker);
                let found = Worker::new(registries).run(moments);
                incomplete.fetch_add(found, Ordering::Relaxed);
            });
        }
    });
    assert!(incomplete.into_inner() > MOMENTS / 2);
}
