//! What is running on this core, so that the end of a session reaches it: a plain list, swept four times a second. No token, no
//! registration elsewhere, nothing shared between cores. The same sweep ends bodies and tunnels that have come to a halt, and notes for
//! the session that its user sends or takes something: who is busy with one long request makes no other.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use slab::Slab;

use super::client::Client;
use super::seats::Holder;
use crate::auth::session::{Asks, Session};
use crate::base::Time;
use crate::base::net::counted;

/// Why an exchange was cut from our side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cut {
    /// Its session is over.
    SessionOver,
    /// The client has neither sent nor taken anything for too long.
    Stalled,
    /// The application has not begun to answer in time.
    TimedOut,
    /// The request's body is longer than the application allows.
    TooLarge,
    /// The client went away before the end of its request's body.
    Left,
    /// The request's body cannot be read.
    Unreadable,
    /// The answer is complete or given up; what is left of the request has no reader.
    Finished,
}

/// Who has to move next; decides how long silence is allowed to last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    /// The application's, whose answer has not begun.
    Head(Duration),
    /// The application's, whose answer has begun and may pause for so long.
    Upstream(Duration),
    /// The client's, who has still to send some of the request.
    Sender,
    /// The client's, who has still to take some of the answer.
    Taker,
    /// Anybody's: a tunnel.
    Either,
}

/// One exchange or tunnel. Its parts (head, request body, answer, tunnel) live in different tasks of this core and hold it together.
pub(super) struct Exchange {
    cut: Cell<Option<Cut>>,
    tunnel: Cell<bool>,
    /// The head of the answer is awaited, for so long after something of the request was taken.
    head: Cell<Option<Duration>>,
    /// How long the answer may pause once it has begun.
    pause: Cell<Duration>,
    /// The request's body waits for the client.
    upload_waits: Cell<bool>,
    upload_over: Cell<bool>,
    /// It was given up before its end.
    upload_cut_off: Cell<bool>,
    /// The answer's body was handed a frame and has not been asked for another.
    answer_waits: Cell<bool>,
    /// Frames or reads so far, either way.
    moved: Cell<u64>,
    seen: Cell<(u64, Time)>,
    /// Since the last sweep the client has sent something.
    sent: Cell<bool>,
    /// Since the last sweep the client had room for more of the answer, and there was some.
    took: Cell<bool>,
    /// What the sweep was told last is told once more.
    used_before: Cell<bool>,
    /// The answer tells of events as they happen; that the client takes them says nothing about its user.
    is_event_stream: Cell<bool>,
    asks: Asks,
    down: RefCell<Option<Waker>>,
    up: RefCell<Option<Waker>>,
    /// Over HTTP/2, whose connection it comes by.
    client: Option<Rc<Client>>,
    address: IpAddr,
    /// Who it counts for, where places are counted.
    holder: Option<Arc<Holder>>,
    /// What holds its answer and the place that this comes by, where places are counted.
    answer: RefCell<Option<Weak<dyn Abandon>>>,
}

/// An answer that can be given up from outside of the task that sends it.
pub(super) trait Abandon {
    /// Drops the answer and its connection to the application.
    fn abandon(&self);
}

impl Exchange {
    /// Ends it for this reason; the first reason stays.
    pub fn cut(&self, why: Cut) {
        if self.cut.get().is_none() {
            self.cut.set(Some(why));
            for side in [&self.down, &self.up] {
                if let Some(waker) = side.borrow_mut().take() {
                    waker.wake();
                }
            }
        }
    }

    /// The answer is complete or given up. Only who still sends the request has to be woken for that: whoever took the answer is the one
    /// who says so, and to wake him would poll the client's connection once more for every request.
    fn finish(&self) {
        self.down.take();
        if self.upload_over.get() {
            self.up.take();
        }
        self.cut(Cut::Finished);
    }

    pub fn is_cut(&self) -> Option<Cut> {
        self.cut.get()
    }

    /// Whether it was cut; if not, the task that asks (awaiting the head, sending the answer, or the tunnel) is woken when it is.
    pub fn watch_down(&self, context: &Context<'_>) -> Option<Cut> {
        watch(&self.cut, &self.down, context)
    }

