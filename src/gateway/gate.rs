//! Whether a request may pass: from its cookie, against the sessions in memory. No lock, no wait.

use std::rc::Rc;

use http::header::{ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body::Body as _;
use hyper::body::Incoming;

use super::Caller;
use super::route::Place;
use crate::auth::Sessions;
use crate::auth::session::{AccessRequest, Asks, Key, Permit};
use crate::proxy::cookies::{Jar, Rest};
use crate::proxy::{Fact, Facts};
use crate::web::cookie;

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
    if is_preflight(head, body)
        && let Some(path) = application.preflight_path(head.uri.path())
    {
        return Gate::Pass { permit: Permit::public(path), cookies };
    }
    if is_navigation(head, caller.facts) { Gate::SignIn { location: login_location(head) } } else { Gate::SignInNeeded }
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

/// The question of a browser whether another site's script may send a request (Fetch Standard, "CORS-preflight request").
fn is_preflight(head: &Parts, body: Option<&Incoming>) -> bool {
    head.method == Method::OPTIONS
        && head.headers.contains_key(ORIGIN)
        && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && body.is_none_or(Incoming::is_end_stream)
}

/// A browser that goes to a page, as against a script or a program (Fetch Metadata; without it, by what is accepted).
pub fn is_navigation(head: &Parts, facts: Facts) -> bool {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return false;
    }
    if facts.tell(Fact::FetchMetadata) {
        return facts.tell(Fact::Navigates);
    }
    wants_html(&head.headers) && !head.headers.contains_key("x-requested-with")
}

fn wants_html(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains("text/html")))
}

fn login_location(head: &Parts) -> String {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let back: String = form_urlencoded::byte_serialize(target.as_bytes()).collect();
    format!("/.doorward/login?back={back}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_from_a_program() {
        let html = ("accept", "text/html,application/xhtml+xml");
        type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], bool);
        let table: &[Row<'_>] = &[
            ("GET", &[("sec-fetch-mode", "navigate"), html], true),
            ("HEAD", &[("sec-fetch-mode", "navigate")], true),
            ("POST", &[("sec-fetch-mode", "navigate"), html], false),
            ("GET", &[("sec-fetch-mode", "cors"), html], false),
            ("GET", &[("sec-fetch-site", "none"), html], false),
            ("GET", &[html], true),
            ("GET", &[html, ("x-requested-with", "XMLHttpRequest")], false),
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
            assert_eq!(is_navigation(&head, Facts::of(&head.headers)), *expected, "{method} {headers:?}");
        }
    }

    #[test]
    fn the_way_back_keeps_the_query() {
        let request = http::Request::get("https://a.example/x/y?q=1&r=%2F").body(()).unwrap().into_parts().0;
        assert_eq!(login_location(&request), "/.doorward/login?back=%2Fx%2Fy%3Fq%3D1%26r%3D%252F");
    }
}
