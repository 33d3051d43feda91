//! Records and journal in one SQLite file on this machine: one thread writes, two read, and no caller ever waits on the disk
//! in its own thread.

mod chain;
mod counters;
mod events;
mod line;
mod migrate;
mod names;
mod open;
mod records;
mod room;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Row};

use self::line::Line;
use self::open::OpenError;
pub use self::room::{Room, no_space};
use super::{
    Anchor, Chain, Counted, Counter, Counters, Entry, EventLog, Fed, Feed, Kind, Page, Place, Put, Queue, Queued, Record,
    Records, Search, StoreError, StoreFuture, Taken,
};
use crate::base::timings::TimingCounts;
use crate::base::{Time, Timing, Timings, UserId};

/// How many threads read. A long search leaves the other one free for the logins.
const READERS: usize = 2;

/// The kinds of calls that are timed.
const READ: &str = "read";
const WRITE: &str = "write";
const JOURNAL: &str = "journal";

/// How long reading the whole journal may take.
const VERIFY: Duration = Duration::from_secs(600);

/// Every row carries a tenant; there is one, without a name, so far.
const TENANT: &str = "";

/// An open database. Dropping it lets its threads finish what is waiting and end; [`Sqlite::close`] also waits for them.
pub struct Sqlite {
    writer: Line,
    readers: Line,
    node: Arc<str>,
    file: PathBuf,
    timings: Timings,
    appends: Arc<Timing>,
}

impl Sqlite {
    /// Opens or makes the file, mode 0600, in a folder that must be there. A file that a newer version has written is refused.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_lines(path).map_err(|error| unopened(path, error))
    }

    fn open_lines(path: &Path) -> Result<Self, OpenError> {
        let timings = Timings::default();
        let writer = Line::to_writer(open::writer(path)?, timings.of(WRITE)).map_err(OpenError::Thread)?;
        let connections = (0..READERS).map(|_| open::reader(path)).collect::<Result<_, _>>()?;
        let readers = Line::to_readers(connections, timings.of(READ)).map_err(OpenError::Thread)?;
        let appends = timings.of(JOURNAL);
        Ok(Self { writer, readers, node: "doorward".into(), file: path.to_owned(), timings, appends })
    }

    /// Opens a file that no node has open, or one has, to read it: nothing in it is changed, and every write is an error.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let open = || {
            let timings = Timings::default();
            let line = || Line::to_readers(vec![open::reader(path)?], timings.of(READ)).map_err(OpenError::Thread);
            let (writer, readers, appends) = (line()?, line()?, timings.of(JOURNAL));
            Ok::<_, OpenError>(Self { writer, readers, node: "doorward".into(), file: path.to_owned(), timings, appends })
        };
        open().map_err(|error| unopened(path, error))
    }

    /// Names the node whose chain the events go on; without it, `doorward`.
    #[must_use]
    pub fn named(mut self, node: &str) -> Self {
        self.node = node.into();
        self
    }

    /// How large the files are and what room is left beside them; nothing where the system does not say.
    pub fn room(&self) -> Option<Room> {
        Room::of(&self.file).ok()
    }

    /// How long calls took since the file was opened, waiting for a turn included: `read`, `write`, and `journal` for events.
    pub fn timings(&self) -> BTreeMap<String, TimingCounts> {
        self.timings.counts()
    }

    /// Finishes what is waiting and closes the file; calls that come later get [`StoreError::Closed`].
    pub async fn close(&self) {
        self.readers.stop().await;
        // Last, because only a connection that may write can put the log away.
        self.writer.stop().await;
    }

    /// Calls `some`, which removes some of what has expired, until nothing is left of it; says how many.
    async fn sweep_by<W>(&self, some: W) -> Result<u64, StoreError>
    where
        W: Fn(&Connection) -> rusqlite::Result<u64> + Copy + Send + 'static,
    {
        let mut total = 0;
        loop {
            let swept = self.writer.ask(some).await?;
            if swept == 0 {
                self.writer.tidy();
                return Ok(total);
            }
            total += swept;
        }
    }
}

