//! Doorward's own cookies, which the applications never see and never set.

use std::fmt;

use http::header::{self, HeaderMap, HeaderValue};

use crate::base::cookie::{self, Search};

/// A request's cookies, told apart in one look.
pub struct Jar<'a> {
    /// The value of the cookie that was asked for. None where there is none, and none where there are two: one of them was planted.
    pub named: Option<&'a str>,
    pub rest: Rest,
}

/// What the application gets of a request's cookies: the others byte for byte, without ours.
pub struct Rest(Left);

enum Left {
    /// The field stays as it is, or is not there.
    Untouched,
    Nothing,
    Others(HeaderValue),
}

impl<'a> Jar<'a> {
    /// Looks for the cookie of exactly this name, which is one of ours. The several fields that HTTP/2 allows become one for the
    /// application (RFC 9113 section 8.2.3); where nothing is left it gets none.
    pub fn of(headers: &'a HeaderMap, name: &'static str) -> Self {
        let length: usize = headers.get_all(header::COOKIE).iter().map(|field| field.len() + 2).sum();
        let (mut fields, mut search, mut has_ours) = (0_usize, Search::for_name(name), false);
        let mut others = Vec::with_capacity(length);
        for field in headers.get_all(header::COOKIE) {
            fields += 1;
            for piece in cookie::pieces(field.as_bytes()) {
                if is_ours(piece) {
                    has_ours = true;
                    search.look_at(piece);
                } else if !piece.is_empty() {
                    if !others.is_empty() {
                        others.extend_from_slice(b"; ");
                    }
                    others.extend_from_slice(piece);
                }
            }
        }
        let left = if fields <= 1 && !has_ours { Left::Untouched } else { Left::of(others) };
        Self { named: search.value(), rest: Rest(left) }
    }
}

impl Left {
    /// Made of pieces of valid values.
    fn of(others: Vec<u8>) -> Self {
        let others = HeaderValue::from_maybe_shared(bytes::Bytes::from(others)).ok().filter(|others| !others.is_empty());
        others.map_or(Self::Nothing, Self::Others)
    }
}

impl Rest {
    /// Where there is no cookie at all.
    pub fn of_none() -> Self {
        Self(Left::Untouched)
    }

    /// Makes the `Cookie` field of the request that it was read from what the application gets.
    pub fn put(&self, headers: &mut HeaderMap) {
        match &self.0 {
            Left::Untouched => {}
            Left::Nothing => drop(headers.remove(header::COOKIE)),
            Left::Others(others) => drop(headers.insert(header::COOKIE, others.clone())),
        }
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rest")
    }
}

/// The server that the sticky cookie names; what is no name of ours will be nobody's.
pub(super) fn server(headers: &HeaderMap) -> Option<String> {
    let named = |piece: &[u8]| {
        let value = piece.strip_prefix(SERVER.as_bytes())?.strip_prefix(b"=")?;
        std::str::from_utf8(value).ok().filter(|value| value.len() <= 32).map(str::to_owned)
    };
    headers.get_all(header::COOKIE).iter().flat_map(|field| cookie::pieces(field.as_bytes())).find_map(named)
}

/// The `Set-Cookie` that keeps a browser at the server of this name for as long as the browser runs.
pub(super) fn keep_at(server: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&cookie::set(SERVER, server, None)).ok()
}

/// Whether a `Set-Cookie` would set a cookie of ours, also by the trick of a nameless cookie whose value looks like one.
pub fn sets_ours(value: &HeaderValue) -> bool {
    is_ours(value.as_bytes())
}

/// Any name that begins like ours, in any case. Blanks and `=` before it do not hide it.
fn is_ours(cookie: &[u8]) -> bool {
    // Most begin with a letter.
    let start = match cookie.first() {
        Some(first) if first.is_ascii_alphanumeric() => return false,
        _ => cookie.iter().position(|byte| !matches!(byte, b'=' | 0..=b' ')).unwrap_or(cookie.len()),
    };
    let begins = cookie.get(start..start.saturating_add(PREFIX.len()));
    begins.is_some_and(|begins| begins.eq_ignore_ascii_case(PREFIX))
}

const PREFIX: &[u8] = b"__host-doorward";
const SERVER: &str = "__Host-doorward-server";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_cookies_are_cut_out_and_the_others_stay_as_they_are() {
        let table: [(&[&str], Option<&str>); 9] = [
            (&[], None),
            (&["a=1;b=\"x y\"; c"], Some("a=1;b=\"x y\"; c")),
            (&["__Host-doorward=secret"], None),
            (&["a=1; __Host-doorward=secret; b=2=3"], Some("a=1; b=2=3")),
            (&["__host-DOORWARD-flow=x;a=1"], Some("a=1")),
            (&["a=1; __Host-doorward-known=y"], Some("a=1")),
            (&["a=1; =__Host-doorward=y; \t__Host-doorward =z"], Some("a=1")),
            (&["a=1", "b=2", "__Host-doorward=s", "c=3"], Some("a=1; b=2; c=3")),
            (&["x__Host-doorward=mine"], Some("x__Host-doorward=mine")),
        ];
        for (given, expected) in table {
            let mut headers = HeaderMap::new();
            for value in given {
                headers.append(header::COOKIE, HeaderValue::from_str(value).unwrap());
            }
            Jar::of(&headers, "__Host-doorward").rest.put(&mut headers);
            let left: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
            assert_eq!(left, expected.iter().map(|text| text.as_bytes()).collect::<Vec<_>>(), "{given:?}");
        }
    }

    #[test]
    fn the_cookie_that_is_asked_for_is_found_by_its_exact_name_and_only_if_it_is_alone() {
        let long = format!("__Host-doorward={}", "x".repeat(4097));
        let table: [(&[&str], Option<&str>); 13] = [
            (&["__Host-doorward=a"], Some("a")),
            (&["x=1;__Host-doorward= a ;y=2"], Some("a")),
            (&["x=1", "__Host-doorward=a", "__Host-doorward-flow=f"], Some("a")),
            (&["__Host-doorward=a=b"], Some("a=b")),
            (&["__Host-doorward=a; __Host-doorward=b"], None),
            (&["__Host-doorward=a", "__Host-doorward=a"], None),
            (&["__host-doorward=a"], None),
            (&["=__Host-doorward=a"], None),
            (&["x__Host-doorward=a"], None),
            (&["__Host-doorward"], None),
            (&["__Host-doorward="], None),
            (&["__Host-doorward=\u{e4}; x"], Some("\u{e4}")),
            (&[&long], None),
        ];
        for (given, expected) in table {
            let headers: HeaderMap =
                given.iter().map(|value| (header::COOKIE, HeaderValue::from_bytes(value.as_bytes()).unwrap())).collect();
            assert_eq!(Jar::of(&headers, "__Host-doorward").named, expected, "{given:?}");
        }
    }

    #[test]
    fn an_application_cannot_set_our_cookies() {
        for (value, expected) in [
            ("__Host-doorward=x", true),
            ("__HOST-Doorward-Flow=x; Path=/", true),
            (" __host-doorward=x", true),
            ("=__Host-doorward=x", true),
            ("__Host-other=x", false),
            ("a=__Host-doorward", false),
        ] {
            assert_eq!(sets_ours(&HeaderValue::from_str(value).unwrap()), expected, "{value}");
        }
    }
}
