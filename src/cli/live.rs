//! Long-running work: Ctrl-C interrupts it, and a terminal shows the elapsed time.

use std::pin::pin;
use std::time::{Duration, Instant};

use helm_release::client::Client;

use super::exit::Failure;
use super::output::Printer;

const SECOND: Duration = Duration::from_secs(1);

/// Runs the work to its end; returns `None` if Ctrl-C interrupts it.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    let begun = Instant::now();
    let show = || {
        let so_far = begun.elapsed().as_secs();
        if so_far > 1 {
            Printer::live(&format!("  {so_far} s (Ctrl-C to stop)"));
        }
    };
    let done = shown_unless_interrupted(work, show).await?;
    Printer::live("");
    Some(done)
}

/// The same, with `show` called each second if stderr is a terminal.
pub(super) async fn shown_unless_interrupted<T>(
    work: impl Future<Output = T>,
    show: impl Fn(),
) -> Option<T> {
    let (mut work, mut interrupt) = (pin!(work), pin!(tokio::signal::ctrl_c()));
    let mut seconds = tokio::time::interval(SECOND);
    let is_live = Printer::can_be_live();
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Some(done),
            _ = &mut interrupt => return None,
            _ = seconds.tick(), if is_live => show(),
        }
    }
}

/// The error after Ctrl-C: the changed objects, and `next`, what to do next.
pub(super) fn interrupted(client: &Client, next: &str) -> Failure {
    let changed = client.changed();
    if changed.is_empty() {
        return Failure::Operation("interrupted: nothing was changed".to_owned());
    }
    Failure::Operation(format!(
        "interrupted. Objects created or changed so far:\n  {}\n{next}",
        changed.join("\n  ")
    ))
}
