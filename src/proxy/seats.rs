//! Who may use how many of an application's places at once: they are shared out by client, so that one who takes whatever there is leaves
//! something for the others. A client is a session or, on a public path, an address.
//!
//! A seat is one exchange's right to a place. Counted over all cores of the node, and only where the operator limits the places.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::oneshot;

use super::servers::Servers;
use crate::auth::session::Session;
use crate::base::net::counted;

/// One application's seats and the requests that wait for one.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: AtomicU32,
    waiting: AtomicU32,
    waiters: Mutex<Waiters>,
    /// Only those that are in use somewhere: bounded by the exchanges and the connections.
    holders: Mutex<HashMap<Who, Weak<Holder>>>,
}

#[derive(Debug, Default)]
struct Waiters {
    /// Bounded by the queue that the operator allows.
    list: Vec<Waiter>,
    next: u64,
    /// Seats that were given to waiters so far.
    given: u32,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    holder: Arc<Holder>,
    core: usize,
    seat: oneshot::Sender<Seat>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Who {
    Session(Arc<str>),
    /// IPv6: the /64.
    Address(IpAddr),
}

/// A client of one application: how many of its requests have a seat, how many wait.
#[derive(Debug)]
pub(super) struct Holder {
    servers: Arc<Servers>,
    who: Who,
    held: AtomicU32,
    waiting: AtomicU32,
}

/// How urgent it is to give a client a seat: the least first. People who are signed in come before strangers, then those who have fewer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Rank {
    pub is_stranger: bool,
    pub held: u32,
}

/// The right of one exchange to a place. Free again when dropped.
#[derive(Debug)]
pub(super) struct Seat(Option<Arc<Holder>>);

/// A request that waits for a seat; dropped, it waits no more.
#[derive(Debug)]
pub(super) struct Waiting {
    holder: Arc<Holder>,
    number: u64,
    seat: oneshot::Receiver<Seat>,
}

/// Where a seat went that came free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    Nobody,
    ThisCore,
    OtherCore,
}

impl Holder {
    /// The client of this application that `session` or, without one, `address` stands for.
    pub fn of(servers: &Arc<Servers>, session: Option<&Arc<Session>>, address: IpAddr) -> Option<Arc<Self>> {
        let seats = servers.seats.as_ref()?;
        let who = session.map_or_else(|| Who::Address(counted(address)), |session| Who::Session(Arc::clone(&session.id)));
        let mut holders = seats.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = holders.get(&who).and_then(Weak::upgrade) {
            return Some(holder);
        }
        if holders.len() == holders.capacity() {
            holders.retain(|_, holder| holder.strong_count() > 0);
        }
        let holder = Self { servers: Arc::clone(servers), who: who.clone(), held: AtomicU32::new(0), waiting: AtomicU32::new(0) };
        let holder = Arc::new(holder);
        holders.insert(who, Arc::downgrade(&holder));
        Some(holder)
    }

    /// Whether it stands for exactly these.
    pub fn is_of(&self, servers: &Arc<Servers>, session: Option<&Arc<Session>>, address: IpAddr) -> bool {
        Arc::ptr_eq(&self.servers, servers)
            && match (&self.who, session) {
                (Who::Session(id), Some(session)) => Arc::ptr_eq(id, &session.id),
                (Who::Address(known), None) => *known == counted(address),
                _ => false,
            }
    }

    pub fn belongs_to(&self, servers: &Arc<Servers>) -> bool {
        Arc::ptr_eq(&self.servers, servers)
    }

    pub fn rank(&self) -> Rank {
        Rank { is_stranger: matches!(self.who, Who::Address(_)), held: self.held.load(Ordering::Relaxed) }
    }

    fn may_take(&self, held: u32, taken: u32, total: u32) -> bool {
        may_take(Rank { held, ..self.rank() }, total.saturating_sub(taken), total)
    }

    /// A seat if there is one for this client at once and no other request waits for it.
    pub fn take(self: &Arc<Self>) -> Option<Seat> {
        let seats = self.servers.seats.as_ref().filter(|seats| seats.waiting() == 0)?;
        let total = self.servers.capacity();
        let held = self.held.load(Ordering::Relaxed);
        let one_more = |taken: u32| self.may_take(held, taken, total).then(|| taken.saturating_add(1));
        seats.taken.fetch_update(Ordering::SeqCst, Ordering::Relaxed, one_more).ok()?;
        self.held.fetch_add(1, Ordering::Relaxed);
        Some(Seat(Some(Arc::clone(self))))
    }

    /// A seat for a connection that is this client's already, whatever others have.
    pub fn take_own(self: &Arc<Self>) -> Seat {
        if let Some(seats) = &self.servers.seats {
            seats.taken.fetch_add(1, Ordering::SeqCst);
        }
        self.held.fetch_add(1, Ordering::Relaxed);
        Seat(Some(Arc::clone(self)))
    }

