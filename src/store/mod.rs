//! What outlives a request: records that expire, and the journal's events. Values are opaque here; times are given, never read.

pub mod sqlite;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::{Later, Time, TraceId};

/// Where a record stands. `owner` is whose it is (a user id, or empty); `id` is unique within its kind and tenant.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub kind: &'static str,
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

/// What became of one taking from a bounded counter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It was there; so many are left.
    Yes { left: u32 },
    /// Nothing was left; the counter starts anew then.
    No { until: Time },
}

/// A store could not tell. Nobody is let in on one of these.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store failed: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the store is stopped or too busy")]
    Closed,
    #[error("a record of kind {kind} has format {format}, which this version does not read")]
    Format { kind: &'static str, format: u8 },
}

/// A store's answer, later. The error says that it could not tell.
pub type Stored<'a, T> = Later<'a, Result<T, StoreError>>;

/// Expiring records. Every method is atomic, also against other nodes on the same store. An expired record counts as absent
/// everywhere. `now` is the caller's time.
pub trait Records: Send + Sync {
    fn find<'a>(&'a self, kind: &'static str, id: &'a str, now: Time) -> Stored<'a, Option<Record>>;

    /// Writes if what is expected is so; says whether it did. On success the version is 1 (after `Absent`) or one more.
    fn put_if<'a>(&'a self, place: Place<'a>, value: Vec<u8>, expires: Time, expect: Expect, now: Time) -> Stored<'a, bool>;

    /// Takes one from a counter that holds `limit` and starts anew `window` after its first taking.
    fn take<'a>(&'a self, place: Place<'a>, limit: u32, window: Duration, now: Time) -> Stored<'a, Taken>;

    /// Gives one taken back; nothing happens where none is taken.
    fn give_back<'a>(&'a self, kind: &'static str, id: &'a str, now: Time) -> Stored<'a, ()>;

    /// Removes a record or a counter; says whether there was one.
    fn remove<'a>(&'a self, kind: &'static str, id: &'a str, now: Time) -> Stored<'a, bool>;

    /// All records of one owner.
    fn by_owner<'a>(&'a self, kind: &'static str, owner: &'a str, now: Time) -> Stored<'a, Vec<Record>>;

    /// The next record of a kind whose `due` has come and that no node holds a lease on; leased to `node` until `lease`.
    fn claim<'a>(&'a self, kind: &'static str, node: &'a str, lease: Time, now: Time) -> Stored<'a, Option<Record>>;

    /// Sets when [`Records::claim`] may hand out a record (`None`: never) and ends its lease.
    fn due<'a>(&'a self, kind: &'static str, id: &'a str, due: Option<Time>, now: Time) -> Stored<'a, ()>;

    /// Up to `most` records of a kind written after `mark` (0: from the beginning), oldest change first, and the mark to go on from.
    fn changes_since<'a>(&'a self, kind: &'static str, mark: u64, most: u32, now: Time) -> Stored<'a, (Vec<Record>, u64)>;

    /// Removes what has expired; says how many.
    fn sweep(&self, now: Time) -> Stored<'_, u64>;
}

/// One line of the journal as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub at: Time,
    pub trace: Option<TraceId>,
    /// `sign-in`, `password-refused`, ...
    pub kind: String,
    /// `yes`, `no` or `fact`.
    pub outcome: String,
    /// A user id, or empty.
    pub user: String,
    /// An application's name, or empty.
    pub application: String,
    /// ISO 3166 code, or empty.
    pub country: String,
    /// Everything else, as a JSON object.
    pub detail: String,
}

/// What to look for; an absent field matches everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Search {
    pub from: Option<Time>,
    pub until: Option<Time>,
    pub trace: Option<TraceId>,
    pub user: Option<String>,
    pub application: Option<String>,
    pub outcome: Option<String>,
    pub country: Option<String>,
    /// At most so many, the newest; zero means 1,000.
    pub most: u32,
}

/// The journal's events, each chained to the one before it on the same node by SHA-256.
pub trait EventLog: Send + Sync {
    /// Returns once the entry is on disk.
    fn append(&self, entry: Entry) -> Stored<'_, ()>;

    /// Oldest first.
    fn search(&self, search: Search) -> Stored<'_, Vec<Entry>>;

    /// Walks the whole chain; the number of entries, or the first that does not fit.
    fn verify(&self) -> Stored<'_, Result<u64, u64>>;
}
