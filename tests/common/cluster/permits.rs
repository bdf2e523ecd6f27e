//! How many clusters a process runs at once.

use std::sync::{Condvar, Mutex, PoisonError};

/// Each takes half a gigabyte, and most of a processor while it starts.
const CLUSTERS: usize = 2;

/// How many more clusters may be started.
static FREE: Mutex<usize> = Mutex::new(CLUSTERS);
static FREED: Condvar = Condvar::new();

/// The right to run a cluster.
pub struct Permit(());

impl Permit {
    /// Waits until one more may run.
    pub fn take() -> Self {
        // A test that panicked has left the number as it should be.
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = FREED.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Self(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        FREED.notify_one();
    }
}
