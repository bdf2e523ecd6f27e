//! `osm install`: render the control plane (and, once there is a cluster side, install it).

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::Global;
use super::exit::{Done, Failure};
use super::output::Printer;
use super::value_args::{ImageArgs, ValueArgs};
use crate::chart::Object;
use crate::chart::values::lookup;
use crate::images::{COMPONENTS, FoundImage};
use crate::plan::{Plan, Rendered, Request, check_release_name};
use crate::{json, yaml};

/// Install the mesh's control plane
///
/// With --dry-run its objects are printed and no cluster is needed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm install --dry-run                              the objects as YAML
  osm install --dry-run --no-hooks | kubectl apply -f -
  osm install --dry-run --image-registry registry.example.com/mesh -o json")]
pub(super) struct Install {
    /// The name of the mesh.
    #[arg(long, value_name = "NAME", value_parser = mesh_name)]
    mesh_name: Option<String>,
    /// Refuse other meshes in the same cluster [default: true].
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enforce_single_mesh: Option<bool>,
    /// A chart's folder or .tgz file, instead of the compiled-in chart.
    #[arg(long, value_name = "PATH")]
    osm_chart_path: Option<PathBuf>,
    /// Print what would be installed instead of installing it.
    #[arg(
        long,
        value_name = "WHERE",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_value = "none",
        default_missing_value = "client"
    )]
    dry_run: DryRun,
    /// How a dry run prints.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "yaml")]
    output: Output,
    /// Leave out the chart's hooks.
    #[arg(long)]
    no_hooks: bool,
    /// Fail if an image is left that is not pinned by a digest.
    #[arg(long)]
    require_pinned: bool,
    /// The version of Kubernetes to render for, without a cluster.
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// API versions that the cluster has besides Kubernetes' own; can be repeated.
    #[arg(long, value_name = "API,…", value_delimiter = ',')]
    api_versions: Vec<String>,
    #[command(flatten)]
    values: ValueArgs,
    #[command(flatten)]
    images: ImageArgs,
}

/// Where a dry run happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DryRun {
    /// No dry run: install.
    None,
    /// Render here, without a cluster.
    Client,
    /// Send every object to the cluster without storing it.
    Server,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A stream of documents.
    Yaml,
    /// One List.
    Json,
}

impl Install {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let plan = Plan::new(&self.request(global)?)?;
        if let Some(useless) = plan.useless_digests() {
            printer.warning(&useless);
        }
        let rendered = plan.render()?;
        self.check_pins(&plan, &rendered.images, printer)?;
        match self.dry_run {
            DryRun::Client => {
                self.print(&plan, &rendered, printer)?;
                // The process ends here: giving back every value one by one is work for nobody.
                std::mem::forget((plan, rendered));
                Ok(())
            }
            DryRun::None => Err(not_yet("installing into a cluster")),
            DryRun::Server => Err(not_yet("a dry run on a cluster")),
        }
    }

    fn request(&self, global: &Global) -> Result<Request, Failure> {
        Ok(Request {
            namespace: global.osm_namespace.clone(),
            mesh_name: self.mesh_name.clone(),
            enforce_single_mesh: self.enforce_single_mesh,
            chart: self.osm_chart_path.clone(),
            release: self.images.release.clone(),
            values: self.values.0.clone(),
            overrides: self.images.overrides().map_err(Failure::Input)?,
            kube_version: self.kube_version.clone(),
            api_versions: self.api_versions.clone(),
        })
    }

    /// Warns of each image that a moved tag would change, or fails for them.
    fn check_pins(&self, plan: &Plan, images: &[FoundImage], printer: &mut Printer) -> Done {
        let floating: Vec<&FoundImage> = images
            .iter()
            .filter(|image| !image.reference.is_pinned())
            .collect();
        if self.require_pinned && !floating.is_empty() {
            let list: String = floating
                .iter()
                .map(|image| format!("\n  {} in {}", image.reference, image.places.join("; ")))
                .collect();
            return Err(Failure::Operation(format!(
                "--require-pinned: {} not pinned by a digest:{list}",
                if floating.len() == 1 {
                    "one image is"
                } else {
                    "these images are"
                },
            )));
        }
        let tag = lookup(&plan.values, "osm.image.tag").and_then(Value::as_str);
        for image in floating {
            let is_component = COMPONENTS
                .iter()
                .any(|c| c.name == image.reference.file_name());
            let origin = match image.reference.tag() {
                Some(own) if is_component && tag == Some(own) => {
                    format!(" (tag: {})", plan.origins.of("osm.image.tag"))
                }
                _ => String::new(),
            };
            printer.warning(&format!(
                "{} is not pinned: who can move the tag decides what runs{origin}",
                image.reference
            ));
        }
        Ok(())
    }

    fn print(&self, plan: &Plan, rendered: &Rendered, printer: &mut Printer) -> Done {
        let crds = plan
            .chart
            .files
            .iter()
            .filter(|(name, _)| name.starts_with("crds/"))
            .count();
        if crds > 0 {
            printer.note(&format!(
                "the chart has {crds} files under crds/, which are not printed; apply them first"
            ));
        }
        let hooks = rendered.objects.iter().filter(|o| o.is_hook()).count();
        if hooks > 0 && !self.no_hooks {
            printer.note(&format!(
                "{hooks} of the objects are hooks, for an installer to run at their time; \
                 --no-hooks leaves them out (before kubectl apply, do)"
            ));
        }
        // The chart's own value for it is stronger than the release's namespace.
        let name = lookup(&plan.values, "osm.osmNamespace").and_then(Value::as_str);
        let name = name
            .filter(|n| !n.is_empty())
            .unwrap_or(&plan.target.namespace);
        let namespace = namespace_object(name);
        let has_namespace = |o: &Object| o.kind() == "Namespace" && o.name() == name;
        let created = (!rendered.objects.iter().any(has_namespace)).then_some((&namespace, None));
        let kept = rendered
            .objects
            .iter()
            .filter(|o| !(self.no_hooks && o.is_hook()));
        let all = created
            .into_iter()
            .chain(kept.map(|o| (&o.value, Some(o.source.as_str()))));
        match self.output {
            Output::Yaml => {
                for (value, source) in all {
                    printer.data("---\n")?;
                    if let Some(source) = source {
                        printer.data(&format!("# Source: {source}\n"))?;
                    }
                    printer.data(&yaml::to_yaml(value))?;
                }
            }
            Output::Json => {
                let items: Vec<&Value> = all.map(|(value, _)| value).collect();
                let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
                printer.data(&json::pretty(&list))?;
                printer.data("\n")?;
            }
        }
        Ok(())
    }
}

fn not_yet(what: &str) -> Failure {
    Failure::Operation(format!(
        "{what} is not possible yet; print the objects with --dry-run=client and apply them: \
         osm install --dry-run=client --no-hooks | kubectl apply -f -"
    ))
}

fn mesh_name(text: &str) -> Result<String, String> {
    check_release_name(text).map(|()| text.to_owned())
}

/// The namespace that the chart's objects go to; the chart itself does not hold it.
fn namespace_object(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}
