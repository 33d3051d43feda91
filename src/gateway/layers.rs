//! What stands around every one of our own pages, as layers of one tower service. Requests to applications do not come through here: they
//! pay for none of it.

use std::any::Any;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tower::{ServiceBuilder, ServiceExt};
use tower_http::body::{Limited, UnsyncBoxBody};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use super::body::Body;
use super::respond;
use crate::web::Page;
use crate::web::answer::GUARDS;

/// What a page may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of the request's body. One that says it is longer is not read at all.
    pub bytes: usize,
    /// For the whole page.
    pub time: Duration,
}

impl Limits {
    pub fn bytes(bytes: usize) -> Self {
        Self { bytes, time: LONGEST }
    }
}

/// More than the directories, the store and a form that comes slowly take together at their worst, so that only what hangs is ended.
const LONGEST: Duration = Duration::from_secs(120);

/// Has `page` answer, behind the layers. What a layer answers in its place (500 after a panic, 503 after the time, 413 for a body that is too
/// long) becomes what `failed` makes of its status. From the outside to the inside:
///
/// 1. the headers that every answer of ours carries, also one that forgot them or was made by a layer,
/// 2. the layers' own answers become pages,
/// 3. a panic ends the page and not the connection,
/// 4. the time limit,
/// 5. the limit of the request's body.
pub async fn around<'a, F: Future<Output = Page>>(
    request: Request<Posted<'a>>,
    limits: Limits,
    page: impl Fn(Request<Limited<Posted<'a>>>) -> F,
    failed: impl Fn(StatusCode) -> Page,
) -> Response<Body> {
    let [kept, sniffed, referred] = GUARDS.map(guard);
    let service = ServiceBuilder::new()
        .layer(kept)
        .layer(sniffed)
        .layer(referred)
        .map_response(|response| whole(response).unwrap_or_else(|status| respond::page(failed(status))))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limits.time))
        .layer(RequestBodyLimitLayer::new(limits.bytes))
        .service_fn(|request| page(request).map(|page| Ok::<_, Infallible>(finished(page))));
    match service.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn guard((name, value): (HeaderName, HeaderValue)) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, value)
}

/// Marks an answer that a page has made. One without the mark is a layer's.
#[derive(Clone, Copy)]
struct Finished;

fn finished(page: Page) -> Response<Full<Bytes>> {
    let mut response = Response::<Bytes>::from(page).map(Full::new);
    response.extensions_mut().insert(Finished);
    response
}

/// What the page has answered, or the status that a layer has answered with. All of a page is there when it is finished: nothing waits.
fn whole(mut response: Response<UnsyncBoxBody<Bytes, tower::BoxError>>) -> Result<Response<Body>, StatusCode> {
    if response.extensions_mut().remove::<Finished>().is_none() {
        return Err(response.status());
    }
    let (head, body) = response.into_parts();
    let body = body.collect().now_or_never().and_then(Result::ok).ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Response::from_parts(head, Body::Page(body.to_bytes().into())))
}

/// The panic's own words are in the log already, by the hook that prints them.
fn panicked(_: Box<dyn Any + Send>) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// The body of a request, which stays with the server until somebody reads it: the server lets a client finish what nobody wanted.
#[derive(Debug)]
pub struct Posted<'a> {
    lent: &'a mut Option<Incoming>,
    taken: Option<Incoming>,
}

impl<'a> Posted<'a> {
    pub fn new(lent: &'a mut Option<Incoming>) -> Self {
        Self { lent, taken: None }
    }

    fn body(&self) -> Option<&Incoming> {
        self.taken.as_ref().or(self.lent.as_ref())
    }
}

impl HttpBody for Posted<'_> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let posted = self.get_mut();
        if posted.taken.is_none() {
            posted.taken = posted.lent.take();
        }
        match &mut posted.taken {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Language;

    async fn answered<F: Future<Output = Page>>(
        length: usize,
        time: Duration,
        page: impl Fn(Request<Limited<Posted<'_>>>) -> F,
    ) -> (u16, String, http::HeaderMap) {
        let mut nothing = None;
        let request = Request::post("/").header("content-length", length).body(Posted::new(&mut nothing)).unwrap();
        let failed = |status: StatusCode| Page::html(status, Language::ENGLISH, format!("failed {status}"));
        let response = around(request, Limits { bytes: 16, time }, page, failed).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status.as_u16(), String::from_utf8(body.to_vec()).unwrap(), head.headers)
    }

    fn page(word: &'static str) -> Page {
        Page::text(word)
    }

    fn broken() -> Page {
        panic!("a page of a test")
    }

    #[tokio::test]
    async fn what_a_layer_answers_becomes_a_page() {
        let (long, short) = (Duration::from_secs(60), Duration::from_millis(1));
        let good = answered(16, long, |_| async { page("fine") }).await;
        assert_eq!((good.0, &*good.1), (200, "fine"));
        let broken = answered(0, long, |_| async { broken() }).await;
        let late = answered(0, short, |_| std::future::pending()).await;
        let large = answered(17, long, |_| async { page("read all the same") }).await;
        assert_eq!((broken.0, &*broken.1), (500, "failed 500 Internal Server Error"));
        assert_eq!((late.0, &*late.1), (503, "failed 503 Service Unavailable"));
        assert_eq!((large.0, &*large.1), (413, "failed 413 Payload Too Large"));
        for (status, _, headers) in [good, broken, late, large] {
            for (name, value) in GUARDS {
                assert_eq!(headers.get_all(&name).iter().collect::<Vec<_>>(), [value], "{status} {name}");
            }
        }
    }

    #[tokio::test]
    async fn a_page_that_failed_by_its_own_decision_is_left_alone() {
        for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE, StatusCode::PAYLOAD_TOO_LARGE] {
            let answer = answered(0, Duration::from_secs(60), |_| async move { Page { status, ..page("mine") } }).await;
            assert_eq!((answer.0, &*answer.1), (status.as_u16(), "mine"));
        }
    }

    #[tokio::test]
    async fn a_page_that_forgot_its_guards_gets_them() {
        let answer = answered(0, Duration::from_secs(60), |_| async { Page { headers: Vec::new(), ..page("bare") } }).await;
        assert_eq!(answer.2.len(), GUARDS.len(), "{:?}", answer.2);
    }
}
