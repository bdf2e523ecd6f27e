//! The plan of an installation: from flags, values files and pins to chart, values and target.

mod layers;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::images::{
    BadImage, COMPONENTS, FoundImage, Origins, Overrides, Pins, ResolvedImage, UnknownRelease,
    resolve, scan,
};
use helm_chart::set::Mode;
use helm_chart::values::{insert, lookup, merge};
use helm_chart::{Chart, ChartError, KubeVersion, Lookups, Object, Target, Violation};
use layers::{TAG, add_files, add_flags, add_sets, keeps_tag, text, values_root};

/// The default name of a mesh.
pub const DEFAULT_MESH_NAME: &str = "osm";
/// The default namespace of the control plane.
pub const DEFAULT_NAMESPACE: &str = "osm-system";

/// A source of values on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueSource {
    /// `-f`: a path, or `-` for standard input.
    File(PathBuf),
    /// The content of `-f -`.
    Text(String),
    /// `--set` and similar flags: the flag, how its value is parsed, and the value.
    Set(&'static str, Mode, String),
}

impl ValueSource {
    /// Reads standard input, if this is the source, so that several plans can use it.
    ///
    /// # Errors
    /// Standard input cannot be read.
    pub fn read(self) -> Result<ValueSource, PlanError> {
        match self {
            ValueSource::File(path) if path == Path::new("-") => {
                Ok(ValueSource::Text(layers::read_values(&path)?))
            }
            other => Ok(other),
        }
    }
}

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Namespace of the control plane.
    pub namespace: String,
    /// `--mesh-name`
    pub mesh_name: Option<String>,
    /// `--enforce-single-mesh`
    pub enforce_single_mesh: Option<bool>,
    /// `--osm-chart-path`: another chart than the compiled-in one.
    pub chart: Option<PathBuf>,
    /// `--release`: another release than the compiled-in default.
    pub release: Option<String>,
    /// The values of the last revision, which all others override (`--reuse-values`).
    pub reused: Option<Map<String, Value>>,
    /// Values in the order of the command line.
    pub values: Vec<ValueSource>,
    /// The image flags.
    pub overrides: Overrides,
    /// `--kube-version`
    pub kube_version: Option<String>,
    /// `--api-versions`
    pub api_versions: Vec<String>,
}

