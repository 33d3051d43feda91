//! Takes orders, keeps them on record and has them sent in the background. What waits or was left behind is claimed by
//! [`Dispatcher::run`] in `claims.rs`, of this node or of another one on the same store.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::allowance::{Allowances, MessageLimit};
use super::board::{Board, Grouped, Route};
use super::delivery::MOST_EARLY;
use super::guard::{Alarm, Guard, Shares};
use super::kept::{KIND, Kept, Sent, Work};
use super::sending::Sending;
use super::tally::Tallies;
use super::{Addresses, Order, Progress, Purpose};
use crate::audit::reason::MessageEnd;
use crate::audit::{Event, Journal, What};
use crate::base::{Clock, Country, Keys, Texts, Time};
use crate::config::{DispatchPolicy, Limits};
use crate::store::{Expect, Place, Records, StoreError};

/// What a dispatcher is made of.
pub struct Parts {
    pub transmitters: Vec<Grouped>,
    pub policies: Vec<DispatchPolicy>,
    pub records: Arc<dyn Records>,
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
    #[error("too many messages ({})", .0.name())]
    TooMany(MessageLimit),
    #[error("the message could not be put on record")]
    Store(#[from] StoreError),
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Dispatcher {
    pub(super) inner: Arc<Inner>,
}

/// What the sending of one message needs of its dispatcher.
pub(super) struct Inner {
    ways: ArcSwap<Ways>,
    pub records: Arc<dyn Records>,
    pub journal: Journal,
    pub keys: Keys,
    pub texts: Texts,
    pub clock: Clock,
    /// No further attempt is begun after this; what is left stays on record.
    pub closing: CancellationToken,
    /// What this node is sending. As large as the messages under way, which the limits on messages bound.
    running: Mutex<HashMap<String, (u64, CancellationToken)>>,
    /// When messages that wait in the store are to be looked at; each goes when its time has come.
    pub alarms: Mutex<BTreeSet<Time>>,
    /// Something in the store is due sooner than it was.
    pub woken: Notify,
    /// Places for reports that came before what they are about.
    pub early: Arc<Semaphore>,
    pub node: String,
    pub tasks: TaskTracker,
    pub take_overs: Arc<Semaphore>,
    shares: Shares,
    pub tallies: Tallies,
    started: AtomicU64,
}

/// What the configuration says of sending; replaced as a whole.
pub(super) struct Ways {
    pub board: Board,
    pub allowances: Allowances,
}

/// For how long a message counts as being sent without a sign of life from whoever sends it.
pub(super) const LEASE: Duration = Duration::from_secs(10);
/// How much longer than its passcode an unsent message stays on record, so that its loss can be journaled after a crash.
pub(super) const GRACE: Duration = Duration::from_secs(600);
/// So many messages of a crashed node, or at the end of a wait, are sent at once; the others wait in the store.
const MOST_TAKE_OVERS: usize = 1024;

impl Dispatcher {
    pub fn new(parts: Parts) -> Self {
        let (records, keys, limits, node) = (parts.records, parts.keys, parts.limits, parts.node);
        let allowances = Allowances { records: Arc::clone(&records), keys: keys.clone(), limits, node: node.clone() };
        let board = Board::new(parts.transmitters, parts.policies, Guard::new(&allowances.limits));
        let ways = Ways { board, allowances };
        let inner = Inner {
            ways: ArcSwap::from_pointee(ways),
            records,
            journal: parts.journal,
            keys,
            texts: parts.texts,
            clock: parts.clock,
            closing: CancellationToken::new(),
            running: Mutex::default(),
            alarms: Mutex::default(),
            woken: Notify::new(),
            early: Arc::new(Semaphore::new(MOST_EARLY)),
            shares: Shares::default(),
            started: AtomicU64::new(0),
            node,
            tasks: parts.tasks,
            take_overs: Arc::new(Semaphore::new(MOST_TAKE_OVERS)),
            tallies: Tallies::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Another configuration: for messages from now on, and for the next rule of those under way.
    pub fn renew(&self, transmitters: Vec<Grouped>, policies: Vec<DispatchPolicy>, limits: Limits) {
        let Inner { records, keys, node, .. } = &*self.inner;
        let allowances = Allowances { records: Arc::clone(records), keys: keys.clone(), limits, node: node.clone() };
        let board = Board::new(transmitters, policies, Guard::new(&allowances.limits));
        self.inner.ways.store(Arc::new(Ways { board, allowances }));
    }

    /// The names of all dispatch policies, in order.
    pub fn policies(&self) -> Vec<Arc<str>> {
        self.inner.ways().board.policies()
    }

    /// Whether there is a dispatch policy of this name.
    pub fn knows(&self, policy: &str) -> bool {
        self.inner.ways().board.knows(policy)
    }

    /// Whether any rule of the policy leads to an address of this person; if none does, why, for the journal.
    pub fn reaches(&self, policy: &str, addresses: &Addresses) -> Result<(), String> {
        self.inner.ways().board.routes(policy, addresses).map(drop).map_err(|why| why.to_string())
    }

    /// Puts the order on record and into the journal and begins to send in the background. The same id handed over twice is
    /// sent once.
    pub async fn hand_over(&self, order: Order) -> Result<Progress, DispatchError> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let ways = inner.ways();
        for why in ways.board.unusable(&order.policy, &order.addresses) {
            let (user, trace) = (&order.user, &order.trace);
            tracing::warn!(user.id = %user, %trace, why, "an address in this person's record cannot be sent to");
        }
        let id = order.id.clone();
        let mut work = Work::of(order);
        let from = |routes: Vec<Route>| routes.into_iter().filter(|route| route.rule >= work.rule).collect::<Vec<_>>();
        let routes = match ways.board.routes(&work.policy, &work.addresses).map(from) {
            Ok(routes) if !routes.is_empty() => routes,
            none => {
                let reason = none.err().map_or_else(|| "none from that rule on".to_owned(), |why| why.to_string());
                inner.refuse(&work, format!("no-route: {reason}")).await;
                return Err(DispatchError::NoRoute);
            }
        };
        let counted = match ways.allowances.take(&work.user, &routes, now).await? {
            Ok(counted) => counted.to_owned(),
            Err(limit) => {
                inner.refuse(&work, limit.name().to_owned()).await;
                return Err(DispatchError::TooMany(limit));
            }
        };
        let Some(first) = routes.iter().find(|route| route.to == counted) else { return Err(DispatchError::NoRoute) };
        let progress = Progress::Sending { channel: first.channel, to: first.masked(), before: None, again: None };
        work.counted.push(counted.clone());
        let kept = Kept { progress: progress.clone(), work: Some(work) };
        let Some(work) = &kept.work else { return Err(DispatchError::NoRoute) };
        if !inner.put(&id, &kept, work.expires.plus(GRACE), Expect::Absent).await? {
            ways.allowances.give_back(&work.user, &counted, now).await?;
            return self.progress(&id).await;
        }
        let routes = routes.iter().map(|route| format!("{} {}", route.channel.name(), route.masked())).collect();
        let handed_over = inner.event(work, What::MessageHandedOver { message: id.clone(), routes });
        if let Err(error) = inner.journal.record(handed_over).await {
            inner.records.remove(KIND, &id, now).await?;
            return Err(error.into());
        }
        inner.records.due(KIND, &id, Some(now.plus(LEASE)), now).await?;
        if work.purpose() == Purpose::Passcode {
            inner.note_unentered(Country::of_number(&counted), now).await;
        }
        if let Some(work) = kept.work {
            inner.start(Sending::fresh(Arc::clone(inner), id, work), None);
        }
        Ok(progress)
    }

    /// The passcode of a message that was handed over then was entered.
    pub fn entered(&self, policy: &str, addresses: &Addresses, handed_over: Time) {
        let routes = self.inner.ways().board.routes(policy, addresses).unwrap_or_default();
        let country = routes.first().and_then(|route| Country::of_number(&route.to));
        self.inner.shares.entered(country, handed_over);
    }

    /// How far a message is. One that is not on record any more counts as failed.
    pub async fn progress(&self, id: &str) -> Result<Progress, DispatchError> {
        Ok(self.progress_on_record(id).await?.unwrap_or(Progress::Failed))
    }

    /// The same; nothing where there is no such message, or not yet.
    pub async fn progress_on_record(&self, id: &str) -> Result<Option<Progress>, DispatchError> {
        let found = self.inner.records.find(KIND, id, self.inner.clock.now()).await?;
        Ok(found.and_then(|record| Kept::from_bytes(&record.value, &self.inner.keys, id)).map(|kept| kept.progress))
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
        // Tried again where the sender wrote at the same moment; it writes no more than once after it was told to stop.
        for _ in 0..5 {
            match self.inner.wipe(id, reason).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, message.id = id, "a message that is not needed any more could not be wiped from the store");
                    return;
                }
            }
        }
    }
}

