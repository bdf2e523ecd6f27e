//! Chart values that record the digests of a release: `<root>.image.digest.<key>`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::{Location, Spanned, UserMessageFormatter};

use super::error::At;
use super::{ExternalRow, Position, Problem, Row, Subject};
use crate::text::Quoted;
use crate::{Digest, Reference, RepositoryPrefix};

#[derive(Deserialize)]
struct Values {
    osm: Option<Root>,
    #[serde(rename = "OpenServiceMesh")]
    open_service_mesh: Option<Root>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Root {
    image: Option<Image>,
    sidecar_image: Option<Text>,
    sidecar_windows_image: Option<Text>,
}

#[derive(Deserialize)]
struct Image {
    registry: Option<Text>,
    tag: Option<Text>,
    #[serde(default)]
    name: BTreeMap<String, Option<String>>,
    #[serde(default)]
    digest: BTreeMap<String, Text>,
}

/// A value that may be null, with its position.
type Text = Spanned<Option<String>>;

/// Returns whether a line begins one of the roots under which releases have their values.
pub(super) fn is_root(line: &str) -> bool {
    ["osm:", "OpenServiceMesh:"].iter().any(|root| {
        line.strip_prefix(root)
            .map(str::trim)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
    })
}

pub(super) fn parse(text: &str) -> Result<(Vec<Row>, Vec<ExternalRow>), At> {
    let options = serde_saphyr::options! { with_snippet: false };
    let values: Values = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let problem = Problem::Syntax(format!(
            "not the YAML of a chart's values: {}",
            message(&error)
        ));
        match error.location().and_then(position) {
            Some(position) => position.problem(problem),
            None => problem.into(),
        }
    })?;
    let root = match (values.osm, values.open_service_mesh) {
        (Some(_), Some(_)) => return Err(Problem::TwoRoots.into()),
        (Some(root), None) | (None, Some(root)) => root,
        (None, None) => return Err(Problem::NoRoot.into()),
    };
    let image = root.image.ok_or(Problem::NoRoot)?;
    if let Some((tag, position)) = image.tag.as_ref().and_then(present) {
        return Err(position.problem(Problem::TagInValues(Quoted(tag).to_string())));
    }
    let registry: Option<RepositoryPrefix> = match image.registry.as_ref().and_then(present) {
        Some((text, position)) => Some(
            text.parse()
                .map_err(|error| position.problem(Problem::Reference(error)))?,
        ),
        None => None,
    };
    let mut rows = Vec::with_capacity(image.digest.len());
    for (key, digest) in image.digest {
        let position = position_of(&digest);
        let text = digest.value.unwrap_or_default();
        if text.is_empty() {
            return Err(position.problem(Problem::NoDigest(Quoted(&key).to_string())));
        }
        let digest: Digest = text
            .parse()
            .map_err(|error| position.problem(Problem::Digest(error)))?;
        let name = image.name.get(&key).cloned().flatten();
        rows.push(Row {
            subject: Subject::ChartKey { key, name },
            registry: registry.clone(),
            tag: None,
            digest,
            position,
        });
    }
    rows.sort_by_key(|row| row.position);
    let sidecars = [
        ("sidecarImage", root.sidecar_image),
        ("sidecarWindowsImage", root.sidecar_windows_image),
    ];
    let mut external = Vec::with_capacity(sidecars.len());
    for (key, text) in &sidecars {
        if let Some((text, position)) = text.as_ref().and_then(present) {
            external.push(sidecar(key, text, position)?);
        }
    }
    Ok((rows, external))
}

fn sidecar(key: &str, text: &str, position: Position) -> Result<ExternalRow, At> {
    let reference: Reference = text
        .parse()
        .map_err(|error| position.problem(Problem::Reference(error)))?;
    if !reference.is_pinned() {
        let reference = Quoted(text).to_string();
        return Err(position.problem(Problem::Unpinned {
            key: key.to_owned(),
            reference,
        }));
    }
    Ok(ExternalRow {
        key: key.to_owned(),
        reference,
        position,
    })
}

fn present(text: &Text) -> Option<(&str, Position)> {
    text.value
        .as_deref()
        .filter(|value| !value.is_empty())
        .map(|value| (value, position_of(text)))
}

fn position_of(text: &Text) -> Position {
    position(text.referenced).unwrap_or(Position { line: 1, column: 1 })
}

fn position(at: Location) -> Option<Position> {
    let known = at != Location::UNKNOWN;
    known
        .then(|| {
            Some(Position {
                line: at.line().try_into().ok()?,
                column: at.column().try_into().ok()?,
            })
        })
        .flatten()
}

/// The message of a YAML error without its snippet and position, which the caller reports itself.
fn message(error: &serde_saphyr::Error) -> String {
    let message = error
        .without_snippet()
        .render_with_formatter(&UserMessageFormatter);
    let line = message.lines().next().unwrap_or_default();
    line.rsplit_once(" at line ")
        .map_or(line, |(what, _)| what)
        .to_owned()
}
