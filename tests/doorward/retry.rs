//! A sign-in with a code while the only way to send it has a bad moment: the page says that we go on trying, and the code comes.

#![allow(clippy::disallowed_methods, reason = "what a user waits for is measured by the machine's clock")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use doorward::app::Node;
use doorward::base::Clock;
use doorward::store::EventLog;
use doorward::store::sqlite::Sqlite;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::support::curl::{self, Answer, Curl};
use crate::support::eventually::eventually_blocking;
use crate::support::program::{certificate, users};
use crate::support::relay::{HANGS_UP, Relay};
use crate::support::toml::Toml;

const HOST: &str = "mail.example.test";

/// A node whose only way to send is a relay at this port, and one person who has come to the passcode page.
struct Story {
    node: Option<Node>,
    runtime: Runtime,
    store: PathBuf,
    clock: Clock,
    curl: Curl,
    page: Answer,
    flow: String,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

impl Story {
    fn begin(folder: &Path, port: u16, clock: Clock) -> Self {
        let ca = certificate(folder, "door", &[HOST]);
        users(folder);
        let relay = format!(
            "[[transmitter]]\nname = \"relay\"\nkind = \"smtp\"\nserver = \"127.0.0.1:{port}\"\ntls = \"none\"\nfrom = \"no-reply@example.com\"\n"
        );
        let by_mail = r#"{ channel = "mail", to = "mail", through = ["relay"], wait = "30s" }"#;
        let config = Toml::site().named("intranet", HOST).transmitter(relay).dispatch(by_mail).parse(folder);
        let node = doorward::app::start(&config, &clock).unwrap();
        let curl = Curl::new(folder, node.addresses[0], &ca, "--http2");
        let form = curl.ask(HOST, "/.doorward/login?back=/x", &[]);
        let fields = [("csrf", form.csrf()), ("username", "alice".into()), ("password", "wonderland".into())];
        let sent = curl.post(HOST, "/.doorward/login", &fields.each_ref().map(|(name, value)| (*name, value.as_str())));
        let location = sent.header("location").unwrap_or_else(|| panic!("{}", sent.text())).to_owned();
        let page = curl.ask(HOST, &location, &[]);
        let flow = location.split_once("flow=").unwrap().1.to_owned();
        let store = folder.join("state/doorward.db");
        Self { node: Some(node), runtime: runtime(), store, clock, curl, page, flow }
    }

