//! The journal: what must be provable later, one event per decision, both ways. What an event means is said here; where it
//! is kept is the store's.

mod facts;
mod late;
pub mod reason;
mod repeats;
mod tally;
mod verify;
mod what;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::base::{Clock, Time, TraceId, UserId};
use crate::store::{Entry, EventLog, StoreError};
pub use facts::{Facts, GroupFact};
use late::LateEvents;
use repeats::Repeats;
pub use tally::SignInCount;
use tally::Tally;
pub use verify::verify;
pub use what::{EVENTS, NameMark, What};

/// Something that was decided or done, with the circumstances it happened in.
#[derive(Clone, Debug)]
pub struct Event {
    pub trace: Option<TraceId>,
    pub user: Option<UserId>,
    /// The user's account name, where it is known here: an event or two of each sign-in teach it to the journal's readers.
    pub name: Option<Arc<str>>,
    pub application: Option<Arc<str>>,
    /// The true client address, where known.
    pub address: Option<std::net::IpAddr>,
    /// What the browser calls itself, where one asks.
    pub browser: Option<Arc<str>>,
    pub what: What,
}

impl Event {
    /// Something about the node itself: of no attempt and of no user.
    pub fn of_node(what: What) -> Self {
        Self { trace: None, user: None, name: None, application: None, address: None, browser: None, what }
    }
}

/// Writes events. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    log: Arc<dyn EventLog>,
    clock: Clock,
    repeats: Arc<Repeats>,
    tally: Tally,
    late: Arc<LateEvents>,
    /// Changes with every event that is written.
    written: watch::Sender<()>,
}

impl Journal {
    pub fn new(log: Arc<dyn EventLog>, clock: Clock) -> Self {
        Self {
            log,
            clock,
            repeats: Arc::default(),
            tally: Tally::default(),
            late: Arc::default(),
            written: watch::Sender::new(()),
        }
    }

    /// Returns once the event is on disk. What must not happen unjournaled (a grant, an operator's act) waits for this.
    pub async fn record(&self, event: Event) -> Result<(), StoreError> {
        let entry = entry(&event, self.clock.now());
        self.append(&event, entry).await
    }

    async fn append(&self, event: &Event, entry: Entry) -> Result<(), StoreError> {
        let appended = self.log.append(entry).await;
        self.written.send_replace(());
        // A grant that is not on record has not happened; a refusal has.
        if appended.is_ok() || event.what.outcome() != "yes" {
            self.tally.count(event);
        }
        appended
    }

    /// The same for what goes on even if it cannot be journaled (a refusal, the end of a session): a failure is an error in the log, and
    /// the event is written later, with the time when it happened ([`Journal::write_late`]).
    pub async fn note(&self, event: Event) {
        let entry = entry(&event, self.clock.now());
        let Err(error) = self.append(&event, entry.clone()).await else { return };
        let name = entry.kind.clone();
        if self.late.add(entry) {
            tracing::error!(%error, event = name, "an event could not be journaled; it waits in memory and is tried again");
        } else {
            tracing::error!(%error, event = name, "an event could not be journaled, and too many wait already: it is lost");
        }
    }

    /// How many events wait to be written.
    pub fn late(&self) -> usize {
        self.late.len()
    }

    /// Returns once some events wait to be written.
    pub async fn late_events(&self) {
        self.late.come().await;
    }

    /// Writes events that could not be written before, until one still cannot be. They have the time when they happened, and in
    /// `written_at` when they were written.
    pub async fn write_late(&self) {
        let mut written = 0_u64;
        for _ in 0..self.late.len() {
            let Some(entry) = self.late.take() else { break };
            if self.log.append(written_at(entry.clone(), self.clock.now())).await.is_err() {
                self.late.put_back(entry);
                break;
            }
            written += 1;
        }
        if written > 0 {
            self.written.send_replace(());
            tracing::info!(
                events = written,
                waiting = self.late.len(),
                "events that could not be journaled are in the journal now"
            );
        }
    }

