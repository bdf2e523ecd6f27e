//! What the fuzz target of kubeconfigs calls: a [`super::ClientBuilder`] runs the login program that a kubeconfig names,
//! and reads the files.

use std::path::Path;

use super::access::Access;
use super::connection::Prepared;
use super::kubeconfig::{Cluster, Kubeconfig, User};

/// The URI that requests to `path` have, for each context of a kubeconfig; or why the context cannot be used.
pub type Contexts = Vec<(String, Result<String, String>)>;

/// Reads the text of a kubeconfig, and prepares a connection for each context. Nothing is sent, no file is read, and no
/// program runs.
///
/// # Errors
/// It is not a kubeconfig.
pub fn contexts(text: &str, path: &str) -> Result<Contexts, String> {
    let mut kubeconfig = Kubeconfig::default();
    kubeconfig.merge(Kubeconfig::parse(text, Path::new("/home/user/.kube"))?);
    let names = kubeconfig.contexts().into_iter();
    Ok(names
        .map(|name| {
            let uri = uri(&kubeconfig, &name, path);
            (name, uri)
        })
        .collect())
}

fn uri(kubeconfig: &Kubeconfig, context: &str, path: &str) -> Result<String, String> {
    let chosen = kubeconfig.choose(Some(context));
    let (cluster, user) = chosen.map_err(|error| format!("{error:?}"))?;
    let cluster = Cluster {
        certificate_authority: String::new(),
        ..cluster
    };
    let user = User {
        client_certificate: String::new(),
        client_key: String::new(),
        token_file: String::new(),
        ..user
    };
    let prepared = Access::default().prepare(&cluster, &user);
    let Prepared { server, .. } = prepared.map_err(|error| error.to_string())?;
    server.uri(path).map(|uri| uri.to_string())
}
