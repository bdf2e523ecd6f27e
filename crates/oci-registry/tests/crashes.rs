//! Copies and archives whose process is killed: nothing incomplete has a name afterwards, and the next run completes it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use image_pins::{Digest, Tag};
use oci_registry::layout::Archive;
use oci_registry::signature::{Format, PublicKey};
use oci_registry::{
    Client, CopyImage, CopyOptions, Host, ImageSource, Observer, Repository, SaveImage,
};
use test_registry::{Distribution, ImageSpec, Options, Registry, push_image};

use crate::common::repository;
use crate::mirrors::sign;

/// How often a copy, and an archive, is killed.
const KILLS: usize = 50;
/// What the process that is killed has to do: source, digest, target and moment, each on a line.
const TASK: &str = "OCI_REGISTRY_TEST_TASK";
const OPTIONS: CopyOptions = CopyOptions {
    referrers: true,
    foreign_layers: false,
};

/// What is to be done.
#[derive(Clone, Debug)]
struct Task {
    from: Repository,
    digest: Digest,
    to: Target,
}

#[derive(Clone, Debug)]
enum Target {
    Repository(Repository),
    File(PathBuf),
}

impl Task {
    fn client(&self) -> oci_registry::ClientBuilder {
        let mut hosts = vec![self.from.host().clone()];
        if let Target::Repository(to) = &self.to {
            hosts.push(Host::clone(to.host()));
        }
        Client::builder().insecure(hosts)
    }

    async fn run(&self, client: &Client, observer: Observer<'_>) {
        let from = ImageSource::from(&self.from);
        let digest = self.digest;
        let results = match &self.to {
            Target::Repository(to) => {
                let image = CopyImage {
                    from,
                    digest,
                    to: to.clone(),
                    tag: Some(tag()),
                    move_tag: false,
                    platforms: Vec::new(),
                };
                let plan = client.plan_copy([image], OPTIONS).await;
                plan.run(client, observer).await
            }
            Target::File(path) => {
                let image = SaveImage {
                    from,
                    digest,
                    reference: "registry.example.com/web:v1".parse().unwrap(),
                    platforms: Vec::new(),
                };
                let plan = client.plan_save([image], OPTIONS).await;
                plan.run(client, path, observer).await.unwrap()
            }
        };
        for result in results {
            assert_eq!(result.unwrap(), digest);
        }
    }

    /// Runs in another process, which is killed at a moment: a request or an event. Returns the number of moments if it
    /// ends before.
    fn run_until(&self, moment: usize, authorities: &Path) -> Option<usize> {
        let to = match &self.to {
            Target::Repository(to) => to.to_string(),
            Target::File(path) => path.display().to_string(),
        };
        let task = format!("{}\n{}\n{to}\n{moment}", self.from, self.digest);
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crashes::worker", "--ignored", "--nocapture"])
            .env(TASK, task)
            // Otherwise each process reads all authorities of this machine.
            .env("SSL_CERT_FILE", authorities)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let moments = text.lines().find_map(|line| line.split_once("moments: "));
        assert_eq!(output.status.success(), moments.is_some(), "{output:?}");
        moments.map(|(_, number)| number.parse().unwrap())
    }
}

fn tag() -> Tag {
    "v1".parse().unwrap()
}

#[tokio::test]
#[ignore = "is started by the other tests here"]
async fn worker() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let lines: Vec<&str> = task.lines().collect();
    let [from, digest, to, last] = lines[..] else {
        panic!("{task}");
    };
    let place = |name: &str| Repository::from(&name.parse::<image_pins::Reference>().unwrap());
    let task = Task {
        from: place(from),
        digest: digest.parse().unwrap(),
        to: match Path::new(to).is_absolute() {
            true => Target::File(to.into()),
            false => Target::Repository(place(to)),
        },
    };
    let last: usize = last.parse().unwrap();
    let moments = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&moments);
    let moment = Arc::new(move || {
        if count.fetch_add(1, Ordering::Relaxed) + 1 == last {
            let me = std::process::id().to_string();
            Command::new("kill").args(["-KILL", &me]).status().unwrap();
        }
    });
    let at_request = Arc::clone(&moment);
    let client = task.client().log(Arc::new(move |_| at_request())).build();
    task.run(&client.unwrap(), &|_| moment()).await;
    println!("moments: {}", moments.load(Ordering::Relaxed));
}

