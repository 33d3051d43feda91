//! What every step of a login works with, and the few things that all steps do alike.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;

use crate::audit::{Event, Journal, NameMark, What};
use crate::auth::limit::by_account::Count;
use crate::auth::limit::by_address::{Attempts, Bucket};
use crate::auth::limit::by_name::RefusedLately;
use crate::auth::limit::known_browser::mark;
use crate::auth::policy::evaluate::SaidLately;
use crate::auth::session::registry::{Door, Parts as SessionParts, Sessions};
use crate::base::{Clock, Keys, Random, Secret, Time, TraceId, UserId};
use crate::config::{Application, AuthenticationPolicy, Limits, Notices, PasscodePolicy};
use crate::directory::{DirectoryError, Name, People};
use crate::dispatch::{DispatchError, Dispatcher};
use crate::store::{StoreError, Stores, Table};

/// Everything the house rules need, handed in by whoever puts the parts together.
pub struct Parts {
    pub applications: Vec<Application>,
    pub authentication_policies: Vec<AuthenticationPolicy>,
    pub passcode_policies: Vec<PasscodePolicy>,
    pub limits: Limits,
    pub notices: Notices,
    pub people: People,
    /// By the directory's name: how long before a password runs out its owner is told.
    pub password_warnings: HashMap<Arc<str>, Duration>,
    pub dispatcher: Dispatcher,
    pub sessions: Sessions,
    pub stores: SessionParts,
}

pub(super) struct House {
    pub applications: HashMap<Arc<str>, Application>,
    pub authentication_policies: HashMap<Arc<str>, AuthenticationPolicy>,
    pub passcode_policies: HashMap<Arc<str>, PasscodePolicy>,
    pub limits: Limits,
    pub notices: Notices,
    pub people: People,
    pub password_warnings: HashMap<Arc<str>, Duration>,
    pub dispatcher: Dispatcher,
    pub sessions: Sessions,
    pub stores: Stores,
    pub failures: Table<Count>,
    pub journal: Journal,
    pub keys: Keys,
    pub clock: Clock,
    pub random: Arc<dyn Random>,
    pub memory: Memory,
    /// When it was built, and its directories with it.
    pub since: Time,
}

/// What the house remembers outside the records. Outlives a change of the configuration.
#[derive(Clone)]
pub(super) struct Memory {
    pub attempts: Arc<Attempts>,
    pub refused_lately: Arc<RefusedLately>,
    pub said_lately: Arc<SaidLately>,
}

/// Somebody or something could not tell. Nobody is let in, nothing is counted against anybody.
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

/// Where and from whom an attempt comes, as the door saw it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Name of the application.
    pub application: Arc<str>,
    /// The public host, lower case, without port.
    pub host: Arc<str>,
    /// The true client's address.
    pub address: IpAddr,
    /// The value of `__Host-doorward-flow`: binds flows to a browser.
    pub browser: Secret<String>,
    /// The value of `__Host-doorward-known`, where sent.
    pub known: Option<String>,
}

impl House {
    /// Begins with the memory of the house before it, if there was one. Attempts by address are counted anew where their rate changed.
    pub fn new(parts: Parts, before: Option<&Self>) -> Self {
        let rate = parts.limits.attempts_per_address;
        let attempts = before.filter(|before| before.limits.attempts_per_address == rate);
        let memory = Memory {
            attempts: attempts
                .map(|before| Arc::clone(&before.memory.attempts))
                .unwrap_or_else(|| Arc::new(Attempts::new(rate, parts.stores.clock.clone()))),
            refused_lately: before.map(|before| Arc::clone(&before.memory.refused_lately)).unwrap_or_default(),
            said_lately: before.map(|before| Arc::clone(&before.memory.said_lately)).unwrap_or_default(),
        };
        let SessionParts { stores, journal, keys, clock, random } = parts.stores;
        Self {
            since: clock.now(),
            applications: parts.applications.into_iter().map(|it| (Arc::clone(&it.name), it)).collect(),
            authentication_policies: parts.authentication_policies.into_iter().map(|it| (Arc::clone(&it.name), it)).collect(),
            passcode_policies: parts.passcode_policies.into_iter().map(|it| (Arc::clone(&it.name), it)).collect(),
            limits: parts.limits,
            notices: parts.notices,
            people: parts.people,
            password_warnings: parts.password_warnings,
            dispatcher: parts.dispatcher,
            sessions: parts.sessions,
            failures: Table::new(&stores, &keys),
            stores,
            journal,
            keys,
            clock,
            random,
            memory,
        }
    }

    /// Journals something that goes on even if it cannot be journaled (a refusal).
    pub async fn note(&self, attempt: &Attempt, trace: TraceId, user: Option<&UserId>, what: What) {
        self.journal.note(event(attempt, trace, user, what)).await;
    }

    /// The same for a refusal by a limit, which is counted where it repeats.
    pub async fn note_repeated(&self, key: &str, attempt: &Attempt, trace: TraceId, (user, what): (Option<&UserId>, What)) {
        self.journal.note_repeated(key, event(attempt, trace, user, what)).await;
    }

    /// Enough of a typed name to see that it is the same again.
    pub fn name_mark(&self, name: &Name) -> NameMark {
        NameMark { hash: mark(&self.keys, &name.counted()), length: name.as_str().chars().count() }
    }

    /// Takes one attempt of this address, or of the browser where it is known for the user.
    pub fn take_attempt(&self, attempt: &Attempt, browser: crate::auth::limit::known_browser::Browser<'_>) -> bool {
        let bucket = match browser {
            crate::auth::limit::known_browser::Browser::Stranger => Bucket::address(attempt.address),
            crate::auth::limit::known_browser::Browser::Known(id) => Bucket::Browser(id.into()),
        };
        self.memory.attempts.take(&bucket)
    }

    pub fn application(&self, name: &str) -> Result<&Application, CouldNotTell> {
        self.applications.get(name).ok_or(CouldNotTell::Unknown("there is no such application"))
    }

    /// Where a session is about to be opened, with the limits of its application.
    pub fn door(&self, attempt: &Attempt, trace: TraceId, known_browser: bool) -> Result<Door, CouldNotTell> {
        Ok(Door {
            trace,
            application: Arc::clone(&attempt.application),
            host: Arc::clone(&attempt.host),
            address: Some(attempt.address),
            limits: self.application(&attempt.application)?.session,
            known_browser,
        })
    }

    /// The next full half second after `received`: then a refusal leaves, so that none tells by its time what was looked up.
    pub fn next_step(&self, received: Time) -> Time {
        let spent = self.clock.now().since(received).as_millis();
        let steps = u64::try_from(spent / STEP.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        Time::from_millis(received.millis().saturating_add(steps.saturating_mul(500)))
    }
}

const STEP: Duration = Duration::from_millis(500);

fn event(attempt: &Attempt, trace: TraceId, user: Option<&UserId>, what: What) -> Event {
    Event {
        trace: Some(trace),
        user: user.cloned(),
        application: Some(Arc::clone(&attempt.application)),
        address: Some(attempt.address),
        what,
    }
}

/// What a flow keeps of the browser it belongs to.
pub(super) fn bound_to(browser: &Secret<String>) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"flow browser");
    context.update(browser.expose().as_bytes());
    context.finish().as_ref().try_into().unwrap_or_default()
}
