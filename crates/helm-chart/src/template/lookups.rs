//! What templates look up in a cluster, what it has there, and whether they missed something.
//!
//! Rendering sends no request: it records unknown lookups. The caller resolves them and renders again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// The arguments of a template's `lookup`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// `v1`, `apps/v1`
    pub api_version: String,
    /// `Secret`
    pub kind: String,
    /// Empty for objects that have none, and for lists of all namespaces.
    pub namespace: String,
    /// Empty for a list.
    pub name: String,
}

/// What is known of a cluster, and what was asked for beyond it. Copies share both.
#[derive(Debug, Clone, Default)]
pub struct Lookups(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    answers: BTreeMap<Lookup, Value>,
    asked: BTreeSet<Lookup>,
    /// Whether an API version was asked for that is not served.
    has_missed: bool,
}

impl Lookups {
    /// Returns the known answer; an unknown lookup is recorded and finds nothing.
    pub fn answer(&self, lookup: Lookup) -> Option<Value> {
        self.known(|known| {
            let answer = known.answers.get(&lookup).cloned();
            if answer.is_none() {
                known.asked.insert(lookup);
            }
            answer
        })
    }

    /// Takes note that an API version was asked for that is not served.
    pub fn note_missing(&self) {
        self.known(|known| known.has_missed = true);
    }

    /// Whether something was asked for that is not known, or not served.
    pub fn has_missed(&self) -> bool {
        self.known(|known| known.has_missed || !known.asked.is_empty())
    }

    /// What was asked for and is not known, once.
    pub fn take_asked(&self) -> BTreeSet<Lookup> {
        self.known(|known| std::mem::take(&mut known.asked))
    }

    /// Records the answer to a lookup.
    pub fn learn(&self, lookup: Lookup, answer: Value) {
        self.known(|known| known.answers.insert(lookup, answer));
    }

    fn known<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        // What is in there is whole after a panic, too.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