/// Two registries, and a signed image in the first.
struct Scene {
    source: Distribution,
    target: Distribution,
    from: Repository,
    digest: Digest,
    keys: Vec<PublicKey>,
}

impl Scene {
    fn new() -> Scene {
        let [source, target] = [(); 2].map(|()| {
            Distribution::start(Options {
                has_tls: false,
                ..Options::default()
            })
        });
        let image = push_image(&source, "web", "v1", &ImageSpec::default());
        let name = format!("{}/web@{}", source.address(), image.digest);
        let formats = [Format::SimpleSigning, Format::Bundle];
        Scene {
            from: repository(source.address(), "web"),
            digest: image.digest.parse().unwrap(),
            keys: formats.map(|format| sign(&source, &name, format)).into(),
            source,
            target,
        }
    }

    fn task(&self, to: Target) -> Task {
        Task {
            from: self.from.clone(),
            digest: self.digest,
            to,
        }
    }

    /// Checks that the image is complete, with its signatures.
    async fn check(&self, client: &Client, place: &ImageSource) {
        client.check_image(place, &self.digest).await.unwrap();
        for key in &self.keys {
            let verified = client.verify_signatures(place, &self.digest, key).await;
            verified.unwrap();
        }
    }
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn a_copy_that_is_killed_is_completed_by_the_next_one() {
    let scene = Scene::new();
    let task = |number: usize| {
        let path = format!("mirror/{number}");
        scene.task(Target::Repository(repository(
            scene.target.address(),
            &path,
        )))
    };
    let authorities = scene.source.home().authority_file();
    let all = task(KILLS).run_until(usize::MAX, &authorities).unwrap();
    assert!(all > KILLS, "{all}");
    let client = task(KILLS).client().build().unwrap();
    for number in 0..KILLS {
        let task = task(number);
        let moment = 1 + number * all / KILLS;
        assert_eq!(task.run_until(moment, &authorities), None);
        let Target::Repository(to) = &task.to else {
            panic!("{task:?}");
        };
        let place = ImageSource::from(to);
        // Each tag names something complete.
        if client.resolve(to, &tag()).await.unwrap().is_some() {
            scene.check(&client, &place).await;
        }
        for end in ["", ".sig"] {
            let tag = format!("{}{end}", scene.digest.to_string().replace(':', "-"));
            let tag: Tag = tag.parse().unwrap();
            if let Some(digest) = client.resolve(to, &tag).await.unwrap() {
                client.check_image(to, &digest).await.unwrap();
            }
        }
        task.run(&client, &|_| {}).await;
        let tagged = client.resolve(to, &tag()).await.unwrap();
        assert_eq!(tagged, Some(scene.digest), "{number}");
        scene.check(&client, &place).await;
    }
    drop(scene.source);
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn an_archive_whose_process_is_killed_is_completed_by_the_next_one() {
    let scene = Scene::new();
    let folder = tempfile::tempdir().unwrap();
    let path = |number: usize| folder.path().join(format!("{number}.tar"));
    let authorities = scene.source.home().authority_file();
    let all = scene.task(Target::File(path(KILLS)));
    let client = all.client().build().unwrap();
    let all = all.run_until(usize::MAX, &authorities).unwrap();
    let expected = std::fs::read(path(KILLS)).unwrap();
    let mut resumed = 0;
    for number in 0..KILLS {
        let path = path(number);
        let task = scene.task(Target::File(path.clone()));
        let moment = 1 + number * all / KILLS;
        assert_eq!(task.run_until(moment, &authorities), None);
        // The archive has its name only when it is complete.
        if path.exists() {
            assert_eq!(std::fs::read(&path).unwrap(), expected);
        }
        resumed += usize::from(path.with_extension("tar.part").exists());
        task.run(&client, &|_| {}).await;
        assert_eq!(std::fs::read(&path).unwrap(), expected, "{number}");
    }
    assert!(resumed > 0);
    let archive = Arc::new(Archive::open(&path(0)).await.unwrap());
    scene.check(&client, &ImageSource::from(&archive)).await;
}
