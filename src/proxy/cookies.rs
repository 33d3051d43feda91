//! Doorward's own cookies, which the applications never see and never set.

use http::header::{self, HeaderMap, HeaderValue};

/// The `Cookie` field as the application gets it: without our cookies, the others byte for byte. The several fields that HTTP/2 allows
/// become one (RFC 9113 section 8.2.3). Nothing, if nothing is left.
pub fn for_upstream(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut fields = headers.get_all(header::COOKIE).iter();
    let first = fields.next()?;
    let alone = fields.next().is_none();
    if alone && !pieces(first).any(is_ours) {
        return Some(first.clone());
    }
    let mut joined = Vec::new();
    for piece in headers.get_all(header::COOKIE).iter().flat_map(pieces).filter(|piece| !piece.is_empty() && !is_ours(piece)) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(piece);
    }
    // Made of pieces of valid values.
    if joined.is_empty() { None } else { HeaderValue::from_maybe_shared(bytes::Bytes::from(joined)).ok() }
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
            assert_eq!(for_upstream(&headers).as_ref().map(HeaderValue::as_bytes), expected.map(str::as_bytes), "{given:?}");
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
