//! One core's connections: a plain list that is swept every two seconds, so that no connection needs a timer of its own, and
//! through which a shutdown reaches all of them.

mod drain_body;
pub(super) mod http;
pub(super) mod state;
pub(super) mod unread;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use slab::Slab;

use state::Kept;
use unread::{CoreUnread, Unread};

/// What one connection is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Order {
    GoOn,
    /// HTTP/1.1 without an open exchange: the next answer is the last and says so, for whoever asks at this very moment.
    LastOne,
    /// Finish what is open, take nothing new.
    Finish,
    /// Drop the socket now.
    Drop,
}

/// What a connection's socket says to the sweep.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    read: AtomicU64,
    waits: AtomicBool,
    lingers: AtomicBool,
    given_up: AtomicBool,
}

impl Traffic {
    /// So many bytes have come.
    pub fn came(&self, count: usize) {
        self.read.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Whether something waits to be sent until the client takes more.
    pub fn waits(&self, waits: bool) {
        self.waits.store(waits, Ordering::Relaxed);
    }

    /// At its end the client may still be taking what the kernel has, and say so.
    fn lingers(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }

    /// What the kernel still has for the client need not be sent.
    fn is_over(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    pub fn is_lingering(&self) -> bool {
        self.lingers.load(Ordering::Relaxed)
    }

    /// Bytes so far; tells whether a request head is on its way.
    fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub fn is_waiting(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }
}

/// One connection as the sweep sees it.
pub(super) struct Connection {
    /// HTTP/1.1: bytes without an open exchange are a request head on its way. On HTTP/2 they may be anything.
    pub one_at_a_time: bool,
    pub order: Cell<Order>,
    pub waker: RefCell<Option<Waker>>,
    traffic: Arc<Traffic>,
    /// Exchanges whose answer has not yet been handed over to be sent.
    open: Cell<usize>,
    begun: Cell<u64>,
    seen: Cell<(u64, u64)>,
    idle_sweeps: Cell<u32>,
    head_sweeps: Cell<u32>,
    farewell_sweeps: Cell<u32>,
    kept: OnceCell<Rc<dyn Kept>>,
    stuck_sweeps: Cell<u32>,
    unread: Rc<Unread>,
    /// Since its client last took something of an answer, while there was something to take.
    slow_sweeps: Cell<u32>,
}

impl Connection {
    pub fn new(one_at_a_time: bool, traffic: Arc<Traffic>, unread: Rc<Unread>) -> Rc<Self> {
        Rc::new(Self {
            one_at_a_time,
            order: Cell::new(Order::GoOn),
            waker: RefCell::default(),
            seen: Cell::new((0, 0)),
            traffic,
            open: Cell::default(),
            begun: Cell::default(),
            idle_sweeps: Cell::default(),
            head_sweeps: Cell::default(),
            farewell_sweeps: Cell::default(),
            kept: OnceCell::new(),
            stuck_sweeps: Cell::default(),
            unread,
            slow_sweeps: Cell::default(),
        })
    }

    /// Bytes that its client has still to take, with what may lie encrypted.
    fn holds(&self) -> u64 {
        self.unread.bytes() + if self.traffic.is_waiting() { MOST_ENCRYPTED as u64 } else { 0 }
    }

    /// What is asked from now on whether the connection is stuck.
    pub fn keeps(&self, kept: Rc<dyn Kept>) {
        drop(self.kept.set(kept));
    }

    /// An exchange begins; it is over when what is returned is dropped.
    pub fn exchange(self: &Rc<Self>) -> Open {
        self.open.set(self.open.get() + 1);
        self.begun.set(self.begun.get().wrapping_add(1));
        Open(Rc::clone(self))
    }

    /// By how much what it holds weighs more than what a client holds that takes something right now.
    fn slowness(&self) -> u64 {
        if self.unread.is_being_taken() { 1 } else { 2 + u64::from(self.slow_sweeps.get()) }
    }

    fn tell(&self, order: Order) {
        if order > self.order.get() {
            self.order.set(order);
            // Over HTTP/2 who takes says so (WINDOW_UPDATE).
            if !self.one_at_a_time && self.idle_sweeps.get() < RECENT_SWEEPS {
                self.traffic.lingers();
            }
            if let Some(waker) = self.waker.borrow().as_ref() {
                waker.wake_by_ref();
            }
        }
    }

    /// While an exchange is open its own limits hold (the socket's for writing, the body's for reading, the upstream's for waiting).
    /// Without one the connection must bring a whole head in time, or is idle.
    fn look(&self) {
        self.look_whether_stuck();
        let is_slow = !self.unread.was_taken() && self.unread.bytes() > 0;
        self.slow_sweeps.set(if is_slow { self.slow_sweeps.get() + 1 } else { 0 });
        let (begun, read) = self.seen.get();
        // An answer that has been handed over may take minutes on a slow line.
        if self.open.get() > 0 || begun != self.begun.get() || self.traffic.is_waiting() {
            self.seen.set((self.begun.get(), self.traffic.read()));
            self.idle_sweeps.set(0);
            self.head_sweeps.set(0);
            return;
        }
        // Before the first request the clock for its head runs from the start.
        if self.one_at_a_time && (begun == 0 || read != self.traffic.read()) {
            self.head_sweeps.set(self.head_sweeps.get() + 1);
            if self.head_sweeps.get() > HEAD_SWEEPS {
                self.tell(Order::Drop);
            }
        }
        self.idle_sweeps.set(self.idle_sweeps.get() + 1);
        if self.idle_sweeps.get() > IDLE_SWEEPS {
            self.tell(Order::Finish);
        }
        if self.idle_sweeps.get() > IDLE_SWEEPS + HEAD_SWEEPS {
            self.tell(Order::Drop);
        }
    }
}

impl Connection {
    /// First nothing new is taken, so that its client opens another connection; then what else is open has a minute.
    fn look_whether_stuck(&self) {
        if self.kept.get().is_some_and(|kept| kept.is_stuck()) {
            self.stuck_sweeps.set(self.stuck_sweeps.get() + 1);
            self.tell(if self.stuck_sweeps.get() > STUCK_SWEEPS { Order::Drop } else { Order::Finish });
        }
    }

    /// The stop. HTTP/2 tells its client which requests were taken (GOAWAY), an open exchange of HTTP/1.1 says in its head that it is the
    /// last. An idle connection is not closed on the spot: a request that is on its way to us would be lost.
    fn finish(&self) {
        let idle = self.one_at_a_time && self.open.get() == 0;
        self.tell(if idle { Order::LastOne } else { Order::Finish });
        self.seen.set((self.begun.get(), self.traffic.read()));
    }

    /// After the stop: one that stays idle is closed, one whose head has begun gets its time.
    fn look_at_farewell(&self) {
        let read = self.traffic.read();
        if self.order.get() != Order::LastOne || self.open.get() > 0 {
            return;
        }
        self.farewell_sweeps.set(self.farewell_sweeps.get() + 1);
        let silent = self.seen.get() == (self.begun.get(), read);
        if self.farewell_sweeps.get() > FAREWELL_HEAD_SWEEPS || silent && self.farewell_sweeps.get() > FAREWELL_SWEEPS {
            self.tell(Order::Finish);
        }
    }
}

/// An open exchange.
pub(super) struct Open(Rc<Connection>);

impl Open {
    /// What the connection's client has still to take.
    pub fn unread(&self) -> &Rc<Unread> {
        &self.0.unread
    }

    /// Whether its answer has to say that the connection ends.
    pub fn is_last(&self) -> bool {
        self.0.order.get() == Order::LastOne
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get().saturating_sub(1));
    }
}

/// All connections of one core; bounded by the places.
#[derive(Default)]
pub(super) struct Connections {
    list: RefCell<Slab<Rc<Connection>>>,
    finishing: Cell<bool>,
    pub unread: Rc<CoreUnread>,
}

impl Connections {
    /// With what counts what their clients have still to take.
    pub fn counted(unread: CoreUnread) -> Rc<Self> {
        Rc::new(Self { unread: Rc::new(unread), ..Self::default() })
    }