    /// Waits for a seat on this core. Nothing if there is none at once and the queue is full, or as full as this client may fill it.
    pub fn wait(self: &Arc<Self>, core: usize) -> Option<Waiting> {
        let seats = self.servers.seats.as_ref()?;
        let most = self.servers.queue.as_ref()?.cap.queue;
        let mut waiters = seats.lock();
        let length = u32::try_from(waiters.list.len()).unwrap_or(u32::MAX);
        let fits = self.may_take(self.waiting.load(Ordering::Relaxed), length, most);
        let number = waiters.next;
        waiters.next += 1;
        let (sender, seat) = oneshot::channel();
        waiters.list.push(Waiter { number, holder: Arc::clone(self), core, seat: sender });
        self.waiting.fetch_add(1, Ordering::Relaxed);
        seats.waiting.fetch_add(1, Ordering::SeqCst);
        let waiting = Waiting { holder: Arc::clone(self), number, seat };
        seats.share_out(&mut waiters, self.servers.capacity(), core);
        let waits = waiters.list.iter().any(|waiter| waiter.number == number);
        drop(waiters);
        (fits || !waits).then_some(waiting)
    }

    /// One of its seats is free: for the most urgent of those who wait.
    fn release(&self, core: usize) -> Next {
        let Some(seats) = &self.servers.seats else { return Next::Nobody };
        self.held.fetch_sub(1, Ordering::Relaxed);
        seats.taken.fetch_sub(1, Ordering::SeqCst);
        if seats.waiting() == 0 {
            return Next::Nobody;
        }
        let mut waiters = seats.lock();
        let next = seats.share_out(&mut waiters, self.servers.capacity(), core);
        drop(waiters);
        next
    }
}

