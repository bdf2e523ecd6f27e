//! The data that templates see: `.Chart`, `.Files`, `.Release`, `.Capabilities`, `.Values` and `.Subcharts`.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::api_versions;
use super::chart::{Chart, Dependency};
use super::target::Target;
use super::template::{Files, Value};

/// The version of Helm that templates see (`.Capabilities.HelmVersion`): the one that this crate agrees with.
const HELM_VERSION: &str = "v4.3";

/// Returns the dots of the templates of a chart and its subcharts, by the paths of the charts.
///
/// All templates of a chart share one dict, and its `.Values` are a part of the values of its parent: what one template
/// changes (`set .Values "key" 1`), the others see.
pub(super) fn collect(
    chart: &Chart,
    values: &Map<String, Json>,
    target: &Target,
) -> BTreeMap<String, Value> {
    let mut data = BTreeMap::new();
    chart_data(
        chart,
        Value::from(values),
        &Shared::new(target),
        "",
        &mut data,
    );
    data
}

/// Returns the path of a chart in the names of its templates: `web`, `web/charts/sub`.
pub(super) fn path_of(chart: &Chart, parent: &str) -> String {
    match parent.is_empty() {
        true => chart.metadata.name.clone(),
        false => format!("{parent}/charts/{}", chart.metadata.name),
    }
}

/// The data that all templates of a rendering share.
struct Shared {
    release: Value,
    capabilities: Value,
}

impl Shared {
    fn new(target: &Target) -> Shared {
        let entry = |key: &str, value: Value| (Rc::from(key), value);
        let release = Value::dict([
            entry("Name", Value::str(target.release.as_str())),
            entry("Namespace", Value::str(target.namespace.as_str())),
            entry("IsUpgrade", Value::Bool(target.is_upgrade)),
            entry("IsInstall", Value::Bool(!target.is_upgrade)),
            entry("Revision", Value::Int(target.revision)),
            entry("Service", Value::str("Helm")),
        ]);
        let own = match target.served {
            Some(_) => [].as_slice(),
            None => api_versions::BUILT_IN,
        };
        let asked = target.served.iter().flatten().chain(&target.api_versions);
        let versions = own
            .iter()
            .copied()
            .chain(asked.map(String::as_str))
            .map(Rc::from)
            .collect();
        let capabilities = Value::dict([
            entry(
                "KubeVersion",
                Value::KubeVersion(Rc::new(target.kube_version.clone())),
            ),
            entry("APIVersions", Value::ApiVersions(Rc::new(versions))),
            entry(
                "HelmVersion",
                Value::dict([entry("Version", Value::str(HELM_VERSION))]),
            ),
        ]);
        Shared {
            release,
            capabilities,
        }
    }
}

/// Adds the data of a chart and its subcharts to `data`, by their paths. Returns that of the chart itself.
fn chart_data(
    chart: &Chart,
    values: Value,
    shared: &Shared,
    parent: &str,
    data: &mut BTreeMap<String, Value>,
) -> Value {
    let path = path_of(chart, parent);
    let mut subcharts = Vec::new();
    for sub in &chart.dependencies {
        let own = match &values {
            Value::Dict(values) => values.borrow().get(sub.metadata.name.as_str()).cloned(),
            _ => None,
        };
        let own = own.filter(|own| matches!(own, Value::Dict(_)));
        let own = own.unwrap_or_else(|| Value::dict([]));
        let of_sub = chart_data(sub, own, shared, &path, data);
        subcharts.push((Rc::from(sub.metadata.name.as_str()), of_sub));
    }
    let files: Files = chart
        .files
        .iter()
        .map(|(name, bytes)| (name.clone(), bytes.to_vec()))
        .collect();
    let entries = [
        ("Chart", metadata(chart, parent.is_empty())),
        ("Files", Value::Files(Rc::new(files))),
        ("Release", shared.release.clone()),
        ("Capabilities", shared.capabilities.clone()),
        ("Values", values),
        ("Subcharts", Value::dict(subcharts)),
    ];
    let all = Value::dict(entries.map(|(k, v)| (Rc::from(k), v)));
    data.insert(path, all.clone());
    all
}

/// `.Chart`: the fields of `Chart.yaml` under the names of the fields of Go's type.
fn metadata(chart: &Chart, is_root: bool) -> Value {
    let meta = &chart.metadata;
    let none = || Value::list(Vec::new());
    let given = |key: &str, missing: Value| match meta.fields.get(key) {
        None | Some(Json::Null) => missing,
        Some(value) => Value::from(value),
    };
    let text = |key: &str| given(key, Value::str(""));
    let record = |fields: &[(&str, Value)]| {
        Value::dict(fields.iter().map(|(k, v)| (Rc::from(*k), v.clone())))
    };
    let maintainers = meta.fields.get("maintainers").and_then(Json::as_array);
    let maintainer = |entry: &Json| {
        let of = |key: &str| Value::str(entry.get(key).and_then(Json::as_str).unwrap_or(""));
        record(&[
            ("Name", of("name")),
            ("Email", of("email")),
            ("URL", of("url")),
        ])
    };
    let dependency = |dep: &Dependency| {
        record(&[
            ("Name", Value::str(dep.name.as_str())),
            ("Version", Value::str(dep.version.as_str())),
            ("Condition", Value::str(dep.condition.as_str())),
            ("Enabled", Value::Bool(true)),
        ])
    };
    record(&[
        ("APIVersion", text("apiVersion")),
        ("Annotations", given("annotations", Value::dict([]))),
        ("AppVersion", Value::str(meta.app_version.as_str())),
        ("Condition", text("condition")),
        (
            "Dependencies",
            Value::list(meta.dependencies.iter().map(dependency).collect()),
        ),
        ("Deprecated", given("deprecated", Value::Bool(false))),
        ("Description", text("description")),
        ("Home", text("home")),
        ("Icon", text("icon")),
        ("IsRoot", Value::Bool(is_root)),
        ("Keywords", given("keywords", none())),
        ("KubeVersion", text("kubeVersion")),
        (
            "Maintainers",
            Value::list(maintainers.into_iter().flatten().map(maintainer).collect()),
        ),
        ("Name", Value::str(meta.name.as_str())),
        ("Sources", given("sources", none())),
        ("Tags", text("tags")),
        ("Type", text("type")),
        ("Version", Value::str(meta.version.as_str())),
    ])
}
