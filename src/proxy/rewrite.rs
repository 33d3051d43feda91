//! Names in header fields, where an application goes by another name than the public one: what it says of itself is told to the client
//! in public names, and what the client says of the public site is told to the application in its own.
//!
//! Nothing is guessed. A URL is rewritten only if its scheme and authority are exactly the other side's; whatever a browser might read in
//! more than one way (userinfo, backslashes, blanks, a missing slash) stays as it is, so no new target can come of it. Relative
//! references mean the right place already. Bodies are never touched.

use std::ops::Range;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// How the application knows itself.
#[derive(Debug)]
pub struct Names {
    /// What it gets as `Host`.
    told: HeaderValue,
    host: Box<[u8]>,
    port: Option<u16>,
    /// TLS and port of each of its servers.
    servers: Vec<(bool, u16)>,
}

impl Names {
    /// `host` is `name` or `name:port`; nothing if it is neither. With each server goes whether it is spoken to over TLS.
    pub fn new(host: &str, servers: impl Iterator<Item = (bool, u16)>) -> Option<Self> {
        let told = HeaderValue::from_str(host).ok()?;
        let (name, port) = authority(host.as_bytes())?;
        Some(Self { told, host: name.into(), port, servers: servers.collect() })
    }

    /// An answer in public names. `public` is the host as the client wrote it, with the port if it wrote one.
    pub fn to_client(&self, headers: &mut HeaderMap, public: &HeaderValue) {
        for (name, value) in headers.iter_mut() {
            let rewritten = match *name {
                header::LOCATION | header::CONTENT_LOCATION => self.published(value.as_bytes(), public),
                header::REFRESH => in_refresh(value.as_bytes(), |url| self.published(url, public)),
                header::SET_COOKIE => self.set_cookie(value.as_bytes()),
                _ => None,
            };
            replace(value, rewritten);
        }
    }

    /// A request in the application's own names.
    ///
    /// Who comes from a page under the application's own name does not come from the public site: for somebody whose names an attacker
    /// resolves that may be anybody's page. The application would take it for its own, so it is not told.
    pub fn to_upstream(&self, headers: &mut HeaderMap, public: &HeaderValue) {
        headers.insert(header::HOST, self.told.clone());
        let mut referred_falsely = false;
        for (name, value) in headers.iter_mut() {
            if !matches!(*name, header::ORIGIN | header::REFERER) && *name != DESTINATION {
                continue;
            }
            match self.internal(value.as_bytes(), public) {
                Some(rewritten) => replace(value, Some(rewritten)),
                None if *name == DESTINATION || !self.is_named_in(value.as_bytes()) => {}
                None if *name == header::ORIGIN => *value = HeaderValue::from_static("null"),
                None => referred_falsely = true,
            }
        }
        if referred_falsely {
            headers.remove(header::REFERER);
        }
    }

    /// The application's URL as a public one; nothing if it is somebody else's or relative.
    fn published(&self, url: &[u8], public: &HeaderValue) -> Option<Vec<u8>> {
        let split = Split::of(url)?;
        let is_port = |tls: bool| {
            let port = split.port.unwrap_or(default_port(tls));
            port == self.port.unwrap_or(default_port(tls)) || self.servers.contains(&(tls, port))
        };
        let is_ours = split.host.eq_ignore_ascii_case(&self.host) && split.tls.map_or(is_port(true) || is_port(false), is_port);
        let scheme: &[u8] = if split.tls.is_some() { b"https:" } else { b"" };
        is_ours.then(|| [scheme, b"//", public.as_bytes(), split.rest].concat())
    }

    /// A URL of the public site as the application's own.
    fn internal(&self, url: &[u8], public: &HeaderValue) -> Option<Vec<u8>> {
        let split = Split::of(url)?;
        let (host, port) = authority(public.as_bytes())?;
        let is_port = split.port.unwrap_or(443) == port.unwrap_or(443);
        let is_public = split.tls == Some(true) && split.host.eq_ignore_ascii_case(host) && is_port;
        let scheme: &[u8] = if self.servers.first().is_some_and(|(tls, _)| *tls) { b"https://" } else { b"http://" };
        is_public.then(|| [scheme, self.told.as_bytes(), split.rest].concat())
    }

    /// Whether a URL has the application's own host, whatever its scheme and port.
    fn is_named_in(&self, url: &[u8]) -> bool {
        Split::of(url).is_some_and(|split| split.host.eq_ignore_ascii_case(&self.host))
    }

