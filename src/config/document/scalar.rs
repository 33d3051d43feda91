//! Values that are written as text: durations, sizes, rates, servers; and which known word a wrong one may mean.

use std::net::IpAddr;
use std::time::Duration;

use crate::base::Rate;

/// `30s`, `5m`, `12h`, `400d`.
pub(in crate::config) fn duration(text: &str) -> Option<Duration> {
    let (number, seconds) = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)]
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)))?;
    Some(Duration::from_secs(digits(number)?.checked_mul(seconds)?))
}

/// How we write a duration: in the largest unit that divides it.
pub(in crate::config) fn written(span: Duration) -> String {
    let seconds = span.as_secs();
    let (size, unit) =
        [(86_400, "d"), (3_600, "h"), (60, "m")].into_iter().find(|(size, _)| seconds.is_multiple_of(*size)).unwrap_or((1, "s"));
    format!("{}{unit}", seconds / size)
}

/// Bytes of `50 MiB`, `64 KiB`, `2 GiB`, `512 B`; the blank may be left out.
pub(in crate::config) fn size(text: &str) -> Option<u64> {
    let (number, bytes) = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)]
        .iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)))?;
    digits(number.strip_suffix(' ').unwrap_or(number))?.checked_mul(bytes)
}

/// `60/1m`.
pub(in crate::config) fn rate(text: &str) -> Option<Rate> {
    let (count, window) = text.split_once('/')?;
    let count = u32::try_from(digits(count)?).ok().filter(|count| *count > 0)?;
    let window = duration(window).filter(|window| !window.is_zero())?;
    Some(Rate { count, window })
}

/// A scheme of the list, a host without brackets, and the port where one is written. Nothing may follow.
pub(in crate::config) fn server<'s>(text: &'s str, schemes: &[&'static str]) -> Option<(&'static str, &'s str, Option<u16>)> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = schemes.iter().find(|known| known.eq_ignore_ascii_case(scheme))?;
    let (host, port) = host_and_port(rest)?;
    Some((scheme, host, port))
}

/// `host`, `host:port`, `[::1]:port`; the host comes without brackets.
pub(in crate::config) fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return if rest.is_empty() { Some((host, None)) } else { Some((host, Some(port(rest.strip_prefix(':')?)?))) };
    }
    let (host, port) = match text.split_once(':') {
        None => (text, None),
        Some((host, number)) => (host, Some(port(number)?)),
    };
    is_host(host).then_some((host, port))
}

/// A host name (RFC 1123 section 2.1; underscores are let through, they occur in the wild) or an IPv4 address.
pub(in crate::config) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// A host name as it stands in requests and certificates: in lower case, and an internationalized one as A-labels (RFC 5890).
pub(in crate::config) fn host(text: &str) -> Option<String> {
    let ascii = if text.is_ascii() { text.to_ascii_lowercase() } else { idna::domain_to_ascii_strict(text).ok()? };
    is_host(&ascii).then_some(ascii)
}

/// The same, or with `*.` in front all names that have one label more: `*.apps.example.com` is `a.apps.example.com`.
pub(in crate::config) fn host_pattern(text: &str) -> Option<String> {
    let Some(parent) = text.strip_prefix("*.") else { return host(text) };
    let parent = host(parent)?;
    // An address has no labels.
    let is_name = parent.rsplit('.').next().is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()));
    is_name.then(|| format!("*.{parent}"))
}

pub(in crate::config) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn port(text: &str) -> Option<u16> {
    digits(text).and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0)
}

/// Digits alone: no sign, no blank.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `; did you mean ...?` with the nearest of the known words, or nothing where none is near.
pub(in crate::config) fn did_you_mean(written: &str, known: &mut dyn Iterator<Item = &str>) -> String {
    nearest(written, known).map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

/// The known word with the fewest typing mistakes between it and what is written: at most one for every three letters.
pub(in crate::config) fn nearest<'k>(written: &str, known: &mut dyn Iterator<Item = &'k str>) -> Option<&'k str> {
    let allowed = (written.chars().take(64).count() / 3).max(1);
    known
        .map(|known| (mistakes(written, known), known))
        .filter(|(count, known)| *count <= allowed && *count < known.chars().count())
        .min_by_key(|(count, _)| *count)
        .map(|(_, known)| known)
}

