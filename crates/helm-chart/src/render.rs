//! Renders a chart: from a chart and values to Kubernetes objects, as `helm template` does.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value as Json};

use super::chart::Chart;
use super::error::{ChartError, Violation};
use super::objects::{self, Object};
use super::schema::SchemaError;
use super::target::Target;
use super::template::{self, LazySource, Stack, TemplateFile, Value};
use super::template_data::{self, path_of};
use super::values::{Nulls, coalesce};
use super::{dependencies, version};

impl Chart {
    /// Renders the chart as `helm template` does.
    ///
    /// `values` override the chart's default values; a `null` deletes a default. Conditions and tags enable the
    /// subcharts, the values are checked against the schemas, and the rendered documents are parsed.
    ///
    /// Returns the objects of the release in Helm's install order, followed by the hooks.
    ///
    /// # Errors
    /// - [`ChartError::KubeVersion`] if the chart does not support the target's version of Kubernetes
    /// - [`ChartError::Values`] if a schema refuses the values or a dependency is missing
    /// - [`ChartError::Template`] if a template does not parse or fails, with its position
    /// - [`ChartError::Object`] if a template renders something other than Kubernetes objects
    /// - [`ChartError::File`] if a schema file is invalid
    pub fn render(
        &self,
        values: &Map<String, Json>,
        target: &Target,
    ) -> Result<Vec<Object>, ChartError> {
        Ok(self.render_release(values, target)?.objects)
    }

