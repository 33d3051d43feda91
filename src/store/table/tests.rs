//! Rows in a table over a real store: seals, formats, and writers that are faster.

use super::*;
use crate::base::Secret;
use crate::base::keys::SealKey;
use crate::store::sqlite::Sqlite;

const NOW: Time = Time::from_millis(1_000);
const LATER: Time = Time::from_millis(9_000);

#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
struct Sealed {
    number: u32,
}

impl Stored for Sealed {
    const KIND: Kind = Kind::Flow;
    const FORMAT: u8 = 2;
    const READS: &'static [u8] = &[1, 2];

    /// Format 1 counted in tens.
    fn read(format: u8, bytes: &[u8]) -> serde_json::Result<Self> {
        let Self { number } = serde_json::from_slice(bytes)?;
        Ok(Self { number: if format == 1 { number * 10 } else { number } })
    }
}

#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
struct Plain {
    number: u32,
}

impl Stored for Plain {
    const KIND: Kind = Kind::Failures;
    const FORMAT: u8 = 1;
    const SEALED: bool = false;
}

struct Bench {
    stores: Stores,
    keys: Keys,
    _folder: tempfile::TempDir,
}

fn keys(byte: u8) -> Keys {
    Keys::new(vec![SealKey { id: "k1".into(), secret: Secret::new(vec![byte; 32]) }]).unwrap()
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(&folder.path().join("doorward.db")).unwrap());
        Self { stores: Stores::one(&store), keys: keys(7), _folder: folder }
    }

    fn table<R: Stored>(&self) -> Table<R> {
        Table::new(&self.stores, &self.keys)
    }

    async fn bytes(&self, kind: Kind, id: &str) -> Vec<u8> {
        self.stores.records.find(kind, id, NOW).await.unwrap().unwrap().value
    }

    async fn put_bytes(&self, kind: Kind, id: &str, value: Vec<u8>) {
        let place = Place { kind, owner: "", id };
        assert!(self.stores.records.put_if(Put { place, value, expires: LATER, expect: Expect::Absent }, NOW).await.unwrap());
    }
}

#[tokio::test]
async fn a_row_comes_back_and_is_written_only_at_its_version() {
    let bench = Bench::new();
    let table = bench.table::<Sealed>();
    assert!(table.find("x", NOW).await.unwrap().is_none());
    let fresh = Versioned::new(Sealed { number: 1 }, "corp:1", LATER);
    assert!(table.put("x", &fresh, NOW).await.unwrap());
    assert!(!table.put("x", &fresh, NOW).await.unwrap(), "it is there");
    let found = table.find("x", NOW).await.unwrap().unwrap();
    assert_eq!((&found.row, found.owner.as_str(), found.expires, found.version), (&fresh.row, "corp:1", LATER, 1));
    assert!(table.put("x", &Versioned { row: Sealed { number: 2 }, ..found.clone() }, NOW).await.unwrap());
    assert!(!table.put("x", &found, NOW).await.unwrap(), "it was written since");
    assert_eq!(table.find("x", NOW).await.unwrap().unwrap().row.number, 2);
    assert!(table.remove("x", NOW).await.unwrap() && !table.remove("x", NOW).await.unwrap());
}