    /// A cookie for the application's own host becomes one of the host that the client asked; the rest stays byte for byte.
    fn set_cookie(&self, line: &[u8]) -> Option<Vec<u8>> {
        // Of several the last counts (RFC 6265 section 5.3), so if that one goes no other may take its place.
        let last = line.split(|byte| *byte == b';').skip(1).filter_map(domain).last()?;
        if !last.strip_prefix(b".").unwrap_or(last).eq_ignore_ascii_case(&self.host) {
            return None;
        }
        let mut pieces = line.split(|byte| *byte == b';');
        let mut kept = pieces.next()?.to_vec();
        for piece in pieces.filter(|piece| domain(piece).is_none()) {
            kept.push(b';');
            kept.extend_from_slice(piece);
        }
        Some(kept)
    }
}

/// An answer's plain URLs of the public host as what it is, https: applications that do not read `X-Forwarded-Proto` write such. `public` is
/// the host as the client wrote it. The port may be none, one of the defaults, or the public one; others are somebody else's.
pub fn secure(headers: &mut HeaderMap, public: &HeaderValue) {
    let secured = |url: &[u8]| -> Option<Vec<u8>> {
        let split = Split::of(url).filter(|split| split.tls == Some(false))?;
        let (host, port) = authority(public.as_bytes())?;
        let is_port = matches!(split.port, None | Some(80 | 443)) || split.port == port;
        let is_public = split.host.eq_ignore_ascii_case(host) && is_port;
        is_public.then(|| [b"https://", public.as_bytes(), split.rest].concat())
    };
    for (name, value) in headers.iter_mut() {
        let rewritten = match *name {
            header::LOCATION | header::CONTENT_LOCATION => secured(value.as_bytes()),
            header::REFRESH => in_refresh(value.as_bytes(), secured),
            _ => None,
        };
        replace(value, rewritten);
    }
}

/// A `Refresh` with another URL, if there is one.
fn in_refresh(value: &[u8], rewrite: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let Range { start, end } = refresh_url(value);
    let url = rewrite(value.get(start..end)?)?;
    Some([value.get(..start)?, &url, value.get(end..)?].concat())
}

/// A URL with an authority. `tls` is nothing where the scheme is left to the page (`//host/path`).
struct Split<'a> {
    tls: Option<bool>,
    host: &'a [u8],
    port: Option<u16>,
    rest: &'a [u8],
}

impl<'a> Split<'a> {
    fn of(url: &'a [u8]) -> Option<Self> {
        let (tls, after) = match (strip(url, b"https:"), strip(url, b"http:")) {
            (Some(after), _) => (Some(true), after),
            (None, Some(after)) => (Some(false), after),
            (None, None) => (None, url),
        };
        let after = after.strip_prefix(b"//")?;
        let end = after.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(after.len());
        let (named, rest) = after.split_at_checked(end)?;
        let (host, port) = authority(named)?;
        Some(Self { tls, host, port, rest })
    }
}

/// `host`, `host:port`, `[v6]:port`, and nothing else: no userinfo, no blanks, no escapes. The host keeps its brackets and loses a final
/// dot.
fn authority(named: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let bracket = named.iter().position(|byte| *byte == b']').map_or(0, |place| place + 1);
    let colon = named.iter().skip(bracket).position(|byte| *byte == b':').map(|place| place + bracket);
    let (host, port) = match colon.and_then(|place| named.split_at_checked(place)) {
        None => (named, None),
        Some((host, port)) => {
            let digits =
                std::str::from_utf8(port.get(1..)?).ok().filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?;
            (host, Some(digits.parse().ok()?))
        }
    };
    let is_host = match host.strip_prefix(b"[") {
        Some(address) => {
            let address = address.strip_suffix(b"]")?;
            !address.is_empty() && address.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        }
        None => !host.is_empty() && host.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')),
    };
    is_host.then(|| (host.strip_suffix(b".").unwrap_or(host), port))
}

/// Where the URL of a `Refresh` stands, read as browsers do: a number, a separator, perhaps `url=`, perhaps quotes.
fn refresh_url(value: &[u8]) -> Range<usize> {
    let rest = after(value, |byte| byte.is_ascii_digit() || *byte == b'.' || byte.is_ascii_whitespace());
    let rest = rest.strip_prefix(b";").or_else(|| rest.strip_prefix(b",")).unwrap_or(rest).trim_ascii_start();
    let named = strip(rest, b"url").and_then(|rest| rest.trim_ascii_start().strip_prefix(b"="));
    let rest = named.unwrap_or(rest).trim_ascii_start();
    let quote = rest.first().filter(|byte| matches!(byte, b'"' | b'\''));
    let url = if quote.is_some() { rest.get(1..).unwrap_or_default() } else { rest };
    let length = url.iter().position(|byte| Some(byte) == quote).unwrap_or(url.trim_ascii_end().len());
    let start = value.len() - url.len();
    start..start + length
}

