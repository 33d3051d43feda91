//! A node of this version starts on the state folder that the version before has left: nobody notices.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use doorward::base::{Clock, Time};
use doorward::store::sqlite::Sqlite;
use serde::{Deserialize, Serialize};

use crate::support::client::{Answer, Client, FLOW, KEY, wrong};
use crate::support::eventually::eventually;
use crate::support::journal::whole;
use crate::support::node::{Bed, HOST, user};
use crate::support::program::Program;
use crate::support::toml::Toml;

/// What the browsers of that version's users know.
#[derive(Serialize, Deserialize)]
struct Left {
    /// When that node was killed, in milliseconds.
    killed: u64,
    /// How many events its journal holds.
    events: u64,
    /// Of the browser in which alice has signed in.
    session: String,
    bob: Waiting,
    dave: Waiting,
    /// Bob's passcode.
    passcode: String,
}

/// A browser whose user is asked for a passcode.
#[derive(Serialize, Deserialize)]
struct Waiting {
    cookie: String,
    flow: String,
}

impl Waiting {
    fn of(browser: &Client, page: &Answer) -> Self {
        Self { cookie: browser.cookie(FLOW).unwrap(), flow: page.flow() }
    }

    async fn page(&self, bed: &Bed) -> (Client, Answer) {
        let browser = bed.browser();
        browser.put(FLOW, &self.cookie);
        let page = browser.get(&format!("/.doorward/login/passcode?flow={}", self.flow)).await;
        (browser, page)
    }
}

fn left_behind() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doorward/upgrade")
}

/// Both versions have the same users with the same hashes: another hash would be another password.
fn toml() -> Toml {
    let users = std::fs::read_to_string(left_behind().join("users.toml")).unwrap();
    Toml::bed().users(users).limits("failures_per_user = \"3/15m\"")
}

fn users() -> String {
    let number = |last: u32| format!("mobile = \"+45 12 34 56 7{last}\"");
    let users = [("alice", "wonderland"), ("bob", "builder"), ("carol", "christmas"), ("dave", "dawn")];
    (0..).zip(users).map(|(last, (name, password))| user(name, password, &number(last))).collect()
}

/// Puts what is kept under version control into a state folder. The key is no secret: it says itself that it is for this test.
fn restored(state: &Path) {
    std::fs::create_dir_all(state.join("keys")).unwrap();
    let key = std::fs::read(left_behind().join("test-key.txt")).unwrap();
    std::fs::write(state.join("keys/k1"), data_encoding::HEXLOWER.encode(key.trim_ascii_end())).unwrap();
    let file = left_behind().join("doorward.db");
    if file.exists() {
        std::fs::copy(file, state.join("doorward.db")).unwrap();
    }
}

/// A node of this version on a copy of that folder, at the time when it was left.
async fn upgraded() -> (Bed, Left) {
    let left = std::fs::read_to_string(left_behind().join("left.json")).unwrap();
    let left: Left = serde_json::from_str(&left).unwrap();
    let mut bed = Bed::with(toml()).await;
    let state = bed.folder().join("of-the-version-before");
    restored(&state);
    bed.clock = Clock::by_hand_from(Time::from_millis(left.killed));
    bed.restart(&state).await.unwrap();
    (bed, left)
}

