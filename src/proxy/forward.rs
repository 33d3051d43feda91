//! One request to the application and its answer back.

use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;

use super::Proxy;
use super::body::{ProxyBody, RequestBody};
use super::headers::{ClientInfo, for_upstream, from_upstream, transfer_coding_is_known, wants_websocket};
use super::running::{Cut, Exchange};
use super::upgrade::{self, BadUpgrade};
use super::upstream::{Upstream, Way};
use crate::auth::session::Permit;

/// Why there is no answer from the application. What the client gets for it is decided in the gateway.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    #[error("no server of the application can be connected to")]
    Unreachable(#[source] std::io::Error),
    #[error("the application did not answer in time")]
    TimedOut,
    #[error("the request's body is larger than the application allows")]
    TooLarge,
    /// 501.
    #[error("the request has a transfer coding that we do not know")]
    UnknownCoding,
    #[error("cannot switch protocols")]
    BadUpgrade(#[source] BadUpgrade),
    #[error("the session ended while the request was under way")]
    Ended,
    /// 400.
    #[error("the client's request could not be read to its end")]
    Unreadable,
    /// 408.
    #[error("the client stopped sending the request")]
    Stalled,
    #[error("the connection to the application broke")]
    Broken(#[source] hyper::Error),
    #[error("the application's answer is not to be trusted: {0}")]
    Wrong(&'static str),
    #[error("there is no application {0}")]
    NoApplication(String),
}

impl From<Cut> for ForwardError {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::TooLarge => Self::TooLarge,
            Cut::Stalled => Self::Stalled,
            Cut::Unreadable => Self::Unreadable,
            // Nothing but the end of a session cuts an exchange that still waits for its head.
            Cut::SessionOver | Cut::Finished => Self::Ended,
        }
    }
}

impl Proxy {
    /// Sends the request to the permit's application and returns the head of the answer with the body still to come; path and query go
    /// byte for byte. Dropping the future, or the body before its end, ends the exchange at the upstream too.
    pub async fn forward(
        &self,
        permit: Permit,
        mut request: Request<Incoming>,
        client: &ClientInfo<'_>,
    ) -> Result<Response<ProxyBody>, ForwardError> {
        let upstream = self.upstreams.get(permit.application());
        let upstream = upstream.ok_or_else(|| ForwardError::NoApplication(permit.application().to_owned()))?;
        let websocket = request.version() == Version::HTTP_11 && wants_websocket(request.headers());
        judge(&request, upstream, websocket)?;
        let switched = websocket.then(|| hyper::upgrade::on(&mut request));
        let entry = self.running.enter(permit.session().cloned(), self.clock.now());
        let signed_on = permit.session().filter(|_| upstream.signs_on_by_headers);
        let outgoing = outgoing(request, upstream, &entry.exchange, |given| {
            for_upstream(given, client, signed_on.map(|session| &**session), websocket)
        });
        let (mut response, way) = exchange(upstream, outgoing, &entry.exchange).await?;
        if !transfer_coding_is_known(response.headers()) {
            return Err(ForwardError::Wrong("its transfer coding is unknown"));
        }
        let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let given = std::mem::take(response.headers_mut());
        *response.headers_mut() = from_upstream(given, upstream.service_worker, switches);
        match (switches, switched) {
            (false, _) => {
                *response.version_mut() = Version::default();
                Ok(response.map(|incoming| ProxyBody::new(incoming, entry, way)))
            }
            (true, Some(switched)) => {
                upgrade::join(switched, hyper::upgrade::on(&mut response), entry);
                Ok(response.map(|_| ProxyBody::empty()))
            }
            (true, None) => Err(ForwardError::Wrong("it switched protocols unasked")),
        }
    }
}

/// What is refused before anything is sent.
fn judge(request: &Request<Incoming>, upstream: &Upstream, websocket: bool) -> Result<(), ForwardError> {
    if request.method() == Method::CONNECT {
        return Err(ForwardError::BadUpgrade(BadUpgrade::Connect));
    }
    if !transfer_coding_is_known(request.headers()) {
        return Err(ForwardError::UnknownCoding);
    }
    if request.body().size_hint().lower() > upstream.limits.body {
        return Err(ForwardError::TooLarge);
    }
    if websocket && !request.body().is_end_stream() {
        return Err(ForwardError::BadUpgrade(BadUpgrade::WithBody));
    }
    Ok(())
}

/// The request as it goes out: HTTP/1.1, origin form (RFC 9112 section 3.2.1).
fn outgoing(
    request: Request<Incoming>,
    upstream: &Upstream,
    exchange: &Rc<Exchange>,
    headers: impl FnOnce(http::HeaderMap) -> http::HeaderMap,
) -> Request<RequestBody> {
    let (parts, incoming) = request.into_parts();
    let mut outgoing = Request::new(RequestBody::new(incoming, upstream.limits.body, Rc::clone(exchange)));
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *outgoing.method_mut() = parts.method;
    *outgoing.uri_mut() = Uri::from(path);
    *outgoing.headers_mut() = headers(parts.headers);
    outgoing
}

/// One exchange; a second try only on a fresh connection and only if hyper gives the request back, so that nothing of it was sent.
async fn exchange(
    upstream: &Rc<Upstream>,
    mut request: Request<RequestBody>,
    exchange: &Exchange,
) -> Result<(Response<Incoming>, Way), ForwardError> {
    let mut fresh = false;
    loop {
        let mut way = unless_cut(exchange, upstream.way(fresh)).await?.map_err(ForwardError::Unreachable)?;
        let sent = way.sender.try_send_request(request);
        match head(sent, exchange, upstream.limits.response_wait).await? {
            Ok(response) => return Ok((response, way)),
            Err(mut error) => match error.take_message() {
                Some(again) if way.reused => {
                    request = again;
                    fresh = true;
                }
                _ => return Err(exchange.is_cut().map_or_else(|| ForwardError::Broken(error.into_error()), ForwardError::from)),
            },
        }
    }
}

/// Waits for the head of the answer. The limit runs from when the upstream has last taken some of the request, and not while the
/// request itself waits for the client, whose time is limited by the sweep.
async fn head<F: Future>(sent: F, exchange: &Exchange, limit: Duration) -> Result<F::Output, ForwardError> {
    let mut sent = pin!(sent);
    loop {
        let moves = exchange.moves();
        match tokio::time::timeout(limit, unless_cut(exchange, sent.as_mut())).await {
            Ok(result) => return result,
            Err(_) if exchange.moves() != moves || exchange.is_upload_waiting() => {}
            Err(_) => return Err(ForwardError::TimedOut),
        }
    }
}

async fn unless_cut<F: Future>(exchange: &Exchange, future: F) -> Result<F::Output, ForwardError> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| match exchange.watch_down(context) {
        Some(cut) => Poll::Ready(Err(cut.into())),
        None => future.as_mut().poll(context).map(Ok),
    })
    .await
}
