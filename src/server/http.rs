//! One connection from handshake to end: TLS, HTTP/1.1 or HTTP/2 by ALPN, every request to the handler.
//!
//! Time limits: 5 s for the handshake, about 10 s for a head, about 75 s idle (the sweep of `connections.rs`), 60 s for a write that the
//! client does not take (`socket.rs`). While an answer is awaited or streamed, silence is the application's right (long polls); the
//! bodies' own limits stand in `proxy`. Tunnels have theirs there too.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::connections::{Connection, Connections, Open, Order};
use super::socket::Watched;

/// A request and what is known of where it came from.
#[derive(Debug)]
pub struct Exchange {
    pub request: http::Request<Incoming>,
    /// The other end of the socket; IPv4 as IPv4.
    pub peer: SocketAddr,
    /// The name that the client asked for in its TLS hello, in lower case.
    pub sni: Option<Arc<str>>,
    /// False on a listener that only redirects.
    pub tls: bool,
}

/// What becomes of a request. One per core; never leaves it.
pub trait Handler: 'static {
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Unpin + 'static;

    /// Always an answer. Dropped when the client goes away.
    fn handle(&self, exchange: Exchange) -> impl Future<Output = http::Response<Self::Body>>;
}

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is the same for every request of a connection.
#[derive(Clone)]
pub(super) struct About {
    pub peer: SocketAddr,
    pub sni: Option<Arc<str>>,
    pub tls: bool,
}

/// Serves one connection to its end.
pub(super) async fn serve<H: Handler, S>(
    io: Watched<S>,
    http2: bool,
    about: About,
    connection: Rc<Connection>,
    core: &CoreParts<H>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let _entered = core.connections.enter(&connection);
    let handler = Rc::clone(&core.handler);
    let service = hyper::service::service_fn({
        let connection = Rc::clone(&connection);
        move |request| {
            let exchange = Exchange { request, peer: about.peer, sni: about.sni.clone(), tls: about.tls };
            answer(Rc::clone(&handler), exchange, connection.exchange())
        }
    });
    let io = TokioIo::new(io);
    let result = if http2 {
        let served = core.http2.serve_connection(io, service);
        drive(Box::pin(served), &connection, |served| served.graceful_shutdown()).await
    } else {
        let served = core.http1.serve_connection(io, service).with_upgrades();
        drive(Box::pin(served), &connection, |served| served.graceful_shutdown()).await
    };
    if let Err(error) = result {
        tracing::debug!(client.address = %about.peer, %error, "a connection ended early");
    }
}

/// What every connection of a core uses.
pub(super) struct CoreParts<H> {
    pub handler: Rc<H>,
    pub connections: Rc<Connections>,
    http1: http1::Builder,
    http2: http2::Builder<LocalExecutor>,
}

impl<H> CoreParts<H> {
    pub fn new(handler: Rc<H>) -> Self {
        let mut http1 = http1::Builder::new();
        // A hundred fields at most is hyper's default, which is set nowhere because setting it moves them to the heap.
        // The sweep limits the time for a head; hyper's own limit would also end idle connections after it.
        http1.header_read_timeout(None).max_header_size(HEAD as usize);
        let mut http2 = http2::Builder::new(LocalExecutor);
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(100)
            .max_header_list_size(HEAD)
            .max_send_buf_size(256 * 1024)
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20));
        Self { handler, connections: Rc::default(), http1, http2 }
    }
}

async fn answer<H: Handler>(
    handler: Rc<H>,
    exchange: Exchange,
    open: Open,
) -> Result<http::Response<Answer<H::Body>>, Infallible> {
    let response = AssertUnwindSafe(handler.handle(exchange)).catch_unwind().await;
    Ok(match response {
        Ok(response) => response.map(|body| Answer { body: Some(body), _open: open }),
        Err(_) => {
            tracing::error!("a request ended in a panic; the connection goes on");
            let mut response = http::Response::new(Answer { body: None, _open: open });
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    })
}

/// Polls a connection and hands it the sweep's orders. No timer and no shared flag is looked at when a request wakes it.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    mut served: Pin<Box<C>>,
    connection: &Connection,
    finish: impl Fn(Pin<&mut C>),
) -> hyper::Result<()> {
    let mut told = Order::GoOn;
    std::future::poll_fn(|context| {
        if connection.waker.borrow().is_none() {
            connection.waker.replace(Some(context.waker().clone()));
        }
        let order = connection.order.get();
        if order != told {
            told = order;
            match order {
                Order::GoOn => {}
                Order::Finish => finish(served.as_mut()),
                Order::Drop => return Poll::Ready(Ok(())),
            }
        }
        served.as_mut().poll(context)
    })
    .await
}

/// The handler's body, which counts as open until it is sent or given up.
struct Answer<B> {
    /// Nothing after a panic.
    body: Option<B>,
    _open: Open,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
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
pub(super) struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        drop(tokio::task::spawn_local(async move {
            future.await;
        }));
    }
}

/// Bytes of a request's head: Kerberos tokens and a site's worth of cookies fit.
const HEAD: u32 = 64 * 1024;