impl Inner {
    pub fn ways(&self) -> Arc<Ways> {
        self.ways.load_full()
    }

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

    /// Writes a message's record; says whether what was expected was so.
    pub async fn put(&self, id: &str, kept: &Kept, expires: Time, expect: Expect) -> Result<bool, StoreError> {
        let owner = kept.work.as_ref().map(|work| work.user.clone());
        let place = Place { kind: KIND, owner: owner.as_ref().map_or("", |user| user.as_str()), id };
        self.records.put_if(place, kept.to_bytes(&self.keys, id), expires, expect, self.clock.now()).await
    }

    /// Ends a message that is not done: wiped, never due; one that was not sent is journaled as failed. False where somebody wrote in
    /// between.
    async fn wipe(&self, id: &str, reason: MessageEnd) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Some((record, Kept { progress, work: Some(work) })) = self.message(id, now).await? else { return Ok(true) };
        let (progress, end) = match (progress, work.unsure.clone()) {
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
        };
        if !self.rewrite(&record, Kept { progress, work: None }, now).await? {
            return Ok(false);
        }
        self.records.due(KIND, id, None, now).await?;
        if let Some(end) = end {
            self.journal.note(self.event(&work, end)).await;
        }
        Ok(true)
    }

    pub fn event(&self, work: &Work, what: What) -> Event {
        let (user, application) = (Some(work.user.clone()), Some(Arc::clone(&work.application)));
        Event { trace: Some(work.trace), user, application, address: None, what }
    }

    async fn note_unentered(&self, country: Option<Country>, now: Time) {
        for Alarm { country, issued, entered } in self.shares.issued(country, now) {
            let country = country.map_or("all", Country::code).to_owned();
            tracing::error!(country, issued, entered, "unusually many codes are sent and never entered; see docs/sending.md");
            let what = What::CodesNotEntered { country, issued, entered };
            self.journal.note(Event { trace: None, user: None, application: None, address: None, what }).await;
        }
    }

    pub async fn refuse(&self, work: &Work, reason: String) {
        self.journal.note(self.event(work, What::MessageRefused { reason })).await;
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::super::FailureKind::*;
    use super::super::claims::POLL;
    use super::super::memory::Memory;
    use super::super::trial::{Answer::*, CODE, Scripted, danish, house, house_on, keys};
    use super::super::{Before, Fate};
    use super::*;
    use crate::base::{Channel, Clock, Rate};

    #[tokio::test]
    async fn a_message_goes_out_by_the_first_transmitter_and_leaves_no_passcode_behind() {
        let a = Scripted::new("a", [Hang]);
        let house = house(&[Arc::clone(&a)], Limits::default());
        let order = house.order("m1");
        let sending = Progress::Sending { channel: Channel::Sms, to: "•••• 78".into(), before: None, again: None };
        assert_eq!(house.hand_over(order).await.unwrap(), sending);
        a.asked().await;
        assert_eq!(house.dispatcher.progress("m1").await.unwrap(), sending);
        let value = house.memory.value(KIND, "m1").unwrap();
        assert!(!value.windows(6).any(|window| window == CODE.as_bytes()), "the passcode is on record unsealed");
        assert!(house.kept("m1").work.is_some());
        house.dispatcher.settle("m1").await;
        house.done().await;
        assert!(house.kept("m1").work.is_none());
        house.tasks.reopen();

        house.hand_over(house.order("m2")).await.unwrap();
        house.done().await;
        let message = a.seen().remove(1);
        assert_eq!(message.to, "+4512345678");
        assert!(message.text.expose().ends_with("\n@mail.example.com #482913"), "{}", message.text.expose());
        assert!(house.was_sent("m2").await && house.kept("m2").work.is_none());
        let value = house.memory.value(KIND, "m2").unwrap();
        let plain = String::from_utf8(keys().open(KIND, b"m2", &value[1..]).unwrap()).unwrap();
        assert!(!plain.contains(CODE), "{plain}");
    }

    #[tokio::test]
    async fn the_next_transmitter_and_then_the_next_rule_is_tried() {
        let a = Scripted::new("a", [Fail(RetryElsewhere)]);
        let g = Scripted::new("g1", [Fail(RetryElsewhere), Fail(RetryElsewhere)]);
        let relay = Scripted::new("relay", []);
        let house = house(&[a, g, Arc::clone(&relay)], Limits::default());
        let mut order = house.order("m1");
        order.addresses.second_mobile = Some("+46 70 123 45 67".into());
        order.addresses.mail = Some("anna@example.com".into());
        house.hand_over(order).await.unwrap();
        house.done().await;
        let story = [
            "message-handed-over",
            "message-tried a failed",
            "message-tried g1 failed",
            "message-tried g1 failed",
            "message-tried relay sent",
            "message-sent relay",
        ];
        assert_eq!(house.memory.story(), story);
        assert!(relay.seen()[0].subject.contains("K7"));
        assert!(house.was_sent("m1").await);
    }

    #[tokio::test]
    async fn what_transmitters_repeat_does_not_reach_the_journal() {
        let house = house(&[Scripted::new("a", [Fail(RetryElsewhere)]), Scripted::new("g1", [])], Limits::default());
        house.hand_over(house.order("m1")).await.unwrap();
        house.done().await;
        let entries = house.memory.entries.lock().unwrap();
        assert_eq!(entries.len(), 4);
        for entry in entries.iter() {
            assert!(!entry.detail.contains(CODE) && !entry.detail.contains("12345678"), "{}", entry.detail);
        }
    }

    #[tokio::test]
    async fn a_refused_address_skips_the_rest_of_its_rule() {
        let (a, g) = (Scripted::new("a", [Fail(Final)]), Scripted::new("g1", []));
        let house = house(&[a, Arc::clone(&g)], Limits::default());
        let mut order = house.order("m1");
        order.addresses.second_mobile = Some("87654321".into());
        house.hand_over(order).await.unwrap();
        house.done().await;
        assert_eq!(g.seen().iter().map(|message| message.to.clone()).collect::<Vec<_>>(), ["+4587654321"]);
    }

    #[tokio::test]
    async fn a_transmitter_that_said_later_is_asked_once_more_at_the_end() {
        let (a, g) = (Scripted::new("a", [Fail(RetryHere)]), Scripted::new("g1", [Fail(RetryElsewhere)]));
        let house = house(&[Arc::clone(&a), g], Limits::default());
        let _runs = house.runs();
        house.hand_over(house.order("m1")).await.unwrap();
        house.paused("m1").await;
        house.clock.advance(Duration::from_secs(5));
        house.until("message-sent a").await;
        assert_eq!(a.seen().len(), 2);
        assert!(house.was_sent("m1").await);
    }

    #[tokio::test]
    async fn when_everything_fails_the_message_has_failed() {
        let (a, g) = (Scripted::new("a", [Fail(RetryElsewhere)]), Scripted::new("g1", [Fail(RetryElsewhere)]));
        let house = house(&[a, g], Limits::default());
        house.hand_over(house.order("m1")).await.unwrap();
        house.done().await;
        assert_eq!(house.dispatcher.progress("m1").await.unwrap(), Progress::Failed);
        assert_eq!(house.memory.story().last().unwrap(), "message-failed every-rule-failed");
        assert!(house.kept("m1").work.is_none());
    }

    #[tokio::test]
    async fn a_hanging_transmitter_costs_one_wait_and_blocks_nobody() {
        let (a, g) = (Scripted::new("a", (0..40).map(|_| Hang)), Scripted::new("g1", []));
        let house = house(
            &[Arc::clone(&a), Arc::clone(&g)],
            Limits {
                messages_per_user: Rate { count: 100, window: Duration::from_secs(60) },
                messages_per_number: Rate { count: 100, window: Duration::from_secs(60) },
                ..Limits::default()
            },
        );
        for number in 0..40 {
            house.hand_over(house.order(&format!("hangs{number}"))).await.unwrap();
        }
        a.asked().await;
        let mut other = house.order("other");
        other.addresses = Addresses { second_mobile: Some("87654321".into()), ..danish() };
        house.hand_over(other).await.unwrap();
        g.asked().await;
        assert_eq!(g.seen().len(), 1, "the clock was not moved, so nothing else can have gone on");
        let begun = house.clock.now();
        house.done().await;
        assert_eq!(g.seen().len(), 41);
        assert!(house.clock.now().since(begun) < Duration::from_secs(60));
    }

    #[tokio::test]
    async fn a_message_past_its_life_is_dropped() {
        let (a, g) = (Scripted::new("a", [Hang]), Scripted::new("g1", []));
        let house = house(&[Arc::clone(&a), Arc::clone(&g)], Limits::default());
        let mut order = house.order("m1");
        order.expires = house.clock.now().plus(Duration::from_secs(20));
        house.hand_over(order).await.unwrap();
        house.done().await;
        assert!(g.seen().is_empty());
        assert_eq!(house.memory.story().last().unwrap(), "message-unconfirmed a", "it may have been taken");
        let mut late = house.order("m2");
        late.expires = house.clock.now();
        house.tasks.reopen();
        house.hand_over(late).await.unwrap();
        house.done().await;
        assert_eq!(house.memory.story().last().unwrap(), "message-failed expired");
        assert_eq!((a.seen().len(), g.seen().len()), (1, 0));
    }

    #[tokio::test]
    async fn what_may_have_been_sent_is_not_called_a_failure() {
        let a = Scripted::new("a", [Fail(Unsure), Fail(Unsure)]);
        let g = Scripted::new("g1", [Fail(RetryElsewhere), Fail(RetryElsewhere)]);
        let relay = Scripted::new("relay", [Hang, Fail(RetryElsewhere)]);
        let house = house(&[a, g, Arc::clone(&relay)], Limits::default());
        let mut order = house.order("m1");
        order.addresses.mail = Some("anna@example.com".into());
        house.hand_over(order).await.unwrap();
        relay.asked().await;
        let before = Some(Before { channel: Channel::Sms, to: "•••• 78".into(), fate: Fate::Unsure });
        let mailing = Progress::Sending { channel: Channel::Mail, to: "a•••@example.com".into(), before, again: None };
        assert_eq!(house.progress("m1").await, mailing);
        let _runs = house.runs();
        house.clock.advance(Duration::from_secs(30));
        house.paused("m1").await;
        house.clock.advance(Duration::from_secs(30));
        house.until("message-unconfirmed a").await;
        assert!(matches!(house.progress("m1").await, Progress::Unsure { channel: Channel::Sms, .. }));
        assert!(house.memory.story().contains(&"message-tried a unknown".to_owned()), "{:?}", house.memory.story());
    }

    #[test]
    fn what_a_crash_left_and_nobody_takes_any_more_may_have_been_sent() {
        let (memory, clock) = crashed_while_sending();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let g = Scripted::new("g1", [Fail(Final)]);
            let house = house_on(memory, clock, &[g], Limits::default());
            let _runs = house.runs();
            house.clock.advance(LEASE + POLL);
            house.until("message-unconfirmed g1").await;
            let unsure = |progress: Progress| matches!(progress, Progress::Unsure { channel: Channel::Sms, .. });
            assert!(unsure(house.progress("m1").await));
            // The same when its life is over, as long as anybody can look.
            house.clock.advance(Duration::from_secs(400));
            assert!(unsure(house.progress("m1").await));
        });
    }

    #[tokio::test]
    async fn nothing_more_of_a_replaced_message_is_sent() {
        let (a, g) = (Scripted::new("a", [Hang]), Scripted::new("g1", []));
        let house = house(&[Arc::clone(&a), Arc::clone(&g)], Limits::default());
        house.hand_over(house.order("m1")).await.unwrap();
        a.asked().await;
        house.dispatcher.cancel("m1").await;
        house.tasks.close();
        house.tasks.wait().await;
        assert!(g.seen().is_empty() && house.kept("m1").work.is_none());
        assert_eq!(house.dispatcher.progress("m1").await.unwrap(), Progress::Failed);
        assert_eq!(house.memory.story(), ["message-handed-over", "message-failed replaced"]);
        house.dispatcher.cancel("m1").await;
        house.dispatcher.cancel("unknown").await;
        assert_eq!(house.memory.story().len(), 2);
    }

    #[tokio::test]
    async fn another_node_that_replaces_a_message_stops_it_here() {
        let (a, g) = (Scripted::new("a", [Hang]), Scripted::new("g1", []));
        let house = house(&[Arc::clone(&a), Arc::clone(&g)], Limits::default());
        house.hand_over(house.order("m1")).await.unwrap();
        a.asked().await;
        let other = house_on(Arc::clone(&house.memory), house.clock.clone(), &[], Limits::default());
        other.dispatcher.cancel("m1").await;
        house.done().await;
        assert!(g.seen().is_empty());
        assert_eq!(house.dispatcher.progress("m1").await.unwrap(), Progress::Failed);
    }

    /// A runtime that is dropped ends its tasks where they stand, as a crash does.
    fn crashed_while_sending() -> (Arc<Memory>, Clock) {
        let (memory, clock) = (Arc::<Memory>::default(), Clock::by_hand());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let a = Scripted::new("a", [Fail(RetryElsewhere)]);
            let g = Scripted::new("g1", [Hang]);
            let house = house_on(Arc::clone(&memory), clock.clone(), &[a, Arc::clone(&g)], Limits::default());
            house.hand_over(house.order("m1")).await.unwrap();
            g.asked().await;
        });
        drop(runtime);
        (memory, clock)
    }

    #[test]
    fn what_a_crash_left_is_sent_by_whoever_comes_next() {
        let (memory, clock) = crashed_while_sending();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (a, g) = (Scripted::new("a", []), Scripted::new("g1", []));
            let house = house_on(memory, clock, &[Arc::clone(&a), Arc::clone(&g)], Limits::default());
            let stop = CancellationToken::new();
            let run = tokio::spawn(house.dispatcher.clone().run(stop.clone()));
            tokio::task::yield_now().await;
            assert!(g.seen().is_empty(), "as long as its sender may live it is not taken over");
            house.clock.advance(LEASE + POLL);
            g.asked().await;
            house.done().await;
            assert!(house.was_sent("m1").await);
            assert_eq!(g.seen()[0].passcode.expose(), CODE);
            stop.cancel();
            run.await.unwrap();
            assert_eq!((a.seen().len(), g.seen().len()), (0, 1), "who had failed is not asked again");
        });
    }

    #[test]
    fn what_a_crash_left_for_too_long_is_journaled_as_unconfirmed() {
        let (memory, clock) = crashed_while_sending();
        clock.advance(Duration::from_secs(400));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let a = Scripted::new("a", []);
            let house = house_on(Arc::clone(&memory), clock, &[Arc::clone(&a)], Limits::default());
            let run = tokio::spawn(house.dispatcher.clone().run(CancellationToken::new()));
            let lost = async {
                while memory.story().last().is_none_or(|last| last != "message-unconfirmed g1") {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), lost).await.unwrap();
            assert!(a.seen().is_empty());
            run.abort();
        });
    }

    #[tokio::test]
    async fn a_node_that_is_stopped_leaves_the_rest_to_the_next() {
        let (a, g) = (Scripted::new("a", [Hang]), Scripted::new("g1", []));
        let house = house(&[Arc::clone(&a), Arc::clone(&g)], Limits::default());
        let stop = CancellationToken::new();
        let run = tokio::spawn(house.dispatcher.clone().run(stop.clone()));
        house.hand_over(house.order("m1")).await.unwrap();
        a.asked().await;
        stop.cancel();
        run.await.unwrap();
        house.done().await;
        assert!(g.seen().is_empty());
        let next = house_on(Arc::clone(&house.memory), house.clock.clone(), &[Arc::clone(&g)], Limits::default());
        let run = tokio::spawn(next.dispatcher.clone().run(CancellationToken::new()));
        g.asked().await;
        next.done().await;
        assert!(next.was_sent("m1").await);
        run.abort();
    }

    #[tokio::test]
    async fn the_least_busy_of_a_group_is_asked_first() {
        let (g1, g2) = (Scripted::new("g1", [Hang, Take]), Scripted::new("g2", []));
        let house = house(&[Arc::clone(&g1), Arc::clone(&g2)], Limits::default());
        house.hand_over(house.order("m1")).await.unwrap();
        g1.asked().await;
        house.hand_over(house.order("m2")).await.unwrap();
        g2.asked().await;
        assert_eq!((g1.seen().len(), g2.seen().len()), (1, 1));
        house.done().await;
    }

    #[tokio::test]
    async fn too_many_messages_are_refused_and_cost_nothing_else() {
        let few = |user, number, day| Limits {
            messages_per_user: Rate { count: user, window: Duration::from_secs(3600) },
            messages_per_number: Rate { count: number, window: Duration::from_secs(3600) },
            messages_per_day: day,
            ..Limits::default()
        };
        let table = [(1, 9, 9, MessageLimit::User), (9, 1, 9, MessageLimit::Number), (9, 9, 1, MessageLimit::Day)];
        for (user, number, day, limit) in table {
            let a = Scripted::new("a", []);
            let house = house(&[Arc::clone(&a)], few(user, number, day));
            house.hand_over(house.order("m1")).await.unwrap();
            for _ in 0..12 {
                let refused = house.hand_over(house.order("m2")).await;
                assert!(matches!(&refused, Err(DispatchError::TooMany(reached)) if *reached == limit), "{refused:?}");
            }
            assert!(house.memory.story().contains(&format!("message-refused {}", limit.name())));
            house.done().await;
            house.tasks.reopen();
            assert_eq!(a.seen().len(), 1);
            house.clock.advance(Duration::from_secs(25 * 3600));
            house.hand_over(house.order("m3")).await.unwrap();
            house.done().await;
            assert_eq!(a.seen().len(), 2);
        }
    }

    #[tokio::test]
    async fn a_number_that_had_its_share_leaves_the_other_number() {
        let (a, g) = (Scripted::new("a", []), Scripted::new("g1", []));
        let limits = Limits { messages_per_number: Rate { count: 1, window: Duration::from_secs(3600) }, ..Limits::default() };
        let house = house(&[a, Arc::clone(&g)], limits);
        house.hand_over(house.order("m1")).await.unwrap();
        let mut order = house.order("m2");
        order.addresses.second_mobile = Some("87654321".into());
        let progress = house.hand_over(order).await.unwrap();
        assert_eq!(progress, Progress::Sending { channel: Channel::Sms, to: "•••• 21".into(), before: None, again: None });
        house.done().await;
        assert_eq!(g.seen()[0].to, "+4587654321");
    }

    #[tokio::test]
    async fn somebody_without_an_address_is_not_reached() {
        let house = house(&[Scripted::new("a", [])], Limits::default());
        let reaches = |mobile: Option<&str>| {
            house.dispatcher.reaches("standard", &Addresses { mobile: mobile.map(Into::into), ..danish() })
        };
        assert_eq!(reaches(Some("12345678")), Ok(()));
        assert!(reaches(None).is_err() && reaches(Some(" ")).is_err());
        let why = reaches(Some("ask my secretary")).unwrap_err();
        assert!(why.contains("mobile: it holds 'a'"), "{why}");
        assert!(house.dispatcher.reaches("unknown", &house.order("m").addresses).is_err());
        let mut order = house.order("m1");
        order.addresses.mobile = Some("none".into());
        assert!(matches!(house.hand_over(order).await, Err(DispatchError::NoRoute)));
        assert!(house.memory.story()[0].starts_with("message-refused no-route: mobile: it holds 'n'"));
    }

    #[tokio::test]
    async fn an_order_handed_over_twice_is_sent_once() {
        let a = Scripted::new("a", []);
        let house = house(&[Arc::clone(&a)], Limits::default());
        house.hand_over(house.order("m1")).await.unwrap();
        house.hand_over(house.order("m1")).await.unwrap();
        house.done().await;
        assert_eq!(a.seen().len(), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_put_on_record_is_not_sent() {
        let a = Scripted::new("a", []);
        let house = house(&[Arc::clone(&a)], Limits::default());
        house.memory.broken.store(true, Ordering::SeqCst);
        assert!(matches!(house.hand_over(house.order("m1")).await, Err(DispatchError::Store(_))));
        house.done().await;
        assert!(a.seen().is_empty());
    }
}
