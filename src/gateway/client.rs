//! The true address of a client that comes through trusted proxies, from the one field that the operator says they write.
//!
//! Each proxy adds its client at the right end, so the list is read from there: what stands left of the first address that is no
//! trusted proxy was written by somebody whom nobody vouches for, and is not even parsed. What cannot be understood ends the walk with
//! the last address that a trusted proxy vouched for, so that nothing which a stranger writes is ever the answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

use crate::base::net::plain;
use crate::config::trusted::{Source, Trusted};

/// The client of a request that the trusted proxy `peer` sent: the nearest address that is not itself a trusted proxy's, or, where the
/// proxies do not tell, the farthest of theirs. `peer` is in its plain form.
pub fn address(trusted: &Trusted, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let field = match trusted.source {
        Source::XForwardedFor => &X_FORWARDED_FOR,
        Source::Forwarded => &FORWARDED,
        // The connection's own header has said it; fields are not believed.
        Source::ProxyProtocol => return peer,
    };
    let is_standard = trusted.source == Source::Forwarded;
    let mut hop = peer;
    let mut hops = 0;
    for value in headers.get_all(field).iter().rev() {
        let mut rest = Some(value.as_bytes());
        while let Some(bytes) = rest {
            hops += 1;
            let (before, element) = if is_standard { comma_outside_quotes(bytes) } else { last_comma(bytes) };
            let told = match element.trim_ascii() {
                _ if hops > MOST_HOPS => None,
                element if is_standard => forwarded(element),
                element => listed(element),
            };
            let Some(address) = told else {
                tracing::debug!(client.address = %hop, "a trusted proxy names no client that can be understood; it counts as the client");
                return hop;
            };
            hop = plain(address);
            if !trusted.lists(hop) {
                return hop;
            }
            rest = before;
        }
    }
    hop
}

/// What is before the last comma, and what is behind it.
fn last_comma(bytes: &[u8]) -> (Option<&[u8]>, &[u8]) {
    split(bytes, bytes.iter().rposition(|byte| *byte == b','))
}

/// The same, not counting commas within quotes. Read from the right too: a quote that a stranger opens must not swallow what a proxy
/// adds behind it.
fn comma_outside_quotes(bytes: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut quoted = false;
    let mut at = bytes.len();
    while let Some((byte, before)) = bytes.get(..at).and_then(<[u8]>::split_last) {
        at = before.len();
        match byte {
            b',' if !quoted => return split(bytes, Some(at)),
            b'"' => {
                let escapes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
                // Within quotes an escaped one is text; outside of them there is none, and the element will not parse.
                quoted ^= !quoted || escapes % 2 == 0;
            }
            _ => {}
        }
    }
    (None, bytes)
}

fn split(bytes: &[u8], at: Option<usize>) -> (Option<&[u8]>, &[u8]) {
    match at {
        Some(at) => (bytes.get(..at), bytes.get(at + 1..).unwrap_or_default()),
        None => (None, bytes),
    }
}

/// An element of `X-Forwarded-For`, which no standard describes: an address, in brackets or not, and a port or not.
fn listed(element: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(element).ok()?;
    // Every IPv6 address without brackets has two colons; with one it is a port.
    match text.parse() {
        Ok(address) => Some(address),
        Err(_) => node(text, false),
    }
}

/// An element of `Forwarded` (RFC 7239 section 4): what stands in its `for`.
fn forwarded(element: &[u8]) -> Option<IpAddr> {
    let mut rest = element;
    let mut found = None;
    loop {
        if let Some((name, value, after)) = pair(rest)? {
            if name.eq_ignore_ascii_case(b"for") {
                if found.is_some() {
                    return None;
                }
                found = Some(value);
            }
            rest = after;
        }
        match rest.trim_ascii_start().split_first() {
            None => break,
            Some((b';', after)) => rest = after,
            Some(_) => return None,
        }
    }
    node(&String::from_utf8(found?).ok()?, true)
}

type Pair<'a> = (&'a [u8], Vec<u8>, &'a [u8]);

/// A name and its value at the beginning, without quotes and escapes, and what is behind it. The inner nothing: no pair stands here,
/// which the grammar allows; the outer: something else does.
fn pair(bytes: &[u8]) -> Option<Option<Pair<'_>>> {
    let bytes = bytes.trim_ascii_start();
    if matches!(bytes.first(), None | Some(b';')) {
        return Some(None);
    }
    let (name, rest) = token(bytes)?;
    let rest = rest.strip_prefix(b"=")?;
    let (value, rest) = match rest.strip_prefix(b"\"") {
        Some(quoted) => unquoted(quoted)?,
        None => token(rest).map(|(value, rest)| (value.to_vec(), rest))?,
    };
    Some(Some((name, value, rest)))
}

