//! One connection from handshake to end: TLS, HTTP/1.1 or HTTP/2 by ALPN, every request to the handler.
//!
//! Time limits: 5 s for the handshake, about 10 s for a head, about 75 s idle (the sweep of `connection/mod.rs`), 60 s for a write that the
//! client does not take (`socket/write_timeout.rs`). While an answer is awaited or streamed, silence is the application's right (long polls); the
//! bodies' own limits stand in `proxy`. Tunnels have theirs there too.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;

use super::drain_body;
use crate::config::trusted::Trusted;
use crate::server::connection::state::Kept;
use crate::server::connection::unread::{CoreUnread, Piece};
use crate::server::connection::{Connection, Connections, Open, Order};
use crate::server::socket::h2_write_batch::gather;
use crate::server::socket::own_words::OwnWords;
use crate::server::socket::ticket_coalescing::Together;
use crate::server::socket::watched::{Awaited, Watched};

/// A request and what is known of where it came from. `C` is what the handler keeps of a connection.
#[derive(Debug)]
pub struct Exchange<C> {
    pub head: http::request::Parts,
    /// Taken by whoever reads it.
    pub body: Option<Incoming>,
    /// The same for every request of one connection, and gone with it.
    pub connection: Rc<C>,
    /// The other end of the connection, or who a trusted proxy's PROXY header says it is; IPv4 as IPv4.
    pub peer: SocketAddr,
    /// Set where the peer is a trusted proxy that names the client in a field of every request.
    pub behind: Option<Arc<Trusted>>,
    /// The name that the client asked for in its TLS hello, in lower case.
    pub sni: Option<Arc<str>>,
    /// False on a listener that only redirects.
    pub tls: bool,
}

/// What becomes of a request. One per core; never leaves it.
pub trait Handler: 'static {
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Unpin + 'static;
    /// Made for each connection.
    type Connection: Kept + Default + 'static;

    /// Always an answer. Dropped when the client goes away. The future is moved about for every request: what is seldom needed should
    /// be boxed in it.
    fn handle(&self, exchange: &mut Exchange<Self::Connection>) -> impl Future<Output = http::Response<Self::Body>>;

    /// What came from there could not be read as a request and was answered with this status, without the handler.
    fn note_unreadable(&self, _peer: IpAddr, _status: StatusCode) {}

    /// What is answered in place of what the library says by itself to what it cannot read over HTTP/1.1; nothing, and it says so barely.
    fn own_words(&self) -> OwnWords {
        OwnWords::default()
    }

    /// Whether it wants to know, over HTTP/1.1, how clients spell the names of header fields. Costs some time for each request.
    fn keeps_header_case(&self) -> bool {
        false
    }
}

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is the same for every request of a connection.
#[derive(Clone)]
pub(in crate::server) struct About {
    pub peer: SocketAddr,
    pub behind: Option<Arc<Trusted>>,
    pub sni: Option<Arc<str>>,
    pub tls: bool,
}

/// Serves one HTTP/1.1 connection to its end.
pub(in crate::server) async fn serve<H: Handler, S>(io: Watched<S>, about: About, connection: Rc<Connection>, core: &CoreParts<H>)
where
    S: AsyncRead + AsyncWrite + Awaited + Unpin + Send + 'static,
{
    let _entered = core.connections.enter(&connection);
    let peer = about.peer;
    // Asked for each connection: a reload may change it.
    let mut http1 = core.http1.clone();
    http1.preserve_header_case(core.handler.keeps_header_case());
    let io = io.in_own_words(core.handler.own_words());
    let served = http1.serve_connection(TokioIo::new(io), service(about, &connection, core)).with_upgrades();
    let flush = |_: &mut Context<'_>| Poll::Ready(Ok(()));
    over(&*core.handler, peer, drive(Box::pin(served), &connection, |served| served.graceful_shutdown(), flush).await);
}

/// Serves one HTTP/2 connection to its end.
pub(in crate::server) async fn serve_http2<H: Handler>(
    io: Watched<TlsStream<Together>>,
    about: About,
    connection: Rc<Connection>,
    core: &CoreParts<H>,
) {
    let _entered = core.connections.enter(&connection);
    let peer = about.peer;
    let (io, outlet) = gather(io);
    let served = core.http2.serve_connection(TokioIo::new(io), service(about, &connection, core));
    let flush = |context: &mut Context<'_>| outlet.poll_flush(context);
    over(&*core.handler, peer, drive(Box::pin(served), &connection, |served| served.graceful_shutdown(), flush).await);
}

fn over<H: Handler>(handler: &H, peer: SocketAddr, result: Result<(), BoxError>) {
    let Err(error) = result else { return };
    tracing::debug!(client.address = %peer, %error, "a connection ended early");
    if let Some(status) = error.downcast_ref().and_then(answered) {
        handler.note_unreadable(peer.ip(), status);
    }
}

/// What hyper has answered by itself to what it could not read, over HTTP/1.1: nothing tells but the error.
fn answered(error: &hyper::Error) -> Option<StatusCode> {
    if !error.is_parse() {
        return None;
    }
    match error.to_string().as_str() {
        "URI too long" => Some(StatusCode::URI_TOO_LONG),
        _ if error.is_parse_too_large() => Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        // The beginning of HTTP/2, where it was not agreed upon, gets no answer.
        text if text.contains("HTTP2 preface") => None,
        _ => Some(StatusCode::BAD_REQUEST),
    }
}