    /// The same for the task that sends the request's body.
    pub fn watch_up(&self, context: &Context<'_>) -> Option<Cut> {
        watch(&self.cut, &self.up, context)
    }

    pub fn moved(&self) {
        self.moved.set(self.moved.get().wrapping_add(1));
    }

    /// The client has sent something that its user may have caused.
    pub fn client_sent(&self) {
        self.sent.set(true);
    }

    /// The client takes the answer: it has room again after what it was given.
    pub fn client_took(&self) {
        self.took.set(true);
    }

    pub fn mark_event_stream(&self) {
        self.is_event_stream.set(true);
    }

    /// Whether its user has been at it since this was asked last. If that was long ago, as when the machine slept meanwhile, nothing tells
    /// how soon after it: then the answer is the same the next time, when it means that it was later.
    fn was_used(&self, is_long_ago: bool) -> bool {
        let (sent, took) = (self.sent.take(), self.took.take());
        let is_used = (sent || (took && !self.is_event_stream.get())) && self.asks == Asks::User;
        self.used_before.replace(is_used && is_long_ago) || is_used
    }

    fn moves(&self) -> u64 {
        self.moved.get()
    }

    /// From now on the answer must begin within `limit`, counted from when the upstream has last taken some of the request, and not
    /// while the request itself waits for the client.
    pub fn awaits_head(&self, limit: Duration) {
        self.head.set(Some(limit));
    }

    /// The answer has begun; from now on it may pause for so long.
    pub fn has_head(&self, pause: Duration) {
        self.head.set(None);
        self.pause.set(pause);
        self.moved();
    }

    /// Nobody answers: there will be another try.
    pub fn has_no_head(&self) {
        self.head.set(None);
    }

    pub fn upload_waits(&self, waits: bool) {
        self.upload_waits.set(waits);
    }

    pub fn upload_is_over(&self) {
        self.upload_waits.set(false);
        self.upload_over.set(true);
    }

    pub fn is_upload_over(&self) -> bool {
        self.upload_over.get()
    }

    pub fn upload_is_cut_off(&self) {
        self.upload_cut_off.set(true);
    }

    /// Whether nothing of the request's body is left that the client may still send.
    pub fn has_whole_upload(&self) -> bool {
        self.upload_over.get() && !self.upload_cut_off.get()
    }

    pub fn answer_waits(&self, waits: bool) {
        self.answer_waits.set(waits);
    }

    /// Whether it has a place that others may want.
    pub fn is_counted(&self) -> bool {
        self.holder.is_some()
    }

    /// From now on the answer is there.
    pub fn has_answer(&self, answer: Weak<dyn Abandon>) {
        self.answer.replace(Some(answer));
    }

    pub fn is_tunnel(&self) {
        self.tunnel.set(true);
    }

    fn turn(&self) -> Turn {
        match (self.tunnel.get(), self.answer_waits.get(), self.upload_waits.get()) {
            (true, _, _) => Turn::Either,
            (false, true, _) => Turn::Taker,
            (false, false, true) => Turn::Sender,
            (false, false, false) => self.head.get().map_or_else(|| Turn::Upstream(self.pause.get()), Turn::Head),
        }
    }

    fn look(&self, now: Time) {
        let turn = self.turn();
        let (limit, why) = match turn {
            Turn::Head(limit) | Turn::Upstream(limit) => (limit, Cut::TimedOut),
            Turn::Sender => (SENDER_STALL, Cut::Stalled),
            Turn::Taker => (TAKER_STALL, Cut::Stalled),
            Turn::Either => (TUNNEL_IDLE, Cut::Stalled),
        };
        let (moves, since) = self.seen.get();
        // Without a limit time does not run.
        if moves != self.moves() || limit == Duration::MAX {
            self.seen.set((self.moves(), now));
        } else if now.since(since) >= limit {
            self.cut(why);
            self.gets_stuck(turn);
        }
    }

    /// hyper asks nothing of an answer that waits for a window, so the answer does not hear that it was cut.
    fn gets_stuck(&self, turn: Turn) {
        if let (Turn::Taker, Some(client)) = (turn, &self.client) {
            client.gets_stuck();
        }
    }