    /// Renders the chart as [`Chart::render`] does, and returns its notes with the objects.
    ///
    /// # Errors
    /// As [`Chart::render`]. `NOTES.txt` is a template like the others, so its errors are errors of the rendering.
    pub fn render_release(
        &self,
        values: &Map<String, Json>,
        target: &Target,
    ) -> Result<RenderedChart, ChartError> {
        match render_on(Stack::OfAnyThread, self, values, target) {
            Err(ChartError::Template(fault)) if fault.needs_stack => {}
            done => return done,
        }
        // Starting a thread costs a tenth of a rendering, so only deeply nested charts get one.
        std::thread::scope(|scope| {
            let worker = std::thread::Builder::new()
                .name("render".to_owned())
                .stack_size(template::STACK_BYTES)
                .spawn_scoped(scope, || render_on(Stack::Large, self, values, target))
                .map_err(|e| ChartError::file("thread", format!("cannot start rendering: {e}")))?;
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Returns the custom resource definitions in `crds/` of the chart and its enabled subcharts.
    ///
    /// Helm applies them before everything else, does not run them through the template engine, and never updates or
    /// deletes them.
    ///
    /// # Errors
    /// [`ChartError::Values`] if a dependency is missing, [`ChartError::File`] or [`ChartError::Object`] if a file does
    /// not contain Kubernetes objects.
    pub fn crds(&self, values: &Map<String, Json>) -> Result<Vec<Object>, ChartError> {
        let mut found = Vec::new();
        add_crds(&*with_dependencies(self, values)?, &mut found)?;
        Ok(found)
    }

    /// Returns the values that the templates see as `.Values`: `values` merged into the defaults of the chart and its
    /// enabled subcharts, checked against their schemas as the target says.
    ///
    /// # Errors
    /// [`ChartError::Values`] if a schema refuses the values or a dependency is missing, [`ChartError::File`] if a
    /// schema file is invalid.
    pub fn effective_values(
        &self,
        values: &Map<String, Json>,
        target: &Target,
    ) -> Result<Map<String, Json>, ChartError> {
        let enabled = with_dependencies(self, values)?;
        checked_values(&enabled, values, valid_values(self, target), target)
    }

    /// Parses all templates of the chart and its subcharts without running them.
    ///
    /// Subcharts are included whether or not they are enabled. Use it where no values are known yet, for example in a
    /// build script that embeds a chart.
    ///
    /// # Errors
    /// [`ChartError::Template`] with file, line and column of the first error.
    pub fn parse_templates(&self) -> Result<(), ChartError> {
        for source in template_sources(self) {
            template::check_syntax(&source.name, source.text.clone()).map_err(Box::new)?;
        }
        Ok(())
    }
}

/// What a chart renders to.
#[derive(Debug)]
pub struct RenderedChart {
    /// The objects of the release in Helm's install order, followed by the hooks.
    pub objects: Vec<Object>,
    /// The output of `templates/NOTES.txt`, which Helm shows after an installation. Empty if the chart has none.
    pub notes: String,
}

/// The end of the names of files with notes. They are templates, but no manifests. Those of subcharts are not shown, as in
/// Helm.
const NOTES: &str = "NOTES.txt";

fn render_on(
    stack: Stack,
    chart: &Chart,
    user: &Map<String, Json>,
    target: &Target,
) -> Result<RenderedChart, ChartError> {
    if chart.metadata.is_library {
        return Err(refused(format!(
            "the chart {} is a library chart (type: library): only other charts can use it, it cannot be installed",
            chart.metadata.name
        )));
    }
    check_kube_version(chart, target)?;
    let valid = valid_values(chart, target);
    let chart = with_dependencies(chart, user)?;
    let sources = template_sources(&chart);
    let file = |source: &TemplateSource<'_>| LazySource::new(&source.name, source.text.clone());
    let files: Vec<Arc<LazySource>> = sources.iter().map(|s| Arc::new(file(s))).collect();
    let own_notes = format!("{}/templates/{NOTES}", path_of(&chart, ""));
    let mut notes = String::new();
    let objects = read_beside(&template::to_parse_ahead(&files), |manifests| {
        let values = checked_values(&chart, user, valid, target)?;
        let data = template_data::collect(&chart, &values, target);
        drop(values);
        let sources = files.iter().zip(&sources);
        let templates = sources.map(|(file, source)| TemplateFile {
            source: Arc::clone(file),
            data: data.get(&source.chart).cloned().unwrap_or(Value::Nil),
            identity: source.identity(),
        });
        let finished = |name: &str, text: String| {
            if name == own_notes {
                notes = text;
            } else if !name.ends_with(NOTES) {
                manifests(name.to_owned(), text);
            }
        };
        template::render(
            &templates.collect::<Vec<_>>(),
            stack,
            &target.lookups,
            target.allow_random,
            finished,
        )
        .map_err(|fault| Box::new(fault).into())
    })?;
    Ok(RenderedChart { objects, notes })
}

/// Reads the manifests that `render` passes on, each while the next one is rendered: reading takes about a third of the
/// time, and rendering needs one thread, because a template sees what earlier ones changed in the values. While no manifest
/// waits to be read, parses templates that are rendered later.
///
/// Errors of `render` come first, as if everything had been rendered before.
fn read_beside(
    to_parse: &[Arc<LazySource>],
    render: impl FnOnce(&mut dyn FnMut(String, String)) -> Result<(), ChartError>,
) -> Result<Vec<Object>, ChartError> {
    let (sender, receiver) = mpsc::channel();
    let receiver = Mutex::new(receiver);
    let read = || {
        let manifests = receiver.lock().unwrap_or_else(PoisonError::into_inner);
        let mut to_parse = to_parse.iter();
        objects::collect(std::iter::from_fn(|| {
            loop {
                match manifests.try_recv() {
                    Ok(manifest) => return Some(manifest),
                    Err(TryRecvError::Disconnected) => return None,
                    Err(TryRecvError::Empty) => match to_parse.next() {
                        Some(file) => file.parse_ahead(),
                        None => return manifests.recv().ok(),
                    },
                }
            }
        }))
    };
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new()
            .name("objects".to_owned())
            .spawn_scoped(scope, read);
        // The receiver outlives the sender, so sending does not fail.
        let rendered = render(&mut |name, text| drop(sender.send((name, text))));
        drop(sender);
        let objects = match reader {
            Ok(reader) => reader
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // The platform has no threads.
            Err(_) => read(),
        };
        rendered?;
        objects
    })
}

fn add_crds(chart: &Chart, found: &mut Vec<Object>) -> Result<(), ChartError> {
    for (name, bytes) in &chart.files {
        let is_manifest = [".yaml", ".yml", ".json"]
            .iter()
            .any(|end| name.ends_with(end));
        if name.starts_with("crds/") && is_manifest {
            let place = format!("{}/{name}", chart.metadata.name);
            let text = std::str::from_utf8(bytes)
                .map_err(|e| ChartError::file(&place, format!("not UTF-8: {e}")))?;
            found.extend(objects::read_manifest(&place, text)?);
        }
    }
    chart
        .dependencies
        .iter()
        .try_for_each(|chart| add_crds(chart, found))
}

/// Returns the chart with its enabled subcharts only.
fn with_dependencies<'c>(
    chart: &'c Chart,
    user: &Map<String, Json>,
) -> Result<Cow<'c, Chart>, ChartError> {
    let mut chart = Cow::Borrowed(chart);
    if !chart.dependencies.is_empty() || !chart.metadata.dependencies.is_empty() {
        dependencies::process(chart.to_mut(), user).map_err(refused)?;
    }
    Ok(chart)
}

