//! How many requests a registry gets at the same time. A registry that complains gets fewer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How many answers without a complaint give one permit back.
const GOOD_ANSWERS: usize = 10;

/// Permits for requests to one registry.
#[derive(Clone, Debug)]
pub(crate) struct Permits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    most: usize,
    limit: usize,
    used: usize,
    good_answers: usize,
}

/// A permit, which is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Permits);

impl Permits {
    /// Creates permits for this many requests at the same time, at least one.
    pub fn new(most: usize) -> Permits {
        let most = most.max(1);
        Permits(Arc::new(Shared {
            state: Mutex::new(State {
                most,
                limit: most,
                used: 0,
                good_answers: 0,
            }),
            freed: Notify::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a permit.
    pub async fn acquire(&self) -> Permit {
        loop {
            let freed = self.0.freed.notified();
            {
                let mut state = self.state();
                if state.used < state.limit {
                    state.used += 1;
                    return Permit(self.clone());
                }
            }
            freed.await;
        }
    }

    /// Halves the permits: the registry gets too many requests.
    pub fn halve(&self) {
        let mut state = self.state();
        state.limit = (state.limit / 2).max(1);
        state.good_answers = 0;
    }

    /// Counts an answer without a complaint; ten give a permit back that was taken.
    pub fn count_good_answer(&self) {
        let mut state = self.state();
        state.good_answers += 1;
        if state.good_answers >= GOOD_ANSWERS {
            state.good_answers = 0;
            if state.limit < state.most {
                state.limit += 1;
                self.0.freed.notify_one();
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.state().used -= 1;
        self.0.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// Returns how many permits can be taken at once.
    fn free(permits: &Permits) -> usize {
        let taken: Vec<Permit> = std::iter::from_fn(|| permits.acquire().now_or_never()).collect();
        taken.len()
    }

    #[test]
    fn complaints_halve_the_permits_and_good_answers_give_them_back() {
        let permits = Permits::new(12);
        assert_eq!(free(&permits), 12);
        permits.halve();
        assert_eq!(free(&permits), 6);
        for _ in 0..4 {
            permits.halve();
        }
        assert_eq!(free(&permits), 1);
        for _ in 0..GOOD_ANSWERS * 20 {
            permits.count_good_answer();
        }
        assert_eq!(free(&permits), 12);
    }

    #[tokio::test]
    async fn a_dropped_permit_wakes_one_that_waits() {
        let permits = Permits::new(1);
        let first = permits.acquire().await;
        let second = tokio::spawn({
            let permits = permits.clone();
            async move { drop(permits.acquire().await) }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        second.await.unwrap();
    }
}
