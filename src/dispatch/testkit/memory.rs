//! What the dispatcher's tests stand on: records and a journal in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::base::{Time, UserId};
use crate::store::{
    Anchor, Chain, Counted, Counter, Counters, Entry, EventLog, Expect, Fed, Feed, Kind, Page, Place, Put, Queue, Queued, Record,
    Records, Search, StoreError, StoreFuture, Taken,
};

/// By kind and id.
type Table<K, T> = BTreeMap<(K, String), T>;

#[derive(Default)]
pub struct Memory {
    rows: Mutex<Table<Kind, Row>>,
    counters: Mutex<Table<Counter, (u32, Time)>>,
    pub entries: Mutex<Vec<Entry>>,
    pub broken: std::sync::atomic::AtomicBool,
    /// How many milliseconds each call takes, as on a disk that is busy.
    pub lag: std::sync::atomic::AtomicU64,
}

struct Row {
    record: Record,
    due: Option<Time>,
    lease: Time,
}

impl Memory {
    fn rows(&self, now: Time) -> Result<MutexGuard<'_, Table<Kind, Row>>, StoreError> {
        if self.broken.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(StoreError::Closed);
        }
        let mut rows = self.rows.lock().unwrap();
        rows.retain(|_, row| row.record.expires > now);
        Ok(rows)
    }

    /// The kinds of all events so far, with a field of the detail each.
    pub fn story(&self) -> Vec<String> {
        let entries = self.entries.lock().unwrap();
        let word = |entry: &Entry| {
            let detail: serde_json::Value = serde_json::from_str(&entry.detail).unwrap();
            let text = |field: &str| detail.get(field).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
            format!(
                "{} {}{}{}",
                entry.kind,
                text("transmitter"),
                text("reason"),
                match text("outcome").as_str() {
                    "" => String::new(),
                    outcome => format!(" {outcome}"),
                }
            )
        };
        entries.iter().map(|entry| word(entry).trim().to_owned()).collect()
    }

    pub fn record(&self, kind: Kind, id: &str) -> Option<Record> {
        self.rows.lock().unwrap().get(&(kind, id.to_owned())).map(|row| row.record.clone())
    }
}

impl Memory {
    fn ready<'a, T: Send + 'a>(&self, value: Result<T, StoreError>) -> StoreFuture<'a, T> {
        let lag = Duration::from_millis(self.lag.load(std::sync::atomic::Ordering::SeqCst));
        Box::pin(async move {
            if !lag.is_zero() {
                tokio::time::sleep(lag).await;
            }
            value
        })
    }
}

impl Records for Memory {
    fn find<'a>(&'a self, kind: Kind, id: &'a str, now: Time) -> StoreFuture<'a, Option<Record>> {
        self.ready(self.rows(now).map(|rows| rows.get(&(kind, id.to_owned())).map(|row| row.record.clone())))
    }

    fn put_all<'a>(&'a self, puts: Vec<Put<'a>>, now: Time) -> StoreFuture<'a, bool> {
        self.ready(self.rows(now).map(|mut rows| {
            let fits = |put: &Put<'_>| {
                let old = rows.get(&(put.place.kind, put.place.id.to_owned())).map(|row| row.record.version);
                match put.expect {
                    Expect::Absent => old.is_none(),
                    Expect::Version(version) => old == Some(version),
                }
            };
            if !puts.iter().all(fits) {
                return false;
            }
            for Put { place, value, expires, .. } in puts {
                let key = (place.kind, place.id.to_owned());
                let old = rows.get(&key);
                let version = old.map_or(1, |row| row.record.version + 1);
                let (due, lease) = old.map_or((None, Time::default()), |row| (row.due, row.lease));
                let record = Record { owner: place.owner.into(), id: place.id.into(), value, version, expires };
                rows.insert(key, Row { record, due, lease });
            }
            true
        }))
    }

    fn remove<'a>(&'a self, kind: Kind, id: &'a str, now: Time) -> StoreFuture<'a, bool> {
        self.ready(self.rows(now).map(|mut rows| rows.remove(&(kind, id.to_owned())).is_some()))
    }

    fn by_owner<'a>(&'a self, _kind: Kind, _owner: &'a str, _now: Time) -> StoreFuture<'a, Vec<Record>> {
        self.ready(Ok(Vec::new()))
    }

    fn erase<'a>(&'a self, _user: &'a UserId) -> StoreFuture<'a, u64> {
        self.ready(Ok(0))
    }

    fn sweep(&self, _now: Time) -> StoreFuture<'_, u64> {
        self.ready(Ok(0))
    }
}

