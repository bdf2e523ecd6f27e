//! What does not hold about images at their registries, and what a user can do about it.

use oci_registry::{Host, Reason, RegistryError, Remedy};

use super::exit::Failure;
use crate::ops::{ImageCheck, ImageProblem};

/// Returns the failure of a command whose images do not all hold.
///
/// # Errors
/// All problems of all images.
pub(super) fn all_hold(checks: &[ImageCheck]) -> Result<(), Failure> {
    let problems = checks.iter().flat_map(|check| &check.problems);
    let problems: Vec<String> = problems.map(explain).collect();
    if problems.is_empty() {
        return Ok(());
    }
    let failed = checks.iter().filter(|check| !check.problems.is_empty());
    let (failed, total) = (failed.count(), checks.len());
    Err(Failure::Operation(format!(
        "{failed} of {total} images failed the check:\n{}",
        problems.join("\n")
    )))
}

/// Returns the message of a problem, with what to do about it.
pub(super) fn explain(problem: &ImageProblem) -> String {
    match problem {
        ImageProblem::Registry(host, error) => explain_error(host, error),
        ImageProblem::Archive(error) => error.to_string(),
        ImageProblem::NoTag(reference) => format!("{reference}: the tag does not exist"),
        ImageProblem::TagMoved {
            image,
            tag,
            pinned,
            found,
        } => format!(
            "{}:{tag} was moved: it points at {found}, and the image is pinned to {pinned}\n  \
             hint: an installation still uses the pinned image; find out who moved the tag",
            image.name()
        ),
        ImageProblem::Unsigned(image, unverified) => format!("{image}: {unverified}"),
    }
}

/// Returns the message of an error of a registry, with what to do about it.
pub(super) fn explain_error(registry: &Host, error: &RegistryError) -> String {
    match hint(registry, error) {
        Some(hint) => format!("{error}\n  hint: {hint}"),
        None => error.to_string(),
    }
}

/// Returns the flag or the command that helps against an error of a registry.
pub(super) fn hint(registry: &Host, error: &RegistryError) -> Option<String> {
    if matches!(error.reason, Reason::TagTaken { .. }) {
        return Some("to let the tag point at this image instead, use --move-tags".to_owned());
    }
    Some(match error.remedy()? {
        Remedy::LogIn => format!(
            "log in with `docker login {registry}`, or give credentials with --registry-auth-file"
        ),
        Remedy::LogInAgain => format!(
            "log in again with `docker login {registry}`; if the token server has another domain, allow it with \
             --token-server"
        ),
        Remedy::AllowInsecure(host) => {
            format!("if that is right, allow it with --insecure-registry {host}")
        }
        Remedy::AllowTokenServer(host) => {
            format!("if that is right, allow it with --token-server {host}")
        }
        Remedy::TrustAuthority => "trust the authority of the registry with --ca-file".to_owned(),
        Remedy::AllowInsecureRegistry => {
            format!("a registry without TLS needs --insecure-registry {registry}")
        }
        _ => return None,
    })
}
