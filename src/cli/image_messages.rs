//! Messages about images: those that are not pinned, and those that a node cannot pull.

use image_pins::Reference;

use super::exit::{Done, Failure};
#[cfg(feature = "cluster")]
use super::flag_names::origin_name;
use super::flag_names::source_name;
use super::output::Printer;
use crate::mesh::Plan;
use crate::mesh::images::FoundImage;
#[cfg(feature = "cluster")]
use crate::mesh::images::{Pins, ResolvedImage, Source};
#[cfg(feature = "cluster")]
use crate::ops::OtherImage;
use crate::ops::{FloatingImage, floating_images};

/// Returns the warning for an image that is referenced by a tag.
pub(super) fn not_pinned(reference: &Reference) -> String {
    format!("{reference} is not pinned: anyone who can push this tag controls what runs")
}

/// Returns the warning for an image of an archive that is not the one that is compiled in.
#[cfg(feature = "cluster")]
pub(super) fn other_image(other: &OtherImage) -> String {
    let OtherImage {
        image,
        release,
        pinned,
    } = other;
    format!(
        "{image}: {release} uses {pinned}; this is the image with fewer platforms, or another image"
    )
}

/// Warns of each image that is referenced by a tag; with `require_pinned`, fails if there is one.
pub(super) fn check_pins(
    require_pinned: bool,
    plan: &Plan,
    images: &[FoundImage],
    printer: &mut Printer,
) -> Done {
    let floating = floating_images(plan, images);
    let origin = |floating: &FloatingImage| match &floating.tag_set_by {
        Some(source) => format!(" (tag: {})", source_name(source)),
        None => String::new(),
    };
    if require_pinned && !floating.is_empty() {
        let lines = floating.iter().map(|floating| {
            let FoundImage { reference, places } = floating.image;
            format!(
                "\n  {reference}{} in {}",
                origin(floating),
                places.join("; ")
            )
        });
        let list: String = lines.collect();
        return Err(Failure::Operation(format!(
            "--require-pinned: {} not pinned by a digest:{list}",
            if floating.len() == 1 {
                "one image is"
            } else {
                "these images are"
            },
        )));
    }
    for floating in floating {
        let warning = not_pinned(&floating.image.reference);
        printer.warning(&format!("{warning}{}", origin(&floating)));
    }
    Ok(())
}

/// The origins of the images of a plan, which are looked up only when a message needs them.
#[cfg(feature = "cluster")]
pub(super) struct ImageOrigins<'p> {
    plan: &'p Plan,
    images: std::cell::OnceCell<Vec<ResolvedImage>>,
}

#[cfg(feature = "cluster")]
impl<'p> ImageOrigins<'p> {
    pub fn new(plan: &'p Plan) -> ImageOrigins<'p> {
        ImageOrigins {
            plan,
            images: std::cell::OnceCell::new(),
        }
    }

    /// Explains an image of the compiled-in chart that a node cannot pull: the origin of its reference, and how to copy
    /// it to a mirror.
    pub fn explain(&self, reference: &str) -> Option<String> {
        let pins = self.plan.pins?;
        let images = (self.images).get_or_init(|| self.plan.images().unwrap_or_default());
        let image = images
            .iter()
            .find(|image| image.reference.to_string() == reference)?;
        let message = format!("the reference is from: {}", origin_name(image));
        let published = format!("{}/{}", pins.registry(), image.component);
        let suffix = format!("/{}", image.component);
        let prefix = image.reference.name().strip_suffix(&suffix);
        let is_compiled_in = matches!(image.source, Source::CompiledIn(_));
        let is_of_mesh = pins
            .components()
            .iter()
            .any(|(name, _)| *name == image.component);
        let is_at_mirror = is_compiled_in
            && is_of_mesh
            && image.reference.is_pinned()
            && image.reference.name() != published;
        Some(match prefix.filter(|_| is_at_mirror) {
            Some(prefix) => {
                let release = match pins == Pins::default_channel() {
                    true => String::new(),
                    false => format!(" --release {}", pins.name()),
                };
                format!("{message}\nto copy it there: osm images mirror --to {prefix}{release}")
            }
            None => message,
        })
    }
}
