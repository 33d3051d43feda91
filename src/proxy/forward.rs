//! One request to the application and its answer back.

use std::rc::Rc;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, SET_COOKIE, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::Proxy;
use super::attempt::exchange;
use super::body::ProxyBody;
use super::exchanges::Whose;
use super::forward_error::ForwardError;
use super::header_scan::{Fact, Facts};
use super::headers::{self, ClientInfo, Outward, asked_upgrade, for_upstream, from_upstream, is_switch_to};
use super::request_body::RequestBody;
use super::seats::Holder;
use super::server_choice::Search;
use super::upgrade::{self, BadUpgrade, Speech};
use super::upstream::{Guest, Upstream};
use super::{cookies, length, rewrite};
use crate::auth::session::Permit;
use crate::config::upstream::{HeaderCase, Sticky};

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
        let bound = headers::binds_connection(&head.headers, client.facts) || has_unusual_body(&head.method, body.as_ref());
        let signed_on = permit.session().filter(|_| upstream.signs_on_by_headers).map(|session| &**session);
        let outward = Outward { signed_on, upgrade: asked, via: upstream.via, is_stream: upstream.speaks_http2() };
        for_upstream(&mut head.headers, client, outward);
        if let Some(names) = &upstream.names {
            names.to_upstream(&mut head.headers, client.host);
        }
        let begun = client.now;
        let over = is_stream.then(|| Rc::clone(client.client));
        let holder = upstream.holder(client.client, permit.session(), client.address);
        let whose =
            Whose { session: permit.session().cloned(), asks: permit.asks(), address: client.address, holder: holder.clone() };
        let entry = self.running.enter(whose, over, begun);
        let body = RequestBody::new((body, is_stream), limits.body, Rc::clone(&entry.exchange));
        let outgoing = outgoing((head, client.facts), body, upstream)?;
        let session = permit.session().map(|session| &**session);
        let guest = Guest { session, address: client.address, server: named.as_deref() };
        let whose = upstream.whose(client.client, permit.session());
        let own = whose.as_ref().and_then(|whose| upstream.pinned(whose));
        let own = own.map(|way| way.seated(holder.as_ref().map(Holder::take_own)));
        let search = Search::new((upstream, guest), holder, limits.connect_wait, begun);
        let (mut response, mut way) = exchange((search, own), outgoing, &entry.exchange, limits).await?;
        let facts = accepted(&mut response)?;
        if facts.tell(Fact::EventStream) {
            entry.exchange.mark_event_stream();
        }
        way.is_bound(bound || headers::offers_binding(response.headers(), facts));
        if let Some(rest) = headers::keep_alive(response.headers(), facts) {
            way.wire.rest = Some(rest);
        }
        way.belongs_to(whose);
        let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let switched = switched.filter(|(asked, _)| !switches || is_switch_to(response.headers(), asked));
        from_upstream(response.headers_mut(), facts, upstream.service_worker, asked.filter(|_| switches));
        if let Some(names) = &upstream.names {
            names.to_client(response.headers_mut(), client.host);
        }
        if facts.tell(Fact::Points) {
            rewrite::secure(response.headers_mut(), client.host);
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
                if !is_stream && !entry.exchange.has_whole_upload() {
                    // The application did not wait for the rest, and nothing may take it for the next request (RFC 9112 section 9.6).
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
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
fn judge(head: &mut Parts, facts: Facts, body: Option<&Incoming>, (most, upgrade): (u64, bool)) -> Result<(), ForwardError> {
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
    if facts.tell(Fact::OddLength) {
        length::unify(&mut head.headers).map_err(|_| ForwardError::BadLength)?;
    }
    Ok(())
}

/// Whether a body comes with a method that mostly has none. A server may leave such a body unread and take it for the next request, so
/// nothing else is sent over that connection.
fn has_unusual_body(method: &Method, body: Option<&Incoming>) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS)
        && body.is_some_and(|body| !body.is_end_stream())
}

/// What the answer's fields say. Refuses one of which nobody could tell where it ends, also where nothing follows its head (HEAD, 304).
fn accepted(response: &mut Response<Incoming>) -> Result<Facts, ForwardError> {
    let facts = Facts::of(response.headers());
    if facts.tell(Fact::UnknownCoding) {
        return Err(ForwardError::Wrong("its transfer coding is unknown"));
    }
    if response.status() == StatusCode::NO_CONTENT {
        // It has none, whatever it says (RFC 9110 section 8.6): over HTTP/2 clients would wait for it and call the stream broken.
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    // With a coding the length does not count, and ends here.
    if facts.tell(Fact::OddLength) && !facts.tell(Fact::TransferEncoding) {
        length::unify(response.headers_mut()).map_err(|_| ForwardError::Wrong("the length of its answer is ambiguous"))?;
    }
    Ok(facts)
}

/// The request as it goes out: HTTP/1.1, origin form (RFC 9112 section 3.2.1), or HTTP/2.
fn outgoing(
    (head, facts): (&mut Parts, Facts),
    body: RequestBody,
    upstream: &Upstream,
) -> Result<Request<RequestBody>, ForwardError> {
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
    } else if !facts.tell(Fact::ContentLength) {
        frame(&mut outgoing);
    }
    Ok(outgoing)
}

/// Says how the body of a request without a length ends. hyper says it for most methods, but drops the body of a GET or HEAD; and servers
/// want to hear of an empty body where there usually is one (411; RFC 9110 section 8.6).
fn frame(outgoing: &mut Request<RequestBody>) {
    if !outgoing.body().is_end_stream() {
        outgoing.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    } else if matches!(*outgoing.method(), Method::POST | Method::PUT | Method::PATCH) {
        outgoing.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
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
