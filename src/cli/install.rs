//! `osm install`: renders the control plane and installs or prints it.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};

#[cfg(feature = "cluster")]
use super::events::describe;
use super::exit::{Done, Failure};
use super::flag_names::overridden_digest;
#[cfg(feature = "cluster")]
use super::hints::after_install;
#[cfg(feature = "cluster")]
use super::image_messages::ImageOrigins;
use super::image_messages::check_pins;
#[cfg(feature = "cluster")]
use super::live::{interrupted, unless_interrupted};
use super::output::Printer;
#[cfg(feature = "cluster")]
use super::registry_args::VerifyArgs;
use super::settings::{MESH_NAME, Settings};
use super::value_args::{ImageArgs, ValueArgs};
#[cfg(feature = "cluster")]
use super::wait_args::WaitArgs;
use super::{Global, mesh_name};
use crate::mesh::names::{DEFAULT_NAMESPACE, namespace_object};
use crate::mesh::{Plan, Rendered, Request};
use crate::ops::render_offline;
#[cfg(feature = "cluster")]
use crate::ops::{self, InstallOptions};
use helm_chart::Object;
use helm_chart::{json, yaml};
#[cfg(feature = "cluster")]
use helm_release::rollout::RolloutOptions;

/// Install the control plane of a mesh
///
/// Checks the cluster first, then runs the hooks of the chart, applies its objects, and waits until every Pod is ready.
/// Every image is pinned by a digest that is compiled into this binary, unless a flag or a value overrides it.
///
/// With --dry-run the objects are printed instead, and no cluster is needed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm install                                        # into the cluster of the current context
  osm install --dry-run                              # print the objects as YAML
  osm install --dry-run --no-hooks | kubectl apply -f -
  osm install --dry-run --image-registry registry.example.com/mesh -o json")]
pub(super) struct Install {
    /// Name of the mesh
    #[arg(long, value_name = "NAME", value_parser = mesh_name)]
    mesh_name: Option<String>,
    /// Refuse to share the cluster with other meshes [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enforce_single_mesh: Option<bool>,
    /// Folder or .tgz file of a chart to use instead of the compiled-in one
    #[arg(long, value_name = "PATH")]
    osm_chart_path: Option<PathBuf>,
    /// Do not run, or print, the hooks of the chart
    #[arg(long)]
    no_hooks: bool,
    /// Do not create the CRDs under crds/ of the chart
    #[arg(long)]
    skip_crds: bool,
    #[command(flatten)]
    images: ImageArgs,
    /// Fail if any image is not pinned by a digest
    #[arg(long, help_heading = "Images")]
    require_pinned: bool,
    #[command(flatten)]
    values: ValueArgs,
    /// Print the objects instead of installing them
    #[arg(
        long,
        value_name = "WHERE",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_value = "none",
        default_missing_value = "client",
        help_heading = "Output"
    )]
    dry_run: DryRun,
    /// Output format of a dry run
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "yaml",
        help_heading = "Output"
    )]
    output: Output,
    /// Let a dry run call template functions whose result differs on each call, such as randAlphaNum
    #[arg(long, help_heading = "Output")]
    allow_random: bool,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    verify: VerifyArgs,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    waiting: WaitArgs,
    /// Roll back if the installation fails
    #[cfg(feature = "cluster")]
    #[arg(long, help_heading = "Cluster")]
    atomic: bool,
    /// Kubernetes version to render for [default: the version of the cluster, or v1.37.0 without one]
    #[arg(long, value_name = "VERSION", help_heading = "Cluster")]
    kube_version: Option<String>,
    /// Additional API versions for .Capabilities.APIVersions (repeatable)
    #[arg(
        long,
        value_name = "API,…",
        value_delimiter = ',',
        help_heading = "Cluster"
    )]
    api_versions: Vec<String>,
}

/// Whether, and where, the command is a dry run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DryRun {
    /// Install
    None,
    /// Render locally, without a cluster
    Client,
    /// Let the API server check every object without storing it
    Server,
}

