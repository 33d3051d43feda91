//! A finished answer of our own, with the headers that keep it from being framed, cached, sniffed or scripted by others.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Response, StatusCode};

use crate::base::Language;

/// What the gateway turns into an HTTP response. It sets no length, no date and no cookie.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

impl Page {
    /// An HTML page in one language.
    pub fn html(status: StatusCode, language: Language, body: String) -> Self {
        Self::new(status, "text/html; charset=utf-8", body.into())
            .with(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()))
            .with(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
            .with(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))
            .with(OPENER_POLICY, HeaderValue::from_static("same-origin"))
            .with(HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS))
    }

    /// A small answer for our own script and for programs.
    pub fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string().into())
            .with(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
    }

    /// "Look there instead, by GET" (303, RFC 9110 section 15.4.4). What cannot stand in a header becomes `/`.
    pub fn see_other(location: &str) -> Self {
        let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
        Self::new(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", Bytes::new()).with(LOCATION, location)
    }

    /// A word for a machine.
    pub fn text(word: &'static str) -> Self {
        Self::new(StatusCode::OK, "text/plain; charset=utf-8", Bytes::from_static(word.as_bytes()))
    }

    /// Nothing to say, and all is well (204).
    pub fn empty() -> Self {
        let mut page = Self::new(StatusCode::NO_CONTENT, "text/plain; charset=utf-8", Bytes::new());
        page.headers.retain(|(name, _)| name != CONTENT_TYPE);
        page
    }

    /// What a program asked for, as it stands in a file.
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self::new(StatusCode::OK, "application/octet-stream", bytes.into())
    }

    /// Instructions for a telephone.
    pub fn xml(text: String) -> Self {
        Self::new(StatusCode::OK, "text/xml; charset=utf-8", text.into())
    }

    /// "It is there for good" (308, RFC 9110 section 15.4.9).
    pub fn moved(location: &str) -> Self {
        Self { status: StatusCode::PERMANENT_REDIRECT, ..Self::see_other(location) }
    }

    /// The same page, whose form may end a sign-in: the application that it leads to may send the browser on to another site, and browsers
    /// hold `form-action` against those redirects too.
    #[must_use]
    pub fn that_leads_on(mut self) -> Self {
        self.headers.retain(|(name, _)| *name != CONTENT_SECURITY_POLICY);
        self.with(CONTENT_SECURITY_POLICY, HeaderValue::from_static(LEADING_POLICY))
    }

    /// The same page, which pages of its own host may show in a frame. Only for one on which nobody signs in and nothing is decided.
    #[must_use]
    pub fn framed_by_its_own(self) -> Self {
        self.framed(FRAMED_POLICY)
    }

    /// The same page, whose form goes to an application that may lead on to wherever it likes: browsers hold `form-action` against the
    /// redirects that follow too. It may stand in a frame of its own host, and a window that was opened for it keeps its opener.
    #[must_use]
    pub fn that_hands_over(mut self) -> Self {
        self.headers.retain(|(name, _)| *name != OPENER_POLICY);
        self.framed(HANDING_POLICY)
    }

    fn framed(mut self, policy: &'static str) -> Self {
        self.headers.retain(|(name, _)| !matches!(*name, CONTENT_SECURITY_POLICY | X_FRAME_OPTIONS));
        self.with(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))
            .with(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"))
    }

    /// The headers that every answer of ours carries.
    fn new(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let headers = [(CONTENT_TYPE, HeaderValue::from_static(content_type))].into_iter().chain(GUARDS).collect();
        Self { status, headers, body }
    }

    /// The same page with one header more.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl From<Page> for Response<Bytes> {
    fn from(page: Page) -> Self {
        let mut response = Self::new(page.body);
        *response.status_mut() = page.status;
        response.headers_mut().extend(page.headers);
        response
    }
}

/// What every answer of ours carries: nobody keeps it, guesses its type or is told its address.
pub const GUARDS: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Everything comes from our own host and nothing stands inside the page itself.
macro_rules! policy {
    ($forms:literal, $ancestors:literal) => {
        concat!(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action ",
            $forms,
            "; frame-ancestors ",
            $ancestors,
            "; base-uri 'none'"
        )
    };
}

const POLICY: &str = policy!("'self'", "'none'");
const LEADING_POLICY: &str = policy!("'self' https: http:", "'none'");
const FRAMED_POLICY: &str = policy!("'self'", "'self'");
const HANDING_POLICY: &str = policy!("'self' https: http:", "'self'");

/// `otp-credentials` stays: the passcode page asks for the code from the message.
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_not_be_kept_framed_or_sniffed() {
        let response = Response::from(Page::html(StatusCode::OK, Language::ENGLISH, String::new()));
        let table = [
            ("content-type", "text/html; charset=utf-8"),
            ("content-language", "en"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
        ];
        for (name, value) in table {
            assert_eq!(response.headers()[name], value, "{name}");
        }
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn a_page_that_signs_in_lets_the_application_lead_on_and_is_framed_by_nobody() {
        let headers =
            Response::from(Page::html(StatusCode::OK, Language::ENGLISH, String::new()).that_leads_on()).headers().clone();
        let policies: Vec<_> = headers.get_all(CONTENT_SECURITY_POLICY).iter().map(|policy| policy.to_str().unwrap()).collect();
        assert_eq!(policies, [POLICY.replace("form-action 'self'", "form-action 'self' https: http:")]);
        assert_eq!(headers[X_FRAME_OPTIONS], "DENY");
    }

    #[test]
    fn a_page_for_a_frame_is_framed_by_its_own_host_alone() {
        let page = || Page::html(StatusCode::OK, Language::ENGLISH, String::new());
        for (page, opener) in [(page().framed_by_its_own(), true), (page().that_hands_over(), false)] {
            let headers = Response::from(page).headers().clone();
            assert_eq!(headers.get_all(X_FRAME_OPTIONS).iter().collect::<Vec<_>>(), ["SAMEORIGIN"]);
            let policies: Vec<_> = headers.get_all(CONTENT_SECURITY_POLICY).iter().collect();
            assert!(policies.len() == 1 && policies[0].to_str().unwrap().contains("; frame-ancestors 'self';"), "{policies:?}");
            assert_eq!(headers.contains_key(OPENER_POLICY), opener);
        }
    }

    #[test]
    fn a_redirect_that_cannot_be_written_goes_home() {
        let response = Response::from(Page::see_other("/a\r\nset-cookie: b=c"));
        assert_eq!(response.headers()[LOCATION], "/");
        assert_eq!(response.headers().len(), 5);
    }
}
