//! The PROXY header, versions 1 and 2, with which a proxy begins a connection to say whose it is (HAProxy's proxy-protocol.txt, section
//! 2). Only a trusted proxy is asked for one, and then it must be there; not a byte behind it is read.

use std::net::{IpAddr, SocketAddr};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::base::net::plain_socket;

/// A whole header at the beginning of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The client. Nothing where the proxy speaks for itself (a health check) or knows no address: then it is the socket's other end.
    pub client: Option<SocketAddr>,
    /// In bytes.
    pub length: usize,
}

/// Why a connection of a trusted proxy is dropped.
#[derive(Debug, thiserror::Error)]
pub enum BadHeader {
    #[error("what came is no PROXY header")]
    Other,
    #[error("the line does not have the form that version 1 asks for")]
    Line,
    #[error("a line of more than 107 bytes")]
    LongLine,
    #[error("a version, command, family or protocol that version 2 does not have")]
    Unknown,
    #[error("too short for the addresses of its family")]
    Short,
    #[error("longer than 4 KiB")]
    Long,
    #[error("the connection was closed in the middle of it")]
    Closed,
    #[error("the connection broke")]
    Broken(#[from] std::io::Error),
}

/// Reads the header and nothing behind it. The caller limits the time.
pub(super) async fn read(stream: &mut TcpStream) -> Result<Header, BadHeader> {
    let mut buffer = vec![0; MOST];
    let mut read = 0;
    loop {
        // A look first, so that what follows stays for who reads it.
        let seen = stream.peek(buffer.get_mut(read..).unwrap_or_default()).await?;
        if seen == 0 {
            return Err(BadHeader::Closed);
        }
        let header = parse(buffer.get(..read + seen).unwrap_or_default())?;
        let end = header.map_or(read + seen, |header| header.length);
        stream.read_exact(buffer.get_mut(read..end).unwrap_or_default()).await?;
        read = end;
        if let Some(header) = header {
            return Ok(header);
        }
    }
}

/// The header that these bytes begin with; nothing if they are only its beginning. An answer about a header does not change with what
/// stands behind it.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, BadHeader> {
    if begins(bytes, VERSION_2) {
        return second(bytes);
    }
    if begins(bytes, VERSION_1) {
        return first(bytes);
    }
    Err(BadHeader::Other)
}

/// As far as both go.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    bytes.iter().zip(with).all(|(one, other)| one == other)
}

/// Section 2.1.
fn first(bytes: &[u8]) -> Result<Option<Header>, BadHeader> {
    let within = bytes.get(..LONGEST_LINE).unwrap_or(bytes);
    // Neither belongs into the line, so the first of them is its end or a mistake.
    let Some(end) = within.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if bytes.len() < LONGEST_LINE { Ok(None) } else { Err(BadHeader::LongLine) };
    };
    match within.get(end..).unwrap_or_default() {
        [b'\r', b'\n', ..] => {}
        [b'\r'] if bytes.len() < LONGEST_LINE => return Ok(None),
        [b'\r'] => return Err(BadHeader::LongLine),
        _ => return Err(BadHeader::Line),
    }
    let line = within.get(VERSION_1.len()..end).unwrap_or_default();
    let client = match line.strip_prefix(b"UNKNOWN") {
        // What else stands there is to be ignored.
        Some([] | [b' ', ..]) => None,
        _ => Some(str::from_utf8(line).ok().and_then(line_client).ok_or(BadHeader::Line)?),
    };
    Ok(Some(Header { client, length: end + 2 }))
}

