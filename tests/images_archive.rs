//! `osm images save`, and what other commands do with its archives.

use serde_json::{Value, json};
use test_registry::{Distribution, Olareg, Registry};

use crate::common::mesh_images::{
    COMPONENTS, Source, TAG, all_repositories, assert_all_at_mirror, data, distribution,
    install_command, installed_images, text, to,
};
use crate::common::{command, run, scratch};

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn an_archive_goes_where_the_source_is_not() {
    let folder = scratch("images-save");
    let file = |name: &str| folder.join(name).display().to_string();
    let (source, target) = (Source::new(Olareg::start()), distribution());
    let save = |name: &str, more: &[&str]| {
        let name = file(name);
        let mut arguments = vec!["images", "save", &name];
        arguments.extend(source.images.iter().map(String::as_str));
        arguments.extend(more);
        source.osm(&target, &arguments)
    };
    let dry = data(save(
        "all.tar",
        &["--include-external", "--dry-run", "-o", "json"],
    ));
    assert_eq!(dry["blobs"], 4 * all_repositories().len() + 1);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let saved = data(save("all.tar", &["--include-external", "-o", "json"]));
    let host = source.registry.localhost_address();
    assert_eq!(
        saved["images"][0]["target"],
        format!("{host}/mesh/init:{TAG}")
    );
    save("again.tar", &["--include-external", "--concurrency", "1"]).ok();
    let [first, again] = ["all.tar", "again.tar"].map(|name| std::fs::read(file(name)).unwrap());
    assert!(first == again, "an archive depends on its images only");
    save("mesh.tar", &[]).ok();

    // Only the mirror is asked from now on.
    let digests: Vec<String> = all_repositories()
        .iter()
        .map(|(from, _)| source.registry.digest(from, TAG))
        .collect();
    let (home, images) = (source.registry.home().authority_file(), &source.images);
    let authority = std::fs::read(home).unwrap();
    std::fs::write(file("authority.pem"), authority).unwrap();
    let images = images.clone();
    drop(source);
    let osm = |words: &[&str]| {
        let authority = file("authority.pem");
        let mut words = words.to_vec();
        words.extend(["--ca-file", &authority]);
        run(&mut command(&words), "")
    };
    let (to, all, mesh) = (to(&target), file("all.tar"), file("mesh.tar"));
    let from_all = [
        "images", "mirror", "--to", &to, "--from", &all, "-o", "json",
    ];
    let report = data(osm(&from_all));
    for ((_, repository), digest) in all_repositories().iter().zip(digests) {
        assert_eq!(target.digest(repository, TAG), digest, "{repository}");
    }
    assert_eq!(report["pulls"], json!({}));
    // The third-party images are not those of the release.
    let installed = installed_images(&install_command(&report));
    let at_mirror = installed.iter().filter(|image| image.starts_with(&to));
    assert_eq!(at_mirror.count(), COMPONENTS.len());

    // The flags choose, and the archive may not have it.
    let choose = |archive: &str, more: &[&str]| {
        let mut words = vec![
            "images", "mirror", "--to", &to, "--from", archive, "-o", "json",
        ];
        words.extend(images.iter().map(String::as_str));
        words.extend(more);
        osm(&words)
    };
    let chosen = data(choose(&all, &["--include-external"]));
    assert_eq!(
        assert_all_at_mirror(&chosen, &target),
        all_repositories().len()
    );
    assert_eq!(chosen["blobs"], 0);
    let before = target.requests().len();
    let missing = choose(&mesh, &["--include-external"]).fails(1);
    let message = format!("the archive does not have {host}/curl:{TAG}, {host}/envoy:{TAG}");
    assert!(missing.contains(&message), "{missing}");
    assert_eq!(target.requests().len(), before, "nothing is asked or sent");
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn an_archive_is_verified_byte_by_byte() {
    let folder = scratch("images-verify-archive");
    let archive = folder.join("images.tar").display().to_string();
    let source = Source::new(distribution());
    let mut save = vec!["images", "save", &archive];
    save.extend(source.images.iter().map(String::as_str));
    source.osm(&source.registry, &save).ok();
    let verify = ["images", "verify", "--from", &archive, "-o", "json"];
    let before = source.registry.requests().len();
    let output = run(&mut command(&verify), "");
    // The images of this test are not those of the release.
    let uses = format!("{TAG} uses sha256:");
    let warnings = output.stderr.matches(&uses).count();
    assert_eq!(warnings, COMPONENTS.len(), "{}", output.stderr);
    let report = data(output);
    assert_eq!(source.registry.requests().len(), before);
    let images = report["images"].as_array().unwrap();
    assert_eq!(images.len(), COMPONENTS.len());
    for image in images {
        assert_eq!(image["holds"], true, "{image}");
        assert_eq!(image["platforms"], json!(["linux/amd64", "linux/arm64"]));
    }
    let digest = text(&images[0]["digest"]);
    let name = format!("{}/mesh/init", source.registry.localhost_address());
    assert_eq!(images[0]["reference"], format!("{name}:{TAG}@{digest}"));

    // One changed byte of a layer, which the image shares with all others.
    let mut bytes = std::fs::read(&archive).unwrap();
    let layer = push_layer_of_all(&source.registry);
    let start = bytes
        .windows(layer.len())
        .position(|window| window == layer);
    let start = start.expect("the layer is in the archive");
    bytes[start + layer.len() / 2] ^= 1;
    std::fs::write(&archive, bytes).unwrap();
    let damaged = run(&mut command(&verify[..4]), "");
    assert_eq!(damaged.code, 1);
    assert!(
        damaged.stderr.contains("7 of 7 images failed the check"),
        "{}",
        damaged.stderr
    );
}

#[test]
#[ignore = "needs a registry and skopeo: run cargo xtask test"]
fn skopeo_reads_an_archive() {
    let folder = scratch("images-skopeo");
    let archive = folder.join("images.tar").display().to_string();
    let (source, target) = (Source::new(distribution()), Olareg::start());
    let mut save = vec!["images", "save", &archive];
    save.extend(source.images.iter().map(String::as_str));
    source.osm(&source.registry, &save).ok();
    for component in COMPONENTS {
        let name = format!("{}/mesh/{component}", source.registry.localhost_address());
        let to = format!("{}/{component}", target.address());
        let copy = [
            "--insecure-policy",
            "copy",
            "--all",
            "--preserve-digests",
            "--dest-tls-verify=false",
            &format!("oci-archive:{archive}:{name}:{TAG}"),
            &format!("docker://{to}:{TAG}"),
        ];
        target.home().skopeo(&copy).ok();
        assert_eq!(
            target.digest(component, TAG),
            source.registry.digest(&format!("mesh/{component}"), TAG)
        );
    }
}

/// Returns the bytes of the layer that all images share.
fn push_layer_of_all(registry: &Distribution) -> Vec<u8> {
    let manifest = |repository: &str| -> Value {
        let name = format!("{}/{repository}:{TAG}", registry.address());
        let platform = ["manifest", "--platform", "linux/amd64", &name];
        serde_json::from_str(&registry.crane(&platform).ok()).unwrap()
    };
    let first = manifest("mesh/init");
    assert_eq!(first["layers"][0], manifest("mesh/osm-crds")["layers"][0]);
    let digest = text(&first["layers"][0]["digest"]);
    let hex = digest.strip_prefix("sha256:").unwrap();
    let path = format!(
        "distribution/storage/docker/registry/v2/blobs/sha256/{}/{hex}/data",
        &hex[..2]
    );
    std::fs::read(registry.home().path().join(path)).unwrap()
}
