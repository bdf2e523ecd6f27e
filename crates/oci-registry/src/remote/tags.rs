//! The tags of a repository (OCI distribution specification, "Listing Tags").

use http::Method;
use image_pins::Tag;
use serde::Deserialize;

use super::client::Client;
use super::exchange::Call;
use super::server::Server;
use crate::auth::Access;
use crate::error::{Reason, RegistryError};
use crate::limits;
use crate::place::Repository;
use crate::server_text::shown;

/// A page of the list. A repository without tags can have `null`.
#[derive(Deserialize)]
struct Page {
    tags: Option<Vec<String>>,
}

impl Client {
    /// Lists the tags of a repository, in the order of the registry.
    ///
    /// # Errors
    /// The repository does not exist, the list is not valid or too long, or the registry cannot be reached.
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, RegistryError> {
        let server = self.server(repository.host());
        let listed = list(&server, repository).await;
        listed.map_err(|reason| reason.at(format!("the tags of {repository}")))
    }
}

async fn list(server: &Server, repository: &Repository) -> Result<Vec<Tag>, Reason> {
    let mut uri = server.uri(&format!("/v2/{}/tags/list", repository.path()))?;
    let mut tags = Vec::new();
    for _ in 0..limits::PAGES {
        let access = Access::pull(repository.path());
        let answer = server
            .exchange(&Call::new(Method::GET, uri, &access))
            .await?;
        let next = server.next_page(&answer)?;
        let bytes = answer.read("the list of tags", limits::MANIFEST).await?;
        let page: Page = serde_json::from_slice(&bytes)
            .map_err(|error| Reason::Protocol(format!("it does not list tags: {error}")))?;
        for text in page.tags.unwrap_or_default() {
            tags.push(
                text.parse().map_err(|_| {
                    Reason::Protocol(format!("it lists {:?} as a tag", shown(&text)))
                })?,
            );
        }
        match next {
            Some(next) => uri = next,
            None => return Ok(tags),
        }
    }
    Err(Reason::TooMany {
        what: "pages",
        limit: limits::PAGES,
    })
}
