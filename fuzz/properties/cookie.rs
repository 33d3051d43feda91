//! Cookies: what is found is one cookie's whole value, nothing that we did not make is ours, and none of ours reaches an application.

use doorward::auth::session::Cookie;
use doorward::base::keys::SealKey;
use doorward::base::{Keys, Secret};
use doorward::proxy::cookies::{self, Jar};
use doorward::web::cookie::{FLOW, KEY, KNOWN, browser, find};
use http::header::{COOKIE, HeaderMap, HeaderValue};

/// The fields of a request: a line each.
pub fn holds(data: &[u8]) {
    let lines: Vec<HeaderValue> =
        data.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let headers: HeaderMap = lines.iter().map(|line| (COOKIE, line.clone())).collect();
    let keys = Keys::new(vec![SealKey { id: "k1".into(), secret: Secret::new(vec![7; 32]) }]).expect("a key");

    for name in [KEY, FLOW, KNOWN] {
        let Some(value) = find(&headers, name) else { continue };
        assert!(!value.is_empty() && value.len() <= 4096 && !value.contains(';'), "{value:?}");
        assert_eq!(given(&headers, name), [value.as_bytes()], "{name} is there once, with this value");
        assert!(!Cookie::is_ours(value, &keys), "forged: {value:?}");
    }
    if let Some(value) = browser(&headers) {
        assert_eq!(value.expose().len(), 43, "256 bits");
    }
    assert!(!std::str::from_utf8(data).is_ok_and(|value| Cookie::is_ours(value, &keys)), "forged");

    let jar = Jar::of(&headers, KEY);
    assert_eq!(jar.named, find(&headers, KEY), "both readers see the same");
    let mut stripped = headers.clone();
    jar.rest.put(&mut stripped);
    if let Some(left) = stripped.get(COOKIE) {
        assert_eq!(stripped.get_all(COOKIE).iter().count(), 1, "one field");
        assert!(!left.as_bytes().split(|byte| *byte == b';').any(looks_like_ours), "{left:?}");
        let others = lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
        let others: Vec<&[u8]> = others.filter(|cookie| !cookie.is_empty() && !looks_like_ours(cookie)).collect();
        let left: Vec<&[u8]> =
            left.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|cookie| !cookie.is_empty()).collect();
        assert_eq!(left, others, "every other cookie arrives, in order");
    }
    for line in &lines {
        assert_eq!(cookies::sets_ours(line), looks_like_ours(line.as_bytes()), "{line:?}");
    }
}

/// The values of every cookie of exactly this name, read in the plainest way.
fn given<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a [u8]> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let named = pairs.filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        (pair[..at].trim_ascii_start() == name.as_bytes()).then_some(pair[at + 1..].trim_ascii())
    });
    named.collect()
}

/// As the most forgiving server would read it: blanks and empty names before it, any case.
fn looks_like_ours(cookie: &[u8]) -> bool {
    let text = String::from_utf8_lossy(cookie).to_ascii_lowercase();
    text.trim_start_matches(|letter: char| letter == '=' || letter <= ' ').starts_with("__host-doorward")
}
