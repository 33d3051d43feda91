//! Answers that come before the end of a request's body, and connections that end before an answer.

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::io::AsyncWriteExt;

use crate::support::client::Client;
use crate::support::curl::{self, Curl};
use crate::support::node::{Bed, HOST};
use crate::support::raw::{self, Application};
use crate::support::toml::Toml;

async fn bed_of_raw() -> (Bed, Application) {
    let application = Application::start().await;
    (Bed::with(Toml::bed().servers([application.address])).await, application)
}

/// 64 MiB, which no buffer on the way holds.
fn upload() -> impl http_body::Body<Data = Bytes, Error = std::io::Error> + Send + 'static {
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    StreamBody::new(futures_util::stream::iter((0..1024).map(move |_| Ok(Frame::data(piece.clone())))))
}

#[tokio::test]
async fn an_answer_in_the_middle_of_an_upload_reaches_the_client() {
    let (bed, application) = bed_of_raw().await;
    let answers = [
        ("413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge", "large"),
        ("401 Unauthorized\r\nContent-Length: 4\r\n\r\nwho?", "who?"),
        ("413 Content Too Large\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nlarge\r\n0\r\n\r\n", "large"),
    ];
    for (http2, (answer, expected)) in [false, true].into_iter().flat_map(|http2| answers.map(|answer| (http2, answer))) {
        for _ in 0..5 {
            let mut browser: Client = bed.browser();
            browser.http2 = http2;
            let asked = browser.request(http::Method::POST, "/public", &[], upload());
            let answers = async {
                let mut server = application.accept().await;
                server.head().await;
                server.send(format!("HTTP/1.1 {answer}")).await;
                // With much of the upload unread: the client's side is reset.
                drop(server);
            };
            let (got, ()) = tokio::join!(browser.send(asked), answers);
            assert_eq!(got.status().as_str(), &answer[..3], "h2 {http2}");
            assert_eq!(got.headers().contains_key("connection"), !http2, "h2 {http2}");
            let body = got.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, expected, "h2 {http2} {answer}");
        }
    }
}

/// Of ours, to somebody without a session; curl 7.88 takes a stream that is reset at once for a failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_hears_of_an_answer_in_the_middle_of_its_upload() {
    if !curl::is_there() {
        return;
    }
    let bed = Bed::start().await;
    let large = bed.folder().join("large");
    std::fs::write(&large, vec![b'x'; 30 << 20]).unwrap();
    let address = bed.browser().server;
    for version in ["--http1.1", "--http2"] {
        let curl = Curl::new(bed.folder(), address, &bed.folder().join("cert.pem"), version);
        let file = format!("@{}", large.display());
        for options in [&["--data-binary", file.as_str()][..], &["--data-binary", &file, "-H", "Expect:"]] {
            let answer = curl.ask(HOST, "/upload", options);
            assert_eq!((answer.status, answer.text().contains("sign-in-needed")), (401, true), "{version} {}", answer.heads);
        }
    }
}

