//! Text messages through HTTP gateways, against a strict small server.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use doorward::base::{Channel, Clock, Language, Secret, Time, UserId};
use doorward::config::transmitter::{Answers, Auth, Body, Encoder, Extract, Http, Match, Named, Piece, Slot, Template};
use doorward::dispatch::{Back, Failure, FailureKind, HttpTransmitter, Message, Purpose, Receipt, Transmitter};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

const NOW: Time = Time::from_millis(1_700_000_000_000);
const KEY: &str = "k3y/+secret==";
const TEXT: &str = "482913 is \"your\" code\\ for <mail> & more 😀 ø\n@mail.example.com #482913";

/// What arrived.
struct Seen {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: String,
}

#[derive(Clone)]
struct Gateway {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Gateway {
    /// Answers every request with this.
    async fn start(status: u16, headers: &'static [(&'static str, &'static str)], body: impl Into<Bytes>) -> Self {
        Self::start_with(None, status, headers, body.into()).await
    }

    async fn start_with(
        tls: Option<tokio_rustls::TlsAcceptor>,
        status: u16,
        headers: &'static [(&'static str, &'static str)],
        body: Bytes,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = Self { port: listener.local_addr().unwrap().port(), seen: Arc::default() };
        let seen = Arc::clone(&gateway.seen);
        let answer = move |request: Request<Incoming>| {
            let (seen, body) = (Arc::clone(&seen), body.clone());
            async move {
                let (parts, incoming) = request.into_parts();
                let received = String::from_utf8(incoming.collect().await.unwrap().to_bytes().to_vec()).unwrap();
                let target = parts.uri.to_string();
                seen.lock().unwrap().push(Seen { method: parts.method, target, headers: parts.headers, body: received });
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(*name, *value);
                }
                Ok::<_, Infallible>(response.body(Full::new(body)).unwrap())
            }
        };
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (tls, answer) = (tls.clone(), answer.clone());
                tokio::spawn(async move {
                    let server = hyper::server::conn::http1::Builder::new();
                    let service = service_fn(answer);
                    match tls {
                        None => drop(server.serve_connection(TokioIo::new(socket), service).await),
                        Some(tls) => {
                            if let Ok(socket) = tls.accept(socket).await {
                                drop(server.serve_connection(TokioIo::new(socket), service).await);
                            }
                        }
                    }
                });
            }
        });
        gateway
    }

    /// The one request there was.
    fn request(&self) -> Seen {
        let mut seen = self.seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        seen.remove(0)
    }
}

fn text(text: &str) -> Piece {
    Piece::Text(text.into())
}

