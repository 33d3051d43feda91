//! How long a command's answer is waited for.

use std::time::Duration;

use super::inbox::Inbox;
use crate::base::Time;

/// How long somebody goes on waiting. A clock that is set makes no difference: what counts is what was waited.
pub(super) struct Deadline {
    left: Duration,
    seen: Time,
}

impl Deadline {
    pub fn new(inbox: &Inbox, limit: Duration) -> Self {
        Self { left: limit, seen: inbox.now() }
    }

    /// For the next wait; nothing once it is used up.
    pub fn left(&mut self, inbox: &Inbox) -> Option<Duration> {
        let now = inbox.now();
        let spent = now.since(self.seen).min(STEP);
        self.seen = now;
        self.left = self.left.saturating_sub(spent);
        (!self.left.is_zero()).then(|| self.left.min(STEP))
    }

    pub fn shorten(&mut self, limit: Duration) {
        self.left = self.left.min(limit);
    }

    /// In vain, so long.
    pub fn count_wait(&mut self, inbox: &Inbox, limit: Duration) {
        let now = inbox.now();
        if now.since(self.seen) < limit {
            // Woken for something else, or the clock was set back: a little is counted in any case.
            self.left = self.left.saturating_sub(Duration::from_millis(1));
        }
    }
}

/// So long at once.
const STEP: Duration = Duration::from_secs(1);
