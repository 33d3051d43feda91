//! The journal as a store keeps it: entries that are only ever added, chained by hashes, and cut off at the old end.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::StoreFuture;
use crate::base::{Time, TraceId, UserId};

/// One line of the journal as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Entry {
    pub at: Time,
    pub trace: Option<TraceId>,
    /// `sign-in`, `password-refused`, ...
    pub kind: String,
    /// `yes`, `no` or `fact`.
    pub outcome: String,
    /// A user id, or empty.
    pub user: String,
    /// The account name of this user as the store heard it last, or empty. Kept once for each user beside the chain, so that it can be
    /// forgotten. An entry that is appended with a name teaches it.
    #[serde(default)]
    pub name: String,
    /// An application's name, or empty.
    pub application: String,
    /// ISO 3166 code, or empty.
    pub country: String,
    /// Everything else, as a JSON object.
    pub detail: String,
}

/// An entry with its place in the chain of a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Link {
    pub node: String,
    /// From 1, without gaps.
    pub seq: u64,
    /// Which columns the hash is made of, and how.
    pub format: u32,
    /// SHA-256 over the hash before it and all columns, in hexadecimal digits.
    pub hash: String,
    pub entry: Entry,
}

/// What to look for; an absent field matches everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Search {
    pub from: Option<Time>,
    pub until: Option<Time>,
    pub trace: Option<TraceId>,
    pub who: Option<Who>,
    pub application: Option<String>,
    pub kind: Option<String>,
    pub outcome: Option<String>,
    pub country: Option<String>,
    /// The client's address is one of these.
    pub address: Option<IpNet>,
    /// At most so many, the newest; zero means 1,000. [`EventLog::page`] takes no notice of it.
    pub most: u32,
}

/// Whose entries: those of any of these.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Who {
    /// User ids.
    pub users: Vec<String>,
    /// The keyed hash of a typed name, as refusals have it that were made before anybody was looked up.
    pub name_hash: Option<String>,
}

/// Some of the journal, in the order in which it was written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    pub entries: Vec<Link>,
    /// Where to go on.
    pub mark: u64,
    /// Nothing was written behind the mark when this was read.
    pub is_end: bool,
}

/// An earlier end of a chain that was copied elsewhere: an entry and its hash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Anchor {
    pub node: String,
    pub seq: u64,
    pub hash: String,
}

/// The chain of one node as [`EventLog::verify`] found it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Chain {
    pub node: String,
    /// So many entries were cut off at the old end.
    pub cut: u64,
    /// So many fit, one after the other, up to the end or the first that does not.
    pub length: u64,
    /// When the first and the last of them were written.
    pub from: Option<Time>,
    pub until: Option<Time>,
    /// The hash of the last of them.
    pub hash: String,
    pub misfit: Option<Misfit>,
}

impl Chain {
    /// The number of the last entry that fits.
    pub const fn last(&self) -> u64 {
        self.cut.saturating_add(self.length)
    }
}

/// What does not fit first in a chain, by the number of the entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Misfit {
    /// It is not there; others behind it are.
    Missing(u64),
    /// It, or the hash that stands before it, is not what was written.
    Changed(u64),
    /// It is not there, nor is any behind it.
    EndMissing(u64),
    /// The chain ended before it.
    Added(u64),
    /// It is not the one that the anchor was copied from: from there on, or from before, the journal was written anew.
    NotTheAnchor(u64),
    /// The anchor's entry was cut off, so it says nothing.
    AnchorCut(u64),
    /// There is no such chain, or it ends before the anchor.
    NoAnchor(u64),
    /// Its old end is gone up to this one, and nothing in the journal says that this was meant to be.
    NotCutByUs(u64),
}

impl Misfit {
    /// The number of the entry.
    pub const fn seq(self) -> u64 {
        match self {
            Self::Missing(seq)
            | Self::Changed(seq)
            | Self::EndMissing(seq)
            | Self::Added(seq)
            | Self::NotTheAnchor(seq)
            | Self::AnchorCut(seq)
            | Self::NoAnchor(seq)
            | Self::NotCutByUs(seq) => seq,
        }
    }
}

/// The journal's events, each chained to the one before it on the same node by SHA-256.
pub trait EventLog: Send + Sync {
    /// Returns once the entry is on disk.
    fn append(&self, entry: Entry) -> StoreFuture<'_, ()>;

    /// The newest that match, oldest first.
    fn search(&self, search: Search) -> StoreFuture<'_, Vec<Entry>>;

    /// Those that match among the next few thousand after `mark` (0: from the beginning), in the order in which they were written. There
    /// may be none although more follow.
    fn page(&self, search: Search, mark: u64) -> StoreFuture<'_, Page>;

    /// The users whose last known account name this is, in any case and spelling.
    fn users_named<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Vec<String>>;

    /// Forgets the account name of a user; says whether it was known.
    fn forget_name<'a>(&'a self, user: &'a UserId) -> StoreFuture<'a, bool>;

    /// Writes something that means nothing, so that a disk that is full or broken is found before an event is.
    fn is_writable(&self) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Walks every chain, and says what does not fit in each.
    fn verify(&self, anchor: Option<Anchor>) -> StoreFuture<'_, Vec<Chain>>;

    /// Up to which entry [`EventLog::cut`] would cut off the old end of each chain; chains of which it would cut nothing are left out.
    fn old_ends(&self, before: Time) -> StoreFuture<'_, BTreeMap<String, u64>>;

    /// Cuts off the entries at the old end of every chain up to the first that was not written before this time; says how many.
    fn cut(&self, before: Time) -> StoreFuture<'_, u64>;
}
