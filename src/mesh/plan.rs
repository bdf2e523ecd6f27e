//! The plan of an installation, made of a request: the chart, the merged values and the target, ready to render.

use serde_json::{Map, Value};

use super::chart;
use super::error::{PlanError, RefusedValue};
use super::images::{
    COMPONENTS, FoundImage, GivenBy, Origins, Overrides, Pins, ResolvedImage, Source, resolve, scan,
};
use super::layers::{add_assignments, add_files, add_settings, keeps_tag, settings_of};
use super::names::{DEFAULT_MESH_NAME, check_release_name};
use super::request::Request;
use super::values::{IMAGE_TAG, MeshValues, Root, ValuePath, switch_of_image};
use helm_chart::values::merge;
use helm_chart::{Chart, ChartError, KubeVersion, Lookups, Object, RenderedChart, Target};

/// An installation that can be rendered.
#[derive(Debug)]
pub struct Plan {
    /// The chart.
    pub chart: Chart,
    /// The values over the defaults of the chart: the compiled-in pins, and `user` over them.
    pub values: Map<String, Value>,
    /// The values of the user: files, assignments and options.
    pub user: Map<String, Value>,
    /// The origin of each value.
    pub origins: Origins,
    /// The compiled-in pins; `None` for another chart than the compiled-in one.
    pub pins: Option<Pins>,
    /// The release and the cluster to render for.
    pub target: Target,
}

/// A digest of the user that has no effect, because a tag overrides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverriddenDigest {
    /// The path of the digest.
    pub path: String,
    /// What set it.
    pub set_by: Source,
    /// The tag.
    pub tag: String,
    /// What set the tag.
    pub tag_set_by: Source,
}

/// The result of rendering a plan.
#[derive(Debug)]
pub struct Rendered {
    /// The objects: those of the release, then the hooks.
    pub objects: Vec<Object>,
    /// The images in the objects.
    pub images: Vec<FoundImage>,
    /// The notes of the chart, which are empty if it has none.
    pub notes: String,
}

impl Plan {
    /// Reads what the request names and merges values: compiled-in pins, options of the environment, files, assignments,
    /// options of the command line.
    ///
    /// # Errors
    /// Any wrong input of the request.
    pub fn new(request: &Request) -> Result<Plan, PlanError> {
        let plan = Plan::for_any_release(request)?;
        if let Some(Pins::Release(release)) = plan.pins {
            let minor = |version: &str| {
                let version = version.strip_prefix('v').unwrap_or(version);
                version.split('.').take(2).collect::<Vec<_>>().join(".")
            };
            let (wanted, chart) = (minor(release.name), minor(&plan.chart.metadata.version));
            if wanted != chart {
                return Err(PlanError::OtherMinorVersion {
                    release: release.name,
                    minor: chart,
                });
            }
        }
        Ok(plan)
    }

