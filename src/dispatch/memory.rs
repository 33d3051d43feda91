//! What the dispatcher's tests stand on: records and a journal in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::base::Time;
use crate::store::{Entry, EventLog, Expect, Place, Record, Records, Search, StoreError, Stored, Taken};

/// By kind and id.
type Table<T> = BTreeMap<(&'static str, String), T>;

#[derive(Default)]
pub struct Memory {
    rows: Mutex<Table<Row>>,
    counters: Mutex<Table<(u32, Time)>>,
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
    fn rows(&self, now: Time) -> Result<MutexGuard<'_, Table<Row>>, StoreError> {
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

    pub fn value(&self, kind: &'static str, id: &str) -> Option<Vec<u8>> {
        self.rows.lock().unwrap().get(&(kind, id.to_owned())).map(|row| row.record.value.clone())
    }
}

impl Memory {
    fn ready<'a, T: Send + 'a>(&self, value: Result<T, StoreError>) -> Stored<'a, T> {
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
    fn find<'a>(&'a self, kind: &'static str, id: &'a str, now: Time) -> Stored<'a, Option<Record>> {
        self.ready(self.rows(now).map(|rows| rows.get(&(kind, id.to_owned())).map(|row| row.record.clone())))
    }

    fn put_if<'a>(&'a self, place: Place<'a>, value: Vec<u8>, expires: Time, expect: Expect, now: Time) -> Stored<'a, bool> {
        self.ready(self.rows(now).map(|mut rows| {
            let key = (place.kind, place.id.to_owned());
            let old = rows.get(&key);
            let version = match (old, expect) {
                (None, Expect::Absent) => 1,
                (Some(row), Expect::Version(version)) if row.record.version == version => version + 1,
                _ => return false,
            };
            let (due, lease) = old.map_or((None, Time::default()), |row| (row.due, row.lease));
            let record = Record { owner: place.owner.into(), id: place.id.into(), value, version, expires };
            rows.insert(key, Row { record, due, lease });
            true
        }))
    }

    fn take<'a>(&'a self, place: Place<'a>, limit: u32, window: Duration, now: Time) -> Stored<'a, Taken> {
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

    fn give_back<'a>(&'a self, kind: &'static str, id: &'a str, _now: Time) -> Stored<'a, ()> {
        if let Some(counter) = self.counters.lock().unwrap().get_mut(&(kind, id.to_owned())) {
            counter.0 = counter.0.saturating_sub(1);
        }
        self.ready(Ok(()))
    }

    fn remove<'a>(&'a self, kind: &'static str, id: &'a str, now: Time) -> Stored<'a, bool> {
        self.ready(self.rows(now).map(|mut rows| rows.remove(&(kind, id.to_owned())).is_some()))
    }

    fn by_owner<'a>(&'a self, _kind: &'static str, _owner: &'a str, _now: Time) -> Stored<'a, Vec<Record>> {
        self.ready(Ok(Vec::new()))
    }

    fn claim<'a>(&'a self, kind: &'static str, _node: &'a str, lease: Time, now: Time) -> Stored<'a, Option<Record>> {
        self.ready(self.rows(now).map(|mut rows| {
            let row =
                rows.iter_mut().find(|((of, _), row)| *of == kind && row.due.is_some_and(|due| due <= now) && row.lease <= now);
            row.map(|(_, row)| {
                row.lease = lease;
                row.record.clone()
            })
        }))
    }

    fn due<'a>(&'a self, kind: &'static str, id: &'a str, due: Option<Time>, now: Time) -> Stored<'a, ()> {
        self.ready(self.rows(now).map(|mut rows| {
            if let Some(row) = rows.get_mut(&(kind, id.to_owned())) {
                (row.due, row.lease) = (due, Time::default());
            }
        }))
    }

    fn changes_since<'a>(&'a self, _: &'static str, mark: u64, _: u32, _: Time) -> Stored<'a, (Vec<Record>, u64)> {
        self.ready(Ok((Vec::new(), mark)))
    }

    fn sweep(&self, _now: Time) -> Stored<'_, u64> {
        self.ready(Ok(0))
    }
}

impl EventLog for Memory {
    fn append(&self, entry: Entry) -> Stored<'_, ()> {
        self.entries.lock().unwrap().push(entry);
        self.ready(Ok(()))
    }

    fn search(&self, _search: Search) -> Stored<'_, Vec<Entry>> {
        self.ready(Ok(self.entries.lock().unwrap().clone()))
    }

    fn verify(&self) -> Stored<'_, Result<u64, u64>> {
        self.ready(Ok(Ok(0)))
    }
}
