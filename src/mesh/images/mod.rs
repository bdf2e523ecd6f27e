//! Which images an installation uses: compiled-in releases, overrides, and where each came from.
//!
//! [`Pins`] chooses what is compiled in, [`Overrides`] is what the user sets; both become values for
//! the chart. [`resolve()`] finds the image of each component in the merged values, [`scan()`]
//! finds the images in what was rendered.

mod compiled;
mod origins;
mod overrides;
mod resolve;
mod scan;

pub use compiled::{COMPONENTS, Pins, RELEASES, UnknownRelease};
pub use origins::{Given, GivenBy, Origins, Place, Setting, Source};
pub use overrides::{Overrides, PullPolicy};
pub use resolve::{ResolveError, ResolvedImage, component_key, resolve};
pub use scan::{BadImage, FoundImage, scan};