    /// Like [`Plan::new`], but also for releases that the compiled-in chart cannot install.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn for_any_release(request: &Request) -> Result<Plan, PlanError> {
        let (mut chart, pins) = choose(request)?;
        let (mut values, mut user) = (Map::new(), Map::new());
        let mut origins = Origins::default();
        if let Some(pins) = &pins {
            pins.app_version()
                .clone_into(&mut chart.metadata.app_version);
            values = pins.to_values();
            origins.push(Source::CompiledIn(pins.name()), values.clone());
        }
        if let Some(reused) = &request.reused {
            merge(&mut user, reused.clone());
            origins.push(Source::LastRevision, reused.clone());
        }
        let (ambient, given): (Vec<_>, Vec<_>) = settings_of(request, &chart)?
            .into_iter()
            .partition(|(setting, ..)| setting.given_by() == GivenBy::Environment);
        add_settings(ambient, &[], &mut user, &mut origins)?;
        add_files(request, &mut user, &mut origins)?;
        let assignments = add_assignments(request, &mut user, &mut origins)?;
        add_settings(given, &assignments, &mut user, &mut origins)?;
        merge(&mut values, user.clone());
        let root = Root::of_chart(&chart);
        if !keeps_tag(&request.overrides, pins.as_ref(), root, &values, &origins)? {
            IMAGE_TAG.set(root, &mut values, "");
            IMAGE_TAG.set(root, &mut user, "");
        }
        if let Some(pins) = &pins {
            refuse_foreign_components(&request.overrides, pins)?;
        }
        let release = release_name(request, &chart, &values)?;
        let kube_version = request
            .kube_version
            .as_deref()
            .unwrap_or(helm_chart::DEFAULT_KUBE_VERSION);
        let target = Target {
            release,
            namespace: request.namespace.clone(),
            revision: 1,
            is_upgrade: false,
            kube_version: KubeVersion::parse(kube_version).map_err(PlanError::KubeVersion)?,
            api_versions: request.api_versions.clone(),
            served: None,
            skip_schema_validation: false,
            // The build has checked the pins of every release.
            valid_values: pins.map(Pins::to_values),
            lookups: Lookups::default(),
            allow_random: request.allow_random,
        };
        Ok(Plan {
            chart,
            values,
            user,
            origins,
            pins,
            target,
        })
    }

    /// Returns the default values of the chart with the compiled-in pins, as in a chart packaged for the release.
    pub fn defaults(&self) -> Map<String, Value> {
        let mut defaults = self.chart.values.clone();
        if let Some(pins) = &self.pins {
            merge(&mut defaults, pins.to_values());
        }
        defaults
    }

    /// Returns the values of the mesh: those of the plan over the defaults of the chart.
    pub fn mesh_values(&self) -> MeshValues<'_> {
        MeshValues::new(&self.chart, &self.values)
    }

    /// Checks that the values put the control plane into the namespace of the release.
    ///
    /// # Errors
    /// They name another one.
    pub fn check_namespace(&self) -> Result<(), PlanError> {
        let (values, release) = (self.mesh_values().osm_namespace(), &self.target.namespace);
        match values.is_empty() || values == *release {
            true => Ok(()),
            false => Err(PlanError::OtherNamespace {
                values,
                release: release.clone(),
            }),
        }
    }

    /// Returns a digest that the user set and that a tag overrides.
    pub fn overridden_digest(&self) -> Option<OverriddenDigest> {
        let root = self.mesh_values().root();
        let tag = IMAGE_TAG.text(root, &self.values);
        let path = COMPONENTS
            .iter()
            .map(|component| ValuePath::image_digest(component.key).under(root))
            .find(|path| self.origins.is_overridden(path))?;
        (!tag.is_empty()).then(|| OverriddenDigest {
            set_by: self.origins.source(&path),
            path,
            tag_set_by: self.origins.source(IMAGE_TAG.under(root)),
            tag,
        })
    }

    /// Renders the chart and finds the images in its objects.
    ///
    /// # Errors
    /// Values that the chart refuses, errors in templates, and invalid image references.
    pub fn render(&self) -> Result<Rendered, PlanError> {
        self.render_for(&self.target)
    }

    /// Renders the chart for another target.
    ///
    /// # Errors
    /// As [`Plan::render`].
    pub fn render_for(&self, target: &Target) -> Result<Rendered, PlanError> {
        let RenderedChart { objects, notes } = self
            .chart
            .render_release(&self.values, target)
            .map_err(|error| self.explain(error))?;
        let images = scan(&objects, self.pins.is_some())?;
        Ok(Rendered {
            objects,
            images,
            notes,
        })
    }

    /// Returns the CRDs under `crds/` of the chart.
    ///
    /// # Errors
    /// A file contains something else than Kubernetes objects.
    pub fn crds(&self) -> Result<Vec<Object>, PlanError> {
        Ok(self.chart.crds(&self.values)?)
    }

    /// Returns whether an error of [`Plan::render`] without a cluster may disappear with one: because of its version, or
    /// because templates of another chart use its API versions or objects.
    pub fn may_succeed_in_cluster(&self, error: &PlanError) -> bool {
        let may_ask =
            self.pins.is_none() && matches!(error, PlanError::Chart(_) | PlanError::Image(_));
        matches!(error, PlanError::Chart(ChartError::KubeVersion { .. }))
            || (may_ask && self.target.lookups.has_missed())
    }

    /// Returns the image of each component, as the values set it; none for another chart than the compiled-in one.
    ///
    /// # Errors
    /// Values that the chart refuses, and components without an image.
    pub fn images(&self) -> Result<Vec<ResolvedImage>, PlanError> {
        let Some(pins) = self.pins else {
            return Ok(Vec::new());
        };
        let values = self
            .chart
            .effective_values(&self.values, &self.target)
            .map_err(|error| self.explain(error))?;
        Ok(resolve(&pins, &values, &self.origins)?)
    }

    /// Returns the value that enables a third-party image; see [`switch_of_image`].
    pub fn switch_of_image(&self, name: &str) -> Option<ValuePath> {
        let values = self.chart.effective_values(&self.values, &self.target);
        switch_of_image(name, &values.ok()?)
    }

    /// Adds its origin to each refused value.
    fn explain(&self, error: ChartError) -> PlanError {
        let ChartError::Values(violations) = error else {
            return PlanError::Chart(error);
        };
        let refused = violations.into_iter().map(|violation| RefusedValue {
            place: match violation.path.is_empty() {
                true => None,
                false => self.origins.place(&violation.pointer()),
            },
            path: violation.dotted_path(),
            message: violation.message,
        });
        PlanError::Values(refused.collect())
    }
}

/// Returns the name of the release, which is the name of the mesh.
fn release_name(
    request: &Request,
    chart: &Chart,
    values: &Map<String, Value>,
) -> Result<String, PlanError> {
    let name = MeshValues::new(chart, values)
        .mesh_name()
        .filter(|name| !name.is_empty())
        .or_else(|| Some(request.mesh_name.as_ref()?.value.clone()))
        .unwrap_or_else(|| DEFAULT_MESH_NAME.to_owned());
    match check_release_name(&name) {
        Ok(()) => Ok(name),
        Err(reason) => Err(PlanError::MeshName { name, reason }),
    }
}

/// Refuses a digest for a component that the release does not have.
fn refuse_foreign_components(overrides: &Overrides, pins: &Pins) -> Result<(), PlanError> {
    let components = pins.components();
    let foreign = overrides
        .digests
        .keys()
        .find(|key| !components.iter().any(|(_, known)| known == *key));
    match foreign {
        Some(key) => Err(PlanError::NoSuchComponent {
            release: pins.name(),
            key: key.clone(),
        }),
        None => Ok(()),
    }
}

fn choose(request: &Request) -> Result<(Chart, Option<Pins>), PlanError> {
    match (&request.chart, &request.release) {
        (Some(_), Some(_)) => Err(PlanError::ReleaseOfOtherChart),
        (Some(path), None) => Ok((Chart::load(path)?, None)),
        (None, release) => {
            let pins = match release {
                Some(name) => Pins::of_release(name)?,
                None => Pins::default_channel(),
            };
            Ok((chart::chart()?, Some(pins)))
        }
    }
}
