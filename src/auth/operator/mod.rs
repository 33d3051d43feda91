//! What operators may ask. Reached through the control socket alone; every use is journaled before it is answered, and an act that
//! cannot be journaled does not happen. The one exception is an end to sessions: a full disk must not keep an intruder in.

pub(in crate::auth) mod account;
pub(in crate::auth) mod journal;
pub mod report;
pub(in crate::auth) mod send_test;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::audit::reason::SessionOver;
use crate::audit::{Event, Journal, What};
use crate::auth::services::Services;
use crate::auth::session::Session;
use crate::auth::session::registry::{About, Sessions};
use crate::base::{Clock, Keys, Time, TraceId, unicode};
use crate::store::{Entry, EventLog, Search, StoreError};

/// Cheap to clone.
#[derive(Clone)]
pub struct OperatorApi {
    log: Arc<dyn EventLog>,
    journal: Journal,
    sessions: Sessions,
    keys: Keys,
    clock: Clock,
}

/// Which sessions are meant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionSelector {
    All,
    /// By account name in any case and any spelling of the same letters, or by user id (`corp:alice`).
    User(String),
    /// As `session list` and the journal write it.
    Id(String),
}

/// A session as an operator sees it. Nothing in it opens anything: a cookie holds a key, never the session's id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionView {
    pub id: String,
    /// The user id: directory and immutable id.
    pub user: String,
    pub name: String,
    /// Applications and hosts.
    pub places: Vec<(String, String)>,
    pub factors: Vec<String>,
    pub opened: Time,
    pub last_seen: Time,
    /// At the latest.
    pub expires: Time,
}

/// So many sessions are listed at most; more are counted.
const MOST_LISTED: usize = 10_000;

impl OperatorApi {
    /// Reads events from `log` and writes what was asked into the journal.
    pub fn new(log: Arc<dyn EventLog>, sessions: Sessions, services: &Services) -> Self {
        let Services { journal, keys, clock, .. } = services.clone();
        Self { log, journal, sessions, keys, clock }
    }

    /// Journals the use of a command by the user `uid` of this machine.
    pub async fn used(&self, command: String, uid: u32) -> Result<(), StoreError> {
        let what = What::ControlUsed { command, uid };
        self.journal.record(Event::of_node(what)).await
    }

    /// The same for a look that shows no user's doings: it goes on where the disk is full, which is when it is needed.
    pub async fn looked(&self, command: String, uid: u32) {
        let what = What::ControlUsed { command, uid };
        self.journal.note(Event::of_node(what)).await;
    }

    /// The newest 1,000 events of one attempt, oldest first, for the user `uid` of this machine. An error also where the asking could
    /// not be journaled.
    pub async fn trace(&self, trace: TraceId, uid: u32) -> Result<Vec<Entry>, StoreError> {
        self.used(format!("trace {trace}"), uid).await?;
        let mut events = self.log.search(Search { trace: Some(trace), ..Search::default() }).await?;
        if events.is_empty() {
            events.extend(self.journal.counted(trace));
        }
        Ok(events)
    }

    /// The same without another word in the journal: for what an act that was journaled goes on to do.
    pub async fn follow(&self, trace: TraceId) -> Result<Vec<Entry>, StoreError> {
        self.log.search(Search { trace: Some(trace), ..Search::default() }).await
    }

    /// How many sessions are alive.
    pub fn session_count(&self) -> usize {
        self.sessions.count()
    }

    /// The live sessions that are meant, oldest first, at most 10,000; and how many there are.
    pub async fn list(&self, meant: &SessionSelector, uid: u32) -> Result<(Vec<SessionView>, usize), StoreError> {
        self.used(format!("session list {meant}"), uid).await?;
        let mut found = self.meant(meant);
        let total = found.len();
        found.sort_by_key(|session| session.opened);
        found.truncate(MOST_LISTED);
        Ok((found.iter().map(|session| self.view(session)).collect(), total))
    }

    /// Ends the sessions that are meant: when this returns they are over for every request, and what runs under them is cut within a
    /// second, whether or not it can be journaled. What is left to do is in the returned [`Ended`].
    pub async fn end(&self, meant: &SessionSelector, uid: u32) -> Ended {
        let sessions = self.meant(meant);
        // All of them at once, before the records of any are touched.
        sessions.iter().for_each(|session| session.end());
        let unwritten = self.used(format!("session end {meant}"), uid).await.err();
        if let Some(error) = &unwritten {
            tracing::error!(%error, count = sessions.len(), uid, "session end {meant}: they are over, but it could not be journaled");
        }
        Ended { operators: self.clone(), sessions, unwritten }
    }

    fn meant(&self, meant: &SessionSelector) -> Vec<Arc<Session>> {
        let now = self.clock.now();
        let named = if let SessionSelector::User(name) = meant { name.as_str() } else { "" };
        let (id, name) = (unicode::plain(named.trim()), unicode::folded(named));
        let fits = |session: &Arc<Session>| {
            let is_meant = match meant {
                SessionSelector::All => true,
                SessionSelector::User(_) => {
                    [named, &id].contains(&session.user.as_str()) || unicode::folded(&session.identity().user.name) == name
                }
                SessionSelector::Id(id) => *session.id == **id,
            };
            is_meant && !session.is_over(now)
        };
        self.sessions.all().into_iter().filter(fits).collect()
    }

    fn view(&self, session: &Session) -> SessionView {
        let places = self.sessions.places(session).into_iter();
        SessionView {
            id: session.id.to_string(),
            user: session.user.to_string(),
            name: session.identity().user.name.clone(),
            places: places.map(|(application, host)| (application.to_string(), host.to_string())).collect(),
            factors: session.factors.iter().map(|factor| factor.name().to_owned()).collect(),
            opened: session.opened,
            last_seen: session.last_seen(),
            expires: session.expires(),
        }
    }
}

/// Sessions that are over and whose records are not yet removed.
pub struct Ended {
    operators: OperatorApi,
    sessions: Vec<Arc<Session>>,
    unwritten: Option<StoreError>,
}

impl Ended {
    pub fn count(&self) -> usize {
        self.sessions.len()
    }

    /// Why nothing could be written of it, if so. Records that are left are tried again every minute and at the stop.
    pub fn unwritten(&self) -> Option<String> {
        self.unwritten.as_ref().map(ToString::to_string)
    }

    /// Removes them from the records and journals each. Must run to its end: what is left on record is back after a restart.
    pub async fn write_down(self) {
        for session in &self.sessions {
            let what = What::SessionEnded { session: session.id.to_string(), reason: SessionOver::Operator.into() };
            if let Err(error) = self.operators.sessions.end(session, what, &About::default()).await {
                tracing::error!(%error, "a session ended here, but its record could not be removed");
            }
        }
    }
}

impl std::fmt::Display for SessionSelector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("--all"),
            Self::User(name) => write!(f, "--user {name}"),
            Self::Id(id) => write!(f, "--id {id}"),
        }
    }
}
