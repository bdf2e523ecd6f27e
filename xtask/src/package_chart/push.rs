//! Pushes a packaged chart to a registry, where helm finds it as `oci://REGISTRY/CHART`.

use std::io::{self, Write};

use image_pins::{Digest, ReferenceError, Tag};
use oci_registry::{Client, RegistryError};

use super::artifact::artifact;
use super::{Packaged, Push};
use crate::Exit;
use crate::output::print;
use crate::registry::{ComponentImage, Listed, Problem, SendError, block_on, client};

/// Why a chart is not pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The flags do not say how the registry is reached.
    #[error("error: {0}\n")]
    Access(String),
    /// The operating system provides no event queue.
    #[error("error: cannot wait for a network: {0}\n")]
    Runtime(io::Error),
    /// The name of the chart in the registry, or its tag, is not valid.
    #[error("error: {0}\n")]
    Name(#[from] ReferenceError),
    /// The file for the way to the registry cannot be used.
    #[error("error: {0}\n")]
    File(SendError),
    /// The registry has another chart with this version, or does not say what it has. Nothing was sent.
    #[error("{}nothing was sent\n", Listed(std::slice::from_ref(.0)))]
    Refused(Problem),
    /// The chart could not be sent.
    #[error("{}the chart is incomplete; run the same command again to continue\n", Listed(std::slice::from_ref(.0)))]
    Copy(Problem),
    /// The registry does not have what was sent.
    #[error("{}the chart was sent, but the registry does not have it now; when that is clear, run the same command again\n", Listed(std::slice::from_ref(.0)))]
    Compare(Problem),
    /// Standard output cannot be written.
    #[error("error: cannot write to standard output: {0}\n")]
    Output(io::Error),
}

impl PushError {
    /// Returns how the task ends.
    pub fn exit(&self) -> Exit {
        match self {
            PushError::Access(_)
            | PushError::Runtime(_)
            | PushError::Name(_)
            | PushError::File(_)
            | PushError::Output(_) => Exit::Refused,
            PushError::Refused(_) | PushError::Copy(_) | PushError::Compare(_) => Exit::Differs,
        }
    }
}

/// Pushes the chart, or reports what would be done.
pub(super) fn run(chart: Packaged, push: &Push, out: &mut dyn Write) -> Result<(), PushError> {
    let client = client(&push.access).map_err(PushError::Access)?;
    block_on(push_with(&client, chart, push, out)).map_err(PushError::Runtime)?
}

/// Pushes a packaged chart with a client, or reports to `out` what would be done. A version that is there is never
/// replaced.
///
/// # Errors
/// The registry has another chart with this version, or refuses something. The message says what was sent.
pub async fn push_with(
    client: &Client,
    chart: Packaged,
    push: &Push,
    out: &mut dyn Write,
) -> Result<(), PushError> {
    let image = ComponentImage::new(&push.to, &chart.metadata.name)?;
    // helm looks for the version with this tag: a tag cannot contain `+`.
    let tag: Tag = chart.metadata.version.replace('+', "_").parse()?;
    let (artifact, manifest) = artifact(&chart.metadata.fields, chart.bytes, &chart.created);
    let digest = manifest.digest;
    let mut print = |text: &str| print(out, text).map_err(PushError::Output);

    let found = image.resolve(client, &tag).await;
    let is_there = match found.map_err(PushError::Refused)? {
        Some(found) if found == digest => true,
        Some(found) => {
            return Err(PushError::Refused(other_digest(&image, tag, found, digest)));
        }
        None => false,
    };
    let place = format!("oci://{}:{tag}", image.name);
    let what = if is_there { "is" } else { "push" };
    print(&format!(
        "{}\n{place}: {what} {digest}\n",
        chart.path.display()
    ))?;
    if !push.confirm {
        return print("dry run: nothing was sent; to push the chart, add --confirm\n");
    }
    let sent = artifact.send(client, &manifest, &image.repository, &tag, false);
    sent.await.map_err(|error| match error {
        SendError::Registry(error) => PushError::Copy(image.problem(error)),
        error => PushError::File(error),
    })?;
    read_back(client, &image, tag, digest)
        .await
        .map_err(PushError::Compare)?;
    print(&format!("pushed {place}\n"))
}

/// Reads the chart as helm will, by its tag. Its digest covers all its bytes.
async fn read_back(
    client: &Client,
    image: &ComponentImage,
    tag: Tag,
    digest: Digest,
) -> Result<(), Problem> {
    match image.resolve(client, &tag).await? {
        Some(found) if found == digest => {}
        Some(found) => return Err(other_digest(image, tag, found, digest)),
        None => {
            let image = Box::new(image.name.clone());
            return Err(Problem::NoTag { image, tag });
        }
    }
    let read = async {
        let manifest = client.manifest(&image.repository, &digest).await?;
        for blob in manifest.blobs() {
            let mut reader = client.blob(&image.repository, blob).await?;
            while reader.chunk().await?.is_some() {}
        }
        Ok::<(), RegistryError>(())
    };
    read.await.map_err(|error| image.problem(error))
}

fn other_digest(image: &ComponentImage, tag: Tag, found: Digest, wanted: Digest) -> Problem {
    Problem::OtherDigest {
        image: Box::new(image.name.clone()),
        tag,
        found: Box::new(found),
        wanted: Box::new(wanted),
    }
}
