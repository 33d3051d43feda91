//! A provider's API, played by a function that answers each request; it is told all of it and can be as strict as the reference.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use doorward::config::transmitter::{Http, Kind};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::toml::{SCREEN, Toml};

/// What arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: String,
}

pub type Answering = fn(&Seen) -> (u16, String);

pub struct Provider {
    pub port: u16,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

impl Provider {
    /// Within a runtime.
    pub async fn start(answer: Answering) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self { port: listener.local_addr().unwrap().port(), seen: Arc::default() };
        let seen = Arc::clone(&provider.seen);
        let service = move |request: Request<Incoming>| {
            let seen = Arc::clone(&seen);
            async move {
                let (parts, incoming) = request.into_parts();
                let body = String::from_utf8(incoming.collect().await.unwrap().to_bytes().to_vec()).unwrap();
                let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
                let arrived = Seen { method: parts.method, path, query, headers: parts.headers, body };
                let (status, body) = answer(&arrived);
                seen.lock().unwrap().push(arrived);
                Ok::<_, Infallible>(Response::builder().status(status).body(Full::new(Bytes::from(body))).unwrap())
            }
        };
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let served = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(socket), service_fn(service.clone()));
                tokio::spawn(served);
            }
        });
        provider
    }

    pub fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().cloned().expect("nothing arrived")
    }
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The posted form; a name that is there twice is no form of any of these providers.
    pub fn form(&self) -> BTreeMap<String, String> {
        assert_eq!(self.header("content-type"), "application/x-www-form-urlencoded");
        let pairs: Vec<(String, String)> = form_urlencoded::parse(self.body.as_bytes()).into_owned().collect();
        let form: BTreeMap<String, String> = pairs.iter().cloned().collect();
        assert_eq!(form.len(), pairs.len(), "{}", self.body);
        form
    }

    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What the configuration makes of a transmitter's section, whatever its kind of HTTP.
pub fn configured(section: &str) -> Http {
    match doorward::config::parse(&document(section), Path::new("/nonexistent"), &|_| None) {
        Ok(config) => match config.transmitters[0].kind.clone() {
            Kind::Http(http) | Kind::Voice(http) | Kind::Push(http) => *http,
            other => panic!("{other:?}"),
        },
        Err(problems) => panic!("{problems:?}"),
    }
}

/// A whole configuration with this transmitter, called `gateway`.
pub fn document(section: &str) -> String {
    let gateway = format!("[[transmitter]]\nname = \"gateway\"\n{section}");
    Toml::site().transmitter(gateway).transmitter(SCREEN).section("[receipts]\nhosts = [\"receipt.example\"]").to_string()
}
