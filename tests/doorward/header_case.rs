//! How names of header fields are spelled, byte for byte, for applications that care.

use crate::support::node::{Bed, HOST};
use crate::support::raw::{self, Application};
use crate::support::toml::Toml;

async fn bed(upstream: &'static str) -> (Bed, Application) {
    let application = Application::start().await;
    (Bed::with(Toml::bed().upstream(upstream).servers([application.address])).await, application)
}

const ASKED: &str = "GET /public HTTP/1.1\r\nhOST: app.example\r\nX-ODD-name: 1\r\nsoapaction: \"a\"\r\nX-ODD-NAME: 2\r\nX-Real-IP: 6.6.6.6\r\n\r\n";
const ANSWERED: &str = "HTTP/1.1 200 OK\r\nCONTENT-length: 2\r\nX-OLD-thing: 1\r\nSet-cookie: a=1\r\nSET-COOKIE: b=2\r\n\r\nok";

/// What the application and the client get to see.
async fn seen(upstream: &'static str) -> (Vec<String>, String) {
    let (bed, application) = bed(upstream).await;
    let mut client = raw::client(&bed.browser()).await;
    client.send(ASKED).await;
    let mut server = application.accept().await;
    let request = server.head().await;
    server.send(ANSWERED).await;
    (sorted(&request), client.until("\r\n\r\nok").await)
}

/// Which name stands before which other means nothing.
fn sorted(head: &str) -> Vec<String> {
    let mut lines: Vec<_> = head.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn names_are_in_small_letters_unless_told_otherwise() {
    let (request, answer) = seen("").await;
    let expected = sorted(
        "GET /public HTTP/1.1\r\nhost: app.example\r\nx-odd-name: 1\r\nx-odd-name: 2\r\nsoapaction: \"a\"\r\nvia: 1.1 doorward\r\n\
         x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: https\r\nx-forwarded-host: app.example\r\n\r\n",
    );
    assert_eq!(request, expected);
    assert!(answer.contains("content-length: 2\r\nx-old-thing: 1\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n"), "{answer}");
}

#[tokio::test]
async fn title_writes_them_as_old_servers_expect() {
    let (request, answer) = seen(r#"header_case = "title""#).await;
    let expected = sorted(
        "GET /public HTTP/1.1\r\nHost: app.example\r\nX-Odd-Name: 1\r\nX-Odd-Name: 2\r\nSoapaction: \"a\"\r\nVia: 1.1 doorward\r\n\
         X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: app.example\r\n\r\n",
    );
    assert_eq!(request, expected);
    assert!(answer.contains("content-length: 2\r\nx-old-thing: 1\r\n"), "{answer}");
}

#[tokio::test]
async fn keep_writes_them_as_they_came_both_ways() {
    let (request, answer) = seen(r#"header_case = "keep""#).await;
    let expected = sorted(
        "GET /public HTTP/1.1\r\nhOST: app.example\r\nX-ODD-name: 1\r\nX-ODD-NAME: 2\r\nsoapaction: \"a\"\r\nVia: 1.1 doorward\r\n\
         X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: app.example\r\n\r\n",
    );
    assert_eq!(request, expected);
    assert!(answer.contains("CONTENT-length: 2\r\nX-OLD-thing: 1\r\nSet-cookie: a=1\r\nSET-COOKIE: b=2\r\n"), "{answer}");
}

#[tokio::test]
async fn what_has_no_spelling_of_its_own_gets_the_usual_one() {
    let (bed, application) = bed(r#"header_case = "keep""#).await;
    let mut browser = bed.browser();
    browser.http2 = true;
    let request = browser.request(http::Method::GET, "/public", &[("x-odd-name", "1")], http_body_util::Empty::new());
    let (answer, request) = tokio::join!(browser.send(request), async {
        let mut server = application.accept().await;
        let request = server.head().await;
        server.send(ANSWERED).await;
        request
    });
    assert!(request.contains(&format!("\r\nHost: {HOST}\r\n")) && request.contains("\r\nX-Odd-Name: 1\r\n"), "{request}");
    assert_eq!(answer.headers()["x-old-thing"], "1");
}

#[tokio::test]
async fn a_tunnel_opens_with_kept_names_too() {
    let (bed, application) = bed(r#"header_case = "keep""#).await;
    let mut client = raw::client(&bed.browser()).await;
    client
        .send("GET /public HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUPGRADE: websocket\r\nSec-WebSocket-Key: k\r\n\r\n")
        .await;
    let mut server = application.accept().await;
    let request = server.head().await;
    assert!(request.contains("Sec-WebSocket-Key: k\r\nConnection: Upgrade\r\nUPGRADE: websocket\r\n"), "{request}");
    server
        .send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: a\r\n\r\nhello")
        .await;
    assert!(client.until("hello").await.contains("Sec-WebSocket-Accept: a\r\n"));
    client.send("there").await;
    assert_eq!(server.exactly(5).await, b"there");
}
