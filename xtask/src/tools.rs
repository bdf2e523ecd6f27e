//! Programs that tests run against, built once from the Go modules under `tests/tools/`.
//!
//! A built program is in the cache folder of the user, under a key of everything that it is built from. It survives
//! `cargo clean` and is shared by all checkouts; each version has its own key.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// A program whose version a Go module of the workspace pins.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// The name of the program.
    pub name: &'static str,
    /// The folder of the module under `tests/tools/`.
    pub module: &'static str,
    /// The Go package to build: a package of a required module, or `./` and a folder of this module.
    pub package: &'static str,
    /// The flags of the linker.
    pub ldflags: &'static str,
    /// The environment variable that names the program for tests. If it is set, nothing is built.
    pub variable: &'static str,
    /// Whether the folder `KUBEBUILDER_ASSETS` may contain it.
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

/// Helm's template engine, which renders thousands of expressions in one process.
pub const HELM_ENGINE: Tool = Tool {
    name: "helm-engine",
    package: "./engine",
    variable: "OSM_TEST_HELM_ENGINE",
    ..HELM
};

/// The version that Kubernetes reports to clients: the version of its module in go.mod.
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

/// The real controllers, such as those of Deployments, Jobs, namespaces, and the garbage collector.
pub const KUBE_CONTROLLER_MANAGER: Tool = Tool {
    name: "kube-controller-manager",
    package: "./kube-controller-manager",
    variable: "OSM_TEST_KUBE_CONTROLLER_MANAGER",
    ..KUBE_APISERVER
};

/// The real kubectl.
pub const KUBECTL: Tool = Tool {
    name: "kubectl",
    module: "kubectl",
    package: ".",
    ldflags: KUBERNETES_LDFLAGS,
    variable: "OSM_TEST_KUBECTL",
    asset: true,
};

/// The store of the API server.
pub const ETCD: Tool = Tool {
    name: "etcd",
    module: "etcd",
    package: ".",
    ldflags: "-s -w",
    variable: "OSM_TEST_ETCD",
    asset: true,
};

/// The real distribution, a registry with authentication and without the referrers API.
pub const DISTRIBUTION: Tool = Tool {
    name: "distribution",
    module: "distribution",
    package: "github.com/distribution/distribution/v3/cmd/registry",
    ldflags: "-s -w",
    variable: "OSM_TEST_DISTRIBUTION",
    asset: false,
};

/// The real olareg, a registry with the referrers API.
pub const OLAREG: Tool = Tool {
    name: "olareg",
    module: "olareg",
    package: "github.com/olareg/olareg/cmd/olareg",
    variable: "OSM_TEST_OLAREG",
    ..DISTRIBUTION
};

/// The real crane, which fills registries and reads them.
pub const CRANE: Tool = Tool {
    name: "crane",
    module: "crane",
    package: "github.com/google/go-containerregistry/cmd/crane",
    variable: "OSM_TEST_CRANE",
    ..DISTRIBUTION
};

/// The real cosign, which signs images.
pub const COSIGN: Tool = Tool {
    name: "cosign",
    module: "cosign",
    package: "github.com/sigstore/cosign/v3/cmd/cosign",
    variable: "OSM_TEST_COSIGN",
    ..DISTRIBUTION
};

/// The real actionlint, which checks workflows.
pub const ACTIONLINT: Tool = Tool {
    name: "actionlint",
    module: "actionlint",
    package: "github.com/rhysd/actionlint/cmd/actionlint",
    variable: "OSM_TEST_ACTIONLINT",
    ..DISTRIBUTION
};

/// The real act, which runs workflows on this machine.
pub const ACT: Tool = Tool {
    name: "act",
    module: "act",
    package: "github.com/nektos/act",
    variable: "OSM_TEST_ACT",
    ..DISTRIBUTION
};

/// All programs that tests need.
pub const ALL: [Tool; 12] = [
    HELM,
    HELM_ENGINE,
    KUBECTL,
    ETCD,
    KUBE_APISERVER,
    KUBE_CONTROLLER_MANAGER,
    DISTRIBUTION,
    OLAREG,
    CRANE,
    COSIGN,
    ACTIONLINT,
    ACT,
];

impl Tool {
    /// Returns the path of the program. Builds it if it is not in the cache.
    ///
    /// # Errors
    ///
    /// The program cannot be built on this machine, or an environment variable names a file that does not exist.
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

    /// Returns the program that an environment variable names.
    fn named(
        &self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<PathBuf>, String> {
        if let Some(named) = named_by(self.variable, &variable)? {
            return Ok(Some(named));
        }
        if !self.asset {
            return Ok(None);
        }
        let asset = variable(ASSETS).map(|folder| PathBuf::from(folder).join(self.name));
        match asset {
            Some(path) if path.is_file() => Ok(Some(path)),
            // The assets of envtest do not contain the one, and other folders may lack the other.
            Some(_) if [KUBE_CONTROLLER_MANAGER.name, KUBECTL.name].contains(&self.name) => {
                Ok(None)
            }
            Some(path) => Err(format!(
                "{ASSETS} is set, but {} is not a file",
                path.display()
            )),
            None => Ok(None),
        }
    }

    fn build(&self, module: &Path, folder: &Path) -> Result<(), String> {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        // Built in a temporary folder and renamed, so that concurrent builds never see a partial file.
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
                    "cannot run Go, which builds {} (install it from https://go.dev/dl): {e}",
                    self.name
                )
            })?;
        if !status.success() {
            return Err(format!("go build of {} failed ({status})", self.package));
        }
        let place = folder.join(self.name);
        fs::rename(&built, &place).map_err(|e| format!("{}: {e}", place.display()))
    }

    /// Returns the start of the hash of everything that the program is built from.
    fn key(&self, module: &Path) -> Result<String, String> {
        let mut hash = Sha256::new();
        let mut files = vec![module.join("go.mod"), module.join("go.sum")];
        if self.package.starts_with('.') {
            files.push(module.join(self.package).join("main.go"));
        }
        for path in files {
            let content = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            // The length comes first, so that moving bytes from one file to the next changes the hash.
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

/// Returns the program that an environment variable names.
///
/// # Errors
/// It names a file that does not exist.
pub(crate) fn named(name: &str) -> Result<Option<PathBuf>, String> {
    named_by(name, &set)
}

fn named_by(
    name: &str,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<PathBuf>, String> {
    match variable(name).map(PathBuf::from) {
        Some(path) if !path.is_file() => Err(format!(
            "{name} is set to {}, which is not a file",
            path.display()
        )),
        path => Ok(path),
    }
}

/// A folder with an API server and its store (convention of envtest in controller-runtime).
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// Returns an environment variable, unless it is empty.
fn set(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Returns the folder of built programs: `osm-test-tools` in the cache folder of the user.
pub(crate) fn cache() -> Result<PathBuf, String> {
    let base = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")))
        .ok_or("no cache folder: neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(base.join("osm-test-tools"))
}

/// The environment variable with the folder of another workspace, for tasks that are run on a copy.
pub(crate) const WORKSPACE: &str = "OSM_XTASK_WORKSPACE";

/// Returns the folder of the workspace.
pub fn workspace() -> PathBuf {
    if let Some(copy) = set(WORKSPACE) {
        return copy.into();
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_variables_name_a_program_or_the_folder_of_programs() {
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
        // The program, its variable, KUBEBUILDER_ASSETS, and the result.
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
            (KUBECTL, None, Some(&assets), Ok(None)),
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
    fn the_key_depends_on_everything_that_a_program_is_built_from() {
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
    fn the_linked_version_is_the_version_of_the_module() {
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
