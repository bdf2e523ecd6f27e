//! The digest file of a tag: rows as `docker images --digests` prints them, without the columns that differ from run to run.

use image_pins::{Digest, Reference};

/// Returns the text of the digest file for images that have the same tag.
///
/// The same images give the same text, so that it can be written again from a registry.
pub(crate) fn text(tag: &str, images: &[(Reference, Digest)]) -> String {
    let names: Vec<String> = images.iter().map(|(name, _)| name.to_string()).collect();
    let names_width = names
        .iter()
        .map(String::len)
        .chain([REPOSITORY.len()])
        .max();
    let (names_width, tag_width) = (names_width.unwrap_or_default(), tag.len().max(TAG.len()));
    let mut text = format!("{REPOSITORY:names_width$}   {TAG:tag_width$}   DIGEST\n");
    for (name, (_, digest)) in names.iter().zip(images) {
        text.push_str(&format!(
            "{name:names_width$}   {tag:tag_width$}   {digest}\n"
        ));
    }
    text
}

const REPOSITORY: &str = "REPOSITORY";
const TAG: &str = "TAG";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image_pins::digest_file::{Format, Subject, parse};

    use super::*;

    #[test]
    fn the_rows_are_those_of_docker_and_are_read_back() {
        let images = [
            ("mesh/init", "1f"),
            ("registry.example.com:5000/mesh/controller", "2f"),
        ];
        let images = images.map(|(name, byte)| {
            let digest = format!("sha256:{}", byte.repeat(32));
            (name.parse().unwrap(), digest.parse().unwrap())
        });
        let text = text("v1.2.4-rc.1", &images);
        insta::assert_snapshot!(text);
        let file = parse(text.as_bytes(), Path::new("file"), None).unwrap();
        assert_eq!(file.format, Format::DockerImages);
        let rows: Vec<_> = file
            .rows
            .iter()
            .map(|row| {
                let registry = row.registry.as_ref().unwrap().to_string();
                (
                    row.subject.clone(),
                    registry,
                    row.tag.as_ref().unwrap().to_string(),
                    row.digest,
                )
            })
            .collect();
        let name = |name: &str| Subject::Name(name.to_owned());
        let (mesh, tag) = ("mesh".to_owned(), "v1.2.4-rc.1".to_owned());
        let expected = [
            (name("init"), mesh, tag.clone(), images[0].1),
            (
                name("controller"),
                "registry.example.com:5000/mesh".to_owned(),
                tag,
                images[1].1,
            ),
        ];
        assert_eq!(rows, expected);
    }
}
