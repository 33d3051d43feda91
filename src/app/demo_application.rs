//! The application behind the demo: shows what it received, so that one sees what Doorward passes on and what it keeps.

use std::convert::Infallible;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Runs on a thread of its own until it is dropped.
pub struct DemoApplication {
    pub address: SocketAddr,
    _stop: DropGuard,
}

/// Listens on a free port of loopback.
pub fn start() -> std::io::Result<DemoApplication> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    std::thread::Builder::new().name("demo-application".into()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = serve(&listener) => {}
            }
        });
    })?;
    Ok(DemoApplication { address, _stop: stop.drop_guard() })
}

async fn serve(listener: &TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        tokio::spawn(async move {
            let service = service_fn(|request| std::future::ready(Ok::<_, Infallible>(show(&request))));
            drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

fn show(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let said = |name: &str| request.headers().get(name).map(|value| escaped(value.as_bytes())).unwrap_or_default();
    let mut rows = String::new();
    for (name, value) in request.headers() {
        let _ = write!(rows, "<tr><th scope=row>{name}</th><td>{}</td></tr>", escaped(value.as_bytes()));
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let page = PAGE
        .replace("USER", &said("x-forwarded-user"))
        .replace("METHOD", request.method().as_str())
        .replace("TARGET", &escaped(target.as_bytes()))
        .replace("ROWS", &rows);
    let mut response = Response::new(Full::from(page));
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

fn escaped(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const PAGE: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The demo application</title>
<style>
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:0 auto;padding:2rem 1rem}
table{border-collapse:collapse;width:100%;table-layout:fixed}
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #8884;overflow-wrap:anywhere;vertical-align:top}
th{width:14rem;font-weight:600}
@media(max-width:34rem){th,td{display:block;width:auto;border:0;padding:.1rem 0}td{border-bottom:1px solid #8884;padding-bottom:.5rem}}
</style></head><body><main>
<h1>Hello, USER</h1>
<p>This is the demo application. It knows nothing of signing in: Doorward checked who you are and says so in the request.</p>
<h2>What it received</h2>
<p><code>METHOD TARGET</code></p>
<table><tbody>ROWS</tbody></table>
<p><a href="/.doorward/logout">Sign out</a></p>
</main></body></html>
"#;

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_was_received_is_shown_as_text() {
        assert_eq!(escaped(b"<script>\"&"), "&lt;script&gt;&quot;&amp;");
    }
}