    /// Who it counts for, and for how long that client has neither sent nor taken anything while it was the client's turn; nothing where
    /// it is not.
    pub fn standstill(&self, now: Time) -> Option<(&Arc<Holder>, Duration)> {
        let is_clients = matches!(self.turn(), Turn::Taker | Turn::Sender) && self.cut.get().is_none();
        let (moves, since) = self.seen.get();
        let holder = self.holder.as_ref()?;
        (is_clients && moves == self.moves()).then(|| (holder, now.since(since)))
    }

    /// Ends it, so that somebody else gets its place.
    pub fn make_room(&self) {
        let turn = self.turn();
        self.cut(Cut::Stalled);
        self.gets_stuck(turn);
        let answer = self.answer.take().and_then(|answer| answer.upgrade());
        if let Some(answer) = answer {
            answer.abandon();
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Exchange").field("cut", &self.cut).field("turn", &self.turn()).finish_non_exhaustive()
    }
}

fn watch(cut: &Cell<Option<Cut>>, waker: &RefCell<Option<Waker>>, context: &Context<'_>) -> Option<Cut> {
    if cut.get().is_none() {
        let mut waker = waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
    }
    cut.get()
}

/// An exchange's place in the list, given back when dropped. Whoever holds it last (answer or tunnel) decides when it is over.
#[derive(Debug)]
pub(super) struct Entry {
    pub exchange: Rc<Exchange>,
    running: Rc<Running>,
    key: usize,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.running.list.borrow_mut().try_remove(self.key);
        self.exchange.finish();
    }
}

/// A public path has no session.
type Listed = (Option<Arc<Session>>, Rc<Exchange>);
/// Whose an exchange is.
#[derive(Debug)]
pub(super) struct Whose {
    pub session: Option<Arc<Session>>,
    /// Who began it.
    pub asks: Asks,
    pub address: IpAddr,
    /// Who it counts for, where places are counted.
    pub holder: Option<Arc<Holder>>,
}

/// One core's exchanges. Bounded by the connections and their streams.
#[derive(Debug, Default)]
pub struct Running {
    list: RefCell<Slab<Listed>>,
    /// When the last sweep was.
    swept: Cell<Time>,
}

impl Running {
    /// Over HTTP/2 with the `client` whose connection it is.
    pub(super) fn enter(self: &Rc<Self>, whose: Whose, client: Option<Rc<Client>>, now: Time) -> Entry {
        let Whose { session, asks, address, holder } = whose;
        let exchange = Rc::new(Exchange {
            cut: Cell::default(),
            tunnel: Cell::default(),
            head: Cell::default(),
            // Before it is sent others see to the time: those who connect, and the queue.
            pause: Cell::new(Duration::MAX),
            upload_waits: Cell::default(),
            upload_over: Cell::default(),
            upload_cut_off: Cell::default(),
            answer_waits: Cell::default(),
            moved: Cell::default(),
            seen: Cell::new((0, now)),
            sent: Cell::default(),
            took: Cell::default(),
            used_before: Cell::default(),
            is_event_stream: Cell::default(),
            asks,
            down: RefCell::default(),
            up: RefCell::default(),
            client,
            address,
            holder,
            answer: RefCell::default(),
        });
        let key = self.list.borrow_mut().insert((session, Rc::clone(&exchange)));
        Entry { exchange, running: Rc::clone(self), key }
    }

    /// Cuts what runs under a session that is over, and what has stalled. To be called every `SWEEP`.
    pub fn sweep(&self, now: Time) {
        self.sweep_by(now, |session| session.is_some_and(|session| session.is_over(now)));
    }

    /// The same with another idea of what is over. Public paths have no session.
    pub fn sweep_by(&self, now: Time, is_over: impl Fn(Option<&Session>) -> bool) {
        let since = self.swept.replace(now);
        let is_long_ago = now.since(since) > 4 * SWEEP;
        // Waking a task only puts it into the queue of this core, so nothing changes the list while it is walked.
        for (_, (session, exchange)) in &*self.list.borrow() {
            // Some time after the last sweep: then at the earliest.
            if let Some(session) = session.as_ref().filter(|_| exchange.was_used(is_long_ago)) {
                session.used(since);
            }
            if is_over(session.as_deref()) {
                exchange.cut(Cut::SessionOver);
            }
            // What was cut may be waiting for a window, and does not hear of it.
            exchange.look(now);
        }
    }

