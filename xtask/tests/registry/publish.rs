//! `publish-images` with everything as it should be: what is copied, which tags are set, and what the digest files say.

use std::path::Path;

use image_pins::digest_file::{Format, Subject, parse};
use test_registry::{Distribution, Olareg, Options, Registry, push_image};

use crate::common::{NAMES, client, digests, exists, fill, new_image, publish_with, run_xtask};

/// The components of the mesh itself.
const MESH: [&str; 7] = [
    "osm-controller",
    "osm-injector",
    "init",
    "osm-bootstrap",
    "osm-crds",
    "osm-preinstall",
    "osm-healthcheck",
];

/// Returns the names and digests in the digest file of a tag, whose rows name this registry.
fn recorded(folder: &Path, tag: &str, registry: &str) -> Vec<(String, String)> {
    let path = folder.join(format!("osm_image_digest_{tag}.txt"));
    let file = parse(&std::fs::read(&path).unwrap(), &path, None).unwrap();
    assert_eq!(file.format, Format::DockerImages);
    let row = |row: &image_pins::digest_file::Row| {
        assert_eq!(row.registry.as_ref().unwrap().as_ref(), registry);
        assert_eq!(row.tag.as_ref().unwrap().as_ref(), tag);
        match &row.subject {
            Subject::Name(name) => (name.clone(), row.digest.to_string()),
            Subject::ChartKey { .. } => panic!("{row:?}"),
        }
    };
    file.rows.iter().map(row).collect()
}

/// Publishes a release of the mesh from one registry to another, twice.
fn publish_between(source: &impl Registry, target: &impl Registry) {
    let folder = tempfile::tempdir().unwrap();
    let built = fill(source, "staging", "v1.2.5", MESH);
    // At the tag at which cosign keeps signatures, anything counts as such for a copy.
    let signatures = format!("{}.sig", built[0].replace(':', "-"));
    let signed = format!("staging/{}", MESH[0]);
    let signature = push_image(source, &signed, &signatures, &new_image()).digest;
    let from = format!("{}/staging", source.address());
    let to = format!("{}/public/mesh", target.address());
    let arguments = ["publish-images", "--from", &from, "--to", &to, "v1.2.5"];
    let confirmed = [&arguments[..], &["--confirm", "--digest-dir", "."]].concat();

    let planned = run_xtask(folder.path(), &arguments).ok();
    assert!(
        planned.contains("dry run: nothing was written"),
        "{planned}"
    );
    assert!(!exists(target, "public/mesh", "init", "v1.2.5"));
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files(), 1, "only the authority of the test");

    for _ in 0..2 {
        let published = run_xtask(folder.path(), &confirmed).ok();
        assert!(published.ends_with("published v1.2.5\n"), "{published}");
        for tag in ["v1.2.5", "latest"] {
            let published = MESH.map(|name| target.digest(&format!("public/mesh/{name}"), tag));
            assert_eq!(Vec::from(published), built);
            let rows: Vec<_> = MESH
                .map(str::to_owned)
                .into_iter()
                .zip(built.clone())
                .collect();
            assert_eq!(recorded(folder.path(), tag, &to), rows);
        }
        assert_eq!(files(), 3);
        let signed = format!("public/mesh/{}", MESH[0]);
        assert_eq!(target.digest(&signed, &signatures), signature);
    }
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn a_release_is_published_by_digest_and_again_without_harm() {
    let distribution = Distribution::start(Options::default());
    let olareg = Olareg::start();
    publish_between(&olareg, &distribution);
    let writes = |registry: &Distribution| {
        let requests = registry.requests().into_iter();
        let writes = requests.filter(|request| !["GET", "HEAD"].contains(&&*request.method));
        writes.map(|request| request.path).collect::<Vec<_>>()
    };
    let tags = |path: &String| path.ends_with("/v1.2.5") || path.ends_with("/latest");
    let written = writes(&distribution);
    let first_tag = written.iter().position(tags).unwrap();
    assert!(first_tag > MESH.len() * 3, "{written:?}");
    // Each tag is set once, and after everything of all images is there.
    assert_eq!(written.len() - first_tag, 2 * MESH.len(), "{written:?}");
    assert!(written[first_tag..].iter().all(tags), "{written:?}");
    publish_between(&distribution, &olareg);
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn latest_moves_to_the_highest_release_only() {
    let registry = Distribution::start(Options::default());
    let folder = tempfile::tempdir().unwrap();
    let client = client(&[]);
    let (from, to) = (
        format!("{}/staging", registry.address()),
        format!("{}/public", registry.address()),
    );
    // Tags that are not releases do not count.
    fill(&registry, "public", "v9", NAMES);
    fill(&registry, "public", "main", NAMES);
    // The release, which release is `latest` afterwards, and what the task says about it.
    let table = [
        (
            "v1.2.0-rc.1",
            None,
            "latest stays: v1.2.0-rc.1 is a pre-release",
        ),
        ("v1.2.0", Some("v1.2.0"), ":latest: set to sha256:"),
        ("v1.1.9", Some("v1.2.0"), "latest stays: v1.2.0 is higher"),
        (
            "v1.3.0-rc.1",
            Some("v1.2.0"),
            "latest stays: v1.3.0-rc.1 is a pre-release",
        ),
        // A candidate of a later release does not hold it back.
        ("v1.2.10", Some("v1.2.10"), ":latest: move from sha256:"),
        ("v1.2.9", Some("v1.2.10"), "latest stays: v1.2.10 is higher"),
        ("v1.2.10", Some("v1.2.10"), ":latest: is sha256:"),
    ];
    for (release, latest, said) in table {
        if !exists(&registry, "staging", "init", release) {
            fill(&registry, "staging", release, NAMES);
        }
        let digest_dir = folder.path().join(release);
        std::fs::create_dir_all(&digest_dir).unwrap();
        let digest_dir = digest_dir.display().to_string();
        let arguments = [
            "--from",
            &from,
            "--to",
            &to,
            "--confirm",
            "--digest-dir",
            &digest_dir,
        ];
        let out = publish_with(&client, &[&arguments[..], &[release]].concat()).ok();
        assert!(out.contains(said), "{release}: {out}");
        let of = |tag: &str| digests(&registry, "public", tag, NAMES);
        assert_eq!(of(release), digests(&registry, "staging", release, NAMES));
        match latest {
            Some(latest) => assert_eq!(of("latest"), of(latest), "{release}"),
            None => assert!(!exists(&registry, "public", "init", "latest")),
        }
        let has_file = Path::new(&digest_dir)
            .join("osm_image_digest_latest.txt")
            .exists();
        assert_eq!(has_file, latest == Some(release), "{release}");
    }
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn a_release_has_the_components_of_its_version() {
    let registry = Distribution::start(Options::default());
    let folder = tempfile::tempdir().unwrap();
    let old = ["controller", "init"];
    fill(&registry, "staging", "v1.0.0", old);
    let arguments = [
        "v1.0.0",
        "--confirm",
        "--from",
        &format!("{}/staging", registry.address()),
        "--to",
        &format!("{}/public", registry.address()),
        "--digest-dir",
        &folder.path().display().to_string(),
    ];
    publish_with(&client(&[]), &arguments).ok();
    let to = format!("{}/public", registry.address());
    let rows = recorded(folder.path(), "v1.0.0", &to);
    assert!(rows.iter().map(|(name, _)| name).eq(old), "{rows:?}");
}
