//! One request to the application and its answer back.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use futures_util::future::LocalBoxFuture;
use http::header::{CONTENT_LENGTH, HOST, SET_COOKIE};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::upgrade::OnUpgrade;

use super::Proxy;
use super::body::ProxyBody;
use super::connection::Sent;
use super::cookies;
use super::exchanges::{Cut, Exchange};
use super::header_scan::{Fact, Facts};
use super::headers::{self, ClientInfo, asked_upgrade, for_upstream, from_upstream, is_switch_to};
use super::request_body::RequestBody;
use super::seats::Holder;
use super::server_choice::Search;
use super::upgrade::{self, BadUpgrade, Speech};
use super::upstream::{Guest, Upstream, Way};
use crate::auth::session::Permit;
use crate::config::application::RequestLimits;
use crate::config::upstream::{HeaderCase, Sticky};

/// Why there is no answer from the application. What the client gets for it is decided in the gateway.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    #[error("no server of the application can be connected to")]
    Unreachable(#[source] std::io::Error),
    #[error("the application did not answer in time")]
    TimedOut,
    /// 503.
    #[error("all servers of the application have as many requests as they may have, and others wait already")]
    Busy,
    #[error("the request's body is larger than the application allows")]
    TooLarge,
    /// 501.
    #[error("the request has a transfer coding that we do not know")]
    UnknownCoding,
    #[error("cannot switch protocols")]
    BadUpgrade(#[source] BadUpgrade),
    #[error("the session ended while the request was under way")]
    Ended,
    /// 499, as there is nobody to be answered.
    #[error("the client went away in the middle of its request")]
    Left,
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
            Cut::TimedOut => Self::TimedOut,
            Cut::Left => Self::Left,
            Cut::Unreadable => Self::Unreadable,
            // What is finished has a head.
            Cut::SessionOver | Cut::Finished => Self::Ended,
        }
    }
}

impl Proxy {
    /// Sends the request to the permit's application and returns the head of the answer with the body still to come; path and query go
    /// byte for byte. Takes the request's fields and target out of `head`. Dropping the future, or the body before its end, ends the
    /// exchange at the upstream too.
    ///
    /// What it holds while it waits is moved about before it begins, with every request: so that is little.
    pub async fn forward(
        &self,
        permit: Permit<'_>,
        head: &mut Parts,
        body: &mut Option<Incoming>,
        client: &ClientInfo<'_>,
    ) -> Result<Response<ProxyBody>, ForwardError> {
        let upstream = self.upstreams.get(permit.application());
        let upstream = upstream.ok_or_else(|| ForwardError::NoApplication(permit.application().to_owned()))?;
        // Over HTTP/2 nothing is switched to.
        let is_stream = head.version == Version::HTTP_2;
        let may_switch = head.version == Version::HTTP_11 && !upstream.speaks_http2();
        let asked = if may_switch { asked_upgrade(&head.headers, client.facts, &upstream.upgrades) } else { None };
        let limits = upstream.limits(head.uri.path());
        let body = body.take();
        judge(head, client.facts, body.as_ref(), (limits.body, asked.is_some()))?;
        let named = if upstream.sticky == Sticky::Cookie { cookies::server(&head.headers) } else { None };
        let switched = asked.and_then(|asked| Some((asked, head.extensions.remove::<OnUpgrade>()?)));
        let bound = headers::binds_connection(&head.headers, client.facts);
        let signed_on = permit.session().filter(|_| upstream.signs_on_by_headers);
        for_upstream(&mut head.headers, client, signed_on.map(|session| &**session), asked);
        if let Some(names) = &upstream.names {
            names.to_upstream(&mut head.headers, client.host);
        }
        let begun = client.now;
        let over = is_stream.then(|| Rc::clone(client.client));
        let holder = upstream.holder(client.client, permit.session(), client.address);
        let entry = self.running.enter((permit.session().cloned(), permit.asks(), holder.clone()), over, begun);
        let outgoing = outgoing(head, RequestBody::new((body, is_stream), limits.body, Rc::clone(&entry.exchange)), upstream)?;
        let guest = Guest { session: permit.session().map(|session| &**session), server: named.as_deref() };
        let whose = upstream.whose(client.client, permit.session());
        let own = whose.as_ref().and_then(|whose| upstream.pinned(whose));
        let own = own.map(|way| way.seated(holder.as_ref().map(Holder::take_own)));
        let search = Search::new((upstream, guest), holder, limits.connect_wait, begun);
        let (mut response, mut way) = exchange((search, own), outgoing, &entry.exchange, limits).await?;
        let facts = Facts::of(response.headers());
        if facts.tell(Fact::UnknownCoding) {
            return Err(ForwardError::Wrong("its transfer coding is unknown"));
        }
        if facts.tell(Fact::EventStream) {
            entry.exchange.mark_event_stream();
        }
        way.is_bound(bound || headers::offers_binding(response.headers(), facts));
        way.belongs_to(whose);
        let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let switched = switched.filter(|(asked, _)| !switches || is_switch_to(response.headers(), asked));
        if response.status() == StatusCode::NO_CONTENT {
            // It has none, whatever it says (RFC 9110 section 8.6): over HTTP/2 clients would wait for it and call the stream broken.
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        from_upstream(response.headers_mut(), facts, upstream.service_worker, asked.filter(|_| switches));
        if let Some(names) = &upstream.names {
            names.to_client(response.headers_mut(), client.host);
        }
        if upstream.sticky == Sticky::Cookie
            && named.as_deref() != Some(way.server_name())
            && let Some(cookie) = cookies::keep_at(way.server_name())
        {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        match (switches, switched) {
            (false, _) => {
                *response.version_mut() = Version::default();
                Ok(response.map(|incoming| ProxyBody::new(incoming, entry, way, begun)))
            }
            (true, Some((asked, switched))) => {
                upgrade::join((switched, hyper::upgrade::on(&mut response)), way, entry, Speech::of(asked));
                Ok(response.map(|_| ProxyBody::empty()))
            }
            (true, None) => Err(ForwardError::Wrong("it switched to a protocol that it was not asked for")),
        }
    }
}

/// What is refused before anything is sent.
fn judge(head: &Parts, facts: Facts, body: Option<&Incoming>, (most, upgrade): (u64, bool)) -> Result<(), ForwardError> {
    if head.method == Method::CONNECT {
        return Err(ForwardError::BadUpgrade(BadUpgrade::Connect));
    }
    // With any coding but exactly `chunked` the body would lose a layer on its way, as this field ends here (RFC 9112 section 6.1).
    if facts.tell(Fact::UnknownCoding) {
        return Err(ForwardError::UnknownCoding);
    }
    if body.is_some_and(|body| body.size_hint().lower() > most) {
        return Err(ForwardError::TooLarge);
    }
    if upgrade && body.is_some_and(|body| !body.is_end_stream()) {
        return Err(ForwardError::BadUpgrade(BadUpgrade::WithBody));
    }
    Ok(())
}

/// The request as it goes out: HTTP/1.1, origin form (RFC 9112 section 3.2.1), or HTTP/2.
fn outgoing(head: &mut Parts, body: RequestBody, upstream: &Upstream) -> Result<Request<RequestBody>, ForwardError> {
    let mut outgoing = Request::new(body);
    *outgoing.method_mut() = head.method.clone();
    // In HTTP/1.1 it has that form already.
    let target = std::mem::take(&mut head.uri);
    *outgoing.uri_mut() = match target.authority() {
        None => target,
        Some(_) => Uri::from(target.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))),
    };
    *outgoing.headers_mut() = std::mem::take(&mut head.headers);
    if upstream.header_case == HeaderCase::Keep {
        // Among them is how the client spelled the names, of a type that only hyper can name.
        *outgoing.extensions_mut() = std::mem::take(&mut head.extensions);
    }
    if upstream.speaks_http2() {
        for_http2(&mut outgoing)?;
    }
    Ok(outgoing)
}