/// Returns the notes of a chart as helm shows them after an installation.
#[cfg(feature = "cluster")]
pub(super) fn shown_notes(notes: &str) -> String {
    match notes {
        "" => String::new(),
        notes => format!("NOTES:\n{}\n", notes.trim()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A stream of YAML documents
    Yaml,
    /// One v1 List
    Json,
}

impl Install {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        Settings::current()
            .refuse_managed("osm install")
            .map_err(Failure::Input)?;
        #[cfg(feature = "cluster")]
        let verifies = self.verify.is_asked()?;
        let plan = Plan::new(&self.request(global)?)?;
        // With the default namespace, a dry run without a cluster prints the objects in the namespace of the values.
        if self.dry_run != DryRun::Client || global.osm_namespace != DEFAULT_NAMESPACE {
            plan.check_namespace()?;
        }
        if let Some(overridden) = plan.overridden_digest() {
            printer.warning(&overridden_digest(&overridden));
        }
        let rendered = match self.dry_run {
            DryRun::Client => Some(plan.render()?),
            _ => render_offline(&plan)?,
        };
        if let Some(rendered) = &rendered {
            check_pins(self.require_pinned, &plan, &rendered.images, printer)?;
            #[cfg(feature = "cluster")]
            if verifies {
                ops::block_on(self.verify.check(&plan, &rendered.images, global))??;
            }
        }
        match (self.dry_run, rendered) {
            (DryRun::Client, Some(rendered)) => {
                self.print(&plan, &rendered, printer)?;
                // The process ends here: freeing every value one by one would be of no use.
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
            "{what} is not possible: this osm was built without the feature `cluster`. Print and apply the \
             objects instead: osm install --dry-run=client --no-hooks | kubectl apply -f -"
        )))
    }

    /// Renders for the version of the cluster, and installs the objects.
    #[cfg(feature = "cluster")]
    fn in_cluster(
        &self,
        mut plan: Plan,
        judged: Option<&Rendered>,
        global: &Global,
        printer: &mut Printer,
    ) -> Done {
        let rollout = RolloutOptions {
            timeout: self.waiting.timeout,
            wait: self.waiting.wait,
            hooks: !self.no_hooks,
        };
        let options = InstallOptions::new(&plan, rollout, self.atomic);
        let crds = match self.skip_crds {
            true => Vec::new(),
            false => plan.crds()?,
        };
        let defaults = plan.defaults();
        let is_dry = self.dry_run == DryRun::Server;
        let (answers, notes) = ops::block_on(async {
            let client = global.cluster().connect().await?;
            // A dry run creates no CRDs.
            let crds = if is_dry { &[] } else { crds.as_slice() };
            let version = self.kube_version.as_deref();
            let rendered = ops::render_for_cluster(&mut plan, &client, version, crds).await?;
            // A chart may use other images for another version of Kubernetes.
            if judged.is_none_or(|judged| rendered.images != judged.images) {
                check_pins(self.require_pinned, &plan, &rendered.images, printer)?;
                self.verify.check(&plan, &rendered.images, global).await?;
            }
            let origins = ImageOrigins::new(&plan);
            let origin = |reference: &str| origins.explain(reference);
            let release = ops::release(&plan, &defaults, &rendered, crds);
            let say = |event: ops::Event<'_>| Printer::progress(&describe(&event, &origin));
            let failed = |error| Failure::of_operation(&error, &origin);
            if is_dry {
                let answers = ops::dry_run(&client, release, &options, &say).await;
                return Ok((answers.map_err(failed)?, String::new()));
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
            Ok((Vec::new(), rendered.notes))
        })??;
        if is_dry {
            return self.emit(&mut answers.iter().map(|object| (object, None)), printer);
        }
        let (name, namespace) = (&plan.target.release, &plan.target.namespace);
        printer.data(&format!(
            "OSM installed successfully in namespace [{namespace}] with mesh name [{name}]\n{}",
            shown_notes(&notes)
        ))?;
        Ok(())
    }

    fn request(&self, global: &Global) -> Result<Request, Failure> {
        Ok(Request {
            namespace: global.osm_namespace.clone(),
            mesh_name: Settings::current().given(&MESH_NAME, self.mesh_name.clone()),
            enforce_single_mesh: self.enforce_single_mesh,
            chart: self.osm_chart_path.clone(),
            release: self.images.release.clone(),
            reused: None,
            values: self.values.0.clone(),
            overrides: self.images.overrides().map_err(Failure::Input)?,
            kube_version: self.kube_version.clone(),
            api_versions: self.api_versions.clone(),
            allow_random: self.allow_random || self.dry_run == DryRun::None,
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
                "{hooks} of the objects are hooks, which kubectl would apply at once; \
                 omit them with --no-hooks before kubectl apply"
            ));
        }
        // The chart's own value for it is stronger than the release's namespace.
        let named = plan.mesh_values().osm_namespace();
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

    /// Prints objects, each with its template if it has one.
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
