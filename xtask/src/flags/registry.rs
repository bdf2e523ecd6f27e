//! The flags of the tasks that talk to registries, and those that say how registries are reached.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use image_pins::{ReleaseName, RepositoryPrefix};

#[cfg(feature = "registry")]
pub use oci_registry::{Host, model::Platform};

/// Hosts and platforms are parsed by the program that talks to registries.
#[cfg(not(feature = "registry"))]
mod unparsed {
    /// The host of a registry.
    pub type Host = String;
    /// The platform of an image.
    pub type Platform = String;
}
#[cfg(not(feature = "registry"))]
pub use unparsed::{Host, Platform};

/// The flags of `publish-images`.
#[derive(Clone, Debug)]
pub struct PublishImages {
    /// The registry that the images come from.
    pub from: RepositoryPrefix,
    /// The registry that they are published to.
    pub to: RepositoryPrefix,
    /// The release, which is also the tag of the images in both registries.
    pub release: ReleaseName,
    /// Whether to write. Otherwise the task only reports what it would do.
    pub confirm: bool,
    /// The folder that the digest files are written to.
    pub digest_dir: PathBuf,
    /// How the registries are reached.
    pub access: Access,
}

/// The flags of `verify-digests`.
#[derive(Clone, Debug)]
pub struct VerifyDigests {
    /// The release to check. Default: all that have a pin file.
    pub release: Option<ReleaseName>,
    /// The registry to check. Default: that of the pin file.
    pub registry: Option<RepositoryPrefix>,
    /// The folder of the pin files. Default: the folder of the workspace.
    pub digests_dir: Option<PathBuf>,
    /// The platforms that each image has to be for. Default: those of a release.
    pub platforms: Vec<Platform>,
    /// How the registries are reached.
    pub access: Access,
}

/// Where a packaged chart is pushed to.
#[derive(Clone, Debug)]
pub struct Push {
    /// The registry, to which the name of the chart is added.
    pub to: RepositoryPrefix,
    /// Whether to push. Otherwise the task only reports what it would do.
    pub confirm: bool,
    /// How the registry is reached.
    pub access: Access,
}

/// How registries are reached.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// A file with credentials.
    pub auth_file: Option<PathBuf>,
    /// A PEM file with authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// Registries without TLS.
    pub insecure: Vec<Host>,
    /// Token servers that may get the credentials of any registry.
    pub token_servers: Vec<Host>,
}

pub(super) fn publish_images() -> Command {
    Command::new("publish-images")
        .about("Copy the images of a release to the registry that users pull from, by digest")
        .after_help(
            "Without --confirm, nothing is written. Each image must be an index with linux/amd64 and linux/arm64, and complete. \
             A tag that has another digest at the target is never moved, except `latest`, which moves to the highest release. An \
             interrupted run is completed by the same command.\n\
             Exit codes: 0 done; 1 refused or failed; 2 wrong usage or input.",
        )
        .arg(
            Arg::new("release")
                .value_name("vX.Y.Z")
                .help("Release to publish: the tag of the images in both registries")
                .required(true)
                .value_parser(value_parser!(ReleaseName)),
        )
        .arg(
            Arg::new("from")
                .long("from")
                .value_name("STAGING")
                .help("Registry with the images of the release")
                .required(true)
                .value_parser(value_parser!(RepositoryPrefix)),
        )
        .arg(
            Arg::new("to")
                .long("to")
                .value_name("REGISTRY")
                .help("Registry to publish to")
                .required(true)
                .value_parser(value_parser!(RepositoryPrefix)),
        )
        .arg(super::switch("confirm", "Publish the images, instead of reporting what would be done"))
        .arg(
            Arg::new("digest-dir")
                .long("digest-dir")
                .value_name("DIR")
                .help("Folder to write osm_image_digest_<tag>.txt to, one file for each tag")
                .default_value(".")
                .value_parser(value_parser!(PathBuf)),
        )
        .args(access())
}

