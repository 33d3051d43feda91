//! The presets against stand-ins that take nothing but what the provider's reference describes. None was tried against the provider itself.

use std::collections::BTreeMap;
use std::time::Duration;

use doorward::base::keys::SealKey;
use doorward::base::{Channel, Keys, Language, Secret, Time, UserId};
use doorward::dispatch::{Back, Callbacks, Failure, FailureKind, HttpTransmitter, Message, Purpose, Receipt, Transmitter};

use crate::support::provider::{Answering, Provider, Seen, configured};

const NOW: Time = Time::from_millis(1_700_000_000_000);
const TEXT: &str = "482913 is your code for mail, login K7.\n@mail.example.com #482913";

fn message(to: &str) -> Message {
    Message {
        id: "m1x2y3".into(),
        channel: Channel::Sms,
        purpose: Purpose::Passcode,
        language: Language::ENGLISH,
        flash: false,
        resent: false,
        to: to.into(),
        subject: String::new(),
        text: Secret::new(TEXT.into()),
        passcode: Secret::new("482913".into()),
        user: UserId::new("people", "anna"),
        expires: NOW.plus(Duration::from_secs(240)),
    }
}

fn callbacks() -> Callbacks {
    let key = SealKey { id: "k1".into(), secret: Secret::new(vec![7; 32]) };
    Callbacks::new("receipt.example", None, Keys::new(vec![key]).unwrap())
}

struct Bed {
    provider: Provider,
    transmitter: HttpTransmitter,
}

impl Bed {
    /// `path` is the provider's, on the stand-in.
    async fn new(answer: Answering, path: &str, section: &str) -> Self {
        Self::with(answer, path, section, Some(callbacks())).await
    }

    async fn with(answer: Answering, path: &str, section: &str, callbacks: Option<Callbacks>) -> Self {
        let provider = Provider::start(answer).await;
        let url = format!("url = \"http://127.0.0.1:{}{path}\"", provider.port);
        let http = configured(&format!("kind = \"http\"\n{section}\n{url}"));
        let transmitter = HttpTransmitter::new("gateway".into(), Channel::Sms, http, Back { callbacks, reports: None }).unwrap();
        Self { provider, transmitter }
    }

    async fn send(&self, message: Message) -> Result<Receipt, Failure> {
        let answer = self.transmitter.send(&message, NOW).await;
        let words = match &answer {
            Ok(receipt) => receipt.words.clone(),
            Err(failure) => failure.why.clone(),
        };
        for secret in ["482913", "12345678", "s3cret", "k3y"] {
            assert!(!words.contains(secret), "{words}");
        }
        answer
    }

    /// The name under which it was taken.
    async fn taken(&self, message: Message) -> Option<String> {
        self.send(message)
            .await
            .unwrap_or_else(|failure| panic!("{failure:?}: {:?}", self.provider.last()))
            .references
            .into_iter()
            .next()
    }

    async fn refused(&self, to: &str) -> FailureKind {
        let failure = self.send(message(to)).await.unwrap_err();
        assert!(!failure.why.contains("shape"), "{failure:?}: {:?}", self.provider.last());
        failure.kind
    }
}

/// What must be there, as it must be, and nothing else.
fn strict(form: &BTreeMap<String, String>, wanted: &[(&str, &str)], may: &[(&str, &str)]) -> bool {
    let as_wished = |(name, value): &(&String, &String)| {
        let known = |list: &[(&str, &str)]| list.iter().any(|(known, right)| known == name && (*right == "*" || right == value));
        known(wanted) || known(may)
    };
    form.iter().all(|pair| as_wished(&pair)) && wanted.iter().all(|(name, _)| form.contains_key(*name))
}

fn decoded(hex: &str) -> String {
    let units = (0..hex.len() / 4).map(|at| u16::from_str_radix(&hex[4 * at..4 * at + 4], 16).unwrap());
    String::from_utf16(&units.collect::<Vec<_>>()).unwrap()
}

/// Failures by the last digit of the number.
fn last_digit(to: &str) -> char {
    to.chars().last().unwrap_or('?')
}

