//! A whole node as an operator would start it: its own state folder, users in a file, passcodes into an outbox that the test reads,
//! a clock that the test moves, and behind it an upstream that tells what it received.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use doorward::app::control::{self, Reply, Request};
use doorward::app::{Node, start};
use doorward::base::random::SystemSource;
use doorward::base::{Clock, Secret, Time};
use doorward::directory::password::{Cost, hash_at};
use doorward::store::Entry;
use serde_json::Value;

use super::client::{Answer, Client};
use super::eventually::{eventually, eventually_blocking};
use super::logs::Logs;
use super::outbox::{self, Message};
use super::toml::Toml;
use super::upstream::Upstream;

pub struct Bed {
    pub address: SocketAddr,
    /// Where it only redirects.
    pub plain: SocketAddr,
    pub upstream: Upstream,
    pub clock: Clock,
    pub state: PathBuf,
    pub control: PathBuf,
    toml: Toml,
    folder: tempfile::TempDir,
    node: Option<Node>,
    pub logs: Logs,
    /// Parts of errors that the test expects in the log.
    expected: Mutex<Vec<String>>,
    /// Which login a line of the outbox belongs to: two logins may have the same label by chance.
    owners: Mutex<HashMap<usize, String>>,
}

impl Toml {
    /// Of a [`Bed`]: two applications, a listener that only redirects, alice and bob, text messages and mail to the outbox.
    pub fn bed() -> Self {
        let people = "default = true\ndomain = \"corp.example\"\nnetbios = \"CORP\"";
        let site = Self::site().named("app", HOST).and("other", OTHER).listens("127.0.0.1:0", &[("cert.pem", "key.pem")]);
        let site = site.redirects().people(people).users(alice_and_bob()).dispatch(BY_SMS_OR_MAIL).passcode("");
        site.session(r#"{ idle = "30m", absolute = "12h" }"#).application("public = [\"/public\"]")
    }

    /// A second directory `guests` of these.
    pub fn guests(self, users: impl Into<String>) -> Self {
        self.directory(GUESTS).file("guests.toml", users)
    }
}

pub fn alice_and_bob() -> String {
    [user("alice", "wonderland", ALICE), user("bob", "builder", "mobile = \"+45 87 65 43 21\"")].concat()
}

const BY_SMS_OR_MAIL: &str = r#"
  { channel = "sms", to = "mobile", through = ["screen"] },
  { channel = "mail", to = "mail", through = ["screen"] },
"#;

const GUESTS: &str = r#"
[[directory]]
name = "guests"
kind = "local"
domain = "guests.example"
netbios = "GUESTS"
file = "guests.toml"
"#;

const ALICE: &str = r#"mobile = "+45 12 34 56 78"
mail = "alice@mail.example"
groups = ["staff"]
"#;

/// The host of the application; there is a second application at [`OTHER`].
pub const HOST: &str = "app.example";
pub const OTHER: &str = "other.example";

/// An entry of a users file, at a cost that a test can bear.
pub fn user(name: &str, password: &str, more: &str) -> String {
    let cost = Cost::new(8, 1, 1).unwrap();
    let hash = hash_at(&Secret::new(password.to_owned()), &cost, &SystemSource);
    format!("[[user]]\nname = \"{name}\"\npassword = \"{hash}\"\n{more}\n\n")
}

impl Bed {
    pub async fn start() -> Self {
        Self::with(Toml::bed()).await
    }

    pub async fn with(toml: Toml) -> Self {
        let folder = tempfile::tempdir().unwrap();
        toml.write_files(folder.path());
        certificate(folder.path());
        let (upstream, clock) = (Upstream::start().await, Clock::by_hand());
        let (toml, state) = (toml.server(upstream.address), folder.path().join("state"));
        let logs = Logs::new();
        let node = started(&toml, folder.path(), clock.clone(), &logs).await.unwrap();
        Self {
            address: node.addresses[0],
            plain: node.addresses[1],
            upstream,
            clock,
            state,
            control: node.control.clone(),
            toml,
            folder,
            node: Some(node),
            logs,
            expected: Mutex::default(),
            owners: Mutex::default(),
        }
    }