/// Why a request cannot be carried out. Every variant is wrong input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A flag is wrong, or two of them disagree.
    #[error("{0}")]
    Flag(String),
    /// The release is not compiled in.
    #[error("--release: {0}")]
    Release(#[from] UnknownRelease),
    /// The chart, a values file or a template is wrong.
    #[error("{0}")]
    Chart(#[from] ChartError),
    /// Values that the chart refuses, each with its origin.
    #[error("{}", .0.join("\n"))]
    Values(Vec<String>),
    /// A rendered object has an invalid image reference.
    #[error("{0}; osm does not install such an object")]
    Image(#[from] BadImage),
}

/// An installation that can be rendered.
#[derive(Debug)]
pub struct Plan {
    /// The chart.
    pub chart: Chart,
    /// The values over the defaults of the chart: the compiled-in pins, and `user` over them.
    pub values: Map<String, Value>,
    /// The values of the user: files, `--set` and flags.
    pub user: Map<String, Value>,
    /// The origin of each value.
    pub origins: Origins,
    /// The compiled-in pins; `None` for another chart than the compiled-in one.
    pub pins: Option<Pins>,
    /// The release and the cluster to render for.
    pub target: Target,
}

/// The result of rendering a plan.
#[derive(Debug)]
pub struct Rendered {
    /// The objects: those of the release, then the hooks.
    pub objects: Vec<Object>,
    /// The images in the objects.
    pub images: Vec<FoundImage>,
}

impl Plan {
    /// Reads what the request names and merges values: compiled-in pins, files, `--set`, flags.
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
                return Err(PlanError::Flag(format!(
                    "release {}: the compiled-in chart installs releases v{chart}.x; \
                     use the osm of that release, or its chart with --osm-chart-path",
                    release.name
                )));
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
            origins.push(format!("compiled-in {}", pins.name()), values.clone());
        }
        if let Some(reused) = &request.reused {
            merge(&mut user, reused.clone());
            origins.push("--reuse-values", reused.clone());
        }
        add_files(request, &mut user, &mut origins)?;
        let set = add_sets(request, &mut user, &mut origins)?;
        add_flags(request, &chart, &set, &mut user, &mut origins)?;
        merge(&mut values, user.clone());
        if !keeps_tag(&request.overrides, pins.as_ref(), &values, &origins)? {
            insert(&mut values, TAG, Value::from(""));
            insert(&mut user, TAG, Value::from(""));
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
            kube_version: KubeVersion::parse(kube_version)
                .map_err(|e| PlanError::Flag(format!("--kube-version: {e}")))?,
            api_versions: request.api_versions.clone(),
            served: None,
            // A test proves that the compiled-in values of every release are valid; what the user sets is not known.
            skip_schema_validation: pins.is_some() && user.is_empty(),
            lookups: Lookups::default(),
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

    /// Returns a value below the root of the mesh: the given one, or else the default of the chart.
    pub fn mesh_value(&self, key: &str) -> Option<&Value> {
        let path = format!("{}.{key}", values_root(&self.chart));
        lookup(&self.values, &path).or_else(|| lookup(&self.chart.values, &path))
    }

    /// Returns [`Plan::mesh_value`] as a string; empty if it is not set.
    pub fn mesh_text(&self, key: &str) -> String {
        self.mesh_value(key).map(text).unwrap_or_default()
    }

    /// Returns a warning if a tag overrides a digest that the user set.
    pub fn useless_digests(&self) -> Option<String> {
        let tag = lookup(&self.values, "osm.image.tag").map(text)?;
        let path = COMPONENTS
            .iter()
            .map(|component| format!("osm.image.digest.{}", component.key))
            .find(|path| self.origins.is_overridden(path))?;
        (!tag.is_empty()).then(|| {
            format!(
                "{path} ({}) has no effect: the tag {tag} ({}) overrides the digests of all components",
                self.origins.of(&path),
                self.origins.of("osm.image.tag")
            )
        })
    }

    /// Renders the chart and finds the images in its objects.
    ///
    /// # Errors
    /// Values that the chart refuses, errors in templates, and invalid image references.
    pub fn render(&self) -> Result<Rendered, PlanError> {
        let objects = self
            .chart
            .render(&self.values, &self.target)
            .map_err(|error| self.explain(error))?;
        let images = scan(&objects, self.pins.is_some())?;
        Ok(Rendered { objects, images })
    }

    /// Returns the CRDs under `crds/` of the chart.
    ///
    /// # Errors
    /// A file that holds no Kubernetes object.
    pub fn crds(&self) -> Result<Vec<Object>, PlanError> {
        Ok(self.chart.crds(&self.values)?)
    }

    /// Returns whether an error of [`Plan::render`] without a cluster may disappear with one: because of its version, or
    /// because templates of another chart use its API versions or objects.
    pub fn is_open(&self, error: &PlanError) -> bool {
        let may_ask =
            self.pins.is_none() && matches!(error, PlanError::Chart(_) | PlanError::Image(_));
        matches!(error, PlanError::Chart(ChartError::KubeVersion { .. }))
            || (may_ask && self.target.lookups.has_missed())
    }

    /// Returns the image of each component, as the values set it.
    ///
    /// # Errors
    /// Values that the chart refuses, and components without an image.
    pub fn images(&self) -> Result<Vec<ResolvedImage>, PlanError> {
        let pins = self.pins.unwrap_or_else(Pins::default_channel);
        let values = self
            .chart
            .effective_values(&self.values)
            .map_err(|error| self.explain(error))?;
        resolve(&pins, &values, &self.origins).map_err(PlanError::Flag)
    }

    /// Adds its origin to each refused value.
    fn explain(&self, error: ChartError) -> PlanError {
        let ChartError::Values(violations) = error else {
            return PlanError::Chart(error);
        };
        let lines = violations.iter().map(|Violation { path, message }| {
            let keys = path.join(".").replace(".[", "[");
            match (keys.is_empty(), self.origins.place(path)) {
                (true, _) => message.clone(),
                (false, Some(place)) => format!("{keys}: {message} (set by {place})"),
                (false, None) => format!("{keys}: {message}"),
            }
        });
        PlanError::Values(lines.collect())
    }
}

/// Returns the name of the release, which is the name of the mesh.
fn release_name(
    request: &Request,
    chart: &Chart,
    values: &Map<String, Value>,
) -> Result<String, PlanError> {
    let path = format!("{}.meshName", values_root(chart));
    let named = lookup(&chart.values, &path).and_then(|default| {
        let name = text(lookup(values, &path).unwrap_or(default));
        (!name.is_empty()).then_some(name)
    });
    let name = named
        .or_else(|| request.mesh_name.clone())
        .unwrap_or_else(|| DEFAULT_MESH_NAME.to_owned());
    check_release_name(&name)
        .map_err(|e| PlanError::Flag(format!("the mesh name {name:?}: {e}")))?;
    Ok(name)
}

/// Checks the name of a release as helm does: DNS labels (RFC 1123) separated by dots, at most 53 characters.
///
/// # Errors
/// A message that describes valid names.
pub fn check_release_name(name: &str) -> Result<(), String> {
    if name.len() <= 53 && is_subdomain(name) {
        return Ok(());
    }
    Err(
        "a name has at most 53 lower-case letters, digits, dashes and dots, \
         and starts and ends with a letter or digit"
            .to_owned(),
    )
}

/// Returns the Namespace object of a release, as helm creates it.
pub fn namespace_object(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"name": name}},
    })
}

/// Returns whether a name is a DNS subdomain (RFC 1123, section 2.1), as most names in Kubernetes are.
pub fn is_subdomain(name: &str) -> bool {
    name.split('.').all(|label| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

/// Refuses a digest for a component that the release does not have.
fn refuse_foreign_components(overrides: &Overrides, pins: &Pins) -> Result<(), PlanError> {
    let components = pins.components();
    let foreign = overrides
        .digests
        .keys()
        .find(|key| !components.iter().any(|(_, known)| known == *key));
    match foreign {
        Some(key) => {
            let release = pins.name();
            Err(PlanError::Flag(format!(
                "--image-digest: {release} has no component {key}"
            )))
        }
        None => Ok(()),
    }
}

fn choose(request: &Request) -> Result<(Chart, Option<Pins>), PlanError> {
    match (&request.chart, &request.release) {
        (Some(_), Some(_)) => Err(PlanError::Flag(
            "--release and --osm-chart-path cannot be used together: \
             another chart has its own images"
                .to_owned(),
        )),
        (Some(path), None) => Ok((Chart::load(path)?, None)),
        (None, release) => {
            let pins = match release {
                Some(name) => Pins::of_release(name)?,
                None => Pins::default_channel(),
            };
            Ok((crate::embedded::chart()?, Some(pins)))
        }
    }
}