    /// Puts a connection under the sweep until what is returned is dropped.
    pub fn enter(self: &Rc<Self>, connection: &Rc<Connection>) -> Entered {
        if self.finishing.get() {
            connection.finish();
        }
        Entered { key: self.list.borrow_mut().insert(Rc::clone(connection)), connections: Rc::clone(self) }
    }

    /// To be called every [`SWEEP`].
    pub fn sweep(&self) {
        for (_, connection) in &*self.list.borrow() {
            connection.look();
        }
        self.make_room();
    }

    /// Drops connections whose clients have the most still to take, as long as that is too much for the node and no other core has a
    /// larger one. The longer a client has taken nothing, the more what it holds weighs.
    pub fn make_room(&self) {
        let list = self.list.borrow();
        let mut holding: Vec<_> = list.iter().map(|(_, connection)| (connection.holds(), connection)).collect();
        self.unread.encrypted(list.iter().filter(|(_, connection)| connection.traffic.is_waiting()).count() * MOST_ENCRYPTED);
        let is_leaving = |connection: &Connection| connection.order.get() == Order::Drop;
        let mut leaving: u64 = holding.iter().filter(|(_, connection)| is_leaving(connection)).map(|(bytes, _)| bytes).sum();
        holding.retain(|(bytes, connection)| !is_leaving(connection) && *bytes >= LEAST_HELD);
        holding.sort_by_key(|(bytes, connection)| std::cmp::Reverse(bytes * connection.slowness()));
        let largest = |left: &[(u64, &Rc<Connection>)]| left.iter().map(|(bytes, _)| *bytes).max().unwrap_or(0);
        let mut left = holding.as_slice();
        self.unread.tell(largest(left), leaving);
        while let Some(((bytes, connection), rest)) = left.split_first()
            && self.unread.excess_over(largest(left)) > 0
        {
            connection.traffic.is_over();
            connection.tell(Order::Drop);
            leaving = leaving.saturating_add(*bytes);
            left = rest;
            self.unread.tell(largest(left), leaving);
        }
    }

