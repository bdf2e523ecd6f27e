//! `osm images verify` against real registries: images that are there, that are not, whose tags were moved, and signatures.

use std::path::Path;

use serde_json::Value;
use test_registry::{Auth, Distribution, ImageSpec, Options, Registry, push_image};

use crate::common::cluster::Cluster;
use crate::common::mesh_images::{COMPONENTS, THIRD_PARTY, push_mesh_images};
use crate::common::{Output, command, run, scratch};

/// A registry with an image for everything that an installation uses, each at the tag `v1`.
pub struct Mirror {
    pub registry: Distribution,
    /// The flag that trusts the registry.
    pub access: [String; 2],
    /// The flags that use these images.
    pub images: Vec<String>,
}

impl Mirror {
    pub fn start(options: Options) -> Mirror {
        let registry = Distribution::start(options);
        let authority = registry.home().authority_file().display().to_string();
        let mut images = vec![
            "--image-registry".to_owned(),
            format!("{}/mesh", registry.address()),
        ];
        let (components, others) = push_mesh_images(&registry, "v1");
        for (component, image) in COMPONENTS.iter().zip(components) {
            let digest = format!("{component}={}", image.digest);
            images.extend(["--image-digest".to_owned(), digest]);
        }
        for ((repository, key), image) in THIRD_PARTY.iter().zip(others) {
            let name = format!("{}/{repository}:v1", registry.address());
            let reference = format!("osm.{key}={name}@{}", image.digest);
            images.extend(["--set".to_owned(), reference]);
        }
        Mirror {
            registry,
            access: ["--ca-file".to_owned(), authority],
            images,
        }
    }

    /// Runs `osm images verify` for these images.
    fn verify(&self, more: &[&str]) -> Output {
        verify(self.images.iter().chain(&self.access), more)
    }

    /// Renders an installation with these images.
    fn render(&self) -> String {
        let mut arguments = vec!["install", "--dry-run"];
        arguments.extend(self.images.iter().map(String::as_str));
        run(&mut command(&arguments), "").ok()
    }

    pub fn name(&self, repository: &str) -> String {
        format!("{}/{repository}", self.registry.address())
    }
}

fn verify<'f>(flags: impl IntoIterator<Item = &'f String>, more: &[&'f str]) -> Output {
    let mut arguments = vec!["images", "verify"];
    arguments.extend(flags.into_iter().map(String::as_str));
    arguments.extend(more);
    run(&mut command(&arguments), "")
}