/// Why a file could not be opened.
fn unopened(path: &Path, error: OpenError) -> StoreError {
    match error.free_if_full(path) {
        Some(free) => StoreError::Full { file: path.display().to_string(), free },
        None => StoreError::Failed(Box::new(error)),
    }
}

/// A place that a job can own.
#[derive(Clone, Debug)]
struct OwnPlace<K> {
    kind: K,
    owner: String,
    id: String,
}

impl<K> From<Place<'_, K>> for OwnPlace<K> {
    fn from(place: Place<'_, K>) -> Self {
        Self { kind: place.kind, owner: place.owner.to_owned(), id: place.id.to_owned() }
    }
}

impl Records for Sqlite {
    fn find<'a>(&'a self, kind: Kind, id: &'a str, now: Time) -> StoreFuture<'a, Option<Record>> {
        let id = id.to_owned();
        Box::pin(self.readers.ask(move |connection| records::find(connection, kind, &id, now)))
    }

    fn put_all<'a>(&'a self, puts: Vec<Put<'a>>, now: Time) -> StoreFuture<'a, bool> {
        let puts: Vec<_> = puts.into_iter().map(records::OwnPut::from).collect();
        Box::pin(self.writer.ask(move |connection| records::put_all(connection, &puts, now)))
    }

    fn remove<'a>(&'a self, kind: Kind, id: &'a str, now: Time) -> StoreFuture<'a, bool> {
        let id = id.to_owned();
        Box::pin(self.writer.ask(move |connection| records::remove(connection, kind, &id, now)))
    }

    fn by_owner<'a>(&'a self, kind: Kind, owner: &'a str, now: Time) -> StoreFuture<'a, Vec<Record>> {
        let owner = owner.to_owned();
        Box::pin(self.readers.ask(move |connection| records::by_owner(connection, kind, &owner, now)))
    }

    fn erase<'a>(&'a self, user: &'a UserId) -> StoreFuture<'a, u64> {
        let user = user.clone();
        Box::pin(async move {
            let erased = self.writer.ask(move |connection| records::erase(connection, user.as_str())).await;
            self.writer.tidy();
            erased
        })
    }

    fn sweep(&self, now: Time) -> StoreFuture<'_, u64> {
        Box::pin(self.sweep_by(move |connection| records::sweep(connection, now)))
    }
}

impl Counters for Sqlite {
    fn take<'a>(&'a self, place: Place<'a, Counter>, limit: u32, window: Duration, now: Time) -> StoreFuture<'a, Taken> {
        let place = OwnPlace::from(place);
        Box::pin(self.writer.ask(move |connection| counters::take(connection, &place, limit, now.plus(window), now)))
    }

    fn give_back<'a>(&'a self, counter: Counter, id: &'a str, now: Time) -> StoreFuture<'a, ()> {
        let id = id.to_owned();
        Box::pin(self.writer.ask(move |connection| counters::give_back(connection, counter, &id, now)))
    }

    fn starting<'a>(&'a self, counter: Counter, beginning: &'a str, now: Time) -> StoreFuture<'a, Vec<Counted>> {
        let beginning = beginning.to_owned();
        Box::pin(self.readers.ask(move |connection| counters::starting(connection, counter, &beginning, now)))
    }

    fn remove<'a>(&'a self, counter: Counter, id: &'a str, now: Time) -> StoreFuture<'a, bool> {
        let id = id.to_owned();
        Box::pin(self.writer.ask(move |connection| counters::remove(connection, counter, &id, now)))
    }

    fn erase<'a>(&'a self, user: &'a UserId) -> StoreFuture<'a, u64> {
        let user = user.clone();
        Box::pin(self.writer.ask(move |connection| counters::erase(connection, user.as_str())))
    }

    fn sweep(&self, now: Time) -> StoreFuture<'_, u64> {
        Box::pin(self.sweep_by(move |connection| counters::sweep(connection, now)))
    }
}

