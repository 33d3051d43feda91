//! Whether a request may pass: from its cookie, against the sessions in memory. No lock, no wait.

use std::net::IpAddr;

use http::header::ACCEPT;
use http::request::Parts;
use http::{HeaderMap, Method};

use super::route::Place;
use crate::auth::Gatekeeper;
use crate::auth::session::{Permit, Wanted};
use crate::base::{Time, path};
use crate::web::cookie;

/// What the gate says.
#[derive(Debug)]
pub enum Gate {
    Pass(Permit),
    /// A person with a browser: to the login page, and back here afterwards.
    SignIn {
        location: String,
    },
    /// A program, or a script of a page: says so, and never redirects.
    SignInNeeded,
    /// A service worker could answer in our place for as long as it lives.
    Forbidden,
}

/// Decides for a request to an application.
pub fn ask(gatekeeper: &Gatekeeper, place: &Place, head: &Parts, address: IpAddr, now: Time) -> Gate {
    let application = &place.application;
    if is_service_worker(&head.headers) && !application.service_worker {
        return Gate::Forbidden;
    }
    let wanted = Wanted { application: &application.name, host: &place.host, address, now };
    let permit = cookie::find(&head.headers, cookie::KEY).and_then(|key| gatekeeper.admit(key, &wanted));
    if let Some(permit) = permit {
        return Gate::Pass(permit);
    }
    if application.public.iter().any(|prefix| path::is_below(head.uri.path(), prefix)) {
        return Gate::Pass(Permit::public(&application.name));
    }
    if is_navigation(head) { Gate::SignIn { location: login_location(head) } } else { Gate::SignInNeeded }
}

/// `Service-Worker: script` (Service Workers, section 4.4 "update").
fn is_service_worker(headers: &HeaderMap) -> bool {
    headers.contains_key("service-worker")
}

/// A browser that goes to a page, as against a script or a program (Fetch Metadata; without it, by what is accepted).
pub fn is_navigation(head: &Parts) -> bool {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return false;
    }
    let headers = &head.headers;
    match headers.get("sec-fetch-mode") {
        Some(mode) => mode.as_bytes() == b"navigate",
        None if headers.keys().any(|name| name.as_str().starts_with("sec-fetch-")) => false,
        None => wants_html(headers) && !headers.contains_key("x-requested-with"),
    }
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
            assert_eq!(is_navigation(&request.body(()).unwrap().into_parts().0), *expected, "{method} {headers:?}");
        }
    }

    #[test]
    fn the_way_back_keeps_the_query() {
        let request = http::Request::get("https://a.example/x/y?q=1&r=%2F").body(()).unwrap().into_parts().0;
        assert_eq!(login_location(&request), "/.doorward/login?back=%2Fx%2Fy%3Fq%3D1%26r%3D%252F");
    }
}
