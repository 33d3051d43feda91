//! Whether a form that was posted to us comes from our own page (Fetch Metadata, RFC 6454). The sealed `csrf` field and its
//! cookie say the same once more.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// `Sec-Fetch-Site` must be `same-origin` or `none`; without it `Origin` must be this host. `Origin: null` is what an older
/// browser sends from a page with `Referrer-Policy: no-referrer`, as ours are: it says nothing, the sealed field decides.
pub fn is_ours(headers: &HeaderMap, authority: Option<&str>) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let host = authority.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()));
    match (headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default()), host) {
        (Some("null"), _) => true,
        (Some(origin), Some(host)) => origin.strip_prefix("https://").is_some_and(|origin| origin.eq_ignore_ascii_case(host)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_may_post() {
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site"), ("origin", "https://a.example")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("origin", "https://a.example")], true),
            (&[("origin", "https://A.example")], true),
            (&[("origin", "http://a.example")], false),
            (&[("origin", "https://a.example:8443")], false),
            (&[("origin", "https://b.example")], false),
            (&[("origin", "null")], true),
            (&[], false),
        ];
        for (fields, expected) in table {
            let mut headers: HeaderMap = fields
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
                .collect();
            headers.insert(HOST, http::HeaderValue::from_static("a.example"));
            assert_eq!(is_ours(&headers, None), *expected, "{fields:?}");
        }
    }
}
