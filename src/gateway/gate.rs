//! Whether a request may pass: from its cookie, against the sessions in memory. No lock, no wait.

use std::rc::Rc;
use std::sync::Arc;

use http::header::{ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HeaderValue, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body::Body as _;
use hyper::body::Incoming;

use super::Caller;
use super::route::Place;
use crate::auth::Sessions;
use crate::auth::session::{AccessRequest, Asks, Key, Permit, Session};
use crate::proxy::cookies::{Jar, Rest};
use crate::proxy::{Fact, Facts};
use crate::web::{cookie, way_back};

/// What the gate says.
#[derive(Debug)]
pub enum Gate<'a> {
    Pass {
        permit: Permit<'a>,
        /// What the application gets of its cookies.
        cookies: Rc<Rest>,
    },
    /// A person with a browser: to the login page, and back here afterwards.
    SignIn { location: String },
    /// A person who sent something, or looks at a frame: a page in place of the answer.
    Ended,
    /// A program, or a script of a page: says so, and never redirects.
    SignInNeeded,
    /// A service worker could answer in our place for as long as it lives.
    Forbidden,
}

/// Decides for a request to an application.
pub fn ask<'a>(
    sessions: &Sessions,
    place: &'a Place,
    (head, body): (&Parts, Option<&Incoming>),
    caller: &Caller<'_>,
) -> Gate<'a> {
    let application = &place.application;
    // `Service-Worker: script` (Service Workers, section 4.4 "update").
    if caller.facts.tell(Fact::ServiceWorker) && !application.service_worker {
        return Gate::Forbidden;
    }
    let wanted = AccessRequest { application: &application.name, host: &place.host, address: caller.address, now: caller.now };
    let asks = if application.background.has(head.uri.path(), head.uri.query()) { Asks::Background } else { Asks::User };
    let (permit, cookies) = opened(sessions, head, caller, (&wanted, asks));
    if let Some(permit) = permit {
        return Gate::Pass { permit, cookies };
    }
    if let Some(path) = application.public_path(head.uri.path()) {
        return Gate::Pass { permit: Permit::public(path), cookies };
    }
    if is_preflight(head, caller.facts, body)
        && let Some(path) = application.preflight_path(head.uri.path())
    {
        return Gate::Pass { permit: Permit::public(path), cookies };
    }
    if !is_person(head, caller.facts) {
        return Gate::SignInNeeded;
    }
    if !matches!(head.method, Method::GET | Method::HEAD) || is_framed(&head.headers) {
        return Gate::Ended;
    }
    Gate::SignIn { location: login_location(head.uri.path_and_query().map_or("/", |target| target.as_str())) }
}

/// The session that a request comes with, where it is one of this place; it is not used by that.
pub fn session(sessions: &Sessions, place: &Place, head: &Parts, caller: &Caller<'_>) -> Option<Arc<Session>> {
    let application = &place.application;
    let wanted = AccessRequest { application: &application.name, host: &place.host, address: caller.address, now: caller.now };
    let (permit, _) = opened(sessions, head, caller, (&wanted, Asks::Background));
    permit?.session().cloned()
}

/// What a request's cookies open, and what is left of them for the application. The key is looked up once and then remembered with its
/// connection; what it opens is judged anew for every request.
fn opened<'a>(
    sessions: &Sessions,
    head: &Parts,
    caller: &Caller<'_>,
    (wanted, asks): (&AccessRequest<'a>, Asks),
) -> (Option<Permit<'a>>, Rc<Rest>) {
    if !caller.facts.tell(Fact::Cookie) {
        return (None, Rc::new(Rest::of_none()));
    }
    if let Some(known) = caller.client.knows(&head.headers) {
        let permit = known.key.admit_as(wanted, asks);
        if permit.is_none() {
            caller.client.forget();
        }
        return (permit, Rc::clone(&known.rest));
    }
    let jar = Jar::of(&head.headers, cookie::KEY);
    let rest = Rc::new(jar.rest);
    let judge = |key: &Key| {
        let permit = key.admit_as(wanted, asks)?;
        caller.client.note(&head.headers, key, &rest);
        Some(permit)
    };
    let permit = jar.named.and_then(|value| sessions.judge(value, judge));
    (permit, rest)
}

/// The question of a browser whether another site's script may send a request (Fetch Standard, "CORS-preflight request"): it carries no
/// credentials, switches to nothing and has no body.
fn is_preflight(head: &Parts, facts: Facts, body: Option<&Incoming>) -> bool {
    let once = |name| {
        let mut values = head.headers.get_all(name).iter();
        values.next().is_some_and(|value: &HeaderValue| !value.is_empty()) && values.next().is_none()
    };
    let has_more =
        [Fact::Authorization, Fact::Cookie, Fact::Upgrade, Fact::ServiceWorker].into_iter().any(|fact| facts.tell(fact));
    head.method == Method::OPTIONS
        && once(ORIGIN)
        && once(ACCESS_CONTROL_REQUEST_METHOD)
        && !has_more
        && body.is_none_or(Incoming::is_end_stream)
}

