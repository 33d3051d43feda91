//! Takes orders, keeps them on record and has them sent in the background. What waits or was left behind is claimed by
//! [`Dispatcher::run`] in `queue/claims.rs`, of this node or of another one on the same store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::inner::{GRACE, Inner, LEASE, MOST_EARLY, Ways};
use super::limit::allowance::{Allowances, Reached};
use super::limit::toll_fraud::{Alarm, EntryShares, NumberRules};
use super::queue::record::{MessageRecord, PendingMessage, Sent};
use super::routing::stats::Stats;
use super::routing::{Grouped, Route, Routing};
use super::send::attempt::Sending;
use super::{Addresses, Order, Progress, Purpose};
use crate::audit::reason::MessageEnd;
use crate::audit::{Event, Journal, What};
use crate::base::{Clock, Country, Keys, Texts, Time};
use crate::config::dispatch_policy::AddressKind;
use crate::config::{DispatchPolicy, Limits};
use crate::store::{Step, StoreError, Stores, Table, Versioned};

/// What a dispatcher is made of.
pub struct Parts {
    pub transmitters: Vec<Grouped>,
    pub policies: Vec<DispatchPolicy>,
    pub stores: Stores,
    pub journal: Journal,
    pub keys: Keys,
    pub texts: Texts,
    pub clock: Clock,
    pub limits: Limits,
    /// Names this node in leases and in the count of its day.
    pub node: String,
    /// Where the background tasks are waited for at the end.
    pub tasks: TaskTracker,
}