    /// From now on every connection finishes what is open and takes nothing new.
    pub fn finish(&self) {
        self.finishing.set(true);
        for (_, connection) in &*self.list.borrow() {
            connection.finish();
        }
    }

    /// To be called every [`FAREWELL`] after that.
    pub fn sweep_farewells(&self) {
        for (_, connection) in &*self.list.borrow() {
            connection.look_at_farewell();
        }
    }
}

pub(super) struct Entered {
    connections: Rc<Connections>,
    key: usize,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.connections.list.borrow_mut().try_remove(self.key);
    }
}

/// What TLS keeps of an answer that the client has still to take. Grows only where it is needed; large bodies move faster by it.
pub(super) const MOST_ENCRYPTED: usize = 256 * 1024;
/// Who has less to take is not dropped for it.
const LEAST_HELD: u64 = 16 * 1024;
pub(super) const SWEEP: Duration = Duration::from_secs(2);
/// Ten seconds for a request's head.
const HEAD_SWEEPS: u32 = 5;
const STUCK_SWEEPS: u32 = 30;
/// A minute since an answer was handed over.
const RECENT_SWEEPS: u32 = 30;
/// 76 seconds without a request.
const IDLE_SWEEPS: u32 = 38;
pub(super) const FAREWELL: Duration = Duration::from_millis(20);
/// Half a second: longer than a request takes from a client that has not yet heard of the stop.
const FAREWELL_SWEEPS: u32 = 25;
/// Five seconds for a head that has begun.
const FAREWELL_HEAD_SWEEPS: u32 = 250;

#[cfg(test)]
mod tests {
    use super::*;

    fn sweeps(connections: &Connections, count: u32) {
        for _ in 0..count {
            connections.sweep();
        }
    }

    #[test]
    fn a_head_that_does_not_end_is_dropped_and_an_idle_connection_is_finished() {
        let connections = Rc::new(Connections::default());
        let never = Connection::new(true, Arc::default(), Rc::default());
        let _entered = connections.enter(&never);
        sweeps(&connections, HEAD_SWEEPS + 1);
        assert_eq!(never.order.get(), Order::Drop);

        let idle = Connection::new(true, Arc::default(), Rc::default());
        let _entered = connections.enter(&idle);
        idle.traffic.came(100);
        drop(idle.exchange());
        sweeps(&connections, IDLE_SWEEPS + 1);
        assert_eq!(idle.order.get(), Order::GoOn);
        sweeps(&connections, 1);
        assert_eq!(idle.order.get(), Order::Finish);

        let slow = Connection::new(true, Arc::default(), Rc::default());
        let _entered = connections.enter(&slow);
        drop(slow.exchange());
        sweeps(&connections, 1);
        slow.traffic.came(1);
        sweeps(&connections, HEAD_SWEEPS + 1);
        assert_eq!(slow.order.get(), Order::Drop);
    }

