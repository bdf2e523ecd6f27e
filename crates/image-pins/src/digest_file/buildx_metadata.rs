//! The metadata file of `docker buildx build --metadata-file`, and of `docker buildx bake`, which has one such object for
//! each target.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::error::At;
use super::json::{Document, Text};
use super::{Problem, Row};
use crate::{ReleaseName, Tag};

/// The record of one build.
#[derive(serde::Deserialize)]
struct Build<'a> {
    #[serde(rename = "image.name", borrow)]
    names: Option<Text<'a>>,
    #[serde(rename = "containerimage.digest", borrow)]
    digest: Option<Text<'a>>,
    #[serde(rename = "containerimage.config.digest", borrow)]
    config: Option<Text<'a>>,
}

/// A whole metadata file: the keys of one build, or the builds of several targets, or both.
struct Metadata<'a> {
    builds: Vec<Build<'a>>,
}

pub(super) fn parse(text: &str) -> Result<Vec<Row>, At> {
    let document = Document::new(text);
    let mut rows = Vec::new();
    for metadata in document.values::<Metadata>()? {
        for build in metadata.builds {
            rows.extend(rows_of(&document, &build)?);
        }
    }
    Ok(rows)
}

/// Returns one row for each name. If an image was pushed with a release tag and with a floating tag, only the row of the
/// release is returned: both have the same digest.
///
/// # Errors
/// The digest is that of the configuration: the builder did not push a manifest, and recorded what identifies the image
/// in its own store instead.
fn rows_of<'a>(document: &Document<'a>, build: &Build<'a>) -> Result<Vec<Row>, At> {
    if let (Some(digest), Some(config)) = (&build.digest, &build.config)
        && digest.0 == config.0
    {
        return Err(document.position(digest).problem(Problem::ConfigDigest));
    }
    let names: Vec<_> = match &build.names {
        Some(Text(Cow::Borrowed(names))) => names
            .split(',')
            .map(|name| Some(Text(name.trim().into())))
            .collect(),
        Some(Text(Cow::Owned(names))) => names
            .split(',')
            .map(|name| Some(Text(name.trim().to_owned().into())))
            .collect(),
        None => vec![None],
    };
    let mut rows = Vec::with_capacity(names.len());
    for name in names {
        rows.push(document.row(name.as_ref(), build.digest.as_ref())?);
    }
    let released: BTreeSet<_> = rows
        .iter()
        .filter(|row| is_release(row.tag.as_ref()))
        .map(published_as)
        .collect();
    rows.retain(|row| is_release(row.tag.as_ref()) || !released.contains(&published_as(row)));
    Ok(rows)
}

fn is_release(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.as_ref().parse::<ReleaseName>().is_ok())
}

fn published_as(row: &Row) -> String {
    format!("{:?} {:?}", row.registry, row.subject)
}

impl<'de: 'a, 'a> Deserialize<'de> for Metadata<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Metadata<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `image.name` and `containerimage.digest`, or an object of such objects")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Metadata<'de>, M::Error> {
                use serde::de::Error;

                let mut top = Build {
                    names: None,
                    digest: None,
                    config: None,
                };
                let mut builds = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    let field = match key.as_str() {
                        "image.name" => &mut top.names,
                        "containerimage.digest" => &mut top.digest,
                        "containerimage.config.digest" => &mut top.config,
                        _ => {
                            if let Target::Build(build) = map.next_value()? {
                                builds.push(build);
                            }
                            continue;
                        }
                    };
                    let value = map.next_value()?;
                    if field.replace(value).is_some() {
                        return Err(M::Error::custom(format_args!("duplicate field `{key}`")));
                    }
                }
                builds.push(top);
                builds.retain(|build| build.names.is_some() || build.digest.is_some());
                Ok(Metadata { builds })
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

/// The value of an unknown key: the build of a target, or anything else.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Target<'a> {
    #[serde(borrow)]
    Build(Build<'a>),
    Other(IgnoredAny),
}
