//! The steps of a release, as its workflows run them.

use crate::flags::Release;

/// The reference to the commit that is rehearsed.
pub(super) const BASE: &str = "refs/rehearsal/base";

/// A step of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `cargo xtask …`
    Task(Vec<String>),
    /// `cargo xtask … > FILE`
    TaskInto(Vec<String>, String),
    /// `git …`
    Git(Vec<String>),
    /// A commit of all changes, with this message. Without changes, there is none.
    Commit(String),
}

/// Where the steps read and write.
pub(super) struct Places<'p> {
    /// Host and port of the registry.
    pub address: &'p str,
    /// The images of the release, before they are published.
    pub staging: &'p str,
    /// The published images.
    pub public: &'p str,
    /// The published chart.
    pub charts: &'p str,
    /// The folder of digest files.
    pub digests: &'p str,
    /// The folder of everything else that is made.
    pub dist: &'p str,
}

/// Returns the steps of a release.
pub(super) fn steps(flags: &Release, places: &Places<'_>) -> Vec<Step> {
    let release = flags.release.to_string();
    let (tested, branch) = (format!("pre-rel-{release}"), format!("pin-{release}"));
    let digest_file = format!("{}/osm_image_digest_{release}.txt", places.digests);
    let reach = ["--insecure-registry", places.address];
    let mut build = vec!["dist", "--destination", places.dist];
    build.extend(flags.profile.iter().flat_map(|name| ["--profile", name]));
    #[rustfmt::skip]
    let steps = vec![
        // The workflow of a pre-release.
        git(&["tag", "--force", &tested, BASE]),
        task(&["publish-images", "--from", places.staging, "--to", places.public, "--confirm",
               "--digest-dir", places.digests, &release], &reach),
        git(&["switch", "--quiet", "--force-create", &branch, "main"]),
        task(&["import-digests", "--release", &release, "--registry", places.public, &digest_file], &[]),
        task(&["verify-digests", "--release", &release], &reach),
        task(&["bump", &release], &[]),
        Step::Commit(format!("Pin the images of {release}")),
        // Its pull request is merged, and the release is tagged.
        git(&["switch", "--quiet", "main"]),
        git(&["merge", "--quiet", "--ff-only", &branch]),
        git(&["tag", "--force", &release, "main"]),
        // The workflow of the release.
        task(&["release-check", &release, "--registry", places.public, "--chart-registry", places.charts], &reach),
        task(&build, &[]),
        task(&["package-chart", "--release", &release, "--destination", places.dist,
               "--push", places.charts, "--confirm"], &reach),
        task(&["sbom", "--destination", places.dist], &[]),
        task(&["checksums", places.dist], &[]),
        Step::TaskInto(words(&["notes", &release]), format!("{}/notes.md", places.dist)),
    ];
    steps
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn task(arguments: &[&str], more: &[&str]) -> Step {
    Step::Task(words(&[arguments, more].concat()))
}

fn git(arguments: &[&str]) -> Step {
    Step::Git(words(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags;

    #[test]
    fn every_task_of_a_release_has_these_flags() {
        let release = Release {
            release: "v1.2.5".parse().unwrap(),
            scratch: None,
            target_dir: None,
            profile: Some("dev".to_owned()),
            seed: 1,
        };
        let places = Places {
            address: "127.0.0.1:5000",
            staging: "127.0.0.1:5000/staging",
            public: "127.0.0.1:5000/mesh",
            charts: "127.0.0.1:5000/charts",
            digests: "/scratch/digests",
            dist: "/scratch/dist",
        };
        let mut parsed = 0;
        for step in steps(&release, &places) {
            let (Step::Task(arguments) | Step::TaskInto(arguments, _)) = step else {
                continue;
            };
            let words = ["xtask".to_owned()].into_iter().chain(arguments);
            if let Err(error) = flags::parse(words) {
                panic!("{error}");
            }
            parsed += 1;
        }
        assert_eq!(parsed, 10);
    }
}
