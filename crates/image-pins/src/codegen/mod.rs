//! The code generator, for a `build.rs`: turns a folder of pin files into Rust constants.
//!
//! ```no_run
//! // fn main() of build.rs
//! let compiled = image_pins::codegen::Config::new()
//!     .digests_dir("digests")
//!     .components("digests/components.toml")
//!     .release("v2.1.0")
//!     .floating("main", "latest-main")
//!     .fix_command("cargo xtask import-digests --release {release} <digest file>")
//!     .compile();
//! if let Err(error) = compiled {
//!     image_pins::codegen::report(&error);
//! }
//! ```
//!
//! ```text
//! pub mod pins {
//!     include!(concat!(env!("OUT_DIR"), "/pins.rs"));
//! }
//! ```
//!
//! The generated code uses the types of [`crate::compiled`]. It has
//! - a module for each release with a constant for each image (`v2_1_0::HARBOR`), and `default`, the module of the
//!   release that [`Config::release`] names, unless it names a floating channel;
//! - a constant for each release (`V2_1_0`), and `RELEASES`, oldest first;
//! - `CHANNEL`, `REGISTRY`, `COMPONENTS` and `EXTERNAL`.
//!
//! A program that names an image which the release does not pin does not compile. The output depends only on the input.

mod check;
mod compile;
mod error;
mod generate;
mod syntax;

use std::path::PathBuf;

pub use error::{Error, report};

use crate::components::Components;
use crate::pin_file::PinFile;

/// The configuration of the code generator. Its methods can be chained, as with `std::process::Command`.
#[derive(Clone, Debug)]
pub struct Config {
    digests_dir: PathBuf,
    components: Option<PathBuf>,
    release: Option<String>,
    floating: Vec<(String, String)>,
    fix_command: Option<String>,
    required_keys: Vec<(String, String)>,
    has_empty_key_list: bool,
    out_dir: Option<PathBuf>,
    out_file: PathBuf,
    environment: Vec<String>,
}

/// The input of [`Config::generate`]: files that have been read.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// The pin files, in any order.
    pub pin_files: Vec<PinFile>,
    /// The component file, if the project has one.
    pub components: Option<Components>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            digests_dir: PathBuf::from("digests"),
            components: None,
            release: None,
            floating: Vec::new(),
            fix_command: None,
            required_keys: Vec::new(),
            has_empty_key_list: false,
            out_dir: None,
            out_file: PathBuf::from("pins.rs"),
            environment: Vec::new(),
        }
    }
}

impl Config {
    /// Returns a configuration that reads `digests/` and writes `pins.rs`. [`Config::release`] must be called as well.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the folder of the pin files, relative to the package. Default: `digests`.
    ///
    /// Every `*.toml` file in it is a pin file, except `components.toml` and files whose names start with a dot.
    pub fn digests_dir(&mut self, path: impl Into<PathBuf>) -> &mut Self {
        self.digests_dir = path.into();
        self
    }

    /// Sets the component file, relative to the package. Without one, a release has the images of its pin file, and their
    /// names are their keys.
    pub fn components(&mut self, path: impl Into<PathBuf>) -> &mut Self {
        self.components = Some(path.into());
        self
    }

    /// Sets the default of the program: a release, which needs a pin file with a pin for each of its components, or the
    /// name of a [floating](Config::floating) channel.
    pub fn release(&mut self, name: impl Into<String>) -> &mut Self {
        self.release = Some(name.into());
        self
    }

    /// Adds a channel, which [`Config::release`] may name instead of a release: its images have this tag and are not
    /// pinned.
    pub fn floating(&mut self, name: impl Into<String>, tag: impl Into<String>) -> &mut Self {
        self.floating.push((name.into(), tag.into()));
        self
    }

    /// Sets the command that writes a missing pin file, for errors. `{release}` stands for the release without pins.
    pub fn fix_command(&mut self, command: impl Into<String>) -> &mut Self {
        self.fix_command = Some(command.into());
        self
    }

    /// Requires that a component has each of these keys. Each key comes with the place that names it, such as a chart's
    /// `values.yaml:12`, which the error reports.
    ///
    /// An empty list is an error as well: the search that should have found the keys found nothing.
    pub fn require_keys<K: Into<String>, W: Into<String>>(
        &mut self,
        keys: impl IntoIterator<Item = (K, W)>,
    ) -> &mut Self {
        let before = self.required_keys.len();
        self.required_keys.extend(
            keys.into_iter()
                .map(|(key, place)| (key.into(), place.into())),
        );
        self.has_empty_key_list |= self.required_keys.len() == before;
        self
    }

    /// Sets the output folder. Default: the environment variable `OUT_DIR`, which cargo sets for build scripts.
    pub fn out_dir(&mut self, path: impl Into<PathBuf>) -> &mut Self {
        self.out_dir = Some(path.into());
        self
    }

    /// Sets the name of the output file. Default: `pins.rs`.
    pub fn out_file(&mut self, name: impl Into<PathBuf>) -> &mut Self {
        self.out_file = name.into();
        self
    }

    /// Adds an environment variable that the build script reads. Cargo runs the script again if it changes.
    pub fn rerun_if_env_changed(&mut self, name: impl Into<String>) -> &mut Self {
        self.environment.push(name.into());
        self
    }

    /// Returns the generated code for files that have been read. Reads and writes no files.
    ///
    /// # Errors
    ///
    /// The configuration is incomplete, or does not match the files.
    pub fn generate(&self, input: &Input) -> Result<String, Error> {
        generate::code(&self.check(input)?)
    }
}
