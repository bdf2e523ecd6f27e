//! The real parts that tests run against, built once from the Go modules under `tests/tools/`.
//!
//! A built part lies in the user's cache folder, keyed by all that it is built from: it survives
//! `cargo clean` and is shared by all checkouts, and another version of it gets a place of its own.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// A program that a Go module of the workspace pins.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// The program's name.
    pub name: &'static str,
    /// The module's folder under `tests/tools/`.
    pub module: &'static str,
    /// The Go package that is built: one of a module that is required, or `./` and a folder of this one.
    pub package: &'static str,
    /// What the linker is told.
    pub ldflags: &'static str,
    /// The environment variable by which tests find the program. Where it is set already, it is used.
    pub variable: &'static str,
    /// Whether the folder that `KUBEBUILDER_ASSETS` names may have it.
    pub asset: bool,
}

/// The real helm.
pub const HELM: Tool = Tool {
    name: "helm",
    module: "helm",
    package: "helm.sh/helm/v4/cmd/helm",
    ldflags: "-s -w",
    variable: "OSM_TEST_HELM",
    asset: false,
};

/// Kubernetes tells clients this version. It is that of its module in go.mod.
const KUBERNETES_LDFLAGS: &str = "-s -w \
    -X k8s.io/component-base/version.gitVersion=v1.36.3 \
    -X k8s.io/component-base/version.gitMajor=1 \
    -X k8s.io/component-base/version.gitMinor=36";

/// The real API server.
pub const KUBE_APISERVER: Tool = Tool {
    name: "kube-apiserver",
    module: "kubernetes",
    package: "./kube-apiserver",
    ldflags: KUBERNETES_LDFLAGS,
    variable: "OSM_TEST_KUBE_APISERVER",
    asset: true,
};

/// The real controllers: of Deployments, Jobs, garbage, namespaces and more.
pub const KUBE_CONTROLLER_MANAGER: Tool = Tool {
    name: "kube-controller-manager",
    package: "./kube-controller-manager",
    variable: "OSM_TEST_KUBE_CONTROLLER_MANAGER",
    ..KUBE_APISERVER
};

/// The API server's store.
pub const ETCD: Tool = Tool {
    name: "etcd",
    module: "etcd",
    package: ".",
    ldflags: "-s -w",
    variable: "OSM_TEST_ETCD",
    asset: true,
};

/// All parts that tests ask for.
pub const ALL: [Tool; 4] = [HELM, ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER];

impl Tool {
    /// The program's path; it is built first if it is not in the cache.
    ///
    /// # Errors
    ///
    /// Why it cannot be had on this machine.
    pub fn provide(&self, workspace: &Path) -> Result<PathBuf, String> {
        if let Some(named) = self.named(set)? {
            return Ok(named);
        }
        let module = workspace.join("tests/tools").join(self.module);
        let folder = cache()?.join(format!("{}-{}", self.name, self.key(&module)?));
        let program = folder.join(self.name);
        if program.is_file() {
            return Ok(program);
        }
        self.build(&module, &folder)?;
        Ok(program)
    }

