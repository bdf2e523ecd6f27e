//! The workflows of a release run on this machine, from the tag to the published files: act runs the jobs, a real registry has
//! the images, and the folder `actions` has stand-ins for the actions.
//!
//! Not tested here: approvals, attestations, other systems than this one, and what GitHub does with tokens.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use image_pins::PinFile;
use test_cluster::{Output, run};
use test_registry::{
    Distribution, ImageSpec, Options, Registry, authority_certificate, push_image,
};
use xtask::tools;

use super::github::GitHub;
use super::{folder, read};

/// The runners of the jobs. All of them are this machine.
const RUNNERS: [&str; 5] = [
    "ubuntu-24.04",
    "ubuntu-24.04-arm",
    "macos-15",
    "macos-15-intel",
    "windows-2025",
];
/// The components of the mesh.
const MESH: [&str; 7] = [
    "osm-controller",
    "osm-injector",
    "init",
    "osm-bootstrap",
    "osm-crds",
    "osm-preinstall",
    "osm-healthcheck",
];

/// A repository with the workflows, registries, and what act needs to run them.
struct Runs {
    github: GitHub,
    registry: Distribution,
}

impl Runs {
    fn start() -> Self {
        let github = GitHub::new();
        let registry = Distribution::start(Options::default());
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflows");
        fs::copy(here.join("cargo"), github.path("bin/cargo")).unwrap();
        fs::write(github.path("authority.pem"), authority_certificate()).unwrap();
        let files = [
            (folder(), ".github/workflows"),
            (
                tools::workspace().join("digests/components.toml"),
                "digests/components.toml",
            ),
        ];
        for (from, to) in files {
            let to = github.path("checkout").join(to);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            run(Command::new("cp").arg("-R").arg(from).arg(to), "").ok();
        }
        fs::write(github.path("checkout/.gitignore"), "/target/\n").unwrap();
        github.git(&["add", "--all"]);
        github.git(&["commit", "--quiet", "--message", "Workflows"]);
        github.git(&["push", "--quiet", "origin", "main"]);
        let runs = Self { github, registry };
        fs::write(runs.log(), "").unwrap();
        runs
    }

