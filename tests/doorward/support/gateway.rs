//! A gateway for text messages and calls that takes everything after a while: `{"to", "code", "text"}` by POST.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpListener;

#[derive(Clone, Debug, Deserialize)]
pub struct Taken {
    pub to: String,
    pub code: String,
    pub text: String,
    /// Seconds since 1970, when it came.
    #[serde(default)]
    pub at: f64,
}

pub struct Gateway {
    pub port: u16,
    got: Arc<Mutex<Vec<Taken>>>,
}

impl Gateway {
    /// Within a runtime. It answers after so long.
    pub async fn start(takes: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&got);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let kept = Arc::clone(&kept);
                    async move {
                        let at = seconds();
                        let body = request.into_body().collect().await;
                        let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                        if let Ok(taken) = serde_json::from_slice::<Taken>(&body) {
                            kept.lock().unwrap().push(Taken { at, ..taken });
                        }
                        tokio::time::sleep(takes).await;
                        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok"))))
                    }
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { port, got }
    }

    pub fn got(&self) -> Vec<Taken> {
        self.got.lock().unwrap().clone()
    }

    /// As a transmitter of this kind in a configuration.
    pub fn section(&self, name: &str, kind: &str) -> String {
        let code = if kind == "voice" { "{{spoken}}" } else { "{{code}}" };
        format!(
            "[[transmitter]]\nname = \"{name}\"\nkind = \"{kind}\"\nmethod = \"POST\"\nurl = \"http://127.0.0.1:{}/send\"\n\
             content_type = \"application/json\"\nbody = '{{\"to\":\"{{{{to_e164}}}}\",\"code\":\"{code}\",\"text\":\"{{{{text}}}}\"}}'\n\n",
            self.port
        )
    }
}

/// Since 1970, by the machine's clock, which the program and its neighbours read as well.
pub fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}