/// What is left of an upload looks like a request.
#[tokio::test]
async fn the_rest_of_an_upload_is_never_a_request() {
    let (bed, application) = bed_of_raw().await;
    let mut client = raw::client(&bed.browser()).await;
    let head = format!("POST /public HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n\r\n");
    client.send(head).await;
    let mut server = application.accept().await;
    server.head().await;
    server.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await;
    assert!(client.head().await.contains("\r\nconnection: close\r\n"));
    // The client may not take notice.
    let _ = client.stream.write_all(format!("GET /public/smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await;
    assert_eq!(client.rest().await, b"");
    assert!(!String::from_utf8_lossy(&server.rest().await).contains("smuggled"));
    assert!(application.is_alone().await);
}

/// One whole exchange, which leaves a connection in the pool that is good for any method.
async fn used(
    bed: &Bed,
    application: &Application,
) -> (raw::Raw<tokio_rustls::client::TlsStream<tokio::net::TcpStream>>, raw::Raw<tokio::net::TcpStream>) {
    let mut client = raw::client(&bed.browser()).await;
    client.send(format!("POST /public HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n")).await;
    let mut server = application.accept().await;
    server.head().await;
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    client.until("ok").await;
    (client, server)
}

#[tokio::test]
async fn a_get_on_a_connection_that_closes_as_it_comes_is_asked_once_more() {
    let (bed, application) = bed_of_raw().await;
    for method in ["GET", "HEAD"] {
        let (mut client, mut server) = used(&bed, &application).await;
        client.send(format!("{method} /public/again?x HTTP/1.1\r\nHost: {HOST}\r\nX-Mine: \u{e6}\r\n\r\n")).await;
        let first = server.head().await;
        drop(server);
        let mut server = application.accept().await;
        assert_eq!(server.head().await, first);
        server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "), "{method}");
    }
}

#[tokio::test]
async fn what_may_have_done_something_is_asked_once_and_nothing_a_third_time() {
    let (bed, application) = bed_of_raw().await;
    let table = [
        ("POST /public HTTP/1.1\r\nContent-Length: 0", ""),
        ("GET /public HTTP/1.1\r\nContent-Length: 2", ""),
        ("DELETE /public HTTP/1.1", ""),
        ("GET /public HTTP/1.1", "HTTP/1.1 200 O"),
    ];
    for (request, begun) in table {
        let (mut client, mut server) = used(&bed, &application).await;
        let body = if request.ends_with('2') { "ab" } else { "" };
        client.send(format!("{request}\r\nHost: {HOST}\r\n\r\n{body}")).await;
        server.until(if body.is_empty() { "\r\n\r\n" } else { "ab" }).await;
        server.send(begun).await;
        drop(server);
        assert!(client.head().await.starts_with("HTTP/1.1 502 "), "{request}");
        assert!(application.is_alone().await, "{request}");
    }
    let (mut client, mut server) = used(&bed, &application).await;
    client.send(format!("GET /public HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    server.head().await;
    drop(server);
    let mut server = application.accept().await;
    server.head().await;
    drop(server);
    assert!(client.head().await.starts_with("HTTP/1.1 502 "));
    assert!(application.is_alone().await);
    // On a connection of its own it was not the connection's age.
    let mut client = raw::client(&bed.browser()).await;
    client.send(format!("GET /public HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    let mut server = application.accept().await;
    server.head().await;
    drop(server);
    assert!(client.head().await.starts_with("HTTP/1.1 502 "));
    assert!(application.is_alone().await);
}

#[tokio::test]
async fn a_connection_is_left_before_the_server_closes_it() {
    let (bed, application) = bed_of_raw().await;
    for (field, is_used_again) in [("Keep-Alive: timeout=60", true), ("Keep-Alive: max=5, timeout=1", false)] {
        let mut client = raw::client(&bed.browser()).await;
        client.send(format!("GET /public HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
        let mut server = application.accept().await;
        server.head().await;
        server.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{field}\r\n\r\nok")).await;
        assert!(!client.until("ok").await.contains("keep-alive"));
        client.send(format!("GET /public HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
        if !is_used_again {
            server = application.accept().await;
        }
        server.head().await;
        server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        client.until("ok").await;
    }
}

#[tokio::test]
async fn a_blank_before_a_colon_and_many_fields_are_read() {
    let (bed, application) = bed_of_raw().await;
    let mut client = raw::client(&bed.browser()).await;
    client.send(format!("GET /public HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    let mut server = application.accept().await;
    server.head().await;
    server.send("HTTP/1.1 200 OK\r\nContent-Length : 2\r\nX-Mine \t: a\r\nConnection: close\r\n\r\nok").await;
    let answer = client.until("ok").await;
    assert!(answer.contains("\r\ncontent-length: 2\r\nx-mine: a\r\n"), "{answer}");

    let many: String = (0..300).map(|number| format!("X-Field-{number}: {number}\r\n")).collect();
    let many = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n{many}\r\nok");
    let mut client = raw::client(&bed.browser()).await;
    client.send(format!("GET /public HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    // The first is asked once more, over a connection that reads as many.
    for _ in 0..2 {
        let mut server = application.accept().await;
        server.head().await;
        server.send(&many).await;
    }
    assert!(client.until("ok").await.contains("x-field-299: 299\r\n"));
    client.send(format!("POST /public HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n")).await;
    let mut server = application.accept().await;
    server.head().await;
    server.send(&many).await;
    assert!(client.until("ok").await.contains("x-field-299: 299\r\n"));
}

/// A request that changes something is sent once: its answer is read whole whatever was answered before it on the same connection.
#[tokio::test]
async fn a_post_that_is_the_first_with_many_fields_in_its_answer_gets_it() {
    let many: String = (0..300).map(|number| format!("X-Field-{number}: {number}\r\n")).collect();
    for keys in ["", "connections = 4", "pinned = true"] {
        let application = Application::start().await;
        let bed = Bed::with(Toml::bed().servers([application.address]).upstream(keys)).await;
        let many = many.clone();
        tokio::spawn(async move {
            loop {
                let mut server = application.accept().await;
                let many = many.clone();
                tokio::spawn(async move {
                    loop {
                        let fields = if server.head().await.starts_with("GET ") { "" } else { &many };
                        server.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{fields}\r\nok")).await;
                    }
                });
            }
        });
        let mut client = raw::client(&bed.browser()).await;
        for method in ["GET", "POST", "GET", "DELETE"] {
            client.send(format!("{method} /public HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n")).await;
            let answer = client.until("\r\n\r\nok").await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{keys} {method}: {answer}");
            assert_eq!(answer.contains("x-field-299: 299\r\n"), method != "GET", "{keys} {method}");
        }
    }
}
