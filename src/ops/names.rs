//! Names in a cluster for completions: soon, or not at all.

use std::sync::mpsc;
use std::time::Duration;

use helm_release::client::resource::NAMESPACE;
use helm_release::client::{Client, ClientBuilder};
use helm_release::fields::text;

use super::error::Error;
use super::meshes::control_planes;
use super::session::block_on;

/// How long the cluster may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// What is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamesOf {
    /// The meshes.
    Meshes,
    /// All namespaces.
    Namespaces,
}

/// Returns the names, or none if the cluster fails or does not answer within a second.
pub fn names(client: ClientBuilder, of: NamesOf) -> Vec<String> {
    let (sender, receiver) = mpsc::channel();
    // Login programs and name servers cannot be interrupted, so they are left behind on another thread.
    std::thread::spawn(move || {
        let found = block_on(async { list(&client.connect().await?, of).await });
        // Nobody may wait any more.
        let _ = sender.send(found.and_then(|names| names));
    });
    let found = receiver.recv_timeout(TIMEOUT);
    found.ok().and_then(Result::ok).unwrap_or_default()
}

async fn list(client: &Client, of: NamesOf) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = match of {
        NamesOf::Meshes => {
            let meshes = control_planes(client, "").await?;
            meshes.into_iter().map(|mesh| mesh.name).collect()
        }
        NamesOf::Namespaces => {
            let found = client.list(&NAMESPACE, "", "").await?;
            let name = |namespace| text(namespace, &["metadata", "name"]).to_owned();
            found.iter().map(name).collect()
        }
    };
    names.sort();
    names.dedup();
    Ok(names)
}
