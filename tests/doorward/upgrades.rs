//! Connections that switch protocols: which, by whom, and how they end.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::client::{Client, KEY};
use crate::support::node::{Bed, HOST};
use crate::support::raw::{self, Application, Raw};
use crate::support::toml::Toml;

async fn bed(upstream: &'static str) -> (Bed, Application) {
    let application = Application::start().await;
    (Bed::with(Toml::bed().upstream(upstream).servers([application.address])).await, application)
}

/// The head of a request to switch, with the session's cookie.
fn asking(browser: &Client, method: &str, fields: &str) -> String {
    let key = browser.cookie(KEY).unwrap();
    format!("{method} /remoteDesktopGateway/ HTTP/1.1\r\nHost: {HOST}\r\nCookie: {KEY}={key}\r\n{fields}\r\n\r\n")
}

/// Both ends of a tunnel that was asked for like this.
async fn tunnel(
    bed: &Bed,
    application: &Application,
    method: &str,
    protocol: &str,
) -> (Raw<TlsStream<TcpStream>>, Raw<TcpStream>, String) {
    let browser = bed.signed_in("alice", "wonderland").await;
    let mut client = raw::client(&browser).await;
    client.send(asking(&browser, method, &format!("Connection: Upgrade\r\nUpgrade: {protocol}"))).await;
    let mut server = application.accept().await;
    let head = server.head().await;
    server.send(format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n")).await;
    let switched = client.head().await;
    assert!(switched.starts_with("HTTP/1.1 101 "), "{switched}");
    assert!(switched.contains("connection: Upgrade\r\n") && !switched.contains("__Host-doorward"), "{switched}");
    (client, server, head)
}

#[tokio::test]
async fn a_remote_desktop_gateway_switches_with_methods_of_its_own() {
    let (bed, application) = bed("").await;
    for method in ["RDG_OUT_DATA", "RDG_IN_DATA", "GET"] {
        let (mut client, mut server, head) = tunnel(&bed, &application, method, "websocket").await;
        assert!(head.starts_with(&format!("{method} /remoteDesktopGateway/ HTTP/1.1\r\n")), "{head}");
        assert!(head.contains("connection: Upgrade\r\nupgrade: websocket\r\n"), "{head}");
        for (from, to) in [(&b"\x82\x04\x00\x01\xfe\xff"[..], &b"\x82\x02\r\n"[..])] {
            client.send(from).await;
            assert_eq!(server.exactly(from.len()).await, from);
            server.send(to).await;
            assert_eq!(client.exactly(to.len()).await, to);
        }
    }
}

#[tokio::test]
async fn another_protocol_is_switched_to_where_the_application_lists_it() {
    let (bed, application) = bed(r#"upgrade = ["WebSocket", "tunnel/2.1"]"#).await;
    let (mut client, mut server, head) = tunnel(&bed, &application, "OPEN", "Tunnel/2.1").await;
    assert!(head.starts_with("OPEN /") && head.contains("upgrade: tunnel/2.1\r\n"), "{head}");
    // What is in flight at once is more than the sockets hold.
    let block: Vec<u8> = (0..4 << 20).map(|place: u32| place.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let ((), got) = tokio::join!(client.send(&block), server.exactly(block.len()));
    assert!(got == block);
    let ((), got) = tokio::join!(server.send(&block), client.exactly(block.len()));
    assert!(got == block);
}

#[tokio::test]
async fn what_is_not_on_the_list_goes_on_as_an_ordinary_request() {
    let (bed, application) = bed(r#"upgrade = ["tunnel"]"#).await;
    let browser = bed.signed_in("alice", "wonderland").await;
    for fields in [
        "Connection: Upgrade\r\nUpgrade: websocket",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
        "Connection: Upgrade\r\nUpgrade: tunnel, websocket",
        "Connection: Upgrade\r\nUpgrade: tunnel\r\nUpgrade: tunnel",
        "Connection: close\r\nUpgrade: tunnel",
    ] {
        let mut client = raw::client(&browser).await;
        client.send(asking(&browser, "GET", fields)).await;
        let mut server = application.accept().await;
        let head = server.head().await;
        assert!(!head.contains("upgrade") && !head.contains("http2-settings"), "{fields}: {head}");
        server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        assert!(client.until("\r\n\r\nok").await.starts_with("HTTP/1.1 200"), "{fields}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_switch_is_an_ordinary_one_and_both_connections_go_on() {
    let (bed, application) = bed("").await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let mut client = raw::client(&browser).await;
    let asking = asking(&browser, "RDG_OUT_DATA", "Connection: Upgrade\r\nUpgrade: websocket");
    client.send(&asking).await;
    let mut server = application.accept().await;
    for answer in [
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nnope",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope",
    ] {
        server.head().await;
        server.send(answer).await;
        let told = client.until("nope").await;
        assert_eq!(told.split(' ').nth(1), answer.split(' ').nth(1), "{told}");
        client.send(&asking).await;
    }
}

#[tokio::test]
async fn an_application_that_switches_unasked_or_to_something_else_is_not_followed() {
    let (bed, application) = bed("").await;
    let browser = bed.signed_in("alice", "wonderland").await;
    for (fields, answer) in [
        ("Accept: */*", "Connection: Upgrade\r\nUpgrade: websocket"),
        ("Connection: Upgrade\r\nUpgrade: websocket", "Connection: Upgrade\r\nUpgrade: h2c"),
        ("Connection: Upgrade\r\nUpgrade: websocket", "Connection: Upgrade\r\nUpgrade: websocket, h2c"),
        ("Connection: Upgrade\r\nUpgrade: websocket", "Connection: Upgrade"),
    ] {
        let mut client = raw::client(&browser).await;
        client.send(asking(&browser, "GET", fields)).await;
        let mut server = application.accept().await;
        server.head().await;
        server.send(format!("HTTP/1.1 101 Switching Protocols\r\n{answer}\r\n\r\nsecret")).await;
        let told = client.head().await;
        assert!(told.starts_with("HTTP/1.1 502 "), "{answer}: {told}");
        assert_eq!(server.rest().await, b"", "the application's side ends");
    }
}

#[tokio::test]
async fn a_request_to_switch_with_a_body_is_refused() {
    let (bed, application) = bed("").await;
    let browser = bed.signed_in("alice", "wonderland").await;
    for fields in ["Content-Length: 3", "Transfer-Encoding: chunked"] {
        let mut client = raw::client(&browser).await;
        client.send(asking(&browser, "POST", &format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{fields}"))).await;
        assert!(client.head().await.starts_with("HTTP/1.1 400 "), "{fields}");
    }
    assert!(application.is_alone().await);
}

#[tokio::test]
async fn nobody_switches_without_a_session() {
    let (bed, application) = bed("").await;
    let mut client = raw::client(&bed.browser()).await;
    client.send(format!("RDG_OUT_DATA /x HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 401 "));
    assert!(application.is_alone().await);
}

#[tokio::test]
async fn a_client_that_has_said_everything_still_hears_the_application() {
    let (bed, application) = bed("").await;
    let (mut client, mut server, _) = tunnel(&bed, &application, "GET", "websocket").await;
    client.send("last words").await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(server.rest().await, b"last words");
    server.send("answer").await;
    drop(server);
    assert_eq!(client.rest().await, b"answer");
}

#[tokio::test]
async fn an_application_that_has_said_everything_has_ended_the_tunnel() {
    let (bed, application) = bed("").await;
    let (mut client, mut server, _) = tunnel(&bed, &application, "GET", "websocket").await;
    server.send("last words").await;
    server.stream.shutdown().await.unwrap();
    assert_eq!(client.rest().await, b"last words");
    drop(client);
    assert_eq!(server.rest().await, b"");
}

#[tokio::test]
async fn a_side_that_dies_takes_the_other_with_it() {
    let (bed, application) = bed("").await;
    let (client, mut server, _) = tunnel(&bed, &application, "GET", "websocket").await;
    // Without a goodbye of TLS: it did not end, it broke.
    drop(client.stream.into_inner().0);
    assert_eq!(server.rest().await, b"");

    let (mut client, server, _) = tunnel(&bed, &application, "GET", "websocket").await;
    socket2::SockRef::from(&server.stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(server);
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_tunnel_ends_with_its_session_and_with_nobody_elses() {
    let (bed, application) = bed(r#"upgrade = ["tunnel"]"#).await;
    let (mut first, mut server, _) = tunnel(&bed, &application, "GET", "tunnel").await;
    let (mut second, mut other, _) = tunnel(&bed, &application, "GET", "tunnel").await;
    bed.clock.advance(Duration::from_secs(31 * 60));
    assert_eq!((first.rest().await, server.rest().await), (vec![], vec![]));
    assert_eq!((second.rest().await, other.rest().await), (vec![], vec![]), "both were idle for too long");

    let (mut first, mut server, _) = tunnel(&bed, &application, "GET", "tunnel").await;
    let bob = bed.signed_in("bob", "builder").await;
    bob.sign_out().await;
    first.send("still").await;
    assert_eq!(server.exactly(5).await, b"still");
    server.send("here").await;
    assert_eq!(first.exactly(4).await, b"here");
}
