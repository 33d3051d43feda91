//! Signing out: asked for by GET, done by POST, and everything that runs under the session ends with it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::Method;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::client::{Client, KEY, Watch, read};
use crate::support::eventually::eventually;
use crate::support::node::{Bed, HOST, detail};

const SOON: Duration = Duration::from_secs(1);
/// Of a download, fifty a second.
const PIECES: usize = 15;

#[tokio::test]
async fn signing_out_ends_the_session_and_says_so() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let key = browser.cookie(KEY).unwrap();
    let answer = browser.sign_out().await;
    assert!(answer.status == 200 && answer.says("You are signed out"), "{}", answer.body);
    assert_eq!(answer.header("clear-site-data"), "\"cache\"");
    assert_eq!(browser.cookie(KEY), None);
    browser.put(KEY, &key);
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn a_link_to_the_logout_page_signs_nobody_out() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    assert!(browser.get("/.doorward/logout").await.says("Sign out?"));
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn signing_out_in_one_browser_leaves_the_other_signed_in() {
    let bed = Bed::start().await;
    let (one, other) = (bed.signed_in("alice", "wonderland").await, bed.signed_in("alice", "wonderland").await);
    one.sign_out().await;
    assert!(!one.is_in().await && other.is_in().await);
}

#[tokio::test]
async fn signing_out_is_an_event_of_the_user() {
    let bed = Bed::start().await;
    bed.signed_in("alice", "wonderland").await.sign_out().await;
    let journal = bed.journal();
    let [first, last] = ["signed-in", "signed-out"].map(|kind| journal.iter().find(|event| event.kind == kind).unwrap());
    assert_eq!(last.user, "people:alice");
    assert_eq!(detail(first)["session"], detail(last)["session"]);
}

/// A download, and whether it ends within a second from now.
struct Download(Incoming);

impl Download {
    async fn begin(browser: &Client) -> Self {
        let response = browser.send(browser.request(Method::GET, "/download", &[], Full::default())).await;
        let mut body = response.into_body();
        // Long enough to have been swept over.
        for _ in 0..PIECES {
            body.frame().await.unwrap().unwrap();
        }
        Self(body)
    }

    async fn ends(mut self) -> bool {
        tokio::time::timeout(SOON, async { while let Some(Ok(_)) = self.0.frame().await {} }).await.is_ok()
    }
}

#[tokio::test]
async fn a_running_download_ends_within_a_second_and_somebody_elses_goes_on() {
    let bed = Bed::start().await;
    let (alice, bob) = (bed.signed_in("alice", "wonderland").await, bed.signed_in("bob", "builder").await);
    let (hers, his) = (Download::begin(&alice).await, Download::begin(&bob).await);
    alice.sign_out().await;
    assert!(hers.ends().await, "the download goes on");
    assert!(!his.ends().await, "somebody else's download ended, too");
}

#[tokio::test]
async fn an_upload_under_way_ends_within_a_second() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let pieces = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(b"more"))), ()))
    });
    let request = browser.request(Method::POST, "/upload", &[], StreamBody::new(Box::pin(pieces)));
    let upload = browser.send(request);
    let end = async {
        eventually("the upload is under way", async || bed.upstream.uploaded() >= 40).await;
        browser.sign_out().await;
        Watch::start()
    };
    let (answer, ended) = tokio::join!(upload, end);
    assert!(ended.elapsed() < SOON);
    assert_eq!(answer.status(), 401);
    // Nothing can come after that.
    eventually("the application has seen its end", async || bed.upstream.open() == 0).await;
}

#[tokio::test]
async fn a_long_poll_that_waits_for_its_head_ends_within_a_second() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let poll = browser.send(browser.request(Method::GET, "/poll", &[], Full::<Bytes>::default()));
    let end = async {
        eventually("the poll is under way", async || bed.upstream.open() > 0).await;
        browser.sign_out().await;
        Watch::start()
    };
    let (answer, ended) = tokio::join!(poll, end);
    assert!(ended.elapsed() < SOON);
    assert_eq!(read(answer).await.status, 401);
}

#[tokio::test]
async fn a_web_socket_ends_within_a_second() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let mut request = format!("wss://{HOST}/ws").into_client_request().unwrap();
    request.headers_mut().insert("cookie", format!("{KEY}={}", browser.cookie(KEY).unwrap()).parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::client_async(request, browser.tls("http/1.1").await).await.unwrap();
    for _ in 0..10 {
        socket.send(Message::text("hello")).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap().to_text().unwrap(), "hello");
    }
    browser.sign_out().await;
    let end = tokio::time::timeout(SOON, async { while let Some(Ok(_)) = socket.next().await {} }).await;
    end.expect("the WebSocket goes on");
}