/// What stands behind `PROXY `: family, two addresses, two ports.
fn line_client(line: &str) -> Option<SocketAddr> {
    let mut words = line.split(' ');
    let family = words.next()?;
    let mut address = || -> Option<IpAddr> {
        match family {
            "TCP4" => words.next()?.parse().ok().map(IpAddr::V4),
            "TCP6" => words.next()?.parse().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let (source, _target) = (address()?, address()?);
    let (source_port, _target_port) = (port(words.next()?)?, port(words.next()?)?);
    words.next().is_none().then(|| plain_socket(SocketAddr::new(source, source_port)))
}

/// Without leading zeros, and without the sign that Rust would take.
fn port(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Section 2.2. What follows the addresses (type, length, value) is skipped.
fn second(bytes: &[u8]) -> Result<Option<Header>, BadHeader> {
    let Some(&[command, family, high, low]) = bytes.get(VERSION_2.len()..HEAD).and_then(|four| four.first_chunk()) else {
        return match bytes.get(VERSION_2.len()) {
            Some(command) if !matches!(*command, LOCAL | PROXY) => Err(BadHeader::Unknown),
            _ => Ok(None),
        };
    };
    if !matches!(command, LOCAL | PROXY) || (command == PROXY && (family >> 4 > 3 || family & 15 > 2)) {
        return Err(BadHeader::Unknown);
    }
    let length = HEAD + usize::from(u16::from_be_bytes([high, low]));
    if length > MOST {
        return Err(BadHeader::Long);
    }
    let least = if command == PROXY { HEAD + addresses(family) } else { HEAD };
    if length < least {
        return Err(BadHeader::Short);
    }
    let Some(block) = bytes.get(HEAD..length) else { return Ok(None) };
    let client = if command == PROXY { block_client(family, block) } else { None };
    Ok(Some(Header { client: client.map(plain_socket), length }))
}

/// Bytes that the addresses of a family take, two each.
fn addresses(family: u8) -> usize {
    match family >> 4 {
        1 => 2 * (4 + 2),
        2 => 2 * (16 + 2),
        3 => 2 * 108,
        _ => 0,
    }
}

/// TCP alone; whatever else exists counts as unspecified, as the specification wants it from who does not know it.
fn block_client(family: u8, block: &[u8]) -> Option<SocketAddr> {
    let port = |at: usize| block.get(at..)?.first_chunk().copied().map(u16::from_be_bytes);
    match family {
        TCP_OVER_IPV4 => Some(SocketAddr::new(IpAddr::from(*block.first_chunk::<4>()?), port(8)?)),
        TCP_OVER_IPV6 => Some(SocketAddr::new(IpAddr::from(*block.first_chunk::<16>()?), port(32)?)),
        _ => None,
    }
}

const VERSION_1: &[u8] = b"PROXY ";
const VERSION_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// With the line's end; the specification's own figure.
const LONGEST_LINE: usize = 107;
/// Signature, version and command, family and protocol, length.
const HEAD: usize = 16;
/// Room for what proxies add behind the addresses.
const MOST: usize = 4096;
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    /// Whole at its last byte, and not a byte earlier.
    fn whole(bytes: &[u8]) -> Result<Option<SocketAddr>, BadHeader> {
        for end in 0..bytes.len() {
            if let Some(header) = parse(&bytes[..end])? {
                panic!("{} of {} bytes are a header: {header:?}", end, bytes.len());
            }
        }
        let followed = [bytes, b"PROXY TCP4 \x16\x03\x01"].concat();
        let header = parse(&followed)?.expect("a header");
        assert_eq!(header.length, bytes.len());
        Ok(header.client)
    }

    fn version_2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [VERSION_2, &[command, family], &length, block].concat()
    }

    #[test]
    fn a_line_names_the_client_or_nobody() {
        let six = format!("TCP6 {0} {0} 65535 65535", "ffff:".repeat(7) + "ffff");
        let table = [
            ("TCP4 192.0.2.7 10.0.0.1 56324 443", Some("192.0.2.7:56324")),
            ("TCP4 255.255.255.255 255.255.255.255 65535 65535", Some("255.255.255.255:65535")),
            ("TCP4 0.0.0.0 0.0.0.0 0 0", Some("0.0.0.0:0")),
            ("TCP6 2001:db8::7 ::1 1 2", Some("[2001:db8::7]:1")),
            ("TCP6 2001:DB8::A ::1 1 2", Some("[2001:db8::a]:1")),
            ("TCP6 ::ffff:192.0.2.7 ::1 1 2", Some("192.0.2.7:1")),
            (six.as_str(), Some("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")),
            ("UNKNOWN", None),
            ("UNKNOWN ", None),
            ("UNKNOWN what\tever \0 1 2", None),
        ];
        for (line, client) in table {
            let client = client.map(|client| client.parse::<SocketAddr>().unwrap());
            assert_eq!(whole(format!("PROXY {line}\r\n").as_bytes()).unwrap(), client, "{line}");
        }
        let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_LINE - 16));
        assert_eq!((longest.len(), whole(longest.as_bytes()).unwrap()), (LONGEST_LINE, None));
    }

    #[test]
    fn a_line_of_another_form_is_refused() {
        for line in [
            "",
            "TCP4",
            "tcp4 192.0.2.7 10.0.0.1 1 2",
            "TCP4 192.0.2.7 10.0.0.1 1",
            "TCP4 192.0.2.7 10.0.0.1 1 2 ",
            "TCP4 192.0.2.7 10.0.0.1 1 2 3",
            "TCP4  192.0.2.7 10.0.0.1 1 2",
            " TCP4 192.0.2.7 10.0.0.1 1 2",
            "TCP4\t192.0.2.7 10.0.0.1 1 2",
            "TCP4 192.0.2.07 10.0.0.1 1 2",
            "TCP4 192.0.2 10.0.0.1 1 2",
            "TCP4 192.0.2.256 10.0.0.1 1 2",
            "TCP4 2001:db8::7 ::1 1 2",
            "TCP4 192.0.2.7 ::1 1 2",
            "TCP6 192.0.2.7 10.0.0.1 1 2",
            "TCP6 2001:db8::7%eth0 ::1 1 2",
            "TCP6 [2001:db8::7] ::1 1 2",
            "TCP4 192.0.2.7 10.0.0.1 65536 2",
            "TCP4 192.0.2.7 10.0.0.1 01 2",
            "TCP4 192.0.2.7 10.0.0.1 +1 2",
            "TCP4 192.0.2.7 10.0.0.1 1 -2",
            "TCP4 192.0.2.7 10.0.0.1 1 ",
            "UDP4 192.0.2.7 10.0.0.1 1 2",
            "UNKNOWNX",
            "UNKNOWN\u{e9}",
        ] {
            let bytes = format!("PROXY {line}\r\n");
            assert!(matches!(parse(bytes.as_bytes()), Err(BadHeader::Line)), "{line:?}");
        }
        for bytes in ["PROXY UNKNOWN\n", "PROXY UNKNOWN\rx", "PROXY UNKNOWN\r\r\n", "PROXY UNKNOWN a\nb\r\n"] {
            assert!(matches!(parse(bytes.as_bytes()), Err(BadHeader::Line)), "{bytes:?}");
        }
        for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01", b"PROXX", b"proxy ", b"\r\n\r\n\r", b"\r\n\r\n\0\r\nQUIT\r"] {
            assert!(matches!(parse(bytes), Err(BadHeader::Other)), "{}", bytes.escape_ascii());
        }
        let endless = format!("PROXY UNKNOWN {}", "x".repeat(LONGEST_LINE));
        assert!(matches!(parse(endless.as_bytes()), Err(BadHeader::LongLine)));
        let late = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_LINE - 15));
        assert!(matches!(parse(late.as_bytes()), Err(BadHeader::LongLine)));
    }

    #[test]
    fn a_block_names_the_client_or_nobody() {
        let four = [192, 0, 2, 7, 10, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb];
        let six: Vec<u8> =
            [&"2001:db8::7".parse::<Ipv6Addr>().unwrap().octets()[..], &[0; 16], &[0x12, 0x34, 0x01, 0xbb]].concat();
        let mapped: Vec<u8> = [&"::ffff:192.0.2.7".parse::<Ipv6Addr>().unwrap().octets()[..], &[0; 16], &[0, 1, 0, 2]].concat();
        let with_values = [&four[..], &[0x04, 0, 3, 1, 2, 3], &[0xff; 3000]].concat();
        let table: [(u8, u8, &[u8], Option<&str>); 13] = [
            (PROXY, 0x11, &four, Some("192.0.2.7:56324")),
            (PROXY, 0x11, &with_values, Some("192.0.2.7:56324")),
            (PROXY, 0x21, &six, Some("[2001:db8::7]:4660")),
            (PROXY, 0x21, &mapped, Some("192.0.2.7:1")),
            (PROXY, 0x12, &four, None),
            (PROXY, 0x22, &six, None),
            (PROXY, 0x10, &four, None),
            (PROXY, 0x00, &[], None),
            (PROXY, 0x00, &four, None),
            (PROXY, 0x31, &[b'/'; 216], None),
            (LOCAL, 0x00, &[], None),
            (LOCAL, 0x11, &four, None),
            (LOCAL, 0xff, &[1, 2, 3], None),
        ];
        for (command, family, block, client) in table {
            let client = client.map(|client| client.parse::<SocketAddr>().unwrap());
            assert_eq!(whole(&version_2(command, family, block)).unwrap(), client, "{command:#x} {family:#x}");
        }
        assert_eq!(whole(&version_2(LOCAL, 0, &[0; MOST - HEAD])).unwrap(), None);
    }

    #[test]
    fn a_block_that_the_specification_does_not_know_is_refused() {
        for (command, family) in [(0x10, 0x11), (0x31, 0x11), (0x01, 0x11), (0x22, 0x11), (0x2f, 0), (PROXY, 0x41), (PROXY, 0x13)]
        {
            let refused = parse(&version_2(command, family, &[0; 216]));
            assert!(matches!(refused, Err(BadHeader::Unknown)), "{command:#x} {family:#x}: {refused:?}");
        }
        for (family, length) in [(0x11, 11), (0x21, 35), (0x12, 11), (0x31, 215)] {
            // Said as soon as the length is known, without waiting for the rest.
            let short = version_2(PROXY, family, &vec![0; length]);
            assert!(matches!(parse(&short[..HEAD]), Err(BadHeader::Short)), "{family:#x}");
        }
        let long = version_2(LOCAL, 0, &[0; MOST - HEAD + 1]);
        assert!(matches!(parse(&long[..HEAD]), Err(BadHeader::Long)));
    }
}
