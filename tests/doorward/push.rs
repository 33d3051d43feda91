//! Push messages: stand-ins for ntfy and Gotify that take nothing but what their documentation describes, and whole sign-ins by them.

use std::time::Duration;

use doorward::base::{Channel, Language, Secret, Time, UserId};
use doorward::dispatch::{Back, Failure, FailureKind, HttpTransmitter, Message, Purpose, Receipt, Transmitter};

use crate::support::curl::{self, Curl};
use crate::support::eventually::eventually_blocking;
use crate::support::program::{Program, certificate, users};
use crate::support::provider::{Answering, Provider, Seen, configured};
use crate::support::toml::Toml;

const NOW: Time = Time::from_millis(1_700_000_000_000);
const TEXT: &str = "482913 is your \"code\" for mail";

fn message(topic: &str) -> Message {
    Message {
        id: "m1x2y3".into(),
        channel: Channel::Push,
        purpose: Purpose::Passcode,
        language: Language::ENGLISH,
        flash: false,
        resent: false,
        to: topic.into(),
        subject: "Ihr Code für „mail“".into(),
        text: Secret::new(TEXT.into()),
        passcode: Secret::new("482913".into()),
        user: UserId::new("people", "anna"),
        expires: NOW.plus(Duration::from_secs(240)),
    }
}

async fn bed(answer: Answering, section: &str) -> (Provider, HttpTransmitter) {
    let provider = Provider::start(answer).await;
    let server = format!("server = \"http://127.0.0.1:{}\"", provider.port);
    let http = configured(&format!("kind = \"push\"\n{section}\n{server}"));
    (provider, HttpTransmitter::new("gateway".into(), Channel::Push, http, Back::default()).unwrap())
}

async fn send(push: &HttpTransmitter, topic: &str) -> Result<Receipt, Failure> {
    let answer = push.send(&message(topic), NOW).await;
    let words = format!("{answer:?}");
    for secret in ["482913", "door-k3jx", "A.t0ken", "tk_s3cret"] {
        assert!(!words.contains(secret), "{words}");
    }
    answer
}

