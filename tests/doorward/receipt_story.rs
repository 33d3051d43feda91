//! A text message that does not arrive, the call that takes its place, and what the page says meanwhile; told by providers' reports.

#![allow(clippy::disallowed_methods, reason = "what a user waits for is measured by the machine's clock")]

use std::path::Path;
use std::time::Instant;

use data_encoding::BASE64;
use doorward::base::keys::SealKey;
use doorward::base::{Keys, Secret};
use doorward::dispatch::Callbacks;
use doorward::store::EventLog;
use doorward::store::sqlite::Sqlite;
use tokio::runtime::Runtime;

use crate::support::curl::{self, Answer, Curl};
use crate::support::eventually::eventually_blocking;
use crate::support::program::{Program, certificate, run, users};
use crate::support::provider::{Provider, Seen};
use crate::support::toml::Toml;

const HOST: &str = "app.example.test";
const RECEIPTS: &str = "receipt.example.test";

fn sms(seen: &Seen) -> (u16, String) {
    let form = seen.form();
    // The worst that a provider can say.
    let echo = form.values().cloned().collect::<Vec<_>>().join(" ");
    let answer = serde_json::json!({ "messages": [{ "status": "0", "message-id": "0C7F02", "echo": echo }] });
    (200, answer.to_string())
}

fn call(_seen: &Seen) -> (u16, String) {
    (201, r#"{"sid":"CA0a1b","status":"queued"}"#.into())
}

struct Story {
    program: Program,
    curl: Curl,
    _runtime: Runtime,
    sms: Provider,
    phone: Provider,
    page: Answer,
    flow: String,
}

impl Story {
    fn begin(folder: &Path) -> Self {
        let ca = certificate(folder, "door", &[HOST, RECEIPTS]);
        users(folder);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (sms, phone) = runtime.block_on(async { (Provider::start(sms).await, Provider::start(call).await) });
        Toml::site()
            .transmitter(SMS.replace("PORT", &sms.port.to_string()))
            .transmitter(PHONE.replace("PORT", &phone.port.to_string()))
            .dispatch(FIRST_A_TEXT_THEN_A_CALL)
            .section(REPORTS)
            .section("[access_log]\nfile = \"access.log\"")
            .write(folder);
        let program = Program::serve(folder);
        let curl = Curl::new(folder, program.addresses[0], &ca, "--http2");
        let form = curl.ask(HOST, "/.doorward/login?back=/x", &[]);
        let fields = [("csrf", form.csrf()), ("username", "alice".into()), ("password", "wonderland".into())];
        let sent = curl.post(HOST, "/.doorward/login", &fields.each_ref().map(|(name, value)| (*name, value.as_str())));
        let location = sent.header("location").unwrap_or_else(|| panic!("{}", sent.text())).to_owned();
        let page = curl.ask(HOST, &location, &[]);
        let flow = location.split_once("flow=").unwrap().1.to_owned();
        Self { program, curl, _runtime: runtime, sms, phone, page, flow }
    }

    fn status(&self) -> serde_json::Value {
        let answer = self.curl.ask(HOST, &format!("/.doorward/login/status?flow={}", self.flow), &[]);
        serde_json::from_slice(&answer.body).unwrap()
    }

    fn until(&self, state: &str) -> String {
        eventually_blocking(format!("it is {state}"), || {
            let status = self.status();
            let text = || status["text"].as_str().unwrap().to_owned();
            if status["state"] == state { Ok(text()) } else { Err((status, self.program.log())) }
        })
    }

    fn report(&self, target: &str, more: &[&str], body: &str) -> Answer {
        self.curl.ask(RECEIPTS, target, &[more, &["--data", body]].concat())
    }
}

fn path(transmitter: &str) -> String {
    let key = SealKey { id: "k1".into(), secret: Secret::new(vec![0x11; 32]) };
    let url = Callbacks::new(RECEIPTS, None, Keys::new(vec![key]).unwrap()).url(transmitter);
    url.strip_prefix(&format!("https://{RECEIPTS}")).unwrap().to_owned()
}

fn signed(target: &str, form: &str) -> String {
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    pairs.sort();
    let text: String = pairs.into_iter().map(|(name, value)| name + &value).collect();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"twilio-t0ken");
    let tag = aws_lc_rs::hmac::sign(&key, format!("https://{RECEIPTS}{target}{text}").as_bytes());
    format!("X-Twilio-Signature: {}", BASE64.encode(tag.as_ref()))
}

