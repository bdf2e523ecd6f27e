//! What an installation sets to use the images of a mirror.

use helm_chart::set::{self, Mode};
use image_pins::{Digest, Reference, RepositoryPrefix};
use serde_json::Map;

use super::ImageList;
use crate::mesh::images::{COMPONENTS, Given, GivenBy, Overrides, Pins};
use crate::mesh::values::{
    FLUENT_BIT, FLUENT_BIT_DIGEST, FLUENT_BIT_NAME, FLUENT_BIT_REGISTRY, IMAGE_REGISTRY, IMAGE_TAG,
    Root, ValuePath,
};
use crate::mesh::{PlanError, Request, ValueSource};

/// An image at a mirror, by the key that it has in the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirroredImage {
    /// The key of the component, or of the third-party image.
    pub key: String,
    /// The reference at the mirror, with a digest.
    pub reference: Reference,
}

/// Returns whether a key is that of a component of the mesh.
pub(super) fn is_component(key: &str) -> bool {
    COMPONENTS.iter().any(|component| component.key == key)
}

/// Returns the same request with the images of the mesh from another registry, whatever sets the registry now.
pub(super) fn with_registry(request: &Request, prefix: &RepositoryPrefix) -> Request {
    let mut request = request.clone();
    request.overrides.registry = None;
    request
        .values
        .push(assignment(&IMAGE_REGISTRY, prefix.as_ref()));
    request
}

/// Returns a request for what `request` installs, with these images of a mirror, and as few options and values as possible.
///
/// Returns `None` if no request does that, because of how the user sets images.
///
/// # Errors
/// The request is wrong.
pub(super) fn request_with_mirror(
    request: &Request,
    prefix: &RepositoryPrefix,
    images: &[MirroredImage],
) -> Result<Option<Request>, PlanError> {
    let pins = ImageList::new(request)?.pins();
    let base = without_images(request, images);
    for has_options in [true, false] {
        for clears_tag in [false, true] {
            for sets_all_parts in [false, true] {
                let form = Form {
                    has_options,
                    clears_tag,
                    sets_all_parts,
                };
                let candidate = form.request(&base, &pins, prefix, images);
                // Values of the user can contradict an option.
                if let Ok(found) = ImageList::new(&candidate)
                    && uses_all(&found, images)
                {
                    return Ok(Some(candidate));
                }
            }
        }
    }
    Ok(None)
}

/// How images are set.
#[derive(Debug, Clone, Copy)]
struct Form {
    /// Whether registry and digests are options. Otherwise they are assignments, which override those before.
    has_options: bool,
    /// Whether a tag in the values of the user is removed, which would override all digests.
    clears_tag: bool,
    /// Whether all parts of Fluent Bit's image are set, and not only its registry.
    sets_all_parts: bool,
}

impl Form {
    fn request(
        self,
        request: &Request,
        pins: &Pins,
        prefix: &RepositoryPrefix,
        images: &[MirroredImage],
    ) -> Request {
        let given = &request.overrides;
        let mut overrides = Overrides {
            pull_policy: (given.pull_policy).filter(|policy| policy.by == GivenBy::CommandLine),
            ..Overrides::default()
        };
        let mut values = request.values.clone();
        if self.clears_tag {
            values.push(assignment(&IMAGE_TAG, ""));
        }
        let has_components = images.iter().any(|image| is_component(&image.key));
        match (has_components, self.has_options) {
            (false, _) => {}
            (true, true) => {
                overrides.registry = Some(Given {
                    value: prefix.clone(),
                    by: GivenBy::CommandLine,
                });
            }
            (true, false) => values.push(assignment(&IMAGE_REGISTRY, prefix.as_ref())),
        }
        for MirroredImage { key, reference } in images {
            let Some(digest) = reference.digest() else {
                continue;
            };
            if !is_component(key) {
                values.extend(self.third_party(key, prefix, reference, digest));
            } else if compiled_digest(pins, key) == Some(digest) {
                // An installation uses it without being told.
            } else if self.has_options {
                overrides.digests.insert(key.clone(), *digest);
            } else {
                let path = ValuePath::image_digest(key);
                values.push(assignment(&path, &digest.to_string()));
            }
        }
        Request {
            values,
            overrides,
            ..request.clone()
        }
    }

