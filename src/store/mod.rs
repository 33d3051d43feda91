//! What outlives a request: records and counters that expire, and the journal's events. Values are opaque to a store; times are given,
//! never read.
//!
//! The traits part what a store is asked for by nature, so that each may have a home of its own: a cache can hold counters and what is
//! short-lived, but no queue and no feed. [`Stores`] is the handle that is passed around; [`Table`] is how records of one type are read
//! and written.

mod event_log;
mod handle;
mod kind;
mod split;
pub mod sqlite;
mod table;

use std::time::Duration;

pub use self::event_log::{Anchor, Chain, Entry, EventLog, Link, Misfit, Page, Search, Who};
pub use self::handle::Stores;
pub use self::kind::{Class, CountedBy, Counter, Fed, Kind, Owner, Queued};
pub use self::table::{Step, Stored, Table, Versioned};
use crate::base::{Later, Time, UserId};

/// Where a record or counter stands. `owner` is whose it is ([`Kind::owner`], or empty); `id` is unique within its kind and tenant.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a, K = Kind> {
    pub kind: K,
    pub owner: &'a str,
    pub id: &'a str,
}

/// A record as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub owner: String,
    pub id: String,
    /// Bytes of the owning module, beginning with that module's format number.
    pub value: Vec<u8>,
    /// Grows by one with every write of this record, from 1.
    pub version: u64,
    /// From here on the record is as good as gone.
    pub expires: Time,
}

/// What must be so for a write to happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expect {
    /// There is no (unexpired) record at this place.
    Absent,
    /// The record there has this version.
    Version(u64),
}

/// One write of a record. On success its version is 1 (after `Absent`) or one more.
#[derive(Clone, Debug)]
pub struct Put<'a> {
    pub place: Place<'a>,
    pub value: Vec<u8>,
    pub expires: Time,
    pub expect: Expect,
}

/// What became of one taking from a bounded counter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It was there; so many are left.
    Yes { left: u32 },
    /// Nothing was left; the counter starts anew then.
    No { until: Time },
}

/// A counter as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counted {
    pub id: String,
    pub taken: u32,
    /// It starts anew then.
    pub until: Time,
}

/// A store could not tell. Nobody is let in on one of these.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store failed: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no space left on the disk of {file}: {free} bytes free")]
    Full { file: String, free: u64 },
    #[error("the store is stopped or too busy")]
    Closed,
    /// A newer version has written it, which may be running on another node.
    #[error("a record of kind {kind} has format {format}, which this version does not read")]
    Format { kind: Kind, format: u8 },
    #[error("{kind} {id} does not open: were the keys changed?")]
    Sealed { kind: Kind, id: String },
    #[error("{kind} {id} does not hold what its format says")]
    Malformed { kind: Kind, id: String, source: serde_json::Error },
    /// Other writers were faster each time.
    #[error("a record of kind {0} kept changing")]
    Conflict(Kind),
    /// A programming error: no store can write them all or none.
    #[error("records of several classes were to be written at once")]
    Parted,
}

impl StoreError {
    /// Whether there is a record, but nothing of it can be known here.
    pub const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Format { .. } | Self::Sealed { .. } | Self::Malformed { .. })
    }
}

/// A store's answer, later. The error says that it could not tell.
pub type StoreFuture<'a, T> = Later<'a, Result<T, StoreError>>;

/// Expiring records. Every method is atomic, also against other nodes on the same store. An expired record counts as absent
/// everywhere. `now` is the caller's time.
pub trait Records: Send + Sync {
    fn find<'a>(&'a self, kind: Kind, id: &'a str, now: Time) -> StoreFuture<'a, Option<Record>>;

    /// Writes all if for each what is expected is so, else none; says whether it did.
    fn put_all<'a>(&'a self, puts: Vec<Put<'a>>, now: Time) -> StoreFuture<'a, bool>;

    /// Writes one.
    fn put_if<'a>(&'a self, put: Put<'a>, now: Time) -> StoreFuture<'a, bool> {
        self.put_all(vec![put], now)
    }

    /// Says whether there was one.
    fn remove<'a>(&'a self, kind: Kind, id: &'a str, now: Time) -> StoreFuture<'a, bool>;

    /// All records of one owner, by id.
    fn by_owner<'a>(&'a self, kind: Kind, owner: &'a str, now: Time) -> StoreFuture<'a, Vec<Record>>;

    /// Removes the records of every kind that are this user's ([`Kind::owner`]); says how many, expired ones among them. What nodes
    /// hold in memory (a session) goes on.
    fn erase<'a>(&'a self, user: &'a UserId) -> StoreFuture<'a, u64>;

    /// Removes what has expired; says how many.
    fn sweep(&self, now: Time) -> StoreFuture<'_, u64>;
}

/// Bounded counters. As [`Records`] in all else; a counter and a record never meet.
pub trait Counters: Send + Sync {
    /// Takes one from a counter that holds `limit` and starts anew `window` after its first taking.
    fn take<'a>(&'a self, place: Place<'a, Counter>, limit: u32, window: Duration, now: Time) -> StoreFuture<'a, Taken>;

    /// Gives one taken back; nothing happens where none is taken.
    fn give_back<'a>(&'a self, counter: Counter, id: &'a str, now: Time) -> StoreFuture<'a, ()>;

    /// The counters whose id begins so, by id, at most 1,000.
    fn starting<'a>(&'a self, counter: Counter, beginning: &'a str, now: Time) -> StoreFuture<'a, Vec<Counted>>;

    /// Forgets what was taken; says whether there was a counter.
    fn remove<'a>(&'a self, counter: Counter, id: &'a str, now: Time) -> StoreFuture<'a, bool>;

    /// Removes the counters that can be found by this user ([`Counter::by`]); says how many.
    fn erase<'a>(&'a self, user: &'a UserId) -> StoreFuture<'a, u64>;

    /// Removes those whose window is over; says how many.
    fn sweep(&self, now: Time) -> StoreFuture<'_, u64>;
}

/// Records that are worked on when their time comes.
pub trait Queue: Send + Sync {
    /// The next record whose `due` has come and that no node holds a lease on; leased to `node` until `lease`.
    fn claim<'a>(&'a self, kind: Queued, node: &'a str, lease: Time, now: Time) -> StoreFuture<'a, Option<Record>>;

    /// Sets when [`Queue::claim`] may hand out a record (`None`: never) and ends its lease.
    fn due<'a>(&'a self, kind: Queued, id: &'a str, due: Option<Time>, now: Time) -> StoreFuture<'a, ()>;
}

/// Records whose changes can be followed.
pub trait Feed: Send + Sync {
    /// Up to `most` records written after `mark` (0: from the beginning), oldest change first, and the mark to go on from.
    fn changes_since(&self, kind: Fed, mark: u64, most: u32, now: Time) -> StoreFuture<'_, (Vec<Record>, u64)>;
}
