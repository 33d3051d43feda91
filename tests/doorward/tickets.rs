//! Resumption: when tickets come, that they are good for a connection, and that every kind of handshake ends.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::node::{Bed, HOST};

const ASKS: &[u8] = b"GET /.doorward/health HTTP/1.1\r\nHost: app.example\r\n\r\n";

/// A client that keeps its tickets, and speaks this version alone.
fn client(bed: &Bed, version: &'static SupportedProtocolVersion) -> TlsConnector {
    let config = ClientConfig::builder_with_provider(doorward::base::tls::provider());
    let mut config =
        config.with_protocol_versions(&[version]).unwrap().with_root_certificates(bed.browser().roots).with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(8);
    TlsConnector::from(Arc::new(config))
}

async fn connect(bed: &Bed, client: &TlsConnector) -> TlsStream<TcpStream> {
    let stream = bed.browser().tcp().await;
    client.connect(ServerName::try_from(HOST).unwrap(), stream).await.unwrap()
}

/// Reads until the answer is there.
async fn asks(connection: &mut TlsStream<TcpStream>) {
    connection.write_all(ASKS).await.unwrap();
    let mut text = Vec::new();
    while !text.ends_with(b"ok") {
        assert_ne!(timeout(SOON, connection.read_buf(&mut text)).await.unwrap().unwrap(), 0);
    }
    assert!(text.starts_with(b"HTTP/1.1 200 "));
}

fn tickets(connection: &TlsStream<TcpStream>) -> u32 {
    connection.get_ref().1.tls13_tickets_received()
}

fn kind(connection: &TlsStream<TcpStream>) -> Option<HandshakeKind> {
    connection.get_ref().1.handshake_kind()
}

#[tokio::test]
async fn a_ticket_comes_with_the_first_answer_and_is_good_for_a_connection() {
    let bed = Bed::start().await;
    let client = client(&bed, &rustls::version::TLS13);
    let mut first = connect(&bed, &client).await;
    let mut nothing = [0; 1];
    assert!(timeout(Duration::from_millis(100), first.read(&mut nothing)).await.is_err());
    assert_eq!((tickets(&first), kind(&first)), (0, Some(HandshakeKind::Full)));
    for _ in 0..2 {
        asks(&mut first).await;
        assert_eq!(tickets(&first), 1);
    }
    for _ in 0..3 {
        let mut next = connect(&bed, &client).await;
        assert_eq!(kind(&next), Some(HandshakeKind::Resumed));
        asks(&mut next).await;
        assert_eq!(tickets(&next), 1, "and one for the next");
    }
}

#[tokio::test]
async fn over_tls_1_2_a_handshake_ends_and_is_resumed() {
    let bed = Bed::start().await;
    let client = client(&bed, &rustls::version::TLS12);
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
        let mut connection = connect(&bed, &client).await;
        assert_eq!(kind(&connection), Some(expected));
        asks(&mut connection).await;
    }
}

/// Its first guess is a group that we do not have, so that we have to answer twice (RFC 8446 section 4.1.4).
#[tokio::test]
async fn a_client_that_has_to_say_hello_twice_gets_in() {
    let bed = Bed::start().await;
    let server = bed.browser().server.to_string();
    let said = tokio::task::spawn_blocking(move || {
        let mut command = Command::new("openssl");
        command.args([
            "s_client",
            "-connect",
            &server,
            "-servername",
            HOST,
            "-groups",
            "X448:X25519",
            "-tls1_3",
            "-msg",
            "-ign_eof",
        ]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let closing = "GET /.doorward/health HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n";
        child.stdin.take().unwrap().write_all(closing.as_bytes()).unwrap();
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    });
    let said = timeout(SOON, said).await.expect("it waits for something").unwrap();
    assert_eq!(said.matches(", ServerHello").count(), 2, "{said}");
    assert_eq!(said.matches(", NewSessionTicket").count(), 1, "{said}");
    assert!(said.contains("HTTP/1.1 200 OK") && said.contains("ok"), "{said}");
}

const SOON: Duration = Duration::from_secs(10);