/// Letters put in, left out, replaced or swapped with their neighbour (optimal string alignment), without regard to case. Words above 64
/// letters are far from everything.
fn mistakes(left: &str, right: &str) -> usize {
    let is_long = |word: &str| word.chars().nth(LONGEST_WORD).is_some();
    if is_long(left) || is_long(right) { usize::MAX } else { strsim::osa_distance(&left.to_lowercase(), right) }
}

const LONGEST_WORD: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_number_and_one_unit() {
        let table = [
            ("30s", Some(30)),
            ("5m", Some(300)),
            ("12h", Some(43_200)),
            ("400d", Some(34_560_000)),
            ("0s", Some(0)),
            ("", None),
            ("s", None),
            ("30", None),
            ("+3s", None),
            ("-3s", None),
            ("1.5h", None),
            ("1 h", None),
            ("5M", None),
            ("99999999999999999999d", None),
            ("18446744073709551615d", None),
        ];
        for (text, seconds) in table {
            assert_eq!(duration(text), seconds.map(Duration::from_secs), "{text}");
        }
        for text in ["30s", "5m", "12h", "400d", "90s"] {
            assert_eq!(written(duration(text).unwrap()), text);
        }
    }

    #[test]
    fn sizes_are_in_powers_of_two() {
        let table = [
            ("50 MiB", Some(50 << 20)),
            ("64KiB", Some(64 << 10)),
            ("2 GiB", Some(2 << 30)),
            ("512 B", Some(512)),
            ("50 MB", None),
            ("50", None),
            ("50  MiB", None),
            ("-1 B", None),
            ("99999999999 GiB", None),
        ];
        for (text, bytes) in table {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn a_rate_is_a_count_in_a_window() {
        assert_eq!(rate("60/1m"), Some(Rate { count: 60, window: Duration::from_secs(60) }));
        for text in ["60", "0/1m", "60/0s", "60/m", "/1m", "60/1m/1m", "4294967296/1s"] {
            assert_eq!(rate(text), None, "{text}");
        }
    }

    #[test]
    fn a_server_is_a_scheme_a_host_and_a_port() {
        let schemes = ["http", "https"];
        let table = [
            ("https://ex1.corp.example", Some(("https", "ex1.corp.example", None))),
            ("HTTP://127.0.0.1:8080", Some(("http", "127.0.0.1", Some(8080)))),
            ("http://[::1]:8080", Some(("http", "::1", Some(8080)))),
            ("http://[::1]", Some(("http", "::1", None))),
            ("ftp://a", None),
            ("https://", None),
            ("https://a/", None),
            ("https://a/b", None),
            ("https://u@a", None),
            ("https://a?b", None),
            ("https://a:0", None),
            ("https://a:65536", None),
            ("https://a:", None),
            ("https://::1", None),
            ("https://[::1", None),
            ("https://[::1]x", None),
            ("https://a..b", None),
            ("https://-a", None),
            ("https://a b", None),
        ];
        for (text, expected) in table {
            assert_eq!(server(text, &schemes), expected, "{text}");
        }
    }

    #[test]
    fn the_nearest_word_is_the_one_with_the_fewest_typing_mistakes() {
        let known = ["policy", "public", "preset", "name", "hosts", "ca", "tls"];
        let table = [
            ("polcy", Some("policy")),
            ("Policy", Some("policy")),
            ("plicoy", Some("policy")),
            ("host", Some("hosts")),
            ("nmae", Some("name")),
            ("colour", None),
            ("", None),
            ("x", None),
        ];
        for (written, expected) in table {
            assert_eq!(nearest(written, &mut known.into_iter()), expected, "{written}");
        }
        assert_eq!(nearest(&"p".repeat(100_000), &mut known.into_iter()), None);
    }
}