    /// Pushes a tag, and runs the workflow that it starts.
    fn push_tag(&self, workflow: &str, tag: &str) -> Output {
        let github = &self.github;
        github.git(&["tag", "--force", tag]);
        github.git(&["push", "--quiet", "--force", "origin", tag]);
        let event = github.path("event.json");
        let reference = format!("refs/tags/{tag}");
        fs::write(
            &event,
            format!(r#"{{"ref": "{reference}", "repository": {{"full_name": "mesh/osm", "default_branch": "main"}}}}"#),
        )
        .unwrap();
        let _ = fs::remove_dir_all(github.path("artifacts"));
        fs::create_dir(github.path("artifacts")).unwrap();
        let mut act =
            Command::new(std::env::var_os("OSM_TEST_ACT").expect("run `cargo xtask test`"));
        act.args([
            "push",
            "--no-cache-server",
            "--no-skip-checkout",
            "--eventpath",
        ]);
        act.arg(event)
            .arg("--workflows")
            .arg(format!(".github/workflows/{workflow}"));
        for runner in RUNNERS {
            act.args(["--platform", &format!("{runner}=-self-hosted")]);
        }
        for (action, stand_in) in actions(&read(workflow)) {
            act.arg("--local-repository")
                .arg(format!("{action}={}", stand_in.display()));
        }
        let address = self.registry.address();
        for variable in [
            format!("REGISTRY={address}/public"),
            format!("REGISTRY_HOST={address}"),
            format!("STAGING_REGISTRY={address}/staging"),
            format!("CHART_REGISTRY={address}/charts"),
            format!("CHART_REGISTRY_HOST={address}"),
        ] {
            act.args(["--var", &variable]);
        }
        for name in ["REGISTRY", "CHART_REGISTRY"] {
            act.args(["--secret", &format!("{name}_USERNAME=robot")]);
            act.args([
                "--secret",
                &format!("{name}_PASSWORD=the-password-of-the-robot"),
            ]);
        }
        github.isolate(&mut act);
        act.env("ORIGIN", github.path("origin"))
            .env("ARTIFACTS", github.path("artifacts"))
            .env("STEPS", self.log())
            .env("CA_FILE", github.path("authority.pem"))
            .env("XTASK", env!("CARGO_BIN_EXE_xtask"))
            .env("XDG_CACHE_HOME", github.path("cache"))
            .env("XDG_CONFIG_HOME", github.path("config"));
        let output = run(&mut act, "");
        assert!(
            !output.stdout.contains("the-password-of-the-robot"),
            "{}",
            output.stdout
        );
        output
    }

    fn log(&self) -> PathBuf {
        self.github.path("steps")
    }

    /// The steps since the last call of this function, as `job: what it does`.
    fn steps(&self) -> Vec<String> {
        let steps = fs::read_to_string(self.log()).unwrap();
        fs::write(self.log(), "").unwrap();
        steps.lines().map(str::to_owned).collect()
    }

    /// Runs a workflow that has to succeed. Returns its steps.
    #[track_caller]
    fn succeeds(&self, workflow: &str, tag: &str) -> Vec<String> {
        let done = self.push_tag(workflow, tag);
        assert_eq!(done.code, 0, "{}\n{}", done.stdout, done.stderr);
        self.steps()
    }

    /// Runs a workflow that has to fail in the last of these steps, each given by its start.
    #[track_caller]
    fn fails_with(&self, workflow: &str, tag: &str, want: &[&str]) {
        let failed = self.push_tag(workflow, tag);
        assert_ne!(failed.code, 0, "{}", failed.stdout);
        let steps = self.steps();
        assert_eq!(steps.len(), want.len(), "{steps:?}");
        for (step, start) in steps.iter().zip(want) {
            assert!(step.starts_with(start), "{steps:?}");
        }
    }

    /// Pushes images of all components to the staging registry.
    fn fill_staging(&self, first_seed: u64) {
        for (seed, name) in (first_seed..).zip(MESH) {
            let image = ImageSpec {
                seed,
                layer_bytes: 200,
                ..ImageSpec::default()
            };
            push_image(&self.registry, &format!("staging/{name}"), "v1.2.5", &image);
        }
    }

    /// The digests of the images with a tag.
    fn digests(&self, prefix: &str, tag: &str) -> Vec<String> {
        let digest = |name| self.registry.digest(&format!("{prefix}/{name}"), tag);
        MESH.map(digest).into()
    }
}

/// Returns the actions of a workflow, each with its stand-in.
fn actions(workflow: &str) -> Vec<(String, PathBuf)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflows/actions");
    let used = workflow
        .lines()
        .filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "));
    let mut actions: Vec<_> = used
        .map(|action| {
            let (action, _) = action.split_once(" #").unwrap();
            let (_, name) = action.split_once('@').unwrap().0.split_once('/').unwrap();
            (action.to_owned(), here.join(name))
        })
        .collect();
    actions.sort();
    actions.dedup();
    assert!(!actions.is_empty());
    for (action, stand_in) in &actions {
        assert!(stand_in.join("action.yml").is_file(), "{action}");
    }
    actions
}

#[test]
#[ignore = "needs act and registries: run cargo xtask test"]
fn a_release_goes_from_the_tag_of_its_images_to_its_published_files() {
    let runs = Runs::start();
    runs.fails_with("pre-release.yml", "pre-rel-v1.2", &["tag: github tag"]);
    publish_images(&runs);
    publish_files(&runs);
}

