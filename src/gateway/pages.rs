//! A request for one of our own pages: whether its method and its form may reach the page, and what becomes of the answer.

use http::Method;
use http::Response;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::request::Parts;
use hyper::body::Incoming;

use super::body::{self, Body};
use super::route::Stand;
use super::{Gateway, origin, respond};
use crate::web::form::FormError;
use crate::web::page::PageRoute;
use crate::web::{Notice, Visit};

impl Gateway {
    /// Answers a request for the page that the router has found.
    pub(super) async fn page(
        &self,
        (stand, page): (Stand<'_>, &PageRoute),
        head: &Parts,
        body: &mut Option<Incoming>,
        address: std::net::IpAddr,
    ) -> Response<Body> {
        let visit = Visit {
            application: stand.name(),
            host: stand.host(),
            address,
            path: head.uri.path(),
            query: head.uri.query(),
            headers: &head.headers,
        };
        let notice = |notice| self.site.look.notice(visit.language(&self.site.look), notice, None);
        let answer = match (&head.method, page.get, page.post) {
            (&Method::GET | &Method::HEAD, Some(get), _) => get(&self.site, &visit).await,
            (&Method::POST, _, Some(post)) => match self.posted(page, head, body).await {
                Ok(form) => match post(&self.site, &visit, &form).await {
                    Ok(answer) => answer,
                    Err(error) => notice(refusal(error)),
                },
                Err(why) => notice(why),
            },
            _ => notice(Notice::NotAllowed).with(ALLOW, HeaderValue::from_static("GET, HEAD, POST")),
        };
        respond::page(answer)
    }

    async fn posted(&self, page: &PageRoute, head: &Parts, body: &mut Option<Incoming>) -> Result<bytes::Bytes, Notice> {
        if !origin::is_ours(&head.headers, head.uri.authority().map(http::uri::Authority::as_str)) {
            return Err(Notice::Foreign);
        }
        if !is_form(&head.headers) {
            return Err(Notice::BadRequest);
        }
        body::bytes(body, page.most_bytes).await
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

fn refusal(error: FormError) -> Notice {
    match error {
        FormError::TooLarge => Notice::TooLarge,
        FormError::TooMany | FormError::Twice => Notice::BadRequest,
    }
}
