//! Our cookies: how they are found in a request and written in an answer.

use data_encoding::BASE64URL_NOPAD;
use http::header::{COOKIE, HeaderMap, HeaderValue};

use crate::base::cookie::{self, Search};
use crate::base::{Random, Secret};

/// Opens a session; its value is a [`crate::auth::session::Cookie`].
pub const KEY: &str = "__Host-doorward";
/// Binds flows to a browser: 256 random bits in base64url.
pub const FLOW: &str = "__Host-doorward-flow";
/// Which users have signed in before in this browser, sealed.
pub const KNOWN: &str = "__Host-doorward-known";

/// The value of the cookie of this name. None where there is none, and none where there are two: one of them was planted.
pub fn find<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    let mut search = Search::for_name(name);
    headers.get_all(COOKIE).iter().flat_map(|field| cookie::pieces(field.as_bytes())).for_each(|piece| search.look_at(piece));
    search.value()
}

/// The value of the flow cookie, where it is one of ours by its form.
pub fn browser(headers: &HeaderMap) -> Option<Secret<String>> {
    let value = find(headers, FLOW)?;
    let is_ours = BASE64URL_NOPAD.decode(value.as_bytes()).is_ok_and(|bits| bits.len() == 32);
    is_ours.then(|| Secret::new(value.to_owned()))
}

/// A new one.
pub fn new_browser(random: &dyn Random) -> Secret<String> {
    Secret::new(BASE64URL_NOPAD.encode(&random.bytes::<32>()))
}

/// `Set-Cookie` for a cookie that lives as long as the browser, or for so many seconds (zero: gone at once).
pub fn set(name: &str, value: &str, seconds: Option<u32>) -> Option<HeaderValue> {
    HeaderValue::from_str(&cookie::set(name, value, seconds)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn a_cookie_is_found_by_its_exact_name_and_only_if_it_is_alone() {
        let table: &[(&[&str], Option<&str>)] = &[
            (&["__Host-doorward=a"], Some("a")),
            (&["x=1; __Host-doorward=a; y=2"], Some("a")),
            (&["x=1", "__Host-doorward=a"], Some("a")),
            (&["__Host-doorward=a; __Host-doorward=b"], None),
            (&["__Host-doorward=a", "__Host-doorward=a"], None),
            (&["__host-doorward=a"], None),
            (&["__Host-doorward-flow=a"], None),
            (&["x__Host-doorward=a"], None),
            (&["__Host-doorward"], None),
            (&["__Host-doorward="], None),
            (&["__Host-doorward =a"], None),
            (&[], None),
        ];
        for (lines, expected) in table {
            let headers: HeaderMap = lines.iter().map(|line| (COOKIE, HeaderValue::from_str(line).unwrap())).collect();
            assert_eq!(find(&headers, KEY), *expected, "{lines:?}");
        }
    }

    #[test]
    fn a_flow_cookie_that_is_none_of_ours_is_none() {
        assert!(browser(&headers(&["__Host-doorward-flow=short"])).is_none());
        let fresh = new_browser(&crate::base::random::SystemSource);
        let line = HeaderValue::from_str(&format!("{FLOW}={}", fresh.expose())).unwrap();
        assert_eq!(browser(&[(COOKIE, line)].into_iter().collect()), Some(fresh));
    }
}
