//! What every part of the house rules works with, and the few things that all parts do alike.

use std::sync::Arc;

use data_encoding::BASE32_NOPAD;

use super::Attempt;
use super::limit::known_browser::mark;
use crate::audit::{Event, Journal, NameMark, What};
use crate::base::{Clock, Keys, Random, TraceId, UserId};
use crate::directory::{DirectoryError, Name};
use crate::dispatch::DispatchError;
use crate::store::{StoreError, Stores};

/// Cheap to clone; outlives every change of the configuration.
#[derive(Clone)]
pub struct Services {
    pub stores: Stores,
    pub journal: Journal,
    pub keys: Keys,
    pub clock: Clock,
    pub random: Arc<dyn Random>,
}

impl Services {
    /// Journals something that goes on even if it cannot be journaled (a refusal).
    pub(super) async fn note(&self, attempt: &Attempt, trace: TraceId, user: Option<&UserId>, what: What) {
        self.journal.note(event(attempt, trace, user, what)).await;
    }

    /// The same for a refusal by a limit, which is counted where it repeats.
    pub(super) async fn note_repeated(
        &self,
        key: &str,
        attempt: &Attempt,
        trace: TraceId,
        (user, what): (Option<&UserId>, What),
    ) {
        self.journal.note_repeated(key, event(attempt, trace, user, what)).await;
    }

    /// Enough of a typed name to see that it is the same again.
    pub(super) fn name_mark(&self, name: &Name) -> NameMark {
        NameMark { hash: mark(&self.keys, &name.counted()), length: name.as_str().chars().count() }
    }

    /// 128 random bits, for what must not be guessed.
    pub(super) fn new_id(&self) -> String {
        BASE32_NOPAD.encode(&self.random.bytes::<16>()).to_lowercase()
    }

    pub(super) fn new_trace(&self) -> TraceId {
        TraceId::new(self.random.as_ref())
    }
}

pub(super) fn event(attempt: &Attempt, trace: TraceId, user: Option<&UserId>, what: What) -> Event {
    Event {
        trace: Some(trace),
        user: user.cloned(),
        name: None,
        application: attempt.door.application().cloned(),
        address: attempt.address,
        browser: attempt.door.agent().cloned(),
        what,
    }
}

/// A store, a directory or a transmitter could not tell. No user is let in, and nothing is counted against any.
#[derive(Debug, thiserror::Error)]
pub(super) enum CouldNotTell {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Dispatch(#[from] DispatchError),
    #[error("{0}")]
    Unknown(&'static str),
}
