//! The PROXY header: whole, broken, late, twice, and from strangers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{BY_PROXY_PROTOCOL, PROXY, STRANGER, bed, is_admitted, told};
use crate::support::client::{Client, Watch};
use crate::support::eventually::eventually;
use crate::support::node::{Bed, HOST};
use crate::support::sockets::has_unread;
use crate::support::toml::Toml;

const VERSION_1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n";

fn version_2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, block].concat()
}

fn over_ipv4(client: [u8; 4], more: usize) -> Vec<u8> {
    version_2(0x21, 0x11, &[&client[..], &[192, 0, 2, 1, 0xdc, 0x04, 0x01, 0xbb], &vec![0xee; more]].concat())
}

fn proxy(bed: &Bed, preface: &[u8]) -> Client {
    let mut proxy = bed.browser().from(PROXY);
    proxy.preface = preface.to_vec();
    proxy
}

/// A TLS hello as bytes.
fn hello() -> Vec<u8> {
    let config = rustls::ClientConfig::builder_with_provider(doorward::base::tls::provider());
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let mut client = rustls::ClientConnection::new(Arc::new(config), ServerName::try_from(HOST).unwrap()).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

async fn from(last: u8, to: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::from([127, 0, 0, last]), 0)).unwrap();
    let stream = socket.connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// What comes back first, up to so many bytes; nothing where the connection ends.
async fn answer(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    let read = tokio::time::timeout(Duration::from_secs(4), stream.read(&mut bytes)).await.expect("neither answered nor dropped");
    bytes.truncate(read.unwrap_or_default());
    bytes
}

/// Whether these bytes in one piece are answered as a TLS hello is: with a handshake that goes on.
async fn is_answered(bed: &Bed, last: u8, bytes: &[u8]) -> bool {
    let mut stream = from(last, bed.address).await;
    stream.write_all(bytes).await.unwrap();
    answer(&mut stream).await.first() == Some(&0x16)
}

