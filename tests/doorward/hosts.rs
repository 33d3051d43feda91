//! Hosts that are a pattern or not ASCII, and the CORS preflights that need no session.

use http::Method;

use crate::support::client::KEY;
use crate::support::node::Bed;
use crate::support::raw;
use crate::support::toml::Toml;

#[tokio::test]
async fn a_pattern_is_every_name_with_one_label_and_each_has_a_session_of_its_own() {
    let bed = Bed::with(Toml::bed().and("apps", "*.Apps.example").and("two", "second.apps.example")).await;
    let browser = bed.browser_at("one.apps.example");
    let page = browser.get("/a?b=1").await;
    assert_eq!((page.status, page.location().as_str()), (303, "/.doorward/login?back=%2Fa%3Fb%3D1"));
    bed.sign_in(&browser, "alice", "wonderland").await;
    assert_eq!(browser.get("/a").await.status, 200);
    let head = bed.upstream.last();
    assert!(head.contains("\nhost: one.apps.example\n") && head.contains("\nx-forwarded-host: one.apps.example\n"), "{head}");
    // The message names the host that the person is at.
    assert!(bed.messages().last().unwrap().text.contains("@one.apps.example #"), "{:?}", bed.messages());

    // What is planted at another name of the pattern opens nothing there.
    let two = bed.browser_at("two.apps.example");
    two.put(KEY, &browser.cookie(KEY).unwrap());
    assert_eq!(two.ask(Method::GET, "/a", &[], "").await.status, 401);
    for (host, status) in [
        ("One.Apps.Example:443", "401"),
        ("apps.example", "421"),
        (".apps.example", "421"),
        ("a.one.apps.example", "421"),
        ("xapps.example", "421"),
    ] {
        let mut raw = raw::client(&browser).await;
        raw.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
        let head = raw.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {head}");
    }
    // A name of its own goes before the pattern.
    let second = bed.browser_at("second.apps.example");
    bed.sign_in(&second, "bob", "builder").await;
    assert!(bed.journal().iter().any(|entry| entry.kind == "signed-in" && entry.application == "two"));
}

#[tokio::test]
async fn a_name_that_is_not_ascii_is_its_a_labels() {
    let bed = Bed::with(Toml::bed().and("office", "büro.example")).await;
    let browser = bed.browser_at("xn--bro-hoa.example");
    bed.sign_in(&browser, "bob", "builder").await;
    assert_eq!(browser.get("/").await.status, 200);
    assert!(bed.upstream.last().contains("\nhost: xn--bro-hoa.example\n"));
}

#[tokio::test]
async fn a_preflight_passes_where_it_may_and_nothing_else_does_with_it() {
    let bed = Bed::with(Toml::bed().application("preflight = [\"/api\"]")).await;
    let browser = bed.browser();
    let preflight = [("origin", "https://spa.example"), ("access-control-request-method", "PUT")];
    assert_eq!(browser.ask(Method::OPTIONS, "/api/x?y=1", &preflight, "").await.status, 200);
    let head = bed.upstream.last();
    assert!(head.starts_with("OPTIONS /api/x?y=1 ") && !head.contains("x-forwarded-user"), "{head}");
    for (method, path, fields, body) in [
        (Method::OPTIONS, "/other", &preflight[..], ""),
        (Method::OPTIONS, "/API/x", &preflight, ""),
        (Method::OPTIONS, "/api/%252e%252e/x", &preflight, ""),
        (Method::OPTIONS, "/api", &preflight[..1], ""),
        (Method::OPTIONS, "/api", &preflight[1..], ""),
        (Method::OPTIONS, "/api", &preflight, "body"),
        (Method::OPTIONS, "/api", &[preflight[0], preflight[0], preflight[1]], ""),
        (Method::OPTIONS, "/api", &[("origin", ""), preflight[1]], ""),
        (Method::OPTIONS, "/api", &[preflight[0], preflight[1], ("authorization", "Basic eDp5")], ""),
        (Method::OPTIONS, "/api", &[preflight[0], preflight[1], ("cookie", "a=b")], ""),
        (Method::OPTIONS, "/api", &[preflight[0], preflight[1], ("upgrade", "websocket"), ("connection", "upgrade")], ""),
        (Method::PUT, "/api", &preflight, ""),
        (Method::GET, "/api", &preflight, ""),
    ] {
        assert_eq!(browser.ask(method.clone(), path, fields, body).await.status, 401, "{method} {path} {fields:?} {body}");
    }
    // A method override makes it no other request.
    let fields = [preflight[0], preflight[1], ("x-http-method-override", "PUT"), ("destination", "/x")];
    assert_eq!(browser.ask(Method::OPTIONS, "/api", &fields, "").await.status, 200);
    let head = bed.upstream.last();
    assert!(!head.contains("override") && !head.contains("destination"), "{head}");
}
