//! The code generator: its output, when it writes files, and its errors.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use image_pins::codegen::{Config, Error, Input};
use image_pins::compiled::{Channel, Release};
use image_pins::{Components, Digest, PinFile, Source};

#[allow(dead_code, unreachable_pub)]
mod expected {
    include!("fixtures/_expected_pins.rs");
}

const DIGESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/digests");

fn example() -> Input {
    let dir = Path::new(DIGESTS);
    Input {
        pin_files: ["v2.1.0.toml", "v2.0.0.toml"]
            .map(|name| PinFile::read(&dir.join(name)).unwrap())
            .into(),
        components: Some(Components::read(&dir.join("components.toml")).unwrap()),
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .components("digests/components.toml")
        .release("v2.1.0")
        .floating("nightly", "edge")
        .fix_command("make digests RELEASE={release}");
    config
}

/// Returns a pin file of two images. The digests of each release are different.
fn pin_file(release: &str) -> PinFile {
    let mut bytes = [7; 32];
    for (byte, letter) in bytes.iter_mut().zip(release.bytes()) {
        *byte = letter;
    }
    PinFile {
        release: release.parse().unwrap(),
        registry: "registry.example.com/seaport".parse().unwrap(),
        source: Source {
            file: "digests.txt".into(),
            format: "lines".into(),
            sha256: Digest::Sha256([1; 32]),
        },
        images: ["harbor", "tide-clock"]
            .map(|name| (name.to_owned(), Digest::Sha256(bytes)))
            .into(),
        external: BTreeMap::new(),
    }
}

#[test]
fn the_example_generates_the_expected_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/_expected_pins.rs");
    let code = config().generate(&example()).unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &code).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert!(
        code == expected,
        "run UPDATE_EXPECT=1 cargo test -p image-pins --features codegen to update {path:?}:\n{code}"
    );
}

#[test]
fn generated_constants_equal_the_pin_files() {
    assert_eq!(expected::CHANNEL, Channel::Release(&expected::V2_1_0));
    assert_eq!(
        expected::default::HARBOR.to_string(),
        "registry.example.com/seaport/harbor@sha256:baa5a0964d3320fbc0c6a922140453c8513ea24ab8fd0577034804a967248096"
    );
    let reference = expected::default::HARBOR.reference().unwrap();
    assert_eq!(reference.digest(), Some(&expected::default::HARBOR.digest));
    assert_eq!(reference.to_string(), expected::default::HARBOR.to_string());
    assert_eq!(expected::v2_1_0::HARBOR, expected::V2_1_0.images[0]);
    assert_ne!(expected::v2_0_0::HARBOR, expected::v2_1_0::HARBOR);
    let names: Vec<&str> = expected::RELEASES
        .iter()
        .map(|release| release.name)
        .collect();
    assert_eq!(names, ["v2.0.0", "v2.1.0"]);
    let mut input = example();
    input.pin_files.sort_by(|a, b| a.release.cmp(&b.release));
    for (compiled, file) in expected::RELEASES.iter().zip(&input.pin_files) {
        let pins: BTreeMap<String, Digest> = compiled
            .images
            .iter()
            .map(|pin| (pin.component.to_owned(), pin.digest))
            .collect();
        assert_eq!(pins, file.images);
        assert!(compiled.images.is_sorted_by_key(|pin| pin.component));
    }
    let keys = |release: &Release| release.images.iter().map(|pin| pin.key).collect::<Vec<_>>();
    assert_eq!(keys(&expected::V2_1_0), ["harbor", "tideClock"]);
    // The older release gets the image of the component file, the newer one has its own.
    let cache = |release: &Release| release.external[0].reference;
    assert_eq!(cache(&expected::V2_0_0), expected::EXTERNAL[0].reference);
    assert!(
        cache(&expected::V2_1_0)
            .starts_with(&format!("{}@sha256:", expected::EXTERNAL[0].reference))
    );
}

#[test]
fn compiled_pins_and_pin_files_give_the_same_chart_values() {
    let input = example();
    let components = input.components.unwrap();
    let layout = components.values.clone().unwrap();
    assert_eq!(layout, expected::VALUES);
    for file in &input.pin_files {
        let name = file.release.to_string();
        let compiled = expected::RELEASES.iter().find(|each| each.name == name);
        let values = compiled.unwrap().chart_values(&layout);
        assert_eq!(values, file.chart_values(&components, &layout), "{name}");
    }
    let registry = components.registry.to_string();
    let of_tag = layout.of_tag(&registry, "latest-main", expected::EXTERNAL);
    assert_eq!(
        of_tag,
        components.chart_values_of_tag("latest-main", &layout)
    );
    let expected_values = [
        ("port.image.registry", "registry.example.com/seaport"),
        ("port.image.pullPolicy", "Always"),
        ("port.cache.image", "registry.example.org/tools/cache:7.2"),
        ("port.image.tag", "latest-main"),
    ];
    assert_eq!(
        of_tag,
        expected_values.map(|(path, value)| (path.to_owned(), value.to_owned()))
    );
    let values = expected::V2_1_0.chart_values(&layout);
    let paths: Vec<&str> = values.iter().map(|(path, _)| &**path).collect();
    assert_eq!(
        paths,
        [
            "port.image.registry",
            "port.image.pullPolicy",
            &format!("port.{}", expected::V2_1_0.external[0].key),
            "port.image.digest.harbor",
            "port.image.digest.tideClock",
        ]
    );
    assert_eq!(values[0].1, "registry.example.com/seaport");
    assert_eq!(values[1].1, "IfNotPresent");
    assert_eq!(values[2].1, expected::V2_1_0.external[0].reference);
    assert_eq!(values[3].1, expected::v2_1_0::HARBOR.digest.to_string());
}

