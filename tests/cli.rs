//! The command line without a cluster: its output, its streams and its exit codes. These tests also run against an `osm`
//! that was built without the feature `cluster`.

use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use crate::common::{
    command, finish, objects_of_yaml, osm, osm_with_input, read_all, release, repository, scratch,
    words,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

#[test]
fn a_dry_run_prints_the_installation_with_all_images_pinned() {
    let done = osm(&["install", "--dry-run"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let objects = objects_of_yaml(&done.stdout);
    assert_eq!(
        objects.len(),
        20,
        "19 objects of the chart and the namespace"
    );
    assert_eq!(objects[0]["kind"], "Namespace");
    let images: Vec<&str> = done
        .stdout
        .lines()
        .filter_map(|l| l.trim_start_matches([' ', '-']).strip_prefix("image: "))
        .collect();
    assert_eq!(images.len(), 7, "{images:?}");
    assert!(
        images.iter().all(|image| image.contains("@sha256:")),
        "{images:?}"
    );
    assert!(!done.stderr.contains("warning"), "{}", done.stderr);
}

#[test]
fn json_output_is_one_list_of_the_same_objects() {
    let yaml = objects_of_yaml(&osm(&["install", "--dry-run"]).ok());
    let json: Value =
        serde_json::from_str(&osm(&["install", "--dry-run=client", "-o", "json"]).ok()).unwrap();
    assert_eq!(json["kind"], "List");
    assert_eq!(json["items"].as_array(), Some(&yaml));
}

#[test]
fn no_hooks_omits_the_hooks() {
    let done = osm(&["install", "--dry-run", "--no-hooks"]);
    assert!(done.stdout.contains("kind: Deployment"), "{}", done.stdout);
    assert!(!done.stdout.contains("helm.sh/hook"));
    assert_eq!(done.stderr, "");
}

#[test]
fn the_mesh_name_sets_release_name_and_values() {
    for args in [["--mesh-name", "prod"], ["--set", "osm.meshName=prod"]] {
        let out = osm(&[["install", "--dry-run"], args].concat()).ok();
        assert!(out.contains("meshName: prod"), "{args:?}");
        assert!(out.contains("app.kubernetes.io/instance: prod"), "{args:?}");
    }
}

#[test]
fn a_tag_gives_one_warning_for_each_image() {
    let done = osm(&[
        "install",
        "--dry-run",
        "--image-tag",
        "v9",
        "--set",
        "osm.enableFluentbit=true",
        "--set",
        "osm.fluentBit.tag=1.6.4",
    ]);
    let warnings: Vec<&str> = done
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning: "))
        .collect();
    assert_eq!(warnings.len(), 8, "{warnings:?}");
    assert!(
        warnings
            .iter()
            .any(|w| w.contains("fluent/fluent-bit:1.6.4")
                && w.ends_with("(tag: --set osm.fluentBit.tag=1.6.4)")),
        "{warnings:?}"
    );
    assert!(done.stdout.contains("openservicemesh/osm-controller:v9"));
}

#[test]
fn a_digest_that_a_tag_overrides_gives_a_warning() {
    let digest = format!("osm.image.digest.osmCRDs=sha256:{}", "a".repeat(64));
    let done = osm(&[
        "install",
        "--dry-run",
        "--image-tag",
        "v9",
        "--set",
        &digest,
    ]);
    assert!(
        done.stderr.contains("osm.image.digest.osmCRDs (--set"),
        "{}",
        done.stderr
    );
    assert!(done.ok().contains("osm-crds:v9"));
}

#[test]
fn the_printed_namespace_is_the_namespace_of_the_objects() {
    for args in [
        ["--osm-namespace", "mesh"],
        ["--set", "osm.osmNamespace=mesh"],
    ] {
        let objects = objects_of_yaml(&osm(&[["install", "--dry-run"], args].concat()).ok());
        assert_eq!(objects[0]["metadata"]["name"], "mesh", "{args:?}");
        assert_eq!(objects.len(), 20, "{args:?}");
        assert!(
            objects
                .iter()
                .all(|o| o["metadata"]["namespace"] != "osm-system"),
            "{args:?}"
        );
    }
}

#[test]
fn helm_values_have_the_root_and_the_images_of_the_release() {
    let values =
        |args: &[&str]| osm(&[&["images", "list", "-o", "helm-values"], args].concat()).ok();
    assert!(values(&["--release", "v0.11.1"]).starts_with("OpenServiceMesh:"));
    let digest = format!("osm.fluentBit.digest=sha256:{}", "c".repeat(64));
    let out = values(&["--set", "osm.enableFluentbit=true", "--set", &digest]);
    assert!(
        out.starts_with("osm:") && out.contains(&"c".repeat(64)),
        "{out}"
    );
}

/// Returns the text of the pin file of the default release.
fn pin_file() -> String {
    std::fs::read_to_string(repository(&format!("digests/{}.toml", release()))).unwrap()
}

#[test]
fn a_digest_is_overridden_by_image_name_or_by_key() {
    let pins = pin_file();
    let mut pins = pins.lines().filter_map(|line| line.split_once(" = "));
    let (_, injector) = pins.find(|(key, _)| *key == "osm-injector").unwrap();
    let other = format!(
        "openservicemesh/osm-injector@{}",
        injector.trim_matches('"')
    );
    let digest = format!("sha256:{}", "a".repeat(64));
    for name in ["osm-controller", "osmController"] {
        let out = osm(&[
            "install",
            "--dry-run",
            "--image-digest",
            &format!("{name}={digest}"),
        ])
        .ok();
        assert!(out.contains(&format!("openservicemesh/osm-controller@{digest}")));
        assert!(out.contains(&other), "the rest is as pinned");
    }
}

#[test]
fn values_are_merged_by_precedence() {
    let folder = scratch("cli_order");
    let file = folder.join("values.yaml").display().to_string();
    std::fs::write(
        &file,
        "osm: {image: {registry: from-file, tag: from-file}}\n",
    )
    .unwrap();
    let list = |args: &[&str]| {
        let all = [&["images", "list", "-o", "json"], args].concat();
        let data: Value = serde_json::from_str(&osm(&all).ok()).unwrap();
        let image = data["images"]
            .as_array()
            .unwrap()
            .iter()
            .find(|i| i["key"] == "osmCRDs")
            .unwrap()
            .clone();
        (
            image["reference"].as_str().unwrap().to_owned(),
            image["origin"].as_str().unwrap().to_owned(),
        )
    };
    let (reference, origin) = list(&["-f", &file]);
    assert_eq!(reference, "from-file/osm-crds:from-file");
    assert_eq!(origin, format!("-f {file}"));
    let (reference, origin) = list(&["--set", "osm.image.tag=set", "-f", &file]);
    assert_eq!(
        reference, "from-file/osm-crds:set",
        "--set overrides files in any order"
    );
    assert_eq!(
        origin,
        format!("--set osm.image.tag=set, registry: -f {file}")
    );
    let (reference, _) = list(&[
        "--set",
        "osm.image.tag=a",
        "--set-string",
        "osm.image.tag=b",
    ]);
    assert_eq!(
        reference, "openservicemesh/osm-crds:b",
        "the last of them counts"
    );
    let (reference, origin) = list(&[
        "-f",
        &file,
        "--image-tag",
        "flag",
        "--image-registry",
        "r.example.com",
    ]);
    assert_eq!(reference, "r.example.com/osm-crds:flag");
    assert_eq!(origin, "--image-tag, registry: --image-registry");
}

#[test]
fn values_are_read_from_standard_input() {
    let done = osm_with_input(
        &["install", "--dry-run", "-f", "-"],
        "osm: {meshName: piped}\n",
    );
    assert!(done.ok().contains("meshName: piped"));
}

#[test]
fn the_images_of_every_release_are_listed_offline() {
    let version: Value = serde_json::from_str(&osm(&["version", "-o", "json"]).ok()).unwrap();
    let releases = version["client"]["releases"].as_array().unwrap();
    let pin_files = std::fs::read_dir(repository("digests")).unwrap().count();
    // One file is that of the components.
    assert_eq!(releases.len(), pin_files - 1);
    for release in releases {
        let release = release.as_str().unwrap();
        let out = osm(&["images", "list", "--release", release, "-o", "json"]).ok();
        let data: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(data["release"], release);
        let images = data["images"].as_array().unwrap();
        assert!(images.len() >= 8, "{release}: {images:?}");
        for image in images {
            assert_eq!(image["pinned"], true, "{release}: {image}");
        }
    }
}

#[test]
fn images_are_listed_in_every_format() {
    let mut out = String::new();
    for format in ["table", "json", "yaml", "toml", "helm-values", "kustomize"] {
        let args = [
            "images",
            "list",
            "--image-registry",
            "r.example.com:5000/mesh",
            "-o",
            format,
        ];
        out.push_str(&format!("==> {format}\n{}\n", osm(&args).ok()));
    }
    insta::assert_snapshot!(out);
}

#[test]
fn helm_values_with_a_tag_have_no_digests() {
    let out = osm(&["images", "list", "--image-tag", "v9", "-o", "helm-values"]).ok();
    assert!(out.contains("tag: v9"));
    assert!(!out.contains("digest:"), "{out}");
}

#[test]
fn version_prints_the_version_and_the_compiled_in_release() {
    for args in [&["version"][..], &["version", "--client-only"]] {
        let out = osm(args).ok();
        assert!(
            out.contains(release()) && out.contains("openservicemesh"),
            "{out}"
        );
    }
    let data: Value = serde_json::from_str(&osm(&["version", "-o", "json"]).ok()).unwrap();
    assert_eq!(data["client"]["pins"], 7);
    assert_eq!(data["client"]["version"], env!("CARGO_PKG_VERSION"));
}

fn sha256(content: &[u8]) -> String {
    let sum = Sha256::digest(content);
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn version_names_the_build() {
    let data: Value = serde_json::from_str(&osm(&["version", "-o", "json"]).ok()).unwrap();
    let client = &data["client"];
    assert_eq!(client["pinFileSha256"], sha256(pin_file().as_bytes()));
    // Tests run on the machine that they are built for.
    let target = client["target"].as_str().unwrap();
    assert!(target.starts_with(std::env::consts::ARCH), "{target}");
    assert!(
        target.contains(std::env::consts::OS) || target.contains("darwin"),
        "{target}"
    );
    let features = client["features"].as_array().unwrap();
    let help = osm(&["--help"]).ok();
    assert_eq!(
        features.contains(&"cluster".into()),
        help.contains("uninstall"),
        "{data}"
    );
    // Only archives name their commit.
    assert!(client["commit"].is_null(), "{data}");
    let table = osm(&["version"]).ok();
    for part in [
        "Commit:     unknown",
        target,
        &sha256(pin_file().as_bytes()),
    ] {
        assert!(table.contains(part), "{table}");
    }
}

#[test]
fn completions_exist_for_five_shells() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let out = osm(&["completion", shell]).ok();
        assert!(out.contains("osm") && out.contains("__complete"), "{shell}");
    }
}

#[test]
fn help_goes_to_stdout_and_names_the_exit_codes() {
    let help = osm(&["--help"]).ok();
    assert!(help.contains("Exit codes"), "{help}");
    for command in ["install", "images", "version", "completion"] {
        assert!(
            osm(&[command, "--help"]).ok().contains("Usage: osm"),
            "{command}"
        );
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let mut child = command(&words("install --dry-run --set osm.deployPrometheus=true"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Closed before anything is read.
    drop(child.stdout.take());
    let done = finish(child);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(!done.stderr.contains("error"), "{}", done.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    for arguments in ["install --dry-run", "--help", "install --help", "--version"] {
        let done = command(&words(arguments))
            .stdout(File::options().write(true).open("/dev/full").unwrap())
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(1), "{arguments}");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(said.contains("No space left"), "{arguments}: {said}");
    }
}

#[test]
fn a_dry_run_refuses_two_namespaces() {
    let of = |namespace: &str| {
        let arguments = "install --dry-run --set osm.osmNamespace=there --osm-namespace";
        osm(&words(&format!("{arguments} {namespace}")))
    };
    let message = of("here").fails(2);
    let want = "the values set the namespace there, but the release goes to here";
    assert!(message.contains(want), "{message}");
    assert!(message.contains("with --osm-namespace"), "{message}");
    of("there").ok();
}

#[test]
fn another_chart_keeps_its_own_images() {
    let message = osm(&[
        "install",
        "--dry-run",
        "--osm-chart-path",
        &repository("charts/osm"),
    ])
    .fails(2);
    assert!(
        message.contains("no image for"),
        "the pins belong to the compiled-in chart: {message}"
    );
}

#[test]
fn pipes_get_colors_only_by_flag_or_variable() {
    let run = |arguments: &str, variables: &str| {
        let variables = variables.split_whitespace().map(|name| (name, "1"));
        let done = command(&words(arguments)).envs(variables).output().unwrap();
        String::from_utf8([done.stdout, done.stderr].concat()).unwrap()
    };
    // Arguments, variables set to 1, and whether the output has colors. stdout and stderr are pipes.
    let cases = [
        ("--help", "", false),
        ("instal", "", false),
        ("install --dry-run --image-tag=x", "", false),
        ("--color=always --help", "", true),
        ("--color always instal", "", true),
        ("install --color=always --dry-run --image-tag=x", "", true),
        ("install --dry-run --image-tag=x", "CLICOLOR_FORCE", true),
        (
            "install --dry-run --image-tag=x",
            "CLICOLOR_FORCE NO_COLOR",
            false,
        ),
        (
            "install --color=never --dry-run --image-tag=x",
            "CLICOLOR_FORCE",
            false,
        ),
    ];
    for (arguments, variables, colored) in cases {
        let said = run(arguments, variables);
        assert!(!said.is_empty(), "{arguments}");
        assert_eq!(
            said.contains('\u{1b}'),
            colored,
            "{arguments} {variables}: {said}"
        );
    }
}

/// Opens a pseudo-terminal: the end of the user and that of a program. Programs that other tests start at the same time would
/// inherit the ends that `openpty` opens, and keep the terminal open; they do not inherit these.
#[cfg(target_os = "linux")]
fn terminal() -> (File, File) {
    use nix::fcntl::OFlag;
    use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::OpenOptionsExt as _;

    let user = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
    grantpt(&user).unwrap();
    unlockpt(&user).unwrap();
    // The standard library opens files so that programs do not inherit them.
    let program = File::options()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NOCTTY.bits())
        .open(ptsname_r(&user).unwrap());
    (OwnedFd::from(user).into(), program.unwrap())
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_gets_colors_unless_they_are_disabled() {
    // Arguments, a variable, and whether the output has colors. stdout and stderr are a terminal.
    let cases = [
        ("--help", ("TERM", "xterm"), true),
        ("instal", ("TERM", "xterm"), true),
        ("install --dry-run --image-tag=x", ("TERM", "xterm"), true),
        ("--color=never --help", ("TERM", "xterm"), false),
        ("--help", ("TERM", "dumb"), false),
        ("instal", ("NO_COLOR", "1"), false),
    ];
    for (arguments, variable, colored) in cases {
        let (user, program) = terminal();
        let mut command = command(&words(arguments));
        command
            .envs([variable])
            .stdin(Stdio::null())
            .stdout(program.try_clone().unwrap())
            .stderr(program);
        let child = command.spawn().unwrap();
        // Only the child holds the other end now, so that the output ends with it.
        drop(command);
        // At the end, Linux reports an error (pty(7)), which is of no interest.
        let said = read_all(user);
        assert!(finish(child).code <= 2, "{arguments}");
        let said = String::from_utf8(said.recv_timeout(Duration::from_mins(1)).unwrap()).unwrap();
        assert!(!said.is_empty(), "{arguments}");
        assert_eq!(said.contains('\u{1b}'), colored, "{arguments}: {said}");
    }
}