fn is_url(url: &str) -> bool {
    url.starts_with("https://receipt.example/.doorward/receipt/gateway/")
}

fn clickatell_classic(seen: &Seen) -> (u16, String) {
    let form = seen.form();
    let must = [
        ("user", "u"),
        ("password", "s3cret"),
        ("api_id", "33"),
        ("to", "*"),
        ("text", "*"),
        ("concat", "3"),
        ("cliMsgId", "m1x2y3"),
    ];
    let may = [("unicode", "1"), ("from", "Example"), ("msg_type", "SMS_FLASH"), ("callback", "3"), ("deliv_ack", "1")];
    let is_hex = |text: &str| text.len().is_multiple_of(4) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let text_fits = if form.contains_key("unicode") { is_hex(&form["text"]) } else { form["text"].is_ascii() };
    if seen.method != "POST"
        || seen.path != "/http/sendmsg"
        || !seen.query.is_empty()
        || !strict(&form, &must, &may)
        || !text_fits
    {
        return (200, "ERR: 113, shape".into());
    }
    let answer = match last_digit(&form["to"]) {
        '1' => "ERR: 105, Invalid Destination Address".into(),
        '2' => "ERR: 301, No credit left".into(),
        '3' => "ERR: 001, Authentication failed".into(),
        '4' => "ERR: 130, Maximum MT limit exceeded".into(),
        _ => format!("ID: 205e85d0578314037a96175249fc6a2b to {} {}", form["to"], form["text"]),
    };
    (200, answer)
}

#[tokio::test]
async fn clickatell_classic_is_served_as_its_reference_says() {
    let keys = "preset = \"clickatell-classic\"\nuser = \"u\"\npassword = \"s3cret\"\naccount = \"33\"\nreports = true\nsender = \"Example\"";
    let bed = Bed::new(clickatell_classic, "/http/sendmsg", keys).await;
    assert_eq!(bed.taken(message("+4512345678")).await.as_deref(), Some("205e85d0578314037a96175249fc6a2b"));
    let form = bed.provider.last().form();
    assert_eq!((form["to"].as_str(), form["text"].as_str()), ("4512345678", TEXT));
    assert!(!form.contains_key("unicode") && !form.contains_key("msg_type"));
    let unicode = Secret::new("Kode æ€ 482913".to_owned());
    bed.taken(Message { text: unicode, flash: true, ..message("+4512345678") }).await;
    let form = bed.provider.last().form();
    assert_eq!((decoded(&form["text"]).as_str(), form["msg_type"].as_str()), ("Kode æ€ 482913", "SMS_FLASH"));
    assert_eq!(bed.refused("+4512345671").await, FailureKind::Final);
    assert_eq!(bed.refused("+4512345672").await, FailureKind::RetryElsewhere);
    assert_eq!(bed.refused("+4512345673").await, FailureKind::RetryElsewhere);
    assert_eq!(bed.refused("+4512345674").await, FailureKind::RetryHere);
}