/// What the journal says of events of this kind.
fn journal(folder: &Path, kind: &str) -> Vec<String> {
    let store = Sqlite::open(&folder.join("state/doorward.db")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let entries = runtime.block_on(store.search(Default::default())).unwrap();
    entries.into_iter().filter(|entry| entry.kind == kind).map(|entry| entry.detail).collect()
}

#[test]
fn a_message_that_did_not_arrive_becomes_a_call_and_the_page_says_so() {
    if !curl::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut story = Story::begin(folder.path());
    story.until("waiting");
    let form = story.sms.last().form();
    let target = form["callback"].strip_prefix(&format!("https://{RECEIPTS}")).unwrap().to_owned();
    assert_eq!(target, path("sms"));
    // Forged, about another message, or no news: nothing moves.
    for (target, body) in [
        (format!("{}x", target), "messageId=0C7F02&status=failed"),
        (path("phone"), "messageId=0C7F02&status=failed"),
        (target.clone(), "messageId=0C7F03&status=failed"),
        (target.clone(), "messageId=0C7F02&status=buffered"),
        (target.clone(), "messageId=0C7F02"),
    ] {
        story.report(&target, &[], body);
    }
    assert_eq!(story.status()["state"], "waiting");
    assert!(story.phone.seen.lock().unwrap().is_empty());

    assert_eq!(story.report(&target, &[], "messageId=0C7F02&status=failed&err-code=6").status, 204);
    let started = Instant::now();
    eventually_blocking("somebody is called", || {
        if story.phone.seen.lock().unwrap().is_empty() { Err(story.program.log()) } else { Ok(()) }
    });
    println!("{} ms from the report to the call", started.elapsed().as_millis());
    let told = story.until("waiting");
    assert!(told.contains("did not") || told.contains("not delivered") || told.contains("call"), "{told}");
    println!("the page says: {told}");

    let twiml = story.phone.last().form()["Twiml"].clone();
    let action = twiml.split_once("action=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    let say = action.strip_prefix(&format!("https://{RECEIPTS}")).unwrap();
    let pressed = "CallSid=CA0a1b&Digits=1";
    assert_eq!(story.report(say, &[], pressed).status, 404, "an unsigned call hears nothing");
    let heard = story.report(say, &["--header", &signed(say, pressed)], pressed);
    assert_eq!((heard.status, heard.header("content-type")), (200, Some("text/xml; charset=utf-8")));
    let spoken = heard.text();
    story.until("delivered");

    // What comes late or again changes nothing.
    let over = "CallSid=CA0a1b&CallStatus=completed";
    assert_eq!(story.report(&path("phone"), &["--header", &signed(&path("phone"), over)], over).status, 204);
    assert_eq!(story.report(&target, &[], "messageId=0C7F02&status=failed").status, 204);
    assert_eq!(story.status()["state"], "delivered");

    let code: String = spoken.split_once(": ").unwrap().1.chars().take(16).filter(char::is_ascii_digit).collect();
    assert!(form["text"].starts_with(&code) && code.len() == 6, "one code for both ways");
    let entered = story.curl.post(HOST, "/.doorward/login/passcode", &[("csrf", &story.page.csrf()), ("passcode", &code)]);
    assert_eq!((entered.status, entered.header("location")), (303, Some("/x")), "{}", entered.text());
    assert_eq!((story.sms.seen.lock().unwrap().len(), story.phone.seen.lock().unwrap().len()), (1, 1));

    // An operator who sets a provider up is told the address.
    let checked = run(&["check", "--config", folder.path().join("doorward.toml").to_str().unwrap(), "--live"], "");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert!(said.contains(&format!("the provider may report to https://{RECEIPTS}{target}")), "{said}");

    // A program that is told to end has looked at every report before: the forged ones and the late ones said nothing.
    story.program.terminate();
    assert!(story.program.ended().success(), "{}", story.program.log());
    let undelivered = journal(folder.path(), "message-undelivered");
    println!("{undelivered:?}");
    assert!(undelivered.len() == 1 && undelivered[0].contains('6'), "{undelivered:?}");
    assert_eq!(journal(folder.path(), "message-delivered").len(), 1);

    // Neither code, number nor a provider's secret is in the log, the access log or what is kept.
    let tokens = [target.rsplit('/').next().unwrap().to_owned(), path("phone").rsplit('/').next().unwrap().to_owned()];
    let mut places = vec![("log".to_owned(), story.program.log().into_bytes())];
    drop(story);
    for file in ["access.log", "state/doorward.db", "state/doorward.db-wal"] {
        places.push((file.to_owned(), std::fs::read(folder.path().join(file)).unwrap_or_default()));
    }
    assert!(places.iter().any(|(name, bytes)| name == "access.log" && !bytes.is_empty()));
    for (name, bytes) in &places {
        let text = String::from_utf8_lossy(bytes);
        for secret in ["vonage-s3cret", "vonage-k3y", "twilio-t0ken", &tokens[0], &tokens[1], &format!(" #{code}")] {
            assert!(!text.contains(secret), "{secret} is in {name}");
        }
    }
}

const SMS: &str = r#"
[[transmitter]]
name = "sms"
kind = "http"
preset = "vonage"
url = "http://127.0.0.1:PORT/sms/json"
api_key = "vonage-k3y"
api_secret = "vonage-s3cret"
sender = "Example"
"#;

const PHONE: &str = r#"
[[transmitter]]
name = "phone"
kind = "voice"
preset = "twilio"
url = "http://127.0.0.1:PORT/2010-04-01/Accounts/{{account}}/Calls.json"
user = "AC1"
password = "twilio-t0ken"
sender = "+15551230000"
"#;

const FIRST_A_TEXT_THEN_A_CALL: &str = r#"
  { channel = "sms", to = "mobile", through = ["sms"], wait = "60s" },
  { channel = "voice", to = "mobile", through = ["phone"], wait = "60s" },
"#;

const REPORTS: &str = r#"
[keys]
seal = [{ id = "k1", secret = "1111111111111111111111111111111111111111111111111111111111111111" }]

[receipts]
hosts = ["receipt.example.test"]
"#;