    /// Returns the assignments for a third-party image.
    fn third_party(
        self,
        key: &str,
        prefix: &RepositoryPrefix,
        reference: &Reference,
        digest: &Digest,
    ) -> Vec<ValueSource> {
        if key != FLUENT_BIT.key() {
            let path = ValuePath::third_party(key);
            return vec![assignment(&path, &reference.to_string())];
        }
        let mut parts = vec![assignment(&FLUENT_BIT_REGISTRY, prefix.as_ref())];
        if self.sets_all_parts {
            parts.push(assignment(&FLUENT_BIT_NAME, reference.file_name()));
            parts.push(assignment(&FLUENT_BIT_DIGEST, &digest.to_string()));
        }
        parts
    }
}

/// Returns a request without the assignments that set nothing but images which a mirror replaces.
fn without_images(request: &Request, images: &[MirroredImage]) -> Request {
    let keys = images.iter().map(|image| match is_component(&image.key) {
        true => ValuePath::image_digest(&image.key),
        false => ValuePath::third_party(&image.key),
    });
    let paths: Vec<ValuePath> = [IMAGE_REGISTRY, IMAGE_TAG]
        .into_iter()
        .chain(keys)
        .collect();
    let mut request = request.clone();
    request
        .values
        .retain(|source| !paths.iter().any(|path| sets_only(source, path)));
    request
}

/// Returns whether an assignment sets this path, and nothing else.
fn sets_only(source: &ValueSource, path: &ValuePath) -> bool {
    let ValueSource::Assignment(mode, text) = source else {
        return false;
    };
    let mut values = Map::new();
    if set::assign(text, *mode, &mut values).is_err() {
        return false;
    }
    let mut alone = Map::new();
    if let Some(value) = path.get(Root::Osm, &values) {
        path.set(Root::Osm, &mut alone, value.clone());
    }
    !alone.is_empty() && alone == values
}

fn assignment(path: &ValuePath, value: &str) -> ValueSource {
    ValueSource::Assignment(Mode::Typed, format!("{path}={value}"))
}

/// Returns the digest of a component that is compiled in for a release.
fn compiled_digest<'p>(pins: &'p Pins, key: &str) -> Option<&'p Digest> {
    let Pins::Release(release) = pins else {
        return None;
    };
    let pin = release.images.iter().find(|pin| pin.key == key)?;
    Some(&pin.digest)
}

