//! Events that could not be written when they happened, on a full disk mostly, and are written later.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::store::Entry;

/// The events that wait, in memory alone. What is not written before the stop is said in the log ([`super::Journal::give_up_late`]).
#[derive(Debug, Default)]
pub(super) struct LateEvents {
    waiting: Mutex<VecDeque<Entry>>,
    came: Notify,
}

impl LateEvents {
    /// Keeps one; false where as many wait as may.
    pub fn add(&self, entry: Entry) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST {
            return false;
        }
        waiting.push_back(entry);
        drop(waiting);
        self.came.notify_one();
        true
    }

    pub fn len(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The one that has waited longest for a try.
    pub fn take(&self) -> Option<Entry> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// One that could still not be written goes behind the others: if it alone cannot be, they do not wait for it.
    pub fn put_back(&self, entry: Entry) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(entry);
    }

    /// Returns once some wait.
    pub async fn come(&self) {
        while self.len() == 0 {
            self.came.notified().await;
        }
    }
}

/// About a megabyte. A flood of refusals does not come here: they are counted, a line for each kind and minute.
const MOST: usize = 1000;
