//! Long-running work: Ctrl-C interrupts it, and a terminal shows the elapsed time.

use std::pin::pin;
use std::time::{Duration, Instant};

use super::output::Printer;

const SECOND: Duration = Duration::from_secs(1);

/// Runs the work to its end; returns `None` if Ctrl-C interrupts it.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    let begun = Instant::now();
    let (mut work, mut interrupt) = (pin!(work), pin!(tokio::signal::ctrl_c()));
    let mut seconds = tokio::time::interval(SECOND);
    let is_live = Printer::can_be_live();
    loop {
        tokio::select! {
            biased;
            done = &mut work => {
                Printer::live("");
                return Some(done);
            }
            _ = &mut interrupt => return None,
            _ = seconds.tick(), if is_live => {
                let so_far = begun.elapsed().as_secs();
                if so_far > 1 {
                    Printer::live(&format!("  {so_far} s (Ctrl-C to stop)"));
                }
            }
        }
    }
}
