//! A place where a commit is built: a folder, and all that may differ between two machines of the same kind.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::cargo;
use crate::dist::build;
use crate::packages;
use crate::tools;

/// What differs.
pub(super) struct Variation {
    /// The folder of the sources.
    folder: &'static str,
    /// The permissions that new files do not get.
    umask: &'static str,
    /// The name of the user, the language, and the time zone.
    environment: [(&'static str, &'static str); 4],
    /// How old the sources are, in seconds.
    age: u64,
}

/// The two places.
pub(super) const SITES: [Variation; 2] = [
    Variation {
        folder: "osm",
        umask: "022",
        environment: [
            ("USER", "one"),
            ("LOGNAME", "one"),
            ("LC_ALL", "C"),
            ("TZ", "UTC"),
        ],
        age: 0,
    },
    Variation {
        folder: "another folder/with a longer name",
        umask: "077",
        environment: [
            ("USER", "other"),
            ("LOGNAME", "other"),
            ("LC_ALL", "de_DE.UTF-8"),
            ("TZ", "Pacific/Kiritimati"),
        ],
        age: 400 * 24 * 60 * 60,
    },
];

/// Variables that both builds get from this process.
const KEPT: [&str; 4] = [
    "PATH",
    "RUSTUP_TOOLCHAIN",
    "SOURCE_DATE_EPOCH",
    "OSM_RELEASE",
];

/// A clone of the workspace.
pub(super) struct Site {
    /// The folder of the sources.
    pub(super) source: PathBuf,
    /// The folder for what is compared.
    pub(super) output: PathBuf,
    home: PathBuf,
    rustup: PathBuf,
    variation: &'static Variation,
}

impl Site {
    /// Clones the workspace into a folder of the scratch folder.
    ///
    /// # Errors
    /// git failed, or a file cannot be written.
    pub(super) fn new(
        workspace: &Path,
        scratch: &Path,
        variation: &'static Variation,
    ) -> Result<Site, String> {
        let source = scratch.join(variation.folder).join("source");
        let mut clone = Command::new("git");
        clone
            .args(["clone", "--quiet", "--local"])
            .arg(workspace)
            .arg(&source);
        run(clone)?;
        let folder = scratch.join(variation.folder);
        let site = Site {
            source,
            output: folder.join("output"),
            home: folder.join("home"),
            rustup: home_of("RUSTUP_HOME", ".rustup")?,
            variation,
        };
        site.link_caches()?;
        site.set_age(&site.source)?;
        Ok(site)
    }

    /// Makes a home of cargo that unpacks the same packages, and a cache with the same tools.
    fn link_caches(&self) -> Result<(), String> {
        let registry = home_of("CARGO_HOME", ".cargo")?.join("registry");
        let links = [
            (
                registry.join("index"),
                self.cargo_home().join("registry/index"),
            ),
            (
                registry.join("cache"),
                self.cargo_home().join("registry/cache"),
            ),
            (tools::cache()?, self.cache().join("osm-test-tools")),
        ];
        for (existing, link) in links {
            let folder = link.parent().unwrap_or(&link);
            fs::create_dir_all(folder)
                .and_then(|()| symlink(&existing, &link))
                .map_err(|e| format!("{}: {e}", link.display()))?;
        }
        Ok(())
    }

    fn cargo_home(&self) -> PathBuf {
        self.home.join("cargo")
    }

    fn cache(&self) -> PathBuf {
        self.home.join("cache")
    }

    /// Makes the files older, except those of git, which would read all of them again.
    fn set_age(&self, folder: &Path) -> Result<(), String> {
        let time = SystemTime::now() - Duration::from_secs(self.variation.age);
        let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(folder).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            if path.is_dir() && !path.ends_with(".git") {
                self.set_age(&path)?;
            } else if path.is_file() {
                File::open(&path)
                    .and_then(|file| file.set_modified(time))
                    .map_err(wrong)?;
            }
        }
        Ok(())
    }

    /// Returns cargo, as it is run here.
    pub(super) fn cargo(&self) -> Command {
        self.command(cargo::command().get_program().as_ref())
    }

    /// Returns this program, whose tasks work on the sources here.
    ///
    /// # Errors
    /// The system does not say which program this is.
    pub(super) fn this_program(&self) -> Result<Command, String> {
        let this = env::current_exe().map_err(|e| e.to_string())?;
        let mut command = self.command(&this);
        command.env(tools::WORKSPACE, &self.source);
        Ok(command)
    }

    /// Returns arguments of cargo for programs that contain no path of this place.
    ///
    /// # Errors
    /// What cargo said of the packages.
    pub(super) fn reproducible(&self, target: &Path) -> Result<Vec<String>, String> {
        let packages = packages::locked(self.cargo(), &self.source)?;
        build::reproducible(&self.source, target, &packages)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", "umask \"$1\" && shift && exec \"$@\"", "sh"])
            .arg(self.variation.umask)
            .arg(program)
            .current_dir(&self.source)
            .env_clear()
            .envs(
                KEPT.iter()
                    .filter_map(|name| Some((name, env::var_os(name)?))),
            )
            .envs(self.variation.environment)
            .env("HOME", &self.home)
            .env("XDG_CACHE_HOME", self.cache())
            .env("CARGO", cargo::command().get_program())
            .env("CARGO_HOME", self.cargo_home())
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_NET_OFFLINE", "true")
            .env("RUSTUP_HOME", &self.rustup);
        command
    }
}

/// Returns the folder that a variable names, or else the one in the home of the user.
fn home_of(variable: &str, name: &str) -> Result<PathBuf, String> {
    if let Some(folder) = env::var_os(variable) {
        return Ok(folder.into());
    }
    let home = env::var_os("HOME").ok_or_else(|| format!("neither {variable} nor HOME is set"))?;
    Ok(Path::new(&home).join(name))
}

#[cfg(unix)]
fn symlink(existing: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(existing, link)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::Error::other("builds are compared on Unix only"))
}

/// Runs a command to its end.
pub(super) fn run(mut command: Command) -> Result<(), String> {
    command.stdout(Stdio::null());
    let status = command.status().map_err(|e| format!("{command:?}: {e}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{command:?} failed: {status}")),
    }
}
