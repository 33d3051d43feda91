//! Where a session has ended while somebody was at work: what they sent is not lost without a word, and a frame leads out of itself.

use http::Method;
use tokio::io::AsyncWriteExt;

use crate::support::client::{Answer, Client, FORM, KEY};
use crate::support::node::{Bed, HOST};
use crate::support::raw::{self, Application};
use crate::support::toml::Toml;

const FROM_PAGE: [(&str, &str); 3] = [("sec-fetch-mode", "navigate"), ("sec-fetch-site", "same-origin"), ("accept", "text/html")];

async fn sent(browser: &Client, method: Method, fields: &[(&str, &str)]) -> Answer {
    browser.ask(method, "/form?a=1", fields, "text=much+work").await
}

fn is_entry_page(answer: &Answer) -> bool {
    answer.status == 401
        && answer.header("content-type").starts_with("text/html")
        && answer.says("was not passed on to app")
        && answer.says("target=\"_blank\"")
        && answer.header("location").is_empty()
        && answer.header("www-authenticate").is_empty()
}

#[tokio::test]
async fn a_person_whose_form_comes_after_the_end_is_told_what_became_of_it() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    browser.sign_out().await;
    let form = ("content-type", FORM);
    let html = ("accept", "text/html,*/*;q=0.8");
    let package = ("x-requested-with", "com.android.browser");
    let table: &[(Method, Vec<(&str, &str)>)] = &[
        (Method::POST, [&FROM_PAGE[..], &[form]].concat()),
        (Method::POST, [&FROM_PAGE[..], &[("content-type", "multipart/form-data; boundary=x")]].concat()),
        (Method::PUT, FROM_PAGE.to_vec()),
        // A page of a sibling host sends the cookie along, so it was the session that is missing.
        (Method::POST, vec![("sec-fetch-mode", "navigate"), ("sec-fetch-site", "same-site"), form]),
        // Older browsers, with an origin and without.
        (Method::POST, vec![html, form, ("origin", "https://app.example")]),
        (Method::POST, vec![html, form, ("origin", "https://app.example:443")]),
        (Method::POST, vec![html, form, ("referer", "https://app.example/form")]),
        (Method::POST, vec![html, form]),
        (Method::POST, vec![html, form, package]),
    ];
    for (method, fields) in table {
        let answer = sent(&browser, method.clone(), fields).await;
        assert!(is_entry_page(&answer), "{method} {fields:?} {} {}", answer.status, answer.body);
        assert_eq!(answer.header("x-frame-options"), "DENY", "{fields:?}");
    }
    assert!(bed.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_program_that_sends_something_after_the_end_gets_its_401() {
    let bed = Bed::start().await;
    let form = ("content-type", FORM);
    let table: &[(Method, &[(&str, &str)])] = &[
        (Method::POST, &[form]),
        (Method::POST, &[("accept", "text/html"), ("content-type", "application/json")]),
        (Method::POST, &[("accept", "text/html"), form, ("x-requested-with", "XMLHttpRequest")]),
        (Method::POST, &[("accept", "text/html"), form, ("sec-fetch-mode", "cors"), ("sec-fetch-site", "same-origin")]),
        (Method::POST, &[("accept", "text/html"), form, ("sec-fetch-mode", "cors"), ("sec-fetch-site", "cross-site")]),
        (Method::PUT, &[("accept", "text/html"), form]),
    ];
    for (method, fields) in table {
        let answer = sent(&bed.browser(), method.clone(), fields).await;
        assert_eq!((answer.status, answer.header("content-type")), (401, "application/json"), "{method} {fields:?}");
    }
}

#[tokio::test]
async fn what_was_sent_is_taken_when_it_is_sent_again_after_a_sign_in_beside() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    browser.sign_out().await;
    let fields = [&FROM_PAGE[..], &[("content-type", FORM)]].concat();
    assert!(is_entry_page(&sent(&browser, Method::POST, &fields).await));
    bed.sign_in(&browser, "alice", "wonderland").await;
    let answer = sent(&browser, Method::POST, &fields).await;
    assert!(answer.status == 200 && answer.body.starts_with("upstream\nPOST /form?a=1"), "{}", answer.body);
}

#[tokio::test]
async fn a_frame_gets_a_page_that_its_own_site_may_frame_and_that_leads_out() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    for (frame, referer, back) in [
        ("iframe", "https://app.example/mail?folder=1", "%2Fmail%3Ffolder%3D1"),
        ("iframe", "https://portal.example/", "%2F"),
        ("frame", "https://app.example/menu", "%2F"),
        ("embed", "", "%2F"),
        ("object", "https://app.example.evil.example/x", "%2F"),
    ] {
        let fields = [&FROM_PAGE[..], &[("sec-fetch-dest", frame), ("referer", referer)]].concat();
        let answer = browser.ask(Method::GET, "/inner", &fields, "").await;
        assert_eq!((answer.status, answer.header("location")), (401, ""), "{frame}");
        assert_eq!(answer.header("x-frame-options"), "SAMEORIGIN");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'self'"), "{frame}");
        assert_eq!(answer.body.matches("<a ").count(), 1);
        assert!(answer.says(&format!("href=\"/.doorward/login?back={back}\" target=\"_top\"")), "{frame} {}", answer.body);
        assert!(!answer.says("<form") && !answer.says("<script"));
    }
    let fields = [&FROM_PAGE[..], &[("sec-fetch-dest", "iframe"), ("content-type", FORM)]].concat();
    let answer = sent(&browser, Method::POST, &fields).await;
    assert!(is_entry_page(&answer), "{}", answer.body);
    assert_eq!(answer.header("x-frame-options"), "SAMEORIGIN");
}

#[tokio::test]
async fn no_page_that_one_signs_in_or_decides_on_may_stand_in_a_frame() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let passcode = format!("/.doorward/login/passcode?flow={}", page.flow());
    let fields = [&FROM_PAGE[..], &[("sec-fetch-dest", "iframe")]].concat();
    for path in ["/.doorward/login", "/.doorward/login?back=%2Fx", &passcode, "/.doorward/logout"] {
        let answer = browser.ask(Method::GET, path, &fields, "").await;
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
    }
}

#[tokio::test]
async fn a_session_that_ends_during_a_request_is_told_to_people_as_a_page() {
    let application = Application::start().await;
    let bed = Bed::with(Toml::bed().servers([application.address]).session(r#"{ idle = "1h", absolute = "1h" }"#)).await;
    for (method, people, text) in [
        ("GET", true, "Your session ended before the application answered."),
        ("POST", true, "may have received part of it"),
        ("GET", false, "sign-in-needed"),
        ("POST", false, "sign-in-needed"),
    ] {
        let browser = bed.signed_in("alice", "wonderland").await;
        let mut client = raw::client(&browser).await;
        let cookie = browser.cookie(KEY).unwrap();
        let mode = if people { "navigate" } else { "cors" };
        let body = if method == "POST" { "Content-Length: 4\r\n\r\nwork" } else { "\r\n" };
        let head = format!(
            "{method} /slow HTTP/1.1\r\nHost: {HOST}\r\nCookie: {KEY}={cookie}\r\nSec-Fetch-Mode: {mode}\r\nConnection: close\r\n"
        );
        client.send(format!("{head}{body}")).await;
        let mut server = application.accept().await;
        server.head().await;
        bed.clock.advance(std::time::Duration::from_secs(3600));
        let answer = String::from_utf8(client.rest().await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains(text), "{method} {people}: {answer}");
        drop(server.stream.shutdown().await);
    }
}