#[tokio::test]
async fn who_was_signed_in_still_is() {
    let (bed, left) = upgraded().await;
    let browser = bed.browser();
    browser.put(KEY, &left.session);
    assert!(browser.is_in().await);
    assert_eq!(browser.sign_out().await.status, 200);
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn a_login_under_way_goes_on_with_the_tries_that_were_left() {
    let (bed, left) = upgraded().await;
    let (browser, page) = left.bob.page(&bed).await;
    let page = browser.passcode_again(&page, &wrong(&left.passcode)).await;
    assert!(page.says("You have 1 try left."), "{}", page.body);
    assert_eq!(browser.passcode(&page, &left.passcode).await.status, 303);
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn a_message_that_was_being_sent_is_sent() {
    let (bed, left) = upgraded().await;
    let (browser, page) = left.dave.page(&bed).await;
    bed.clock.advance(Duration::from_secs(45));
    let code = bed.code(&page).await;
    let entered = browser.passcode(&page, &code).await;
    assert_eq!(entered.status, 303, "{}", entered.body);
}

#[tokio::test]
async fn wrong_passwords_are_still_counted() {
    let (bed, _) = upgraded().await;
    let refused = async |password| bed.reason(&bed.browser().login("carol", password).await).await;
    assert_eq!(refused("third").await, "wrong");
    assert_eq!(refused("christmas").await, "name-paused");
}

#[tokio::test]
async fn the_journal_is_one_chain_with_what_stood_there() {
    let (bed, left) = upgraded().await;
    let log = Sqlite::open(&bed.state.join("doorward.db")).unwrap();
    let length = whole(&log).await.expect("it is whole");
    assert!(length > left.events, "{length}: that a node was started is one more");
    let kinds: Vec<String> = bed.journal().into_iter().map(|event| event.kind).collect();
    for kind in ["signed-in", "password-refused", "passcode-refused", "message-tried"] {
        assert!(kinds.iter().any(|is| is == kind), "{kind}: {kinds:?}");
    }
}

/// Run with `DOORWARD_BEFORE` naming the program of the version before: what it leaves is what the tests above start on from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_folder_is_made_where_it_is_asked_for() {
    let Some(program) = std::env::var_os("DOORWARD_BEFORE") else { return };
    drop(std::fs::remove_file(left_behind().join("doorward.db")));
    std::fs::write(left_behind().join("users.toml"), users()).unwrap();
    // Its certificate, users and upstream are enough; it is another folder and another node that counts.
    let bed = Bed::with(toml()).await;
    let (folder, state) = (bed.folder(), bed.folder().join("of-the-version-before"));
    restored(&state);
    let file = toml().state(&state).server(bed.upstream.address).write(folder);
    let under = format!("shift; exec {} \"$@\"", program.to_str().unwrap());
    let mut program = Program::serve_under(&["sh", "-c", &under, "sh"], &file);
    let browser = || Client::new(program.addresses[0], HOST, &folder.join("cert.pem"));

    let (alice, bob, dave) = (browser(), browser(), browser());
    bed.sign_in(&alice, "alice", "wonderland").await;
    assert!(alice.is_in().await);
    let page = bob.to_passcode("bob", "builder").await;
    let passcode = bed.code(&page).await;
    let page = bob.passcode_again(&page, &wrong(&passcode)).await;
    assert!(page.says("You have 2 tries left."), "{}", page.body);
    for password in ["first", "second"] {
        assert_eq!(browser().login("carol", password).await.status, 403);
    }
    // A pipe that is read by no process: the transmitter has the message when the node is killed.
    std::fs::remove_file(folder.join("outbox.jsonl")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("outbox.jsonl")).status().unwrap().success());
    let waiting = dave.to_passcode("dave", "dawn").await;
    let database = rusqlite::Connection::open(state.join("doorward.db")).unwrap();
    let handed = "SELECT 1 FROM record WHERE kind = 'message' AND owner = 'people:dave' AND version > 1";
    eventually("a transmitter has it", async || database.prepare(handed).unwrap().exists([]).unwrap()).await;
    program.signal("KILL");
    program.ended();
    let (bob, dave) = (Waiting::of(&bob, &page), Waiting::of(&dave, &waiting));
    let session = alice.cookie(KEY).unwrap();

    database.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA page_size = 1024; VACUUM").unwrap();
    let events = database.query_row("SELECT COUNT(*) FROM event", [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs();
    database.close().unwrap();
    std::fs::copy(state.join("doorward.db"), left_behind().join("doorward.db")).unwrap();
    let left = Left { killed: Clock::system().now().millis(), events, session, bob, dave, passcode };
    std::fs::write(left_behind().join("left.json"), serde_json::to_string_pretty(&left).unwrap() + "\n").unwrap();
}
