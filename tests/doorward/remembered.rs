//! A connection remembers the key that opened twice in a row: it spares the look-up and nothing else. Every request here comes over one
//! and the same connection, with the cookies that were good a moment ago.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::support::client::{Client, KEY};
use crate::support::node::{Bed, HOST, OTHER};
use crate::support::toml::Toml;

const MINUTE: Duration = Duration::from_secs(60);

/// One connection.
struct Line<'a> {
    browser: &'a Client,
    sender: http1::SendRequest<Full<Bytes>>,
}

impl<'a> Line<'a> {
    async fn of(browser: &'a Client) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(browser.tls("http/1.1").await)).await.unwrap();
        tokio::spawn(connection);
        Self { browser, sender }
    }

    /// Status and body for these fields, besides the browser's cookies.
    async fn asks(&mut self, host: &str, fields: &[(&str, &str)]) -> (u16, String) {
        self.sender.ready().await.unwrap();
        let mut request = self.browser.request(Method::GET, "/x", fields, Full::default());
        request.headers_mut().insert("host", host.parse().unwrap());
        let answer = self.sender.send_request(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// Three times, so that the last is one that is remembered.
    async fn is_in(&mut self) -> bool {
        let first = self.asks(HOST, &[]).await.0 == 200;
        for _ in 0..2 {
            assert_eq!(self.asks(HOST, &[]).await.0 == 200, first);
        }
        first
    }
}

#[tokio::test]
async fn a_session_that_is_signed_out_elsewhere_is_over_at_the_next_request() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let mut line = Line::of(&browser).await;
    assert!(line.is_in().await);
    let elsewhere = bed.browser();
    elsewhere.put(KEY, &browser.cookie(KEY).unwrap());
    elsewhere.sign_out().await;
    assert_eq!(line.asks(HOST, &[]).await.0, 401);
    assert!(!line.is_in().await);
}

#[tokio::test]
async fn its_idle_time_and_its_absolute_time_go_on_running() {
    let bed = Bed::with(Toml::bed().session(r#"{ idle = "30m", absolute = "1h" }"#)).await;
    for (steps, last) in [(1, 30), (2, 3)] {
        let browser = bed.signed_in("alice", "wonderland").await;
        for _ in 0..steps {
            // Anew, because an idle connection is closed; few requests over it.
            let mut line = Line::of(&browser).await;
            assert!(line.is_in().await);
            bed.clock.advance(29 * MINUTE);
            assert!(line.is_in().await);
        }
        let mut line = Line::of(&browser).await;
        assert!(line.is_in().await);
        bed.clock.advance(last * MINUTE);
        assert_eq!(line.asks(HOST, &[]).await.0, 401, "{steps}");
        assert!(!line.is_in().await);
    }
}

#[tokio::test]
async fn it_opens_neither_another_host_nor_another_application() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let mut line = Line::of(&browser).await;
    for _ in 0..2 {
        assert!(line.is_in().await);
        assert_eq!(line.asks(OTHER, &[]).await.0, 401);
    }
}

#[tokio::test]
async fn a_cookie_beside_the_remembered_one_is_judged_with_it() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let mut line = Line::of(&browser).await;
    assert!(line.is_in().await);
    assert_eq!(line.asks(HOST, &[("cookie", &format!("{KEY}=planted"))]).await.0, 401, "two of our name are none");
    assert!(line.is_in().await);
    let key = browser.cookie(KEY).unwrap();
    let shorter = &key[..key.len() - 1];
    for wrong in [shorter.to_owned(), format!("{key}A"), key.to_uppercase(), format!("{shorter}A"), format!("{shorter}B")] {
        if wrong != key {
            browser.put(KEY, &wrong);
            assert_eq!(line.asks(HOST, &[]).await.0, 401, "{wrong}");
        }
    }
    browser.put(KEY, &key);
    assert!(line.is_in().await);
}

#[tokio::test]
async fn two_people_on_one_connection_are_told_apart() {
    let bed = Bed::with(Toml::bed().application("sign_on = \"headers\"")).await;
    let [alice, bob] = [bed.signed_in("alice", "wonderland").await, bed.signed_in("bob", "builder").await];
    let mut line = Line::of(&alice).await;
    for _ in 0..3 {
        let (alice, bob) = ((&alice, "alice"), (&bob, "bob"));
        for (browser, name) in [alice, bob, bob, alice, alice, alice, bob, bob, bob] {
            line.browser = browser;
            assert_eq!(line.asks(HOST, &[]).await.0, 200);
            assert!(bed.upstream.last().contains(&format!("x-forwarded-user: {name}")), "{}", bed.upstream.last());
        }
    }
}

#[tokio::test]
async fn behind_a_proxy_a_session_stays_where_it_was_admitted() {
    let bed = Bed::with(
        Toml::bed()
            .listener(r#"trusted_proxies = ["127.0.0.9"]"#)
            .rules(r#"{ when = { address = ["192.0.2.5/32"] }, then = "admit" },"#),
    )
    .await;
    let browser = bed.browser().from(9).with("x-forwarded-for", "192.0.2.5");
    assert_eq!(browser.login("alice", "wonderland").await.status, 303);
    let elsewhere = bed.browser().from(9).with("x-forwarded-for", "192.0.2.6");
    elsewhere.put(KEY, &browser.cookie(KEY).unwrap());
    let mut line = Line::of(&browser).await;
    for _ in 0..2 {
        line.browser = &browser;
        assert!(line.is_in().await);
        line.browser = &elsewhere;
        assert!(!line.is_in().await);
    }
}

#[tokio::test]
async fn the_application_gets_the_same_cookies_every_time() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    for (theirs, told) in [(None, None), (Some("a=1; b=\"x y\""), Some("cookie: theme=a=1; b=\"x y\""))] {
        if let Some(theirs) = theirs {
            browser.put("theme", theirs);
        }
        let mut line = Line::of(&browser).await;
        for _ in 0..4 {
            assert_eq!(line.asks(HOST, &[]).await.0, 200);
            let head = bed.upstream.last().to_lowercase();
            assert_eq!(head.lines().find(|field| field.starts_with("cookie:")), told, "{head}");
        }
    }
}

/// HTTP/2 lets a browser send each cookie in a field of its own (RFC 9113 section 8.2.3); with HTTP/1.1 it must not hurt.
#[tokio::test]
async fn cookies_in_several_fields_are_remembered_as_they_were_sent() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let mut line = Line::of(&browser).await;
    let table: [(&[&str], Option<&str>); 6] = [
        (&[], None),
        (&["a=1"], Some("cookie: a=1")),
        (&["a=1", "b=2"], Some("cookie: a=1; b=2")),
        (&["a=1; b=2"], Some("cookie: a=1; b=2")),
        (&["a=1", "b=3"], Some("cookie: a=1; b=3")),
        (&["a=1", ""], Some("cookie: a=1")),
    ];
    for (others, told) in table.iter().chain(table.iter().rev()) {
        let fields: Vec<_> = others.iter().map(|other| ("cookie", *other)).collect();
        for _ in 0..3 {
            assert_eq!(line.asks(HOST, &fields).await.0, 200);
            let head = bed.upstream.last().to_lowercase();
            assert_eq!(head.lines().find(|field| field.starts_with("cookie:")), *told, "{head}");
        }
    }
    let planted = format!("{KEY}=planted");
    assert_eq!(line.asks(HOST, &[("cookie", "a=1"), ("cookie", &planted)]).await.0, 401);
    assert!(line.is_in().await);
}