/// Returns the entry of a component in the output with `-o json`.
fn entry(text: &str, component: &str) -> Value {
    let data: Value = serde_json::from_str(text).unwrap();
    let images = data["images"].as_array().unwrap();
    let found = images.iter().find(|image| image["component"] == component);
    found
        .unwrap_or_else(|| panic!("{component} in {text}"))
        .clone()
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn images_that_are_there_hold() {
    let mirror = Mirror::start(Options::default());
    let text = mirror.verify(&["-o", "json"]).ok();
    let data: Value = serde_json::from_str(&text).unwrap();
    let images = data["images"].as_array().unwrap();
    assert_eq!(images.len(), COMPONENTS.len() + THIRD_PARTY.len());
    for image in images {
        assert_eq!(image["holds"], true, "{image}");
        assert_eq!(
            image["platforms"],
            serde_json::json!(["linux/amd64", "linux/arm64"])
        );
    }
    assert_eq!(entry(&text, "envoy")["tag"]["state"], "same");
    let table = mirror.verify(&[]).ok();
    assert_eq!(table.lines().count(), 1 + images.len(), "{table}");
    assert!(table.starts_with("COMPONENT"), "{table}");
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn a_moved_tag_is_reported_with_both_digests() {
    let mirror = Mirror::start(Options::default());
    let before = mirror.render();
    let pinned = mirror.registry.digest("envoy", "v1");
    let other = ImageSpec {
        seed: 100,
        ..ImageSpec::default()
    };
    let moved = push_image(&mirror.registry, "envoy", "v1", &other).digest;
    let output = mirror.verify(&["-o", "json"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let envoy = entry(&output.stdout, "envoy");
    assert_eq!(envoy["holds"], false);
    assert_eq!(envoy["tag"]["state"], "moved");
    assert_eq!(envoy["tag"]["digest"], moved);
    assert_eq!(envoy["digest"], pinned);
    let message = format!(
        "{}:v1 was moved: it points at {moved}, and the image is pinned to {pinned}",
        mirror.name("envoy")
    );
    assert!(output.stderr.contains(&message), "{}", output.stderr);
    // What is installed does not change.
    assert_eq!(mirror.render(), before);
    // By its tag, the other image would be installed, and that is said.
    let by_tag = format!("osm.sidecarImage={}:v1", mirror.name("envoy"));
    let floating = mirror.verify(&["--set", &by_tag, "-o", "json"]);
    assert_eq!(floating.code, 0, "{}", floating.stderr);
    let envoy = entry(&floating.stdout, "envoy");
    assert_eq!(
        (&envoy["digest"], &envoy["tag"]["state"]),
        (&moved.into(), &"not pinned".into())
    );
    assert!(
        floating.stderr.contains("anyone who can push this tag"),
        "{}",
        floating.stderr
    );
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn an_installation_can_check_its_images_first() {
    let mirror = Mirror::start(Options::default());
    let install = |more: &[&str]| {
        let mut arguments = vec!["install", "--dry-run", "--verify-images"];
        arguments.extend(
            mirror
                .images
                .iter()
                .chain(&mirror.access)
                .map(String::as_str),
        );
        arguments.extend(more);
        run(&mut command(&arguments), "")
    };
    assert_eq!(install(&[]).ok(), mirror.render());
    let other = ImageSpec {
        seed: 100,
        ..ImageSpec::default()
    };
    push_image(&mirror.registry, "envoy", "v1", &other);
    let error = install(&[]).fails(1);
    assert!(error.contains("envoy:v1 was moved"), "{error}");
}

#[test]
#[ignore = "needs a cluster and a registry: run cargo xtask test"]
fn a_moved_tag_does_not_change_what_a_pinned_mesh_runs() {
    const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/osm-system/deployments";
    let mirror = Mirror::start(Options::default());
    let cluster = Cluster::start();
    let osm = |words: &[&str], access: &[String]| {
        let mut arguments = words.to_vec();
        arguments.extend(mirror.images.iter().chain(access).map(String::as_str));
        cluster.osm(&arguments)
    };
    osm(&["install", "--verify-images"], &mirror.access).ok();
    let specs = || -> Vec<Value> {
        let found = cluster.get(DEPLOYMENTS).unwrap();
        let items = found["items"].as_array().unwrap().iter();
        items.map(|item| item["spec"]["template"].clone()).collect()
    };
    let before = specs();
    assert!(!before.is_empty());

    // Whoever can push moves the tags of everything.
    let other = ImageSpec {
        seed: 100,
        ..ImageSpec::default()
    };
    push_image(&mirror.registry, "envoy", "v1", &other);
    push_image(&mirror.registry, "mesh/osm-controller", "v1", &other);
    assert_eq!(mirror.verify(&[]).code, 1);
    let refused = osm(&["mesh", "upgrade", "--verify-images"], &mirror.access).fails(1);
    assert!(refused.contains("envoy:v1 was moved"), "{refused}");
    assert_eq!(specs(), before);
    osm(&["mesh", "upgrade"], &[]).ok();
    assert_eq!(specs(), before, "an upgrade installs the same images");

    // By tag, it would be another image, and that is said.
    let registry = mirror.name("mesh");
    let by_tag = [
        "install",
        "--dry-run",
        "--image-registry",
        &registry,
        "--image-tag",
        "v1",
    ];
    let output = run(&mut command(&by_tag), "");
    assert!(
        output.stderr.contains("anyone who can push"),
        "{}",
        output.stderr
    );
    output.ok();
    cluster
        .osm(&["uninstall", "mesh", "--force", "--delete-namespace"])
        .ok();
}

#[test]
fn flags_of_registries_need_the_flag_that_uses_them() {
    let flags = [
        ["--ca-file", "a"],
        ["--registry-auth-file", "a"],
        ["--insecure-registry", "a"],
        ["--token-server", "a"],
        ["--key", "a"],
    ];
    for [flag, value] in flags {
        let output = run(&mut command(&["install", "--dry-run", flag, value]), "");
        let error = output.fails(2);
        assert!(
            error.contains(&format!("{flag} has no effect without --verify-images")),
            "{error}"
        );
    }
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn an_image_that_is_missing_is_named() {
    let mirror = Mirror::start(Options::default());
    let absent = format!("sha256:{}", "ab".repeat(32));
    let digest = format!("osm-crds={absent}");
    // A second digest for a component would be an error, so that flag is replaced.
    let flags: Vec<String> = mirror
        .images
        .iter()
        .map(|flag| match flag.starts_with("osm-crds=") {
            true => digest.clone(),
            false => flag.clone(),
        })
        .collect();
    let output = verify(flags.iter().chain(&mirror.access), &[]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let place = format!("{}@{absent}: not found", mirror.name("mesh/osm-crds"));
    assert!(
        output.stderr.contains("1 of 10 images failed the check"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains(&place), "{}", output.stderr);
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn credentials_and_authorities_are_asked_for_by_name() {
    let mirror = Mirror::start(Options {
        auth: Auth::Basic,
        ..Options::default()
    });
    let credentials = mirror
        .registry
        .home()
        .credentials_file()
        .display()
        .to_string();
    mirror.verify(&["--registry-auth-file", &credentials]).ok();
    let refused = mirror.verify(&[]);
    assert_eq!(refused.code, 1);
    let hint = format!("`docker login {}`", mirror.registry.address());
    assert!(refused.stderr.contains(&hint), "{}", refused.stderr);
    let untrusted = verify(&mirror.images, &[]);
    assert_eq!(untrusted.code, 1);
    assert!(
        untrusted.stderr.contains("with --ca-file"),
        "{}",
        untrusted.stderr
    );
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn a_key_demands_a_signature_of_every_image() {
    let mirror = Mirror::start(Options::default());
    let home = mirror.registry.home().path();
    let key = |name: &str, end: &str| home.join(format!("{name}.{end}")).display().to_string();
    for name in ["right", "wrong"] {
        let prefix = home.join(name).display().to_string();
        let made = ["generate-key-pair", "--output-key-prefix", &prefix];
        mirror.registry.cosign(&made).ok();
    }
    let sign = |repository: &str| {
        let digest = mirror.registry.digest(repository, "v1");
        let name = format!("{}@{digest}", mirror.name(repository));
        let private = key("right", "key");
        mirror
            .registry
            .cosign(&[
                "sign",
                "--key",
                &private,
                "--tlog-upload=false",
                "--use-signing-config=false",
                &name,
            ])
            .ok();
    };
    for component in &COMPONENTS[1..] {
        sign(&format!("mesh/{component}"));
    }
    for (repository, _) in THIRD_PARTY {
        sign(repository);
    }
    let public = key("right", "pub");
    let output = mirror.verify(&["--key", &public, "-o", "json"]);
    assert_eq!(output.code, 1, "one image is not signed: {}", output.stderr);
    assert!(
        output.stderr.contains("1 of 10 images failed the check"),
        "{}",
        output.stderr
    );
    assert_eq!(entry(&output.stdout, "init")["holds"], false);
    assert_eq!(entry(&output.stdout, "osm-controller")["signatures"], 1);
    sign("mesh/init");
    mirror.verify(&["--key", &public]).ok();
    let other = mirror.verify(&["--key", &key("wrong", "pub")]);
    assert_eq!(other.code, 1);
    assert!(
        other.stderr.contains("10 of 10 images failed the check"),
        "{}",
        other.stderr
    );
}

#[test]
fn what_cannot_be_used_to_reach_a_registry_is_refused() {
    let folder = scratch("images-verify");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let text = write("text", "no PEM\n");
    let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let private = write("private", private);
    let absent = Path::new(&folder).join("absent").display().to_string();
    let table = [
        (["--ca-file", &absent], "cannot read it: No such file"),
        (["--ca-file", &text], "it contains no certificate"),
        (
            ["--registry-auth-file", &absent],
            "cannot read it: No such file",
        ),
        (["--key", &absent], "cannot read it: No such file"),
        (["--key", &private], "this is a private key"),
        (
            ["--insecure-registry", "http://a"],
            "without https:// and without a path",
        ),
        (
            ["--token-server", "a/b"],
            "without https:// and without a path",
        ),
    ];
    for (flags, message) in table {
        let output = run(&mut command(&["images", "verify", flags[0], flags[1]]), "");
        let error = output.fails(2);
        assert!(error.contains(message), "{error}");
        assert!(error.contains(flags[0]), "{error}");
    }
}