#[tokio::test]
async fn a_header_of_either_version_says_whose_the_connection_is() {
    let bed = bed(BY_PROXY_PROTOCOL).await;
    let six: Vec<u8> = [&"2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets()[..], &[0; 16], &[0, 1, 1, 0xbb]].concat();
    let table = [
        (VERSION_1.to_vec(), "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 1 443\r\n".to_vec(), "2001:db8::7"),
        (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 443\r\n".to_vec(), "192.0.2.7"),
        (over_ipv4([192, 0, 2, 7], 0), "192.0.2.7"),
        (over_ipv4([192, 0, 2, 7], 4096 - 28), "192.0.2.7"),
        (version_2(0x21, 0x21, &six), "2001:db8::7"),
        // The proxy itself.
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.9"),
        (version_2(0x20, 0, &[]), "127.0.0.9"),
        (version_2(0x20, 0x11, &[203, 0, 113, 5, 0, 0, 0, 0, 0, 0, 0, 0]), "127.0.0.9"),
    ];
    for (preface, client) in table {
        for http2 in [false, true] {
            let mut proxy = proxy(&bed, &preface);
            proxy.http2 = http2;
            let forged = [("x-forwarded-for", "203.0.113.5"), ("forwarded", "for=203.0.113.5")];
            assert_eq!(told(&bed, &proxy, &forged).await, client, "{}", preface.escape_ascii());
        }
    }
    assert!(is_admitted(&proxy(&bed, &over_ipv4([203, 0, 113, 5], 0))).await);
    assert!(!is_admitted(&proxy(&bed, VERSION_1).with("x-forwarded-for", "203.0.113.5")).await);
}

#[tokio::test]
async fn what_follows_in_the_same_piece_is_left_for_who_reads_it() {
    let bed = bed(BY_PROXY_PROTOCOL).await;
    for header in [VERSION_1, b"PROXY UNKNOWN\r\n", &over_ipv4([192, 0, 2, 7], 0), &over_ipv4([192, 0, 2, 7], 2000)] {
        assert!(is_answered(&bed, PROXY, &[header, &hello()].concat()).await, "{}", header.escape_ascii());
        let mut plain = from(PROXY, bed.plain).await;
        let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        plain.write_all(&[header, request.as_bytes()].concat()).await.unwrap();
        assert!(answer(&mut plain).await.starts_with(b"HTTP/1.1 308"), "the listener that redirects: {}", header.escape_ascii());
    }
}

#[tokio::test]
async fn a_header_in_single_bytes_is_read_too() {
    let bed = bed(BY_PROXY_PROTOCOL).await;
    for header in [VERSION_1, &over_ipv4([192, 0, 2, 7], 3)] {
        let mut stream = from(PROXY, bed.address).await;
        for byte in header {
            stream.write_all(&[*byte]).await.unwrap();
            eventually("the byte is read", async || !has_unread(bed.address)).await;
        }
        stream.write_all(&hello()).await.unwrap();
        assert_eq!(answer(&mut stream).await.first(), Some(&0x16));
    }
}

#[tokio::test]
async fn a_proxy_without_a_header_or_with_a_broken_one_is_dropped() {
    let bed = bed(BY_PROXY_PROTOCOL).await;
    let hello = hello();
    let mut long = over_ipv4([192, 0, 2, 7], 0);
    long[14..16].copy_from_slice(&[0xff, 0xff]);
    let table: [&[u8]; 9] = [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443 1\r\n",
        b"PROXY TCP4 2001:db8::7 ::1 1 443\r\n",
        &[b"PROXY UNKNOWN ", &[b'x'; 200][..], b"\r\n"].concat(),
        &version_2(0x21, 0x11, &[192, 0, 2, 7]),
        &version_2(0x31, 0x11, &[0; 12]),
        &long,
    ];
    for header in table {
        let mut stream = from(PROXY, bed.address).await;
        stream.write_all(&[header, &hello].concat()).await.unwrap();
        assert_eq!(answer(&mut stream).await, b"", "{}", header.escape_ascii());
    }
    for header in [VERSION_1, &over_ipv4([192, 0, 2, 7], 0)] {
        let twice = [header, header, &hello].concat();
        assert!(!is_answered(&bed, PROXY, &twice).await, "a second header is a bad hello: {}", header.escape_ascii());
        let mut cut = from(PROXY, bed.address).await;
        cut.write_all(&header[..header.len() - 1]).await.unwrap();
        cut.shutdown().await.unwrap();
        assert_eq!(answer(&mut cut).await, b"", "cut before its end: {}", header.escape_ascii());
    }
    assert_eq!(told(&bed, &proxy(&bed, VERSION_1), &[]).await, "192.0.2.7", "and it goes on");
}

#[tokio::test]
async fn a_header_from_a_stranger_is_a_bad_hello() {
    for listener in ["", BY_PROXY_PROTOCOL, super::BY_X_FORWARDED_FOR] {
        let bed = bed(listener).await;
        for header in [VERSION_1, &over_ipv4([203, 0, 113, 5], 0)] {
            assert!(!is_answered(&bed, STRANGER, &[header, &hello()].concat()).await, "{listener}");
            let mut plain = from(STRANGER, bed.plain).await;
            let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
            plain.write_all(&[header, request.as_bytes()].concat()).await.unwrap();
            assert!(!answer(&mut plain).await.starts_with(b"HTTP/1.1 3"), "{listener}");
        }
        assert!(is_answered(&bed, STRANGER, &hello()).await, "who says hello at once is served: {listener}");
        assert_eq!(told(&bed, &bed.browser().from(STRANGER), &[]).await, "127.0.0.4");
    }
}

#[tokio::test]
async fn a_header_that_does_not_come_gives_its_place_back_in_seconds() {
    let bed = bed(BY_PROXY_PROTOCOL).await;
    let begun = Watch::start();
    let mut silent = from(PROXY, bed.address).await;
    let mut halted = from(PROXY, bed.plain).await;
    halted.write_all(b"PROXY TCP4 192.0.2.7").await.unwrap();
    let mut byte = [0];
    for stream in [&mut silent, &mut halted] {
        let read = tokio::time::timeout(Duration::from_secs(8), stream.read(&mut byte)).await.expect("kept");
        assert!(matches!(read, Ok(0) | Err(_)));
    }
    assert!((4..8).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn places_are_counted_for_the_client_and_not_for_the_proxy() {
    let limits = "connections_per_address = 3";
    let bed = Bed::with(Toml::bed().listener(BY_PROXY_PROTOCOL).limits(limits)).await;
    let (one, other) = (proxy(&bed, VERSION_1), proxy(&bed, &over_ipv4([192, 0, 2, 8], 0)));
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(one.tls("http/1.1").await);
    }
    let hello = hello();
    assert!(!is_answered(&bed, PROXY, &[VERSION_1, &hello].concat()).await, "a fourth of the same client");
    for _ in 0..3 {
        held.push(other.tls("http/1.1").await);
    }
    let itself = proxy(&bed, b"PROXY UNKNOWN\r\n");
    for _ in 0..5 {
        held.push(itself.tls("http/1.1").await);
    }
    // A client that comes directly has the usual number.
    let stranger = bed.browser().from(STRANGER);
    for _ in 0..3 {
        held.push(stranger.tls("http/1.1").await);
    }
    assert!(!is_answered(&bed, STRANGER, &hello).await);
    drop(held);
    let again = [VERSION_1, &hello].concat();
    eventually("the places are given back", async || is_answered(&bed, PROXY, &again).await).await;
}
