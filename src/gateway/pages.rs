//! A request for one of our own pages: whether its method and its form may reach the page, and what becomes of the answer.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::Authority;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, LengthLimitError};
use hyper::body::Incoming;
use tower_http::body::Limited;

use super::access_log::Entry;
use super::body::Body;
use super::layers::{self, Limits, Posted};
use super::route::Stand;
use super::trouble::Reader;
use super::{Gateway, origin, respond};
use crate::web::form::FormError;
use crate::web::page::{Get, PageRoute, PostedForm};
use crate::web::{Notice, Page, Visit};

/// What is done about a request, once its method and its form are in order.
#[derive(Clone, Copy)]
enum Task<'a> {
    Show(Get),
    Take(&'a PostedForm),
}

impl Gateway {
    /// Answers a request for the page that the router has found.
    pub(super) async fn page(
        &self,
        (stand, page): (Stand<'_>, &PageRoute),
        head: &Parts,
        body: &mut Option<Incoming>,
        about: (IpAddr, Option<&Entry<'_>>),
    ) -> Response<Body> {
        let (address, entry) = about;
        let visit = Visit {
            application: stand.name(),
            host: stand.host(),
            address,
            path: head.uri.path(),
            query: head.uri.query(),
            headers: &head.headers,
        };
        let look = self.site.look.before(stand.name());
        let notice = |notice, trace| look.notice(visit.language(look), notice, trace);
        let task = match task(page, head) {
            Ok(task) => task,
            Err(Notice::NotAllowed) => {
                let allowed = HeaderValue::from_static("GET, HEAD, POST");
                return respond::page(notice(Notice::NotAllowed, None).with(ALLOW, allowed));
            }
            Err(why) => return respond::page(notice(why, None)),
        };
        let answer = async |body| match task {
            Task::Show(get) => Ok(get(&self.site, &visit).await),
            Task::Take(form) => self.site.submit(form, &visit, read(body).await?).await.map_err(refusal),
        };
        // What comes with a request that only looks is not read, however long.
        let most = if matches!(task, Task::Take(_)) { page.most_bytes } else { usize::MAX };
        layers::around(
            Request::from_parts(head.clone(), Posted::new(body)),
            Limits::bytes(most),
            |request: Request<Limited<Posted<'_>>>| async {
                answer(request.into_body()).await.unwrap_or_else(|why| notice(why, None))
            },
            |status| {
                let reader = Reader { application: Some(visit.application), address };
                let (why, trace) = self.by_layer(reader, status, page.path);
                if let (Some(entry), Some(trace)) = (entry, trace) {
                    entry.trace.set(Some(trace));
                }
                Page { status, ..notice(why, trace) }
            },
        )
        .await
    }
}

/// What may be done with the page by this request: GET and HEAD show it, a form that one of our own pages posted is taken.
fn task<'a>(page: &'a PageRoute, head: &Parts) -> Result<Task<'a>, Notice> {
    match (&head.method, page.get, &page.post) {
        (&Method::GET | &Method::HEAD, Some(get), _) => Ok(Task::Show(get)),
        (&Method::POST, _, Some(_)) if !may_be_ours(head) => Err(Notice::Foreign),
        (&Method::POST, _, Some(form)) if is_form(&head.headers) => Ok(Task::Take(form)),
        (&Method::POST, _, Some(_)) => Err(Notice::BadRequest),
        _ => Err(Notice::NotAllowed),
    }
}

fn may_be_ours(head: &Parts) -> bool {
    origin::whence(&head.headers, head.uri.authority().map(Authority::as_str)).may_be_ours()
}

/// Whether its body is one that the forms of a page have.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
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

/// Reads what was posted: as much as the layer lets through, in time.
pub(super) async fn read(body: Limited<Posted<'_>>) -> Result<Bytes, Notice> {
    match tokio::time::timeout(FORM_WAIT, body.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Notice::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Notice::BadRequest),
    }
}

/// How long a form may take to arrive.
const FORM_WAIT: Duration = Duration::from_secs(10);
