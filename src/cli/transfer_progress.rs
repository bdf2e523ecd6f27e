//! The progress of a copy: a bar with bytes and rate on a terminal, a line for each image everywhere.

use std::sync::{Mutex, PoisonError};

use image_pins::Digest;
use indicatif::{BinaryBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use oci_registry::CopyEvent;

use super::output::Printer;

/// How the bar looks, in less than 80 columns. The rate is that of the last seconds.
const TEMPLATE: &str =
    "  [{bar:20}] {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";

/// Shows the progress of a copy.
#[derive(Debug)]
pub(super) struct TransferProgress {
    bar: ProgressBar,
    /// How messages name the images.
    images: Vec<String>,
    left_out: Mutex<Vec<LeftOut>>,
}

/// A layer that was not copied.
#[derive(Debug, Clone)]
struct LeftOut {
    image: usize,
    digest: Digest,
    bytes: u64,
}

impl TransferProgress {
    pub fn new(images: Vec<String>) -> TransferProgress {
        let target = match Printer::can_be_live() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("=> "));
        }
        TransferProgress {
            bar,
            images,
            left_out: Mutex::default(),
        }
    }

    /// Shows an event.
    pub fn observe(&self, event: CopyEvent) {
        match event {
            CopyEvent::Planned { bytes, .. } => self.bar.set_length(bytes),
            CopyEvent::Sent(bytes) => self.bar.inc(bytes),
            CopyEvent::Image { image, result } => {
                let name = self.images.get(image).map_or("", String::as_str);
                let state = if result.is_ok() { "done" } else { "FAILED" };
                self.line(&format!("{name}: {state}"));
            }
            CopyEvent::LeftOut { image, blob } => {
                let left_out = LeftOut {
                    image,
                    digest: blob.digest,
                    bytes: blob.size,
                };
                let mut all = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
                all.push(left_out);
            }
            _ => {}
        }
    }

    /// Prints a line above the bar.
    pub fn line(&self, text: &str) {
        self.bar.suspend(|| Printer::progress(text));
    }

    /// Draws the bar again, if it is shown.
    pub fn redraw(&self) {
        if self.bar.length().is_some() {
            self.bar.tick();
        }
    }

    /// Removes the bar. Returns a message for each layer that was not copied.
    pub fn finish(&self) -> Vec<String> {
        self.bar.finish_and_clear();
        let left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        let message = |left_out: &LeftOut| {
            let LeftOut {
                image,
                digest,
                bytes,
            } = left_out;
            let image = self.images.get(*image).map_or("", String::as_str);
            format!(
                "{image}: the layer {digest} ({}) was left out, because registries usually do not have it; \
                 --foreign-layers copies it",
                size(*bytes)
            )
        };
        left_out.iter().map(message).collect()
    }
}

/// Formats a number of bytes: `12.30 MiB`.
pub(super) fn size(bytes: u64) -> String {
    BinaryBytes(bytes).to_string()
}
