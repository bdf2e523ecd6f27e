//! `osm mesh upgrade`: upgrades a mesh to a release that this binary installs.

use std::path::PathBuf;

use super::events::describe;
use super::exit::{Done, Failure};
use super::flag_names::overridden_digest;
use super::hints::after_upgrade;
use super::image_messages::{ImageOrigins, check_pins};
use super::install::shown_notes;
use super::live::{interrupted, unless_interrupted};
use super::mesh_config_messages::report_kept;
use super::output::Printer;
use super::registry_args::VerifyArgs;
use super::settings::{MESH_NAME, Settings};
use super::value_args::{ImageArgs, ValueArgs};
use super::wait_args::WaitArgs;
use super::{Global, mesh_name};
use crate::mesh::names::DEFAULT_MESH_NAME;
use crate::mesh::{Plan, Request, ValueSource};
use crate::ops::{self, ImageChange, MeshId, mesh_history, mesh_name as name_of};
use helm_release::client::Client;
use helm_release::release::{Owner, Record};
use helm_release::rollout::RolloutOptions;

/// Upgrade the control plane of a mesh to the compiled-in release
///
/// Prints the images that change before it starts. Values of the last revision are reset unless --reuse-values is given;
/// images that no value sets follow the pins of this binary.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm mesh upgrade
  osm mesh upgrade --reuse-values --dry-run
  osm mesh upgrade --release v1.2.3")]
pub(super) struct Upgrade {
    /// Name of the mesh
    #[arg(long, value_name = "NAME", default_value = DEFAULT_MESH_NAME, value_parser = mesh_name)]
    mesh_name: String,
    /// Folder or .tgz file of a chart to use instead of the compiled-in one
    #[arg(long, value_name = "PATH")]
    osm_chart_path: Option<PathBuf>,
    /// Do not run the hooks of the chart
    #[arg(long)]
    no_hooks: bool,
    #[command(flatten)]
    images: ImageArgs,
    /// Fail if any image is not pinned by a digest
    #[arg(long, help_heading = "Images")]
    require_pinned: bool,
    #[command(flatten)]
    values: ValueArgs,
    /// Keep the values of the last revision; values given now override them
    #[arg(long, help_heading = "Values")]
    reuse_values: bool,
    /// Print the images that would change, and change nothing
    #[arg(long, help_heading = "Output")]
    dry_run: bool,
    /// Let a dry run call template functions whose result differs on each call, such as randAlphaNum
    #[arg(long, help_heading = "Output")]
    allow_random: bool,
    #[command(flatten)]
    verify: VerifyArgs,
    #[command(flatten)]
    waiting: WaitArgs,
}