impl Queue for Sqlite {
    fn claim<'a>(&'a self, kind: Queued, node: &'a str, lease: Time, now: Time) -> StoreFuture<'a, Option<Record>> {
        let (kind, node) = (kind.kind(), node.to_owned());
        Box::pin(self.writer.ask(move |connection| records::claim(connection, kind, &node, lease, now)))
    }

    fn due<'a>(&'a self, kind: Queued, id: &'a str, due: Option<Time>, now: Time) -> StoreFuture<'a, ()> {
        let (kind, id) = (kind.kind(), id.to_owned());
        Box::pin(self.writer.ask(move |connection| records::due(connection, kind, &id, due, now)))
    }
}

impl Feed for Sqlite {
    fn changes_since(&self, kind: Fed, mark: u64, most: u32, now: Time) -> StoreFuture<'_, (Vec<Record>, u64)> {
        Box::pin(self.readers.ask(move |connection| records::changes(connection, kind.kind(), mark, most, now)))
    }
}

impl EventLog for Sqlite {
    fn append(&self, entry: Entry) -> StoreFuture<'_, ()> {
        let node = Arc::clone(&self.node);
        Box::pin(self.writer.ask_timed(&self.appends, move |connection| events::append(connection, &node, &entry)))
    }

    fn search(&self, search: Search) -> StoreFuture<'_, Vec<Entry>> {
        Box::pin(self.readers.ask(move |connection| events::search(connection, &search)))
    }

    fn page(&self, search: Search, mark: u64) -> StoreFuture<'_, Page> {
        Box::pin(self.readers.ask(move |connection| events::page(connection, &search, mark)))
    }

    fn users_named<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Vec<String>> {
        let name = name.to_owned();
        Box::pin(self.readers.ask(move |connection| names::users(connection, &name)))
    }

    fn forget_name<'a>(&'a self, user: &'a UserId) -> StoreFuture<'a, bool> {
        let user = user.clone();
        Box::pin(async move {
            let forgotten = self.writer.ask(move |connection| names::forget(connection, user.as_str())).await;
            self.writer.tidy();
            forgotten
        })
    }

    fn is_writable(&self) -> StoreFuture<'_, ()> {
        if let Some(Err(full)) = self.room().map(Room::suffices) {
            return Box::pin(async { Err(StoreError::Failed(Box::new(full))) });
        }
        // The number stays what it is, but its page is written and synced like any other.
        Box::pin(self.writer.ask(|connection| {
            let own: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
            connection.pragma_update(None, "application_id", own)
        }))
    }

    fn verify(&self, anchor: Option<Anchor>) -> StoreFuture<'_, Vec<Chain>> {
        Box::pin(self.readers.ask_within(VERIFY, move |connection| chain::verify(connection, anchor.as_ref())))
    }

    fn old_ends(&self, before: Time) -> StoreFuture<'_, BTreeMap<String, u64>> {
        Box::pin(self.readers.ask_within(VERIFY, move |connection| chain::old_ends(connection, before)))
    }

    fn cut(&self, before: Time) -> StoreFuture<'_, u64> {
        Box::pin(self.sweep_by(move |connection| chain::cut(connection, before)))
    }
}

