//! Requests that wait at the application for as long as a phone's mail does: the session's clock decides, not how long nothing was said.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, Empty};
use tokio::time::{sleep, timeout};

use crate::support::client::{Client, Watch, read};
use crate::support::node::Bed;
use crate::support::raw::Application;
use crate::support::toml::Toml;

const MINUTE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(1);

async fn bed(session: &'static str) -> (Bed, Application) {
    let application = Application::start().await;
    let toml = Toml::bed().servers([application.address]).session(session).application(r#"limits = { response_wait = "2h" }"#);
    (Bed::with(toml).await, application)
}

/// How long the polls of [`a_poll_goes_on_while_its_session_lives`] really take: five minutes with `DOORWARD_LONG=1`.
fn really() -> Duration {
    let long = std::env::var("DOORWARD_LONG").is_ok_and(|long| long == "1");
    if long { 5 * MINUTE } else { Duration::from_secs(1) }
}

/// An hour of the session's time within the real time.
async fn pass_an_hour(bed: &Bed) {
    for _ in 0..60 {
        sleep(really() / 60).await;
        bed.clock.advance(MINUTE);
    }
}

#[tokio::test]
async fn a_poll_goes_on_while_its_session_lives() {
    let (bed, application) = bed(r#"{ idle = "2h", absolute = "12h" }"#).await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let mut second = bed.signed_in("bob", "builder").await;
    second.http2 = true;
    let poll = async |browser: &Client, path: &str| {
        read(browser.send(browser.request(Method::POST, path, &[], Empty::<Bytes>::new())).await).await
    };
    let started = Watch::start();
    let (ping, notify, ping_2, notify_2, ()) = tokio::join!(
        poll(&browser, "/ping"),
        poll(&browser, "/notify"),
        poll(&second, "/ping"),
        poll(&second, "/notify"),
        async {
            let mut polls = Vec::new();
            for _ in 0..4 {
                let mut server = application.accept().await;
                let notifies = server.head().await.starts_with("POST /notify");
                if notifies {
                    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nPENDING\r\n").await;
                }
                polls.push((server, notifies));
            }
            pass_an_hour(&bed).await;
            for (server, notifies) in &mut polls {
                let end = if *notifies { "4\r\nDONE\r\n0\r\n\r\n" } else { "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmail" };
                server.send(end).await;
            }
        }
    );
    assert!(started.elapsed() >= really());
    for (answer, expected) in [(ping, "mail"), (ping_2, "mail"), (notify, "PENDINGDONE"), (notify_2, "PENDINGDONE")] {
        assert_eq!((answer.status, answer.body.as_str()), (200, expected));
    }
}

#[tokio::test]
async fn a_poll_is_cut_when_its_session_is_over() {
    let (bed, application) = bed(r#"{ idle = "1h", absolute = "12h" }"#).await;
    for http2 in [false, true] {
        let mut browser = bed.signed_in("alice", "wonderland").await;
        browser.http2 = http2;
        let waiting = browser.send(browser.request(Method::POST, "/ping", &[], Empty::<Bytes>::new()));
        let (answer, ()) = tokio::join!(waiting, async {
            let mut server = application.accept().await;
            server.head().await;
            bed.clock.advance(59 * MINUTE);
            assert!(server.is_silent().await, "it is not over yet");
            bed.clock.advance(MINUTE);
            assert_eq!(timeout(SOON, server.rest()).await.expect("it goes on"), b"");
        });
        assert_eq!(answer.status(), 401);

        browser = bed.signed_in("alice", "wonderland").await;
        browser.http2 = http2;
        let waiting = browser.send(browser.request(Method::GET, "/events", &[], Empty::<Bytes>::new()));
        let (answer, mut server) = tokio::join!(waiting, async {
            let mut server = application.accept().await;
            server.head().await;
            server.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n").await;
            server
        });
        let mut body = answer.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "data: 1\n\n");
        bed.clock.advance(60 * MINUTE);
        assert!(timeout(SOON, body.frame()).await.expect("it goes on").unwrap().is_err());
        assert_eq!(server.rest().await, b"");
    }
}
