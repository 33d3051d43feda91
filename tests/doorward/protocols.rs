//! The corners of HTTP: interim answers, `Expect`, answers without a body, trailers, and pieces that must not wait for each other.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Empty, Full};

use crate::support::client::{Client, KEY};
use crate::support::node::{Bed, HOST};
use crate::support::raw::{self, Application};
use crate::support::toml::Toml;

async fn bed() -> (Bed, Application) {
    let application = Application::start().await;
    (Bed::with(Toml::bed().servers([application.address])).await, application)
}

fn browsers(bed: &Bed) -> [Client; 2] {
    let mut second = bed.browser();
    second.http2 = true;
    [bed.browser(), second]
}

/// The head of an upload of four bytes that waits to be asked for it.
fn expecting(cookie: &str, more: &str) -> String {
    format!("POST /upload HTTP/1.1\r\nHost: {HOST}\r\n{cookie}Expect: 100-continue\r\nContent-Length: 4\r\n{more}\r\n")
}

#[tokio::test]
async fn who_has_no_session_is_told_so_before_a_byte_of_the_upload_is_asked_for() {
    let (bed, application) = bed().await;
    for (cookie, more, status) in [
        ("", "", "401"),
        ("Cookie: __Host-doorward=forged\r\n", "", "401"),
        ("", "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n", "401"),
    ] {
        let mut client = raw::client(&bed.browser()).await;
        client.send(expecting(cookie, more)).await;
        let told = client.head().await;
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")) && !told.contains("100"), "{told}");
    }
    // A page that is gone to by GET, with a body that it should not have.
    let mut client = raw::client(&bed.browser()).await;
    client.send(expecting("", "Accept: text/html\r\n").replace("POST", "GET")).await;
    let told = client.head().await;
    assert!(told.starts_with("HTTP/1.1 303 ") && told.contains("location: /.doorward/login"), "{told}");
    assert!(application.is_alone().await);
}

