//! What a person sees where a request would need a session and there is none: what became of what they sent, and where to sign in. A page
//! of ours is never shown in a frame but this one, in the frames of its own site.

use http::request::Parts;
use http::uri::Authority;
use http::{Method, Response};
use hyper::body::Incoming;

use super::body::Body;
use super::cross_site::{self, Mark};
use super::gate::{is_framed, login_location};
use super::origin::{self, Whence};
use super::route::Place;
use super::{Caller, Gateway, respond};
use crate::proxy::Fact;
use crate::web::Notice;
use crate::web::cookie;
use crate::web::ended::{Entry, EntryView, Shown};

impl Gateway {
    /// Answers a person's request that nothing opened: a form, or a page in a frame.
    pub(super) async fn ended(
        &self,
        place: &Place,
        head: &Parts,
        body: &mut Option<Incoming>,
        (caller, mark): (&Caller<'_>, Option<&Mark>),
    ) -> Response<Body> {
        let look = self.site.look.before(&place.application.name);
        let language = respond::language(head, look);
        let shown = if is_framed(&head.headers) { Shown::InFrame } else { Shown::Alone };
        if matches!(head.method, Method::GET | Method::HEAD) {
            return respond::page(look.framed(language, &way_out_of_frame(head)));
        }
        if mark.is_none() {
            let whence = origin::whence(&head.headers, head.uri.authority().map(Authority::as_str));
            // Browsers leave the cookie out of what other sites post, so one that came along tells that none did.
            let has_cookie = caller.facts.tell(Fact::Cookie) && cookie::find(&head.headers, cookie::KEY).is_some();
            let is_foreign = whence == Whence::Foreign || (whence == Whence::Untold && !has_cookie);
            if is_foreign && cross_site::is_repeatable(place, head) {
                return self.repeat(place, head, body, (caller.address, caller.now)).await;
            }
            if whence == Whence::Foreign {
                tracing::debug!(application = %place.application.name, path = head.uri.path(), "a form of another site was not passed on");
                return respond::page(look.notice(language, Notice::CrossSite, None));
            }
        }
        let view = EntryView { application: &place.application.name, entry: Entry::NotSent, shown };
        respond::page(look.entry(language, &view))
    }
}

/// To the login page, and from there to the page around the frame, as far as that is told; in a set of frames it is the start page that
/// makes the set.
fn way_out_of_frame(head: &Parts) -> String {
    let is_of_set = head.headers.get("sec-fetch-dest").is_some_and(|destination| destination == "frame");
    let page = origin::page_of(&head.headers, head.uri.authority().map(Authority::as_str)).filter(|_| !is_of_set);
    login_location(page.unwrap_or("/"))
}
