//! PROXY headers: where one ends does not depend on what follows it, and no beginning of one is one.

use std::net::SocketAddr;

use doorward::server::proxy_header::{Header, parse};

pub fn holds(data: &[u8]) {
    let with = |more: &[u8]| parse(&[data, more].concat());
    match parse(data) {
        Err(_) => {
            for more in [&b"\r\n"[..], b" 1\r\n", &[0; 300]] {
                assert!(with(more).is_err(), "more bytes do not mend it");
            }
        }
        Ok(None) => assert!(data.len() < 4096, "no header is longer"),
        Ok(Some(header)) => {
            assert!((15..=data.len().min(4096)).contains(&header.length), "{header:?}");
            let own = &data[..header.length];
            for end in [header.length - 1, header.length / 2, 1] {
                assert!(matches!(parse(&own[..end]), Ok(None)), "{end} bytes are only its beginning");
            }
            assert_eq!(parse(own).ok().flatten(), Some(header));
            assert_eq!(with(b"\x16\x03\x01").ok().flatten(), Some(header));
            if own.starts_with(b"PROXY") {
                assert!(header.length <= 107 && own.ends_with(b"\r\n") && own.iter().filter(|byte| **byte == b'\n').count() == 1);
            } else {
                assert_eq!(header.length, 16 + usize::from(u16::from_be_bytes([own[14], own[15]])));
            }
            header.client.into_iter().for_each(written_anew);
        }
    }
}

/// A client as another proxy would write it.
fn written_anew(client: SocketAddr) {
    assert_eq!(client.ip().to_canonical(), client.ip(), "in its plain form");
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    let line = format!("PROXY {family} {0} {0} {1} 443\r\n", client.ip(), client.port());
    assert_eq!(parse(line.as_bytes()).ok().flatten(), Some(Header { client: Some(client), length: line.len() }), "{line:?}");
}