impl Counters for Memory {
    fn take<'a>(&'a self, place: Place<'a, Counter>, limit: u32, window: Duration, now: Time) -> StoreFuture<'a, Taken> {
        let mut counters = self.counters.lock().unwrap();
        let counter = counters.entry((place.kind, place.id.to_owned())).or_insert((0, now.plus(window)));
        if counter.1 <= now {
            *counter = (0, now.plus(window));
        }
        if counter.0 >= limit {
            return self.ready(Ok(Taken::No { until: counter.1 }));
        }
        counter.0 += 1;
        self.ready(Ok(Taken::Yes { left: limit - counter.0 }))
    }

    fn give_back<'a>(&'a self, counter: Counter, id: &'a str, _now: Time) -> StoreFuture<'a, ()> {
        if let Some(counter) = self.counters.lock().unwrap().get_mut(&(counter, id.to_owned())) {
            counter.0 = counter.0.saturating_sub(1);
        }
        self.ready(Ok(()))
    }

    fn starting<'a>(&'a self, _counter: Counter, _beginning: &'a str, _now: Time) -> StoreFuture<'a, Vec<Counted>> {
        self.ready(Ok(Vec::new()))
    }

    fn remove<'a>(&'a self, counter: Counter, id: &'a str, _now: Time) -> StoreFuture<'a, bool> {
        let was_there = self.counters.lock().unwrap().remove(&(counter, id.to_owned())).is_some();
        self.ready(Ok(was_there))
    }

    fn erase<'a>(&'a self, _user: &'a UserId) -> StoreFuture<'a, u64> {
        self.ready(Ok(0))
    }

    fn sweep(&self, _now: Time) -> StoreFuture<'_, u64> {
        self.ready(Ok(0))
    }
}

impl Queue for Memory {
    fn claim<'a>(&'a self, kind: Queued, _node: &'a str, lease: Time, now: Time) -> StoreFuture<'a, Option<Record>> {
        self.ready(self.rows(now).map(|mut rows| {
            let is_due = |row: &Row| row.due.is_some_and(|due| due <= now) && row.lease <= now;
            let row = rows.iter_mut().find(|((of, _), row)| *of == kind.kind() && is_due(row));
            row.map(|(_, row)| {
                row.lease = lease;
                row.record.clone()
            })
        }))
    }

    fn due<'a>(&'a self, kind: Queued, id: &'a str, due: Option<Time>, now: Time) -> StoreFuture<'a, ()> {
        self.ready(self.rows(now).map(|mut rows| {
            if let Some(row) = rows.get_mut(&(kind.kind(), id.to_owned())) {
                (row.due, row.lease) = (due, Time::default());
            }
        }))
    }
}

impl Feed for Memory {
    fn changes_since(&self, _: Fed, mark: u64, _: u32, _: Time) -> StoreFuture<'_, (Vec<Record>, u64)> {
        self.ready(Ok((Vec::new(), mark)))
    }
}

impl EventLog for Memory {
    fn append(&self, entry: Entry) -> StoreFuture<'_, ()> {
        self.entries.lock().unwrap().push(entry);
        self.ready(Ok(()))
    }

    fn search(&self, _search: Search) -> StoreFuture<'_, Vec<Entry>> {
        self.ready(Ok(self.entries.lock().unwrap().clone()))
    }

    fn page(&self, _search: Search, _mark: u64) -> StoreFuture<'_, Page> {
        self.ready(Ok(Page { is_end: true, ..Page::default() }))
    }

    fn users_named<'a>(&'a self, _name: &'a str) -> StoreFuture<'a, Vec<String>> {
        self.ready(Ok(Vec::new()))
    }

    fn forget_name<'a>(&'a self, _user: &'a UserId) -> StoreFuture<'a, bool> {
        self.ready(Ok(false))
    }

    fn verify(&self, _anchor: Option<Anchor>) -> StoreFuture<'_, Vec<Chain>> {
        self.ready(Ok(Vec::new()))
    }

    fn old_ends(&self, _before: Time) -> StoreFuture<'_, BTreeMap<String, u64>> {
        self.ready(Ok(BTreeMap::new()))
    }

    fn cut(&self, _before: Time) -> StoreFuture<'_, u64> {
        self.ready(Ok(0))
    }
}
