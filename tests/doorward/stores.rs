//! What every backend must do, run against each of them: records, counters, queue, feed and the journal's events.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use doorward::base::{Random, Time, TraceId, UserId, random::SystemSource};
use doorward::store::sqlite::Sqlite;
use doorward::store::{
    Anchor, CountedBy, Counter, Entry, EventLog, Expect, Fed, Kind, Misfit, Place, Put, Queued, Record, Records, Search, Stores,
    Taken, Who,
};

use crate::support::journal::whole;

const KIND: Kind = Kind::Message;
const QUEUE: Queued = Queued::Message;
const FEED: Fed = Fed::Session;
const COUNTER: Counter = Counter::WrongFactors;
const MINUTE: Duration = Duration::from_secs(60);

/// Strings that break out of what they are put into, if anything does.
const HOSTILE: &[&str] =
    &["", "'; DROP TABLE record; --", "a\0b", "%", "_", "\"", "\\", "ünïcode ☃ 🚪", "e\u{301}", "\u{202e}", "{*}:0", "\r\nDEL x"];

/// A store of its own for one test, which goes with it.
trait Backend {
    async fn fresh() -> Self;

    /// As one more node on the same store.
    fn connect(&self) -> Stores;

    fn log(&self) -> Arc<dyn EventLog>;
}

/// One file for everything.
struct OneFile(tempfile::TempDir);

impl Backend for OneFile {
    async fn fresh() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn connect(&self) -> Stores {
        Stores::one(&sqlite_in(self.0.path()))
    }

    fn log(&self) -> Arc<dyn EventLog> {
        sqlite_in(self.0.path())
    }
}

/// One store for what lasts and another one for what does not.
struct TwoFiles {
    lasting: OneFile,
    short: OneFile,
}

impl Backend for TwoFiles {
    async fn fresh() -> Self {
        Self { lasting: OneFile::fresh().await, short: OneFile::fresh().await }
    }

    fn connect(&self) -> Stores {
        let (lasting, short) = (sqlite_in(self.lasting.0.path()), sqlite_in(self.short.0.path()));
        Stores::split(&lasting, &short)
    }

    fn log(&self) -> Arc<dyn EventLog> {
        self.lasting.log()
    }
}

fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn place(id: &str) -> Place<'_> {
    Place { kind: KIND, owner: "alice", id }
}

fn session(id: &str) -> Place<'_> {
    Place { kind: Kind::Session, owner: "alice", id }
}

fn count(id: &str) -> Place<'_, Counter> {
    Place { kind: COUNTER, owner: "alice", id }
}

async fn write(stores: &Stores, place: Place<'_>, value: Vec<u8>, expires: Time, expect: Expect, now: Time) -> bool {
    stores.records.put_if(Put { place, value, expires, expect }, now).await.unwrap()
}

/// Writes what was not there, good until 1,000.
async fn put(stores: &Stores, id: &str, now: Time) -> bool {
    write(stores, place(id), vec![1], at(1_000), Expect::Absent, now).await
}

/// The same for a kind that has a feed.
async fn put_session(stores: &Stores, id: &str, now: Time) -> bool {
    write(stores, session(id), vec![1], at(1_000), Expect::Absent, now).await
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.id.as_str()).collect()
}

fn sqlite_in(folder: &Path) -> Arc<Sqlite> {
    Arc::new(Sqlite::open(&folder.join("doorward.db")).unwrap())
}

/// A backend is one line here. Each test gets a store of its own.
macro_rules! for_every_backend {
    ($($test:ident)*) => {
        for_each!(one_file: OneFile, $($test)*);
        for_each!(two_files: TwoFiles, $($test)*);
    };
}

macro_rules! for_each {
    ($name:ident: $backend:ident, $($test:ident)*) => {
        mod $name {
            use super::Backend;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::contract::$test(super::$backend::fresh().await).await;
            })*
        }
    };
}

for_every_backend! {
    a_record_comes_back_as_it_was_put
    hostile_names_and_binary_values_come_back
    a_large_value_comes_back
    a_record_is_gone_at_the_millisecond_it_expires
    absent_means_absent
    a_version_fits_once
    an_expired_record_is_replaced_by_a_fresh_one
    of_two_writers_exactly_one_wins
    several_are_written_all_or_none
    the_same_place_twice_at_once_is_a_conflict
    of_two_that_write_several_one_gets_all
    another_connection_sees_what_was_answered
    a_counter_gives_what_it_holds_and_starts_anew
    parallel_takers_get_exactly_the_limit
    giving_back_never_goes_below_zero
    counters_are_found_by_the_beginning_of_their_ids
    removing_says_whether_something_was_there
    an_owner_has_what_is_theirs
    everything_of_a_user_is_found
    a_user_is_erased_and_nobody_else
    only_what_is_due_is_claimed_earliest_first
    a_lease_keeps_others_away_until_it_ends
    parallel_claimers_never_share_a_record
    changes_come_in_pages_in_the_order_they_were_made
    ten_thousand_records_load_quickly_and_are_swept
    sweeping_removes_what_has_expired_and_nothing_else
    kinds_do_not_meet
    a_search_finds_by_every_field
    a_search_gives_the_newest_oldest_first
    parallel_events_make_one_chain
    hostile_events_come_back_and_verify
    pages_hold_all_that_matches_in_the_order_it_was_written
    a_name_is_known_to_every_entry_of_its_user_until_it_is_forgotten
    what_is_old_is_cut_off_and_the_rest_is_whole
}

mod contract {
    use super::*;

    pub async fn a_record_comes_back_as_it_was_put(backend: impl Backend) {
        let stores = backend.connect();
        assert_eq!(stores.records.find(KIND, "x", at(0)).await.unwrap(), None);
        assert!(put(&stores, "x", at(0)).await);
        let expected = Record { owner: "alice".into(), id: "x".into(), value: vec![1], version: 1, expires: at(1_000) };
        assert_eq!(stores.records.find(KIND, "x", at(0)).await.unwrap(), Some(expected));
    }