    /// The last try before the node ends: what still cannot be written is in the log at least.
    pub async fn give_up_late(&self) {
        self.write_late().await;
        while let Some(Entry { at, kind, user, application, detail, trace, .. }) = self.late.take() {
            let trace = trace.map(|trace| trace.to_string()).unwrap_or_default();
            tracing::error!(%at, event = kind, user, application, trace, detail, "an event is not in the journal: the node ends");
        }
    }

    /// Changes whenever an event was written, for readers that wait for the next one.
    pub fn written(&self) -> watch::Receiver<()> {
        self.written.subscribe()
    }

    /// Cuts off what is older than `keep`; says how many events. An event says so first: what is gone without one was removed by somebody
    /// else ([`verify()`]).
    pub async fn cut(&self, keep: Duration) -> Result<u64, StoreError> {
        let before =
            Time::from_millis(self.clock.now().millis().saturating_sub(u64::try_from(keep.as_millis()).unwrap_or(u64::MAX)));
        let up_to = self.log.old_ends(before).await?;
        if up_to.is_empty() {
            return Ok(0);
        }
        self.record(Event::of_node(What::JournalCut { before: before.to_string(), up_to })).await?;
        self.log.cut(before).await
    }

    /// Whether an event could be recorded now; writes nothing that is an event.
    pub async fn is_writable(&self) -> Result<(), StoreError> {
        self.log.is_writable().await
    }

    /// Notes a refusal by a limit: the first of its kind within a minute at once, the others as a count after it. `key` names the
    /// limit and whom it is about.
    pub async fn note_repeated(&self, key: &str, event: Event) {
        if self.take_turn(key, &event) {
            self.note(event).await;
        }
    }

    /// Counts an event that may repeat; says whether it is the first of its kind within a minute, and so to be written.
    pub fn take_turn(&self, key: &str, event: &Event) -> bool {
        let is_first = self.repeats.is_first(key, event, self.clock.now());
        if !is_first {
            self.tally.count(event);
        }
        is_first
    }

    /// How sign-ins ended since the start.
    pub fn sign_ins(&self) -> Vec<SignInCount> {
        self.tally.counts()
    }

    /// Writes the counts of [`Journal::note_repeated`] that are due. Called about once a minute.
    pub async fn note_counts(&self) {
        for (event, more) in self.repeats.take_old(self.clock.now()) {
            let reason = match event.what {
                What::PasswordRefused { reason, .. } => reason.to_string(),
                What::PasscodeRefused { reason, .. } => reason.to_string(),
                What::PasswordChangeRefused { reason } => reason.to_string(),
                What::RequestFailed { reason, .. } | What::RequestRefused { reason } | What::SignInFailed { reason, .. } => {
                    reason
                }
                other => other.name(),
            };
            self.note(Event { what: What::RefusalsRepeated { reason, more }, ..event }).await;
        }
    }

    /// A refusal that was only counted, as it would have been written; while it is remembered.
    pub fn counted(&self, trace: TraceId) -> Option<Entry> {
        self.repeats.find(trace).map(|(at, event)| entry(&event, at))
    }
}

fn written_at(mut entry: Entry, now: Time) -> Entry {
    if let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_str(&entry.detail) {
        fields.insert("written_at".to_owned(), now.to_string().into());
        entry.detail = serde_json::Value::Object(fields).to_string();
    }
    entry
}

fn entry(event: &Event, at: Time) -> Entry {
    let mut detail = serde_json::to_value(&event.what).unwrap_or_default();
    let kind = event.what.name();
    if let Some(fields) = detail.as_object_mut() {
        fields.remove("event");
        fields.extend(event.address.map(|address| ("address".to_owned(), address.to_string().into())));
        fields.extend(event.browser.as_deref().map(|browser| ("browser".to_owned(), browser.into())));
    }
    Entry {
        at,
        trace: event.trace,
        kind,
        outcome: event.what.outcome().to_owned(),
        user: event.user.as_ref().map(ToString::to_string).unwrap_or_default(),
        name: event.name.as_deref().unwrap_or_default().to_owned(),
        application: event.application.as_deref().unwrap_or_default().to_owned(),
        country: String::new(),
        detail: detail.to_string(),
    }
}
