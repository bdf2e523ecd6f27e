//! `osm version`: the version of this binary, and the releases compiled into it.

use serde_json::{Value, json};

use super::Global;
use super::exit::Done;
#[cfg(feature = "cluster")]
use super::mesh::as_json;
use super::output::{Format, FormatArg, Printer};
#[cfg(feature = "cluster")]
use super::port_arg::PortArg;
use crate::mesh::images::{Pins, RELEASES};
#[cfg(feature = "cluster")]
use crate::ops;

/// The optional parts of this binary.
const FEATURES: &[&str] = match cfg!(feature = "cluster") {
    true => &["cluster"],
    false => &[],
};
/// The commit that this binary was built from, if its archive names it.
const COMMIT: Option<&str> = option_env!("OSM_COMMIT");
/// The SHA-256 of the pin file of the compiled-in release. A channel has none.
const PIN_FILE: Option<&str> = match env!("OSM_PIN_FILE_SHA256").is_empty() {
    true => None,
    false => Some(env!("OSM_PIN_FILE_SHA256")),
};
/// The target of the compiler.
const TARGET: &str = env!("OSM_TARGET");

/// Print the version, the compiled-in release, and the meshes of the cluster
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm version
  osm version --client-only -o json")]
pub(super) struct Version {
    /// Do not contact a cluster
    #[arg(long)]
    client_only: bool,
    /// Print the version only
    #[arg(long = "version-only")]
    is_short: bool,
    #[command(flatten)]
    output: FormatArg,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    _port: PortArg,
}

/// Returns whether this is `osm version` without a cluster.
pub(super) fn is_client_only(matches: &clap::ArgMatches) -> bool {
    let version = matches.subcommand().filter(|(name, _)| *name == "version");
    version.is_some_and(|(_, flags)| flags.get_flag("client_only"))
}

impl Version {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let pins = Pins::default_channel();
        let pinned = match pins {
            Pins::Release(release) => release.images.len(),
            Pins::Floating { .. } => 0,
        };
        let version = env!("CARGO_PKG_VERSION");
        let mut data = json!({
            "version": version,
            "commit": COMMIT,
            "target": TARGET,
            "features": FEATURES,
            "release": pins.name(),
            "pinFileSha256": PIN_FILE,
            "registry": pins.registry(),
            "pins": pinned,
            "thirdPartyPins": pins.external().len(),
            "releases": RELEASES.iter().map(|r| r.name).collect::<Vec<_>>(),
        });
        if self.is_short {
            data = json!({"version": version});
        }
        let meshes = self.meshes(global, printer);
        let mut all = json!({"client": data});
        if let Some(meshes) = &meshes {
            all["meshes"] = meshes.clone();
        }
        let text = self.output.format.text(&all, || {
            if self.is_short {
                return format!("osm {version}\n");
            }
            format!(
                "osm {version}\n\
                 Commit:     {}\n\
                 Target:     {TARGET}, features: {}\n\
                 Release:    {}\n\
                 Pin file:   {}\n\
                 Registry:   {}\n\
                 Pins:       {pinned} mesh images, {} third-party images\n\
                 Releases:   {} compiled in, {}\n",
                COMMIT.unwrap_or("unknown"),
                match FEATURES {
                    [] => "none".to_owned(),
                    features => features.join(", "),
                },
                pins.name(),
                match PIN_FILE {
                    Some(sum) => format!("digests/{}.toml, SHA-256 {sum}", pins.name()),
                    None => "none".to_owned(),
                },
                pins.registry(),
                pins.external().len(),
                RELEASES.len(),
                match (RELEASES.first(), RELEASES.last()) {
                    (Some(first), Some(last)) => format!("{} to {}", first.name, last.name),
                    _ => "none".to_owned(),
                },
            )
        });
        printer.data(&text)?;
        if self.output.format == Format::Table {
            for mesh in meshes.iter().filter_map(Value::as_array).flatten() {
                let of = |key: &str| mesh.get(key).and_then(Value::as_str).unwrap_or_default();
                let (name, namespace, version) = (of("name"), of("namespace"), of("version"));
                printer.data(&format!(
                    "Mesh:       {name} in namespace {namespace}, {version}\n"
                ))?;
            }
        }
        Ok(())
    }

    /// This binary was built without the feature `cluster`.
    #[cfg(not(feature = "cluster"))]
    fn meshes(&self, _: &Global, _: &mut Printer) -> Option<Value> {
        let _ = self.client_only;
        None
    }

    /// Returns the meshes of the cluster. Without a cluster it prints a note and returns `None`.
    #[cfg(feature = "cluster")]
    fn meshes(&self, global: &Global, printer: &mut Printer) -> Option<Value> {
        if self.client_only {
            return None;
        }
        let asked = ops::block_on(async {
            let client = global.cluster().connect().await?;
            ops::meshes(&client).await
        });
        match asked.and_then(|meshes| meshes) {
            Ok(meshes) => Some(meshes.iter().map(as_json).collect()),
            Err(error) => {
                let first = error.to_string();
                let first = first.lines().next().unwrap_or_default();
                printer.note(&format!("cannot list the meshes of the cluster: {first}"));
                None
            }
        }
    }
}
