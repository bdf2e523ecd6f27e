//! Media types of the OCI image specification (media-types.md) and of Docker, which registries also hold.

/// An index: a list of manifests, one for each platform.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// A manifest: a configuration and layers.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Docker's form of an index.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's form of a manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// The configuration that means nothing (OCI image specification, manifest.md, "Guidance for an Empty Descriptor").
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// All that a request for a manifest accepts.
pub(crate) const ACCEPTED: [&str; 4] = [INDEX, MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST];

/// How the types of layers begin that must not be given to others (media-types.md, "Non-Distributable Layers").
const FOREIGN: [&str; 2] = [
    "application/vnd.oci.image.layer.nondistributable.",
    "application/vnd.docker.image.rootfs.foreign.",
];

/// Returns whether layers of this type are usually not in registries.
pub(crate) fn is_foreign(media_type: &str) -> bool {
    FOREIGN.iter().any(|start| media_type.starts_with(start))
}

/// Returns whether manifests of this type are lists of others.
pub(crate) fn is_index(media_type: &str) -> bool {
    [INDEX, DOCKER_INDEX].contains(&media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_layers_that_must_not_be_given_to_others_are_foreign() {
        let table = [
            (
                "application/vnd.oci.image.layer.nondistributable.v1.tar",
                true,
            ),
            (
                "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
                true,
            ),
            (
                "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
                true,
            ),
            (
                "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                true,
            ),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar", true),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", false),
            ("application/vnd.oci.image.layer.v1.tar+gzip", false),
            ("application/vnd.foreign-office.config.v1+json", false),
            ("application/vnd.example.nondistributable+json", false),
        ];
        for (media_type, expected) in table {
            assert_eq!(is_foreign(media_type), expected, "{media_type}");
        }
    }
}
