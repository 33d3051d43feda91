//! Fills the store of a stopped node with sessions: copies of one that was signed in, each under an id and a key of its own. The
//! node takes them for its own at the next start, since they are sealed as it seals them. Some of the cookies are written to a file.

use std::fmt::Write;
use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use doorward::base::keys::SealKey;
use doorward::base::random::SystemSource;
use doorward::base::{Clock, Keys, Random, Secret, Time};
use doorward::store::sqlite::Sqlite;
use doorward::store::{Fed, Feed, Kind, Record};
use rusqlite::{Connection, Transaction, params};

use super::Arguments;

const SESSION: &str = Kind::Session.name();
const KEY: &str = Kind::SessionKey.name();

struct Mould {
    keys: Keys,
    session: (Record, Vec<u8>),
    key: Vec<u8>,
}

pub async fn run(arguments: &Arguments) {
    let state = PathBuf::from(arguments.text("state"));
    let (count, shown) = (arguments.number("count"), arguments.number("cookies"));
    let mould = Mould::take(&state).await;
    let mut connection = Connection::open(state.join("doorward.db")).unwrap();
    // Nobody else has the file, and a crash costs nothing but a run: one transaction, written when the machine likes.
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -2000000; PRAGMA temp_store = MEMORY").unwrap();
    let transaction = connection.transaction().unwrap();
    let mut cookies = String::new();
    for number in 0..count {
        let cookie = mould.session(&transaction).expect("the store takes it");
        // Spread over all of them, so that the ones in use do not lie side by side in memory.
        if number % (count / shown).max(1) == 0 {
            writeln!(cookies, "{cookie}").unwrap();
        }
    }
    transaction.commit().unwrap();
    std::fs::write(arguments.text("file"), cookies).unwrap();
    println!(r#"{{"sessions":{count}}}"#);
}

impl Mould {
    async fn take(state: &std::path::Path) -> Self {
        let secret = std::fs::read_to_string(state.join("keys/k1")).expect("the node's own key");
        let secret = Secret::new(HEXLOWER.decode(secret.trim().as_bytes()).unwrap());
        let keys = Keys::new(vec![SealKey { id: "k1".into(), secret }]).unwrap();
        let store = Sqlite::open(&state.join("doorward.db")).unwrap();
        let now = Clock::system().now();
        let session = first(&store, Fed::Session, now).await;
        let key = first(&store, Fed::SessionKey, now).await;
        let plain = |kind: &str, record: &Record| keys.open(kind, record.id.as_bytes(), &record.value[1..]).expect("it opens");
        let (session_plain, key) = (plain(SESSION, &session), plain(KEY, &key));
        store.close().await;
        Self { session: (session, session_plain), key, keys }
    }

    /// One more; its cookie.
    fn session(&self, into: &Transaction<'_>) -> rusqlite::Result<String> {
        let id = HEXLOWER.encode(&bytes::<20>());
        let bits = bytes::<32>();
        let mut body = bits.to_vec();
        body.extend(&self.keys.mac("session cookie tag", &bits)[..12]);
        let cookie = format!("k1.{}", BASE64URL_NOPAD.encode(&body));
        let key = HEXLOWER.encode(digest(&SHA256, format!("id{cookie}").as_bytes()).as_ref());
        let (mould, plain) = &self.session;
        self.put(into, [SESSION, &id, &mould.owner], plain)?;
        self.put(into, [KEY, &key, &id], &self.key)?;
        Ok(cookie)
    }

    /// As the store writes a new record, each with the number of its change.
    fn put(&self, into: &Transaction<'_>, [kind, id, owner]: [&str; 3], plain: &[u8]) -> rusqlite::Result<()> {
        let mut value = vec![self.session.0.value[0]];
        value.extend(self.keys.seal(kind, id.as_bytes(), plain));
        let expires = i64::try_from(self.session.0.expires.millis()).unwrap();
        into.prepare_cached("UPDATE change SET number = number + 1")?.execute([])?;
        into.prepare_cached(
            "INSERT INTO record (kind, id, owner, value, version, expires, changed)
             VALUES (?1, ?2, ?3, ?4, 1, ?5, (SELECT number FROM change))",
        )?
        .execute(params![kind, id, owner, value, expires])?;
        Ok(())
    }
}

async fn first(store: &Sqlite, kind: Fed, now: Time) -> Record {
    let (records, _) = store.changes_since(kind, 0, 1, now).await.unwrap();
    records.into_iter().next().expect("a session was signed in before")
}

fn bytes<const N: usize>() -> [u8; N] {
    let source: &dyn Random = &SystemSource;
    source.bytes()
}
