//! Tries of one request: over an open connection or a new one, and once more where the server did nothing about the first.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use futures_util::future::LocalBoxFuture;
use http::{Method, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;

use super::connection::Sent;
use super::exchanges::{Cut, Exchange};
use super::forward_error::ForwardError;
use super::read_back::read_back;
use super::request_body::RequestBody;
use super::server_choice::Search;
use super::upstream::Way;
use crate::config::application::RequestLimits;

/// One exchange. A second try only if nothing of the request was sent, which hyper says by giving it back, if the server says that it has
/// not touched it, or once for a GET or HEAD on a connection that the server closed instead of answering (RFC 9110 section 9.2.2); then
/// with the next server, or with a new connection where an old one turned out to be closed. `own` is a connection that is pinned already.
///
/// The first try begins before this is polled: so the future does not hold the request.
pub(super) fn exchange(
    (mut search, own): (Search<'_>, Option<Way>),
    request: Request<RequestBody>,
    exchange: &Rc<Exchange>,
    limits: RequestLimits,
) -> impl Future<Output = Result<(Response<Incoming>, Way), ForwardError>> {
    search.must_read_all = !is_safe(request.method());
    let mut next = match own.or_else(|| search.pooled()) {
        Some(way) => Next::Await(Attempt::begin(way, request, exchange, limits)),
        None => Next::Connect(Box::new(request)),
    };
    async move {
        loop {
            let mut attempt = match next {
                Next::Await(attempt) => attempt,
                Next::Connect(request) => {
                    let way = unless_cut(exchange, Box::pin(search.connect())).await??;
                    Attempt::begin(way, *request, exchange, limits)
                }
            };
            let sent = poll_fn(|context| match exchange.watch_down(context) {
                Some(cut) => Poll::Ready(Err(cut)),
                None => attempt.way.wire.poll(context, |context| attempt.sent.as_mut().poll(context)).map(Ok),
            });
            let error = match sent.await {
                Ok(Ok(response)) => {
                    exchange.has_head(limits.body_wait);
                    attempt.way.answered(search.begun);
                    return Ok((response, attempt.way));
                }
                Ok(Err(error)) => error,
                Err(cut) => {
                    if cut == Cut::TimedOut {
                        attempt.way.failed(search.begun, "it does not answer in time");
                    }
                    return Err(cut.into());
                }
            };
            exchange.has_no_head();
            next = Next::Connect(attempt.again(&mut search, *error, exchange)?);
        }
    }
}

/// What becomes of a request next.
enum Next {
    Await(Attempt),
    Connect(Box<Request<RequestBody>>),
}

/// A request that was handed to a connection.
struct Attempt {
    way: Way,
    sent: LocalBoxFuture<'static, Sent>,
    copy: Option<Box<Request<RequestBody>>>,
}

impl Attempt {
    fn begin(mut way: Way, request: Request<RequestBody>, exchange: &Rc<Exchange>, limits: RequestLimits) -> Self {
        let copy = copied(&request, &way, exchange);
        exchange.awaits_head(limits.response_wait);
        let sent = way.wire.send(request);
        Self { way, sent, copy }
    }

    /// It failed: the request, if it may be sent once more.
    fn again(
        mut self,
        search: &mut Search<'_>,
        mut error: TrySendError<Request<RequestBody>>,
        exchange: &Rc<Exchange>,
    ) -> Result<Box<Request<RequestBody>>, ForwardError> {
        if let Some(cut) = exchange.is_cut() {
            return Err(cut.into());
        }
        if let Some(unsent) = error.take_message() {
            search.unsent(&mut self.way);
            return Ok(Box::new(unsent));
        }
        let error = error.into_error();
        if is_refused(&error)
            && let Some(copy) = self.copy.take()
        {
            search.refused(&mut self.way);
            return Ok(copy);
        }
        if let Some(once_more) = self.unanswered(search, &error, exchange) {
            return Ok(once_more);
        }
        self.way.failed(search.begun, "it breaks connections off");
        Err(ForwardError::Broken(error))
    }

    /// The request for its second and last try, which changes nothing at the server that the first has not changed: a GET or HEAD without
    /// a body on a connection that was open already and ended without a byte of an answer, or whose answer had more fields than we read.
    fn unanswered(
        &mut self,
        search: &mut Search<'_>,
        error: &hyper::Error,
        exchange: &Rc<Exchange>,
    ) -> Option<Box<Request<RequestBody>>> {
        let is_too_long = error.is_parse_too_large() && self.way.reads_many_fields();
        if !is_too_long && !self.way.reused || search.has_tried_again {
            return None;
        }
        let request = match self.copy.take() {
            Some(copy) => Some(copy).filter(|copy| is_safe(copy.method()) && is_lost(error)),
            None => {
                let sent = self.way.wire.unanswered().filter(|sent| is_too_long || !sent.is_answering);
                sent.and_then(|sent| read_back(&sent.bytes))
                    .filter(|read| is_safe(read.method()))
                    .map(|read| Box::new(read.map(|()| RequestBody::new((None, false), 0, Rc::clone(exchange)))))
            }
        }?;
        search.try_again(&mut self.way);
        Some(request)
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// A request without a body once more, for a server that may refuse its stream; elsewhere hyper gives the request itself back.
fn copied(request: &Request<RequestBody>, way: &Way, exchange: &Rc<Exchange>) -> Option<Box<Request<RequestBody>>> {
    if !way.wire.is_shared() || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(RequestBody::new((None, false), 0, Rc::clone(exchange)));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(Box::new(copy))
}

/// Whether the server has said that the request was not processed at all (RFC 9113 section 8.7).
fn is_refused(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| cause.is_remote() && cause.is_reset() && cause.reason() == Some(h2::Reason::REFUSED_STREAM))
}

/// Whether the connection itself is gone, and not one stream of it: over HTTP/2, where others may have been answered meanwhile.
fn is_lost(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| cause.is_io() || cause.is_go_away())
}

async fn unless_cut<F: Future>(exchange: &Exchange, future: F) -> Result<F::Output, ForwardError> {
    let mut future = pin!(future);
    poll_fn(|context| match exchange.watch_down(context) {
        Some(cut) => Poll::Ready(Err(cut.into())),
        None => future.as_mut().poll(context).map(Ok),
    })
    .await
}
