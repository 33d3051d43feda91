//! What every backend of `Records` and `EventLog` must do, run against each of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use doorward::base::{Random, Time, TraceId, random::SystemSource};
use doorward::store::sqlite::Sqlite;
use doorward::store::{Entry, EventLog, Expect, Place, Record, Records, Search, Taken};

const KIND: &str = "thing";
const MINUTE: Duration = Duration::from_secs(60);

/// Strings that break out of what they are put into, if anything does.
const HOSTILE: &[&str] =
    &["", "'; DROP TABLE record; --", "a\0b", "%", "_", "\"", "\\", "ünïcode ☃ 🚪", "e\u{301}", "\u{202e}", "{*}:0", "\r\nDEL x"];

fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn place(id: &str) -> Place<'_> {
    Place { kind: KIND, owner: "alice", id }
}

/// Writes what was not there, good until 1,000.
async fn put(records: &dyn Records, id: &str, now: Time) -> bool {
    records.put_if(place(id), vec![1], at(1_000), Expect::Absent, now).await.unwrap()
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.id.as_str()).collect()
}

/// Each test gets a store of its own; the folder lives as long as the test.
macro_rules! for_every_backend {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let folder = tempfile::tempdir().unwrap();
                let store = super::sqlite_in(folder.path());
                super::contract::$test(store).await;
            })*
        }
    };
}

fn sqlite_in(folder: &Path) -> Arc<Sqlite> {
    Arc::new(Sqlite::open(&folder.join("doorward.db")).unwrap())
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
    a_counter_gives_what_it_holds_and_starts_anew
    parallel_takers_get_exactly_the_limit
    giving_back_never_goes_below_zero
    removing_says_whether_something_was_there
    an_owner_has_what_is_theirs
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
}

mod contract {
    use super::*;

    pub async fn a_record_comes_back_as_it_was_put(records: Arc<dyn Records>) {
        assert_eq!(records.find(KIND, "x", at(0)).await.unwrap(), None);
        assert!(put(&*records, "x", at(0)).await);
        let expected = Record { owner: "alice".into(), id: "x".into(), value: vec![1], version: 1, expires: at(1_000) };
        assert_eq!(records.find(KIND, "x", at(0)).await.unwrap(), Some(expected));
    }

    pub async fn hostile_names_and_binary_values_come_back(records: Arc<dyn Records>) {
        for (number, name) in HOSTILE.iter().enumerate() {
            let value: Vec<u8> = (0..=255).chain([u8::try_from(number).unwrap()]).collect();
            let place = Place { kind: KIND, owner: name, id: name };
            assert!(records.put_if(place, value, at(1_000), Expect::Absent, at(0)).await.unwrap(), "{name:?}");
            assert_eq!(records.take(Place { kind: "count", ..place }, 1, MINUTE, at(0)).await.unwrap(), Taken::Yes { left: 0 });
        }
        for (number, name) in HOSTILE.iter().enumerate() {
            let found = records.find(KIND, name, at(0)).await.unwrap().unwrap();
            assert_eq!((found.id.as_str(), found.value.len(), usize::from(found.value[256])), (*name, 257, number));
            assert_eq!(ids(&records.by_owner(KIND, name, at(0)).await.unwrap()), [*name]);
        }
    }

    pub async fn a_large_value_comes_back(records: Arc<dyn Records>) {
        let mut value = vec![0; 1 << 20];
        SystemSource.fill(&mut value);
        assert!(records.put_if(place("x"), value.clone(), at(1_000), Expect::Absent, at(0)).await.unwrap());
        assert!(records.find(KIND, "x", at(0)).await.unwrap().unwrap().value == value);
    }