    /// The program that the environment names, if it names one.
    fn named(
        &self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<PathBuf>, String> {
        if let Some(path) = variable(self.variable) {
            let path = PathBuf::from(path);
            return match path.is_file() {
                true => Ok(Some(path)),
                false => Err(format!(
                    "{} names {}, which is not there",
                    self.variable,
                    path.display()
                )),
            };
        }
        if !self.asset {
            return Ok(None);
        }
        let asset = variable(ASSETS).map(|folder| PathBuf::from(folder).join(self.name));
        match asset {
            Some(path) if path.is_file() => Ok(Some(path)),
            // The usual assets come without it.
            Some(_) if self.name == KUBE_CONTROLLER_MANAGER.name => Ok(None),
            Some(path) => Err(format!(
                "{ASSETS} is set, and {} is not there",
                path.display()
            )),
            None => Ok(None),
        }
    }

    fn build(&self, module: &Path, folder: &Path) -> Result<(), String> {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        // Built beside its place and moved there: whoever else builds it sees the whole or nothing.
        let unfinished = tempfile::tempdir_in(folder).map_err(|e| e.to_string())?;
        let built = unfinished.path().join(self.name);
        let status = Command::new("go")
            .args(["build", "-trimpath", "-buildvcs=false"])
            .arg(format!("-ldflags={}", self.ldflags))
            .arg("-o")
            .arg(&built)
            .arg(self.package)
            .current_dir(module)
            .env("CGO_ENABLED", "0")
            .status()
            .map_err(|e| {
                format!(
                    "Go is needed to build {} (https://go.dev/dl): {e}",
                    self.name
                )
            })?;
        if !status.success() {
            return Err(format!("go build of {} failed ({status})", self.package));
        }
        let place = folder.join(self.name);
        fs::rename(&built, &place).map_err(|e| format!("{}: {e}", place.display()))
    }

    /// The first half of the hash of what the program is built from.
    fn key(&self, module: &Path) -> Result<String, String> {
        let mut hash = Sha256::new();
        let mut files = vec![module.join("go.mod"), module.join("go.sum")];
        if self.package.starts_with('.') {
            files.push(module.join(self.package).join("main.go"));
        }
        for path in files {
            let content = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            // With its length in front, so that no byte can move from one file to the next.
            hash.update(content.len().to_le_bytes());
            hash.update(content);
        }
        hash.update(self.ldflags);
        Ok(hash
            .finalize()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }
}

/// A folder with an API server and its store, by the convention of controller-runtime's envtest.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// A variable of the environment, if it has a value.
fn set(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The folder for built parts: `osm-test-tools` in the user's cache folder.
fn cache() -> Result<PathBuf, String> {
    let base = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")))
        .ok_or("neither XDG_CACHE_HOME nor HOME is set: there is no cache folder")?;
    Ok(base.join("osm-test-tools"))
}

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_parts_one_by_one_or_by_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        let assets = folder.path().join("assets");
        fs::create_dir(&assets).unwrap();
        for path in [
            &own,
            &assets.join("etcd"),
            &assets.join("kube-apiserver"),
            &assets.join("helm"),
        ] {
            fs::write(path, "").unwrap();
        }
        let missing = folder.path().join("missing");
        // The part, its own variable, KUBEBUILDER_ASSETS, and what comes of them: Err for a refusal.
        let table = [
            (ETCD, None, None, Ok(None)),
            (ETCD, Some(&own), Some(&assets), Ok(Some(own.clone()))),
            (ETCD, None, Some(&assets), Ok(Some(assets.join("etcd")))),
            (ETCD, Some(&missing), Some(&assets), Err(())),
            (ETCD, None, Some(&missing), Err(())),
            (
                KUBE_APISERVER,
                None,
                Some(&assets),
                Ok(Some(assets.join("kube-apiserver"))),
            ),
            (KUBE_CONTROLLER_MANAGER, None, Some(&assets), Ok(None)),
            (HELM, None, Some(&assets), Ok(None)),
        ];
        for (tool, variable, kubebuilder, want) in table {
            let named = tool.named(|name| match name {
                ASSETS => kubebuilder.map(Into::into),
                name if name == tool.variable => variable.map(Into::into),
                _ => None,
            });
            assert_eq!(
                named.map_err(|_| ()),
                want,
                "{}: {variable:?} {kubebuilder:?}",
                tool.name
            );
        }
    }

    #[test]
    fn all_that_a_part_is_built_from_is_in_its_key() {
        let module = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(module.path().join(name), text).unwrap();
        write("go.mod", "a");
        write("go.sum", "b");
        write("main.go", "c");
        let keys = [
            ETCD.key(module.path()).unwrap(),
            Tool {
                ldflags: "",
                ..ETCD
            }
            .key(module.path())
            .unwrap(),
            Tool {
                package: "elsewhere.test/etcd",
                ..ETCD
            }
            .key(module.path())
            .unwrap(),
            {
                write("main.go", "d");
                ETCD.key(module.path()).unwrap()
            },
            {
                write("go.sum", "");
                write("go.mod", "ab");
                ETCD.key(module.path()).unwrap()
            },
        ];
        for (i, key) in keys.iter().enumerate() {
            assert_eq!(key.len(), 16);
            assert!(!keys[..i].contains(key), "{keys:?}");
        }
    }

    #[test]
    fn the_version_that_is_linked_in_is_that_of_the_module() {
        let path = workspace().join("tests/tools/kubernetes/go.mod");
        let module = fs::read_to_string(path).unwrap();
        let line = module
            .lines()
            .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "));
        let version = line.unwrap().trim_start_matches('v');
        let mut numbers = version.split('.');
        let (major, minor) = (numbers.next().unwrap(), numbers.next().unwrap());
        for flag in [
            format!("version.gitVersion=v{version}"),
            format!("version.gitMajor={major}"),
            format!("version.gitMinor={minor}"),
        ] {
            assert!(
                KUBERNETES_LDFLAGS
                    .split(' ')
                    .any(|word| word.ends_with(&flag)),
                "{flag}"
            );
        }
    }
}
