//! Doorward's own cookies, which the applications never see and never set.

use http::header::{self, HeaderMap, HeaderValue};

/// Makes the `Cookie` field what the application gets: without our cookies, the others byte for byte. The several fields that HTTP/2
/// allows become one (RFC 9113 section 8.2.3); where nothing is left there is none.
pub fn strip(headers: &mut HeaderMap) {
    let mut fields = headers.get_all(header::COOKIE).iter();
    let Some(first) = fields.next() else { return };
    if fields.next().is_none() && !pieces(first).any(is_ours) {
        return;
    }
    let length = headers.get_all(header::COOKIE).iter().map(|field| field.len() + 2).sum();
    match others(length, headers.get_all(header::COOKIE).iter()) {
        Some(others) => drop(headers.insert(header::COOKIE, others)),
        None => drop(headers.remove(header::COOKIE)),
    }
}

/// What is left of these fields without our cookies, in one; at most `length` bytes.
pub(super) fn others<'a>(length: usize, fields: impl Iterator<Item = &'a HeaderValue>) -> Option<HeaderValue> {
    let mut joined = Vec::with_capacity(length);
    for piece in fields.flat_map(pieces).filter(|piece| !piece.is_empty() && !is_ours(piece)) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(piece);
    }
    // Made of pieces of valid values.
    HeaderValue::from_maybe_shared(bytes::Bytes::from(joined)).ok().filter(|joined| !joined.is_empty())
}

/// The server that the sticky cookie names; what is no name of ours will be nobody's.
pub(super) fn server(headers: &HeaderMap) -> Option<String> {
    let named = |piece: &[u8]| {
        let value = piece.strip_prefix(SERVER.as_bytes())?.strip_prefix(b"=")?;
        std::str::from_utf8(value).ok().filter(|value| value.len() <= 32).map(str::to_owned)
    };
    headers.get_all(header::COOKIE).iter().flat_map(pieces).find_map(named)
}

/// The `Set-Cookie` that keeps a browser at the server of this name for as long as the browser runs.
pub(super) fn keep_at(server: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{SERVER}={server}; Path=/; Secure; HttpOnly; SameSite=Lax")).ok()
}

/// Whether a `Set-Cookie` would set a cookie of ours, also by the trick of a nameless cookie whose value looks like one.
pub fn sets_ours(value: &HeaderValue) -> bool {
    is_ours(value.as_bytes())
}

fn pieces(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii)
}

/// Any name that begins like ours, in any case. Blanks and `=` before it do not hide it.
fn is_ours(cookie: &[u8]) -> bool {
    let start = cookie.iter().position(|byte| !matches!(byte, b'=' | 0..=b' ')).unwrap_or(cookie.len());
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
            strip(&mut headers);
            let left: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
            assert_eq!(left, expected.iter().map(|text| text.as_bytes()).collect::<Vec<_>>(), "{given:?}");
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