    pub async fn hostile_names_and_binary_values_come_back(backend: impl Backend) {
        let stores = backend.connect();
        for (number, name) in HOSTILE.iter().enumerate() {
            let value: Vec<u8> = (0..=255).chain([u8::try_from(number).unwrap()]).collect();
            let place = Place { kind: KIND, owner: name, id: name };
            assert!(write(&stores, place, value, at(1_000), Expect::Absent, at(0)).await, "{name:?}");
            assert_eq!(
                stores.counters.take(Place { kind: COUNTER, owner: name, id: name }, 1, MINUTE, at(0)).await.unwrap(),
                Taken::Yes { left: 0 }
            );
        }
        for (number, name) in HOSTILE.iter().enumerate() {
            let found = stores.records.find(KIND, name, at(0)).await.unwrap().unwrap();
            assert_eq!((found.id.as_str(), found.value.len(), usize::from(found.value[256])), (*name, 257, number));
            assert_eq!(ids(&stores.records.by_owner(KIND, name, at(0)).await.unwrap()), [*name]);
        }
    }

    pub async fn a_large_value_comes_back(backend: impl Backend) {
        let stores = backend.connect();
        let mut value = vec![0; 1 << 20];
        SystemSource.fill(&mut value);
        assert!(write(&stores, place("x"), value.clone(), at(1_000), Expect::Absent, at(0)).await);
        assert!(stores.records.find(KIND, "x", at(0)).await.unwrap().unwrap().value == value);
    }

    pub async fn a_record_is_gone_at_the_millisecond_it_expires(backend: impl Backend) {
        let stores = backend.connect();
        put(&stores, "x", at(0)).await;
        put_session(&stores, "x", at(0)).await;
        stores.queue.due(QUEUE, "x", Some(at(0)), at(0)).await.unwrap();
        assert!(stores.records.find(KIND, "x", at(999)).await.unwrap().is_some());
        assert_eq!(stores.records.by_owner(KIND, "alice", at(999)).await.unwrap().len(), 1);
        assert_eq!(stores.feed.changes_since(FEED, 0, 10, at(999)).await.unwrap().0.len(), 1);

        assert_eq!(stores.records.find(KIND, "x", at(1_000)).await.unwrap(), None);
        assert_eq!(stores.records.by_owner(KIND, "alice", at(1_000)).await.unwrap(), []);
        assert_eq!(stores.feed.changes_since(FEED, 0, 10, at(1_000)).await.unwrap().0, []);
        assert_eq!(stores.queue.claim(QUEUE, "node", at(2_000), at(1_000)).await.unwrap(), None);
        assert!(!write(&stores, place("x"), vec![2], at(2_000), Expect::Version(1), at(1_000)).await);
        assert!(!stores.records.remove(KIND, "x", at(1_000)).await.unwrap());
    }

    pub async fn absent_means_absent(backend: impl Backend) {
        let stores = backend.connect();
        assert!(put(&stores, "x", at(0)).await);
        assert!(!write(&stores, place("x"), vec![9], at(5_000), Expect::Absent, at(0)).await);
        let kept = stores.records.find(KIND, "x", at(0)).await.unwrap().unwrap();
        assert_eq!((kept.value, kept.version, kept.expires), (vec![1], 1, at(1_000)));
    }

    pub async fn a_version_fits_once(backend: impl Backend) {
        let stores = backend.connect();
        assert!(!write(&stores, place("x"), vec![1], at(1_000), Expect::Version(1), at(0)).await, "nothing is there");
        put(&stores, "x", at(0)).await;
        let second = Place { owner: "bob", ..place("x") };
        assert!(write(&stores, second, vec![2], at(3_000), Expect::Version(1), at(0)).await);
        assert!(!write(&stores, place("x"), vec![3], at(9_000), Expect::Version(1), at(0)).await);
        let kept = stores.records.find(KIND, "x", at(2_000)).await.unwrap().unwrap();
        assert_eq!((kept.owner.as_str(), kept.value, kept.version, kept.expires), ("bob", vec![2], 2, at(3_000)));
    }

    pub async fn an_expired_record_is_replaced_by_a_fresh_one(backend: impl Backend) {
        let stores = backend.connect();
        put(&stores, "x", at(0)).await;
        put_session(&stores, "x", at(0)).await;
        stores.queue.due(QUEUE, "x", Some(at(0)), at(0)).await.unwrap();
        stores.queue.claim(QUEUE, "node", at(9_000), at(0)).await.unwrap();
        for place in [place("x"), session("x")] {
            assert!(write(&stores, place, vec![2], at(1_000), Expect::Version(1), at(0)).await);
        }
        let (_, mark) = stores.feed.changes_since(FEED, 0, 10, at(0)).await.unwrap();

        for place in [place("x"), session("x")] {
            assert!(write(&stores, place, vec![3], at(5_000), Expect::Absent, at(1_000)).await);
        }
        assert_eq!(stores.records.find(KIND, "x", at(1_000)).await.unwrap().unwrap().version, 1);
        assert_eq!(ids(&stores.feed.changes_since(FEED, mark, 10, at(1_000)).await.unwrap().0), ["x"]);
        assert_eq!(stores.queue.claim(QUEUE, "node", at(9_500), at(4_000)).await.unwrap(), None, "it was never made due");
    }

    pub async fn of_two_writers_exactly_one_wins(backend: impl Backend) {
        let nodes = [backend.connect(), backend.connect()];
        for round in 0..1_000_u64 {
            let expect = if round == 0 { Expect::Absent } else { Expect::Version(round) };
            let write = |stores: &Stores, value| {
                let stores = stores.clone();
                tokio::spawn(async move { write(&stores, place("x"), vec![value], at(1_000), expect, at(0)).await })
            };
            let [one, two] = &nodes;
            let (one, two) = (write(one, 1), write(two, 2));
            let (one, two) = (one.await.unwrap(), two.await.unwrap());
            assert!(one != two, "round {round}: {one} {two}");
            let kept = nodes[0].records.find(KIND, "x", at(0)).await.unwrap().unwrap();
            assert_eq!((kept.version, kept.value), (round + 1, vec![if one { 1 } else { 2 }]));
        }
    }

    pub async fn a_counter_gives_what_it_holds_and_starts_anew(backend: impl Backend) {
        let stores = backend.connect();
        let take = async |limit, now| stores.counters.take(count("x"), limit, Duration::from_millis(100), at(now)).await.unwrap();
        assert_eq!(take(2, 10).await, Taken::Yes { left: 1 });
        assert_eq!(take(2, 50).await, Taken::Yes { left: 0 });
        assert_eq!(take(2, 60).await, Taken::No { until: at(110) });
        assert_eq!(take(2, 109).await, Taken::No { until: at(110) });
        assert_eq!(take(4, 109).await, Taken::Yes { left: 1 }, "a limit that was raised counts at once");
        assert_eq!(take(1, 109).await, Taken::No { until: at(110) });
        assert_eq!(take(2, 110).await, Taken::Yes { left: 1 }, "the window is over");
        assert_eq!(stores.records.find(KIND, "x", at(10)).await.unwrap(), None, "a counter is no record");
        assert_eq!(stores.counters.take(count("none"), 0, MINUTE, at(0)).await.unwrap(), Taken::No { until: at(60_000) });
    }

