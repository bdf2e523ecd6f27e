//! The values that an argument can have. Those of a cluster are asked for at most a second, and never fail.

use clap::Arg;

use super::Candidates;
use super::line::Line;
use crate::mesh::Request;
use crate::mesh::images::{COMPONENTS, PullPolicy, RELEASES};
use crate::mesh::value_docs::ValueDocs;
use crate::ops::ImageList;

/// Returns the values of an argument. Some may begin with another text than this.
pub fn of(arg: &Arg, text: &str, line: &Line<'_>) -> Candidates {
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        let shown = possible.iter().filter(|value| !value.is_hide_set());
        let words = shown.map(|value| {
            let help = value
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            (value.get_name().to_owned(), help)
        });
        return Candidates {
            words: words.collect(),
            ..Candidates::default()
        };
    }
    match arg.get_id().as_str() {
        "release" => words(RELEASES.iter().map(|release| release.name)),
        "image_pull_policy" => words(PullPolicy::ALL.iter().map(ToString::to_string)),
        "image_digest" => Candidates {
            has_more: true,
            ..words(
                COMPONENTS
                    .iter()
                    .map(|component| format!("{}=", component.name)),
            )
        },
        "component" => {
            let list = ImageList::new(&Request::default());
            let images = list.map(|list| list.images).unwrap_or_default();
            words(images.into_iter().map(|image| image.component))
        }
        "path" => paths(text, ""),
        "set" | "set-string" | "set-json" | "set-file" | "set-literal" => paths(text, "="),
        id => match in_cluster(id, line) {
            Some(names) => words(names),
            None => Candidates {
                is_file: is_file(arg),
                ..Candidates::default()
            },
        },
    }
}

fn words<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Candidates {
    let words = words.into_iter().map(|word| (word.into(), String::new()));
    Candidates {
        words: words.collect(),
        ..Candidates::default()
    }
}

/// Returns the values of the chart that a path can be, to the next dot. A whole path ends with `end`.
fn paths(text: &str, end: &str) -> Candidates {
    let Ok(docs) = ValueDocs::read() else {
        return Candidates::default();
    };
    let around = text.rsplit_once('.').map_or("", |(around, _)| around);
    let level = around.split('.').filter(|key| !key.is_empty()).count() + 1;
    let of_level = docs
        .all()
        .into_iter()
        .filter(|doc| doc.path.split('.').count() == level);
    let matching = of_level.filter(|doc| doc.path.starts_with(text));
    let words: Vec<_> = matching
        .map(|doc| {
            let end = if doc.children.is_empty() { end } else { "." };
            (format!("{}{end}", doc.path), doc.summary())
        })
        .collect();
    Candidates {
        has_more: words.iter().any(|(word, _)| word.ends_with(['.', '='])),
        words,
        is_file: false,
    }
}

/// Returns whether the values of an argument are paths.
fn is_file(arg: &Arg) -> bool {
    let mut names = arg.get_value_names().unwrap_or_default().iter();
    names.any(|name| ["PATH", "FILE", "DIR"].contains(&name.as_str()))
}

/// Without the feature `cluster`, there are no values of a cluster.
#[cfg(not(feature = "cluster"))]
fn in_cluster(_: &str, _: &Line<'_>) -> Option<Vec<String>> {
    None
}

/// Returns the names of what a flag or an argument selects in a cluster, or in the kubeconfig.
#[cfg(feature = "cluster")]
fn in_cluster(id: &str, line: &Line<'_>) -> Option<Vec<String>> {
    use crate::cli::settings::CONTEXT;
    use crate::ops::{self, NamesOf};

    let variable = std::env::var(CONTEXT.variable).ok();
    let context = line.given(CONTEXT.id()).map(str::to_owned).or(variable);
    let client = ops::client()
        .kubeconfig(line.given("kubeconfig").map(Into::into))
        .context(context.filter(|name| !name.is_empty()));
    match id {
        "context" => Some(client.contexts().unwrap_or_default()),
        "mesh_name" | "of_mesh" => Some(ops::names(client, NamesOf::Meshes)),
        "osm_namespace" | "namespaces" => Some(ops::names(client, NamesOf::Namespaces)),
        _ => None,
    }
}