    fn status(&self) -> serde_json::Value {
        let answer = self.curl.ask(HOST, &format!("/.doorward/login/status?flow={}", self.flow), &[]);
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Waits until the page says this, and returns the whole of it.
    fn until(&self, words: &str) -> String {
        eventually_blocking(format!("the page says {words:?}"), || {
            let status = self.status();
            let text = status["text"].as_str().unwrap().replace('\u{a0}', " ");
            if text.contains(words) { Ok(text) } else { Err(status) }
        })
    }

    fn tries(&self) -> usize {
        let store = Sqlite::open(&self.store).unwrap();
        let entries = self.runtime.block_on(store.search(Default::default())).unwrap();
        entries.iter().filter(|entry| entry.kind == "message-tried").count()
    }

    /// Waits until the journal has so many tries.
    fn tried(&self, times: usize) {
        eventually_blocking(format!("{times} tries"), || {
            let tries = self.tries();
            if tries >= times { Ok(()) } else { Err(tries) }
        });
    }

    fn enter(&self, code: &str) {
        let entered = self.curl.post(HOST, "/.doorward/login/passcode", &[("csrf", &self.page.csrf()), ("passcode", code)]);
        assert_eq!((entered.status, entered.header("location")), (303, Some("/x")), "{}", entered.text());
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            node.stop();
        }
    }
}

fn code(mail: &str) -> String {
    let (_, code) = mail.split_once(&format!("@{HOST} #")).unwrap_or_else(|| panic!("{mail}"));
    code.chars().take_while(char::is_ascii_digit).collect()
}

const NOT_YET: &str = "The e-mail to a•••@example.test did not get through yet. We keep trying, so leave this page open.";

#[test]
fn a_code_that_a_relay_puts_off_comes_with_the_next_try() {
    if !curl::is_there() {
        return;
    }
    let (folder, runtime, clock) = (tempfile::tempdir().unwrap(), runtime(), Clock::by_hand());
    let relay = runtime.block_on(Relay::start(|line, conversation| match (line.split(' ').next(), conversation) {
        (Some("RCPT"), 0) => Some("450 4.2.0 Greylisted".to_owned()),
        (Some(""), 1) => Some("421 4.3.2 too busy".to_owned()),
        _ => None,
    }));
    let story = Story::begin(folder.path(), relay.port, clock);
    assert_eq!(story.until("yet"), NOT_YET);
    assert_eq!(story.status()["state"], "sending", "the page goes on asking");
    let begun = story.clock.now();
    story.clock.advance(Duration::from_secs(5));
    story.tried(2);
    story.clock.advance(Duration::from_secs(10));
    story.until("We sent an e-mail");
    println!(
        "two passing failures: the code was out {:.1} s after the first by the hand-set clock",
        story.clock.now().since(begun).as_secs_f64()
    );
    assert_eq!(relay.mails().len(), 1);
    story.enter(&code(&relay.mails()[0]));
}

#[test]
fn where_the_line_breaks_after_the_final_dot_one_further_copy_goes_and_the_page_says_so() {
    if !curl::is_there() {
        return;
    }
    let (folder, runtime, clock) = (tempfile::tempdir().unwrap(), runtime(), Clock::by_hand());
    let relay =
        runtime.block_on(Relay::start(|line, conversation| (line == "." && conversation == 0).then(|| HANGS_UP.to_owned())));
    let story = Story::begin(folder.path(), relay.port, clock);
    let unsure = "We may have sent an e-mail to a•••@example.test, but we are not sure.";
    assert_eq!(
        story.until("once more"),
        format!("{unsure} We try once more to be safe. It may arrive twice, with the same code.")
    );
    story.clock.advance(Duration::from_secs(5));
    let sent = story.until("We sent an e-mail");
    assert!(sent.starts_with(unsure) && sent.ends_with("It may arrive twice, with the same code."), "{sent}");
    let codes: Vec<String> = relay.mails().iter().map(|mail| code(mail)).collect();
    assert!(codes.len() == 2 && codes[0] == codes[1], "{codes:?}");
    story.enter(&codes[0]);
}

#[test]
fn a_relay_that_comes_back_gets_the_code_within_seconds_by_the_machines_clock() {
    if !curl::is_there() {
        return;
    }
    let (folder, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let down = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = down.local_addr().unwrap();
    drop(down);
    let story = Story::begin(folder.path(), address.port(), Clock::system());
    story.until("yet");
    let failed = Instant::now();
    let relay = runtime.block_on(async { Relay::on(TcpListener::bind(address).await.unwrap(), |_, _| None) });
    story.until("We sent an e-mail");
    println!("connection refused: the code was out {} ms after the failure was shown", failed.elapsed().as_millis());
    assert!(failed.elapsed() < Duration::from_secs(15));
    story.enter(&code(&relay.mails()[0]));
}

#[test]
fn an_address_that_is_refused_for_good_ends_it_at_once() {
    if !curl::is_there() {
        return;
    }
    let (folder, runtime, clock) = (tempfile::tempdir().unwrap(), runtime(), Clock::by_hand());
    let relay = runtime.block_on(Relay::start(|line, _| line.starts_with("RCPT").then(|| "550 5.1.1 User unknown".to_owned())));
    let story = Story::begin(folder.path(), relay.port, clock);
    story.until("None of our messages got through.");
    assert_eq!(relay.conversations(), 1);
}