    pub async fn a_record_is_gone_at_the_millisecond_it_expires(records: Arc<dyn Records>) {
        put(&*records, "x", at(0)).await;
        records.due(KIND, "x", Some(at(0)), at(0)).await.unwrap();
        assert!(records.find(KIND, "x", at(999)).await.unwrap().is_some());
        assert_eq!(records.by_owner(KIND, "alice", at(999)).await.unwrap().len(), 1);
        assert_eq!(records.changes_since(KIND, 0, 10, at(999)).await.unwrap().0.len(), 1);

        assert_eq!(records.find(KIND, "x", at(1_000)).await.unwrap(), None);
        assert_eq!(records.by_owner(KIND, "alice", at(1_000)).await.unwrap(), []);
        assert_eq!(records.changes_since(KIND, 0, 10, at(1_000)).await.unwrap().0, []);
        assert_eq!(records.claim(KIND, "node", at(2_000), at(1_000)).await.unwrap(), None);
        assert!(!records.put_if(place("x"), vec![2], at(2_000), Expect::Version(1), at(1_000)).await.unwrap());
        assert!(!records.remove(KIND, "x", at(1_000)).await.unwrap());
    }

    pub async fn absent_means_absent(records: Arc<dyn Records>) {
        assert!(put(&*records, "x", at(0)).await);
        assert!(!records.put_if(place("x"), vec![9], at(5_000), Expect::Absent, at(0)).await.unwrap());
        let kept = records.find(KIND, "x", at(0)).await.unwrap().unwrap();
        assert_eq!((kept.value, kept.version, kept.expires), (vec![1], 1, at(1_000)));
    }

    pub async fn a_version_fits_once(records: Arc<dyn Records>) {
        assert!(!records.put_if(place("x"), vec![1], at(1_000), Expect::Version(1), at(0)).await.unwrap(), "nothing is there");
        put(&*records, "x", at(0)).await;
        let second = Place { owner: "bob", ..place("x") };
        assert!(records.put_if(second, vec![2], at(3_000), Expect::Version(1), at(0)).await.unwrap());
        assert!(!records.put_if(place("x"), vec![3], at(9_000), Expect::Version(1), at(0)).await.unwrap());
        let kept = records.find(KIND, "x", at(2_000)).await.unwrap().unwrap();
        assert_eq!((kept.owner.as_str(), kept.value, kept.version, kept.expires), ("bob", vec![2], 2, at(3_000)));
    }

    pub async fn an_expired_record_is_replaced_by_a_fresh_one(records: Arc<dyn Records>) {
        put(&*records, "x", at(0)).await;
        records.due(KIND, "x", Some(at(0)), at(0)).await.unwrap();
        records.claim(KIND, "node", at(9_000), at(0)).await.unwrap();
        assert!(records.put_if(place("x"), vec![2], at(1_000), Expect::Version(1), at(0)).await.unwrap());
        let (_, mark) = records.changes_since(KIND, 0, 10, at(0)).await.unwrap();

        assert!(records.put_if(place("x"), vec![3], at(5_000), Expect::Absent, at(1_000)).await.unwrap());
        assert_eq!(records.find(KIND, "x", at(1_000)).await.unwrap().unwrap().version, 1);
        assert_eq!(ids(&records.changes_since(KIND, mark, 10, at(1_000)).await.unwrap().0), ["x"]);
        assert_eq!(records.claim(KIND, "node", at(9_500), at(4_000)).await.unwrap(), None, "it was never made due");
    }

    pub async fn of_two_writers_exactly_one_wins(records: Arc<dyn Records>) {
        for round in 0..1_000_u64 {
            let expect = if round == 0 { Expect::Absent } else { Expect::Version(round) };
            let write = |value| {
                let records = Arc::clone(&records);
                tokio::spawn(async move { records.put_if(place("x"), vec![value], at(1_000), expect, at(0)).await.unwrap() })
            };
            let (one, two) = (write(1), write(2));
            let (one, two) = (one.await.unwrap(), two.await.unwrap());
            assert!(one != two, "round {round}: {one} {two}");
            let kept = records.find(KIND, "x", at(0)).await.unwrap().unwrap();
            assert_eq!((kept.version, kept.value), (round + 1, vec![if one { 1 } else { 2 }]));
        }
    }

