//! `GET /metrics` on an address of its own, in plain HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// So many may ask at once; more wait at the door.
const CONNECTIONS: usize = 16;
/// For one connection, all of it: who asks comes again with another.
const PATIENCE: Duration = Duration::from_secs(10);
/// To say what is asked; who says nothing holds nobody up for long.
const ASKING: Duration = Duration::from_secs(1);
const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Takes the address.
pub fn bind(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers with what `text` says at that moment, until `stop`.
pub async fn serve<T, F>(listener: std::net::TcpListener, text: T, stop: CancellationToken)
where
    T: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<String, std::fmt::Error>> + Send + 'static,
{
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the address of [metrics] cannot be used"),
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Never closed, so this is always a permit.
        let place = Arc::clone(&places).acquire_owned().await.ok();
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let text = text.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let text = text.clone();
                async move { Ok::<_, Infallible>(answer(&request, &text).await) }
            });
            let mut http = http1::Builder::new();
            let serving = http
                .timer(TokioTimer::new())
                .header_read_timeout(ASKING)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            if let Ok(Err(error)) = timeout(PATIENCE, serving).await {
                tracing::debug!(%error, "a client of the metrics address left early");
            }
            drop(place);
        });
    }
}

async fn answer<F>(request: &Request<Incoming>, text: &impl Fn() -> F) -> Response<Full<Bytes>>
where
    F: Future<Output = Result<String, std::fmt::Error>>,
{
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => match text().await {
            Ok(text) => (StatusCode::OK, text),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        },
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "GET\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "/metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = if status.is_success() { TYPE } else { "text/plain; charset=utf-8" };
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
