//! A server that can be killed and brought back on its port, and that counts.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{Either, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::eventually::eventually;

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Seen>,
    running: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    answered: AtomicUsize,
    checks: AtomicUsize,
    ailing: AtomicBool,
    slow: AtomicU64,
    held: watch::Sender<bool>,
    open: AtomicUsize,
    busy: AtomicUsize,
    most: AtomicUsize,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::default());
        let running = Some(serve(listener, &seen));
        Self { address, seen, running }
    }

    /// It and all its connections are gone.
    pub fn kill(&mut self) {
        self.running.take().unwrap().abort();
    }

    pub async fn revive(&mut self) {
        let socket = eventually("the port is free again", async || {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            socket.bind(self.address).map(|()| socket)
        })
        .await;
        self.running = Some(serve(socket.listen(1024).unwrap(), &self.seen));
    }

    /// What it says to checks.
    pub fn well(&self, well: bool) {
        self.seen.ailing.store(!well, Ordering::Relaxed);
    }

    pub fn slow(&self, span: Duration) {
        self.seen.slow.store(span.as_millis().try_into().unwrap(), Ordering::Relaxed);
    }

    /// Whether it keeps its answers back until it no longer does.
    pub fn hold(&self, held: bool) {
        self.seen.held.send_replace(held);
    }

    pub fn answered(&self) -> usize {
        self.seen.answered.load(Ordering::Relaxed)
    }

    pub fn checks(&self) -> usize {
        self.seen.checks.load(Ordering::Relaxed)
    }

    /// Connections now.
    pub fn open(&self) -> usize {
        self.seen.open.load(Ordering::Relaxed)
    }

    /// Requests that are being answered.
    pub fn busy(&self) -> usize {
        self.seen.busy.load(Ordering::Relaxed)
    }

    /// The most requests that there ever were at once.
    pub fn most(&self) -> usize {
        self.seen.most.load(Ordering::Relaxed)
    }
}

/// Counted as long as it is there.
struct Open(Arc<Seen>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn serve(listener: TcpListener, seen: &Arc<Seen>) -> JoinHandle<()> {
    let seen = Arc::clone(seen);
    tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            seen.open.fetch_add(1, Ordering::Relaxed);
            let counted = Open(Arc::clone(&seen));
            connections.spawn(async move {
                let _counted = counted;
                let service = service_fn(|request| answer(request, &seen));
                drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
            });
        }
    })
}

type Body = Either<Full<Bytes>, StreamBody<futures_util::stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>>>;

/// The cookies it was sent.
async fn answer(request: Request<Incoming>, seen: &Seen) -> Result<Response<Body>, Infallible> {
    if request.uri().path() == "/up" {
        seen.checks.fetch_add(1, Ordering::Relaxed);
        let ailing = seen.ailing.load(Ordering::Relaxed);
        let mut response = Response::new(Either::Left(Full::from("up")));
        *response.status_mut() = if ailing { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        return Ok(response);
    }
    if request.uri().path() == "/half" {
        let frames = futures_util::stream::once(async { Ok(Frame::data(Bytes::from_static(b"half"))) });
        let frames = futures_util::StreamExt::chain(frames, futures_util::stream::pending());
        return Ok(Response::new(Either::Right(StreamBody::new(futures_util::StreamExt::boxed(frames)))));
    }
    let busy = seen.busy.fetch_add(1, Ordering::Relaxed) + 1;
    seen.most.fetch_max(busy, Ordering::Relaxed);
    let slow = seen.slow.load(Ordering::Relaxed);
    if slow > 0 {
        tokio::time::sleep(Duration::from_millis(slow)).await;
    }
    // The sender is `seen`, which outlives this.
    drop(seen.held.subscribe().wait_for(|held| !held).await);
    seen.busy.fetch_sub(1, Ordering::Relaxed);
    seen.answered.fetch_add(1, Ordering::Relaxed);
    let cookie = request.headers().get("cookie").map_or("", |cookie| cookie.to_str().unwrap()).to_owned();
    Ok(Response::new(Either::Left(Full::from(cookie))))
}
