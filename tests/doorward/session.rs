//! Sessions through the front door: whose they are, how long they last, and what opens none.

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use http_body_util::{BodyExt, Full};

use crate::support::client::{FLOW, KEY, Watch};
use crate::support::node::{Bed, OTHER};
use crate::support::toml::Toml;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_session_ends_when_nobody_has_used_it_for_its_idle_time() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    for _ in 0..3 {
        bed.clock.advance(29 * MINUTE);
        assert!(browser.is_in().await);
    }
    bed.clock.advance(30 * MINUTE);
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn a_session_in_use_ends_at_its_absolute_time() {
    let bed = Bed::with(Toml::bed().session(r#"{ idle = "30m", absolute = "1h" }"#)).await;
    let browser = bed.signed_in("alice", "wonderland").await;
    for _ in 0..2 {
        bed.clock.advance(29 * MINUTE);
        assert!(browser.is_in().await);
    }
    bed.clock.advance(2 * MINUTE);
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn who_comes_back_after_the_end_is_told_so_on_the_login_page() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    bed.clock.advance(31 * MINUTE);
    let sent = browser.get("/x").await;
    let page = browser.get(&sent.location()).await;
    assert!(page.status == 200 && page.says("You are signed out."), "{}", page.body);
}

#[tokio::test]
async fn a_download_is_cut_when_the_session_expires() {
    let bed = Bed::with(Toml::bed().session(r#"{ idle = "1h", absolute = "1h" }"#)).await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let response = browser.send(browser.request(Method::GET, "/download", &[], Full::default())).await;
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    bed.clock.advance(60 * MINUTE);
    let cut = tokio::time::timeout(Duration::from_secs(1), async { while let Some(Ok(_)) = body.frame().await {} });
    cut.await.expect("it goes on after the end of its session");
}

#[tokio::test]
async fn a_session_admitted_by_its_address_is_good_there_alone() {
    let rules = r#"{ when = { address = ["127.0.0.5/32"] }, then = "admit" },"#;
    let bed = Bed::with(Toml::bed().rules(rules)).await;
    let browser = bed.browser().from(5);
    let entered = browser.login("alice", "wonderland").await;
    assert_eq!((entered.status, entered.header("location")), (303, "/"));
    assert!(browser.is_in().await);
    assert!(!browser.from(6).is_in().await);
}

#[tokio::test]
async fn a_session_is_nothing_at_another_host() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let other = bed.browser_at(OTHER);
    other.put(KEY, &browser.cookie(KEY).unwrap());
    assert!(!other.is_in().await);
}

#[tokio::test]
async fn a_flow_cookie_is_no_session_cookie() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let other = bed.browser();
    other.put(KEY, &browser.cookie(FLOW).unwrap());
    assert!(!other.is_in().await);
}

#[tokio::test]
async fn two_cookies_of_our_name_count_as_none() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let key = browser.cookie(KEY).unwrap();
    let planted = format!("{KEY}=planted");
    for extra in [planted.as_str(), &format!("{KEY}={key}")] {
        let answer = browser.ask(Method::GET, "/", &[("cookie", extra)], "").await;
        assert_eq!(answer.status, 401, "{extra}");
    }
}

#[tokio::test]
async fn a_planted_flow_cookie_does_not_let_the_planter_in() {
    let bed = Bed::start().await;
    let (planter, victim) = (bed.browser(), bed.browser());
    planter.get("/.doorward/login").await;
    victim.put(FLOW, &planter.cookie(FLOW).unwrap());
    bed.sign_in(&victim, "alice", "wonderland").await;
    assert!(victim.is_in().await && !planter.is_in().await);
}

#[tokio::test]
async fn a_planted_session_cookie_is_not_taken_over() {
    let bed = Bed::start().await;
    let (planter, victim) = (bed.browser(), bed.browser());
    let planted = "k1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    planter.put(KEY, planted);
    victim.put(KEY, planted);
    bed.sign_in(&victim, "alice", "wonderland").await;
    assert_ne!(victim.cookie(KEY).unwrap(), planted);
    assert!(victim.is_in().await && !planter.is_in().await);
}

/// Values of the right form, under a key that exists, with a tag that is made up.
fn forged(number: u64) -> String {
    let mut bytes = [7_u8; 44];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    format!("k1.{}", data_encoding::BASE64URL_NOPAD.encode(&bytes))
}

#[tokio::test]
async fn five_thousand_forged_cookies_open_nothing() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    browser.http2 = true;
    let stream = browser.tls("h2").await;
    let (sender, connection) = hyper::client::conn::http2::handshake::<_, _, Full<bytes::Bytes>>(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    let begun = Watch::start();
    let one = |lane: u64| {
        let (mut sender, browser) = (sender.clone(), &browser);
        async move {
            for number in 0..100 {
                let cookie = format!("{KEY}={}", forged(lane * 100 + number));
                let request = browser.request(Method::GET, "/", &[("cookie", &cookie)], Full::default());
                assert_eq!(sender.send_request(request).await.unwrap().status(), 401);
            }
        }
    };
    join_all((0..50).map(one)).await;
    let rate = 5_000.0 / begun.elapsed().as_secs_f64();
    println!("forged cookies: {rate:.0} requests a second over one connection");
    assert!(bed.upstream.requests().is_empty());
}
