//! The application behind the door: tells what it received, and has ways that take their time.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

pub struct Upstream {
    pub address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<String>>,
    uploaded: AtomicUsize,
    /// Exchanges that have begun and not ended here.
    open: AtomicUsize,
}

/// Pieces of the download that takes two seconds.
pub const PACES: usize = 40;

/// Bytes of the largest answer.
pub const LARGE: usize = 8 << 20;

type Body = BoxBody<Bytes, Infallible>;

impl Upstream {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let upstream = Self { address, seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = Arc::clone(&seen);
                let service = service_fn(move |request| answer(request, Arc::clone(&seen)));
                let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(served.with_upgrades());
            }
        });
        upstream
    }

    /// Heads as they came in: the request line, then a line for each field, names in lower case.
    pub fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    pub fn last(&self) -> String {
        self.requests().pop().expect("nothing reached the upstream")
    }

    /// Bytes of bodies so far.
    pub fn uploaded(&self) -> usize {
        self.seen.uploaded.load(Ordering::Relaxed)
    }

    /// How many exchanges have begun here and not ended.
    pub fn open(&self) -> usize {
        self.seen.open.load(Ordering::Relaxed)
    }
}

/// Counts as open until it is dropped.
struct Open(Arc<Seen>);

impl Open {
    fn new(seen: &Arc<Seen>) -> Self {
        seen.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(seen))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn answer(mut request: Request<Incoming>, seen: Arc<Seen>) -> Result<Response<Body>, Infallible> {
    let mut head = format!("{} {} {:?}\n", request.method(), request.uri(), request.version());
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    seen.requests.lock().unwrap().push(head.clone());
    let open = Open::new(&seen);
    Ok(match request.uri().path() {
        "/download" | "/public/download" => Response::new(endless(open, Duration::from_millis(20))),
        "/trickle" => Response::new(endless(open, Duration::from_secs(2))),
        "/paced" => {
            let pieces = futures_util::stream::iter(0..PACES).then(|_| async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(Frame::data(Bytes::from_static(b"more ")))
            });
            Response::new(BodyExt::boxed(StreamBody::new(SyncStream(Mutex::new(Box::pin(pieces))))))
        }
        "/events" => {
            let mut response = Response::new(endless(open, Duration::from_secs(2)));
            response.headers_mut().insert("content-type", "text/event-stream".parse().unwrap());
            response
        }
        "/large" | "/public/large" => Response::new(Full::new(Bytes::from_static(&[b'x'; LARGE])).boxed()),
        "/poll" => std::future::pending().await,
        "/ws" => web_socket(&mut request, open),
        "/cookies" => {
            let mut response = said("upstream");
            for cookie in ["__Host-doorward=planted; Path=/; Secure", "__host-Doorward-flow=x", "own=1; Path=/"] {
                response.headers_mut().append("set-cookie", cookie.parse().unwrap());
            }
            response
        }
        _ => {
            let mut body = request.into_body();
            while let Some(Ok(frame)) = body.frame().await {
                let length = frame.data_ref().map_or(0, Bytes::len);
                seen.uploaded.fetch_add(length, Ordering::Relaxed);
            }
            said(&format!("upstream\n{head}"))
        }
    })
}

fn said(text: &str) -> Response<Body> {
    Response::new(Full::from(text.to_owned()).boxed())
}

/// A few bytes at once and after every pause, for as long as somebody takes them.
fn endless(open: Open, pause: Duration) -> Body {
    let frames = futures_util::stream::unfold((open, Duration::ZERO), move |(open, wait)| async move {
        tokio::time::sleep(wait).await;
        Some((Ok(Frame::data(Bytes::from_static(b"more "))), (open, pause)))
    });
    BodyExt::boxed(StreamBody::new(SyncStream(Mutex::new(Box::pin(frames)))))
}

/// Only ever polled through `&mut`, so it may be shared.
struct SyncStream<S>(Mutex<std::pin::Pin<Box<S>>>);

impl<S: futures_util::Stream> futures_util::Stream for SyncStream<S> {
    type Item = S::Item;

    fn poll_next(self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Option<Self::Item>> {
        self.get_mut().0.get_mut().unwrap().as_mut().poll_next(context)
    }
}

/// Says back what it hears.
fn web_socket(request: &mut Request<Incoming>, open: Open) -> Response<Body> {
    let accept = derive_accept_key(request.headers()["sec-websocket-key"].as_bytes());
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let _open = open;
        let Ok(upgraded) = upgrade.await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if !message.is_text() || socket.send(message).await.is_err() {
                return;
            }
        }
    });
    let mut response = said("");
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    for (name, value) in [("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", accept.as_str())] {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