/// A pre-release publishes the images, and its other job gets their digests.
fn publish_images(runs: &Runs) {
    let github = &runs.github;
    runs.fill_staging(900);
    let address = runs.registry.address();
    let steps = [
        "tag: github tag --pre-release".to_owned(),
        format!("publish: log in to {address} as robot"),
        format!(
            "publish: publish-images --from {address}/staging --to {address}/public --digest-dir target --confirm v1.2.5"
        ),
        format!(
            "pull-request: import-digests --registry {address}/public target/image-digests/osm_image_digest_v1.2.5.txt"
        ),
        "pull-request: verify-digests --release v1.2.5".to_owned(),
        "pull-request: bump v1.2.5".to_owned(),
        "pull-request: github pull-request --confirm v1.2.5".to_owned(),
    ];
    assert_eq!(runs.succeeds("pre-release.yml", "pre-rel-v1.2.5"), steps);
    let mut published = runs.digests("public", "v1.2.5");
    assert_eq!(published, runs.digests("staging", "v1.2.5"));
    assert_eq!(published, runs.digests("public", "latest"));
    let started = [
        "pr create --head pin-images-v1.2.5 --base main ",
        "workflow run ci.yml --ref pin-images-v1.2.5",
    ];
    let changes = github.changes();
    assert_eq!(changes.len(), started.len(), "{changes:?}");
    for (change, start) in changes.iter().zip(started) {
        assert!(change.starts_with(start), "{changes:?}");
    }

    // Again: nothing is done twice. Other images are refused, and nothing follows.
    assert_eq!(runs.succeeds("pre-release.yml", "pre-rel-v1.2.5"), steps);
    assert_eq!(github.changes(), Vec::<String>::new());
    runs.fill_staging(950);
    let before = [
        "tag: github tag",
        "publish: log in ",
        "publish: publish-images ",
    ];
    runs.fails_with("pre-release.yml", "pre-rel-v1.2.5", &before);
    assert_eq!(runs.digests("public", "v1.2.5"), published);

    github.git(&["fetch", "--quiet"]);
    github.git(&["merge", "--quiet", "origin/pin-images-v1.2.5"]);
    github.git(&["push", "--quiet", "origin", "main"]);
    let pins = PinFile::read(&github.path("checkout/digests/v1.2.5.toml")).unwrap();
    let mut pinned: Vec<String> = pins.images.values().map(ToString::to_string).collect();
    pinned.sort();
    published.sort();
    assert_eq!(pinned, published);
}

/// A release builds its files from the pins, compares and publishes them.
fn publish_files(runs: &Runs) {
    let github = &runs.github;
    let check = runs.log().with_extension("fail");
    fs::write(&check, "").unwrap();
    let before = ["tag: github tag", "check: release-check "];
    runs.fails_with("release.yml", "v1.2.5", &before);
    assert!(!github.exists("state/releases/v1.2.5"));
    fs::remove_file(&check).unwrap();

    let steps = runs.succeeds("release.yml", "v1.2.5");
    let of = |job: &str| {
        let prefix = format!("{job}: ");
        let steps = steps.iter().filter_map(|step| step.strip_prefix(&prefix));
        steps.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of("dist").len(), 5, "{steps:?}");
    let assets = github.path("state/releases/v1.2.5/assets");
    let mut names: Vec<_> = fs::read_dir(&assets)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 9, "{names:?}");
    let address = runs.registry.address();
    let mut want = vec![
        format!("log in to {address} as robot"),
        "github draft --confirm v1.2.5 target/dist".to_owned(),
        "github compare v1.2.5 target/dist".to_owned(),
    ];
    want.extend(names.iter().map(|name| format!("attest {name}")));
    want.push("github publish --confirm v1.2.5 target/dist".to_owned());
    want.push(format!(
        "package-chart --release v1.2.5 --destination target/dist --push {address}/charts --confirm"
    ));
    assert_eq!(of("publish"), want);
    assert!(!github.exists("state/releases/v1.2.5/draft"));
    let pins = fs::read(github.path("checkout/digests/v1.2.5.toml")).unwrap();
    for target in [
        "x86_64-unknown-linux-musl",
        "aarch64-apple-darwin",
        "x86_64-pc-windows-msvc",
    ] {
        let archive = assets.join(format!("osm-v1.2.5-{target}.tar.gz"));
        assert_eq!(fs::read(archive).unwrap(), pins, "{target}");
    }
}