/// What answers the requests of one connection.
fn service<H: Handler>(
    about: About,
    connection: &Rc<Connection>,
    core: &CoreParts<H>,
) -> impl HttpService<Incoming, ResBody = Answer<H::Body>, Error = Infallible, Future: 'static> + use<H> {
    let handler = Rc::clone(&core.handler);
    let (connection, kept) = (Rc::clone(connection), Rc::<H::Connection>::default());
    if !connection.one_at_a_time {
        connection.keeps(Rc::<H::Connection>::clone(&kept));
    }
    service_fn(move |request: http::Request<Incoming>| {
        let (head, body) = request.into_parts();
        let (peer, tls, connection, kept) = (about.peer, about.tls, connection.exchange(), Rc::clone(&kept));
        let (behind, sni) = (about.behind.clone(), about.sni.clone());
        let exchange = Exchange { head, body: Some(body), connection: kept, peer, behind, sni, tls };
        // hyper and the runtime move the future about several times before it is first polled: boxed, that is a pointer.
        Box::pin(answer(Rc::clone(&handler), Box::new(exchange), connection))
    })
}

/// What every connection of a core uses.
pub(in crate::server) struct CoreParts<H> {
    pub handler: Rc<H>,
    pub connections: Rc<Connections>,
    http1: http1::Builder,
    http2: http2::Builder<LocalExecutor>,
}

impl<H: Handler> CoreParts<H> {
    pub fn new(handler: Rc<H>, unread: CoreUnread) -> Self {
        let mut http1 = http1::Builder::new();
        // A hundred fields at most is hyper's default, which is set nowhere because setting it moves them to the heap.
        // The sweep limits the time for a head; hyper's own limit would also end idle connections after it.
        http1.header_read_timeout(None).max_header_size(HEAD as usize);
        let mut http2 = http2::Builder::new(LocalExecutor);
        // No PING asks whether anybody is there: on a slow line it would wait behind the answer, and its answer would come too late. The
        // kernel asks (`listener.rs`), and a write that waits is limited (`socket/write_timeout.rs`).
        http2.max_concurrent_streams(100).max_header_list_size(HEAD).max_send_buf_size(256 * 1024);
        Self { handler, connections: Connections::counted(unread), http1, http2 }
    }
}

async fn answer<H: Handler>(
    handler: Rc<H>,
    mut exchange: Box<Exchange<H::Connection>>,
    open: Open,
) -> Result<http::Response<Answer<H::Body>>, Infallible> {
    // hyper does it for HTTP/1.1.
    let is_head = exchange.head.method == http::Method::HEAD && exchange.head.version == http::Version::HTTP_2;
    let response = AssertUnwindSafe(handler.handle(&mut exchange)).catch_unwind().await;
    let is_given_up = exchange.body.take().is_some_and(|unread| drain_body::let_end(&exchange.head, unread));
    Ok(match response {
        Ok(mut response) => {
            // Asked here, not when the request came: the stop may have come in between.
            if (open.is_last() || is_given_up) && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
            }
            if is_head && !response.body().is_end_stream() {
                return Ok(without_body(response).map(|()| Answer { body: None, open }));
            }
            response.map(|body| Answer { body: Some(body), open })
        }
        Err(_) => {
            tracing::error!("a request ended in a panic; the connection goes on");
            let mut response = http::Response::new(Answer { body: None, open });
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    })
}

/// The answer to HEAD: all that GET would be answered but the content (RFC 9110 section 9.3.2), with its length where that is known.
#[cold]
fn without_body<B: Body>(response: http::Response<B>) -> http::Response<()> {
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        head.headers.entry(http::header::CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    http::Response::from_parts(head, ())
}

/// Polls a connection, hands it the sweep's orders, and then lets out what it has written. No timer and no shared flag is looked at when
/// a request wakes it.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    mut served: Pin<Box<C>>,
    connection: &Connection,
    finish: impl Fn(Pin<&mut C>),
    flush: impl Fn(&mut Context<'_>) -> Poll<std::io::Result<()>>,
) -> Result<(), BoxError> {
    let mut told = Order::GoOn;
    std::future::poll_fn(|context| {
        if connection.waker.borrow().is_none() {
            connection.waker.replace(Some(context.waker().clone()));
        }
        let order = connection.order.get();
        if order != told {
            told = order;
            match order {
                Order::GoOn | Order::LastOne => {}
                Order::Finish => finish(served.as_mut()),
                Order::Drop => return Poll::Ready(Ok(())),
            }
        }
        if let Poll::Ready(result) = served.as_mut().poll(context) {
            return Poll::Ready(result.map_err(Into::into));
        }
        match flush(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            // Sent, or the socket wakes us when it takes more.
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The handler's body, which counts as open until it is sent or given up.
struct Answer<B> {
    /// Nothing after a panic.
    body: Option<B>,
    open: Open,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Piece;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, B::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        polled.map_ok(|frame| frame.map_data(|bytes| Piece::new(bytes, self.open.unread())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// Runs hyper's HTTP/2 streams on the core that accepted them.
#[derive(Clone, Copy)]
pub(in crate::server) struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        drop(tokio::task::spawn_local(future));
    }
}

/// Bytes of a request's head that are read, more than any browser sends. The handler passes on less and says so in words; beyond this the
/// library answers with a bare 431.
const HEAD: u32 = 256 * 1024;