fn ntfy(seen: &Seen) -> (u16, String) {
    let body = seen.json();
    let topic = body["topic"].as_str().unwrap_or_default();
    let shape = serde_json::json!({ "topic": topic, "title": "Ihr Code für „mail“", "message": TEXT, "priority": 4 });
    if seen.method != "POST" || seen.path != "/" || !seen.query.is_empty() || body != shape {
        return (400, r#"{"code":40024,"http":400,"error":"shape"}"#.into());
    }
    match (seen.header("authorization"), topic) {
        ("" | "Bearer tk_s3cret", "busy") => (429, r#"{"code":42901,"http":429,"error":"limit reached"}"#.into()),
        ("Bearer tk_s3cret", topic) | ("", topic @ "door-open") => (
            200,
            format!(r#"{{"id":"hwQ2YpKdmg","time":1700000000,"event":"message","topic":"{topic}","message":"{}"}}"#, "482913"),
        ),
        _ => (403, r#"{"code":40301,"http":403,"error":"forbidden"}"#.into()),
    }
}

#[tokio::test]
async fn ntfy_is_served_as_its_documentation_says() {
    let (provider, push) = bed(ntfy, "preset = \"ntfy\"\napi_key = \"tk_s3cret\"").await;
    assert!(push.serves(Channel::Push) && !push.serves(Channel::Sms));
    send(&push, "door-k3jx").await.unwrap();
    assert_eq!(provider.last().header("authorization"), "Bearer tk_s3cret");
    assert_eq!(send(&push, "busy").await.unwrap_err().kind, FailureKind::RetryHere);
    let (_provider, open) = bed(ntfy, "preset = \"ntfy\"").await;
    send(&open, "door-open").await.unwrap();
    assert_eq!(send(&open, "door-k3jx").await.unwrap_err().kind, FailureKind::RetryElsewhere);
}

fn gotify(seen: &Seen) -> (u16, String) {
    let shape = serde_json::json!({ "title": "Ihr Code für „mail“", "message": TEXT, "priority": 8 });
    if seen.method != "POST" || seen.path != "/message" || !seen.query.is_empty() || seen.json() != shape {
        return (400, r#"{"error":"Bad Request","errorCode":400,"errorDescription":"shape"}"#.into());
    }
    match seen.header("x-gotify-key") {
        "A.t0ken" => {
            (200, r#"{"id":25,"appid":5,"message":"482913","title":"x","priority":8,"date":"2018-02-27T19:36:10Z"}"#.into())
        }
        _ => (
            401,
            r#"{"error":"Unauthorized","errorCode":401,"errorDescription":"you need to provide a valid access token"}"#.into(),
        ),
    }
}

#[tokio::test]
async fn gotify_is_served_as_its_documentation_says() {
    let (_provider, push) = bed(gotify, "preset = \"gotify\"").await;
    send(&push, "A.t0ken").await.unwrap();
    assert_eq!(send(&push, "A.other").await.unwrap_err().kind, FailureKind::Final, "the person's token is wrong, not ours");
}

#[tokio::test]
async fn what_is_no_topic_is_not_sent_to() {
    let (provider, push) = bed(gotify, "preset = \"gotify\"").await;
    for bad in ["", "a/b", "a\r\nX-Other: b", "..", "a b"] {
        assert_eq!(send(&push, bad).await.unwrap_err().kind, FailureKind::Final, "{bad:?}");
    }
    assert!(provider.seen.lock().unwrap().is_empty());
}

/// A whole sign-in by push; the topic and the service's token are in no log and not in what is kept.
#[test]
fn a_code_comes_by_push_and_the_topic_stays_secret() {
    if !curl::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ca = certificate(folder, "door", &["app.example.test"]);
    users(folder);
    let file = folder.join("users.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("mobile =", "push = \"door-k3jx\"\nmobile =")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let service = runtime.block_on(Provider::start(any_ntfy));
    let push = format!(
        "[[transmitter]]\nname = \"push\"\nkind = \"push\"\npreset = \"ntfy\"\nserver = \"http://127.0.0.1:{}\"\napi_key = \"tk_s3cret\"\n",
        service.port
    );
    let by_push = r#"{ channel = "push", to = "push", through = ["push"] }"#;
    Toml::site().transmitter(push).dispatch(by_push).write(folder);
    let program = Program::serve(folder);
    let curl = Curl::new(folder, program.addresses[0], &ca, "--http2");
    let form = curl.ask("app.example.test", "/.doorward/login?back=/x", &[]);
    let fields = [("csrf", form.csrf()), ("username", "alice".to_owned()), ("password", "wonderland".to_owned())];
    let sent = curl.post("app.example.test", "/.doorward/login", &fields.each_ref().map(|(name, value)| (*name, value.as_str())));
    let page = curl.ask("app.example.test", sent.header("location").unwrap_or_else(|| panic!("{}", sent.text())), &[]);
    assert!(!page.text().contains("door-k3jx"), "{}", page.text());
    eventually_blocking("it is pushed", || !service.seen.lock().unwrap().is_empty());
    let body = service.last().json();
    let message = body["message"].as_str().unwrap();
    let code = message.split(' ').next().unwrap();
    assert!(code.len() == 6 && !body["title"].as_str().unwrap().contains(code) && body["topic"] == "door-k3jx", "{body}");
    let entered = curl.post("app.example.test", "/.doorward/login/passcode", &[("csrf", &page.csrf()), ("passcode", code)]);
    assert_eq!((entered.status, entered.header("location")), (303, Some("/x")), "{}", entered.text());
    let log = program.log();
    drop(program);
    let kept = ["state/doorward.db", "state/doorward.db-wal"].map(|name| std::fs::read(folder.join(name)).unwrap_or_default());
    for bytes in kept.iter().map(Vec::as_slice).chain([log.as_bytes()]) {
        let text = String::from_utf8_lossy(bytes);
        for secret in ["door-k3jx", "tk_s3cret"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

fn any_ntfy(seen: &Seen) -> (u16, String) {
    (200, serde_json::json!({ "id": "x", "event": "message", "echo": seen.body }).to_string())
}