    /// Stops the node and starts it again on the same folder, or on another one that was made of it.
    pub async fn restart(&mut self, state: &Path) -> Result<(), String> {
        let node = self.node.take().unwrap();
        tokio::task::spawn_blocking(move || node.stop()).await.unwrap();
        self.state = state.to_owned();
        let toml = self.toml.clone().state(state);
        let node = started(&toml, self.folder.path(), self.clock.clone(), &self.logs).await?;
        self.address = node.addresses[0];
        self.plain = node.addresses[1];
        self.control = node.control.clone();
        self.node = Some(node);
        Ok(())
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A browser that has never been here.
    pub fn browser(&self) -> Client {
        Client::new(self.address, HOST, &self.folder.path().join("cert.pem"))
    }

    pub fn browser_at(&self, host: &str) -> Client {
        Client::new(self.address, host, &self.folder.path().join("cert.pem"))
    }

    /// A browser in which this user has just signed in.
    pub async fn signed_in(&self, name: &str, password: &str) -> Client {
        let browser = self.browser();
        self.sign_in(&browser, name, password).await;
        browser
    }

    /// The whole sign-in in a browser; where it led.
    pub async fn sign_in(&self, browser: &Client, name: &str, password: &str) -> Answer {
        let page = browser.to_passcode(name, password).await;
        let code = self.code(&page).await;
        let entered = browser.passcode(&page, &code).await;
        assert_eq!(entered.status, 303, "{}", entered.body);
        entered
    }

    /// Everything that was sent so far.
    pub fn messages(&self) -> Vec<Message> {
        outbox::sent(self.folder.path())
    }

    /// The messages of the login that this passcode page belongs to, once there are so many.
    pub async fn messages_for(&self, page: &Answer, number: usize) -> Vec<Message> {
        let label = format!(" {}", page.label());
        eventually(format!("message {number} for login{label}"), async || {
            let messages = self.owned(&page.flow(), &label);
            if messages.len() >= number { Ok(messages) } else { Err(self.messages()) }
        })
        .await
    }

    /// The messages with this label that are this flow's; those that are nobody's yet become its own.
    fn owned(&self, flow: &str, label: &str) -> Vec<Message> {
        let mut owners = self.owners.lock().unwrap();
        let labelled = self.messages().into_iter().enumerate().filter(|(_, message)| message.text.contains(label));
        labelled
            .filter(|(line, _)| owners.entry(*line).or_insert_with(|| flow.to_owned()) == flow)
            .map(|(_, message)| message)
            .collect()
    }

    /// The first code of a login.
    pub async fn code(&self, page: &Answer) -> String {
        self.messages_for(page, 1).await.remove(0).passcode
    }

    /// What the journal says of a trace id, through the control socket.
    pub async fn trace(&self, trace: &str) -> Vec<Entry> {
        let (control, id) = (self.control.clone(), trace.parse().unwrap());
        let reply = tokio::task::spawn_blocking(move || control::ask(&control, &Request::Trace { id })).await.unwrap();
        match reply.unwrap() {
            Reply::Events { events } => events,
            other => panic!("{other:?}"),
        }
    }

    /// The whole journal so far, read from the file beside the node.
    pub fn journal(&self) -> Vec<Entry> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let file = rusqlite::Connection::open_with_flags(self.state.join("doorward.db"), flags).unwrap();
        let mut read =
            file.prepare("SELECT at, trace, kind, outcome, user, application, detail FROM event ORDER BY seq").unwrap();
        let events = read.query_map((), |row| {
            Ok(Entry {
                at: Time::from_millis(row.get::<_, i64>(0)?.try_into().unwrap()),
                trace: row.get::<_, Option<String>>(1)?.and_then(|trace| trace.parse().ok()),
                kind: row.get(2)?,
                outcome: row.get(3)?,
                user: row.get(4)?,
                name: String::new(),
                application: row.get(5)?,
                country: String::new(),
                detail: row.get(6)?,
            })
        });
        events.unwrap().map(Result::unwrap).collect()
    }

    /// How many messages are neither sent nor given up.
    pub fn under_way(&self) -> usize {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let Ok(file) = rusqlite::Connection::open_with_flags(self.state.join("doorward.db"), flags) else { return 0 };
        let waiting = "SELECT count(*) FROM record WHERE kind = 'message' AND due IS NOT NULL";
        let count = file.query_row(waiting, (), |row| row.get::<_, i64>(0));
        count.map_or(0, |count| count.try_into().unwrap())
    }

    /// An error that says this is no fault of the node.
    pub fn expects_errors(&self, part: &str) {
        self.expected.lock().unwrap().push(part.to_owned());
    }

    /// The reason in the journal why this page refused.
    pub async fn reason(&self, page: &Answer) -> String {
        let refused = self.trace(&page.trace()).await.into_iter().rev().find(|event| event.outcome == "no");
        detail(&refused.expect("nothing was refused"))["reason"].as_str().unwrap_or_default().to_owned()
    }
}

/// Everything else that an event says.
pub fn detail(event: &Entry) -> Value {
    serde_json::from_str(&event.detail).unwrap()
}

async fn started(toml: &Toml, folder: &Path, clock: Clock, logs: &Logs) -> Result<Node, String> {
    let (config, mark) = (toml.parse(folder), logs.mark());
    let run = move || mark.set(|| start(&config, &clock)).map_err(|error| format!("{error:#}"));
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn certificate(folder: &Path) {
    let names = [HOST, OTHER, "*.apps.example", "xn--bro-hoa.example"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names.to_vec()).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

/// A test that has passed fails on what its node leaves behind.
impl Drop for Bed {
    fn drop(&mut self) {
        let _node = Stops(self.node.take());
        if std::thread::panicking() {
            return;
        }
        let mut looks = 0;
        eventually_blocking("no message is under way", || {
            let under_way = self.under_way();
            if under_way == 0 {
                return Ok(());
            }
            // A clock that was moved may have taken a message from its sender; the next one has it once the lease is over.
            looks += 1;
            if (AT_FIRST..AT_FIRST + A_LEASE).contains(&looks) {
                self.clock.advance(Duration::from_secs(1));
            }
            Err(under_way)
        });
        let expected = self.expected.lock().unwrap();
        let errors = self.logs.errors().into_iter().filter(|error| !expected.iter().any(|part| error.contains(part)));
        let errors: Vec<String> = errors.collect();
        assert!(errors.is_empty(), "the test does not expect these errors in the log: {errors:#?}");
    }
}

/// Looks until the clock is moved.
const AT_FIRST: u32 = 20;
/// Seconds, one for each look from then on.
const A_LEASE: u32 = 12;

/// Stops the node when it is dropped.
struct Stops(Option<Node>);

impl Drop for Stops {
    fn drop(&mut self) {
        let node = self.0.take();
        // Not here, because a node must not be stopped from within a runtime; and nothing waits: the folder is gone with the bed.
        drop(std::thread::spawn(move || node.map(Node::stop)));
    }
}