pub(super) fn publish_images_of(mut matches: ArgMatches) -> Option<PublishImages> {
    Some(PublishImages {
        from: matches.remove_one("from")?,
        to: matches.remove_one("to")?,
        release: matches.remove_one("release")?,
        confirm: matches.get_flag("confirm"),
        digest_dir: matches.remove_one("digest-dir")?,
        access: access_of(&mut matches),
    })
}

pub(super) fn verify_digests() -> Command {
    Command::new("verify-digests")
        .about("Compare pin files with the images in a registry")
        .after_help(
            "An image holds if it is in the registry with all its parts and platforms, and the tag of the release, if it is \
             there, has the digest of the pin file. Third-party images are not checked. Registries that count pulls count about \
             three for each image.\n\
             Exit codes: 0 every image holds; 1 an image does not hold; 2 wrong usage or input.",
        )
        .arg(
            Arg::new("release")
                .long("release")
                .value_name("vX.Y.Z")
                .help("Release to check [default: all that have a pin file]")
                .value_parser(value_parser!(ReleaseName)),
        )
        .arg(
            Arg::new("registry")
                .long("registry")
                .value_name("REGISTRY")
                .help("Registry to check [default: the registry in the pin file]")
                .value_parser(value_parser!(RepositoryPrefix)),
        )
        .arg(
            Arg::new("platform")
                .long("platform")
                .value_name("OS/ARCH")
                .help("Platform that each image must be for (repeatable) [default: linux/amd64 and linux/arm64]")
                .action(ArgAction::Append)
                .value_parser(value_parser!(Platform)),
        )
        .arg(super::digests_dir())
        .args(access())
}

pub(super) fn verify_digests_of(mut matches: ArgMatches) -> VerifyDigests {
    VerifyDigests {
        release: matches.remove_one("release"),
        registry: matches.remove_one("registry"),
        digests_dir: matches.remove_one("digests-dir"),
        platforms: all(&mut matches, "platform"),
        access: access_of(&mut matches),
    }
}

/// Returns the flags that push a packaged chart.
pub(super) fn push() -> [Arg; 2] {
    [
        Arg::new("push")
            .long("push")
            .value_name("HOST/REPO")
            .help("Registry to push the chart to, where helm finds it as oci://HOST/REPO/osm")
            .value_parser(value_parser!(RepositoryPrefix)),
        super::switch(
            "confirm",
            "Push the chart, instead of reporting what would be done",
        )
        .requires("push"),
    ]
}

pub(super) fn push_of(matches: &mut ArgMatches) -> Option<Push> {
    Some(Push {
        to: matches.remove_one("push")?,
        confirm: matches.get_flag("confirm"),
        access: access_of(matches),
    })
}

/// Returns the flags that say how registries are reached.
pub(super) fn access() -> [Arg; 4] {
    let host = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("HOST[:PORT]")
            .help(help)
            .action(ArgAction::Append)
            .value_parser(value_parser!(Host))
    };
    let file = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("PATH")
            .help(help)
            .value_parser(value_parser!(PathBuf))
    };
    [
        file(
            "registry-auth-file",
            "File with credentials [default: $REGISTRY_AUTH_FILE, or what docker and podman use]",
        ),
        file(
            "ca-file",
            "PEM file with certificate authorities to trust, in addition to those of this machine",
        ),
        host(
            "insecure-registry",
            "Registry to reach by plain HTTP (repeatable)",
        ),
        host(
            "token-server",
            "Token server that may get the credentials of a registry with another domain (repeatable)",
        ),
    ]
    .map(|arg| arg.help_heading("Registry"))
}

pub(super) fn access_of(matches: &mut ArgMatches) -> Access {
    Access {
        auth_file: matches.remove_one("registry-auth-file"),
        ca_file: matches.remove_one("ca-file"),
        insecure: all(matches, "insecure-registry"),
        token_servers: all(matches, "token-server"),
    }
}

/// Returns all values of a repeatable argument.
pub(super) fn all<T: Clone + Send + Sync + 'static>(
    matches: &mut ArgMatches,
    name: &str,
) -> Vec<T> {
    matches
        .remove_many(name)
        .map(Iterator::collect)
        .unwrap_or_default()
}