fn after(value: &[u8], skipped: impl Fn(&u8) -> bool) -> &[u8] {
    let start = value.iter().position(|byte| !skipped(byte)).unwrap_or(value.len());
    value.get(start..).unwrap_or_default()
}

/// The value of a `Domain` attribute.
fn domain(attribute: &[u8]) -> Option<&[u8]> {
    let value = strip(attribute.trim_ascii_start(), b"domain")?.trim_ascii_start().strip_prefix(b"=")?;
    Some(value.trim_ascii())
}

fn strip<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

fn replace(value: &mut HeaderValue, rewritten: Option<Vec<u8>>) {
    // Made of pieces of valid values, so it is one.
    if let Some(rewritten) = rewritten.and_then(|bytes| HeaderValue::from_maybe_shared(Bytes::from(bytes)).ok()) {
        *value = rewritten;
    }
}

/// Of COPY and MOVE (RFC 4918 section 10.3).
const DESTINATION: HeaderName = HeaderName::from_static("destination");

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: HeaderValue = HeaderValue::from_static("mail.example.com");

    fn names(host: &str) -> Names {
        Names::new(host, [(false, 8080)].into_iter()).unwrap()
    }

    fn answered(names: &Names, public: &HeaderValue, name: HeaderName, value: &str) -> String {
        let mut headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_str(value).unwrap())]);
        names.to_client(&mut headers, public);
        headers[name].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_location_is_published_only_if_it_is_exactly_the_applications() {
        let table = [
            ("http://inner.example", "https://mail.example.com"),
            ("http://inner.example/", "https://mail.example.com/"),
            ("https://inner.example/a?b=http://inner.example/#c", "https://mail.example.com/a?b=http://inner.example/#c"),
            ("HTTP://Inner.EXAMPLE?q", "https://mail.example.com?q"),
            ("http://inner.example.:80/a", "https://mail.example.com/a"),
            ("https://inner.example:443/a", "https://mail.example.com/a"),
            ("http://inner.example:8080/a", "https://mail.example.com/a"),
            ("//inner.example/a", "//mail.example.com/a"),
            ("http://inner.example//evil.example/", "https://mail.example.com//evil.example/"),
        ];
        for (given, expected) in table {
            for name in [header::LOCATION, header::CONTENT_LOCATION] {
                assert_eq!(answered(&names("inner.example"), &PUBLIC, name, given), expected);
            }
        }
    }

    #[test]
    fn a_plain_url_of_the_public_host_becomes_https() {
        let [port, v6] = ["mail.example.com:8443", "[2001:db8::1]"].map(HeaderValue::from_static);
        let table = [
            (&PUBLIC, "http://mail.example.com", "https://mail.example.com"),
            (&PUBLIC, "HTTP://Mail.Example.com.:80/a?b#c", "https://mail.example.com/a?b#c"),
            (&PUBLIC, "http://mail.example.com:443/", "https://mail.example.com/"),
            (&port, "http://mail.example.com/a", "https://mail.example.com:8443/a"),
            (&port, "http://mail.example.com:8443/a", "https://mail.example.com:8443/a"),
            (&v6, "http://[2001:DB8::1]:80/", "https://[2001:db8::1]/"),
            (&PUBLIC, "http://mail.example.com:8080/", "http://mail.example.com:8080/"),
            (&PUBLIC, "https://mail.example.com/", "https://mail.example.com/"),
            (&PUBLIC, "//mail.example.com/", "//mail.example.com/"),
            (&PUBLIC, "/a?b=http://mail.example.com/", "/a?b=http://mail.example.com/"),
            (&PUBLIC, "http://mail.example.com.evil.example/", "http://mail.example.com.evil.example/"),
            (&PUBLIC, "http://mail.example.com@evil.example/", "http://mail.example.com@evil.example/"),
            (&PUBLIC, "http://mail.example.com\\@evil.example/", "http://mail.example.com\\@evil.example/"),
            (&PUBLIC, "http://evil.example/", "http://evil.example/"),
            (&PUBLIC, "http:mail.example.com/", "http:mail.example.com/"),
        ];
        for (public, given, expected) in table {
            let fields = [
                (header::LOCATION, given.to_owned(), expected.to_owned()),
                (header::CONTENT_LOCATION, given.to_owned(), expected.to_owned()),
                (header::REFRESH, format!("5; url='{given}'"), format!("5; url='{expected}'")),
                (header::SET_COOKIE, given.to_owned(), given.to_owned()),
            ];
            for (name, given, expected) in fields {
                let mut headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_str(&given).unwrap())]);
                secure(&mut headers, public);
                assert_eq!(headers[&name], expected);
            }
        }
    }

    #[test]
    fn what_is_relative_or_somebody_elses_or_odd_stays_as_it_is() {
        let untouched = [
            "/",
            "/a/b?c#d",
            "a",
            "../a",
            "?a",
            "",
            "//",
            "///inner.example/",
            "/\\inner.example/",
            "\\\\inner.example\\",
            "http:/inner.example/",
            "http:inner.example/",
            "http:\\\\inner.example/",
            "http:///inner.example/",
            "http://inner.example\\@evil.example/",
            "http://inner.example\\.evil.example/",
            "http://inner.example@evil.example/",
            "http://evil.example@inner.example/",
            "http://inner.example:80@evil.example/",
            "http://inner.example:@evil.example/",
            "http://inner.example.evil.example/",
            "http://evil.example/inner.example",
            "http://evil.example#http://inner.example/",
            "http://evilinner.example/",
            "http://inner.example%2eevil.example/",
            "http://inner.example%00.evil.example/",
            "http://inner.example .evil.example/",
            "http://inner.example\t/",
            " http://inner.example/",
            "ht\ttp://inner.example/",
            "http://inner.example;x/",
            "http://inner.example,evil.example/",
            "http://[inner.example]/",
            "http://[::1]/",
            "http://inner.example:81/",
            "https://inner.example:8080/",
            "http://inner.example:/",
            "http://inner.example:99999/",
            "http://inner.example:+80/",
            "ftp://inner.example/",
            "javascript://inner.example/%0aalert(1)",
            "https://mail.example.com/",
        ];
        for given in untouched {
            let mut headers = HeaderMap::new();
            // As a header could hold it; blanks at the ends are cut by the parser.
            headers.insert(header::LOCATION, HeaderValue::from_str(given).unwrap());
            names("inner.example").to_client(&mut headers, &PUBLIC);
            assert_eq!(headers[header::LOCATION], given);
        }
    }

    #[test]
    fn ports_and_addresses_are_names_too() {
        let [port, v6] = ["localhost:8443", "[2001:db8::1]:8443"].map(HeaderValue::from_static);
        let table = [
            ("inner.example:8081", "http://inner.example:8081/a", "https://localhost:8443/a"),
            ("inner.example:8081", "https://inner.example:8081/a", "https://localhost:8443/a"),
            ("inner.example:8081", "http://inner.example:8080/a", "https://localhost:8443/a"),
            ("inner.example:8081", "http://inner.example/a", "http://inner.example/a"),
            ("[2001:DB8::2]:81", "http://[2001:db8::2]:81/a", "https://localhost:8443/a"),
            ("[2001:db8::2]", "http://[2001:db8::2]/a", "https://localhost:8443/a"),
            ("[2001:db8::2]", "http://[2001:db8::2/a", "http://[2001:db8::2/a"),
            ("[2001:db8::2]", "http://[2001:db8::2]evil.example/a", "http://[2001:db8::2]evil.example/a"),
        ];
        for (host, given, expected) in table {
            assert_eq!(answered(&names(host), &port, header::LOCATION, given), expected);
        }
        assert_eq!(answered(&names("inner"), &v6, header::LOCATION, "http://inner/"), "https://[2001:db8::1]:8443/");
        for host in ["", "a b", "user@inner", "inner:", "inner:x", "inner/x"] {
            assert!(Names::new(host, std::iter::empty()).is_none(), "{host}");
        }
    }

    #[test]
    fn a_refresh_is_read_as_browsers_read_it() {
        let table = [
            ("5; url=http://inner.example/a", "5; url=https://mail.example.com/a"),
            ("0;URL='http://inner.example/a'; x", "0;URL='https://mail.example.com/a'; x"),
            ("0.5 , url = \"http://inner.example/a\"", "0.5 , url = \"https://mail.example.com/a\""),
            ("5;http://inner.example/a", "5;https://mail.example.com/a"),
            ("5 http://inner.example/a", "5 https://mail.example.com/a"),
            ("5", "5"),
            ("", ""),
            ("5; url=", "5; url="),
            ("5; url='", "5; url='"),
            ("5; url=/a", "5; url=/a"),
            ("5; url=http://evil.example/?http://inner.example/", "5; url=http://evil.example/?http://inner.example/"),
            ("5; url='http://inner.example@evil.example/'", "5; url='http://inner.example@evil.example/'"),
            ("5; url='http://inner.example", "5; url='https://mail.example.com"),
        ];
        for (given, expected) in table {
            assert_eq!(answered(&names("inner.example"), &PUBLIC, header::REFRESH, given), expected);
        }
    }

    #[test]
    fn a_cookie_loses_the_domain_that_names_the_application_and_nothing_else() {
        let table = [
            ("a=1", "a=1"),
            ("a=1; Path=/x; Domain=inner.example; HttpOnly", "a=1; Path=/x; HttpOnly"),
            ("a=1;domain = .Inner.Example;Secure", "a=1;Secure"),
            ("a=1; Domain=inner.example", "a=1"),
            ("a=1; Domain=example", "a=1; Domain=example"),
            ("a=1; Domain=sub.inner.example", "a=1; Domain=sub.inner.example"),
            ("a=1; Domain=", "a=1; Domain="),
            ("domain=inner.example; Path=/", "domain=inner.example; Path=/"),
            ("a=domain=inner.example; Path=/", "a=domain=inner.example; Path=/"),
            ("a=1; Domains=inner.example", "a=1; Domains=inner.example"),
            ("a=1; Domain=other.example; Domain=inner.example", "a=1"),
            ("a=1; Domain=inner.example; Domain=other.example", "a=1; Domain=inner.example; Domain=other.example"),
            ("a=\"1;\" ; Domain=inner.example;; X", "a=\"1;\" ;; X"),
        ];
        for (given, expected) in table {
            assert_eq!(answered(&names("inner.example"), &PUBLIC, header::SET_COOKIE, given), expected);
        }
        let mut headers = HeaderMap::new();
        for line in ["a=1; Domain=inner.example", "b=2", "c=3; domain=INNER.example; Secure"] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(line));
        }
        names("inner.example").to_client(&mut headers, &PUBLIC);
        let lines: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(lines, ["a=1", "b=2", "c=3; Secure"]);
    }

    #[test]
    fn a_request_speaks_of_the_application_by_its_own_name() {
        let names = names("inner.example");
        let table = [
            ("destination", "https://mail.example.com/b%20c", Some("http://inner.example/b%20c")),
            ("destination", "https://MAIL.example.com:443/b", Some("http://inner.example/b")),
            ("destination", "/b", Some("/b")),
            ("destination", "http://mail.example.com/b", Some("http://mail.example.com/b")),
            ("destination", "https://mail.example.com:8443/b", Some("https://mail.example.com:8443/b")),
            ("destination", "https://mail.example.com@evil.example/b", Some("https://mail.example.com@evil.example/b")),
            ("destination", "https://other.example/b", Some("https://other.example/b")),
            ("origin", "https://mail.example.com", Some("http://inner.example")),
            ("origin", "null", Some("null")),
            ("origin", "https://evil.example", Some("https://evil.example")),
            ("referer", "https://mail.example.com/a?b", Some("http://inner.example/a?b")),
            ("referer", "https://evil.example/https://mail.example.com/", Some("https://evil.example/https://mail.example.com/")),
            ("x-other", "https://mail.example.com/", Some("https://mail.example.com/")),
        ];
        for (name, given, expected) in table {
            let name = HeaderName::from_static(name);
            let mut headers = HeaderMap::from_iter([(header::HOST, PUBLIC), (name.clone(), HeaderValue::from_static(given))]);
            names.to_upstream(&mut headers, &PUBLIC);
            assert_eq!(headers.get(&name).map(|value| value.to_str().unwrap()), expected, "{name}");
            assert_eq!(headers[header::HOST], "inner.example");
        }
    }

    #[test]
    fn a_page_under_the_applications_own_name_is_not_taken_for_the_public_site() {
        let names = names("inner.example");
        for own in ["http://inner.example", "https://INNER.example:9999", "http://inner.example.:8080"] {
            let value = HeaderValue::from_static(own);
            let mut headers = HeaderMap::from_iter([(header::ORIGIN, value.clone()), (header::REFERER, value)]);
            names.to_upstream(&mut headers, &PUBLIC);
            assert_eq!(headers[header::ORIGIN], "null", "{own}");
            assert!(!headers.contains_key(header::REFERER), "{own}");
        }
    }
}