#[test]
fn a_floating_channel_has_its_tag_and_needs_no_pins() {
    let mut input = example();
    let code = config().release("nightly").generate(&input).unwrap();
    assert!(
        code.contains("Channel::Floating {") && code.contains(r#"tag: "edge""#),
        "{code}"
    );
    assert!(!code.contains("as default"), "nothing is pinned: {code}");
    input.pin_files.clear();
    let code = config().release("nightly").generate(&input).unwrap();
    assert!(
        code.contains("pub const RELEASES: &[::image_pins::compiled::Release] = &[];"),
        "{code}"
    );
}

/// Builds the library and returns its path and the folder of its dependencies.
fn built_library() -> (String, String) {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--package=image-pins", "--all-features", "--lib"])
        .args(["--locked", "--offline", "--message-format=json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    let messages = String::from_utf8(built.stdout).unwrap();
    let library = messages
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .find(|message| message["target"]["name"] == "image_pins")
        .and_then(|message| Some(message["filenames"][0].as_str()?.to_owned()))
        .unwrap();
    let target = Path::new(&library).parent().unwrap();
    (library.clone(), target.join("deps").display().to_string())
}

#[test]
fn a_program_that_names_an_unpinned_image_does_not_compile() {
    let (library, dependencies) = built_library();
    let folder = tempfile::tempdir().unwrap();
    for (program, error) in [
        ("pinned.rs", None),
        (
            "unpinned.rs",
            Some("error[E0425]: cannot find value `HARBOUR` in module `pins::default`"),
        ),
        (
            "not_in_this_release.rs",
            Some("error[E0425]: cannot find value `TIDE_CLOCK` in module `pins::v2_0_0`"),
        ),
    ] {
        let compiled = Command::new("rustc")
            .args(["--edition=2024", "--emit=metadata", "-Dwarnings"])
            .arg(format!("--extern=image_pins={library}"))
            .arg(format!("-Ldependency={dependencies}"))
            .arg("--out-dir")
            .arg(folder.path())
            .arg(
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("tests/programs")
                    .join(program),
            )
            .output()
            .unwrap();
        let stderr = String::from_utf8(compiled.stderr).unwrap();
        assert_eq!(
            compiled.status.success(),
            error.is_none(),
            "{program}: {stderr}"
        );
        let first = stderr.lines().next();
        assert_eq!(first, error, "{program}: {stderr}");
    }
}

#[test]
fn every_image_name_becomes_an_identifier() {
    let mut file = pin_file("v3.0.0");
    let digest = file.images["harbor"];
    let names = ["2fa", "a.b/c-d", "a__b", "self", "x"];
    file.images = names.map(|name| (name.to_owned(), digest)).into();
    let input = Input {
        pin_files: vec![file],
        components: None,
    };
    let code = config().release("v3.0.0").generate(&input).unwrap();
    for constant in ["_2FA", "A_B_C_D", "A__B", "SELF", "X"] {
        assert!(code.contains(&format!("pub const {constant}: ")), "{code}");
    }
}

#[test]
fn without_a_component_file_names_are_keys() {
    let mut input = example();
    input.components = None;
    let code = config().generate(&input).unwrap();
    assert!(
        code.contains(r#"key: "tide-clock""#)
            && code.contains(r#"REGISTRY: &str = "registry.example.com/seaport""#)
    );
}

#[test]
fn the_order_of_pin_files_does_not_matter() {
    let mut input = example();
    let code = config().generate(&input).unwrap();
    input.pin_files.reverse();
    assert_eq!(config().generate(&input).unwrap(), code);
}

type Change = fn(&mut Config) -> &mut Config;

#[test]
fn errors_name_the_problem_and_the_fix() {
    let mut unpinned = example();
    unpinned
        .pin_files
        .iter_mut()
        .for_each(|file| file.images.clear());
    let mut many = example();
    many.pin_files
        .extend(["v1.9.0", "v2.1.3", "v2.1.1-rc.1", "v3.0.0", "v9.0.0"].map(pin_file));
    let mut same = example();
    same.pin_files
        .extend(["v3.0.0-rc.1", "v3.0.0-rc-1"].map(pin_file));
    let mut images = example();
    let digest = images.pin_files[0].images["harbor"];
    for name in ["a.b", "a-b"] {
        images.pin_files[0].images.insert(name.to_owned(), digest);
    }
    let none = Input {
        pin_files: Vec::new(),
        components: None,
    };
    let alone = Input {
        pin_files: example().pin_files,
        components: None,
    };

    let cases: &[(&str, &Input, Change)] = &[
        ("a release without a pin file", &many, |config| {
            config.release("v2.1.2")
        }),
        ("a release without any pin files", &none, |config| {
            config.release("v2.1.2")
        }),
        ("a release without pins", &unpinned, |config| config),
        (
            "a name that is neither a release nor a channel",
            &many,
            |config| config.release("latest"),
        ),
        ("a channel with a bad tag", &many, |config| {
            config.floating("odd", "a b")
        }),
        ("a channel with the name of a release", &many, |config| {
            config.floating("v1.0.0", "edge")
        }),
        ("an undeclared key", &many, |config| {
            config.require_keys([("tideClok", "chart/values.yaml:7")])
        }),
        (
            "an undeclared key without a component file",
            &alone,
            |config| config.require_keys([("pier", "chart/values.yaml:7")]),
        ),
        ("an empty list of required keys", &many, |config| {
            config
                .require_keys([("harbor", "chart/values.yaml:7")])
                .require_keys::<String, String>([])
        }),
        ("two releases with the same constant", &same, |config| {
            config
        }),
        ("two images with the same constant", &images, |config| {
            config
        }),
        ("no registry", &none, |config| config.release("nightly")),
    ];
    let mut messages = String::new();
    for (name, input, change) in cases {
        let mut config = config();
        change(&mut config);
        let error = config.generate(input).unwrap_err();
        writeln!(
            messages,
            "{name}\n    {}",
            error.to_string().replace('\n', "\n    ")
        )
        .unwrap();
    }
    let error = Config::new().generate(&example()).unwrap_err();
    writeln!(messages, "no release\n    {error}").unwrap();
    insta::assert_snapshot!(messages);
}

fn project() -> (tempfile::TempDir, PathBuf, Config) {
    let dir = tempfile::tempdir().unwrap();
    let digests = dir.path().join("digests");
    fs::create_dir(&digests).unwrap();
    for entry in fs::read_dir(DIGESTS).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), digests.join(entry.file_name())).unwrap();
    }
    let mut config = config();
    config
        .digests_dir(&digests)
        .components(digests.join("components.toml"))
        .out_dir(dir.path());
    (dir, digests, config)
}

#[test]
fn the_file_is_written_only_if_it_changes() {
    let (dir, digests, config) = project();
    let out = dir.path().join("pins.rs");
    config.compile().unwrap();
    assert_eq!(
        fs::read_to_string(&out).unwrap(),
        config.generate(&example()).unwrap()
    );

    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
    fs::File::options()
        .write(true)
        .open(&out)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    config.compile().unwrap();
    assert_eq!(fs::metadata(&out).unwrap().modified().unwrap(), long_ago);

    fs::write(
        digests.join("v2.2.0.toml"),
        pin_file("v2.2.0").to_toml("test"),
    )
    .unwrap();
    config.compile().unwrap();
    assert_ne!(fs::metadata(&out).unwrap().modified().unwrap(), long_ago);
    assert!(
        fs::read_to_string(&out)
            .unwrap()
            .contains("pub const V2_2_0")
    );
}

#[test]
fn other_files_are_errors_and_hidden_files_are_ignored() {
    let (_dir, digests, config) = project();
    fs::write(digests.join(".v2.2.0.toml"), "half writ").unwrap();
    fs::write(digests.join("README.md"), "").unwrap();
    config.compile().unwrap();
    fs::write(digests.join("latest.toml"), "").unwrap();
    let error = config.compile().unwrap_err();
    assert!(
        matches!(&error, Error::File(error) if error.path == digests.join("latest.toml")),
        "{error}"
    );
}

#[test]
fn cargo_gets_every_dependency_even_if_the_build_fails() {
    // The test runs itself, because instructions to cargo go to the standard output of the process.
    if let Some(digests) = std::env::var_os("IMAGE_PINS_TEST_DIGESTS") {
        let digests = PathBuf::from(digests);
        let mut config = config();
        config
            .digests_dir(&digests)
            .components(digests.join("components.toml"))
            .rerun_if_env_changed("SEAPORT_RELEASE");
        assert!(
            config
                .release("v9.9.9")
                .out_dir(&digests)
                .compile()
                .is_err()
        );
        return;
    }
    let (_dir, digests, _) = project();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "cargo_gets_every_dependency_even_if_the_build_fails",
        ])
        .env("IMAGE_PINS_TEST_DIGESTS", &digests)
        .output()
        .unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_once("cargo::").map(|(_, said)| said))
        .collect();
    let changed = |name: &str| format!("rerun-if-changed={}", digests.join(name).display());
    let expected = [
        "rerun-if-env-changed=SEAPORT_RELEASE".to_owned(),
        format!("rerun-if-changed={}", digests.display()),
        changed("components.toml"),
        changed("v2.0.0.toml"),
        changed("v2.1.0.toml"),
    ];
    assert_eq!(said, expected);
}
