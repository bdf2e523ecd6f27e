//! Errors of the code generator, and how a build script reports them.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error as ThisError;

use crate::error::FileError;

/// Why no code was generated. `Debug` prints the message, so that a `main` that returns this error reports it readably.
#[derive(ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A pin file or the component file is damaged.
    #[error(transparent)]
    File(#[from] FileError),
    /// The release to use by default has no pin file.
    #[error("{} is missing: there are no pins for release {release}{advice}", .path.display())]
    NoPinFile {
        /// The file that is missing.
        path: PathBuf,
        /// The release of the file.
        release: String,
        /// Lines with the fix and the alternatives.
        advice: String,
    },
    /// The release to use by default lacks pins.
    #[error("{} has no pin for {components}, which release {release} needs{advice}", .path.display())]
    NoPin {
        /// The pin file.
        path: PathBuf,
        /// The release.
        release: String,
        /// The components without a pin, as a list in a sentence.
        components: String,
        /// A line with the fix.
        advice: String,
    },
    /// The chosen name is neither a release nor a channel.
    #[error("{name} is neither a release nor a channel{advice}")]
    NoSuchRelease {
        /// The chosen name, quoted.
        name: String,
        /// A line with the alternatives.
        advice: String,
    },
    /// A required component key is not declared.
    #[error("{place} names the component {key}, which {declared_in} does not declare{advice}")]
    NoSuchKey {
        /// The place that names the key.
        place: String,
        /// The key, quoted.
        key: String,
        /// The file or folder that declares keys.
        declared_in: String,
        /// A line with the alternatives.
        advice: String,
    },
    /// [`Config::require_keys`](super::Config::require_keys) got an empty list.
    #[error(
        "no component key is required: `require_keys` got an empty list\n  \
         check that the search for the keys still matches the files that name them"
    )]
    NoRequiredKeys,
    /// Two pin files would get the same constant.
    #[error(
        "releases {first} and {second} would both be the constant `{constant}`: remove or rename one"
    )]
    SameConstant {
        /// One release.
        first: String,
        /// The other release.
        second: String,
        /// The name of the constant.
        constant: String,
    },
    /// Two images of one release would get the same constant.
    #[error(
        "images {first} and {second} of release {release} would both be the constant `{constant}`: rename one"
    )]
    SameImageConstant {
        /// The release.
        release: String,
        /// The name of one image.
        first: String,
        /// The name of the other.
        second: String,
        /// The name of the constant.
        constant: String,
    },
    /// The [`Config`](super::Config) is incomplete or contradicts itself.
    #[error("image_pins::codegen::Config: {0}")]
    Config(String),
    /// The generated file could not be written.
    #[error("{}: cannot write it: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The generated code is not Rust, which is a bug in this crate.
    #[error("bug in image-pins: the generated code does not parse: {0}")]
    NotRust(String),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reports an error to cargo from a build script, so that cargo shows only this error for the failed build (The Cargo
/// Book, "Build Scripts", `cargo::error`). The script should return after this call.
#[allow(clippy::print_stdout)] // cargo reads the instructions of a build script from its standard output
pub fn report(error: &dyn fmt::Display) {
    for line in instructions(error) {
        println!("{line}");
    }
}

/// Returns one instruction for each line, as cargo expects.
fn instructions(error: &dyn fmt::Display) -> Vec<String> {
    error
        .to_string()
        .lines()
        .map(|line| format!("cargo::error={line}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_an_error_is_an_instruction() {
        assert_eq!(
            instructions(&"one\n  two"),
            ["cargo::error=one", "cargo::error=  two"]
        );
    }

    #[test]
    fn debug_prints_the_message() {
        assert_eq!(
            format!("{:?}", Error::Config("odd".into())),
            "image_pins::codegen::Config: odd"
        );
    }
}
