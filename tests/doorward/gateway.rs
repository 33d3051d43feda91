//! What the application gets to see of a request, and the browser of an answer.

use http::Method;

use crate::support::client::{FLOW, KEY, KNOWN};
use crate::support::node::Bed;
use crate::support::raw;
use crate::support::toml::Toml;

#[tokio::test]
async fn the_application_is_told_who_it_is_and_where_they_came_from() {
    let bed = Bed::start().await;
    bed.signed_in("alice", "wonderland").await.from(4).get("/a").await;
    let head = bed.upstream.last();
    for line in [
        "host: app.example",
        "x-forwarded-user: alice",
        "x-forwarded-email: alice@mail.example",
        "x-forwarded-groups: staff",
        "x-forwarded-for: 127.0.0.4",
        "x-forwarded-proto: https",
        "x-forwarded-host: app.example",
    ] {
        assert!(head.contains(&format!("\n{line}\n")), "{line} is missing:\n{head}");
    }
}

#[tokio::test]
async fn identity_that_a_client_claims_never_arrives() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    for name in [
        "X-Forwarded-User",
        "x_forwarded_user",
        "X-Forwarded_User",
        "X.Forwarded.User",
        "X-Forwarded-Email",
        "X-Forwarded-Groups",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "Forwarded",
        "Remote-User",
        "Remote_User",
        "X-Remote-User",
        "X-Real-IP",
        "X-Original-URL",
        "X-Rewrite-URL",
        "Proxy",
        "True-Client-IP",
        "SSL-Client-Cert",
        "X-Auth-Request-User",
    ] {
        browser.ask(Method::GET, "/", &[(name, "forged-evidence")], "").await;
        assert!(!bed.upstream.last().contains("forged-evidence"), "{name}:\n{}", bed.upstream.last());
    }
}

#[tokio::test]
async fn what_we_say_cannot_be_taken_away_by_connection() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let listed = "close, X-Forwarded-User, x-forwarded-for, X-Forwarded-Host, Cookie, Host";
    browser.put("own", "1");
    browser.ask(Method::GET, "/", &[("connection", listed), ("x-forwarded-user", "admin")], "").await;
    let head = bed.upstream.last();
    for line in ["x-forwarded-user: alice", "x-forwarded-for: 127.0.0.1", "cookie: own=1", "host: app.example"] {
        assert!(head.contains(&format!("\n{line}\n")), "{line} is missing:\n{head}");
    }
}

#[tokio::test]
async fn a_public_path_needs_no_session_and_carries_no_identity() {
    let bed = Bed::start().await;
    let answer = bed.browser().ask(Method::GET, "/public/x", &[("x-forwarded-user", "admin")], "").await;
    assert_eq!(answer.status, 200);
    assert!(!bed.upstream.last().contains("x-forwarded-user"), "{}", bed.upstream.last());
}

#[tokio::test]
async fn our_cookies_never_arrive_and_others_arrive_as_they_are() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let ours: Vec<String> = [KEY, FLOW, KNOWN].iter().map(|name| format!("{name}={}", browser.cookie(name).unwrap())).collect();
    for name in [KEY, FLOW, KNOWN] {
        browser.forget(name);
    }
    let given = format!("a=\"1 2\"; {}; b=x=y; {}; c; {}; __Hostess=4", ours[0], ours[1], ours[2]);
    let answer = browser.ask(Method::GET, "/", &[("cookie", &given)], "").await;
    assert_eq!(answer.status, 200);
    let head = bed.upstream.last();
    assert!(head.contains("\ncookie: a=\"1 2\"; b=x=y; c; __Hostess=4\n") && !head.contains("oorward="), "{head}");
}

#[tokio::test]
async fn an_application_cannot_set_a_cookie_of_ours() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let answer = browser.get("/cookies").await;
    let set: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(set, ["own=1; Path=/"]);
}

#[tokio::test]
async fn a_service_worker_is_forbidden_unless_the_application_allows_it() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let script = [("service-worker", "script"), ("sec-fetch-mode", "same-origin")];
    assert_eq!(browser.ask(Method::GET, "/worker.js", &script, "").await.status, 403);

    let bed = Bed::with(Toml::bed().application("service_worker = true")).await;
    let browser = bed.signed_in("alice", "wonderland").await;
    assert_eq!(browser.ask(Method::GET, "/worker.js", &script, "").await.status, 200);
}

#[tokio::test]
async fn our_pages_tell_browsers_to_come_by_https_alone() {
    let bed = Bed::start().await;
    let page = bed.browser().get("/.doorward/login").await;
    assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(page.header("cache-control"), "no-store");
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_with_a_page_over_http_1() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    for (request, status) in [
        ("GET /?q=<\"> HTTP/1.1".to_owned(), "400"),
        ("GET /a<b HTTP/1.1".to_owned(), "400"),
        ("GET / HTTP/1.2".to_owned(), "400"),
        ("NO GOOD / HTTP/1.1".to_owned(), "400"),
        (format!("GET /{} HTTP/1.1", "a".repeat(70_000)), "414"),
    ] {
        let mut raw = raw::client(&browser).await;
        raw.send(format!("{request}\r\nHost: app.example\r\n\r\n")).await;
        let answer = String::from_utf8(raw.rest().await).unwrap();
        let shown: String = request.chars().take(40).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown}: {answer}");
        assert!(
            answer.contains("content-type: text/html") && answer.contains("<h1") && answer.trim_end().ends_with("</html>"),
            "{shown}: {answer}"
        );
    }
    // Latin-1 in a query, as old browsers send it.
    let mut raw = raw::client(&browser).await;
    raw.send(b"GET /?q=\xe9 HTTP/1.1\r\nHost: app.example\r\n\r\n").await;
    let answer = String::from_utf8(raw.rest().await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("<h1"), "{answer}");
}
