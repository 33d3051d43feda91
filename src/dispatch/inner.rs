//! What the sending of every message shares: records, journal, keys, the configuration of the moment, and what this node is sending.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::limit::allowance::Allowances;
use super::limit::toll_fraud::EntryShares;
use super::queue::expected::Expected;
use super::queue::record::{MessageRecord, PendingMessage};
use super::routing::Routing;
use super::routing::stats::Stats;
use crate::audit::{Event, Journal, What};
use crate::base::{Clock, Keys, Texts, Time};
use crate::store::{Queued, StoreError, Stores, Table, Versioned};

/// What the sending of one message needs of its dispatcher.
pub(super) struct Inner {
    pub ways: ArcSwap<Ways>,
    pub stores: Stores,
    pub messages: Table<MessageRecord>,
    pub receipts: Table<Expected>,
    pub journal: Journal,
    pub keys: Keys,
    pub texts: Texts,
    pub clock: Clock,
    /// No further attempt is begun after this; what is left stays on record.
    pub closing: CancellationToken,
    /// What this node is sending. As large as the messages under way, which the limits on messages bound.
    pub running: Mutex<HashMap<String, (u64, CancellationToken)>>,
    /// When messages that wait in the store are to be looked at; each goes when its time has come.
    pub alarms: Mutex<BTreeSet<Time>>,
    /// Something in the store is due sooner than it was.
    pub woken: Notify,
    /// Places for reports that came before what they are about.
    pub early: Arc<Semaphore>,
    pub node: String,
    pub tasks: TaskTracker,
    pub take_overs: Arc<Semaphore>,
    pub shares: EntryShares,
    pub stats: Stats,
    pub started: AtomicU64,
}

/// What the configuration says of sending; replaced as a whole.
pub(super) struct Ways {
    pub routing: Routing,
    pub allowances: Allowances,
}

/// For how long a message counts as being sent without a sign of life from whoever sends it.
pub(super) const LEASE: Duration = Duration::from_secs(10);
/// How much longer than its passcode an unsent message stays on record, so that its loss can be journaled after a crash.
pub(super) const GRACE: Duration = Duration::from_secs(600);
/// So many reports wait for their record at once; one more is dropped.
pub(super) const MOST_EARLY: usize = 256;

impl Inner {
    pub fn ways(&self) -> Arc<Ways> {
        self.ways.load_full()
    }

    /// No further attempt is begun for this message here.
    pub fn stop(&self, id: &str) {
        if let Some((_, sending)) = self.running().get(id) {
            sending.cancel();
        }
    }

    pub(super) fn running(&self) -> MutexGuard<'_, HashMap<String, (u64, CancellationToken)>> {
        // A panic elsewhere leaves the map whole.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message's record for those who wait for it: nothing where it cannot be read here.
    pub async fn readable(&self, id: &str) -> Result<Option<Versioned<MessageRecord>>, StoreError> {
        match self.messages.find(id, self.clock.now()).await {
            // Of a newer version, say: whichever node takes the message up says so in its log.
            Err(error) if error.is_unreadable() => Ok(None),
            found => found,
        }
    }

    /// Sets when the message is to be looked at again, by whichever node comes first.
    pub async fn due(&self, id: &str, due: Option<Time>) -> Result<(), StoreError> {
        self.stores.queue.due(Queued::Message, id, due, self.clock.now()).await
    }

    pub fn event(&self, work: &PendingMessage, what: What) -> Event {
        let (user, application) = (Some(work.user.clone()), Some(Arc::clone(&work.application)));
        Event { trace: Some(work.trace), user, application, ..Event::of_node(what) }
    }

    pub async fn refuse(&self, work: &PendingMessage, reason: String) {
        self.journal.note(self.event(work, What::MessageRefused { reason })).await;
    }
}
