//! A sign-in with a code by text message, through gateways that take their time or refuse.

#![allow(clippy::disallowed_methods, reason = "what a user waits for is measured by the machine's clock")]

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use doorward::app::Node;
use doorward::base::Clock;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::support::curl::{self, Answer, Curl};
use crate::support::eventually::eventually_blocking;
use crate::support::program::{certificate, users};
use crate::support::toml::Toml;

const HOST: &str = "sms.example.test";
const KEY: &str = "clickatell-key";

/// Stands in for the provider's API, and takes nothing that its reference does not describe.
struct Gateway {
    port: u16,
    ca: PathBuf,
    got: Arc<Mutex<Vec<serde_json::Value>>>,
    /// An answer leaves for each permit.
    may_answer: Arc<Semaphore>,
    _runtime: Runtime,
}

impl Gateway {
    fn start(folder: &Path, name: &str, status: u16) -> Self {
        let ca = certificate(folder, name, &["localhost"]);
        let config = rustls::ServerConfig::builder_with_provider(doorward::base::tls::provider());
        let chain = doorward::base::tls::certificates(&ca).unwrap();
        use rustls::pki_types::pem::PemObject;
        let key = rustls::pki_types::PrivateKeyDer::from_pem_file(ca.with_extension("key")).unwrap();
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth().with_single_cert(chain, key);
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config.unwrap()));

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (got, may_answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Semaphore::new(0)));
        let (kept, permits) = (Arc::clone(&got), Arc::clone(&may_answer));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let (kept, permits) = (Arc::clone(&kept), Arc::clone(&permits));
                let service = service_fn(move |request| {
                    let (kept, permits) = (Arc::clone(&kept), Arc::clone(&permits));
                    async move { Ok::<_, Infallible>(answer(request, status, &kept, &permits).await) }
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { port, ca, got, may_answer, _runtime: runtime }
    }

    fn answers_at_once(self) -> Self {
        self.may_answer.add_permits(1000);
        self
    }

    /// The message that came, once there is one.
    fn message(&self) -> serde_json::Value {
        eventually_blocking("the gateway gets something", || self.got.lock().unwrap().first().cloned())
    }

    /// Its section of the configuration: the preset, at another address.
    fn section(&self, name: &str) -> String {
        format!(
            "[[transmitter]]\nname = \"{name}\"\nkind = \"http\"\npreset = \"clickatell\"\napi_key = \"{KEY}\"\n\
             url = \"https://localhost:{}/v1/message\"\nca = {:?}\ntimeout = \"20s\"\n",
            self.port, self.ca
        )
    }
}