/// Clickatell's platform API: `POST /v1/message`, the key as it is in `Authorization`.
fn clickatell(base: &str) -> Http {
    let body = Template(vec![
        text(r#"{"messages":[{"channel":"sms","to":""#),
        Piece::Slot(Slot::ToDigits),
        text(r#"","content":""#),
        Piece::Slot(Slot::Text),
        text(r#""}]}"#),
    ]);
    Http {
        method: "POST".into(),
        url: Template(vec![text(&format!("{base}/v1/message"))]),
        headers: vec![("Authorization".into(), Template(vec![Piece::Slot(Slot::ApiKey)]))],
        body: Some(Body { content_type: "application/json".into(), encoder: Encoder::Json, template: body }),
        auth: Auth::None,
        answers: success((200..300).collect(), None),
        report: None,
        ca: None,
        timeout: Duration::from_secs(5),
        named: Named { sender: Some("Doorward & Co".into()), api_key: Some(Secret::new(KEY.into())), ..Named::default() },
    }
}

fn success(status: Vec<u16>, body: Option<&str>) -> Answers {
    Answers { success: Match { status, body: body.map(str::to_owned), json: Vec::new() }, ..Answers::default() }
}

fn plain(gateway: &Gateway) -> String {
    format!("http://127.0.0.1:{}", gateway.port)
}

fn message() -> Message {
    Message {
        id: "m1x2y3".into(),
        channel: Channel::Sms,
        purpose: Purpose::Passcode,
        language: Language::ENGLISH,
        flash: false,
        resent: false,
        to: "+4512345678".into(),
        subject: String::new(),
        text: Secret::new(TEXT.into()),
        passcode: Secret::new("482913".into()),
        user: UserId::new("people", "anna"),
        expires: NOW.plus(Duration::from_secs(240)),
    }
}

async fn send(config: Http) -> Result<Receipt, Failure> {
    HttpTransmitter::new("gateway".into(), Channel::Sms, config, Back::default()).unwrap().send(&message(), NOW).await
}

#[tokio::test]
async fn clickatell_gets_what_it_documents() {
    let gateway = Gateway::start(202, &[], r#"{"messages":[{"apiMessageId":"abc123","accepted":true,"to":"4512345678"}]}"#).await;
    let Receipt { words, .. } = send(clickatell(&plain(&gateway))).await.unwrap();
    assert_eq!(words, r#"{"messages":[{"apiMessageId":"abc123","accepted":true,"to":"•••"}]}"#);
    let request = gateway.request();
    assert_eq!((request.method, request.target.as_str()), (Method::POST, "/v1/message"));
    assert_eq!(request.headers["authorization"], KEY);
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(!request.headers.contains_key("cookie") && !request.headers.contains_key("referer"));
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body, serde_json::json!({ "messages": [{ "channel": "sms", "to": "4512345678", "content": TEXT }] }));
}

#[tokio::test]
async fn every_slot_is_written_as_its_place_demands() {
    let gateway = Gateway::start(200, &[], "OK").await;
    let slots = [
        ("a", Slot::ToE164, "+4512345678"),
        ("b", Slot::To00, "004512345678"),
        ("c", Slot::Text, TEXT),
        ("d", Slot::Sender, "Doorward & Co"),
        ("e", Slot::Reference, "m1x2y3"),
        ("f", Slot::TtlSeconds, "240"),
        ("g", Slot::Code, "482913"),
        ("h", Slot::ApiKey, KEY),
    ];
    let mut url = vec![text(&format!("{}/send?x=1", plain(&gateway)))];
    for (name, slot, _) in slots {
        url.extend([text(&format!("&{name}=")), Piece::Slot(slot)]);
    }
    url.extend([text("&hex="), Piece::Slot(Slot::TextHexUtf16)]);
    let config = Http { method: "GET".into(), url: Template(url), headers: Vec::new(), body: None, ..clickatell("http://x") };
    send(config).await.unwrap();
    let request = gateway.request();
    let (path, query) = request.target.split_once('?').unwrap();
    assert_eq!((path, request.method), ("/send", Method::GET));
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    assert_eq!(pairs.len(), 10);
    for (name, _, expected) in slots {
        assert!(pairs.contains(&(name.into(), expected.into())), "{name}: {query}");
    }
    let hex = &pairs[9].1;
    let units: Vec<u16> = (0..hex.len() / 4).map(|at| u16::from_str_radix(&hex[4 * at..4 * at + 4], 16).unwrap()).collect();
    assert_eq!(String::from_utf16(&units).unwrap(), TEXT);
}

#[tokio::test]
async fn a_success_rule_looks_at_the_body_too() {
    let like = |regex: &str| success(vec![200], Some(regex));
    let vonage = r#"{"messages":[{"status":"6","error-text":"invalid message"}]}"#;
    let gateway = Gateway::start(200, &[], vonage).await;
    let failed = send(Http { answers: like(r#""status":\s*"0""#), ..clickatell(&plain(&gateway)) }).await.unwrap_err();
    assert_eq!(failed.kind, FailureKind::RetryElsewhere);
    assert!(failed.why.starts_with("status 200: ") && failed.why.contains("invalid message"), "{failed:?}");
    send(Http { answers: like("invalid message"), ..clickatell(&plain(&gateway)) }).await.unwrap();
}

#[tokio::test]
async fn failures_say_why_without_any_secret() {
    use FailureKind::{Final, RetryElsewhere, RetryHere};
    let echo = format!("no: key={KEY} to=+45 12 34 56 78 text={TEXT} code 482 913");
    let table: [(u16, &str, FailureKind); 11] = [
        (401, &echo, RetryElsewhere),
        (429, "slow down", RetryHere),
        (402, "", RetryElsewhere),
        (500, "", RetryHere),
        (502, "", RetryHere),
        (503, "later", RetryHere),
        (504, "", RetryHere),
        (501, "", RetryElsewhere),
        (400, "bad request", RetryElsewhere),
        (400, r#"{"code":21211,"message":"x"}"#, Final),
        (401, "invalid number", RetryElsewhere),
    ];
    for (status, body, kind) in table {
        let gateway = Gateway::start(status, &[], body.to_owned()).await;
        let failure = send(clickatell(&plain(&gateway))).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{status} {body}");
        assert!(failure.why.starts_with(&format!("status {status}")), "{failure:?}");
        for secret in ["482913", "482 913", "12345678", "12 34 56 78", KEY] {
            assert!(!failure.why.contains(secret), "{failure:?}");
        }
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let url =
        Template(vec![text(&format!("http://127.0.0.1:{nobody}/?key=")), Piece::Slot(Slot::ApiKey), Piece::Slot(Slot::Code)]);
    let failure = send(Http { url, ..clickatell("http://x") }).await.unwrap_err();
    assert!(failure.kind == RetryHere && failure.why.contains("refused"), "{failure:?}");
    assert!(!failure.why.contains("482913") && !failure.why.contains("k3y"), "{failure:?}");
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let gateway = Gateway::start(307, &[("location", "/elsewhere")], "").await;
    let failure = send(clickatell(&plain(&gateway))).await.unwrap_err();
    assert_eq!(failure.why, "status 307");
    gateway.request();
}

#[tokio::test]
async fn a_huge_answer_is_read_in_part_only() {
    let gateway = Gateway::start(200, &[], vec![b'x'; 50 * 1024 * 1024]).await;
    let Receipt { words, .. } = send(clickatell(&plain(&gateway))).await.unwrap();
    assert_eq!(words.len(), 200);
    // What lies beyond the first 64 KiB is not looked at.
    let mut late = vec![b'x'; 64 * 1024];
    late.extend_from_slice(b"SENT");
    let gateway = Gateway::start(200, &[], late).await;
    let answers = success(vec![200], Some("SENT"));
    assert!(send(Http { answers, ..clickatell(&plain(&gateway)) }).await.is_err());
}

#[tokio::test]
async fn an_answer_without_end_is_left() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let endless = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _request = socket.read(&mut [0; 4096]).await.unwrap();
        drop(socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n").await);
        let (piece, mut written) = (vec![b'x'; 64 * 1024], 0_u64);
        while socket.write_all(&piece).await.is_ok() {
            written += piece.len() as u64;
        }
        written
    });
    send(clickatell(&base)).await.unwrap();
    let written = tokio::time::timeout(Duration::from_secs(10), endless).await.expect("the connection was closed").unwrap();
    assert!(written < 64 << 20, "{written} bytes of the 10 GiB were taken");
}

#[tokio::test]
async fn nothing_leads_to_the_metadata_service() {
    for url in [
        "http://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://2852039166/",
    ] {
        let refused = HttpTransmitter::new("g".into(), Channel::Sms, clickatell(url), Back::default());
        assert!(refused.is_err(), "{url}");
    }
    let section = "kind = \"http\"\nurl = \"https://169.254.169.254/{{to_digits}}/{{text}}\"";
    let text = crate::support::provider::document(section);
    let problems = doorward::config::parse(&text, std::path::Path::new("/nonexistent"), &|_| None).unwrap_err();
    assert!(problems[0].message.contains("no gateway has this address"), "{problems:?}");
    // What a provider says leads nowhere either.
    let gateway = Gateway::start(302, &[("location", "http://169.254.169.254/latest/meta-data/iam")], "").await;
    assert_eq!(send(clickatell(&plain(&gateway))).await.unwrap_err().why, "status 302");
    gateway.request();
}

#[tokio::test]
async fn a_gateway_is_shown_who_we_are_in_each_of_the_ways() {
    let named = Named {
        user: Some("us".into()),
        password: Some(Secret::new("pa ss".into())),
        api_key: Some(Secret::new(KEY.into())),
        api_secret: Some(Secret::new("key".into())),
        ..Named::default()
    };
    // HMAC-SHA-256 of "The quick brown fox jumps over the lazy dog" under "key", as published in many places.
    let fox = Template(vec![text("The quick brown fox jumps over the lazy dog")]);
    let hmac = "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
    let table = [
        (Auth::Basic, "authorization", "Basic dXM6cGEgc3M="),
        (Auth::Bearer, "authorization", "Bearer k3y/+secret=="),
        (Auth::Header("X-Key".into()), "x-key", KEY),
        (Auth::Hmac { header: "X-Signature".into(), prefix: "sha256=".into() }, "x-signature", hmac),
    ];
    for (auth, header, value) in table {
        let gateway = Gateway::start(200, &[], format!("pa ss {KEY}")).await;
        let body = Some(Body { content_type: "text/plain".into(), encoder: Encoder::Raw, template: fox.clone() });
        let config = Http { auth, headers: Vec::new(), body, named: named.clone(), ..clickatell(&plain(&gateway)) };
        assert_eq!(send(config).await.unwrap().words, "••• •••");
        assert_eq!(gateway.request().headers[header], value);
    }
}

#[tokio::test]
async fn a_gateway_says_when_to_come_again() {
    type Headers = &'static [(&'static str, &'static str)];
    let table: [(u16, Headers, FailureKind); 6] = [
        (503, &[("retry-after", "17")], FailureKind::RetryAfter(Duration::from_secs(17))),
        (429, &[("retry-after", "120")], FailureKind::RetryAfter(Duration::from_secs(120))),
        (503, &[("retry-after", "Tue, 14 Nov 2023 22:13:21 GMT")], FailureKind::RetryAfter(Duration::from_secs(1))),
        (503, &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], FailureKind::RetryAfter(Duration::ZERO)),
        (503, &[("retry-after", "soon")], FailureKind::RetryHere),
        (401, &[("retry-after", "17")], FailureKind::RetryElsewhere),
    ];
    for (status, headers, kind) in table {
        let gateway = Gateway::start(status, headers, "").await;
        let failure = send(clickatell(&plain(&gateway))).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{headers:?}");
    }
}

#[tokio::test]
async fn a_gateway_is_examined_without_a_request() {
    let gateway = Gateway::start(200, &[], "").await;
    let examined =
        |config| async move { HttpTransmitter::new("g".into(), Channel::Sms, config, Back::default()).unwrap().examine().await };
    let found = examined(clickatell(&plain(&gateway))).await.unwrap();
    assert_eq!(found, [format!("127.0.0.1 port {} answers, without TLS", gateway.port)]);
    let no_tls = examined(clickatell(&format!("https://127.0.0.1:{}", gateway.port))).await.unwrap_err();
    assert!(no_tls.contains("TLS failed"), "{no_tls}");
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let nobody = examined(clickatell(&format!("http://127.0.0.1:{nobody}"))).await.unwrap_err();
    assert!(nobody.contains("cannot be reached"), "{nobody}");
    assert!(gateway.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_slow_answer_ends_at_the_time_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let slow = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut socket, _) = listener.accept().await.unwrap();
        // A head at once, and then a byte now and then: only a limit for the whole ends this.
        drop(socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await);
        while socket.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let clock = Clock::system();
    let begun = clock.now();
    let failure = send(Http { timeout: Duration::from_millis(200), ..clickatell(&base) }).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsure);
    assert!(clock.now().since(begun) < Duration::from_secs(3), "{failure:?}");
    tokio::time::timeout(Duration::from_secs(5), slow).await.expect("the connection was closed").unwrap();
}

#[tokio::test]
async fn a_refusal_whose_words_never_end_is_a_refusal() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    for (head, kind) in [
        ("503 Busy\r\nretry-after: 17", FailureKind::RetryAfter(Duration::from_secs(17))),
        ("500 Oops\r\nserver: x", FailureKind::RetryHere),
        ("401 No\r\nserver: x", FailureKind::RetryElsewhere),
        ("202 Accepted\r\nserver: x", FailureKind::Unsure),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 1000\r\n\r\nwe ");
        let silent = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            drop(socket.read(&mut [0; 4096]).await);
            drop(socket.write_all(answer.as_bytes()).await);
            drop(socket.read_to_end(&mut Vec::new()).await);
        });
        let failure = send(Http { timeout: Duration::from_millis(500), ..clickatell(&base) }).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{head}: {failure:?}");
        silent.await.unwrap();
    }
}

#[tokio::test]
async fn a_value_that_would_add_a_header_is_refused() {
    let gateway = Gateway::start(200, &[], "").await;
    let headers = vec![("X-Text".into(), Template(vec![Piece::Slot(Slot::Text)]))];
    let failure = send(Http { headers, ..clickatell(&plain(&gateway)) }).await.unwrap_err();
    assert!(failure.why.contains("x-text") && !failure.why.contains("482913"), "{failure:?}");
    assert!(gateway.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn only_the_configured_ca_is_trusted() {
    let issuer_key = rcgen::KeyPair::generate().unwrap();
    let mut issuer = rcgen::CertificateParams::new(Vec::new()).unwrap();
    issuer.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = issuer.self_signed(&issuer_key).unwrap();
    let issuer = rcgen::Issuer::new(issuer, issuer_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let gateway = Gateway::start_with(Some(acceptor), 200, &[], Bytes::from_static(b"OK")).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.crt");
    std::fs::write(&path, ca.pem()).unwrap();

    let named = format!("https://localhost:{}", gateway.port);
    let failure = send(clickatell(&named)).await.unwrap_err();
    assert!(failure.why.contains("certificate"), "{failure:?}");
    let by_address = format!("https://127.0.0.1:{}", gateway.port);
    send(Http { ca: Some(path.clone()), ..clickatell(&by_address) }).await.unwrap_err();
    assert!(gateway.seen.lock().unwrap().is_empty());
    assert_eq!(send(Http { ca: Some(path), ..clickatell(&named) }).await.unwrap(), Receipt::last_word("OK"));
    gateway.request();
}

#[test]
fn a_gateway_that_cannot_work_is_refused_at_the_start() {
    let good = || clickatell("https://gateway.example.com");
    let url = |pieces: Vec<Piece>| Http { url: Template(pieces), ..good() };
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.crt");
    std::fs::write(&empty, "").unwrap();
    assert!(HttpTransmitter::new("g".into(), Channel::Sms, good(), Back::default()).is_ok());
    for bad in [
        Http { method: "DELETE".into(), ..good() },
        url(vec![text("https://"), Piece::Slot(Slot::ToDigits), text(".example.com/")]),
        url(vec![text("https://gateway.example"), Piece::Slot(Slot::ToDigits)]),
        url(vec![text("ftp://gateway.example/")]),
        url(Vec::new()),
        Http { headers: vec![("X Y".into(), Template(Vec::new()))], ..good() },
        Http { answers: success(vec![200], Some("(")), ..good() },
        Http { ca: Some("/nonexistent.pem".into()), ..good() },
        Http { ca: Some(empty), ..good() },
    ] {
        assert!(HttpTransmitter::new("g".into(), Channel::Sms, bad.clone(), Back::default()).is_err(), "{bad:?}");
    }
}

/// Windows writes a mark before UTF-8, and some servers UTF-16 by it.
#[tokio::test]
async fn a_byte_order_mark_hides_no_answer() {
    let json = r#"{"status":"0","id":"a1"}"#;
    let rules = |success: Match| Answers { success, ..success_with_reference() };
    let wished = || Match { status: vec![200], body: None, json: vec![("/status".into(), vec!["0".into()])] };
    let begins = || Match { status: vec![200], body: Some(r#"^\{"status""#.into()), json: Vec::new() };
    let little: Vec<u8> = "\u{feff}".chars().chain(json.chars()).flat_map(|letter| (letter as u16).to_le_bytes()).collect();
    let big: Vec<u8> = little.chunks(2).flat_map(|unit| [unit[1], unit[0]]).collect();
    for body in [json.as_bytes().to_vec(), format!("\u{feff}{json}").into_bytes(), little, big] {
        for success in [wished(), begins()] {
            let gateway = Gateway::start(200, &[], body.clone()).await;
            let receipt = send(Http { answers: rules(success), ..clickatell(&plain(&gateway)) }).await.unwrap();
            assert_eq!(receipt.words, json);
        }
    }
}

fn success_with_reference() -> Answers {
    Answers { reference: Some(Extract::Json("/id".into())), ..Answers::default() }
}

#[tokio::test]
async fn a_compressed_answer_is_named_and_neither_success_nor_failure_by_guess() {
    const GZIP: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xf3, 0xf7, 6, 0, 0xa7, 0xd3, 0x9a, 0x4f, 2, 0, 0, 0];
    let named: &[&[(&str, &str)]] = &[&[("content-encoding", "gzip")], &[("Content-Encoding", "x-gzip, br")], &[]];
    for headers in named {
        let answered = async |status, answers| {
            let gateway = Gateway::start(status, headers, GZIP).await;
            let sent = send(Http { answers, ..clickatell(&plain(&gateway)) }).await;
            assert_eq!(gateway.request().headers["accept-encoding"], "identity");
            sent
        };
        let by_status = answered(200, success(vec![200], None)).await.unwrap();
        assert!(by_status.words.contains("the answer is compressed"), "{by_status:?}");
        let by_body = answered(200, success(vec![200], Some("OK"))).await.unwrap_err();
        assert!(by_body.kind == FailureKind::Unsure && by_body.why.contains("gzip"), "{by_body:?}");
        let refused = answered(403, success(vec![200], Some("OK"))).await.unwrap_err();
        assert!(refused.kind == FailureKind::RetryElsewhere && refused.why.contains("compressed"), "{refused:?}");
    }
    let gateway = Gateway::start(200, &[("content-encoding", "identity")], "OK").await;
    assert_eq!(send(clickatell(&plain(&gateway))).await.unwrap().words, "OK");
}