#[tokio::test]
async fn what_is_sealed_is_bound_to_kind_id_and_key() {
    let bench = Bench::new();
    let table = bench.table::<Sealed>();
    table.put("x", &Versioned::new(Sealed { number: 4711 }, "", LATER), NOW).await.unwrap();
    let value = bench.bytes(Kind::Flow, "x").await;
    assert_eq!(value[0], 2);
    assert!(!value.windows(4).any(|window| window == b"4711"));
    assert_eq!(bench.keys.open("flow", b"x", &value[1..]).unwrap(), br#"{"number":4711}"#);

    bench.put_bytes(Kind::Flow, "y", value).await;
    assert!(matches!(table.find("y", NOW).await, Err(StoreError::Sealed { kind: Kind::Flow, .. })), "of another id");
    let other = Table::<Sealed>::new(&bench.stores, &keys(8));
    let error = other.find("x", NOW).await.unwrap_err();
    assert!(matches!(error, StoreError::Sealed { .. }) && error.is_unreadable());
    assert_eq!(error.to_string(), "flow x does not open: were the keys changed?");
}

#[tokio::test]
async fn what_is_not_sealed_is_its_format_and_json() {
    let bench = Bench::new();
    bench.table().put("x", &Versioned::new(Plain { number: 5 }, "x", LATER), NOW).await.unwrap();
    assert_eq!(bench.bytes(Kind::Failures, "x").await, b"\x01{\"number\":5}");
}

#[tokio::test]
async fn an_earlier_format_is_read_and_a_later_one_is_an_error_that_changes_nothing() {
    let bench = Bench::new();
    let table = bench.table::<Sealed>();
    let value = |format: u8, id: &str, plain: &[u8]| [&[format][..], &bench.keys.seal("flow", id.as_bytes(), plain)].concat();
    bench.put_bytes(Kind::Flow, "earlier", value(1, "earlier", br#"{"number":3}"#)).await;
    assert_eq!(table.find("earlier", NOW).await.unwrap().unwrap().row.number, 30);

    // Nothing is known of how a later version seals, so the seal is not even looked at.
    for (id, format, bytes) in [("later", 3, vec![3, 0xff, 0xff]), ("none", 0, vec![])] {
        bench.put_bytes(Kind::Flow, id, bytes.clone()).await;
        let error = table.find(id, NOW).await.unwrap_err();
        assert!(matches!(error, StoreError::Format { kind: Kind::Flow, format: of } if of == format), "{error}");
        assert!(error.is_unreadable());
        let updated = table.update(id, NOW, |_| Step::Leave(())).await;
        assert!(matches!(updated, Err(StoreError::Format { .. })), "no decision is made on it");
        assert_eq!(bench.bytes(Kind::Flow, id).await, bytes);
    }
}

#[tokio::test]
async fn bytes_that_are_not_the_type_tell_nothing_of_themselves() {
    let bench = Bench::new();
    bench.put_bytes(Kind::Failures, "x", b"\x01{\"number\":\"secret\"}".to_vec()).await;
    let error = bench.table::<Plain>().find("x", NOW).await.unwrap_err();
    assert!(matches!(error, StoreError::Malformed { .. }) && error.is_unreadable());
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn an_update_decides_again_where_another_writer_was_faster() {
    let bench = Bench::new();
    let table = bench.table::<Plain>();
    let mut seen = Vec::new();
    let updated = table.update("x", NOW, |found| {
        let number = found.as_ref().map_or(0, |found| found.row.number);
        seen.push(number);
        if number < 2 {
            // Another writer, between reading and writing.
            let row = Versioned::new(Plain { number: number + 1 }, "x", LATER);
            let row = Versioned { version: number.into(), ..row };
            let put = bench.table().to_put("x", &row).unwrap();
            std::thread::scope(|scope| {
                let records = &bench.stores.records;
                let write = || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                    runtime.block_on(records.put_if(put, NOW)).unwrap()
                };
                assert!(scope.spawn(write).join().unwrap());
            });
        }
        let found = found.unwrap_or_else(|| Versioned::new(Plain { number: 0 }, "x", LATER));
        Step::Write(Versioned { row: Plain { number: 100 + number }, ..found }, number)
    });
    assert_eq!(updated.await.unwrap(), 2);
    assert_eq!(seen, [0, 1, 2]);
    let found = table.find("x", NOW).await.unwrap().unwrap();
    assert_eq!((found.row.number, found.version), (102, 3));
}

#[tokio::test]
async fn an_update_that_never_gets_through_is_an_error() {
    let bench = Bench::new();
    let table = bench.table::<Plain>();
    let mut tries = 0;
    // Nothing is there, so version 7 never is.
    let updated = table.update("x", NOW, |_| {
        tries += 1;
        Step::Write(Versioned { version: 7, ..Versioned::new(Plain { number: 1 }, "x", LATER) }, ())
    });
    assert!(matches!(updated.await, Err(StoreError::Conflict(Kind::Failures))));
    assert_eq!(tries, CONFLICTS);
}

#[tokio::test]
async fn overwriting_asks_for_nothing_of_what_is_there() {
    let bench = Bench::new();
    let table = bench.table::<Sealed>();
    bench.put_bytes(Kind::Flow, "a", vec![99]).await;
    let ids = ["a".to_owned(), "b".to_owned()];
    table.overwrite(&ids, &Versioned::new(Sealed { number: 1 }, "corp:1", LATER), NOW).await.unwrap();
    for (id, version) in [("a", 2), ("b", 1)] {
        let found = table.find(id, NOW).await.unwrap().unwrap();
        assert_eq!((found.row.number, found.version), (1, version), "{id}");
    }
}
