//! The harness: each test has its own folder with a component file and runs the import on it without a process.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use image_pins::PinFile;
use tempfile::TempDir;
use xtask::flags::{self, Task};
use xtask::{Exit, import_digests};

/// Four components, one of them since v1.1.0.
pub(crate) const COMPONENTS: &str = r#"schema = 1
registry = "mesh"

[[component]]
name = "controller"
key = "appController"
since = "v1.0.0"
description = "Controls."

[[component]]
name = "injector"
key = "appInjector"
since = "v1.0.0"
description = "Injects."

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

/// The images of v1.0.0, each with the byte that its digest repeats.
pub(crate) const V1_0_0: [(&str, &str); 3] =
    [("controller", "c0"), ("injector", "d0"), ("init", "e0")];
/// The images of v1.1.0.
pub(crate) const V1_1_0: [(&str, &str); 4] = [
    ("controller", "c1"),
    ("injector", "d1"),
    ("init", "e1"),
    ("healthcheck", "f1"),
];

/// Returns a digest that repeats one byte.
pub(crate) fn digest(byte: &str) -> String {
    format!("sha256:{}", byte.repeat(32))
}

/// Rows as `docker images --digests` prints them.
pub(crate) fn docker(tag: &str, images: &[(&str, &str)]) -> String {
    let row = |(name, byte): &(&str, &str)| {
        format!(
            "mesh/{name}   {tag}   {}   67349d2e350f   4 seconds ago   7.77MB\n",
            digest(byte)
        )
    };
    images.iter().map(row).collect()
}

/// Lines `name: digest`.
pub(crate) fn lines(images: &[(&str, &str)]) -> String {
    images
        .iter()
        .map(|(name, byte)| format!("{name}: {}\n", digest(byte)))
        .collect::<Vec<_>>()
        .concat()
}

/// Chart values with sidecar images.
pub(crate) fn values(images: &[(&str, &str)]) -> String {
    let key = |name: &str| match name {
        "controller" => "appController",
        "injector" => "appInjector",
        "init" => "appInit",
        _ => "appHealthcheck",
    };
    let digests: String = images
        .iter()
        .map(|(name, byte)| format!("      {}: \"{}\"\n", key(name), digest(byte)))
        .collect::<Vec<_>>()
        .concat();
    format!(
        "# Values\nosm:\n  image:\n    registry: mesh\n    tag: \"\"\n    digest:\n{digests}  \
         sidecarImage: proxies/envoy:v1@{}\n  sidecarWindowsImage: proxies/windows@{}\n  replicas: 1\n",
        digest("5a"),
        digest("5b"),
    )
}

/// One JSON object per image, each on its own line.
pub(crate) fn json(images: &[(&str, &str)], object: impl Fn(&str, &str) -> String) -> String {
    images
        .iter()
        .map(|(name, byte)| object(name, &digest(byte)) + "\n")
        .collect()
}

/// The same digests in each format: file name and content.
pub(crate) fn all_formats(release: &str, images: &[(&str, &str)]) -> Vec<(String, String)> {
    let buildx = |name: &str, digest: &str| {
        format!(
            r#""{name}": {{"image.name": "mesh/{name}:{release}", "containerimage.digest": "{digest}"}}"#
        )
    };
    let bake: Vec<String> = images
        .iter()
        .map(|(name, byte)| buildx(name, &digest(byte)))
        .collect();
    let imagetools = |name: &str, digest: &str| {
        format!(
            r#"{{"name": "docker.io/mesh/{name}:{release}", "manifest": {{"digest": "{digest}"}}}}"#
        )
    };
    let skopeo = |name: &str, digest: &str| {
        format!(r#"{{"Name": "docker.io/mesh/{name}", "Digest": "{digest}"}}"#)
    };
    let log = format!(
        "2021-09-21T15:04:05.1Z Run\n{}",
        lines(images).replace("init:", "\u{1b}[1minit\u{1b}[0m:")
    );
    vec![
        (
            format!("osm_image_digest_{release}.txt"),
            docker(release, images),
        ),
        (format!("{release}.log"), log),
        (format!("{release}.values.yaml"), values(images)),
        (
            format!("{release}.bake.json"),
            format!("{{{}}}", bake.join(",\n")),
        ),
        (
            format!("{release}.imagetools.json"),
            json(images, imagetools),
        ),
        (format!("{release}.skopeo.json"), json(images, skopeo)),
    ]
}

/// The result of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A folder with digest files in it and a folder `digests` with the component file.
pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Self { folder };
        fs::create_dir(sandbox.path("digests")).unwrap();
        sandbox.file("digests/components.toml", COMPONENTS);
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Imports a release before the test begins.
    pub(crate) fn pinned(self, release: &str, images: &[(&str, &str)]) -> Self {
        self.file(&format!("{release}.log"), lines(images));
        assert_eq!(self.import(&format!("%{release}.log")).exit, Exit::Done);
        self
    }

    /// Runs the import with these arguments. `%` is the folder of the sandbox, also in the output.
    pub(crate) fn import(&self, arguments: &str) -> Run {
        self.import_with(arguments, b"")
    }

    pub(crate) fn import_with(&self, arguments: &str, mut stdin: &[u8]) -> Run {
        let folder = format!("{}/", self.folder.path().display());
        let own = [
            "xtask".into(),
            "import-digests".into(),
            "--digests-dir".into(),
            format!("{folder}digests"),
        ];
        let given = arguments
            .split_whitespace()
            .map(|word| word.replace('%', &folder));
        let Task::ImportDigests(flags) = flags::parse(own.into_iter().chain(given)).unwrap() else {
            panic!("not import-digests");
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = import_digests::run(&flags, &mut stdin, &mut out, &mut err);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&folder, "%");
        Run {
            exit,
            out: text(out),
            err: text(err),
        }
    }

    pub(crate) fn pins(&self, release: &str) -> PinFile {
        PinFile::read(&self.path(&format!("digests/{release}.toml"))).unwrap()
    }

    /// Returns all files in the folder of pin files, including hidden ones, with modification time and content.
    pub(crate) fn state(&self) -> BTreeMap<PathBuf, (std::time::SystemTime, Vec<u8>)> {
        let entry = |path: &Path| {
            let content = if path.is_dir() {
                Vec::new()
            } else {
                fs::read(path).unwrap()
            };
            (fs::metadata(path).unwrap().modified().unwrap(), content)
        };
        let entries = fs::read_dir(self.path("digests"))
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries.map(|path| (path.clone(), entry(&path))).collect()
    }
}
