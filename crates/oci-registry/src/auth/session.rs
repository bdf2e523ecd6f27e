//! What is known about the authorization at one registry: what it asks for, and the tokens that its token server gave.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::access::Access;
use super::challenge::Challenge;
use super::token::Token;
use crate::error::Reason;

/// The scopes of a token.
pub(crate) type Scopes = BTreeSet<String>;

/// The token for some scopes. The lock is held while one is asked for, so that all others wait for the same one.
pub(crate) type Slot = Arc<tokio::sync::Mutex<Asked>>;

/// What a token server answered.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub token: Option<Token>,
    /// Why there was no token, and when that was known.
    pub failure: Option<(Instant, Reason)>,
}

/// The authorization at one registry.
#[derive(Debug, Default)]
pub(crate) struct Session {
    challenge: Mutex<Option<Challenge>>,
    tokens: Mutex<HashMap<Scopes, Slot>>,
}

impl Session {
    /// Returns what the registry asks for; `None` if it has not asked for anything yet.
    pub fn challenge(&self) -> Option<Challenge> {
        let challenge = self.challenge.lock();
        challenge.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers what the registry asks for. Tokens of another token server, or for another service, do not count any more.
    pub fn remember(&self, chosen: &Challenge) {
        let known = self.challenge.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        if known
            .as_ref()
            .is_some_and(|known| known.server() != chosen.server())
        {
            self.forget_tokens();
        }
        *known = Some(chosen.clone());
    }

    /// Forgets all tokens: the registry may have refused one without saying so.
    pub fn forget_tokens(&self) {
        let tokens = self.tokens.lock();
        tokens.unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Returns the slot of a token with these scopes, which a request with this access needs.
    pub fn slot(&self, scopes: &Scopes, access: &Access) -> Slot {
        let tokens = self.tokens.lock();
        let mut tokens = tokens.unwrap_or_else(PoisonError::into_inner);
        let slot = Arc::clone(tokens.entry(scopes.clone()).or_default());
        // A registry can ask for more than a request seems to need. The next request begins with that token.
        tokens.insert(access.scopes(), Arc::clone(&slot));
        slot
    }
}
