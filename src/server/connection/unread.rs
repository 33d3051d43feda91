//! What clients have still to take of their answers: counted where it is handed over to be sent, and bounded for the whole node. Beyond the
//! bound the connections that hold the most go first; the longer a client has taken nothing, the more what it holds weighs.
//!
//! Each core counts for itself; what it says to the others it says a megabyte at a time.

use std::cell::Cell;
use std::io::IoSlice;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, Bytes};
use tokio::sync::Notify;

/// The bound, and what each core says of itself.
#[derive(Debug)]
pub(in crate::server) struct Buffers {
    /// Bytes.
    most: u64,
    cores: Box<[Said]>,
    /// Told when the bound is passed.
    over: Notify,
}

#[derive(Debug, Default)]
struct Said {
    total: AtomicU64,
    /// Of one connection.
    largest: AtomicU64,
}

impl Buffers {
    pub fn new(most: u64, cores: usize) -> Arc<Self> {
        let cores = (0..cores).map(|_| Said::default()).collect();
        Arc::new(Self { most, cores, over: Notify::new() })
    }

    fn excess(&self) -> u64 {
        let total = self.cores.iter().fold(0, |total: u64, core| total.saturating_add(core.total.load(Ordering::Relaxed)));
        total.saturating_sub(self.most)
    }
}

/// What the clients of one core have still to take.
#[derive(Debug)]
pub(in crate::server) struct CoreUnread {
    shared: Arc<Buffers>,
    core: usize,
    bytes: Cell<u64>,
    /// What may lie encrypted besides, as of the last sweep.
    encrypted: Cell<u64>,
    /// Above and below this the others are told.
    told: Cell<(u64, u64)>,
}

impl Default for CoreUnread {
    fn default() -> Self {
        Self::new(Buffers::new(u64::MAX, 1), 0)
    }
}

impl CoreUnread {
    pub fn new(shared: Arc<Buffers>, core: usize) -> Self {
        Self { shared, core, bytes: Cell::new(0), encrypted: Cell::new(0), told: Cell::new((STEP, 0)) }
    }

    /// Until some core passes the bound.
    pub async fn over(&self) {
        self.shared.over.notified().await;
    }

    /// Tells the others how much it is here, and how much of that one connection has at most; `leaving` is given up already.
    pub fn tell(&self, largest: u64, leaving: u64) {
        if let Some(said) = self.shared.cores.get(self.core) {
            said.total.store(self.all().saturating_sub(leaving), Ordering::Relaxed);
            said.largest.store(largest, Ordering::Relaxed);
        }
        self.told.set((self.bytes.get().saturating_add(STEP), self.bytes.get().saturating_sub(STEP)));
    }

    /// How much it is too much, if no connection of another core has more than `bytes`.
    pub fn excess_over(&self, bytes: u64) -> u64 {
        let others = self.shared.cores.iter().enumerate().filter(|(core, _)| *core != self.core);
        let is_largest = others.into_iter().all(|(_, said)| said.largest.load(Ordering::Relaxed) <= bytes);
        if is_largest { self.shared.excess() } else { 0 }
    }

    pub fn encrypted(&self, count: usize) {
        self.encrypted.set(count as u64);
    }

    fn all(&self) -> u64 {
        self.bytes.get().saturating_add(self.encrypted.get())
    }

    fn add(&self, count: u64) {
        let bytes = self.bytes.get().saturating_add(count);
        self.bytes.set(bytes);
        if bytes > self.told.get().0 {
            self.passes();
        }
    }

    fn sub(&self, count: u64) {
        let bytes = self.bytes.get().saturating_sub(count);
        self.bytes.set(bytes);
        if bytes < self.told.get().1 {
            self.passes();
        }
    }

    #[cold]
    fn passes(&self) {
        if let Some(said) = self.shared.cores.get(self.core) {
            said.total.store(self.all(), Ordering::Relaxed);
        }
        self.told.set((self.bytes.get().saturating_add(STEP), self.bytes.get().saturating_sub(STEP)));
        if self.shared.excess() > 0 {
            self.shared.over.notify_waiters();
        }
    }
}

/// What one connection's client has still to take.
#[derive(Debug, Default)]
pub(in crate::server) struct Unread {
    bytes: Cell<u64>,
    taken: Cell<bool>,
    core: Rc<CoreUnread>,
}

impl Unread {
    pub fn of(core: &Rc<CoreUnread>) -> Rc<Self> {
        Rc::new(Self { bytes: Cell::new(0), taken: Cell::new(false), core: Rc::clone(core) })
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Whether anything was taken since [`was_taken`](Self::was_taken) was asked last.
    pub fn is_being_taken(&self) -> bool {
        self.taken.get()
    }

    /// Whether anything was taken since this was asked last.
    pub fn was_taken(&self) -> bool {
        self.taken.take()
    }

    fn less(&self, count: usize) {
        let count = count as u64;
        self.bytes.set(self.bytes.get().saturating_sub(count));
        self.core.sub(count);
    }
}

/// A piece of an answer, counted until it has been sent or given up.
pub(in crate::server) struct Piece {
    bytes: Bytes,
    of: Rc<Unread>,
}

impl Piece {
    pub fn new(bytes: Bytes, of: &Rc<Unread>) -> Self {
        let count = bytes.len() as u64;
        of.bytes.set(of.bytes.get().saturating_add(count));
        of.core.add(count);
        Self { bytes, of: Rc::clone(of) }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.of.less(count);
        self.of.taken.set(true);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.of.less(self.bytes.len());
    }
}

/// Bytes by which a core's count changes before it tells the others.
const STEP: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_or_given_up_no_longer_counts() {
        let core = Rc::new(CoreUnread::new(Buffers::new(10 << 20, 1), 0));
        let unread = Unread::of(&core);
        let mut pieces = [0; 3].map(|_| Piece::new(Bytes::from(vec![0; 4 << 20]), &unread));
        assert_eq!((unread.bytes(), core.excess_over(0)), (12 << 20, 2 << 20));
        assert!(!unread.was_taken());
        pieces[0].advance(3 << 20);
        assert!(unread.was_taken() && !unread.was_taken());
        assert_eq!((unread.bytes(), core.excess_over(0)), (9 << 20, 0));
        drop(pieces);
        assert_eq!((unread.bytes(), core.bytes.get()), (0, 0));
    }

    #[test]
    fn the_bound_is_one_for_all_cores_and_the_core_with_the_largest_connection_gives_way() {
        let buffers = Buffers::new(10 << 20, 2);
        let cores = [0, 1].map(|core| Rc::new(CoreUnread::new(Arc::clone(&buffers), core)));
        let unread = cores.each_ref().map(Unread::of);
        let _pieces = [(4, &unread[0]), (7, &unread[1])].map(|(count, of)| Piece::new(Bytes::from(vec![0; count << 20]), of));
        for (core, unread) in cores.iter().zip(&unread) {
            core.tell(unread.bytes(), 0);
        }
        assert_eq!([0, 1].map(|core: usize| cores[core].excess_over(unread[core].bytes())), [0, 1 << 20]);
        cores[1].tell(0, unread[1].bytes());
        assert_eq!(cores[0].excess_over(unread[0].bytes()), 0, "what leaves does not count");
    }
}
