//! Telephone calls: a stand-in for Twilio that takes nothing but what its reference describes and calls back as it would; and any other provider.

use std::time::Duration;

use data_encoding::BASE64;
use doorward::base::keys::SealKey;
use doorward::base::{Channel, Keys, Language, Secret, Texts, Time, UserId};
use doorward::dispatch::text::{Wording, compose};
use doorward::dispatch::{
    Answer, Back, Call, Callbacks, Delivery, FailureKind, HttpTransmitter, Message, Purpose, Report, Reports, Transmitter,
};
use tokio::sync::mpsc;

use crate::support::provider::{Answering, Provider, Seen, configured};

const NOW: Time = Time::from_millis(1_700_000_000_000);

fn message(language: Language) -> Message {
    let passcode = Secret::new("482913".to_owned());
    let expires = NOW.plus(Duration::from_secs(240));
    let wording = Wording {
        language,
        application: "mail",
        title: "Mail",
        label: "K7",
        passcode: &passcode,
        host: "mail.example.com",
        expires,
    };
    let composed = compose(&Texts::built_in(), Channel::Voice, &wording, NOW);
    Message {
        id: "m1x2y3".into(),
        channel: Channel::Voice,
        purpose: Purpose::Passcode,
        language,
        flash: false,
        resent: false,
        to: "+4512345678".into(),
        subject: composed.subject,
        text: composed.text,
        passcode,
        user: UserId::new("people", "anna"),
        expires,
    }
}

fn callbacks() -> Callbacks {
    let key = SealKey { id: "k1".into(), secret: Secret::new(vec![7; 32]) };
    Callbacks::new("receipt.example", Some(8443), Keys::new(vec![key]).unwrap())
}

async fn phone(answer: Answering, path: &str, section: &str) -> (Provider, HttpTransmitter, mpsc::Receiver<Report>) {
    let provider = Provider::start(answer).await;
    let http = configured(&format!("kind = \"voice\"\n{section}\nurl = \"http://127.0.0.1:{}{path}\"", provider.port));
    let (reports, reported) = Reports::new();
    let back = Back { callbacks: Some(callbacks()), reports: Some(reports) };
    (provider, HttpTransmitter::new("phone".into(), Channel::Voice, http, back).unwrap(), reported)
}

