//! Forms that another site posts (SAML, WS-Federation, payment): browsers send no cookie of ours along, so such a request opens no session.
//! On paths that the operator lists a page of ours posts the same fields once more, from this site and so with the cookie. The address that
//! it posts to carries a sealed mark with the true origin, which the application is told: the form stays a foreign one.

use std::net::IpAddr;
use std::str::FromStr;

use http::header::{HeaderName, HeaderValue, ORIGIN, REFERER};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Uri};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use super::body::Body;
use super::layers::{self, Limits, Posted};
use super::route::Place;
use super::trouble::Reader;
use super::{Gateway, pages, respond};
use crate::base::{Keys, Time};
use crate::web::cross_site::{Form, FormView, MOST_BYTES};
use crate::web::csrf::{self, Opened};
use crate::web::form::FormError;
use crate::web::{Notice, Page};

/// What the mark in a request's address turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Our page posted a form that came from this origin.
    Of(String),
    /// Older than an hour, or none that we made for this address.
    Bad,
}

/// What a mark seals.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Carried {
    origin: String,
}

impl csrf::Field for Carried {
    const PURPOSE: &'static str = "cross-site form";
}

/// Takes the mark out of a request's address, so that the application gets the one that was posted to at first. It admits nothing.
pub fn unmark(keys: &Keys, place: &Place, head: &mut Parts, now: Time) -> Option<Mark> {
    let target = head.uri.path_and_query()?.as_str();
    let (plain, sealed) = [MARK_FIRST, MARK_NEXT].iter().find_map(|mark| target.rsplit_once(mark))?;
    let mark = match csrf::open::<Carried>(keys, &bound(place, plain), sealed, now) {
        Opened::Fresh(Carried { origin }) => Mark::Of(origin),
        Opened::Stale(_) | Opened::Foreign => Mark::Bad,
    };
    let mut parts = head.uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_str(plain).ok()?);
    head.uri = Uri::from_parts(parts).ok()?;
    Some(mark)
}

/// Has the application see where the form came from at first, not the page of ours between.
pub fn tell_origin(head: &mut Parts, origin: &str) {
    let origin = HeaderValue::from_str(origin).unwrap_or(HeaderValue::from_static("null"));
    head.headers.insert(ORIGIN, origin);
    head.headers.insert(HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static("cross-site"));
    head.headers.remove(REFERER);
}

impl Gateway {
    /// The page that posts a form once more. What is no form, or longer than such forms are, is explained and not repeated.
    pub(super) async fn repeat(
        &self,
        place: &Place,
        head: &Parts,
        body: &mut Option<Incoming>,
        (address, now): (IpAddr, Time),
    ) -> Response<Body> {
        let look = self.site.look.before(&place.application.name);
        let language = respond::language(head, look);
        let notice = |notice, trace| look.notice(language, notice, trace);
        let origin = origin_of(head);
        let target = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let mark = if head.uri.query().is_some() { MARK_NEXT } else { MARK_FIRST };
        let field = Carried { origin: origin.to_owned() };
        let action = format!("{target}{mark}{}", csrf::seal(&self.site.keys, &bound(place, target), field, now));
        layers::around(
            Request::from_parts(head.clone(), Posted::new(body)),
            Limits::bytes(MOST_BYTES),
            async |request| match pages::read(request.into_body()).await.map(|body| Form::read(&body)) {
                Ok(Ok(form)) => {
                    let view = FormView { application: &place.application.name, action: &action, origin, form: &form };
                    look.cross_site_form(language, &view)
                }
                Ok(Err(FormError::TooLarge)) => notice(Notice::TooLarge, None),
                Ok(Err(FormError::TooMany | FormError::Twice)) => notice(Notice::CrossSite, None),
                Err(why) => notice(why, None),
            },
            |status| {
                let reader = Reader { application: Some(&place.application.name), address };
                let (why, trace) = self.by_layer(reader, status, "cross-site form");
                Page { status, ..notice(why, trace) }
            },
        )
        .await
    }
}

/// Whether our page can post this request once more.
pub fn is_repeatable(place: &Place, head: &Parts) -> bool {
    head.method == Method::POST && place.application.takes_foreign_forms(head.uri.path()) && pages::is_form(&head.headers)
}

/// What a browser said of it; an origin that no browser writes is none.
fn origin_of(head: &Parts) -> &str {
    let origin = head.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    origin.filter(|origin| (1..=LONGEST_ORIGIN).contains(&origin.len())).unwrap_or("null")
}

/// A mark is good at one address alone.
fn bound(place: &Place, target: &str) -> String {
    format!("{}{target}", place.host)
}

/// A name has at most 253 letters.
const LONGEST_ORIGIN: usize = 300;
const MARK_FIRST: &str = "?doorward-form=";
const MARK_NEXT: &str = "&doorward-form=";