/// Returns whether an installation uses all these images, as far as it uses any image for their keys.
fn uses_all(list: &ImageList, images: &[MirroredImage]) -> bool {
    images.iter().all(|MirroredImage { key, reference }| {
        let used = list.images.iter().find(|image| image.key == *key);
        used.is_none_or(|image| {
            let used = &image.reference;
            used.name() == reference.name() && used.digest() == reference.digest()
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mesh::images::RELEASES;
    use crate::mesh::values::MESH_NAME;

    const OTHER: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";

    fn request(values: &[&str], file: &str) -> Request {
        let assign = |text: &&str| ValueSource::Assignment(Mode::Typed, (*text).to_owned());
        let mut sources: Vec<ValueSource> = values.iter().map(assign).collect();
        sources.insert(0, ValueSource::Text(file.to_owned()));
        Request {
            namespace: "osm-system".to_owned(),
            release: Some("v1.2.4".to_owned()),
            values: sources,
            ..Request::default()
        }
    }

    fn fluent_bit_enabled() -> String {
        format!("{}.enableFluentbit=true", Root::Osm.key())
    }

    /// Returns the images of an installation as a mirror has them, each with the digest that it has or that is given.
    fn mirrored(request: &Request, digest: Option<&str>) -> Vec<MirroredImage> {
        let images = ImageList::new(request).unwrap().images;
        let images = images.into_iter().map(|image| {
            let own = image.reference.digest().map(ToString::to_string);
            let digest = digest.map_or_else(|| own.unwrap(), ToOwned::to_owned);
            let name = format!("m.test/x/{}@{digest}", image.reference.file_name());
            MirroredImage {
                key: image.key,
                reference: name.parse().unwrap(),
            }
        });
        images.collect()
    }

    /// Returns the options and the assignments of a request: the registry, the number of digests, the assignments.
    fn shape(request: &Request) -> (Option<String>, usize, Vec<String>) {
        let registry = request.overrides.registry.as_ref();
        let assignments = request.values.iter().filter_map(|source| match source {
            ValueSource::Assignment(_, text) => Some(text.clone()),
            _ => None,
        });
        (
            registry.map(|given| given.value.to_string()),
            request.overrides.digests.len(),
            assignments.collect(),
        )
    }

    #[test]
    fn compiled_in_digests_need_only_the_registry() {
        let prefix: RepositoryPrefix = "m.test/x".parse().unwrap();
        for release in RELEASES {
            let request = Request {
                release: Some(release.name.to_owned()),
                ..Request::default()
            };
            let mut images = mirrored(&request, None);
            images.retain(|image| is_component(&image.key));
            let with_mirror = request_with_mirror(&request, &prefix, &images).unwrap();
            let shape = shape(&with_mirror.unwrap());
            assert_eq!(shape, (Some("m.test/x".to_owned()), 0, Vec::new()));
        }
    }

    #[test]
    fn whatever_sets_images_the_request_uses_those_of_the_mirror() {
        let prefix: RepositoryPrefix = "m.test/x".parse().unwrap();
        let set = |path: &ValuePath, value: &str| format!("{path}={value}");
        let name = set(&MESH_NAME, "a");
        let tag = set(&IMAGE_TAG, "v7");
        let registry = set(&IMAGE_REGISTRY, "r.test/y");
        let registry_and_name = format!("{registry},{name}");
        let digest = set(&ValuePath::image_digest("osmController"), OTHER);
        let name_and_digest = format!("{name},{digest}");
        let third_party = set(&ValuePath::third_party("curlImage"), "r.test/curl:1");
        let fluent_bit = fluent_bit_enabled();
        // Values of the user, and how many digests and assignments are left.
        let table: &[(&[&str], &str, usize, usize)] = &[
            (&[], "", 7, 3),
            (&[&name], "", 7, 4),
            (&[&tag, &registry], "", 7, 3),
            (&[&registry_and_name], "", 0, 12),
            (&[], "osm: {image: {tag: v7, registry: r.test/y}}", 7, 4),
            (&[&digest], "", 7, 3),
            (&[&name_and_digest], "", 0, 12),
            (&[&fluent_bit], "", 7, 7),
            (&[&third_party], "", 7, 3),
        ];
        for (values, file, digests, assignments) in table {
            let request = request(values, file);
            let digest = format!("sha256:{}", "b7".repeat(32));
            let images = mirrored(&request, Some(&digest));
            let with_mirror = request_with_mirror(&request, &prefix, &images).unwrap();
            let with_mirror = with_mirror.unwrap_or_else(|| panic!("{values:?} {file}"));
            let found = ImageList::new(&with_mirror).unwrap().images;
            assert_eq!(found.len(), images.len());
            for image in &found {
                let whole = image.reference.to_string();
                assert!(
                    whole.starts_with("m.test/x/") && whole.ends_with(&digest),
                    "{values:?} {file}: {whole}"
                );
            }
            let (_, found_digests, found_assignments) = shape(&with_mirror);
            assert_eq!(
                (found_digests, found_assignments.len()),
                (*digests, *assignments),
                "{values:?} {file}: {found_assignments:?}"
            );
        }
    }

    #[test]
    fn fluent_bit_keeps_its_compiled_in_digest_with_another_registry() {
        let prefix: RepositoryPrefix = "m.test/x".parse().unwrap();
        let request = request(&[&fluent_bit_enabled()], "");
        let mut images = mirrored(&request, None);
        images.retain(|image| image.key == FLUENT_BIT.key());
        let with_mirror = request_with_mirror(&request, &prefix, &images).unwrap();
        assert_eq!(
            shape(&with_mirror.unwrap()),
            (
                None,
                0,
                vec![
                    fluent_bit_enabled(),
                    format!("{FLUENT_BIT_REGISTRY}=m.test/x")
                ]
            )
        );
    }
}
