//! The progress of a copy: a bar with bytes and rate on a terminal, a line for each image everywhere.

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
        TransferProgress { bar, images }
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

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Formats a number of bytes: `12.30 MiB`.
pub(super) fn size(bytes: u64) -> String {
    BinaryBytes(bytes).to_string()
}