impl Upgrade {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        Settings::current()
            .refuse_managed("osm mesh upgrade")
            .map_err(Failure::Input)?;
        self.verify.is_asked()?;
        let values = self.values.0.iter().cloned().map(ValueSource::read);
        let values: Vec<ValueSource> = values.collect::<Result<_, _>>()?;
        // Reports wrong input without a cluster, except what depends on the values of the last revision.
        let checked = self.plan(global, &values, None)?;
        // The values of the last revision may change the result.
        if !self.reuse_values {
            ops::render_offline(&checked)?;
        }
        let owner = Owner {
            name: &self.mesh_name,
            namespace: &global.osm_namespace,
        };
        let revision = ops::block_on(async {
            let client = global.cluster().connect().await?;
            let records = mesh_history(&client, owner).await?;
            let Some(last) = records.last() else {
                return Err(ops::no_such_mesh(&client, owner).await?.into());
            };
            let mut plan = self.plan(global, &values, Some(last))?;
            let rendered = ops::render_upgrade(&mut plan, &client, last).await?;
            if let Some(overridden) = plan.overridden_digest() {
                printer.warning(&overridden_digest(&overridden));
            }
            check_pins(self.require_pinned, &plan, &rendered.images, printer)?;
            match ops::kept_mesh_config(&client, &records, &plan, &rendered).await {
                Ok(Some(kept)) => report_kept(self.require_pinned, &kept, printer)?,
                Ok(None) => {}
                // This user may upgrade the mesh, but not read its settings.
                Err(error) if error.is_forbidden() && !self.require_pinned => {
                    printer.warning(&error.to_string());
                }
                Err(error) => return Err(error.into()),
            }
            self.verify.check(&plan, &rendered.images, global).await?;
            let image_changes = ops::image_changes(last, &rendered)?;
            let changes = describe_changes(&image_changes);
            if self.dry_run {
                printer.data(&changes)?;
                return Ok::<_, Failure>(None);
            }
            Printer::progress(changes.trim_end());
            let defaults = plan.defaults();
            let origins = ImageOrigins::new(&plan);
            let origin = |reference: &str| origins.explain(reference);
            let release = ops::release(&plan, &defaults, &rendered, &[]);
            let options = RolloutOptions {
                timeout: self.waiting.timeout,
                wait: self.waiting.wait,
                hooks: !self.no_hooks,
            };
            let say = |event: ops::Event<'_>| Printer::progress(&describe(&event, &origin));
            let upgrading = ops::upgrade(&client, &records, release, options, &say);
            let Some(done) = unless_interrupted(Box::pin(upgrading)).await else {
                let release = MeshId {
                    name: last.name().to_owned(),
                    namespace: last.namespace().to_owned(),
                };
                let next = after_upgrade(&release, Some(last.revision()));
                return Err(interrupted(&client, &next));
            };
            done.map_err(|error| Failure::of_operation(&error, &origin))?;
            if image_changes.iter().any(ImageChange::is_of_sidecar) {
                note_old_sidecars(&client, name_of(last), printer).await;
            }
            Ok(Some((plan.chart.metadata.app_version, rendered.notes)))
        })??;
        if let Some((version, notes)) = revision {
            let (name, namespace) = (&self.mesh_name, &global.osm_namespace);
            printer.data(&format!(
                "OSM upgraded successfully to {version} in namespace [{namespace}] with mesh name [{name}]\n{}",
                shown_notes(&notes)
            ))?;
        }
        Ok(())
    }

    fn plan(
        &self,
        global: &Global,
        values: &[ValueSource],
        last: Option<&Record>,
    ) -> Result<Plan, Failure> {
        // The flag may name the release. The record has the name of the mesh.
        let name = last.map_or(self.mesh_name.as_str(), name_of);
        let set_name = (name != DEFAULT_MESH_NAME).then(|| name.to_owned());
        let reused = last.filter(|_| self.reuse_values).map(Record::config);
        Ok(Plan::new(&Request {
            namespace: global.osm_namespace.clone(),
            mesh_name: Settings::current().given(&MESH_NAME, set_name),
            chart: self.osm_chart_path.clone(),
            release: self.images.release.clone(),
            reused,
            values: values.to_vec(),
            overrides: self.images.overrides().map_err(Failure::Input)?,
            allow_random: self.allow_random || !self.dry_run,
            ..Request::default()
        })?)
    }
}

/// Notes that Pods of the mesh keep their sidecars until they restart.
async fn note_old_sidecars(client: &Client, mesh: &str, printer: &mut Printer) {
    // The upgrade has succeeded, also if this user may not list namespaces.
    let joined = ops::namespaces(client, Some(mesh))
        .await
        .unwrap_or_default();
    if joined.is_empty() {
        return;
    }
    let names: Vec<&str> = joined.iter().map(|joined| joined.name.as_str()).collect();
    printer.note(&format!(
        "Pods in these namespaces keep their old sidecars until they restart: {}\nto restart them, run `kubectl rollout \
         restart deployment --namespace NAMESPACE`",
        names.join(", ")
    ));
}

/// Lists the images that the upgrade changes, with their old and new references.
fn describe_changes(changes: &[ImageChange]) -> String {
    if changes.is_empty() {
        return "no image changes\n".to_owned();
    }
    let reference = |image: &Option<String>| image.clone().unwrap_or_else(|| "none".to_owned());
    let lines = changes.iter().map(|change| {
        let (before, after) = (reference(&change.before), reference(&change.after));
        format!("{}:\n  - {before}\n  + {after}\n", change.place)
    });
    lines.collect()
}
