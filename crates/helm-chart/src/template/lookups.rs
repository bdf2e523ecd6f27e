//! The objects that templates look up in a cluster.
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
    /// Empty for cluster-scoped objects, and for lists of all namespaces.
    pub namespace: String,
    /// Empty for a list.
    pub name: String,
}

/// The known answers to lookups, and the lookups without an answer. Clones share both.
#[derive(Debug, Clone, Default)]
pub struct Lookups(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    answers: BTreeMap<Lookup, Value>,
    asked: BTreeSet<Lookup>,
    /// Whether a template asked for an API version that is not served.
    has_missed: bool,
}

impl Lookups {
    /// Returns the known answer. A lookup without an answer is recorded.
    pub fn answer(&self, lookup: Lookup) -> Option<Value> {
        self.known(|known| {
            let answer = known.answers.get(&lookup).cloned();
            if answer.is_none() {
                known.asked.insert(lookup);
            }
            answer
        })
    }

    /// Records that a template asked for an API version that is not served.
    pub fn note_missing(&self) {
        self.known(|known| known.has_missed = true);
    }

    /// Returns whether a lookup had no answer, or an API version was not served. Then rendering with more answers may
    /// have another result.
    pub fn has_missed(&self) -> bool {
        self.known(|known| known.has_missed || !known.asked.is_empty())
    }

    /// Returns the lookups without an answer, and forgets them.
    pub fn take_asked(&self) -> BTreeSet<Lookup> {
        self.known(|known| std::mem::take(&mut known.asked))
    }

    /// Records the answer to a lookup.
    pub fn learn(&self, lookup: Lookup, answer: Value) {
        self.known(|known| known.answers.insert(lookup, answer));
    }

    fn known<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        // The content is consistent after a panic as well.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