    pub async fn parallel_takers_get_exactly_the_limit(backend: impl Backend) {
        let nodes = [backend.connect(), backend.connect()];
        let takers: Vec<_> = (0..100)
            .map(|number: usize| {
                let stores = nodes[number % 2].clone();
                tokio::spawn(async move { stores.counters.take(count("x"), 3, MINUTE, at(0)).await.unwrap() })
            })
            .collect();
        let mut left = Vec::new();
        for taker in takers {
            if let Taken::Yes { left: so_many } = taker.await.unwrap() {
                left.push(so_many);
            }
        }
        left.sort_unstable();
        assert_eq!(left, [0, 1, 2]);
    }

    pub async fn counters_are_found_by_the_beginning_of_their_ids(backend: impl Backend) {
        let stores = backend.connect();
        for id in ["a/1", "a/2", "a", "b/1", "A/1", "a%", "ab"] {
            stores.counters.take(count(id), 5, MINUTE, at(0)).await.unwrap();
        }
        stores.counters.take(count("a/2"), 5, MINUTE, at(0)).await.unwrap();
        let found = async |beginning, now| {
            let found = stores.counters.starting(COUNTER, beginning, now).await.unwrap();
            found.into_iter().map(|counted| format!("{} {}", counted.id, counted.taken)).collect::<Vec<_>>()
        };
        assert_eq!(found("a/", at(1)).await, ["a/1 1", "a/2 2"]);
        assert_eq!(found("a%", at(1)).await, ["a% 1"]);
        assert_eq!(found("a/", at(60_000)).await, Vec::<String>::new());
        assert_eq!(found("", at(1)).await.len(), 7);
        for hostile in HOSTILE {
            found(hostile, at(1)).await;
        }
    }

    pub async fn giving_back_never_goes_below_zero(backend: impl Backend) {
        let stores = backend.connect();
        let take = async |now| stores.counters.take(count("x"), 1, Duration::from_millis(100), at(now)).await.unwrap();
        stores.counters.give_back(COUNTER, "x", at(0)).await.unwrap();
        assert_eq!(take(0).await, Taken::Yes { left: 0 });
        for _ in 0..3 {
            stores.counters.give_back(COUNTER, "x", at(0)).await.unwrap();
        }
        assert_eq!(take(0).await, Taken::Yes { left: 0 });
        assert_eq!(take(0).await, Taken::No { until: at(100) }, "what is given back does not move the window");
        stores.counters.give_back(COUNTER, "x", at(100)).await.unwrap();
        assert_eq!(take(99).await, Taken::No { until: at(100) }, "nothing is given back to a window that is over");
    }

    pub async fn removing_says_whether_something_was_there(backend: impl Backend) {
        let stores = backend.connect();
        assert!(!stores.records.remove(KIND, "x", at(0)).await.unwrap());
        put(&stores, "x", at(0)).await;
        assert!(stores.records.remove(KIND, "x", at(0)).await.unwrap());
        assert!(!stores.records.remove(KIND, "x", at(0)).await.unwrap());
        assert!(put(&stores, "x", at(0)).await);
        assert!(!stores.counters.remove(COUNTER, "counter", at(0)).await.unwrap());
        stores.counters.take(count("counter"), 1, MINUTE, at(0)).await.unwrap();
        assert!(!stores.counters.remove(COUNTER, "counter", at(60_000)).await.unwrap(), "its window is over");
        stores.counters.take(count("counter"), 1, MINUTE, at(0)).await.unwrap();
        assert!(stores.counters.remove(COUNTER, "counter", at(0)).await.unwrap());
        assert_eq!(stores.counters.take(count("counter"), 1, MINUTE, at(0)).await.unwrap(), Taken::Yes { left: 0 });
    }