/// RFC 9110 section 5.6.2; at least one character.
fn token(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let end = bytes.iter().position(|byte| !is_token(byte)).unwrap_or(bytes.len());
    bytes.split_at_checked(end).filter(|(token, _)| !token.is_empty())
}

/// The text up to the closing quote (RFC 9110 section 5.6.4), and what is behind it.
fn unquoted(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut text = Vec::new();
    let mut rest = bytes;
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some((text, after)),
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                text.push(*byte);
                after
            }
            [] => return None,
        };
    }
}

/// An address with or without port: IPv6 in brackets. RFC 7239 section 6 also allows a port that is only a name. `unknown` and names
/// that hide an address are no address.
fn node(text: &str, named_ports: bool) -> Option<IpAddr> {
    let (address, port) = match text.strip_prefix('[') {
        Some(six) => {
            let (six, port) = six.split_once(']')?;
            (IpAddr::V6(six.parse::<Ipv6Addr>().ok()?), port)
        }
        None => {
            let (four, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (IpAddr::V4(four.parse::<Ipv4Addr>().ok()?), port)
        }
    };
    let Some(port) = port.strip_prefix(':') else { return port.is_empty().then_some(address) };
    let is_number = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let fits = is_number || (named_ports && port.strip_prefix('_').is_some_and(is_name));
    fits.then_some(address)
}

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Nobody stands behind more proxies of his own; what is left of these is not read.
const MOST_HOPS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn client(source: Source, values: &[&str]) -> String {
        let networks = ["10.0.0.0/8", "2001:db8:1::/48"].map(|network| network.parse().unwrap());
        let trusted = Trusted::new(source, networks.to_vec()).unwrap();
        let field = if source == Source::Forwarded { FORWARDED } else { X_FORWARDED_FOR.clone() };
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&field, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        address(&trusted, &headers, "10.0.0.1".parse().unwrap()).to_string()
    }

    #[test]
    fn the_nearest_address_that_is_no_proxy_is_the_client() {
        let table: &[(&[&str], &str)] = &[
            (&["192.0.2.7"], "192.0.2.7"),
            (&["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
            (&["192.0.2.7,10.0.0.3 ,\t10.0.0.2"], "192.0.2.7"),
            (&["192.0.2.7", "10.0.0.3", "10.0.0.2"], "192.0.2.7"),
            (&["192.0.2.7, 2001:db8:1::5, 10.0.0.2"], "192.0.2.7"),
            (&["2001:db8:2::5"], "2001:db8:2::5"),
            (&["[2001:db8:2::5]"], "2001:db8:2::5"),
            (&["[2001:db8:2::5]:443"], "2001:db8:2::5"),
            (&["192.0.2.7:4711"], "192.0.2.7"),
            (&["::ffff:192.0.2.7"], "192.0.2.7"),
            (&["[::ffff:192.0.2.7]:80, ::ffff:10.0.0.2"], "192.0.2.7"),
        ];
        for (values, expected) in table {
            assert_eq!(client(Source::XForwardedFor, values), *expected, "{values:?}");
        }
    }

    #[test]
    fn what_a_stranger_wrote_is_left_of_him_and_unread() {
        for forged in [
            "10.9.9.9",
            "127.0.0.1",
            "::1",
            "unknown",
            "",
            ",,,",
            "\"",
            "for=\"",
            "[",
            "10.9.9.9, 10.0.0.1",
            "203.0.113.1\t",
            "for=10.9.9.9;for=\"10.9.9.9\\",
            "\u{fc}",
            "\\",
            "\\\"",
        ] {
            for values in [&[&*format!("{forged}, 192.0.2.7")][..], &[forged, "192.0.2.7"], &[forged, "192.0.2.7, 10.0.0.2"]] {
                assert_eq!(client(Source::XForwardedFor, values), "192.0.2.7", "{values:?}");
            }
            let (one, two) = ("for=192.0.2.7", "For=\"192.0.2.7:80\";proto=https, for=10.0.0.2");
            for values in [&[&*format!("{forged}, {one}")][..], &[&*format!("{forged},{two}")], &[forged, one], &[forged, two]] {
                assert_eq!(client(Source::Forwarded, values), "192.0.2.7", "{values:?}");
            }
        }
    }

    #[test]
    fn where_no_client_is_told_it_is_the_farthest_proxy() {
        let many = "10.0.0.9, ".repeat(MOST_HOPS);
        let table: &[(&[&str], &str)] = &[
            (&[], "10.0.0.1"),
            (&[""], "10.0.0.1"),
            (&["unknown"], "10.0.0.1"),
            (&["_hidden"], "10.0.0.1"),
            (&["192.0.2.7,"], "10.0.0.1"),
            (&["192.0.2.7, unknown, 10.0.0.2"], "10.0.0.2"),
            (&["192.0.2.7", "", "10.0.0.2"], "10.0.0.2"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["192.0.2.7 10.0.0.2"], "10.0.0.1"),
            (&["192.0.2.07"], "10.0.0.1"),
            (&["192.0.2.7:"], "10.0.0.1"),
            (&["192.0.2.7:123456"], "10.0.0.1"),
            (&["192.0.2.7:_port"], "10.0.0.1"),
            (&["192.0.2.7:+1"], "10.0.0.1"),
            (&["\"192.0.2.7\""], "10.0.0.1"),
            (&["for=192.0.2.7"], "10.0.0.1"),
            (&["[192.0.2.7]"], "10.0.0.1"),
            (&["fe80::1%eth0"], "10.0.0.1"),
            (&["[2001:db8:2::5"], "10.0.0.1"),
            (&["[2001:db8:2::5]x"], "10.0.0.1"),
            (&["192.0.2.256"], "10.0.0.1"),
            (&[&format!("192.0.2.7, {many}10.0.0.2")], "10.0.0.9"),
        ];
        for (values, expected) in table {
            assert_eq!(client(Source::XForwardedFor, values), *expected, "{values:?}");
        }
    }

    #[test]
    fn forwarded_is_read_as_its_standard_says() {
        let table: &[(&[&str], &str)] = &[
            (&["for=192.0.2.7"], "192.0.2.7"),
            (&["FOR=\"192.0.2.7\""], "192.0.2.7"),
            (&["for=\"192.0.2.7:47\""], "192.0.2.7"),
            (&["for=\"192.0.2.7:_47.x\""], "192.0.2.7"),
            (&["for=\"[2001:db8:2::5]:4711\""], "2001:db8:2::5"),
            (&["for=\"\\[2001:db8:2::5\\]\""], "2001:db8:2::5"),
            (&["by=203.0.113.43;for=192.0.2.7;host=\"a,b\";proto=https"], "192.0.2.7"),
            (&["for=192.0.2.7;host=\"a\\\",for=10.9.9.9\""], "192.0.2.7"),
            (&["for=192.0.2.7;host=\"a\\\\\", for=10.0.0.2"], "192.0.2.7"),
            (&[";for=192.0.2.7; ;proto=https;"], "192.0.2.7"),
            (&["for=192.0.2.7", "for=10.0.0.2, for=10.0.0.3"], "192.0.2.7"),
            (&[], "10.0.0.1"),
            (&["192.0.2.7"], "10.0.0.1"),
            (&["for=192.0.2.7:47"], "10.0.0.1"),
            (&["for=2001:db8:2::5"], "10.0.0.1"),
            (&["for=\"2001:db8:2::5\""], "10.0.0.1"),
            (&["for =192.0.2.7"], "10.0.0.1"),
            (&["for= 192.0.2.7"], "10.0.0.1"),
            (&["for=192.0.2.7;for=192.0.2.8"], "10.0.0.1"),
            (&["for=192.0.2.7 proto=https"], "10.0.0.1"),
            (&["for=\"192.0.2.7\"x"], "10.0.0.1"),
            (&["for=\"192.0.2.7"], "10.0.0.1"),
            (&["for=192.0.2.7\""], "10.0.0.1"),
            (&["for="], "10.0.0.1"),
            (&["for=\"\""], "10.0.0.1"),
            (&["proto=https"], "10.0.0.1"),
            (&["for=192.0.2.7, proto=https"], "10.0.0.1"),
            (&["for=192.0.2.7, for=unknown, for=10.0.0.2"], "10.0.0.2"),
            (&["for=192.0.2.7, for=_gazonk"], "10.0.0.1"),
        ];
        for (values, expected) in table {
            assert_eq!(client(Source::Forwarded, values), *expected, "{values:?}");
        }
    }

    #[test]
    fn behind_a_proxy_header_no_field_is_believed() {
        assert_eq!(client(Source::ProxyProtocol, &["192.0.2.7"]), "10.0.0.1");
    }
}
