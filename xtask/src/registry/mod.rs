//! What the tasks that talk to registries share: the client, the images of components, and what is made here.

mod component_image;
mod layout;
mod problem;

use std::io;

use futures_util::stream::{self, StreamExt as _};
use oci_registry::{AccessError, Client, RegistryAccess};

pub(crate) use component_image::{ComponentImage, pinned_images, released_platforms};
pub(crate) use layout::Layout;
pub use layout::SendError;
pub(crate) use problem::Listed;
pub use problem::Problem;

use crate::flags::Access;

/// How many images are worked on at the same time. The limits of the registries count beside that.
const AT_ONCE: usize = 4;

/// Creates the client of a task, or returns the error with the flag that it is about.
pub(crate) fn client(access: &Access) -> Result<Client, String> {
    let access = RegistryAccess {
        auth_file: access.auth_file.clone(),
        ca_file: access.ca_file.clone(),
        insecure: access.insecure.clone(),
        token_servers: access.token_servers.clone(),
    };
    access
        .client(|settings| settings.user_agent("openservicemesh-xtask"))
        .map_err(|error| match &error {
            AccessError::AuthFile { .. } => format!("--registry-auth-file {error}"),
            AccessError::CaFile { .. } | AccessError::Authorities { .. } => {
                format!("--ca-file {error}")
            }
            _ => error.to_string(),
        })
}

/// Runs a task on this thread until it ends.
pub(crate) fn block_on<T>(task: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(task))
}

/// Runs checks, a few at a time, and returns their results in order.
pub(crate) async fn each<T>(checks: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    stream::iter(checks).buffered(AT_ONCE).collect().await
}

/// Runs checks, a few at a time. Returns their results in order, or all problems.
pub(crate) async fn all<T>(
    checks: impl IntoIterator<Item = impl Future<Output = Result<T, Problem>>>,
) -> Result<Vec<T>, Vec<Problem>> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for result in each(checks).await {
        match result {
            Ok(one) => found.push(one),
            Err(problem) => problems.push(problem),
        }
    }
    match problems.is_empty() {
        true => Ok(found),
        false => Err(problems),
    }
}