    pub async fn an_owner_has_what_is_theirs(backend: impl Backend) {
        let stores = backend.connect();
        for (owner, id) in [("alice", "a1"), ("bob", "b1"), ("alice", "a2"), ("Alice", "c1"), ("alic", "d1")] {
            write(&stores, Place { kind: KIND, owner, id }, vec![1], at(1_000), Expect::Absent, at(0)).await;
        }
        let found = stores.records.by_owner(KIND, "alice", at(0)).await.unwrap();
        assert_eq!(ids(&found).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["a1", "a2"]));
        assert_eq!(stores.records.by_owner(KIND, "nobody", at(0)).await.unwrap(), []);
        assert_eq!(stores.records.by_owner(Kind::Flow, "alice", at(0)).await.unwrap(), []);
    }

    pub async fn only_what_is_due_is_claimed_earliest_first(backend: impl Backend) {
        let stores = backend.connect();
        for (id, due) in [("late", Some(30)), ("soon", Some(10)), ("never", None), ("middle", Some(20))] {
            put(&stores, id, at(0)).await;
            stores.queue.due(QUEUE, id, due.map(at), at(0)).await.unwrap();
        }
        let claim = async |now| stores.queue.claim(QUEUE, "node", at(500), at(now)).await.unwrap().map(|record| record.id);
        assert_eq!(claim(9).await, None);
        assert_eq!(claim(25).await.as_deref(), Some("soon"));
        assert_eq!(claim(25).await.as_deref(), Some("middle"));
        assert_eq!(claim(25).await, None);
        assert_eq!(claim(30).await.as_deref(), Some("late"));
        stores.queue.due(QUEUE, "soon", None, at(30)).await.unwrap();
        assert_eq!(claim(499).await, None);
        assert_eq!(claim(500).await.as_deref(), Some("middle"), "the leases are over, and one is due no more");
    }

    pub async fn a_lease_keeps_others_away_until_it_ends(backend: impl Backend) {
        let stores = backend.connect();
        put(&stores, "x", at(0)).await;
        stores.queue.due(QUEUE, "x", Some(at(0)), at(0)).await.unwrap();
        let claim = async |node, now| stores.queue.claim(QUEUE, node, at(now + 100), at(now)).await.unwrap();
        assert!(claim("one", 0).await.is_some());
        assert!(claim("two", 99).await.is_none() && claim("one", 99).await.is_none());
        let again = claim("two", 100).await.unwrap();
        assert_eq!(again.version, 1, "claiming is no writing");
        assert!(write(&stores, place("x"), vec![2], at(1_000), Expect::Version(1), at(110)).await);
        assert!(claim("one", 120).await.is_none(), "writing does not end a lease");
        stores.queue.due(QUEUE, "x", Some(at(120)), at(120)).await.unwrap();
        assert_eq!(claim("one", 120).await.unwrap().value, [2], "setting the time does");
    }

    pub async fn parallel_claimers_never_share_a_record(backend: impl Backend) {
        let nodes = [backend.connect(), backend.connect()];
        let stores = &nodes[0];
        for number in 0..50 {
            let id = format!("{number:02}");
            put(stores, &id, at(0)).await;
            stores.queue.due(QUEUE, &id, Some(at(0)), at(0)).await.unwrap();
        }
        let claimers: Vec<_> = (0..4)
            .map(|number: usize| {
                let stores = nodes[number % 2].clone();
                tokio::spawn(async move {
                    let mut claimed = Vec::new();
                    while let Some(record) = stores.queue.claim(QUEUE, "node", at(900), at(1)).await.unwrap() {
                        claimed.push(record.id);
                    }
                    claimed
                })
            })
            .collect();
        let mut claimed = Vec::new();
        for claimer in claimers {
            claimed.extend(claimer.await.unwrap());
        }
        assert_eq!((claimed.len(), claimed.into_iter().collect::<BTreeSet<_>>().len()), (50, 50));
    }

    pub async fn changes_come_in_pages_in_the_order_they_were_made(backend: impl Backend) {
        let stores = backend.connect();
        for id in ["a", "b", "c", "d"] {
            put_session(&stores, id, at(0)).await;
        }
        write(&stores, session("a"), vec![2], at(1_000), Expect::Version(1), at(0)).await;
        stores.records.remove(Kind::Session, "c", at(0)).await.unwrap();
        let (page, mark) = stores.feed.changes_since(FEED, 0, 2, at(0)).await.unwrap();
        assert_eq!(ids(&page), ["b", "d"]);
        let (page, mark) = stores.feed.changes_since(FEED, mark, 2, at(0)).await.unwrap();
        assert_eq!((ids(&page), page[0].version), (vec!["a"], 2));
        assert_eq!(stores.feed.changes_since(FEED, mark, 2, at(0)).await.unwrap(), (vec![], mark));

        stores.records.remove(Kind::Session, "a", at(0)).await.unwrap();
        put_session(&stores, "e", at(0)).await;
        let (page, _) = stores.feed.changes_since(FEED, mark, 2, at(0)).await.unwrap();
        assert_eq!(ids(&page), ["e"], "a mark stays good when the newest record is gone");
    }

    pub async fn ten_thousand_records_load_quickly_and_are_swept(backend: impl Backend) {
        let stores = backend.connect();
        let writers: Vec<_> = (0..10_000)
            .map(|number| {
                let stores = stores.clone();
                tokio::spawn(async move { put_session(&stores, &number.to_string(), at(0)).await })
            })
            .collect();
        for writer in writers {
            assert!(writer.await.unwrap());
        }
        let load = async {
            let (mut loaded, mut mark) = (0, 0);
            loop {
                let (page, next) = stores.feed.changes_since(FEED, mark, 1_000, at(0)).await.unwrap();
                if page.is_empty() {
                    return loaded;
                }
                (loaded, mark) = (loaded + page.len(), next);
            }
        };
        let loaded = tokio::time::timeout(Duration::from_secs(5), load).await.expect("within five seconds");
        assert_eq!(loaded, 10_000);
        assert_eq!(stores.sweep(at(1_000)).await.unwrap(), 10_000);
    }

    pub async fn sweeping_removes_what_has_expired_and_nothing_else(backend: impl Backend) {
        let stores = backend.connect();
        put(&stores, "short", at(0)).await;
        write(&stores, place("long"), vec![1], at(1_001), Expect::Absent, at(0)).await;
        stores.counters.take(count("counter"), 1, Duration::from_secs(1), at(0)).await.unwrap();
        stores.counters.take(count("longer"), 1, Duration::from_millis(1_001), at(0)).await.unwrap();
        assert_eq!(stores.sweep(at(999)).await.unwrap(), 0);
        assert_eq!(stores.sweep(at(1_000)).await.unwrap(), 2);
        assert_eq!(stores.sweep(at(1_000)).await.unwrap(), 0);
        // Asked as of long ago, so that only what is really gone is missing.
        assert!(stores.records.find(KIND, "short", at(0)).await.unwrap().is_none());
        assert!(stores.records.find(KIND, "long", at(0)).await.unwrap().is_some());
        assert_eq!(stores.counters.take(count("longer"), 1, MINUTE, at(0)).await.unwrap(), Taken::No { until: at(1_001) });
    }

    pub async fn kinds_do_not_meet(backend: impl Backend) {
        let stores = backend.connect();
        put(&stores, "x", at(0)).await;
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != KIND) {
            let other = Place { kind, ..place("x") };
            assert!(write(&stores, other, vec![2], at(1_000), Expect::Absent, at(0)).await, "{kind}");
            assert!(stores.records.remove(kind, "x", at(0)).await.unwrap(), "{kind}");
        }
        assert_eq!(stores.records.find(KIND, "x", at(0)).await.unwrap().unwrap().value, [1]);

        for counter in Counter::ALL {
            let place = Place { kind: counter, ..count("x") };
            assert_eq!(stores.counters.take(place, 1, MINUTE, at(0)).await.unwrap(), Taken::Yes { left: 0 }, "{counter}");
        }
        stores.counters.remove(COUNTER, "x", at(0)).await.unwrap();
        for counter in Counter::ALL.into_iter().filter(|counter| *counter != COUNTER) {
            let place = Place { kind: counter, ..count("x") };
            assert!(matches!(stores.counters.take(place, 1, MINUTE, at(0)).await.unwrap(), Taken::No { .. }), "{counter}");
        }
    }

    pub async fn several_are_written_all_or_none(backend: impl Backend) {
        let stores = backend.connect();
        let puts = |expect: [Expect; 3]| {
            let places = [session("a"), Place { kind: Kind::SessionKey, owner: "a", id: "k" }, session("b")];
            places
                .into_iter()
                .zip(expect)
                .map(|(place, expect)| Put { place, value: vec![7], expires: at(1_000), expect })
                .collect()
        };
        let put_all = async |expect, now| stores.records.put_all(puts(expect), at(now)).await.unwrap();
        let found = async |kind, id, now| stores.records.find(kind, id, at(now)).await.unwrap().map(|record| record.version);
        put_session(&stores, "b", at(0)).await;
        let (_, mark) = stores.feed.changes_since(FEED, 0, 10, at(0)).await.unwrap();

        assert!(!put_all([Expect::Absent, Expect::Absent, Expect::Absent], 0).await, "the last is there");
        assert!(!put_all([Expect::Absent, Expect::Version(1), Expect::Version(1)], 0).await, "the one between is not");
        assert_eq!((found(Kind::Session, "a", 0).await, found(Kind::SessionKey, "k", 0).await), (None, None));
        assert_eq!(found(Kind::Session, "b", 0).await, Some(1));
        assert_eq!(stores.feed.changes_since(FEED, mark, 10, at(0)).await.unwrap(), (vec![], mark), "nothing was written");

        assert!(put_all([Expect::Absent, Expect::Absent, Expect::Version(1)], 0).await);
        assert_eq!((found(Kind::Session, "a", 0).await, found(Kind::SessionKey, "k", 0).await), (Some(1), Some(1)));
        assert_eq!(found(Kind::Session, "b", 0).await, Some(2));
        assert!(put_all([Expect::Absent; 3], 1_000).await, "all have expired");
        assert!(stores.records.put_all(vec![], at(0)).await.unwrap());
    }

    pub async fn the_same_place_twice_at_once_is_a_conflict(backend: impl Backend) {
        let stores = backend.connect();
        let put = |value| Put { place: place("x"), value: vec![value], expires: at(1_000), expect: Expect::Absent };
        assert!(!stores.records.put_all(vec![put(1), put(2)], at(0)).await.unwrap());
        assert_eq!(stores.records.find(KIND, "x", at(0)).await.unwrap(), None);
    }

    /// Each wants the same two records, in another order: none may get one of them.
    pub async fn of_two_that_write_several_one_gets_all(backend: impl Backend) {
        let nodes = [backend.connect(), backend.connect()];
        for round in 0..200_u64 {
            let (a, b) = (format!("a{round}"), format!("b{round}"));
            let write = |stores: &Stores, value, ids: [&String; 2]| {
                let (stores, ids) = (stores.clone(), ids.map(String::clone));
                tokio::spawn(async move {
                    let put = |id| Put { place: place(id), value: vec![value], expires: at(1_000), expect: Expect::Absent };
                    stores.records.put_all(ids.iter().map(|id| put(id)).collect(), at(0)).await.unwrap()
                })
            };
            let (one, two) = (write(&nodes[0], 1, [&a, &b]), write(&nodes[1], 2, [&b, &a]));
            let (one, two) = (one.await.unwrap(), two.await.unwrap());
            assert!(one != two, "round {round}: {one} {two}");
            let winner = vec![if one { 1 } else { 2 }];
            for id in [&a, &b] {
                assert_eq!(nodes[0].records.find(KIND, id, at(0)).await.unwrap().unwrap().value, winner, "round {round}");
            }
        }
    }

    pub async fn another_connection_sees_what_was_answered(backend: impl Backend) {
        let (one, two) = (backend.connect(), backend.connect());
        put(&one, "x", at(0)).await;
        put_session(&one, "s", at(0)).await;
        one.counters.take(count("x"), 1, MINUTE, at(0)).await.unwrap();
        one.queue.due(QUEUE, "x", Some(at(0)), at(0)).await.unwrap();
        assert!(!put(&two, "x", at(0)).await);
        assert_eq!(ids(&two.feed.changes_since(FEED, 0, 10, at(0)).await.unwrap().0), ["s"]);
        assert_eq!(two.counters.take(count("x"), 1, MINUTE, at(0)).await.unwrap(), Taken::No { until: at(60_000) });
        assert_eq!(two.queue.claim(QUEUE, "two", at(100), at(0)).await.unwrap().unwrap().id, "x");
        assert_eq!(one.queue.claim(QUEUE, "one", at(100), at(0)).await.unwrap(), None);
        assert!(two.records.remove(KIND, "x", at(0)).await.unwrap());
        assert_eq!(one.records.find(KIND, "x", at(0)).await.unwrap(), None);
    }

    /// Two users with the same records and counters each; the ids of sessions and flows end with the user.
    async fn two_users(stores: &Stores) -> [UserId; 2] {
        let users = ["1", "2"].map(|id| UserId::new("corp", id));
        for user in &users {
            let (session, other) = (format!("session of {user}"), format!("another of {user}"));
            for kind in Kind::ALL {
                let owner = if kind == Kind::SessionKey { session.as_str() } else { user.as_str() };
                let id = if kind == Kind::Session { session.clone() } else { format!("{kind} of {user}") };
                assert!(write(stores, Place { kind, owner, id: &id }, vec![1], at(1_000), Expect::Absent, at(0)).await);
            }
            let place = Place { kind: Kind::Session, owner: user.as_str(), id: &other };
            assert!(write(stores, place, vec![1], at(1_000), Expect::Absent, at(0)).await);
            for counter in Counter::ALL {
                let id = if counter.by() == CountedBy::UserId { user.to_string() } else { format!("{counter} of {user}") };
                let place = Place { kind: counter, owner: user.as_str(), id: &id };
                stores.counters.take(place, 1, MINUTE, at(0)).await.unwrap();
            }
        }
        users
    }

    pub async fn everything_of_a_user_is_found(backend: impl Backend) {
        let stores = backend.connect();
        let [user, _] = two_users(&stores).await;
        let found = stores.of_user(&user, at(0)).await.unwrap();
        let mut kinds: Vec<Kind> = found.iter().map(|(kind, _)| *kind).collect();
        let mut expected = [&Kind::ALL[..], &[Kind::Session]].concat();
        kinds.sort_unstable();
        expected.sort_unstable();
        assert_eq!(kinds, expected);
        assert!(found.iter().all(|(_, record)| record.id.ends_with(user.as_str())), "{found:?}");
        assert_eq!(stores.of_user(&user, at(1_000)).await.unwrap(), []);
    }

    pub async fn a_user_is_erased_and_nobody_else(backend: impl Backend) {
        let stores = backend.connect();
        let [user, other] = two_users(&stores).await;
        let before = stores.of_user(&other, at(0)).await.unwrap();
        let found = Counter::ALL.iter().filter(|counter| counter.by() != CountedBy::Nothing).count();
        let all = u64::try_from(Kind::ALL.len() + 1 + found).unwrap();
        assert_eq!(stores.erase(&user).await.unwrap(), all);
        assert_eq!(stores.of_user(&user, at(0)).await.unwrap(), []);
        assert_eq!(stores.of_user(&other, at(0)).await.unwrap(), before);
        for counter in Counter::ALL {
            for (of, is_erased) in [(&user, counter.by() != CountedBy::Nothing), (&other, false)] {
                let id = if counter.by() == CountedBy::UserId { of.to_string() } else { format!("{counter} of {of}") };
                let place = Place { kind: counter, owner: of.as_str(), id: &id };
                let taken = stores.counters.take(place, 1, MINUTE, at(0)).await.unwrap();
                assert_eq!(matches!(taken, Taken::Yes { .. }), is_erased, "{counter} of {of}");
            }
        }
        assert_eq!(stores.erase(&UserId::new("corp", "%")).await.unwrap(), 0);
    }

    pub async fn a_search_finds_by_every_field(backend: impl Backend) {
        let log = backend.log();
        let trace = TraceId::new(&SystemSource);
        let entries = [
            Entry { trace: Some(trace), user: "staff:alice".into(), ..entry(10) },
            Entry { outcome: "no".into(), application: "mail".into(), ..entry(20) },
            Entry { country: "AT".into(), kind: "signed-out".into(), ..entry(30) },
        ];
        for entry in &entries {
            log.append(entry.clone()).await.unwrap();
        }
        let table = [
            (Search::default(), vec![0, 1, 2]),
            (Search { from: Some(at(20)), ..Search::default() }, vec![1, 2]),
            (Search { until: Some(at(20)), ..Search::default() }, vec![0]),
            (Search { trace: Some(trace), ..Search::default() }, vec![0]),
            (Search { trace: Some(TraceId::new(&SystemSource)), ..Search::default() }, vec![]),
            (Search { who: whose(&["staff:alice"]), ..Search::default() }, vec![0]),
            (Search { application: Some("mail".into()), ..Search::default() }, vec![1]),
            (Search { outcome: Some("no".into()), ..Search::default() }, vec![1]),
            (Search { country: Some("AT".into()), ..Search::default() }, vec![2]),
            (Search { outcome: Some("yes".into()), country: Some(String::new()), ..Search::default() }, vec![0]),
            (Search { who: whose(&["%"]), ..Search::default() }, vec![]),
        ];
        for (search, expected) in table {
            let expected: Vec<Entry> = expected.into_iter().map(|number: usize| entries[number].clone()).collect();
            assert_eq!(log.search(search.clone()).await.unwrap(), expected, "{search:?}");
        }
    }

    pub async fn a_search_gives_the_newest_oldest_first(backend: impl Backend) {
        let log = backend.log();
        for millis in 0..1_005 {
            log.append(entry(millis)).await.unwrap();
        }
        let times = async |most| {
            let found = log.search(Search { most, ..Search::default() }).await.unwrap();
            (found.first().unwrap().at.millis(), found.last().unwrap().at.millis(), found.len())
        };
        assert_eq!(times(3).await, (1_002, 1_004, 3));
        assert_eq!(times(0).await, (5, 1_004, 1_000));
        assert_eq!(whole(&*log).await, Ok(1_005));
    }

    pub async fn parallel_events_make_one_chain(backend: impl Backend) {
        let log = backend.log();
        assert_eq!(whole(&*log).await, Ok(0));
        let writers: Vec<_> = (0..200)
            .map(|millis| {
                let log = Arc::clone(&log);
                tokio::spawn(async move { log.append(entry(millis)).await.unwrap() })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(whole(&*log).await, Ok(200));
    }

    pub async fn pages_hold_all_that_matches_in_the_order_it_was_written(backend: impl Backend) {
        let log = backend.log();
        // The clock goes back and forth; what counts is the order of writing.
        for number in 0..5_000_u64 {
            let user = if number % 1_000 == 7 { "corp:1" } else { "corp:2" };
            let detail = format!(r#"{{"address":"10.0.{}.1","n":{number}}}"#, number % 200);
            log.append(Entry { user: user.into(), detail, ..entry(1_000 + (number * 7_919) % 5_000) }).await.unwrap();
        }
        let of_one = Search { who: whose(&["corp:1"]), ..Search::default() };
        let in_net = Search { address: "10.0.7.0/24".parse().ok(), ..Search::default() };
        let both = Search { from: Some(at(2_000)), until: Some(at(3_000)), ..Search::default() };
        for (search, expected) in [(Search::default(), 5_000), (of_one, 5), (in_net, 25), (both, 1_000)] {
            let (mut found, mut mark) = (Vec::new(), 0);
            loop {
                let page = log.page(search.clone(), mark).await.unwrap();
                assert!(page.entries.len() <= 2_000);
                mark = page.mark;
                found.extend(page.entries);
                if page.is_end {
                    break;
                }
            }
            assert_eq!(found.len(), expected, "{search:?}");
            assert!(found.is_sorted_by_key(|link| link.seq));
            log.append(entry(9_000)).await.unwrap();
            let next = log.page(Search { kind: Some("signed-in".into()), ..Search::default() }, mark).await.unwrap();
            assert_eq!((next.entries.len(), next.is_end), (1, true));
            log.cut(at(0)).await.unwrap();
        }
    }

    pub async fn a_name_is_known_to_every_entry_of_its_user_until_it_is_forgotten(backend: impl Backend) {
        let log = backend.log();
        let alice = |name: &str| Entry { user: "corp:1".into(), name: name.into(), ..entry(1) };
        log.append(alice("")).await.unwrap();
        log.append(alice("Alice")).await.unwrap();
        log.append(Entry { user: "corp:2".into(), name: "bob".into(), ..entry(1) }).await.unwrap();
        assert_eq!(log.users_named(" aLICE").await.unwrap(), ["corp:1"]);
        let names = async || log.search(Search::default()).await.unwrap().into_iter().map(|entry| entry.name).collect::<Vec<_>>();
        assert_eq!(names().await, ["Alice", "Alice", "bob"]);
        log.append(alice("alice.smith")).await.unwrap();
        assert_eq!(log.users_named("alice").await.unwrap(), Vec::<String>::new());
        assert!(log.forget_name(&UserId::new("corp", "1")).await.unwrap());
        assert!(!log.forget_name(&UserId::new("corp", "1")).await.unwrap());
        assert_eq!(names().await, ["", "", "bob", ""]);
        assert_eq!(whole(&*log).await, Ok(4));
    }

    pub async fn what_is_old_is_cut_off_and_the_rest_is_whole(backend: impl Backend) {
        let log = backend.log();
        assert_eq!(log.cut(at(9_999)).await.unwrap(), 0);
        for number in 0..3_000 {
            log.append(entry(number)).await.unwrap();
        }
        // As old as the others, but behind a young one.
        log.append(entry(10)).await.unwrap();
        let anchor = async |seq: u64| {
            let page = log.page(Search { from: Some(at(seq - 1)), ..Search::default() }, 0).await.unwrap();
            let link = page.entries.into_iter().find(|link| link.seq == seq).unwrap();
            Anchor { node: link.node, seq, hash: link.hash }
        };
        let anchors = [anchor(5).await, anchor(2_500).await, anchor(2_501).await, anchor(3_000).await];
        assert_eq!(log.cut(at(2_500)).await.unwrap(), 2_500);
        assert_eq!(log.cut(at(2_500)).await.unwrap(), 0);
        assert_eq!(whole(&*log).await, Ok(501));
        log.append(entry(4_000)).await.unwrap();
        assert_eq!(whole(&*log).await, Ok(502));
        let misfit = async |anchor: &Anchor| log.verify(Some(anchor.clone())).await.unwrap().remove(0).misfit;
        assert_eq!(misfit(&anchors[0]).await, Some(Misfit::AnchorCut(5)));
        for anchor in &anchors[1..] {
            assert_eq!(misfit(anchor).await, None, "{anchor:?}");
            let other = Anchor { hash: anchors[0].hash.clone(), ..anchor.clone() };
            assert_eq!(misfit(&other).await, Some(Misfit::NotTheAnchor(anchor.seq)));
        }
        assert_eq!(misfit(&Anchor { seq: 4_000, ..anchors[3].clone() }).await, Some(Misfit::NoAnchor(4_000)));
        let elsewhere = Anchor { node: "elsewhere".into(), ..anchors[3].clone() };
        assert_eq!(log.verify(Some(elsewhere)).await.unwrap().pop().unwrap().misfit, Some(Misfit::NoAnchor(3_000)));
        assert_eq!(log.cut(at(9_999)).await.unwrap(), 502);
        assert_eq!(whole(&*log).await, Ok(0));
        log.append(entry(9_999)).await.unwrap();
        assert_eq!(whole(&*log).await, Ok(1));
    }

    pub async fn hostile_events_come_back_and_verify(backend: impl Backend) {
        let log = backend.log();
        let hostile = |name: &&str| Entry { user: (*name).into(), detail: (*name).into(), ..entry(1) };
        let entries: Vec<Entry> = HOSTILE.iter().map(hostile).collect();
        for entry in &entries {
            log.append(entry.clone()).await.unwrap();
        }
        assert_eq!(log.search(Search::default()).await.unwrap(), entries);
        assert_eq!(whole(&*log).await, Ok(entries.len() as u64));
    }
}

fn whose(users: &[&str]) -> Option<Who> {
    Some(Who { users: users.iter().map(|user| (*user).to_owned()).collect(), name_hash: None })
}

fn entry(millis: u64) -> Entry {
    Entry { at: at(millis), kind: "signed-in".into(), outcome: "yes".into(), detail: "{}".into(), ..Entry::default() }
}

/// What only a backend that keeps files can show.
mod sqlite_files {
    use super::*;

    fn opened(folder: &Path) -> (Arc<Sqlite>, Stores) {
        let store = sqlite_in(folder);
        let stores = Stores::one(&store);
        (store, stores)
    }

    #[tokio::test]
    async fn two_stores_refuse_to_write_at_once_what_they_hold_apart() {
        let backend = TwoFiles::fresh().await;
        let put = |kind| Put { place: Place { kind, ..place("x") }, value: vec![1], expires: at(1_000), expect: Expect::Absent };
        let written = backend.connect().records.put_all(vec![put(Kind::Session), put(Kind::Flow)], at(0)).await;
        assert!(matches!(written, Err(doorward::store::StoreError::Parted)), "{written:?}");
        let (lasting, short) = (backend.lasting.connect(), backend.short.connect());
        for (kind, holds, holds_not) in [(Kind::Session, &lasting, &short), (Kind::Flow, &short, &lasting)] {
            assert!(backend.connect().records.put_if(put(kind), at(0)).await.unwrap());
            assert!(holds.records.find(kind, "x", at(0)).await.unwrap().is_some(), "{kind}");
            assert!(holds_not.records.find(kind, "x", at(0)).await.unwrap().is_none(), "{kind}");
        }
    }

    #[tokio::test]
    async fn reopening_keeps_everything() {
        let folder = tempfile::tempdir().unwrap();
        let (store, stores) = opened(folder.path());
        put(&stores, "x", at(0)).await;
        put_session(&stores, "x", at(0)).await;
        stores.queue.due(QUEUE, "x", Some(at(5)), at(0)).await.unwrap();
        stores.counters.take(count("counter"), 1, MINUTE, at(0)).await.unwrap();
        store.append(entry(1)).await.unwrap();
        let (_, mark) = stores.feed.changes_since(FEED, 0, 10, at(0)).await.unwrap();
        store.close().await;
        drop((store, stores));

        let (store, stores) = opened(folder.path());
        assert!(stores.records.find(KIND, "x", at(0)).await.unwrap().is_some());
        assert_eq!(stores.queue.claim(QUEUE, "node", at(100), at(5)).await.unwrap().unwrap().id, "x");
        assert_eq!(stores.counters.take(count("counter"), 1, MINUTE, at(0)).await.unwrap(), Taken::No { until: at(60_000) });
        store.append(entry(2)).await.unwrap();
        assert_eq!(whole(&*store).await, Ok(2));
        put_session(&stores, "y", at(0)).await;
        assert_eq!(ids(&stores.feed.changes_since(FEED, mark, 10, at(0)).await.unwrap().0), ["y"]);
    }

    /// As after `kill -9`: the files are copied while writing goes on, and the copy must hold what was answered before.
    #[tokio::test]
    async fn what_was_answered_survives_a_sudden_end() {
        let folder = tempfile::tempdir().unwrap();
        let (store, stores) = opened(folder.path());
        // Few enough rounds that SQLite does not start its log anew while it is being copied (it does so from 1,000 pages on).
        for round in 0..8_u64 {
            for number in 0..5 {
                put(&stores, &format!("{round}-{number}"), at(0)).await;
                store.append(entry(round)).await.unwrap();
            }
            let under_way = [0, 1, 2].map(|number| {
                let stores = stores.clone();
                tokio::spawn(async move { put(&stores, &format!("{round}-late-{number}"), at(0)).await })
            });
            let copy = tempfile::tempdir().unwrap();
            for name in ["doorward.db", "doorward.db-wal"] {
                std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
            }
            let copied = sqlite_in(copy.path());
            for number in 0..5 {
                assert!(copied.find(KIND, &format!("{round}-{number}"), at(0)).await.unwrap().is_some());
            }
            assert_eq!(whole(&*copied).await, Ok((round + 1) * 5));
            for write in under_way {
                assert!(write.await.unwrap());
            }
        }
    }

    /// Runs `sql` on a journal of five events behind the store's back and gives what `verify` says then.
    async fn verdict_after(sql: &str) -> Result<u64, u64> {
        let folder = tempfile::tempdir().unwrap();
        let store = sqlite_in(folder.path());
        for millis in 1..=5 {
            store.append(Entry { trace: Some(TraceId::new(&SystemSource)), ..entry(millis) }).await.unwrap();
        }
        assert_eq!(whole(&*store).await, Ok(5));
        rusqlite::Connection::open(folder.path().join("doorward.db")).unwrap().execute_batch(sql).unwrap();
        whole(&*store).await
    }

    #[tokio::test]
    async fn the_chain_shows_what_was_done_to_it() {
        let table = [
            ("UPDATE event SET outcome = 'no' WHERE seq = 3", 3),
            ("UPDATE event SET trace = NULL WHERE seq = 2", 2),
            ("UPDATE event SET trace = 'not a trace' WHERE seq = 2", 2),
            ("UPDATE event SET user = kind, kind = user WHERE seq = 4", 4),
            ("UPDATE event SET hash = zeroblob(32) WHERE seq = 5", 5),
            ("UPDATE event SET detail = CAST(x'ff' AS TEXT) WHERE seq = 1", 1),
            ("DELETE FROM event WHERE seq = 1", 1),
            ("DELETE FROM event WHERE seq = 3", 3),
            ("DELETE FROM event WHERE seq = 5", 5),
            ("DELETE FROM event", 1),
            ("DELETE FROM chain", 6),
            (
                "UPDATE event SET seq = 99 WHERE seq = 2; UPDATE event SET seq = 2 WHERE seq = 3; \
                 UPDATE event SET seq = 3 WHERE seq = 99",
                2,
            ),
            (
                "INSERT INTO event SELECT tenant, node, 6, format, at, trace, kind, outcome, user, application, country, detail, hash \
                 FROM event WHERE seq = 5",
                6,
            ),
            (
                "INSERT INTO event SELECT tenant, 'other', seq, format, at, trace, kind, outcome, user, application, country, detail, hash \
                 FROM event WHERE seq = 1",
                1,
            ),
        ];
        for (sql, misfit) in table {
            assert_eq!(verdict_after(sql).await, Err(misfit), "{sql}");
        }
    }

    #[tokio::test]
    async fn a_chain_that_was_cut_shows_what_was_done_to_it() {
        let table = [
            ("DELETE FROM event WHERE seq = 4", 4),
            ("DELETE FROM event WHERE seq = 3", 3),
            ("UPDATE chain SET cut_seq = 3", 3),
            ("UPDATE chain SET cut_seq = 3; DELETE FROM event WHERE seq = 3", 4),
            ("UPDATE chain SET cut_hash = zeroblob(32)", 3),
            ("DELETE FROM event", 3),
        ];
        for (sql, misfit) in table {
            let folder = tempfile::tempdir().unwrap();
            let store = sqlite_in(folder.path());
            for millis in 1..=5 {
                store.append(entry(millis)).await.unwrap();
            }
            assert_eq!(store.cut(at(3)).await.unwrap(), 2);
            assert_eq!(whole(&*store).await, Ok(3));
            rusqlite::Connection::open(folder.path().join("doorward.db")).unwrap().execute_batch(sql).unwrap();
            assert_eq!(whole(&*store).await, Err(misfit), "{sql}");
        }
    }

    /// An upgrade whose node does not start, say.
    #[tokio::test]
    async fn a_file_that_an_older_version_has_left_is_read_and_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorward.db");
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doorward/upgrade/doorward.db"), &path).unwrap();
        let before = std::fs::read(&path).unwrap();
        let store = Sqlite::open_to_read(&path).unwrap();
        let page = store.page(Search::default(), 0).await.unwrap();
        assert!(page.is_end && page.entries.iter().any(|link| link.entry.kind == "signed-in"));
        assert_eq!(whole(&store).await, Ok(page.entries.len() as u64));
        assert!(store.users_named("alice").await.unwrap().is_empty());
        assert!(store.append(entry(1)).await.is_err() && store.cut(at(u64::MAX)).await.is_err());
        store.close().await;
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[tokio::test]
    async fn each_node_has_a_chain_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorward.db");
        let (one, two) = (Sqlite::open(&path).unwrap().named("one"), Sqlite::open(&path).unwrap().named("two"));
        for millis in 0..20 {
            one.append(entry(millis)).await.unwrap();
            two.append(entry(millis)).await.unwrap();
        }
        assert_eq!(whole(&one).await, Ok(40));
    }

    #[tokio::test]
    async fn a_file_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        sqlite_in(folder.path()).close().await;
        let path = folder.path().join("doorward.db");
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute("INSERT INTO migration VALUES (999, 'later')", []).unwrap();
        let error = Sqlite::open(&path).err().unwrap().to_string();
        assert!(error.contains("newer version"), "{error}");
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorward.db");
        std::fs::write(&path, "something else entirely, and long enough to be looked at by whoever opens it".repeat(20)).unwrap();
        assert!(Sqlite::open(&path).is_err());
    }
}
