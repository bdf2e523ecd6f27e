//! Which images an installation uses: compiled-in releases, overrides, and where each came from.
//!
//! [`Pins`] chooses what is compiled in, [`Overrides`] is what the flags say; both become values for
//! the chart. [`resolve()`] tells from the merged values which image each component has, [`scan()`]
//! finds the images in what was rendered.

mod compiled;
mod overrides;
mod resolve;
mod scan;

pub use compiled::{CHANNEL, COMPONENTS, Pins, REGISTRY, RELEASES, UnknownRelease};
pub use overrides::{Overrides, PullPolicy};
pub use resolve::{Origins, ResolvedImage, component_key, resolve};
pub use scan::{BadImage, FoundImage, scan};
