//! Why images are not published.

use std::fmt;
use std::io;
use std::path::PathBuf;

use image_pins::{FileError, ReferenceError, ReleaseName, RepositoryPrefix};

use crate::Exit;
use crate::registry::{Listed, Problem};

/// Why images are not published. The message says what was written.
#[derive(Debug)]
pub enum PublishError {
    /// The list of components cannot be read.
    Components(FileError),
    /// The flags do not say how the registries are reached.
    Access(String),
    /// The operating system provides no event queue.
    Runtime(io::Error),
    /// The name of an image or of a tag would not be valid.
    Name(ReferenceError),
    /// No component is that old.
    NoComponents(ReleaseName),
    /// Source and target are the same.
    SameRegistry(RepositoryPrefix),
    /// The folder of the digest files cannot be written to.
    Folder(PathBuf, io::Error),
    /// The images are not as a release needs them, or the target has others. Nothing was written.
    Refused(Vec<Problem>),
    /// Images could not be copied. No tag was set.
    Copy(Vec<Problem>),
    /// Tags could not be set.
    Tag(Vec<Problem>),
    /// The target does not have what was published.
    Compare(Vec<Problem>),
    /// A digest file does not say what was published.
    DigestFile(PathBuf, String),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl PublishError {
    /// Returns how the task ends.
    pub fn exit(&self) -> Exit {
        match self {
            PublishError::Components(_)
            | PublishError::Access(_)
            | PublishError::Runtime(_)
            | PublishError::Name(_)
            | PublishError::NoComponents(_)
            | PublishError::SameRegistry(_)
            | PublishError::Folder(..)
            | PublishError::Output(_) => Exit::Refused,
            PublishError::Refused(_)
            | PublishError::Copy(_)
            | PublishError::Tag(_)
            | PublishError::Compare(_)
            | PublishError::DigestFile(..) => Exit::Differs,
        }
    }
}

impl std::error::Error for PublishError {}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::Components(error) => writeln!(f, "error: {error}"),
            PublishError::Access(error) => writeln!(f, "error: {error}"),
            PublishError::Runtime(error) => {
                writeln!(f, "error: cannot wait for a network: {error}")
            }
            PublishError::Name(error) => writeln!(f, "error: {error}"),
            PublishError::NoComponents(release) => writeln!(
                f,
                "error: no component in digests/components.toml is part of {release}"
            ),
            PublishError::SameRegistry(registry) => writeln!(
                f,
                "error: --from and --to are both {registry}\n  hint: pass the registry that the images were tested in \
                 with --from"
            ),
            PublishError::Folder(path, error) => writeln!(
                f,
                "error: --digest-dir {}: cannot write to it: {error}\nnothing was written",
                path.display()
            ),
            PublishError::Refused(problems) => {
                write!(f, "{}", Listed(problems))?;
                writeln!(f, "nothing was written")
            }
            PublishError::Copy(problems) => {
                write!(f, "{}", Listed(problems))?;
                writeln!(f, "no tag was set; run the same command again to continue")
            }
            PublishError::Tag(problems) => {
                write!(f, "{}", Listed(problems))?;
                writeln!(
                    f,
                    "all images were copied, but not all tags were set; run the same command again to continue"
                )
            }
            PublishError::Compare(problems) => {
                write!(f, "{}", Listed(problems))?;
                writeln!(
                    f,
                    "the images were published, but not all of them are there now; when that is clear, run the same command again"
                )
            }
            PublishError::DigestFile(path, problem) => writeln!(
                f,
                "error: {}: {problem}\nthe images were published; run the same command again to write the digest file",
                path.display()
            ),
            PublishError::Output(error) => {
                writeln!(f, "error: cannot write to standard output: {error}")
            }
        }
    }
}