#[tokio::test]
async fn who_has_a_session_is_asked_for_the_upload_once_somebody_wants_it() {
    let (bed, application) = bed().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let mut client = raw::client(&browser).await;
    client.send(expecting(&format!("Cookie: {KEY}={}\r\n", browser.cookie(KEY).unwrap()), "")).await;
    let mut server = application.accept().await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("body").await;
    let head = server.head().await;
    assert!(head.contains("content-length: 4\r\n") && !head.contains("expect"), "{head}");
    assert_eq!(server.exactly(4).await, b"body");
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert!(client.until("\r\n\r\nok").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn an_upload_that_is_too_large_is_refused_before_it_is_asked_for() {
    let application = Application::start().await;
    let toml = Toml::bed().servers([application.address]).application("limits = { body = \"1 KiB\" }");
    let bed = Bed::with(toml).await;
    let mut client = raw::client(&bed.browser()).await;
    client.send(expecting("", "").replace("/upload", "/public").replace("Length: 4", "Length: 1025")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 413 "));
    assert!(application.is_alone().await);
}

#[tokio::test]
async fn interim_answers_are_swallowed_however_many_there_are() {
    let (bed, application) = bed().await;
    for browser in browsers(&bed) {
        let request = browser.request(Method::POST, "/public", &[], Full::from("body"));
        let (answer, ()) = tokio::join!(browser.send(request), async {
            let mut server = application.accept().await;
            server.until("body").await;
            server.send("HTTP/1.1 100 Continue\r\n\r\n").await;
            server.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n").await;
            server.send("HTTP/1.1 100 Continue\r\nSet-Cookie: early=1\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        });
        assert_eq!(
            (answer.status().as_u16(), answer.headers().get("link"), answer.headers().get("set-cookie")),
            (201, None, None)
        );
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ok");
    }
}

#[tokio::test]
async fn answers_without_a_body_say_what_they_would_have_said_and_leave_nothing_behind() {
    let (bed, application) = bed().await;
    // Method, answer, and what arrives: status, length, body. The next on the same connections shows that both sides agree on the end.
    type Case<'a> = (&'a str, &'a str, (u16, Option<&'a str>, &'a str));
    let table: [Case<'_>; 9] = [
        ("DELETE", "204 No Content\r\nContent-Length: 0\r\n\r\n", (204, None, "")),
        ("HEAD", "200 OK\r\nContent-Length: 77\r\n\r\n", (200, Some("77"), "")),
        ("HEAD", "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", (200, None, "")),
        ("HEAD", "404 Not Found\r\nContent-Length: 5\r\n\r\n", (404, Some("5"), "")),
        ("GET", "204 No Content\r\n\r\n", (204, None, "")),
        ("GET", "304 Not Modified\r\nETag: \"x\"\r\n\r\n", (304, None, "")),
        ("GET", "304 Not Modified\r\nContent-Length: 4096\r\n\r\n", (304, Some("4096"), "")),
        ("GET", "200 OK\r\nContent-Length: 0\r\n\r\n", (200, Some("0"), "")),
        ("GET", "200 OK\r\nContent-Length: 4\r\n\r\nlast", (200, Some("4"), "last")),
    ];
    let mut client = raw::client(&bed.browser()).await;
    let mut server = None;
    for (method, answer, (status, length, body)) in table {
        client.send(format!("{method} /public HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
        let server = match &mut server {
            Some(server) => server,
            none => none.insert(application.accept().await),
        };
        let asked = server.head().await;
        assert!(asked.starts_with(&format!("{method} /public HTTP/1.1\r\n")), "{asked}");
        server.send(format!("HTTP/1.1 {answer}")).await;
        let told = client.head().await;
        let found = told.lines().find_map(|line| line.strip_prefix("content-length: "));
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}: {told}");
        // 204 has none (RFC 9110 section 8.6), and what 304 would have had may be left out.
        assert!(found == length || (status == 304 && found.is_none()), "{answer}: {told}");
        assert_eq!(client.exactly(body.len()).await, body.as_bytes());
    }
    assert!(client.is_silent().await);
}

#[tokio::test]
async fn a_body_where_none_may_be_is_not_taken_for_the_next_answer() {
    let (bed, application) = bed().await;
    for answer in ["204 No Content\r\nContent-Length: 5\r\n\r\nHTTP/", "304 Not Modified\r\nContent-Length: 5\r\n\r\nHTTP/"] {
        let mut client = raw::client(&bed.browser()).await;
        let asked = format!("GET /public HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        client.send(&asked).await;
        let mut server = application.accept().await;
        server.head().await;
        server.send(format!("HTTP/1.1 {answer}")).await;
        let told = client.head().await;
        assert!(told.starts_with(&format!("HTTP/1.1 {}", &answer[..3])), "{told}");
        client.send(&asked).await;
        // What was left over belongs to nobody: another connection is used.
        let mut server = application.accept().await;
        server.head().await;
        server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        assert!(client.until("\r\n\r\nok").await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn trailers_of_an_answer_arrive_where_they_were_asked_for() {
    let (bed, application) = bed().await;
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTrailer: grpc-status, grpc-message\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nhello\r\n0\r\ngrpc-status: 0\r\ngrpc-message: fine\r\nSet-Cookie: __Host-doorward=x\r\nConnection: close\r\n\r\n";
    for browser in browsers(&bed) {
        let request = browser.request(Method::POST, "/public", &[("te", "trailers")], Full::from("x"));
        let (response, asked) = tokio::join!(browser.send(request), async {
            let mut server = application.accept().await;
            let asked = server.until("\r\n\r\nx").await;
            server.send(answer).await;
            asked
        });
        assert!(asked.contains("te: trailers\r\n"), "{asked}");
        let collected = response.into_body().collect().await.unwrap();
        let trailers: HeaderMap = collected.trailers().unwrap().clone();
        assert_eq!((&trailers["grpc-status"], &trailers["grpc-message"]), (&"0".parse().unwrap(), &"fine".parse().unwrap()));
        assert!(!trailers.contains_key("set-cookie") && !trailers.contains_key("connection"));
        assert_eq!(collected.to_bytes(), "hello");
    }

    let mut client = raw::client(&bed.browser()).await;
    client.send(format!("GET /public HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    let mut server = application.accept().await;
    assert!(!server.head().await.contains("te:"));
    server.send(answer).await;
    let told = client.until("0\r\n\r\n").await;
    assert!(told.ends_with("5\r\nhello\r\n0\r\n\r\n"), "who did not ask gets none: {told}");
}

#[tokio::test]
async fn trailers_of_a_request_end_here() {
    let (bed, application) = bed().await;
    let mut client = raw::client(&bed.browser()).await;
    client
        .send(format!(
            "POST /public HTTP/1.1\r\nHost: {HOST}\r\nTrailer: X-Forwarded-User\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Forwarded-User: root\r\n\r\n"
        ))
        .await;
    let mut server = application.accept().await;
    let received = server.until("0\r\n\r\n").await;
    assert!(received.ends_with("4\r\nbody\r\n0\r\n\r\n") && !received.contains("trailer"), "{received}");
}

#[tokio::test]
async fn every_piece_arrives_before_the_next_is_written() {
    let (bed, application) = bed().await;
    for browser in browsers(&bed) {
        for framing in ["Transfer-Encoding: chunked", "Content-Length: 95", "Connection: close"] {
            let request =
                browser.request(Method::GET, "/public/events", &[("accept", "text/event-stream")], Empty::<Bytes>::new());
            let (response, mut server) = tokio::join!(browser.send(request), async {
                let mut server = application.accept().await;
                server.head().await;
                server.send(format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{framing}\r\n\r\n")).await;
                server
            });
            assert_eq!(response.headers()["content-type"], "text/event-stream");
            let mut body = response.into_body();
            for number in 0..5 {
                let event = format!("id: {number}\ndata: event\n\n");
                let piece = if framing.contains("chunked") { format!("{:x}\r\n{event}\r\n", event.len()) } else { event.clone() };
                server.send(piece).await;
                // Nothing follows before this one is here.
                let frame =
                    tokio::time::timeout(std::time::Duration::from_secs(10), body.frame()).await.expect("it is held back");
                assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), event.as_bytes(), "{framing}");
            }
        }
    }
}

#[tokio::test]
async fn every_piece_of_an_upload_arrives_before_the_next_is_sent() {
    let (bed, application) = bed().await;
    let mut client = raw::client(&bed.browser()).await;
    client.send(format!("POST /public HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
    let mut server = application.accept().await;
    server.head().await;
    for number in 0..5 {
        let piece = format!("6\r\npiece{number}\r\n");
        client.send(&piece).await;
        assert_eq!(server.until(&piece).await, piece);
    }
    // The answer may come before the request has ended.
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n").await;
    client.until("5\r\nearly\r\n").await;
    client.send("4\r\nmore\r\n").await;
    server.until("4\r\nmore\r\n").await;
}

#[tokio::test]
async fn a_remote_desktop_gateway_without_a_websocket_streams_on_two_connections() {
    let (bed, application) = bed().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let head = |method: &str, fields: &str| {
        let id = "RDG-Connection-Id: {9A3C5D1E-0000-4000-8000-1234567890AB}";
        let key = browser.cookie(KEY).unwrap();
        format!("{method} /remoteDesktopGateway/ HTTP/1.1\r\nHost: {HOST}\r\nCookie: {KEY}={key}\r\n{id}\r\n{fields}\r\n\r\n")
    };
    let mut out = raw::client(&browser).await;
    out.send(head("RDG_OUT_DATA", "Accept: */*")).await;
    let mut sends = application.accept().await;
    assert!(sends.head().await.starts_with("RDG_OUT_DATA /remoteDesktopGateway/ HTTP/1.1\r\n"));
    // No length: it lasts until the application closes.
    sends.send("HTTP/1.1 200 OK\r\n\r\n0123456789").await;
    assert!(out.until("0123456789").await.starts_with("HTTP/1.1 200 "));

    let mut inward = raw::client(&browser).await;
    inward.send(head("RDG_IN_DATA", "Content-Length: 0")).await;
    let mut takes = application.accept().await;
    assert!(takes.head().await.contains("rdg-connection-id: {9A3C5D1E-0000-4000-8000-1234567890AB}\r\n"));
    takes.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    inward.head().await;
    inward.send(head("RDG_IN_DATA", "Transfer-Encoding: chunked")).await;
    assert!(takes.head().await.starts_with("RDG_IN_DATA "), "on the connection of before");
    for number in 0..5 {
        inward.send(format!("6\r\npacke{number}\r\n")).await;
        takes.until(&format!("packe{number}\r\n")).await;
        sends.send(format!("reply{number}")).await;
        out.until(&format!("reply{number}")).await;
    }
    drop(sends);
    assert_eq!(out.until("0\r\n\r\n").await, "\r\n0\r\n\r\n");
}

#[tokio::test]
async fn an_answer_that_comes_before_the_end_of_a_short_body_resets_nothing() {
    let (bed, _application) = bed().await;
    let (mut sender, connection) = h2::client::handshake(bed.browser().tls("h2").await).await.unwrap();
    let driver = tokio::spawn(connection);
    for target in ["/refused", "/.doorward/login"] {
        let (answer, mut upload) = sender.send_request(posted(target), false).unwrap();
        let mut answer = answer.await.unwrap().into_body();
        while let Some(piece) = answer.data().await {
            piece.unwrap();
        }
        // What a stream in the middle of its life does not say within this time was not said with the answer.
        let reset = tokio::time::timeout(Duration::from_millis(200), poll_fn(|context| upload.poll_reset(context))).await;
        assert!(reset.is_err(), "{target}: {reset:?}");
        upload.send_data(Bytes::from_static(b"a=b"), true).unwrap();
    }
    driver.abort();
}

#[tokio::test]
async fn a_long_body_that_nobody_wants_is_stopped_without_an_error() {
    let (bed, _application) = bed().await;
    let (mut sender, connection) = h2::client::handshake(bed.browser().tls("h2").await).await.unwrap();
    let driver = tokio::spawn(connection);
    let (answer, mut upload) = sender.send_request(posted("/refused"), false).unwrap();
    assert_eq!(answer.await.unwrap().status(), 401);
    upload.reserve_capacity(1 << 20);
    let stopped = poll_fn(|context| {
        while let Poll::Ready(Some(Ok(room))) = upload.poll_capacity(context) {
            drop(upload.send_data(vec![b'x'; room].into(), false));
        }
        upload.poll_reset(context)
    });
    let reset = tokio::time::timeout(Duration::from_secs(10), stopped).await.expect("it is never stopped");
    assert_eq!(reset.unwrap(), h2::Reason::NO_ERROR);
    driver.abort();
}

fn posted(target: &str) -> http::Request<()> {
    // Refused by its head alone, at a page of ours too.
    let request = http::Request::post(format!("https://{HOST}{target}")).header("sec-fetch-site", "cross-site");
    request.header("content-type", "application/x-www-form-urlencoded").body(()).unwrap()
}