    /// How many are of this session or, without one, of strangers at this address (IPv6: the /64).
    pub(super) fn count(&self, session: Option<&Session>, address: IpAddr) -> u32 {
        let is_same = |(of, exchange): &Listed| match (session, of) {
            (Some(session), Some(of)) => std::ptr::eq(session, Arc::as_ptr(of)),
            (None, None) => counted(exchange.address) == counted(address),
            _ => false,
        };
        let count = self.list.borrow().iter().filter(|(_, listed)| is_same(listed)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// All that pass the test, to be changed once the list is free again.
    pub(super) fn found<T>(&self, test: impl Fn(&Exchange) -> Option<T>) -> Vec<(T, Rc<Exchange>)> {
        let list = self.list.borrow();
        list.iter().filter_map(|(_, (_, exchange))| Some((test(exchange)?, Rc::clone(exchange)))).collect()
    }

    /// How many are running.
    pub fn len(&self) -> usize {
        self.list.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

pub(super) const SWEEP: Duration = Duration::from_millis(250);
const SENDER_STALL: Duration = Duration::from_secs(60);
/// Long, because the connection's buffers (256 KiB) must be allowed to drain over a slow line before another frame is asked for. A
/// client that takes nothing at all is noticed at its socket after a minute; this is for streams that are given no window.
const TAKER_STALL: Duration = Duration::from_secs(600);
const TUNNEL_IDLE: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn nobodys() -> Whose {
        Whose { session: None, asks: Asks::User, address: IpAddr::from([192, 0, 2, 1]), holder: None }
    }

    fn at(seconds: u64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    #[test]
    fn what_is_over_is_cut_and_public_paths_are_not() {
        let running = Rc::new(Running::default());
        let client = Rc::<Client>::default();
        let entry = running.enter(nobodys(), Some(Rc::clone(&client)), at(0));
        running.sweep(at(10_000));
        assert_eq!(entry.exchange.is_cut(), None);
        running.sweep_by(at(10_000), |_| true);
        assert_eq!(entry.exchange.is_cut(), Some(Cut::SessionOver));
        entry.exchange.answer_waits(true);
        entry.exchange.moved();
        running.sweep_by(at(10_000), |_| true);
        running.sweep_by(at(10_601), |_| true);
        assert!(client.is_stuck(), "it waits for a window");
        drop(entry);
        assert!(running.is_empty());
    }

    #[test]
    fn silence_is_measured_by_whose_turn_it_is() {
        type Set = fn(&Exchange);
        let table: [(&str, Set, Option<u64>); 5] = [
            ("upstream", |_| {}, None),
            ("head", |exchange| exchange.awaits_head(Duration::from_secs(20)), Some(20)),
            ("sender", |exchange| exchange.upload_waits(true), Some(60)),
            ("taker", |exchange| exchange.answer_waits(true), Some(600)),
            ("tunnel", Exchange::is_tunnel, Some(3600)),
        ];
        for (name, set, limit) in table {
            let running = Rc::new(Running::default());
            let client = Rc::<Client>::default();
            let entry = running.enter(nobodys(), Some(Rc::clone(&client)), at(0));
            set(&entry.exchange);
            running.sweep(at(1));
            entry.exchange.moved();
            running.sweep(at(2));
            running.sweep(at(1 + limit.unwrap_or(100_000)));
            assert_eq!(entry.exchange.is_cut(), None, "{name}");
            running.sweep(at(2 + limit.unwrap_or(100_000)));
            let why = if name == "head" { Cut::TimedOut } else { Cut::Stalled };
            assert_eq!(entry.exchange.is_cut(), limit.map(|_| why), "{name}");
            assert_eq!(client.is_stuck(), name == "taker", "{name}");
        }
    }
}