/// Over HTTP/2 the host stands in front (RFC 9113 section 8.3.1). The scheme is the one that the client used, as in
/// `X-Forwarded-Proto`.
fn for_http2(outgoing: &mut Request<RequestBody>) -> Result<(), ForwardError> {
    let host = outgoing.headers_mut().remove(HOST);
    let authority = host.and_then(|host| Authority::from_maybe_shared(bytes::Bytes::copy_from_slice(host.as_bytes())).ok());
    let mut parts = std::mem::take(outgoing.uri_mut()).into_parts();
    (parts.scheme, parts.authority) = (Some(Scheme::HTTPS), authority);
    *outgoing.uri_mut() = Uri::from_parts(parts).map_err(|_| ForwardError::Wrong("it cannot be told the host"))?;
    Ok(())
}

/// One exchange. A second try only if nothing of the request was sent, which hyper says by giving it back, or if the server says that
/// it has not touched it; then with the next server, or with a new connection where an old one turned out to be closed. `own` is a
/// connection that is pinned already.
///
/// The first try begins before this is polled: so the future does not hold the request.
fn exchange(
    (mut search, own): (Search<'_>, Option<Way>),
    request: Request<RequestBody>,
    exchange: &Rc<Exchange>,
    limits: RequestLimits,
) -> impl Future<Output = Result<(Response<Incoming>, Way), ForwardError>> {
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
        exchange: &Exchange,
    ) -> Result<Box<Request<RequestBody>>, ForwardError> {
        if let Some(cut) = exchange.is_cut() {
            return Err(cut.into());
        }
        if let Some(unsent) = error.take_message() {
            search.unsent(&mut self.way);
            return Ok(Box::new(unsent));
        }
        let error = error.into_error();
        match self.copy.filter(|_| is_refused(&error)) {
            Some(copy) => {
                search.refused(&mut self.way);
                Ok(copy)
            }
            None => {
                self.way.failed(search.begun, "it breaks connections off");
                Err(ForwardError::Broken(error))
            }
        }
    }
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

async fn unless_cut<F: Future>(exchange: &Exchange, future: F) -> Result<F::Output, ForwardError> {
    let mut future = pin!(future);
    poll_fn(|context| match exchange.watch_down(context) {
        Some(cut) => Poll::Ready(Err(cut.into())),
        None => future.as_mut().poll(context).map(Ok),
    })
    .await
}