/// An order that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    #[error("no rule of the dispatch policy leads to an address of this person")]
    NoRoute,
    #[error("too many messages ({})", .0.limit.name())]
    TooMany(Reached),
    #[error("the message could not be put on record")]
    Store(#[from] StoreError),
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Dispatcher {
    pub(super) inner: Arc<Inner>,
}

/// So many messages of a crashed node, or at the end of a wait, are sent at once; the others wait in the store.
const MOST_TAKE_OVERS: usize = 1024;

impl Dispatcher {
    pub fn new(parts: Parts) -> Self {
        let (stores, keys, limits, node) = (parts.stores, parts.keys, parts.limits, parts.node);
        let allowances = Allowances { stores: stores.clone(), keys: keys.clone(), limits, node: node.clone() };
        let routing = Routing::new(parts.transmitters, parts.policies, NumberRules::new(&allowances.limits));
        let ways = Ways { routing, allowances };
        let inner = Inner {
            ways: ArcSwap::from_pointee(ways),
            messages: Table::new(&stores, &keys),
            receipts: Table::new(&stores, &keys),
            stores,
            journal: parts.journal,
            keys,
            texts: parts.texts,
            clock: parts.clock,
            closing: CancellationToken::new(),
            running: Mutex::default(),
            alarms: Mutex::default(),
            woken: Notify::new(),
            early: Arc::new(Semaphore::new(MOST_EARLY)),
            shares: EntryShares::default(),
            started: AtomicU64::new(0),
            node,
            tasks: parts.tasks,
            take_overs: Arc::new(Semaphore::new(MOST_TAKE_OVERS)),
            stats: Stats::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Another configuration: for messages from now on, and for the next rule of those under way.
    pub fn renew(&self, transmitters: Vec<Grouped>, policies: Vec<DispatchPolicy>, limits: Limits) {
        let Inner { stores, keys, node, .. } = &*self.inner;
        let allowances = Allowances { stores: stores.clone(), keys: keys.clone(), limits, node: node.clone() };
        let routing = Routing::new(transmitters, policies, NumberRules::new(&allowances.limits));
        self.inner.ways.store(Arc::new(Ways { routing, allowances }));
    }

    /// The names of all dispatch policies, in order.
    pub fn policies(&self) -> Vec<Arc<str>> {
        self.inner.ways().routing.policies()
    }

    /// Whether there is a dispatch policy of this name.
    pub fn knows(&self, policy: &str) -> bool {
        self.inner.ways().routing.knows(policy)
    }

    /// Whether any rule of the policy leads to an address of this person; if none does, why, for the journal.
    pub fn reaches(&self, policy: &str, addresses: &Addresses) -> Result<(), String> {
        self.inner.ways().routing.routes(policy, addresses).map(drop).map_err(|why| why.to_string())
    }

    /// Which addresses of a person the rules of this policy send to; none for a policy that is not there.
    pub fn address_kinds(&self, policy: &str) -> Vec<AddressKind> {
        self.inner.ways().routing.address_kinds(policy)
    }

    /// Puts the order on record and into the journal and begins to send in the background. The same id handed over twice is
    /// sent once.
    pub async fn hand_over(&self, order: Order) -> Result<Progress, DispatchError> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let ways = inner.ways();
        for why in ways.routing.unusable(&order.policy, &order.addresses) {
            let (user, trace) = (&order.user, &order.trace);
            tracing::warn!(user.id = %user, %trace, why, "an address in this person's record cannot be sent to");
        }
        let id = order.id.clone();
        let mut work = PendingMessage::of(order);
        let from = |routes: Vec<Route>| routes.into_iter().filter(|route| route.rule >= work.rule).collect::<Vec<_>>();
        let routes = match ways.routing.routes(&work.policy, &work.addresses).map(from) {
            Ok(routes) if !routes.is_empty() => routes,
            none => {
                let reason = none.err().map_or_else(|| "none from that rule on".to_owned(), |why| why.to_string());
                inner.refuse(&work, format!("no-route: {reason}")).await;
                return Err(DispatchError::NoRoute);
            }
        };
        let counted = match ways.allowances.take(&work.user, &routes, now).await? {
            Ok(counted) => counted.to_owned(),
            Err(reached) => {
                inner.refuse(&work, reached.limit.name().to_owned()).await;
                return Err(DispatchError::TooMany(reached));
            }
        };
        let Some(first) = routes.iter().find(|route| route.to == counted) else { return Err(DispatchError::NoRoute) };
        let progress = Progress::Sending { channel: first.channel, to: first.masked(), before: None, again: None };
        work.counted.push(counted.clone());
        let kept = MessageRecord { progress: progress.clone(), work: Some(work.clone()) };
        let message = Versioned::new(kept, work.user.as_str(), work.expires.plus(GRACE));
        if !inner.messages.put(&id, &message, now).await? {
            ways.allowances.give_back(&work.user, &counted, now).await?;
            return self.progress(&id).await;
        }
        let routes = routes.iter().map(|route| format!("{} {}", route.channel.name(), route.masked())).collect();
        let handed_over = inner.event(&work, What::MessageHandedOver { message: id.clone(), routes });
        if let Err(error) = inner.journal.record(handed_over).await {
            inner.messages.remove(&id, now).await?;
            return Err(error.into());
        }
        inner.due(&id, Some(now.plus(LEASE))).await?;
        if work.purpose() == Purpose::Passcode {
            inner.note_unentered(Country::of_number(&counted), now).await;
        }
        inner.start(Sending::fresh(Arc::clone(inner), id, work), None);
        Ok(progress)
    }

    /// The passcode of a message that was handed over then was entered.
    pub fn entered(&self, policy: &str, addresses: &Addresses, handed_over: Time) {
        let routes = self.inner.ways().routing.routes(policy, addresses).unwrap_or_default();
        let country = routes.first().and_then(|route| Country::of_number(&route.to));
        self.inner.shares.entered(country, handed_over);
    }

    /// How far a message is. One that is not on record any more counts as failed.
    pub async fn progress(&self, id: &str) -> Result<Progress, DispatchError> {
        Ok(self.progress_on_record(id).await?.unwrap_or(Progress::Failed))
    }

    /// The same; nothing where there is no such message, or not yet.
    pub async fn progress_on_record(&self, id: &str) -> Result<Option<Progress>, DispatchError> {
        Ok(self.inner.readable(id).await?.map(|found| found.row.progress))
    }

    /// A newer code replaces it: nothing more of it is sent and its passcode is wiped. What was sent already stays sent.
    pub async fn cancel(&self, id: &str) {
        self.drop_message(id, MessageEnd::Replaced).await;
    }

    /// Nobody waits for it any more (the person is in, or the flow is over): the same.
    pub async fn settle(&self, id: &str) {
        self.drop_message(id, MessageEnd::Needless).await;
    }

    async fn drop_message(&self, id: &str, reason: MessageEnd) {
        self.inner.stop(id);
        if let Err(error) = self.inner.wipe(id, reason).await {
            tracing::error!(%error, message.id = id, "a message that is not needed any more could not be wiped from the store");
        }
    }
}

impl Inner {
    pub fn start(self: &Arc<Self>, sending: Sending, permit: Option<OwnedSemaphorePermit>) {
        let cancelled = CancellationToken::new();
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        self.running().insert(sending.id.clone(), (number, cancelled.clone()));
        let running = Running { inner: Arc::clone(self), id: sending.id.clone(), number };
        self.tasks.spawn(async move {
            sending.run(cancelled).await;
            drop((running, permit));
        });
    }

    /// Ends a message that is not done: wiped, never due; one that was not sent is journaled as failed.
    async fn wipe(&self, id: &str, reason: MessageEnd) -> Result<(), StoreError> {
        let wiped = self.messages.update(id, self.clock.now(), |found| {
            let Some(found) = found else { return Step::Leave(None) };
            let MessageRecord { progress, work: Some(work) } = found.row else { return Step::Leave(None) };
            let (progress, end) = ending_of(id, progress, &work, reason);
            Step::Write(Versioned { row: MessageRecord { progress, work: None }, ..found }, Some((work, end)))
        });
        let Some((work, end)) = wiped.await? else { return Ok(()) };
        self.due(id, None).await?;
        if let Some(end) = end {
            self.journal.note(self.event(&work, end)).await;
        }
        Ok(())
    }

    async fn note_unentered(&self, country: Option<Country>, now: Time) {
        for Alarm { country, issued, entered } in self.shares.issued(country, now) {
            let country = country.map_or("all", Country::code).to_owned();
            tracing::error!(country, issued, entered, "unusually many codes are sent and never entered; see docs/sending.md");
            let what = What::CodesNotEntered { country, issued, entered };
            self.journal.note(Event::of_node(what)).await;
        }
    }
}

/// How a message ends that nobody waits for any more, and its event where it was not sent.
fn ending_of(id: &str, progress: Progress, work: &PendingMessage, reason: MessageEnd) -> (Progress, Option<What>) {
    match (progress, work.unsure.clone()) {
        (Progress::Sent { channel, to, at, before, by, .. }, _) => {
            (Progress::Sent { channel, to, at, awaited: false, before, by }, None)
        }
        // By a way before, and nobody said that it did not arrive.
        (_, _) if let Some(Sent { transmitter: by, channel, to, at }) = work.sent.clone() => {
            (Progress::Sent { channel, to, at, awaited: false, before: None, by }, None)
        }
        (_, Some(Sent { transmitter, channel, to, at })) => {
            let (message, name) = (id.to_owned(), channel.name().to_owned());
            let unsure = Progress::Unsure { channel, to: to.clone(), at, by: transmitter.clone() };
            (unsure, Some(What::MessageUnconfirmed { message, transmitter, channel: name, to }))
        }
        _ => (Progress::Failed, Some(What::MessageFailed { message: id.to_owned(), reason })),
    }
}

/// Takes a message off the list of what is being sent, also when its task panics.
struct Running {
    inner: Arc<Inner>,
    id: String,
    number: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.inner.running();
        // Another one may have taken the message up meanwhile.
        if running.get(&self.id).is_some_and(|(number, _)| *number == self.number) {
            running.remove(&self.id);
        }
    }
}
