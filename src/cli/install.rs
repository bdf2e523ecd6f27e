//! `osm install`: render the control plane, and install it or print it.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::exit::{Done, Failure};
#[cfg(feature = "cluster")]
use super::hints::{after_install, describe, explain};
#[cfg(feature = "cluster")]
use super::in_cluster::{
    WaitArgs, images_of, interrupted, origin, release, render, unless_interrupted,
};
use super::output::Printer;
use super::pinned::check_pins;
use super::value_args::{ImageArgs, ValueArgs};
use super::{Global, mesh_name};
#[cfg(feature = "cluster")]
use crate::ops::{self, InstallOptions};
use crate::plan::{Plan, Rendered, Request, namespace_object};
use helm_chart::Object;
use helm_chart::{json, yaml};
#[cfg(feature = "cluster")]
use helm_release::rollout::RolloutOptions;

/// Install the mesh's control plane
///
/// With --dry-run its objects are printed and no cluster is needed. Otherwise the cluster is checked
/// first, then the chart's hooks and objects are applied, and the command waits until everything runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm install                                        into the cluster of the current context
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
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    waiting: WaitArgs,
    /// Take back what was made if it fails.
    #[cfg(feature = "cluster")]
    #[arg(long)]
    atomic: bool,
    /// Leave out the chart's hooks.
    #[arg(long)]
    no_hooks: bool,
    /// Leave out what the chart has under crds/.
    #[arg(long)]
    skip_crds: bool,
    /// Fail if an image is left that is not pinned by a digest.
    #[arg(long)]
    require_pinned: bool,
    /// The version of Kubernetes to render for [default: the cluster's, or a recent one].
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
        let rendered = match plan.render() {
            Err(error) if self.dry_run != DryRun::Client && plan.is_open(&error) => None,
            rendered => Some(rendered?),
        };
        if let Some(rendered) = &rendered {
            check_pins(self.require_pinned, &plan, &rendered.images, printer)?;
        }
        match (self.dry_run, rendered) {
            (DryRun::Client, Some(rendered)) => {
                self.print(&plan, &rendered, printer)?;
                // The process ends here: giving back every value one by one is work for nobody.
                std::mem::forget((plan, rendered));
                Ok(())
            }
            (_, rendered) => self.in_cluster(plan, rendered.as_ref(), global, printer),
        }
    }

    /// This binary was built without the feature `cluster`.
    #[cfg(not(feature = "cluster"))]
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)] // Declared as its counterpart.
    fn in_cluster(&self, _: Plan, _: Option<&Rendered>, _: &Global, _: &mut Printer) -> Done {
        let what = match self.dry_run {
            DryRun::Server => "a dry run on a cluster",
            _ => "installing into a cluster",
        };
        Err(Failure::Operation(format!(
            "{what} is not possible: this osm was built without the feature `cluster`; print the \
             objects and apply them: osm install --dry-run=client --no-hooks | kubectl apply -f -"
        )))
    }

    /// Renders for the version that the cluster has, and installs that.
    #[cfg(feature = "cluster")]
    fn in_cluster(
        &self,
        mut plan: Plan,
        judged: Option<&Rendered>,
        global: &Global,
        printer: &mut Printer,
    ) -> Done {
        let namespace = plan.mesh_text("osmNamespace");
        if !namespace.is_empty() && namespace != plan.target.namespace {
            return Err(Failure::Input(format!(
                "the values have the mesh in namespace {namespace}, the release goes to {}: \
                 give the namespace with --osm-namespace, which is for both",
                plan.target.namespace
            )));
        }
        let crds = match self.skip_crds {
            true => Vec::new(),
            false => plan.crds()?,
        };
        let defaults = plan.defaults();
        let options = InstallOptions {
            rollout: RolloutOptions {
                timeout: self.waiting.timeout,
                wait: self.waiting.wait,
                hooks: !self.no_hooks,
            },
            atomic: self.atomic,
            enforces_single: plan.mesh_value("enforceSingleMesh") == Some(&Value::Bool(true)),
            ca_bundle_secret: plan.mesh_text("caBundleSecretName"),
        };
        let is_dry = self.dry_run == DryRun::Server;
        let answers = ops::block_on(async {
            let client = global.access.client().connect().await?;
            // A dry run cannot bring what has to be there first.
            let crds = if is_dry { &[] } else { crds.as_slice() };
            let rendered = render(&mut plan, &client, self.kube_version.as_deref(), crds).await?;
            // A chart may use other images for another version of Kubernetes.
            if judged.is_none_or(|judged| rendered.images != judged.images) {
                check_pins(self.require_pinned, &plan, &rendered.images, printer)?;
            }
            let images = images_of(&plan);
            let origin = |reference: &str| origin(&plan, &images, reference);
            let release = release(&plan, &defaults, &rendered, crds);
            let say = |event: ops::Event<'_>| Printer::progress(&describe(&event, &origin));
            let failed = |error| Failure::Operation(explain(&error, &origin));
            if is_dry {
                let answers = ops::dry_run(&client, release, &options, &say).await;
                return answers.map_err(failed);
            }
            let installing = ops::install(&client, release, &options, &say);
            let Some(done) = unless_interrupted(Box::pin(installing)).await else {
                let mut next = after_install(release.name, release.namespace);
                if self.atomic {
                    next = format!("The installation was not rolled back (--atomic). {next}");
                }
                return Err(interrupted(&client, &next));
            };
            done.map_err(failed)?;
            Ok(Vec::new())
        })??;
        if is_dry {
            return self.emit(&mut answers.iter().map(|object| (object, None)), printer);
        }
        let (name, namespace) = (&plan.target.release, &plan.target.namespace);
        printer.data(&format!(
            "OSM installed successfully in namespace [{namespace}] with mesh name [{name}]\n"
        ))?;
        Ok(())
    }

    fn request(&self, global: &Global) -> Result<Request, Failure> {
        Ok(Request {
            namespace: global.osm_namespace.clone(),
            mesh_name: self.mesh_name.clone(),
            enforce_single_mesh: self.enforce_single_mesh,
            chart: self.osm_chart_path.clone(),
            release: self.images.release.clone(),
            reused: None,
            values: self.values.0.clone(),
            overrides: self.images.overrides().map_err(Failure::Input)?,
            kube_version: self.kube_version.clone(),
            api_versions: self.api_versions.clone(),
        })
    }

    fn print(&self, plan: &Plan, rendered: &Rendered, printer: &mut Printer) -> Done {
        let crds = plan.crds()?.len();
        if crds > 0 && !self.skip_crds {
            printer.note(&format!(
                "the chart has {crds} objects under crds/, which are not printed; apply them first"
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
        let named = plan.mesh_text("osmNamespace");
        let name = match named.is_empty() {
            true => &plan.target.namespace,
            false => &named,
        };
        let namespace = namespace_object(name);
        let has_namespace = |o: &Object| o.kind() == "Namespace" && o.name() == name.as_str();
        let created = (!rendered.objects.iter().any(has_namespace)).then_some((&namespace, None));
        let kept = rendered
            .objects
            .iter()
            .filter(|o| !(self.no_hooks && o.is_hook()));
        let kept = kept.map(|o| (&o.value, Some(o.source.as_str())));
        self.emit(&mut created.into_iter().chain(kept), printer)
    }

    /// Prints objects, each with the template it comes from if that is known.
    fn emit<'v>(
        &self,
        objects: &mut dyn Iterator<Item = (&'v Value, Option<&'v str>)>,
        printer: &mut Printer,
    ) -> Done {
        match self.output {
            Output::Yaml => {
                for (value, source) in objects {
                    printer.data("---\n")?;
                    if let Some(source) = source {
                        printer.data(&format!("# Source: {source}\n"))?;
                    }
                    printer.data(&yaml::to_yaml(value))?;
                }
            }
            Output::Json => {
                let items: Vec<&Value> = objects.map(|(value, _)| value).collect();
                let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
                printer.data(&json::pretty(&list))?;
                printer.data("\n")?;
            }
        }
        Ok(())
    }
}