impl Seats {
    pub fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::SeqCst)
    }

    /// The most urgent of those who wait, and how many seats each client would have if all had the same number.
    pub fn most_urgent(&self, total: u32) -> Option<(Rank, u32)> {
        let urgent = self.lock().list.iter().map(|waiter| waiter.holder.rank()).min()?;
        let holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        let active = holders.values().filter(|holder| holder.strong_count() > 1).count();
        Some((urgent, total / u32::try_from(active).unwrap_or(u32::MAX).max(1)))
    }

    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives free seats to those who may have them, the most urgent first; between equals who waits on this core, mostly, because it can
    /// go on with a connection that is open here. Says where the first one went.
    fn share_out(&self, waiters: &mut Waiters, total: u32, core: usize) -> Next {
        let mut first = Next::Nobody;
        loop {
            let free = total.saturating_sub(self.taken.load(Ordering::SeqCst));
            let stays = !waiters.given.is_multiple_of(FOR_OTHERS);
            let eligible = waiters.list.iter().enumerate().filter(|(_, waiter)| may_take(waiter.holder.rank(), free, total));
            let urgency = |waiter: &Waiter| (waiter.holder.rank(), stays && waiter.core != core, waiter.number);
            let Some((place, _)) = eligible.min_by_key(|(_, waiter)| urgency(waiter)) else { return first };
            let Waiter { holder, core: of, seat, .. } = waiters.list.remove(place);
            self.no_longer_waits(&holder);
            waiters.given = waiters.given.wrapping_add(1);
            holder.held.fetch_add(1, Ordering::Relaxed);
            self.taken.fetch_add(1, Ordering::SeqCst);
            if let Err(mut unwanted) = seat.send(Seat(Some(holder))) {
                // Dropped, it would come back here while the list is locked.
                if let Some(holder) = unwanted.0.take() {
                    holder.held.fetch_sub(1, Ordering::Relaxed);
                    self.taken.fetch_sub(1, Ordering::SeqCst);
                }
            } else if first == Next::Nobody {
                first = if of == core { Next::ThisCore } else { Next::OtherCore };
            }
        }
    }

    fn no_longer_waits(&self, holder: &Holder) {
        holder.waiting.fetch_sub(1, Ordering::Relaxed);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Waiting {
    /// Nothing only if the application is gone.
    pub async fn seat(&mut self) -> Option<Seat> {
        (&mut self.seat).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(seats) = &self.holder.servers.seats else { return };
        let mut waiters = seats.lock();
        if let Some(place) = waiters.list.iter().position(|waiter| waiter.number == self.number) {
            drop(waiters.list.remove(place));
            seats.no_longer_waits(&self.holder);
        }
    }
}

impl Seat {
    /// Gives the seat back on this core and says who got it.
    pub fn give_back(mut self, core: usize) -> Next {
        self.0.take().map_or(Next::Nobody, |holder| holder.release(core))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(holder) = self.0.take() {
            holder.release(NO_CORE);
        }
    }
}

/// Whether a client may have one more while so many of `total` are free. The last tenth is closed to strangers. Of the last tenth of what
/// is open to a client it may have as many as it leaves, so that there is always one for somebody who has none.
pub(super) fn may_take(rank: Rank, free: u32, total: u32) -> bool {
    let tenth = total / 10;
    let closed = if rank.is_stranger { tenth.max(u32::from(total >= FEW)) } else { 0 };
    let open = free.saturating_sub(closed);
    open > tenth || rank.held < open
}

/// With so many places one is for the signed-in alone; with fewer there is none to spare.
const FEW: u32 = 4;
/// Every so many seats the order of arrival alone decides, not the core.
const FOR_OTHERS: u32 = 8;
const NO_CORE: usize = usize::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn servers(connections: u32, queue: u32) -> Arc<Servers> {
        let upstream = format!("{{ servers = [\"http://a\"], connections = {connections}, queue = {queue} }}");
        let text =
            include_str!("../config/testdata/minimal.toml").replace("{ servers = [\"http://127.0.0.1:8080\"] }", &upstream);
        let config = config::parse(&text, std::path::Path::new("/"), &|_| None).unwrap();
        Servers::new(&config.applications[0], None)
    }

    fn stranger(servers: &Arc<Servers>, last: u8) -> Arc<Holder> {
        Holder::of(servers, None, IpAddr::from([192, 0, 2, last])).unwrap()
    }

    /// As of a session, which only a grant can make.
    fn signed_in(servers: &Arc<Servers>, id: &str) -> Arc<Holder> {
        let who = Who::Session(id.into());
        Arc::new(Holder { servers: Arc::clone(servers), who, held: AtomicU32::new(0), waiting: AtomicU32::new(0) })
    }

    fn all(holder: &Arc<Holder>) -> Vec<Seat> {
        std::iter::from_fn(|| holder.take()).collect()
    }

    #[test]
    fn what_one_takes_leaves_something_for_the_others() {
        // Places; what a first stranger gets of them, a second one, a first session, a second one.
        let table = [(1, [1, 0, 0, 0]), (3, [3, 0, 0, 0]), (4, [3, 0, 1, 0]), (10, [8, 1, 1, 0]), (100, [80, 5, 8, 4])];
        for (total, expected) in table {
            let servers = servers(total, 10);
            let holders = [stranger(&servers, 1), stranger(&servers, 2), signed_in(&servers, "a"), signed_in(&servers, "b")];
            let seats = holders.each_ref().map(all);
            assert_eq!(seats.each_ref().map(Vec::len), expected, "{total}");
        }
        let servers = servers(100, 10);
        for client in ["a", "b"] {
            assert_eq!(all(&signed_in(&servers, client)).len(), 90, "seats that were dropped are free again");
        }
    }

    #[test]
    fn an_address_is_one_client_and_so_is_a_customers_network() {
        let servers = servers(4, 1);
        let [one, same, other] = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]
            .map(|text| Holder::of(&servers, None, text.parse().unwrap()).unwrap());
        assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &other));
        assert!(one.is_of(&servers, None, "2001:db8::3".parse().unwrap()));
    }

    #[tokio::test]
    async fn the_signed_in_come_first_then_who_has_least_then_who_came_first() {
        let servers = servers(2, 10);
        let [alice, bob] = ["alice", "bob"].map(|id| signed_in(&servers, id));
        let mut seats = all(&alice);
        assert_eq!(seats.len(), 2);
        let mut waiting = [&stranger(&servers, 1), &alice, &bob].map(|holder| holder.wait(0).unwrap());
        assert!(stranger(&servers, 2).take().is_none());
        let [of_stranger, of_alice, of_bob] = &mut waiting;
        assert_eq!(seats.pop().unwrap().give_back(1), Next::OtherCore);
        let bobs = of_bob.seat().await.unwrap();
        assert_eq!(bobs.give_back(0), Next::ThisCore);
        let again = of_alice.seat().await.unwrap();
        drop(again);
        let strangers = of_stranger.seat().await.unwrap();
        assert_eq!(strangers.give_back(0), Next::Nobody);
    }

    #[test]
    fn a_client_that_fills_the_queue_leaves_room_in_it() {
        let servers = servers(1, 10);
        let (greedy, alice) = (stranger(&servers, 1), signed_in(&servers, "alice"));
        let _seat = greedy.take().unwrap();
        let queued: Vec<_> = std::iter::from_fn(|| greedy.wait(0)).collect();
        assert_eq!(queued.len(), 8);
        assert!(stranger(&servers, 2).wait(0).is_some() && alice.wait(0).is_some());
        drop(queued);
        assert_eq!(servers.seats.as_ref().unwrap().waiting(), 0);
    }

    #[test]
    fn who_leaves_the_queue_with_a_seat_gives_it_back() {
        let servers = servers(1, 1);
        let (one, other) = (stranger(&servers, 1), stranger(&servers, 2));
        let seat = one.take().unwrap();
        let waiting = other.wait(0).unwrap();
        drop(seat);
        assert!(one.take().is_none(), "it is the other's");
        drop(waiting);
        assert!(one.take().is_some());
    }
}