fn clickatell(seen: &Seen) -> (u16, String) {
    let body = seen.json();
    let (to, content) = (body["messages"][0]["to"].clone(), body["messages"][0]["content"].clone());
    let shape = serde_json::json!({ "messages": [{ "channel": "sms", "to": to, "content": content }] });
    let number = to.as_str().unwrap_or_default();
    let fits = body == shape && number.bytes().all(|byte| byte.is_ascii_digit()) && content.is_string();
    if seen.method != "POST" || seen.path != "/v1/message" || !fits {
        return (400, r#"{"messages":[],"error":{"code":1,"description":"shape"}}"#.into());
    }
    if seen.header("authorization") != "k3y" {
        return (401, r#"{"messages":[],"error":{"code":108,"description":"Invalid or missing integration API Key."}}"#.into());
    }
    match last_digit(number) {
        '1' => (400, r#"{"messages":[],"error":{"description":"Invalid destination address."}}"#.into()),
        '2' => (402, r#"{"messages":[],"error":{"description":"Insufficient account balance."}}"#.into()),
        '4' => (429, String::new()),
        '5' => (202, format!(r#"{{"messages":[{{"apiMessageId":null,"accepted":false,"to":"{number}"}}]}}"#)),
        _ => (
            202,
            format!(r#"{{"messages":[{{"apiMessageId":"7a0c","accepted":true,"to":"{number}","error":null}}],"error":null}}"#),
        ),
    }
}

#[tokio::test]
async fn clickatells_platform_is_served_as_its_reference_says() {
    let bed = Bed::new(clickatell, "/v1/message", "preset = \"clickatell\"\nreports = true\napi_key = \"k3y\"").await;
    assert_eq!(bed.taken(message("+4512345678")).await.as_deref(), Some("7a0c"));
    let unicode = "Kode \"æ€\" 482913\n\\";
    bed.taken(Message { text: Secret::new(unicode.to_owned()), ..message("+4512345678") }).await;
    assert_eq!(bed.provider.last().json()["messages"][0]["content"], unicode);
    assert_eq!(bed.refused("+4512345671").await, FailureKind::Final);
    assert_eq!(bed.refused("+4512345672").await, FailureKind::RetryElsewhere);
    assert_eq!(bed.refused("+4512345674").await, FailureKind::RetryHere);
    assert_eq!(bed.refused("+4512345675").await, FailureKind::RetryElsewhere, "202 and not accepted");
    let wrong = Bed::new(clickatell, "/v1/message", "preset = \"clickatell\"\napi_key = \"wrong\"").await;
    assert_eq!(wrong.refused("+4512345678").await, FailureKind::RetryElsewhere);
}

fn twilio(seen: &Seen) -> (u16, String) {
    let error = |status, code: u32, message: &str| {
        (status, format!(r#"{{"code":{code},"message":"{message}","more_info":"","status":{status}}}"#))
    };
    let basic = data_encoding::BASE64.encode(b"AC123:s3cret");
    if seen.header("authorization") != format!("Basic {basic}") {
        return error(401, 20003, "Authenticate");
    }
    let form = seen.form();
    let must = [("To", "*"), ("Body", "*"), ("ValidityPeriod", "*")];
    let may = [("From", "+15551230000"), ("MessagingServiceSid", "MG9"), ("StatusCallback", "*")];
    let one_sender = form.contains_key("From") != form.contains_key("MessagingServiceSid");
    let validity = form["ValidityPeriod"].parse::<u32>().is_ok_and(|seconds| (1..=36_000).contains(&seconds));
    let callback = form.get("StatusCallback").is_none_or(|url| is_url(url));
    let fits = seen.method == "POST" && seen.path == "/2010-04-01/Accounts/AC123/Messages.json" && seen.query.is_empty();
    if !(fits && strict(&form, &must, &may) && one_sender && validity && callback && form["To"].starts_with('+')) {
        return error(400, 20001, "shape");
    }
    match last_digit(&form["To"]) {
        '1' => error(400, 21211, "The 'To' number +4512345671 is not a valid phone number."),
        '2' => error(403, 20005, "Account not active"),
        '4' => error(429, 20429, "Too Many Requests"),
        _ => (
            201,
            format!(
                r#"{{"sid":"SM0a1b","status":"queued","to":"{}","body":"{}"}}"#,
                form["To"],
                form["Body"].replace('\n', "\\n")
            ),
        ),
    }
}

const TWILIO: &str = "preset = \"twilio\"\nuser = \"AC123\"\npassword = \"s3cret\"";
const TWILIO_PATH: &str = "/2010-04-01/Accounts/{{account}}/Messages.json";

#[tokio::test]
async fn twilio_is_served_as_its_reference_says() {
    let bed = Bed::new(twilio, TWILIO_PATH, &format!("{TWILIO}\nsender = \"+15551230000\"")).await;
    assert_eq!(bed.taken(message("+4512345678")).await.as_deref(), Some("SM0a1b"));
    let form = bed.provider.last().form();
    assert_eq!((form["Body"].as_str(), form["ValidityPeriod"].as_str()), (TEXT, "240"));
    assert!(is_url(&form["StatusCallback"]));
    bed.taken(Message { text: Secret::new("Kode æ€ 482913".into()), flash: true, ..message("+4512345678") }).await;
    assert_eq!(bed.provider.last().form()["Body"], "Kode æ€ 482913");
    assert_eq!(bed.refused("+4512345671").await, FailureKind::Final);
    assert_eq!(bed.refused("+4512345672").await, FailureKind::RetryElsewhere);
    assert_eq!(bed.refused("+4512345674").await, FailureKind::RetryHere);
    let service = Bed::with(twilio, TWILIO_PATH, &format!("{TWILIO}\nservice = \"MG9\""), None).await;
    assert_eq!(service.taken(message("+4512345678")).await, None, "nobody will report");
    assert!(!service.provider.last().form().contains_key("StatusCallback"));
    let wrong = TWILIO.replace("s3cret", "wrong");
    let wrong = Bed::new(twilio, TWILIO_PATH, &format!("{wrong}\nservice = \"MG9\"")).await;
    assert_eq!(wrong.refused("+4512345678").await, FailureKind::RetryElsewhere);
}

fn vonage(seen: &Seen) -> (u16, String) {
    let answer = |status: &str, words: &str| {
        (200, format!(r#"{{"message-count":"1","messages":[{{"status":"{status}","error-text":"{words}"}}]}}"#))
    };
    let form = seen.form();
    let must = [
        ("api_key", "*"),
        ("api_secret", "*"),
        ("from", "Example"),
        ("to", "*"),
        ("text", "*"),
        ("ttl", "*"),
        ("client-ref", "m1x2y3"),
    ];
    let may = [("type", "unicode"), ("message-class", "0"), ("callback", "*"), ("status-report-req", "1")];
    let ttl = form["ttl"].parse::<u64>().is_ok_and(|ms| (20_000..=604_800_000).contains(&ms));
    let digits = form["to"].bytes().all(|byte| byte.is_ascii_digit());
    let callback = form.get("callback").is_none_or(|url| is_url(url));
    if !(seen.method == "POST" && seen.path == "/sms/json" && strict(&form, &must, &may) && ttl && digits && callback) {
        return answer("3", "shape");
    }
    if (form["api_key"].as_str(), form["api_secret"].as_str()) != ("k3y", "s3cret") {
        return answer("4", "Bad Credentials");
    }
    match last_digit(&form["to"]) {
        '1' => answer("6", "Unroutable message - rejected"),
        '2' => answer("9", "Partner quota exceeded"),
        '4' => answer("1", "Throughput Rate Exceeded"),
        '5' => answer("15", "Illegal Sender Address - rejected"),
        _ => (
            200,
            format!(
                r#"{{"message-count":"1","messages":[{{"to":"{}","message-id":"0C000000217B7F02","status":"0","remaining-balance":"15.5"}}]}}"#,
                form["to"]
            ),
        ),
    }
}

#[tokio::test]
async fn vonage_is_served_as_its_reference_says() {
    let keys = "preset = \"vonage\"\napi_key = \"k3y\"\napi_secret = \"s3cret\"\nsender = \"Example\"";
    let bed = Bed::new(vonage, "/sms/json", keys).await;
    assert_eq!(bed.taken(message("+4512345678")).await.as_deref(), Some("0C000000217B7F02"));
    let form = bed.provider.last().form();
    assert_eq!((form["to"].as_str(), form["ttl"].as_str(), form["text"].as_str()), ("4512345678", "240000", TEXT));
    assert!(!form.contains_key("type") && !form.contains_key("message-class") && form.contains_key("callback"));
    bed.taken(Message { text: Secret::new("Код 482913".into()), flash: true, ..message("+4512345678") }).await;
    let form = bed.provider.last().form();
    assert_eq!((form["type"].as_str(), form["message-class"].as_str()), ("unicode", "0"));
    // All of these come with status 200.
    assert_eq!(bed.refused("+4512345671").await, FailureKind::Final);
    assert_eq!(bed.refused("+4512345672").await, FailureKind::RetryElsewhere);
    assert_eq!(bed.refused("+4512345674").await, FailureKind::RetryHere);
    assert_eq!(bed.refused("+4512345675").await, FailureKind::RetryElsewhere);
    let wrong = Bed::new(vonage, "/sms/json", &keys.replace("s3cret", "wrong")).await;
    assert_eq!(wrong.refused("+4512345678").await, FailureKind::RetryElsewhere);
}

fn cm(seen: &Seen) -> (u16, String) {
    let body = seen.json();
    let one = &body["messages"]["msg"][0];
    let (to, content) = (one["to"][0]["number"].clone(), one["body"]["content"].clone());
    let shape = serde_json::json!({ "messages": {
        "authentication": { "producttoken": "k3y" },
        "msg": [{ "allowedChannels": ["SMS"], "from": "Example", "to": [{ "number": to }],
                  "body": { "type": "auto", "content": content }, "reference": "m1x2y3" }],
    } });
    let number = to.as_str().unwrap_or_default();
    let error = |status, code: u32, words: &str| (status, format!(r#"{{"details":"{words}","errorCode":{code},"messages":[]}}"#));
    if body["messages"]["authentication"]["producttoken"] != "k3y" {
        return error(401, 101, "Authentication of the request failed");
    }
    if seen.method != "POST" || seen.path != "/v1.0/message" || body != shape || !number.starts_with("00") || !content.is_string()
    {
        return error(400, 202, "shape");
    }
    let part = |code: u32, status: &str| {
        format!(
            r#"{{"details":"Created 1 message(s)","errorCode":{},"messages":[{{"to":"{number}","status":"{status}","reference":"m1x2y3","parts":1,"messageDetails":null,"messageErrorCode":{code}}}]}}"#,
            if code == 0 { 0 } else { 201 }
        )
    };
    match last_digit(number) {
        '1' => (400, part(303, "Rejected")),
        '2' => error(403, 102, "Balance is insufficient"),
        '4' => error(500, 500, "Internal error"),
        _ => (200, part(0, "Accepted")),
    }
}

#[tokio::test]
async fn cm_is_served_as_its_reference_says() {
    let keys = "preset = \"cm\"\nreports = true\napi_key = \"k3y\"\nsender = \"Example\"";
    let bed = Bed::new(cm, "/v1.0/message", keys).await;
    assert_eq!(bed.taken(message("+4512345678")).await.as_deref(), Some("m1x2y3"), "reports repeat our own name for it");
    let sent = bed.provider.last().json();
    assert_eq!(sent["messages"]["msg"][0]["to"][0]["number"], "004512345678");
    bed.taken(Message { text: Secret::new("Kode \"æ€\"\n482913".into()), ..message("+4512345678") }).await;
    assert_eq!(bed.refused("+4512345671").await, FailureKind::Final);
    assert_eq!(bed.refused("+4512345672").await, FailureKind::RetryElsewhere);
    assert_eq!(bed.refused("+4512345674").await, FailureKind::RetryHere);
    let silent = Bed::new(cm, "/v1.0/message", &keys.replace("reports = true\n", "")).await;
    assert_eq!(silent.taken(message("+4512345678")).await, None, "nobody waits for reports that the operator did not ask for");
    let wrong = Bed::new(cm, "/v1.0/message", &keys.replace("k3y", "wrong")).await;
    assert_eq!(wrong.refused("+4512345678").await, FailureKind::RetryElsewhere);
}

#[tokio::test]
async fn numbers_with_more_than_digits_stay_in_their_place() {
    let bed =
        Bed::new(vonage, "/sms/json", "preset = \"vonage\"\napi_key = \"k3y\"\napi_secret = \"s3cret\"\nsender = \"Example\"")
            .await;
    for to in ["+45123\r\nX: y", "+45&to=4587654321", "+45123\0", "+45%26"] {
        let failure = bed.send(message(to)).await.unwrap_err();
        assert!(failure.why.contains("shape"), "the stand-in saw it as one odd number: {failure:?}");
        assert_eq!(bed.provider.last().form()["to"], to.trim_start_matches('+'));
    }
}