async fn answer(
    request: Request<Incoming>,
    status: u16,
    got: &Mutex<Vec<serde_json::Value>>,
    may_answer: &Semaphore,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let said = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let body = body.collect().await.unwrap().to_bytes();
    let parsed: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let message = parsed["messages"][0].clone();
    let text = message["content"].as_str().unwrap_or_default();
    let shape = serde_json::json!({ "messages": [{ "channel": "sms", "to": "4512345678", "content": text }] });
    let fits = head.method == "POST"
        && head.uri == "/v1/message"
        && said("authorization") == KEY
        && said("content-type") == "application/json"
        && parsed == shape;
    got.lock().unwrap().push(message.clone());
    may_answer.acquire().await.unwrap().forget();
    let (status, body) = match (fits, status) {
        (false, _) => (400, r#"{"messages":[],"error":"not as the reference says"}"#.to_owned()),
        (true, 202) => (
            202,
            r#"{"messages":[{"apiMessageId":"7a","accepted":true,"to":"4512345678","error":null}],"error":null}"#.to_owned(),
        ),
        (true, status) => (status, r#"{"messages":[],"error":{"code":108,"description":"no credit"}}"#.to_owned()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status.try_into().unwrap();
    response
}

/// A node with these gateways, tried in this order, and one person who has come to the passcode page.
struct Story {
    node: Option<Node>,
    curl: Curl,
    page: Answer,
    waited: Duration,
    flow: String,
}

impl Story {
    fn begin(folder: &Path, gateways: &[&Gateway]) -> Self {
        let ca = certificate(folder, "door", &[HOST]);
        users(folder);
        let names: Vec<String> = (0..gateways.len()).map(|place| format!("gateway-{place}")).collect();
        let sections: Vec<String> = gateways.iter().zip(&names).map(|(gateway, name)| gateway.section(name)).collect();
        let by_them = format!("{{ channel = \"sms\", to = \"mobile\", through = {names:?}, wait = \"30s\" }}");
        let toml = Toml::site().named("intranet", HOST).transmitter(sections.join("\n")).dispatch(by_them);
        let config = toml.parse(folder);
        let node = doorward::app::start(&config, &Clock::system()).unwrap();
        let curl = Curl::new(folder, node.addresses[0], &ca, "--http2");
        let form = curl.ask(HOST, "/.doorward/login?back=/x", &[]);
        let fields = [("csrf", form.csrf()), ("username", "alice".into()), ("password", "wonderland".into())];
        let started = Instant::now();
        let sent = curl.post(HOST, "/.doorward/login", &fields.each_ref().map(|(name, value)| (*name, value.as_str())));
        let location = sent.header("location").unwrap_or_else(|| panic!("{}", sent.text())).to_owned();
        let page = curl.ask(HOST, &location, &[]);
        let waited = started.elapsed();
        let flow = location.split_once("flow=").unwrap().1.to_owned();
        Self { node: Some(node), curl, page, waited, flow }
    }

    fn status(&self) -> serde_json::Value {
        let answer = self.curl.ask(HOST, &format!("/.doorward/login/status?flow={}", self.flow), &[]);
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// How long until the page would say so.
    fn until(&self, state: &str) -> Duration {
        let started = Instant::now();
        eventually_blocking(format!("it is {state}"), || {
            let status = self.status();
            if status["state"] == state { Ok(()) } else { Err(status) }
        });
        started.elapsed()
    }

    fn enter(&self, code: &str) {
        let entered = self.curl.post(HOST, "/.doorward/login/passcode", &[("csrf", &self.page.csrf()), ("passcode", code)]);
        assert_eq!((entered.status, entered.header("location")), (303, Some("/x")), "{}", entered.text());
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            node.stop();
        }
    }
}

/// The code, from a text message whose last line is bound to the host.
fn code(message: &serde_json::Value) -> String {
    let text = message["content"].as_str().unwrap();
    let (first, last) = text.rsplit_once('\n').unwrap();
    let code = last.strip_prefix(&format!("@{HOST} #")).unwrap_or_else(|| panic!("{text}"));
    assert!(code.len() == 6 && first.starts_with(&format!("{code} is your code for intranet, login ")), "{text}");
    code.to_owned()
}

#[test]
fn the_passcode_page_does_not_wait_for_a_slow_gateway() {
    if !curl::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path(), "slow", 202);
    let story = Story::begin(folder.path(), &[&gateway]);
    println!("{} ms from the right password to the passcode page, while the gateway has not answered", story.waited.as_millis());
    let code = code(&gateway.message());
    let text = story.page.text();
    assert!(text.contains("We are sending a text message to your number ending in 78."), "{text}");
    assert!(text.contains("data-state=\"sending\""), "{text}");
    assert_eq!(story.status()["state"], "sending");
    gateway.may_answer.add_permits(1);
    println!("{} ms from the gateway's answer until the page says so", story.until("sent").as_millis());
    assert!(
        story
            .curl
            .ask(HOST, &format!("/.doorward/login/passcode?flow={}", story.flow), &[])
            .text()
            .contains("data-state=\"sent\"")
    );
    story.enter(&code);
    assert_eq!(gateway.got.lock().unwrap().len(), 1, "one message, once");
}

#[test]
fn what_one_gateway_refuses_the_next_gets_at_once() {
    if !curl::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let refuses = Gateway::start(folder.path(), "refuses", 402).answers_at_once();
    let takes = Gateway::start(folder.path(), "takes", 202).answers_at_once();
    let story = Story::begin(folder.path(), &[&refuses, &takes]);
    println!("{} ms until the second gateway had taken it", story.until("sent").as_millis());
    assert_eq!(code(&refuses.message()), code(&takes.message()));
    story.enter(&code(&takes.message()));
    assert_eq!((refuses.got.lock().unwrap().len(), takes.got.lock().unwrap().len()), (1, 1));
}
