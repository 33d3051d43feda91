//! What somebody with bad intentions sends to our pages and paths.

use std::time::Duration;

use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::client::{Answer, Client, FORM, KEY, Watch, encoded};
use crate::support::node::{Bed, HOST, OTHER};

/// Origins that are not ours, as a browser tells of them.
const FOREIGN: [&[(&str, &str)]; 6] = [
    &[("sec-fetch-site", "cross-site"), ("origin", "https://app.example")],
    &[("sec-fetch-site", "same-site"), ("origin", "https://app.example")],
    &[("sec-fetch-site", "cross-site")],
    &[("origin", "https://evil.example")],
    &[("origin", "https://other.example")],
    &[("referer", "https://evil.example/app.example")],
];

async fn posted_from(browser: &Client, from: &[(&str, &str)], target: &str, fields: &[(&str, &str)]) -> Answer {
    let headers = [from, &[("content-type", FORM), ("accept", "text/html")]].concat();
    browser.ask(Method::POST, target, &headers, &encoded(fields)).await
}

#[tokio::test]
async fn a_login_form_of_another_site_is_refused() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let csrf = browser.get("/.doorward/login").await.csrf();
    for from in FOREIGN {
        let fields = [("csrf", csrf.as_str()), ("username", "alice"), ("password", "wonderland")];
        let answer = posted_from(&browser, from, "/.doorward/login", &fields).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{from:?}");
    }
    assert!(bed.journal().iter().all(|event| event.kind != "password-right"));
}

/// As Internet Explorer's mode and some old phones do. The sealed field and the cookie that it is bound to decide.
#[tokio::test]
async fn a_browser_that_does_not_say_where_a_form_comes_from_can_sign_in() {
    let bed = Bed::start().await;
    let told: [&[(&str, &str)]; 3] =
        [&[], &[("referer", "https://app.example/.doorward/login")], &[("origin", "https://app.example:443")]];
    for from in told {
        let browser = bed.browser();
        let csrf = browser.get("/.doorward/login").await.csrf();
        let fields = [("csrf", csrf.as_str()), ("username", "alice"), ("password", "wonderland")];
        assert_eq!(posted_from(&browser, from, "/.doorward/login", &fields).await.status, 303, "{from:?}");
        // Of another browser's page, or without the cookie, it is worth nothing.
        let stranger = bed.browser();
        for cookie in [false, true] {
            if cookie {
                stranger.get("/.doorward/login").await;
            }
            let answer = posted_from(&stranger, from, "/.doorward/login", &fields).await;
            assert_eq!(answer.status, 403, "{from:?}");
        }
    }
}

#[tokio::test]
async fn a_passcode_form_of_another_site_is_refused() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    for from in FOREIGN {
        let fields = [("csrf", page.csrf()), ("passcode", code.clone())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = posted_from(&browser, from, "/.doorward/login/passcode", &fields).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{from:?}");
    }
    assert_eq!(browser.passcode(&page, &code).await.status, 303, "and none of them cost a try");
}

#[tokio::test]
async fn a_logout_form_of_another_site_is_refused() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let csrf = browser.get("/.doorward/logout").await.csrf();
    for from in FOREIGN {
        assert_eq!(posted_from(&browser, from, "/.doorward/logout", &[("csrf", &csrf)]).await.status, 403, "{from:?}");
    }
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn a_browser_without_fetch_metadata_may_post_from_our_own_origin() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let csrf = browser.get("/.doorward/login").await.csrf();
    let fields = [("csrf", csrf.as_str()), ("username", "alice"), ("password", "wonderland")];
    let answer = posted_from(&browser, &[("origin", "https://app.example")], "/.doorward/login", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}

#[tokio::test]
async fn a_field_that_is_not_of_this_browser_and_form_starts_the_login_again() {
    let bed = Bed::start().await;
    let (browser, other, elsewhere) = (bed.browser(), bed.browser(), bed.browser_at(OTHER));
    let own = browser.get("/.doorward/login").await.csrf();
    let passcode = browser.to_passcode("bob", "builder").await.csrf();
    elsewhere.put(crate::support::client::FLOW, &browser.cookie(crate::support::client::FLOW).unwrap());
    let mut tampered = own.clone().into_bytes();
    let middle = tampered.len() / 2;
    tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
    let fields = [
        other.get("/.doorward/login").await.csrf(),
        elsewhere.get("/.doorward/login").await.csrf(),
        passcode,
        String::from_utf8(tampered).unwrap(),
        own[1..].to_owned(),
        String::new(),
    ];
    for field in &fields {
        let fields = [("csrf", field.as_str()), ("username", "alice"), ("password", "wonderland")];
        let answer = browser.post("/.doorward/login", &fields).await;
        assert!(answer.status == 403 && answer.says("Sign in again"), "{field} {}", answer.body);
    }
    assert!(bed.journal().iter().all(|event| event.user != "people:alice"));
}

#[tokio::test]
async fn a_logout_field_of_another_session_asks_once_more() {
    let bed = Bed::start().await;
    let (alice, bob) = (bed.signed_in("alice", "wonderland").await, bed.signed_in("bob", "builder").await);
    let csrf = bob.get("/.doorward/logout").await.csrf();
    assert!(alice.post("/.doorward/logout", &[("csrf", &csrf)]).await.says("Sign out?"));
    assert!(alice.is_in().await && bob.is_in().await);
}

