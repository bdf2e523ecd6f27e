//! Images for all that an installation uses, in a registry and at a mirror.

use std::collections::BTreeSet;

use serde_json::Value;
use test_registry::{
    Distribution, Image, ImageSpec, Options, PASSWORD, Registry, USER, push_image,
};

use super::{Output, command, run};

/// The components of the mesh.
pub const COMPONENTS: [&str; 7] = [
    "init",
    "osm-bootstrap",
    "osm-controller",
    "osm-crds",
    "osm-healthcheck",
    "osm-injector",
    "osm-preinstall",
];
/// The third-party images: the name of the repository and the key in the values.
pub const THIRD_PARTY: [(&str, &str); 3] = [
    ("curl", "curlImage"),
    ("envoy", "sidecarImage"),
    ("envoy-windows", "sidecarWindowsImage"),
];

/// Pushes an image for each component to `mesh/COMPONENT`, and the third-party images. Returns the images of the components,
/// and those of third parties.
#[track_caller]
pub fn push_mesh_images(registry: &impl Registry, tag: &str) -> (Vec<Image>, Vec<Image>) {
    let mut seed = 0;
    let mut push = |repository: &str| {
        seed += 1;
        let spec = ImageSpec {
            seed,
            ..ImageSpec::default()
        };
        push_image(registry, repository, tag, &spec)
    };
    let components = COMPONENTS.map(|component| push(&format!("mesh/{component}")));
    let others = THIRD_PARTY.map(|(repository, _)| push(repository));
    (components.into(), others.into())
}

/// The tag of all images, which is that of a release.
pub const TAG: &str = "v1.2.4";
/// Where the images go at a mirror.
pub const PREFIX: &str = "copy/mesh";

/// A registry with an image for everything that an installation uses.
pub struct Source<R> {
    pub registry: R,
    /// The flags that choose these images.
    pub images: Vec<String>,
}

impl<R: Registry> Source<R> {
    pub fn new(registry: R) -> Source<R> {
        push_mesh_images(&registry, TAG);
        let address = registry.localhost_address();
        let mut images = vec![
            "--image-registry".to_owned(),
            format!("{address}/mesh"),
            "--image-tag".to_owned(),
            TAG.to_owned(),
        ];
        for (repository, key) in THIRD_PARTY {
            let reference = format!("osm.{key}={address}/{repository}:{TAG}");
            images.extend(["--set".to_owned(), reference]);
        }
        Source { registry, images }
    }

    /// Runs `osm images mirror` from here to another registry.
    pub fn mirror(&self, target: &impl Registry, more: &[&str]) -> Output {
        let to = to(target);
        let mut arguments = vec!["images", "mirror", "--to", &to];
        arguments.extend(self.images.iter().map(String::as_str));
        arguments.extend(more);
        self.osm(target, &arguments)
    }

    /// Runs `osm` with the authority of both registries and their credentials.
    pub fn osm(&self, target: &impl Registry, arguments: &[&str]) -> Output {
        let home = self.registry.home();
        home.log_in(&target.localhost_address(), USER, PASSWORD);
        let authority = home.authority_file().display().to_string();
        let credentials = home.credentials_file().display().to_string();
        let mut arguments = arguments.to_vec();
        arguments.extend(["--ca-file", &authority]);
        arguments.extend(["--registry-auth-file", &credentials]);
        run(&mut command(&arguments), "")
    }
}

pub fn distribution() -> Distribution {
    Distribution::start(Options::default())
}

/// Returns the prefix at a mirror.
pub fn to(target: &impl Registry) -> String {
    format!("{}/{PREFIX}", target.localhost_address())
}

/// Returns each repository of the mesh at a source, and where it is at a mirror.
pub fn component_repositories() -> Vec<(String, String)> {
    let repositories = COMPONENTS.map(|name| (format!("mesh/{name}"), format!("{PREFIX}/{name}")));
    repositories.into()
}

/// Returns each repository at a source, and where it is at a mirror.
pub fn all_repositories() -> Vec<(String, String)> {
    let others = THIRD_PARTY.map(|(name, _)| (name.to_owned(), format!("{PREFIX}/{name}")));
    [component_repositories(), others.into()].concat()
}

#[track_caller]
pub fn assert_same_digests(source: &impl Registry, target: &impl Registry) {
    for (from, to) in all_repositories() {
        assert_eq!(target.digest(&to, TAG), source.digest(&from, TAG), "{to}");
    }
}

pub fn data(output: Output) -> Value {
    serde_json::from_str(&output.ok()).unwrap()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Returns the arguments of the command that installs from a mirror.
pub fn install_command(report: &Value) -> Vec<String> {
    let commands = report["install"].as_array().unwrap();
    assert_eq!(commands.len(), 1, "{report}");
    let words = commands[0]["command"].as_array().unwrap();
    assert_eq!(words[0], "osm");
    words[1..]
        .iter()
        .map(|word| text(word).to_owned())
        .collect()
}

/// Returns the images that an installation with these arguments would use.
#[track_caller]
pub fn installed_images(arguments: &[String]) -> BTreeSet<String> {
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.extend(["--dry-run", "--require-pinned"]);
    let objects = run(&mut command(&arguments), "").ok();
    let words = objects.split(|c: char| c.is_whitespace() || "\"'\\,".contains(c));
    let images = words.filter(|word| word.contains("@sha256:"));
    images.map(str::to_owned).collect()
}

/// Checks that an installation from a mirror uses only images that are there. Returns their number.
#[track_caller]
pub fn assert_all_at_mirror(report: &Value, target: &impl Registry) -> usize {
    let images = installed_images(&install_command(report));
    for image in &images {
        assert!(image.starts_with(&to(target)), "{image}");
        target.crane(&["manifest", image]).ok();
    }
    images.len()
}