    #[test]
    fn an_open_exchange_may_wait_as_long_as_it_likes() {
        let connections = Rc::new(Connections::default());
        let polling = Connection::new(true, Arc::default(), Rc::default());
        let _entered = connections.enter(&polling);
        let open = polling.exchange();
        sweeps(&connections, 10 * IDLE_SWEEPS);
        assert_eq!(polling.order.get(), Order::GoOn);
        drop(open);
    }

    /// What is left of it lies in our own buffers, half a megabyte at most; a telephone in the country may need minutes for that.
    #[test]
    fn a_connection_is_not_idle_while_its_answer_is_on_the_way() {
        let connections = Rc::new(Connections::default());
        for one_at_a_time in [true, false] {
            let traffic = Arc::<Traffic>::default();
            let slow = Connection::new(one_at_a_time, Arc::clone(&traffic), Rc::default());
            let _entered = connections.enter(&slow);
            drop(slow.exchange());
            traffic.waits(true);
            sweeps(&connections, 10 * IDLE_SWEEPS);
            assert_eq!(slow.order.get(), Order::GoOn);
            traffic.waits(false);
            sweeps(&connections, IDLE_SWEEPS);
            assert_eq!(slow.order.get(), Order::GoOn, "it has all its time for another request");
            sweeps(&connections, 1);
            assert_eq!(slow.order.get(), Order::Finish);
            assert!(!slow.traffic.is_lingering(), "it was idle for long");
        }
    }

    struct Stuck(Cell<bool>);

    impl Kept for Stuck {
        fn is_stuck(&self) -> bool {
            self.0.get()
        }
    }

    #[test]
    fn a_stuck_connection_takes_nothing_new_and_ends_a_minute_later_whatever_is_open() {
        let connections = Rc::new(Connections::default());
        let connection = Connection::new(false, Arc::default(), Rc::default());
        let stuck = Rc::new(Stuck(Cell::new(false)));
        connection.keeps(Rc::<Stuck>::clone(&stuck));
        let (_entered, _open) = (connections.enter(&connection), connection.exchange());
        sweeps(&connections, 10);
        assert_eq!(connection.order.get(), Order::GoOn);
        stuck.0.set(true);
        sweeps(&connections, STUCK_SWEEPS);
        assert_eq!(connection.order.get(), Order::Finish);
        sweeps(&connections, 1);
        assert_eq!(connection.order.get(), Order::Drop);
    }

    #[test]
    fn at_the_stop_an_idle_connection_may_ask_once_more_and_is_closed_if_it_does_not() {
        let connections = Rc::new(Connections::default());
        let [busy, idle, asking, http2] =
            [true, true, true, false].map(|http1| Connection::new(http1, Arc::default(), Rc::default()));
        let _entered = [&busy, &idle, &asking, &http2].map(|connection| connections.enter(connection));
        let open = busy.exchange();
        connections.finish();
        assert_eq!(
            [&busy, &idle, &asking, &http2].map(|connection| connection.order.get()),
            [Order::Finish, Order::LastOne, Order::LastOne, Order::Finish]
        );
        assert!(!open.is_last() && asking.exchange().is_last());
        asking.traffic.came(1);
        for _ in 0..=FAREWELL_SWEEPS {
            connections.sweep_farewells();
        }
        assert_eq!((idle.order.get(), asking.order.get()), (Order::Finish, Order::LastOne));
        assert!(http2.traffic.is_lingering() && !busy.traffic.is_lingering());
        let late = Connection::new(true, Arc::default(), Rc::default());
        let _entered = connections.enter(&late);
        assert_eq!(late.order.get(), Order::LastOne, "its first request is answered");
    }
}
