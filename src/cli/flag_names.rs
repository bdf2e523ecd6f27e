//! Adds the names of flags to the sources of values and to the errors of a plan.

use helm_chart::ChartError;
use helm_chart::set::Mode;

use super::settings;
use crate::mesh::images::{GivenBy, Place, ResolveError, ResolvedImage, Setting, Source};
use crate::mesh::{OverriddenDigest, PlanError, RefusedValue};

/// The flag of an option that sets a value, or the variable that set it.
pub(super) fn setting_name(setting: Setting) -> &'static str {
    match (setting, setting.given_by()) {
        (Setting::MeshName(_), GivenBy::CommandLine) => "--mesh-name",
        (Setting::MeshName(_), GivenBy::Environment) => settings::MESH_NAME.variable,
        (Setting::EnforceSingleMesh, _) => "--enforce-single-mesh",
        (Setting::ImageRegistry(_), GivenBy::CommandLine) => "--image-registry",
        (Setting::ImageRegistry(_), GivenBy::Environment) => settings::IMAGE_REGISTRY.variable,
        (Setting::ImageTag, _) => "--image-tag",
        (Setting::ImageDigest, _) => "--image-digest",
        (Setting::ImagePullPolicy(_), GivenBy::CommandLine) => "--image-pull-policy",
        (Setting::ImagePullPolicy(_), GivenBy::Environment) => settings::IMAGE_PULL_POLICY.variable,
    }
}

/// The flag of an assignment.
pub(super) fn assignment_flag(mode: Mode) -> &'static str {
    match mode {
        Mode::Typed => "--set",
        Mode::Text => "--set-string",
        Mode::Json => "--set-json",
        Mode::File => "--set-file",
        Mode::Literal => "--set-literal",
    }
}

/// Names what set a value, as the user wrote it: `-f prod.yaml`, `--set osm.image.tag=x`, `compiled-in v1.2.4`.
pub(super) fn source_name(source: &Source) -> String {
    match source {
        Source::LastRevision => "--reuse-values".to_owned(),
        Source::File(path) => format!("-f {}", path.display()),
        Source::Assignment(mode, text) => format!("{} {text}", assignment_flag(*mode)),
        Source::Setting(setting) => setting_name(*setting).to_owned(),
        Source::ChartDefault | Source::CompiledIn(_) => source.to_string(),
    }
}

/// Names what set the reference of an image, and its registry if that came from elsewhere.
pub(super) fn origin_name(image: &ResolvedImage) -> String {
    let origin = source_name(&image.source);
    match &image.registry_source {
        Some(registry) => format!("{origin}, registry: {}", source_name(registry)),
        None => origin,
    }
}

fn place_name(place: &Place) -> String {
    let source = source_name(&place.source);
    match place.position {
        Some((line, column)) => format!("{source}:{line}:{column}"),
        None => source,
    }
}

/// Formats an error of a plan, with the flags to change.
pub(super) fn explain_plan(error: &PlanError) -> String {
    match error {
        PlanError::StdinTwice => format!("-f -: {error}"),
        PlanError::Assignment { mode, error } => format!("{}: {error}", assignment_flag(*mode)),
        PlanError::OtherNamespace { .. } => {
            format!("{error}: set the namespace with --osm-namespace, which sets both")
        }
        PlanError::TagAndDigest => {
            format!("--image-tag and --image-digest cannot be used together: {error}")
        }
        PlanError::NoSuchValue { setting, .. } => {
            let next = match (setting, setting.given_by()) {
                (Setting::EnforceSingleMesh, _) => "",
                (_, GivenBy::CommandLine) => "; set its own values with --set",
                (_, GivenBy::Environment) => {
                    "; unset the variable for this chart, and set its own values with --set"
                }
            };
            format!("{}: {error}{next}", setting_name(*setting))
        }
        PlanError::Disagreement {
            setting,
            value,
            mode,
            assignment,
            path,
        } => format!(
            "{} {value} and {} {assignment} set {path} to different values; use only one of them",
            setting_name(*setting),
            assignment_flag(*mode)
        ),
        PlanError::NotAMap {
            setting,
            path,
            found,
            set_by,
        } => format!(
            "{}: {path} has to be a map, not {found} ({})",
            setting_name(*setting),
            source_name(set_by)
        ),
        PlanError::DigestWithoutEffect { tag, set_by } => format!(
            "--image-digest would have no effect: the tag {tag} ({}) overrides the digests of all components",
            source_name(set_by)
        ),
        PlanError::OtherMinorVersion { .. } => {
            format!("{error}; use the osm of that release, or its chart with --osm-chart-path")
        }
        PlanError::NoSuchComponent { .. } => format!("--image-digest: {error}"),
        PlanError::ReleaseOfOtherChart => {
            format!("--release and --osm-chart-path cannot be used together: {error}")
        }
        PlanError::Chart(ChartError::Template(fault)) if fault.random_function.is_some() => {
            format!("{error}; a dry run calls such functions only with --allow-random")
        }
        PlanError::KubeVersion(_) => format!("--kube-version: {error}"),
        PlanError::Release(_) => format!("--release: {error}"),
        PlanError::Values(refused) => {
            let lines: Vec<String> = refused.iter().map(refused_value).collect();
            lines.join("\n")
        }
        PlanError::Resolve(ResolveError::Invalid {
            path,
            set_by,
            reason,
        }) => format!("{path} ({}): {reason}", source_name(set_by)),
        error => error.to_string(),
    }
}

fn refused_value(refused: &RefusedValue) -> String {
    let RefusedValue {
        path,
        message,
        place,
    } = refused;
    match (path.is_empty(), place) {
        (true, _) => message.clone(),
        (false, Some(place)) => format!("{path}: {message} (set by {})", place_name(place)),
        (false, None) => format!("{path}: {message}"),
    }
}

/// Formats the warning about a digest that a tag overrides.
pub(super) fn overridden_digest(overridden: &OverriddenDigest) -> String {
    format!(
        "{} ({}) has no effect: the tag {} ({}) overrides the digests of all components",
        overridden.path,
        source_name(&overridden.set_by),
        overridden.tag,
        source_name(&overridden.tag_set_by)
    )
}
