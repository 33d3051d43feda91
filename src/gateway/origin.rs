//! Where a request comes from, as a browser tells it (Fetch Metadata, RFC 6454). What is missing says nothing: the sealed field of a form
//! and the cookie that it is bound to decide then.

use http::HeaderMap;
use http::header::{HOST, ORIGIN, REFERER};

/// Whose page a request comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whence {
    /// A page of this host, or its user's own hand.
    Ours,
    /// A page of a host that shares a registrable domain with this one.
    Sibling,
    /// A page of another site.
    Foreign,
    /// The browser does not say.
    Untold,
}

impl Whence {
    /// Whether a form that came from there may be one of our own pages'.
    pub fn may_be_ours(self) -> bool {
        matches!(self, Self::Ours | Self::Untold)
    }
}

/// By `Sec-Fetch-Site`; without it by `Origin`; without that by `Referer`. `Origin: null` is what an older browser sends from a page with
/// `Referrer-Policy: no-referrer`, as ours are, and says nothing. `authority` is what the request's target names.
pub fn whence(headers: &HeaderMap, authority: Option<&str>) -> Whence {
    if let Some(site) = headers.get("sec-fetch-site") {
        return match site.as_bytes() {
            b"same-origin" | b"none" => Whence::Ours,
            b"same-site" => Whence::Sibling,
            _ => Whence::Foreign,
        };
    }
    let host = authority.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()));
    let Some(host) = host.map(without_default_port) else { return Whence::Foreign };
    let is_ours = |value: &http::HeaderValue| value.to_str().is_ok_and(|url| is_of(url, host));
    match (headers.get(ORIGIN), headers.get(REFERER)) {
        (Some(origin), _) if origin == "null" => Whence::Untold,
        (Some(told), _) | (None, Some(told)) if is_ours(told) => Whence::Ours,
        (None, None) => Whence::Untold,
        _ => Whence::Foreign,
    }
}

/// The path and query of the page that a request comes from, where that is one of this host's.
pub fn page_of<'a>(headers: &'a HeaderMap, authority: Option<&str>) -> Option<&'a str> {
    let host = authority.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok())).map(without_default_port)?;
    let page = headers.get(REFERER)?.to_str().ok().filter(|page| is_of(page, host))?;
    let (authority, _) = page.get(SCHEME.len()..)?.split_once('/')?;
    page.get(SCHEME.len() + authority.len()..)
}

/// Whether an origin or a URL is of this host by https. A default port that is written out makes no difference (RFC 6454 section 6.2).
fn is_of(url: &str, host: &str) -> bool {
    let Some(rest) = url.split_at_checked(SCHEME.len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME)) else {
        return false;
    };
    let authority = rest.1.split(['/', '?', '#']).next().unwrap_or_default();
    without_default_port(authority).eq_ignore_ascii_case(host)
}

fn without_default_port(authority: &str) -> &str {
    authority.strip_suffix(":443").unwrap_or(authority)
}

const SCHEME: &str = "https://";

#[cfg(test)]
mod tests {
    use super::*;

    type Fields<'a> = &'a [(&'static str, &'a str)];

    fn headers(fields: Fields<'_>) -> HeaderMap {
        let fields = fields.iter();
        fields.map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_what_a_browser_tells_counts_against_a_form() {
        use Whence::*;
        let table: &[(Fields<'_>, Whence)] = &[
            (&[("sec-fetch-site", "same-origin")], Ours),
            (&[("sec-fetch-site", "none")], Ours),
            (&[("sec-fetch-site", "same-site"), ("origin", "https://a.example")], Sibling),
            (&[("sec-fetch-site", "cross-site")], Foreign),
            (&[("sec-fetch-site", "")], Foreign),
            (&[("origin", "https://a.example")], Ours),
            (&[("origin", "https://A.example")], Ours),
            (&[("origin", "https://a.example:443")], Ours),
            (&[("origin", "http://a.example")], Foreign),
            (&[("origin", "https://a.example:8443")], Foreign),
            (&[("origin", "https://b.example")], Foreign),
            (&[("origin", "https://b.example"), ("referer", "https://a.example/")], Foreign),
            (&[("origin", "")], Foreign),
            (&[("origin", "null")], Untold),
            (&[("referer", "https://a.example/x?y")], Ours),
            (&[("referer", "https://a.example:443/.doorward/login")], Ours),
            (&[("referer", "https://a.example.evil.example/")], Foreign),
            (&[("referer", "https://a.example@evil.example/")], Foreign),
            (&[("referer", "https://evil.example/https://a.example/")], Foreign),
            (&[("referer", "\u{fc}")], Foreign),
            (&[], Untold),
        ];
        for (fields, expected) in table {
            for host in ["a.example", "a.example:443"] {
                let mut headers = headers(fields);
                assert_eq!(whence(&headers, Some(host)), *expected, "{fields:?}");
                headers.insert(HOST, host.parse().unwrap());
                assert_eq!(whence(&headers, None), *expected, "{fields:?}");
            }
        }
    }

    #[test]
    fn the_page_that_a_request_comes_from_is_one_of_this_host() {
        for (page, expected) in [
            ("https://a.example/mail?a=1", Some("/mail?a=1")),
            ("https://a.example:443/", Some("/")),
            ("https://a.example", None),
            ("https://b.example/mail", None),
            ("http://a.example/mail", None),
        ] {
            assert_eq!(page_of(&headers(&[("referer", page)]), Some("a.example")), expected, "{page}");
        }
    }
}