    pub async fn a_counter_gives_what_it_holds_and_starts_anew(records: Arc<dyn Records>) {
        let take = async |limit, now| records.take(place("x"), limit, Duration::from_millis(100), at(now)).await.unwrap();
        assert_eq!(take(2, 10).await, Taken::Yes { left: 1 });
        assert_eq!(take(2, 50).await, Taken::Yes { left: 0 });
        assert_eq!(take(2, 60).await, Taken::No { until: at(110) });
        assert_eq!(take(2, 109).await, Taken::No { until: at(110) });
        assert_eq!(take(4, 109).await, Taken::Yes { left: 1 }, "a limit that was raised counts at once");
        assert_eq!(take(1, 109).await, Taken::No { until: at(110) });
        assert_eq!(take(2, 110).await, Taken::Yes { left: 1 }, "the window is over");
        assert_eq!(records.find(KIND, "x", at(10)).await.unwrap(), None, "a counter is no record");
        assert_eq!(records.take(place("none"), 0, MINUTE, at(0)).await.unwrap(), Taken::No { until: at(60_000) });
    }

    pub async fn parallel_takers_get_exactly_the_limit(records: Arc<dyn Records>) {
        let takers: Vec<_> = (0..100)
            .map(|_| {
                let records = Arc::clone(&records);
                tokio::spawn(async move { records.take(place("x"), 3, MINUTE, at(0)).await.unwrap() })
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

    pub async fn giving_back_never_goes_below_zero(records: Arc<dyn Records>) {
        let take = async |now| records.take(place("x"), 1, Duration::from_millis(100), at(now)).await.unwrap();
        records.give_back(KIND, "x", at(0)).await.unwrap();
        assert_eq!(take(0).await, Taken::Yes { left: 0 });
        for _ in 0..3 {
            records.give_back(KIND, "x", at(0)).await.unwrap();
        }
        assert_eq!(take(0).await, Taken::Yes { left: 0 });
        assert_eq!(take(0).await, Taken::No { until: at(100) }, "what is given back does not move the window");
        records.give_back(KIND, "x", at(100)).await.unwrap();
        assert_eq!(take(99).await, Taken::No { until: at(100) }, "nothing is given back to a window that is over");
    }

    pub async fn removing_says_whether_something_was_there(records: Arc<dyn Records>) {
        assert!(!records.remove(KIND, "x", at(0)).await.unwrap());
        put(&*records, "x", at(0)).await;
        assert!(records.remove(KIND, "x", at(0)).await.unwrap());
        assert!(!records.remove(KIND, "x", at(0)).await.unwrap());
        assert!(put(&*records, "x", at(0)).await);
        records.take(place("counter"), 1, MINUTE, at(0)).await.unwrap();
        assert!(records.remove(KIND, "counter", at(0)).await.unwrap());
        assert_eq!(records.take(place("counter"), 1, MINUTE, at(0)).await.unwrap(), Taken::Yes { left: 0 });
    }

    pub async fn an_owner_has_what_is_theirs(records: Arc<dyn Records>) {
        for (owner, id) in [("alice", "a1"), ("bob", "b1"), ("alice", "a2"), ("Alice", "c1"), ("alic", "d1")] {
            records.put_if(Place { kind: KIND, owner, id }, vec![1], at(1_000), Expect::Absent, at(0)).await.unwrap();
        }
        let found = records.by_owner(KIND, "alice", at(0)).await.unwrap();
        assert_eq!(ids(&found).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["a1", "a2"]));
        assert_eq!(records.by_owner(KIND, "nobody", at(0)).await.unwrap(), []);
        assert_eq!(records.by_owner("other", "alice", at(0)).await.unwrap(), []);
    }

    pub async fn only_what_is_due_is_claimed_earliest_first(records: Arc<dyn Records>) {
        for (id, due) in [("late", Some(30)), ("soon", Some(10)), ("never", None), ("middle", Some(20))] {
            put(&*records, id, at(0)).await;
            records.due(KIND, id, due.map(at), at(0)).await.unwrap();
        }
        let claim = async |now| records.claim(KIND, "node", at(500), at(now)).await.unwrap().map(|record| record.id);
        assert_eq!(claim(9).await, None);
        assert_eq!(claim(25).await.as_deref(), Some("soon"));
        assert_eq!(claim(25).await.as_deref(), Some("middle"));
        assert_eq!(claim(25).await, None);
        assert_eq!(claim(30).await.as_deref(), Some("late"));
        records.due(KIND, "soon", None, at(30)).await.unwrap();
        assert_eq!(claim(499).await, None);
        assert_eq!(claim(500).await.as_deref(), Some("middle"), "the leases are over, and one is due no more");
    }

    pub async fn a_lease_keeps_others_away_until_it_ends(records: Arc<dyn Records>) {
        put(&*records, "x", at(0)).await;
        records.due(KIND, "x", Some(at(0)), at(0)).await.unwrap();
        let claim = async |node, now| records.claim(KIND, node, at(now + 100), at(now)).await.unwrap();
        assert!(claim("one", 0).await.is_some());
        assert!(claim("two", 99).await.is_none() && claim("one", 99).await.is_none());
        let again = claim("two", 100).await.unwrap();
        assert_eq!(again.version, 1, "claiming is no writing");
        assert!(records.put_if(place("x"), vec![2], at(1_000), Expect::Version(1), at(110)).await.unwrap());
        assert!(claim("one", 120).await.is_none(), "writing does not end a lease");
        records.due(KIND, "x", Some(at(120)), at(120)).await.unwrap();
        assert_eq!(claim("one", 120).await.unwrap().value, [2], "setting the time does");
    }

    pub async fn parallel_claimers_never_share_a_record(records: Arc<dyn Records>) {
        for number in 0..50 {
            let id = format!("{number:02}");
            put(&*records, &id, at(0)).await;
            records.due(KIND, &id, Some(at(0)), at(0)).await.unwrap();
        }
        let claimers: Vec<_> = (0..4)
            .map(|_| {
                let records = Arc::clone(&records);
                tokio::spawn(async move {
                    let mut claimed = Vec::new();
                    while let Some(record) = records.claim(KIND, "node", at(900), at(1)).await.unwrap() {
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

    pub async fn changes_come_in_pages_in_the_order_they_were_made(records: Arc<dyn Records>) {
        for id in ["a", "b", "c", "d"] {
            put(&*records, id, at(0)).await;
        }
        records.put_if(place("a"), vec![2], at(1_000), Expect::Version(1), at(0)).await.unwrap();
        records.remove(KIND, "c", at(0)).await.unwrap();
        let (page, mark) = records.changes_since(KIND, 0, 2, at(0)).await.unwrap();
        assert_eq!(ids(&page), ["b", "d"]);
        let (page, mark) = records.changes_since(KIND, mark, 2, at(0)).await.unwrap();
        assert_eq!((ids(&page), page[0].version), (vec!["a"], 2));
        assert_eq!(records.changes_since(KIND, mark, 2, at(0)).await.unwrap(), (vec![], mark));

        records.remove(KIND, "a", at(0)).await.unwrap();
        put(&*records, "e", at(0)).await;
        let (page, _) = records.changes_since(KIND, mark, 2, at(0)).await.unwrap();
        assert_eq!(ids(&page), ["e"], "a mark stays good when the newest record is gone");
    }

    pub async fn ten_thousand_records_load_quickly_and_are_swept(records: Arc<dyn Records>) {
        let writers: Vec<_> = (0..10_000)
            .map(|number| {
                let records = Arc::clone(&records);
                tokio::spawn(async move { put(&*records, &number.to_string(), at(0)).await })
            })
            .collect();
        for writer in writers {
            assert!(writer.await.unwrap());
        }
        let load = async {
            let (mut loaded, mut mark) = (0, 0);
            loop {
                let (page, next) = records.changes_since(KIND, mark, 1_000, at(0)).await.unwrap();
                if page.is_empty() {
                    return loaded;
                }
                (loaded, mark) = (loaded + page.len(), next);
            }
        };
        let loaded = tokio::time::timeout(Duration::from_secs(5), load).await.expect("within five seconds");
        assert_eq!(loaded, 10_000);
        assert_eq!(records.sweep(at(1_000)).await.unwrap(), 10_000);
    }

    pub async fn sweeping_removes_what_has_expired_and_nothing_else(records: Arc<dyn Records>) {
        put(&*records, "short", at(0)).await;
        records.put_if(place("long"), vec![1], at(1_001), Expect::Absent, at(0)).await.unwrap();
        records.take(place("counter"), 1, Duration::from_secs(1), at(0)).await.unwrap();
        records.take(place("longer"), 1, Duration::from_millis(1_001), at(0)).await.unwrap();
        assert_eq!(records.sweep(at(999)).await.unwrap(), 0);
        assert_eq!(records.sweep(at(1_000)).await.unwrap(), 2);
        assert_eq!(records.sweep(at(1_000)).await.unwrap(), 0);
        // Asked as of long ago, so that only what is really gone is missing.
        assert!(records.find(KIND, "short", at(0)).await.unwrap().is_none());
        assert!(records.find(KIND, "long", at(0)).await.unwrap().is_some());
        assert_eq!(records.take(place("longer"), 1, MINUTE, at(0)).await.unwrap(), Taken::No { until: at(1_001) });
    }

    pub async fn kinds_do_not_meet(records: Arc<dyn Records>) {
        put(&*records, "x", at(0)).await;
        let other = Place { kind: "other", ..place("x") };
        assert!(records.put_if(other, vec![2], at(1_000), Expect::Absent, at(0)).await.unwrap());
        records.due("other", "x", Some(at(0)), at(0)).await.unwrap();
        assert!(records.claim(KIND, "node", at(1), at(0)).await.unwrap().is_none());
        assert!(records.remove("other", "x", at(0)).await.unwrap());
        assert_eq!(records.find(KIND, "x", at(0)).await.unwrap().unwrap().value, [1]);
    }

    pub async fn a_search_finds_by_every_field(log: Arc<dyn EventLog>) {
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
            (Search { user: Some("staff:alice".into()), ..Search::default() }, vec![0]),
            (Search { application: Some("mail".into()), ..Search::default() }, vec![1]),
            (Search { outcome: Some("no".into()), ..Search::default() }, vec![1]),
            (Search { country: Some("AT".into()), ..Search::default() }, vec![2]),
            (Search { outcome: Some("yes".into()), country: Some(String::new()), ..Search::default() }, vec![0]),
            (Search { user: Some("%".into()), ..Search::default() }, vec![]),
        ];
        for (search, expected) in table {
            let expected: Vec<Entry> = expected.into_iter().map(|number: usize| entries[number].clone()).collect();
            assert_eq!(log.search(search.clone()).await.unwrap(), expected, "{search:?}");
        }
    }

    pub async fn a_search_gives_the_newest_oldest_first(log: Arc<dyn EventLog>) {
        for millis in 0..1_005 {
            log.append(entry(millis)).await.unwrap();
        }
        let times = async |most| {
            let found = log.search(Search { most, ..Search::default() }).await.unwrap();
            (found.first().unwrap().at.millis(), found.last().unwrap().at.millis(), found.len())
        };
        assert_eq!(times(3).await, (1_002, 1_004, 3));
        assert_eq!(times(0).await, (5, 1_004, 1_000));
        assert_eq!(log.verify().await.unwrap(), Ok(1_005));
    }

    pub async fn parallel_events_make_one_chain(log: Arc<dyn EventLog>) {
        assert_eq!(log.verify().await.unwrap(), Ok(0));
        let writers: Vec<_> = (0..200)
            .map(|millis| {
                let log = Arc::clone(&log);
                tokio::spawn(async move { log.append(entry(millis)).await.unwrap() })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(log.verify().await.unwrap(), Ok(200));
    }

    pub async fn hostile_events_come_back_and_verify(log: Arc<dyn EventLog>) {
        let hostile = |name: &&str| Entry { user: (*name).into(), detail: (*name).into(), ..entry(1) };
        let entries: Vec<Entry> = HOSTILE.iter().map(hostile).collect();
        for entry in &entries {
            log.append(entry.clone()).await.unwrap();
        }
        assert_eq!(log.search(Search::default()).await.unwrap(), entries);
        assert_eq!(log.verify().await.unwrap(), Ok(entries.len() as u64));
    }
}

fn entry(millis: u64) -> Entry {
    Entry {
        at: at(millis),
        trace: None,
        kind: "signed-in".into(),
        outcome: "yes".into(),
        user: String::new(),
        application: String::new(),
        country: String::new(),
        detail: "{}".into(),
    }
}

/// What only a backend that keeps files can show.
mod sqlite_files {
    use super::*;

    #[tokio::test]
    async fn reopening_keeps_everything() {
        let folder = tempfile::tempdir().unwrap();
        let store = sqlite_in(folder.path());
        put(&*store, "x", at(0)).await;
        store.due(KIND, "x", Some(at(5)), at(0)).await.unwrap();
        store.take(place("counter"), 1, MINUTE, at(0)).await.unwrap();
        store.append(entry(1)).await.unwrap();
        let (_, mark) = store.changes_since(KIND, 0, 10, at(0)).await.unwrap();
        store.close().await;
        drop(store);

        let store = sqlite_in(folder.path());
        assert!(store.find(KIND, "x", at(0)).await.unwrap().is_some());
        assert_eq!(store.claim(KIND, "node", at(100), at(5)).await.unwrap().unwrap().id, "x");
        assert_eq!(store.take(place("counter"), 1, MINUTE, at(0)).await.unwrap(), Taken::No { until: at(60_000) });
        store.append(entry(2)).await.unwrap();
        assert_eq!(store.verify().await.unwrap(), Ok(2));
        put(&*store, "y", at(0)).await;
        assert_eq!(ids(&store.changes_since(KIND, mark, 10, at(0)).await.unwrap().0), ["y"]);
    }

    /// As after `kill -9`: the files are copied while writing goes on, and the copy must hold what was answered before.
    #[tokio::test]
    async fn what_was_answered_survives_a_sudden_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = sqlite_in(folder.path());
        // Few enough rounds that SQLite does not start its log anew while it is being copied (it does so from 1,000 pages on).
        for round in 0..8_u64 {
            for number in 0..5 {
                put(&*store, &format!("{round}-{number}"), at(0)).await;
                store.append(entry(round)).await.unwrap();
            }
            let under_way = [0, 1, 2].map(|number| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { put(&*store, &format!("{round}-late-{number}"), at(0)).await })
            });
            let copy = tempfile::tempdir().unwrap();
            for name in ["doorward.db", "doorward.db-wal"] {
                std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
            }
            let copied = sqlite_in(copy.path());
            for number in 0..5 {
                assert!(copied.find(KIND, &format!("{round}-{number}"), at(0)).await.unwrap().is_some());
            }
            assert_eq!(copied.verify().await.unwrap(), Ok((round + 1) * 5));
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
        assert_eq!(store.verify().await.unwrap(), Ok(5));
        rusqlite::Connection::open(folder.path().join("doorward.db")).unwrap().execute_batch(sql).unwrap();
        store.verify().await.unwrap()
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
    async fn each_node_has_a_chain_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorward.db");
        let (one, two) = (Sqlite::open(&path).unwrap().named("one"), Sqlite::open(&path).unwrap().named("two"));
        for millis in 0..20 {
            one.append(entry(millis)).await.unwrap();
            two.append(entry(millis)).await.unwrap();
        }
        assert_eq!(one.verify().await.unwrap(), Ok(40));
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
