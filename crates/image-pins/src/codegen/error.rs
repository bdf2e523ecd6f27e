//! What can go wrong in a build, and how the build says it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error as ThisError;

use crate::error::FileError;

/// Why no code was generated. Its `Debug` form is its text, so that a `main` that returns it prints a sentence.
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
        /// The release it would be for.
        release: String,
        /// Lines that say what to do and what there is.
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
        /// A line that says what to do.
        advice: String,
    },
    /// What was chosen is neither a release nor a channel.
    #[error("{name} is neither the name of a release nor a channel{advice}")]
    NoSuchRelease {
        /// What was chosen, quoted.
        name: String,
        /// A line that says what there is.
        advice: String,
    },
    /// Something names a component key that is not declared.
    #[error("{place} names the component {key}, which {declared_in} does not declare{advice}")]
    NoSuchKey {
        /// Where the key is named.
        place: String,
        /// The key, quoted.
        key: String,
        /// Where it would have to be declared.
        declared_in: String,
        /// A line that says what there is.
        advice: String,
    },
    /// [`Config::require_keys`](super::Config::require_keys) got an empty list.
    #[error(
        "no component key is required: `require_keys` got an empty list\n  \
         check that the search for the keys still matches the files that name them"
    )]
    NoRequiredKeys,
    /// Two pin files of one release, or of two releases that one constant would stand for.
    #[error(
        "the releases {first} and {second} would both be the constant `{constant}`: drop or rename one"
    )]
    SameConstant {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// The constant's name.
        constant: String,
    },
    /// Two images of one release that one constant would stand for.
    #[error(
        "the images {first} and {second} of release {release} would both be the constant `{constant}`: rename one"
    )]
    SameImageConstant {
        /// The release.
        release: String,
        /// The name of one image.
        first: String,
        /// The name of the other.
        second: String,
        /// The constant's name.
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
        /// Why not.
        source: io::Error,
    },
    /// What was generated is not Rust: a defect of this crate.
    #[error("defect in image-pins: the generated code does not parse: {0}")]
    NotRust(String),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reports an error to cargo from a build script, so that cargo shows it as the reason of the failed build and nothing
/// else (The Cargo Book, "Build Scripts", `cargo::error`). The script should end without doing more.
#[allow(clippy::print_stdout)] // cargo reads the instructions of a build script from its standard output
pub fn report(error: &dyn fmt::Display) {
    for line in instructions(error) {
        println!("{line}");
    }
}

/// cargo takes one line for each instruction.
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
    fn debug_is_the_sentence() {
        assert_eq!(
            format!("{:?}", Error::Config("odd".into())),
            "image_pins::codegen::Config: odd"
        );
    }
}