/// Returns the values that the schema of the chart is known to allow. With subcharts there are none: which of them are
/// enabled depends on the values, and their defaults are values of this chart, too.
fn valid_values<'t>(chart: &Chart, target: &'t Target) -> Option<&'t Map<String, Json>> {
    let is_alone = chart.dependencies.is_empty() && chart.metadata.dependencies.is_empty();
    target.valid_values.as_ref().filter(|_| is_alone)
}

fn checked_values(
    chart: &Chart,
    user: &Map<String, Json>,
    valid: Option<&Map<String, Json>>,
    target: &Target,
) -> Result<Map<String, Json>, ChartError> {
    let values = coalesce(chart, user.clone(), Nulls::Delete).map_err(refused)?;
    if target.skip_schema_validation || valid == Some(user) {
        return Ok(values);
    }
    let values = Json::Object(values);
    let violations = match (valid, &chart.schema) {
        (Some(valid), Some(schema)) => {
            let valid = coalesce(chart, valid.clone(), Nulls::Delete).map_err(refused)?;
            schema
                .check_changes(&values, &Json::Object(valid))
                .map_err(|error| invalid_schema(chart, error))?
        }
        _ => {
            let mut violations = Vec::new();
            check_schemas(chart, &values, &mut Vec::new(), &mut violations)?;
            violations
        }
    };
    match values {
        Json::Object(values) if violations.is_empty() => Ok(values),
        _ => Err(ChartError::Values(violations)),
    }
}

fn invalid_schema(chart: &Chart, error: SchemaError) -> ChartError {
    let file = format!("{}/values.schema.json", chart.metadata.name);
    let place = match error.position {
        Some((line, column)) => format!("{file}:{line}:{column}"),
        None => file,
    };
    ChartError::file(place, error.message)
}

fn refused(message: String) -> ChartError {
    ChartError::Values(vec![Violation::of_all(message)])
}

fn check_kube_version(chart: &Chart, target: &Target) -> Result<(), ChartError> {
    let wanted = &chart.metadata.kube_version;
    if wanted.is_empty() {
        return Ok(());
    }
    let name = &chart.metadata.name;
    let constraint: version::Constraint = wanted
        .parse()
        .map_err(|e| refused(format!("the chart {name}: kubeVersion: {e}")))?;
    // As in Helm, without the suffix that vendors add: v1.33.4-gke.1245000 is v1.33.4.
    let have = version::parse(&target.kube_version.normalized).map_err(refused)?;
    if constraint.allows(&have) {
        return Ok(());
    }
    Err(ChartError::KubeVersion {
        chart: name.clone(),
        wanted: wanted.clone(),
        have: target.kube_version.version.clone(),
    })
}

/// Checks the values of a chart and its subcharts, each against its own schema.
fn check_schemas(
    chart: &Chart,
    values: &Json,
    path: &mut Vec<String>,
    violations: &mut Vec<Violation>,
) -> Result<(), ChartError> {
    if let Some(schema) = &chart.schema {
        let found = schema
            .check(values)
            .map_err(|error| invalid_schema(chart, error))?;
        violations.extend(found.into_iter().map(|violation| Violation {
            path: [path.as_slice(), violation.path.as_slice()].concat(),
            message: violation.message,
        }));
    }
    for sub in &chart.dependencies {
        if let Some(own @ Json::Object(_)) = values.get(&sub.metadata.name) {
            path.push(sub.metadata.name.clone());
            check_schemas(sub, own, path, violations)?;
            path.pop();
        }
    }
    Ok(())
}

/// A template file of a chart or one of its subcharts.
struct TemplateSource<'c> {
    /// The path of its chart: `web`, `web/charts/sub`.
    chart: String,
    /// Its own path: `web/templates/rbac.yaml`.
    name: String,
    text: &'c Cow<'static, str>,
}

impl TemplateSource<'_> {
    /// Returns `.Template`.
    fn identity(&self) -> Value {
        Value::dict([
            (Rc::from("Name"), Value::str(self.name.as_str())),
            (
                Rc::from("BasePath"),
                Value::from(format!("{}/templates", self.chart)),
            ),
        ])
    }
}