/// SQLite's whole numbers are signed: what lies beyond counts as the largest.
fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn millis(time: Time) -> i64 {
    count(time.millis())
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Time> {
    row.get::<_, i64>(column).map(|millis| Time::from_millis(millis.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Expect;

    const NOW: Time = Time::from_millis(1_000);
    const LATER: Time = Time::from_millis(u64::MAX);

    fn open() -> (tempfile::TempDir, Sqlite) {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("doorward.db")).unwrap();
        (folder, store)
    }

    async fn put(store: &Sqlite, id: &str, size: usize) -> Result<bool, StoreError> {
        let place = Place { kind: Kind::Message, owner: "", id };
        store.put_if(Put { place, value: vec![7; size], expires: LATER, expect: Expect::Absent }, NOW).await
    }

    async fn limit_pages(store: &Sqlite, pages: i64) {
        let limit = move |connection: &rusqlite::Connection| {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
        };
        store.writer.ask(limit).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_fails_the_call_and_not_the_store() {
        let (_folder, store) = open();
        put(&store, "before", 10).await.unwrap();
        limit_pages(&store, 40).await;
        // All at once, so that they share a transaction: the small ones must get through although the large one cannot.
        let (first, large, last) = tokio::join!(put(&store, "first", 10), put(&store, "large", 1 << 20), put(&store, "last", 10));
        assert!(matches!(large, Err(StoreError::Full { .. })), "{large:?}");
        assert!(first.unwrap() && last.unwrap());
        for id in ["before", "first", "last"] {
            assert!(store.find(Kind::Message, id, NOW).await.unwrap().is_some(), "{id}");
        }
        limit_pages(&store, 1 << 30).await;
        assert!(put(&store, "large", 1 << 20).await.unwrap());
    }

    #[tokio::test]
    async fn whether_it_can_be_written_is_found_by_writing() {
        let (folder, store) = open();
        let log = || std::fs::metadata(folder.path().join("doorward.db-wal")).unwrap().len();
        put(&store, "kept", 1).await.unwrap();
        let before = log();
        store.is_writable().await.unwrap();
        assert!(log() > before, "nothing was written");
        store.close().await;
        assert!(matches!(store.is_writable().await, Err(StoreError::Closed)));
    }

    #[tokio::test]
    async fn one_call_that_fails_fails_alone() {
        let (_folder, store) = open();
        let broken = store.writer.ask(|connection| {
            connection.execute("INSERT INTO change VALUES (99)", [])?;
            connection.execute("INSERT INTO nowhere VALUES (1)", [])
        });
        let (first, broken, last) = tokio::join!(put(&store, "first", 1), broken, put(&store, "last", 1));
        assert!(first.unwrap() && last.unwrap());
        assert!(matches!(broken, Err(StoreError::Failed(_))));
        let rows =
            store.readers.ask(|connection| connection.query_row("SELECT COUNT(*) FROM change", [], |row| row.get::<_, i64>(0)));
        assert_eq!(rows.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn after_closing_the_log_is_put_away_and_nothing_is_accepted() {
        let (folder, store) = open();
        put(&store, "kept", 10).await.unwrap();
        store.close().await;
        assert!(matches!(put(&store, "late", 10).await, Err(StoreError::Closed)));
        assert!(matches!(store.find(Kind::Message, "kept", NOW).await, Err(StoreError::Closed)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn what_was_removed_is_gone_from_the_files_after_a_sweep() {
        let (folder, store) = open();
        let secret = b"a-sealed-password-of-somebody";
        let place = Place { kind: Kind::Message, owner: "", id: "x" };
        let secret_put = Put { place, value: secret.to_vec(), expires: LATER, expect: Expect::Absent };
        store.put_if(secret_put, NOW).await.unwrap();
        Records::remove(&store, Kind::Message, "x", NOW).await.unwrap();
        Records::sweep(&store, NOW).await.unwrap();
        // In the line behind the tidying, so it is done when this is answered.
        put(&store, "y", 1).await.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }

    #[tokio::test]
    async fn another_process_that_holds_the_file_delays_a_write_and_no_read() {
        let (folder, store) = open();
        put(&store, "kept", 1).await.unwrap();
        let other = rusqlite::Connection::open(folder.path().join("doorward.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let write = put(&store, "waiting", 1);
        let read = async {
            assert!(store.find(Kind::Message, "kept", NOW).await.unwrap().is_some());
            other.execute_batch("COMMIT").unwrap();
        };
        let (written, ()) = tokio::join!(write, read);
        assert!(written.unwrap());
    }

    #[tokio::test]
    async fn the_search_of_a_full_journal_uses_an_index() {
        let (_folder, store) = open();
        for column in ["trace", "user", "application", "outcome", "country"] {
            let sql = format!("EXPLAIN QUERY PLAN SELECT * FROM event WHERE tenant = '' AND {column} = 'x' ORDER BY at");
            let ask = store.readers.ask(move |connection| connection.query_row(&sql, [], |row| row.get::<_, String>(3)));
            let plan = ask.await.unwrap();
            assert!(plan.contains(&format!("event_{column}")), "{plan}");
        }
    }
}
