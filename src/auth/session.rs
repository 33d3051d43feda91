//! Sessions: one sign-in each, the keys that open them, and the permits that are made from them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::base::Time;
use crate::directory::User;

/// One sign-in while it lives. Shared by every core; read on every request without a lock.
#[derive(Debug)]
pub struct Session {
    /// Never leaves the server; letters and digits.
    pub id: Arc<str>,
    pub user: User,
    /// What was proven, in order: `password`, `passcode`.
    pub factors: Vec<String>,
    pub opened: Time,
    idle: Duration,
    absolute: Duration,
    last_seen: AtomicU64,
    ended: AtomicBool,
}

impl Session {
    /// Whether it has been ended, or its idle or absolute time is over.
    pub fn is_over(&self, now: Time) -> bool {
        self.ended.load(Ordering::Relaxed)
            || now.since(self.opened) >= self.absolute
            || now.since(Time::from_millis(self.last_seen.load(Ordering::Relaxed))) >= self.idle
    }

    /// Ends it for everybody at once: what runs under it is cut at the next sweep.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// Proof that this request may go to this application: made from a session, or because the operator made the path public.
/// Its fields are private and it is made in this module alone.
#[derive(Debug)]
pub struct Permit {
    application: Arc<str>,
    session: Option<Arc<Session>>,
}

impl Permit {
    /// A path that needs no session.
    pub fn public(application: &Arc<str>) -> Self {
        Self { application: Arc::clone(application), session: None }
    }

    /// The application it is good for.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The session it was made from; nothing on a public path.
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.session.as_ref()
    }
}