fn twilio(seen: &Seen) -> (u16, String) {
    let error = |status, code: u32| (status, format!(r#"{{"code":{code},"message":"no","status":{status}}}"#));
    let form = seen.form();
    let fields = ["From", "StatusCallback", "StatusCallbackEvent", "Timeout", "To", "Twiml"];
    let is_ours = seen.path == "/2010-04-01/Accounts/AC1/Calls.json" && form.keys().eq(fields.iter());
    if seen.header("authorization") != format!("Basic {}", BASE64.encode(b"AC1:t0ken")) {
        return error(401, 20003);
    }
    if seen.method != "POST" || !is_ours || form["Twiml"].len() > 4000 || !form["To"].starts_with('+') {
        return error(400, 20001);
    }
    match form["To"].as_str() {
        "+4512345671" => error(400, 21211),
        _ => (201, r#"{"sid":"CA0a1b","status":"queued"}"#.into()),
    }
}

const TWILIO: &str = "preset = \"twilio\"\nuser = \"AC1\"\npassword = \"t0ken\"\nsender = \"+15551230000\"";
const PATH: &str = "/2010-04-01/Accounts/{{account}}/Calls.json";

/// As the provider signs.
fn signature(url: &str, form: &str) -> String {
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    pairs.sort();
    let text: String = pairs.into_iter().map(|(name, value)| name + &value).collect();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"t0ken");
    BASE64.encode(aws_lc_rs::hmac::sign(&key, format!("{url}{text}").as_bytes()).as_ref())
}

/// Calls the transmitter at a URL that it gave out itself.
fn call_back(phone: &HttpTransmitter, url: &str, form: &str, at: Time) -> Option<Answer> {
    let base = callbacks().url("phone");
    let rest = url.strip_prefix(&base).unwrap();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let signature = signature(url, form);
    let call = Call {
        rest: rest.trim_start_matches('/'),
        query,
        content_type: Some("application/x-www-form-urlencoded; charset=UTF-8"),
        signature: Some(&signature),
        body: form.as_bytes(),
    };
    phone.called(&call, at)
}

fn action(twiml: &str) -> String {
    twiml.split_once("action=\"").unwrap().1.split_once('"').unwrap().0.replace("&amp;", "&")
}

#[tokio::test]
async fn the_code_is_read_out_after_a_key_press_in_the_users_language() {
    let german = Language::from_tag("de").unwrap();
    for (language, locale, spoken) in [(Language::ENGLISH, "en-GB", "Your code is"), (german, "de-DE", "Ihr Code lautet")] {
        let (provider, phone, mut reported) = phone(twilio, PATH, TWILIO).await;
        let receipt = phone.send(&message(language), NOW).await.unwrap();
        assert_eq!(receipt.references, ["CA0a1b"]);
        let form = provider.last().form();
        let twiml = &form["Twiml"];
        // Nothing of the code is in what a mailbox would hear, nor anywhere else in the clear.
        assert!(
            twiml.contains(&format!("<Say language=\"{locale}\"")) && twiml.contains("<Gather input=\"dtmf\" numDigits=\"1\"")
        );
        for piece in ["482913", "4, 8", "8, 2, 9"] {
            assert!(!provider.last().body.contains(piece) && !twiml.contains(piece), "{twiml}");
        }
        assert_eq!(form["StatusCallback"], callbacks().url("phone"));
        let Some(Answer::Instructions(script)) = call_back(&phone, &action(twiml), "CallSid=CA0a1b&Digits=5", NOW) else {
            panic!("no instructions")
        };
        let script = script.expose();
        assert_eq!(script.matches("4, 8, 2, 9, 1, 3").count(), 4, "{script}");
        assert!(script.contains(spoken) && script.contains(&format!("<Say language=\"{locale}\">")), "{script}");
        let heard = reported.try_recv().unwrap();
        assert_eq!((&*heard.transmitter, heard.reference.as_str(), heard.delivery), ("phone", "CA0a1b", Delivery::Delivered));
    }
}

#[tokio::test]
async fn a_call_that_nobody_answers_is_reported_as_failed() {
    let (_provider, phone, mut reported) = phone(twilio, PATH, TWILIO).await;
    phone.send(&message(Language::ENGLISH), NOW).await.unwrap();
    let url = callbacks().url("phone");
    for (status, news) in [("ringing", false), ("no-answer", true), ("busy", true), ("completed", true)] {
        let form = format!("CallSid=CA0a1b&CallStatus={status}");
        assert_eq!(call_back(&phone, &url, &form, NOW), Some(Answer::Noted));
        match reported.try_recv() {
            Ok(report) => assert!(news && report.delivery == Delivery::Failed(status.into()), "{report:?}"),
            Err(_) => assert!(!news, "{status}"),
        }
    }
}

#[tokio::test]
async fn instructions_are_given_to_the_provider_alone_and_not_for_ever() {
    let (provider, phone, mut reported) = phone(twilio, PATH, TWILIO).await;
    phone.send(&message(Language::ENGLISH), NOW).await.unwrap();
    let url = action(&provider.last().form()["Twiml"]);
    let form = "CallSid=CA0a1b&Digits=5";
    let (_, query) = url.split_once('?').unwrap();
    let unsigned = Call { rest: "say", query, content_type: None, signature: None, body: form.as_bytes() };
    assert_eq!(phone.called(&unsigned, NOW), None);
    let late = call_back(&phone, &url, form, NOW.plus(Duration::from_secs(240)));
    assert_eq!(late, Some(Answer::Instructions(Secret::new("<Response><Hangup/></Response>".into()))));
    let forged = url.replace("words=", "words=AA");
    assert_eq!(call_back(&phone, &forged, form, NOW), None);
    assert!(reported.try_recv().is_err(), "none of these moved anything");
}

#[tokio::test]
async fn a_number_that_cannot_be_called_is_refused() {
    let (_provider, phone, _) = phone(twilio, PATH, TWILIO).await;
    let failure = phone.send(&Message { to: "+4512345671".into(), ..message(Language::ENGLISH) }, NOW).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Final);
}

fn generic(seen: &Seen) -> (u16, String) {
    let shape = serde_json::json!({ "to": "+4512345678", "language": "de", "digits": "4, 8, 2, 9, 1, 3" });
    let fits = seen.path == "/call" && seen.header("authorization") == "Bearer k3y" && seen.json() == shape;
    if fits { (202, r#"{"id":"c-7"}"#.into()) } else { (400, "shape".into()) }
}

#[tokio::test]
async fn any_provider_of_calls_can_be_written_out() {
    let section = "auth = \"bearer\"\napi_key = \"k3y\"\n\
                   body = '{\"to\":\"{{to_e164}}\",\"language\":\"{{language}}\",\"digits\":\"{{spoken}}\"}'\n\
                   reference = { json = \"/id\" }\n\
                   report = { reference = \"id\", status = \"s\", delivered = [\"heard\"], failed = [\"lost\"] }";
    let (_provider, phone, mut reported) = phone(generic, "/call", section).await;
    let receipt = phone.send(&message(Language::from_tag("de").unwrap()), NOW).await.unwrap();
    assert_eq!(receipt.references, ["c-7"]);
    let call = Call { rest: "", query: "id=c-7&s=heard", content_type: None, signature: None, body: b"" };
    assert_eq!(phone.called(&call, NOW), Some(Answer::Noted));
    assert_eq!(reported.try_recv().unwrap().delivery, Delivery::Delivered);
}
