//! Where providers report deliveries: the host that is for nothing else, through the front door.

use std::path::Path;

use data_encoding::BASE64;
use doorward::app::Node;
use doorward::base::keys::SealKey;
use doorward::base::{Clock, Keys, Secret};
use doorward::dispatch::Callbacks;

use crate::support::curl::{self, Curl};
use crate::support::program::{certificate, users};
use crate::support::toml::{SCREEN, Toml};

const HOST: &str = "receipt.example.test";

struct Bed {
    node: Option<Node>,
    curl: Curl,
    folder: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = certificate(folder.path(), "door", &[HOST, "app.example.test"]);
        users(folder.path());
        let config = site().parse(folder.path());
        let node = doorward::app::start(&config, &Clock::system()).unwrap();
        let curl = Curl::new(folder.path(), node.addresses[0], &ca, "--http2");
        Self { node: Some(node), curl, folder }
    }

    fn post(&self, target: &str, more: &[&str], body: &str) -> (u16, String) {
        let options = [more, &["--data", body]].concat();
        let answer = self.curl.ask(HOST, target, &options);
        assert!(!answer.head.contains("set-cookie"), "{}", answer.head);
        (answer.status, answer.text())
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            node.stop();
        }
    }
}

/// The path that the provider was given.
fn path(transmitter: &str) -> String {
    let key = SealKey { id: "k1".into(), secret: Secret::new(vec![0x11; 32]) };
    let url = Callbacks::new(HOST, None, Keys::new(vec![key]).unwrap()).url(transmitter);
    url.strip_prefix(&format!("https://{HOST}")).unwrap().to_owned()
}

/// As the provider signs: the URL as it was given, then names and values in the order of the names.
fn signature(path: &str, form: &str) -> String {
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    pairs.sort();
    let text: String = pairs.into_iter().map(|(name, value)| name + &value).collect();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"twilio-token");
    let tag = aws_lc_rs::hmac::sign(&key, format!("https://{HOST}{path}{text}").as_bytes());
    format!("X-Twilio-Signature: {}", BASE64.encode(tag.as_ref()))
}

#[test]
fn only_the_path_that_a_provider_was_given_is_there() {
    if !curl::is_there() {
        return;
    }
    let bed = Bed::new();
    let good = path("vonage");
    let report = "messageId=0C1&status=delivered";
    assert_eq!(bed.post(&good, &[], report).0, 204);
    assert_eq!(bed.post(&good, &[], report).0, 204, "a report that comes again");
    assert_eq!(bed.post(&good, &[], "what=ever").0, 204, "what is not understood changes nothing");
    assert_eq!(bed.curl.ask(HOST, &format!("{good}?{report}"), &[]).status, 204);
    let json = r#"{"messageId":"0C1","status":"failed"}"#;
    assert_eq!(bed.post(&good, &["--header", "content-type: application/json"], json).0, 204);
    let unknown = bed.post("/no/such/path", &[], report);
    assert_eq!(unknown.0, 404);
    let token = good.rsplit('/').next().unwrap();
    let mut forged = token.to_owned().into_bytes();
    forged[0] ^= 1;
    let forged = String::from_utf8(forged).unwrap();
    for target in [
        format!("/.doorward/receipt/vonage/{forged}"),
        format!("/.doorward/receipt/twilio/{token}"),
        format!("/.doorward/receipt/nobody/{token}"),
        format!("/.doorward/receipt/screen/{}", path("screen").rsplit('/').next().unwrap()),
        "/.doorward/receipt/vonage/".to_owned(),
        "/.doorward/receipt/vonage".to_owned(),
        format!("{good}/say"),
        format!("/.doorward/Receipt/vonage/{token}"),
        "/.doorward/login".to_owned(),
        "/.doorward/login/status".to_owned(),
        "/.doorward/health".to_owned(),
        "/".to_owned(),
    ] {
        assert_eq!(bed.post(&target, &[], report), unknown, "{target}");
    }
    assert_eq!(bed.post(&good, &[], &"x".repeat(16 * 1024 + 1)).0, 413);
    assert_eq!(bed.curl.ask(HOST, &good, &["--request", "DELETE"]).status, 405);
    // On an application's host there are no receipts.
    assert_eq!(bed.curl.ask("app.example.test", &good, &[]).status, 404);
}

#[test]
fn a_signed_report_is_taken_and_an_unsigned_one_is_not_there() {
    if !curl::is_there() {
        return;
    }
    let bed = Bed::new();
    let (good, form) = (path("twilio"), "MessageSid=SM1&MessageStatus=delivered&To=%2B4512345678");
    let signed = signature(&good, form);
    assert_eq!(bed.post(&good, &["--header", &signed], form).0, 204);
    assert_eq!(bed.post(&good, &[], form).0, 404);
    assert_eq!(bed.post(&good, &["--header", &signed], &form.replace("delivered", "failed")).0, 404);
    assert_eq!(bed.post(&format!("{good}?x=1"), &["--header", &signed], form).0, 404);
    let elsewhere = signature(&path("vonage"), form);
    assert_eq!(bed.post(&good, &["--header", &elsewhere], form).0, 404);
}

#[test]
fn the_access_log_shows_no_token() {
    if !curl::is_there() {
        return;
    }
    let mut bed = Bed::new();
    let good = path("vonage");
    bed.post(&good, &[], "messageId=0C1&status=delivered");
    bed.post(&format!("{good}/say"), &[], "");
    bed.node.take().unwrap().stop();
    let log = std::fs::read_to_string(bed.folder.path().join("access.log")).unwrap();
    let token = good.rsplit('/').next().unwrap();
    assert!(log.contains("\"/.doorward/receipt/vonage\"") && !log.contains(token), "{log}");
}

#[test]
fn a_host_carries_an_application_or_receipts() {
    let text = site().to_string().replace("hosts = [\"receipt.example.test\"]", "hosts = [\"app.example.test\"]");
    let problems = doorward::config::parse(&text, Path::new("/nonexistent"), &|_| None).unwrap_err();
    assert!(problems[0].message.starts_with("the host `app.example.test` is there already"), "{problems:?}");
    let call = site().to_string().replace("kind = \"http\"\npreset = \"twilio\"", "kind = \"voice\"\npreset = \"twilio\"");
    let none = call.replace("[receipts]\nhosts = [\"receipt.example.test\"]\n", "");
    let problems = doorward::config::parse(&none, Path::new("/nonexistent"), &|_| None).unwrap_err();
    assert!(problems.iter().any(|problem| problem.message.contains("needs `hosts` in [receipts]")), "{problems:?}");
    assert!(doorward::config::parse(&call, Path::new("/nonexistent"), &|_| None).is_ok());
}

/// Two providers that report, neither of which is asked to send anything.
fn site() -> Toml {
    Toml::site().transmitter(VONAGE).transmitter(TWILIO).transmitter(SCREEN).section(RECEIPTS).section(ACCESS_LOG)
}

const VONAGE: &str = r#"
[[transmitter]]
name = "vonage"
kind = "http"
preset = "vonage"
api_key = "k"
api_secret = "s"
sender = "Example"
"#;

const TWILIO: &str = r#"
[[transmitter]]
name = "twilio"
kind = "http"
preset = "twilio"
user = "AC1"
password = "twilio-token"
sender = "+15551230000"
"#;

const RECEIPTS: &str = r#"
[keys]
seal = [{ id = "k1", secret = "1111111111111111111111111111111111111111111111111111111111111111" }]

[receipts]
hosts = ["receipt.example.test"]
"#;

const ACCESS_LOG: &str = "[access_log]\nfile = \"access.log\"";
