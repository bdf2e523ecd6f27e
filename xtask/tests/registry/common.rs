//! The harness: small releases in registries, and the tasks as functions and as processes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use image_pins::{Components, Reference};
use oci_registry::{
    Client, ClientBuilder, CredentialStore, Host, Repository, Retries, read_certificates,
};
use test_cluster::{Output, run};
use test_registry::{ImageSpec, Registry, push_image};
use xtask::flags::{self, PublishImages, Task};
use xtask::publish_images::{PublishError, publish};

/// Three components, one of them since v1.1.0.
pub const COMPONENTS: &str = r#"schema = 1
registry = "mesh"

[[component]]
name = "controller"
key = "appController"
since = "v1.0.0"
description = "Controls."

[[component]]
name = "init"
key = "appInit"
since = "v1.0.0"
description = "Prepares."

[[component]]
name = "healthcheck"
key = "appHealthcheck"
since = "v1.1.0"
description = "Answers probes."
"#;
/// The components of v1.1.0 and later.
pub const NAMES: [&str; 3] = ["controller", "init", "healthcheck"];

pub fn components() -> Components {
    Components::parse(COMPONENTS, Path::new("components.toml")).unwrap()
}

/// An image that no other call returns.
pub fn new_image() -> ImageSpec {
    static SEED: AtomicU64 = AtomicU64::new(1);
    ImageSpec {
        seed: SEED.fetch_add(1, Ordering::Relaxed),
        layer_bytes: 200,
        ..ImageSpec::default()
    }
}

/// Pushes new images of these components. Returns their digests.
pub fn fill<'n>(
    registry: &impl Registry,
    prefix: &str,
    tag: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Vec<String> {
    let push = |name| push_image(registry, &format!("{prefix}/{name}"), tag, &new_image()).digest;
    names.into_iter().map(push).collect()
}

/// Returns the digests of a tag of these components, as a registry without authentication says; `None` where there is no
/// such tag.
pub fn find<'n>(
    client: &Client,
    registry: &impl Registry,
    prefix: &str,
    tag: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Vec<Option<String>> {
    let tag = tag.parse().unwrap();
    block_on(async {
        let mut found = Vec::new();
        for name in names {
            let repository = repository(registry, &format!("{prefix}/{name}"));
            let digest = client.resolve(&repository, &tag).await.unwrap();
            found.push(digest.map(|digest| digest.to_string()));
        }
        found
    })
}

/// Returns the digests of a tag that all of these components have.
#[track_caller]
pub fn digests<'n>(
    registry: &impl Registry,
    prefix: &str,
    tag: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Vec<String> {
    let found = find(&client(&[]), registry, prefix, tag, names);
    let missing = || panic!("{prefix}: {tag} does not exist everywhere");
    found
        .into_iter()
        .map(|digest| digest.unwrap_or_else(missing))
        .collect()
}

/// Returns whether a component has a tag.
pub fn exists(registry: &impl Registry, prefix: &str, name: &str, tag: &str) -> bool {
    find(&client(&[]), registry, prefix, tag, [name]) != [None]
}

/// Returns a repository of a registry.
pub fn repository(registry: &impl Registry, path: &str) -> Repository {
    let name: Reference = format!("{}/{path}", registry.address()).parse().unwrap();
    Repository::from(&name)
}

/// Runs a task on this thread until it ends.
pub fn block_on<T>(task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(task)
}

/// Starts a client that trusts the registries of the tests, and these without TLS, and does not wait long before it repeats a
/// request.
pub fn builder(insecure: &[String]) -> ClientBuilder {
    let authority = test_registry::authority_certificate();
    Client::builder()
        .authorities(read_certificates(authority.as_bytes()).unwrap())
        .credentials(CredentialStore::none())
        .insecure(insecure.iter().map(|host| Host::new(host)).collect())
        .retries(Retries {
            count: 2,
            first_pause: Duration::from_millis(1),
        })
}

/// Creates such a client.
pub fn client(insecure: &[String]) -> Client {
    builder(insecure).build().unwrap()
}

/// What `publish-images` has printed, and how it ended.
pub struct Published {
    pub out: String,
    pub result: Result<(), PublishError>,
}

impl Published {
    /// Returns what was printed by a run that has succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        if let Err(error) = self.result {
            panic!("{error}\n{}", self.out);
        }
        self.out
    }

    /// Returns the error of a run that was refused.
    #[track_caller]
    pub fn refused(self) -> String {
        match self.result {
            Err(error) => error.to_string(),
            Ok(()) => panic!("it succeeded:\n{}", self.out),
        }
    }
}

/// Parses the flags of `publish-images`.
pub fn publish_flags(arguments: &[&str]) -> PublishImages {
    let words = ["xtask", "publish-images"].iter().chain(arguments);
    match flags::parse(words).unwrap() {
        Task::PublishImages(flags) => flags,
        task => panic!("{task:?}"),
    }
}

/// Runs `publish-images` with a client for the three components.
pub fn publish_with(client: &Client, arguments: &[&str]) -> Published {
    let flags = publish_flags(arguments);
    let mut out = Vec::new();
    let result = block_on(publish(client, &components(), &flags, &mut out));
    Published {
        out: String::from_utf8(out).unwrap(),
        result,
    }
}

/// Starts the command line of a task as a process that trusts the registries of the tests.
pub fn xtask(folder: &Path, arguments: &[&str]) -> Command {
    let authority = folder.join("authority.pem");
    std::fs::write(&authority, test_registry::authority_certificate()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments).arg("--ca-file").arg(authority);
    command.current_dir(folder);
    command
}

/// Runs a task as a process until it ends.
pub fn run_xtask(folder: &Path, arguments: &[&str]) -> Output {
    run(&mut xtask(folder, arguments), "")
}

/// Returns a folder with a folder `digests` that has the three components.
pub fn workspace() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let digests = folder.path().join("digests");
    std::fs::create_dir(&digests).unwrap();
    std::fs::write(digests.join("components.toml"), COMPONENTS).unwrap();
    (folder, digests)
}
