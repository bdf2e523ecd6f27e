//! Error messages and warnings of the command line.

use crate::common::{osm, scratch};

/// Refused commands and those that only print messages: stderr and exit code.
#[test]
fn errors_name_the_problem_the_place_and_the_fix() {
    let folder = scratch("cli_messages");
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let typo = file("typo.yaml", "osm:\n  image:\n    tga: x\n");
    let broken = file("broken.yaml", "osm:\n  image: [\n");
    let list = file("list.yaml", "- a\n");
    let tag = file("tag.yaml", "osm: {image: {tag: v7}}\n");
    let missing = folder.join("missing.yaml").display().to_string();
    let folder_path = folder.display().to_string();
    let digest = format!("osm-controller=sha256:{}", "a".repeat(64));
    let other = format!("osm-controller=sha256:{}", "b".repeat(64));
    let empty = "osm-crds=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let commands: &[&[&str]] = &[
        &["install", "--dry-run=cleint"],
        &["instal"],
        &["images"],
        &["images", "lst"],
        &["images", "explain", "osm-controler"],
        &["explain", "osm.image.registy"],
        &["install", "--dry-run", "--image-tga", "v1"],
        &[
            "install",
            "--dry-run",
            "--image-tag",
            "v9",
            "--set",
            "osm.image.tag=v8",
        ],
        &[
            "install",
            "--dry-run",
            "--mesh-name",
            "a",
            "--set",
            "osm.meshName=b",
        ],
        &[
            "install",
            "--dry-run",
            "--enforce-single-mesh=false",
            "--set",
            "osm.enforceSingleMesh=true",
        ],
        &["install", "--dry-run", "--set", "osm.image.tagg=x"],
        &["install", "--dry-run", "--set", "osm.image.tag"],
        &["install", "--dry-run", "-f", &typo],
        &["install", "--dry-run", "-f", &broken],
        &["install", "--dry-run", "-f", &list],
        &["install", "--dry-run", "-f", &missing],
        &["install", "--dry-run", "-f", &folder_path],
        &[
            "install",
            "--dry-run",
            "-f",
            "https://example.com/values.yaml",
        ],
        &["install", "--dry-run", "--image-tag", "a:b"],
        &[
            "install",
            "--dry-run",
            "--image-registry",
            "https://registry.example.com",
        ],
        &[
            "install",
            "--dry-run",
            "--image-registry",
            "registry.example.com/",
        ],
        &[
            "install",
            "--dry-run",
            "--image-digest",
            "osm-controler=sha256:00",
        ],
        &[
            "install",
            "--dry-run",
            "--image-digest",
            "osm-controller=sha256:00",
        ],
        &["install", "--dry-run", "--image-digest", "osm-controller"],
        &["install", "--dry-run", "--image-digest", empty],
        &[
            "install",
            "--dry-run",
            "--image-digest",
            &digest,
            "--image-digest",
            &other,
        ],
        &[
            "install",
            "--dry-run",
            "--image-digest",
            &digest,
            "--image-tag",
            "v9",
        ],
        &[
            "install",
            "--dry-run",
            "--image-digest",
            &digest,
            "-f",
            &tag,
        ],
        &["install", "--dry-run", "--image-pull-policy", "always"],
        &["install", "--dry-run", "--release", "v1.2.44"],
        &["install", "--dry-run", "--release", "v1.1.0"],
        &[
            "install",
            "--dry-run",
            "--release",
            "v1.2.3",
            "--osm-chart-path",
            "x",
        ],
        &["install", "--dry-run", "--osm-chart-path", &missing],
        &["install", "--dry-run", "--osm-chart-path", &folder_path],
        &["install", "--dry-run", "--osm-chart-path", &typo],
        &["install", "--dry-run", "--kube-version", "latest"],
        &["install", "--dry-run", "--kube-version", "1.20"],
        &["install", "--dry-run", "--osm-namespace", "Osm"],
        &[
            "install",
            "--dry-run",
            "--require-pinned",
            "--image-tag",
            "v9",
        ],
        &["install", "--dry-run", "--mesh-name", "A b"],
        &[
            "install",
            "--dry-run",
            "--image-tag",
            "v9",
            "--set",
            "osm.image=x",
        ],
        &[
            "install",
            "--dry-run",
            "--set",
            &format!("osm.image.digest.osmCRDs={}", &empty["osm-crds=".len()..]),
        ],
        &[
            "images",
            "list",
            "--release",
            "v1.0.0",
            "--image-digest",
            "osm-preinstall=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ],
        &["completion", "tcsh"],
    ];
    let mut out = String::new();
    for args in commands {
        let done = osm(args);
        let shown = args.join(" ").replace(&folder_path, "FOLDER");
        let stderr = done.stderr.replace(&folder_path, "FOLDER");
        assert_eq!(done.stdout, "", "{shown}: no data");
        out.push_str(&format!(
            "$ osm {shown}\n{stderr}[exit code {}]\n\n",
            done.code
        ));
    }
    insta::assert_snapshot!(out);
}