/// Returns the templates of a chart and its subcharts in the order in which they are parsed: deeper files
/// first, so that the definitions of a parent replace those of its subcharts.
fn template_sources(chart: &Chart) -> Vec<TemplateSource<'_>> {
    let mut sources = Vec::new();
    let mut charts = vec![(chart, String::new())];
    while let Some((chart, parent)) = charts.pop() {
        let path = path_of(chart, &parent);
        for (name, text) in &chart.templates {
            let file = name.rsplit('/').next().unwrap_or(name);
            // Of a library chart, only the partials count.
            if chart.metadata.is_library && !file.starts_with('_') {
                continue;
            }
            let name = format!("{path}/{name}");
            sources.push(TemplateSource {
                chart: path.clone(),
                name,
                text,
            });
        }
        charts.extend(chart.dependencies.iter().map(|sub| (sub, path.clone())));
    }
    sources.sort_by(|a, b| {
        let depth = |s: &TemplateSource<'_>| s.name.matches('/').count();
        (depth(b), &b.name).cmp(&(depth(a), &a.name))
    });
    sources
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parsing_reports_what_rendering_reports_also_in_disabled_subcharts() {
        let good = (
            "templates/a.yaml",
            "{{ .Values.deeply.missing }}".as_bytes(),
        );
        for broken in [
            "{{ if }}",
            "a\n  {{ nope }}",
            "{{ $undefined }}",
            "{{ end }}",
        ] {
            let files: [(&str, &[u8]); 2] = [
                ("Chart.yaml", b"{name: web, version: 1.0.0}"),
                ("templates/b.yaml", broken.as_bytes()),
            ];
            let chart = Chart::from_memory(files.to_vec().leak(), "web").unwrap();
            let parsed = chart.parse_templates().unwrap_err().to_string();
            let rendered = chart.render(&Map::new(), &Target::default()).unwrap_err();
            assert_eq!(parsed, rendered.to_string());
            assert!(parsed.starts_with("web/templates/b.yaml:"), "{parsed}");

            let parent: [(&str, &[u8]); 5] = [
                (
                    "Chart.yaml",
                    b"{name: up, version: 1.0.0, dependencies: [{name: web, condition: web.on}]}",
                ),
                ("values.yaml", b"web: {on: false}"),
                good,
                ("charts/web/Chart.yaml", b"{name: web, version: 1.0.0}"),
                ("charts/web/templates/b.yaml", broken.as_bytes()),
            ];
            let chart = Chart::from_memory(parent.to_vec().leak(), "up").unwrap();
            let error = chart.parse_templates().unwrap_err().to_string();
            assert_eq!(error, format!("up/charts/{parsed}"));
        }
        let files: [(&str, &[u8]); 2] = [("Chart.yaml", b"{name: web, version: 1.0.0}"), good];
        let chart = Chart::from_memory(files.to_vec().leak(), "web").unwrap();
        assert!(chart.parse_templates().is_ok());
    }

    #[test]
    fn only_values_that_differ_from_valid_ones_are_checked_but_not_with_subcharts() {
        let chart = |files: &[(&'static str, &'static [u8])]| {
            Chart::from_memory(files.to_vec().leak(), "up").unwrap()
        };
        let map = |json: Json| json.as_object().cloned().unwrap();
        let target = Target {
            valid_values: Some(Map::new()),
            ..Target::default()
        };
        let alone = chart(&[
            ("Chart.yaml", b"{name: up, version: 1.0.0}"),
            ("values.yaml", b"{a: 1, b: 1}"),
            // The default of `a` is not valid, so this shows that it is not checked.
            (
                "values.schema.json",
                br#"{"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}"#,
            ),
        ]);
        let check = |values: Json| {
            let found = alone.effective_values(&map(values), &target);
            found.map_err(|error| error.to_string())
        };
        assert!(check(json!({})).is_ok());
        assert!(check(json!({"b": 2})).is_ok());
        assert_eq!(
            check(json!({"a": 2, "b": true})).unwrap_err(),
            "a: must be a string, not 2\nb: must be an integer, not true"
        );

        let parent = chart(&[
            (
                "Chart.yaml",
                b"{name: up, version: 1.0.0, dependencies: [{name: web, version: 1.0.0, condition: enabled}]}",
            ),
            ("values.yaml", b"{enabled: true, web: {a: 1}}"),
            (
                "values.schema.json",
                br#"{"properties": {"web": {"required": ["port"]}}}"#,
            ),
            ("charts/web/Chart.yaml", b"{name: web, version: 1.0.0}"),
            ("charts/web/values.yaml", b"port: 80"),
        ]);
        assert!(parent.effective_values(&Map::new(), &target).is_ok());
        let disabled = parent.effective_values(&map(json!({"enabled": false})), &target);
        assert_eq!(disabled.unwrap_err().to_string(), "web.port: must be set");
    }
}