#[tokio::test]
async fn nobody_is_sent_to_another_site_after_signing_in() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    for back in [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/%0d%0aset-cookie:x=1",
        "/%2fevil.example",
        "/a/..//evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/.doorward/logout",
        "/.Doorward/../x",
        "",
    ] {
        let target = format!("/.doorward/login?{}", encoded(&[("back", back)]));
        let answer = browser.get(&target).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{back:?}");
    }
    let twice = browser.get("/.doorward/login?back=%2Fa&back=%2Fb").await;
    assert_eq!(twice.header("location"), "/");
}

#[tokio::test]
async fn a_form_that_is_none_of_ours_is_refused() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let csrf = browser.get("/.doorward/login").await.csrf();
    let form = encoded(&[("csrf", &csrf), ("username", "alice"), ("password", "wonderland")]);
    let ours = ("sec-fetch-site", "same-origin");
    let table = [
        (FORM, format!("{form}&x={}", "y".repeat(16 * 1024)), 413),
        (FORM, format!("{form}&username=bob"), 400),
        (FORM, format!("{form}&csrf=x"), 400),
        (FORM, format!("{form}{}", "&x=1".repeat(20)), 400),
        ("text/plain", form.clone(), 400),
        ("multipart/form-data; boundary=x", form.clone(), 400),
        ("application/json", "{}".to_owned(), 400),
    ];
    for (kind, body, status) in table {
        let answer = browser.ask(Method::POST, "/.doorward/login", &[ours, ("content-type", kind)], &body).await;
        assert_eq!(answer.status, status, "{kind} {}", &body[body.len().saturating_sub(60)..]);
    }
    let untyped = browser.ask(Method::POST, "/.doorward/login", &[ours], &form).await;
    assert_eq!(untyped.status, 400);
}

/// Sends bytes as they are; the status that comes back, or 0 where the connection just ends.
async fn raw(browser: &Client, bytes: &[u8]) -> u16 {
    let mut stream = browser.tls("http/1.1").await;
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    let read = async {
        while !answer.windows(2).any(|two| two == b"\r\n") {
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(length) => answer.extend_from_slice(&piece[..length]),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(15), read).await.expect("no answer");
    let head = String::from_utf8_lossy(&answer);
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

#[tokio::test]
async fn every_ambiguous_path_gets_400_over_http_1() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let cookie = browser.cookie(KEY).unwrap();
    let before = bed.upstream.requests().len();
    let paths: [&[u8]; 25] = [
        b"//",
        b"//a",
        b"/a//b",
        b"/.",
        b"/..",
        b"/a/../b",
        b"/a/./b",
        b"/a/%2e%2e/b",
        b"/a/%2E./b",
        b"/a/..;x/b",
        b"/a%2fb",
        b"/a%2Fb",
        b"/a%5cb",
        b"/a\\b",
        b"/a%00b",
        b"/a%0d%0ab",
        b"/a%7f",
        b"/a%",
        b"/a%2",
        b"/a%zz",
        b"/\xc3\xbc",
        b"/a\x01b",
        b"a",
        b"*",
        b"/.doorward/../a",
    ];
    for path in paths {
        let mut request = b"GET ".to_vec();
        request.extend_from_slice(path);
        request.extend_from_slice(format!(" HTTP/1.1\r\nHost: {HOST}\r\nCookie: {KEY}={cookie}\r\n\r\n").as_bytes());
        assert_eq!(raw(&browser, &request).await, 400, "{}", path.escape_ascii());
    }
    assert_eq!(bed.upstream.requests().len(), before);
}

#[tokio::test]
async fn every_ambiguous_path_gets_400_over_http_2() {
    let bed = Bed::start().await;
    let mut browser = bed.signed_in("alice", "wonderland").await;
    browser.http2 = true;
    for path in ["//a", "/a//b", "/..", "/a/../b", "/a/%2e%2e/b", "/a/..;x/b", "/a%2fb", "/a%5cb", "/a%00b", "/a%zz", "/a%"] {
        let request = browser.request(Method::GET, path, &[], http_body_util::Full::<bytes::Bytes>::default());
        assert_eq!(browser.send(request).await.status(), 400, "{path}");
    }
    assert!(bed.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_request_must_name_exactly_one_host_that_we_serve() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let table = [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nHost: {HOST}\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nHost: {HOST}, {OTHER}\r\n\r\n"), 400),
        (format!("GET https://{OTHER}/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n"), 400),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), 421),
        (format!("GET /.doorward/login HTTP/1.1\r\nHost: {HOST}.evil.example\r\n\r\n"), 421),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".to_owned(), 421),
        (format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"), 401),
        (format!("GET / HTTP/1.1\r\nHost: {}:8443\r\n\r\n", HOST.to_uppercase()), 401),
    ];
    for (request, status) in table {
        assert_eq!(raw(&browser, request.as_bytes()).await, status, "{request:?}");
    }
}

#[tokio::test]
async fn connect_and_trace_are_for_nobody() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let cookie = format!("Cookie: {KEY}={}\r\n", browser.cookie(KEY).unwrap());
    let table = [
        (format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n{cookie}\r\n"), 405),
        (format!("TRACE / HTTP/1.1\r\nHost: {HOST}\r\n{cookie}\r\n"), 405),
    ];
    for (request, status) in table {
        assert_eq!(raw(&browser, request.as_bytes()).await, status, "{request:?}");
    }
    assert!(bed.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_form_that_trickles_in_is_given_up() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let head =
        format!("POST /.doorward/login HTTP/1.1\r\nHost: {HOST}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: {FORM}\r\n");
    let begun = Watch::start();
    assert_eq!(raw(&browser, format!("{head}Content-Length: 100\r\n\r\nusername=").as_bytes()).await, 400);
    assert!((9..13).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}
