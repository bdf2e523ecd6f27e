//! The jobs of each workflow, and what each of them may do.

/// A job: its workflow, its name, and the scopes that it may write. Every job may read the repository, and nothing else.
const JOBS: [(&str, &str, &[&str]); 14] = [
    ("ci.yml", "ci", &[]),
    ("nightly.yml", "test", &[]),
    ("nightly.yml", "build", &[]),
    ("nightly.yml", "images", &[]),
    ("nightly.yml", "advisories", &[]),
    ("pre-release.yml", "tag", &[]),
    ("pre-release.yml", "publish", &[]),
    (
        "pre-release.yml",
        "pull-request",
        &["actions", "contents", "pull-requests"],
    ),
    ("release.yml", "tag", &[]),
    ("release.yml", "check", &[]),
    ("release.yml", "reproducible", &[]),
    ("release.yml", "dist", &[]),
    ("release.yml", "prepare", &[]),
    (
        "release.yml",
        "publish",
        &["attestations", "contents", "id-token"],
    ),
];

/// The only workflow that may use a cache. What the others publish comes from the commit alone.
const MAY_USE_A_CACHE: &str = "ci.yml";

/// Whether the workflow has this job.
pub(super) fn is_job(workflow: &str, job: &str) -> bool {
    find(workflow, job).is_some()
}

/// Whether a job may have a permission.
pub(super) fn is_permitted(workflow: &str, job: &str, scope: &str, access: &str) -> bool {
    match access {
        "none" => true,
        "read" => scope == "contents",
        "write" => find(workflow, job).is_some_and(|scopes| scopes.contains(&scope)),
        _ => false,
    }
}

/// Whether the jobs of a workflow may use a cache.
pub(super) fn may_use_a_cache(workflow: &str) -> bool {
    workflow == MAY_USE_A_CACHE
}

fn find(workflow: &str, job: &str) -> Option<&'static [&'static str]> {
    let mut jobs = JOBS.iter();
    jobs.find_map(|(of, name, scopes)| (*of == workflow && *name == job).then_some(*scopes))
}
