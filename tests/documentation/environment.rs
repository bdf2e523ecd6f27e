//! Where the commands of the documentation run: with a cluster, a registry that stands for Docker Hub, and a mirror.

use std::path::{Path, PathBuf};
use std::process::Command;

use test_registry::{Distribution, Image, Registry};

use crate::common::cluster::Cluster;
use crate::common::mesh_images::{COMPONENTS, THIRD_PARTY, distribution, push_mesh_images};
use crate::common::{Output, program, release, repository, run, scratch};

/// What the documentation says, and what it is here.
const HOST: &str = "registry.example.com";
const DOCKER_HUB: &str = "openservicemesh";
const RELEASE: &str = "v1.2.4";
const FROM_SOURCE: &str = "cargo run --release -- ";

/// The real programs that commands use, and the variables that name them.
const PROGRAMS: [(&str, &str); 2] = [("helm", "OSM_TEST_HELM"), ("kubectl", "OSM_TEST_KUBECTL")];

/// A folder in which commands run, with `osm` on the path.
pub struct Environment {
    folder: PathBuf,
    variables: Vec<(&'static str, String)>,
    live: Option<Live>,
}

/// What commands need that do not work offline.
struct Live {
    cluster: Cluster,
    /// Stands for Docker Hub. It has an image with a signature for everything that an installation uses.
    source: Distribution,
    mirror: Distribution,
}

impl Environment {
    /// Returns an environment without a cluster and registries.
    pub fn offline() -> Environment {
        Environment::create("documentation-offline", None)
    }

    /// Starts a cluster and registries.
    pub fn start() -> Environment {
        let live = Live {
            cluster: Cluster::start(),
            source: distribution(),
            mirror: distribution(),
        };
        let (components, others) = push_mesh_images(&live.source, release());
        let mut environment = Environment::create("documentation", Some(live));
        environment.live.as_ref().unwrap().cluster.create_webhooks();
        environment.sign(&components, &others);
        environment.stand_in_for_osm(&components, &others);
        environment
    }

    fn create(name: &str, live: Option<Live>) -> Environment {
        let folder = scratch(name);
        std::fs::create_dir(folder.join("bin")).unwrap();
        let link = |name: &str, to: &Path| {
            std::os::unix::fs::symlink(to, folder.join("bin").join(name)).unwrap();
        };
        link("osm", &program());
        let path = std::env::var("PATH").unwrap();
        let mut variables = vec![
            ("HOME", folder.display().to_string()),
            ("PATH", format!("{}/bin:{path}", folder.display())),
        ];
        if let Some(live) = &live {
            for (name, variable) in PROGRAMS {
                let program = std::env::var_os(variable).expect("run cargo xtask test");
                link(name, Path::new(&program));
            }
            let source = live.source.localhost_address();
            let home = live.source.home();
            variables.extend([
                (
                    "KUBECONFIG",
                    live.cluster.kubeconfig().display().to_string(),
                ),
                ("SSL_CERT_FILE", home.authority_file().display().to_string()),
                ("OSM_IMAGE_REGISTRY", format!("{source}/mesh")),
            ]);
        }
        Environment {
            folder,
            variables,
            live,
        }
    }

    /// Signs all images with a key of the real cosign, whose public part is the file `cosign.pub`.
    fn sign(&mut self, components: &[Image], others: &[Image]) {
        let source = &self.live.as_ref().unwrap().source;
        let key = self.folder.join("cosign").display().to_string();
        let create = ["generate-key-pair", "--output-key-prefix", &key];
        source.cosign(&create).ok();
        let names = self.images(components, others);
        let key = format!("{key}.key");
        let flags = ["--tlog-upload=false", "--use-signing-config=false"];
        let mut sign = [&["sign", "--key", &key], &flags[..]].concat();
        sign.extend(names.iter().map(|(_, name)| name.as_str()));
        source.cosign(&sign).ok();
    }

    /// Returns the name of each component, and the key of each third-party image, with the image at the source.
    fn images(&self, components: &[Image], others: &[Image]) -> Vec<(&'static str, String)> {
        let host = self.live.as_ref().unwrap().source.localhost_address();
        let ours = COMPONENTS
            .into_iter()
            .zip(components)
            .map(|(name, image)| (name, format!("{host}/mesh/{name}@{}", image.digest)));
        let others = THIRD_PARTY
            .into_iter()
            .zip(others)
            .map(|((name, key), image)| {
                let (tag, digest) = (release(), &image.digest);
                (key, format!("{host}/{name}:{tag}@{digest}"))
            });
        ours.chain(others).collect()
    }

    /// The compiled-in images are on Docker Hub only. A command that asks a registry for images therefore gets the digests of
    /// those at the source, unless it takes them from an archive.
    fn stand_in_for_osm(&mut self, components: &[Image], others: &[Image]) {
        let mut flags = String::new();
        for (name, image) in self.images(components, others) {
            let flag = match (COMPONENTS.contains(&name), image.split_once('@')) {
                (true, Some((_, digest))) => format!(" --image-digest {name}={digest}"),
                _ => format!(" --set osm.{name}={image}"),
            };
            flags.push_str(&flag);
        }
        let script = format!(
            "#!/bin/bash\n\
             case \"$* \" in\n\
             *' --from '*) exec {osm} \"$@\" ;;\n\
             'images mirror '*|'images save '*|'images verify '*|*' --verify-images '*) exec {osm} \"$@\"{flags} ;;\n\
             *) exec {osm} \"$@\" ;;\n\
             esac\n",
            osm = program().display(),
        );
        let path = self.folder.join("bin/osm");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
    }

    /// Runs a block of commands in the folder of a page, until one of them fails. What they print is in its order.
    pub fn run(&self, page: &Path, commands: &str) -> Output {
        let folder = self.folder.join(page.with_extension(""));
        if !folder.exists() {
            std::fs::create_dir_all(&folder).unwrap();
            let charts = repository("charts");
            std::os::unix::fs::symlink(charts, folder.join("charts")).unwrap();
            // Offline, no command asks for it.
            let _ = std::fs::copy(self.folder.join("cosign.pub"), folder.join("cosign.pub"));
        }
        let script = format!("set -euo pipefail\nexec 2>&1\n{}", self.here(commands));
        let mut bash = Command::new("bash");
        bash.args(["-c", &script])
            .current_dir(folder)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        let mut output = run(&mut bash, "");
        output.stdout = output.stdout.replace(release(), RELEASE);
        if let Some(live) = &self.live {
            let source = format!("{}/mesh", live.source.localhost_address());
            let mirror = live.mirror.localhost_address();
            let printed = output.stdout.replace(&source, DOCKER_HUB);
            output.stdout = printed.replace(&mirror, HOST);
        }
        output
    }

    /// Returns commands with what stands for the names of the documentation.
    fn here(&self, commands: &str) -> String {
        let commands = commands.replace(FROM_SOURCE, "osm ");
        match &self.live {
            Some(live) => commands.replace(HOST, &live.mirror.localhost_address()),
            None => commands,
        }
    }

    /// Removes from the cluster what a page has left, and creates what a control plane creates when it runs.
    ///
    /// # Errors
    /// What cannot be removed.
    pub fn restore_cluster(&self) -> Result<(), String> {
        match &self.live {
            Some(live) => {
                live.cluster.restore_objects()?;
                live.cluster.create_webhooks();
                Ok(())
            }
            None => Ok(()),
        }
    }
}