/// A browser that goes to a page or sends a form there, as against a script or a program (Fetch Metadata; without it, by what is accepted
/// and sent).
pub fn is_person(head: &Parts, facts: Facts) -> bool {
    if facts.tell(Fact::FetchMetadata) {
        return facts.tell(Fact::Navigates);
    }
    let is_plain = matches!(head.method, Method::GET | Method::HEAD) || (head.method == Method::POST && has_form(&head.headers));
    is_plain && wants_html(&head.headers) && !says_script(&head.headers)
}

/// Whether a browser shows the answer inside another page (Fetch Metadata, `Sec-Fetch-Dest`).
pub fn is_framed(headers: &HeaderMap) -> bool {
    let destination = headers.get("sec-fetch-dest").map(HeaderValue::as_bytes);
    matches!(destination, Some(b"iframe" | b"frame" | b"embed" | b"object" | b"fencedframe"))
}

/// The types that a form of a page is sent in (HTML, section 4.10.22.3).
fn has_form(headers: &HeaderMap) -> bool {
    let of_forms = |value: &HeaderValue| {
        let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
            .iter()
            .any(|form| kind.eq_ignore_ascii_case(form))
    };
    headers.get(CONTENT_TYPE).is_some_and(of_forms)
}

/// `X-Requested-With` is what scripts say of themselves. Old Android WebViews say it too, of everything, with the name of their package.
fn says_script(headers: &HeaderMap) -> bool {
    headers.get_all("x-requested-with").iter().any(|value| !value.to_str().is_ok_and(is_package))
}

/// A name such as `com.android.browser`: two parts or more, each of a letter and then letters, digits and underscores.
fn is_package(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    name.contains('.') && name.split('.').all(is_part)
}

fn wants_html(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains("text/html")))
}

/// The login page on the way to this path and query.
pub fn login_location(target: &str) -> String {
    let back: String = form_urlencoded::byte_serialize(way_back::written(target.as_bytes()).as_bytes()).collect();
    format!("/.doorward/login?back={back}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_from_a_program() {
        let html = ("accept", "text/html,application/xhtml+xml");
        let form = ("content-type", "application/x-www-form-urlencoded");
        type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], bool);
        let table: &[Row<'_>] = &[
            ("GET", &[("sec-fetch-mode", "navigate"), html], true),
            ("HEAD", &[("sec-fetch-mode", "navigate")], true),
            ("POST", &[("sec-fetch-mode", "navigate"), html], true),
            ("POST", &[("sec-fetch-mode", "cors"), html, form], false),
            ("POST", &[html, form], true),
            ("POST", &[html, ("content-type", "multipart/form-data; boundary=x")], true),
            ("POST", &[html], false),
            ("POST", &[html, ("content-type", "application/json")], false),
            ("POST", &[html, form, ("x-requested-with", "XMLHttpRequest")], false),
            ("PUT", &[html, form], false),
            ("GET", &[("sec-fetch-mode", "cors"), html], false),
            ("GET", &[("sec-fetch-site", "none"), html], false),
            ("GET", &[html], true),
            ("GET", &[html, ("x-requested-with", "XMLHttpRequest")], false),
            ("GET", &[html, ("x-requested-with", "com.android.browser")], true),
            ("POST", &[html, form, ("x-requested-with", "org.example.app_2")], true),
            ("GET", &[html, ("x-requested-with", "com.android.browser"), ("x-requested-with", "XMLHttpRequest")], false),
            ("GET", &[html, ("x-requested-with", "fetch")], false),
            ("GET", &[html, ("x-requested-with", "a..b")], false),
            ("GET", &[html, ("x-requested-with", "1.0")], false),
            ("GET", &[html, ("x-requested-with", "")], false),
            ("GET", &[("accept", "*/*")], false),
            ("GET", &[("accept", "application/json")], false),
            ("GET", &[], false),
        ];
        for (method, headers, expected) in table {
            let mut request = http::Request::builder().method(*method).uri("/");
            for (name, value) in *headers {
                request = request.header(*name, *value);
            }
            let head = request.body(()).unwrap().into_parts().0;
            assert_eq!(is_person(&head, Facts::of(&head.headers)), *expected, "{method} {headers:?}");
        }
    }

    #[test]
    fn the_way_back_keeps_the_query() {
        assert_eq!(login_location("/x/y?q=1&r=%2F"), "/.doorward/login?back=%2Fx%2Fy%3Fq%3D1%26r%3D%252F");
        assert_eq!(login_location("/x?q=\u{fc}\\"), "/.doorward/login?back=%2Fx%3Fq%3D%25C3%25BC%255C");
    }
}
