//! A browser as far as Doorward can tell: TLS with the test's own authority, cookies, HTTP/1.1 or HTTP/2, a new connection for every
//! request. It never follows a redirect; the test does.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub const KEY: &str = "__Host-doorward";
pub const FLOW: &str = "__Host-doorward-flow";
/// Codes that were posted.
static ATTEMPTS: AtomicU64 = AtomicU64::new(0);

pub const KNOWN: &str = "__Host-doorward-known";

pub struct Client {
    pub server: SocketAddr,
    pub host: String,
    /// Where it comes from.
    pub from: IpAddr,
    pub jar: Mutex<BTreeMap<String, String>>,
    /// Sent with every request besides.
    pub more: Vec<(&'static str, String)>,
    pub http2: bool,
    /// Sent on every connection before anything else, as a proxy does.
    pub preface: Vec<u8>,
    pub roots: Arc<rustls::RootCertStore>,
}

/// An answer that was read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Client {
    pub fn new(server: SocketAddr, host: &str, ca: &Path) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in doorward::base::tls::certificates(ca).unwrap() {
            roots.add(certificate).unwrap();
        }
        Self {
            server,
            host: host.to_owned(),
            from: IpAddr::from([127, 0, 0, 1]),
            jar: Mutex::default(),
            more: Vec::new(),
            http2: false,
            preface: Vec::new(),
            roots: Arc::new(roots),
        }
    }

    /// The same from another address of this machine.
    pub fn from(mut self, last: u8) -> Self {
        self.from = IpAddr::from([127, 0, 0, last]);
        self
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.more.push((name, value.to_owned()));
        self
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar.lock().unwrap().get(name).cloned()
    }

    pub fn put(&self, name: &str, value: &str) {
        self.jar.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    pub fn forget(&self, name: &str) {
        self.jar.lock().unwrap().remove(name);
    }

    /// A person goes to an address.
    pub async fn get(&self, target: &str) -> Answer {
        let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-site", "none"), ("accept", "text/html")];
        self.ask(Method::GET, target, &navigation, "").await
    }

    /// A form of our own page is posted.
    pub async fn post(&self, target: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = format!("https://{}", self.host);
        let headers = [
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-site", "same-origin"),
            ("origin", origin.as_str()),
            ("content-type", FORM),
            ("accept", "text/html"),
        ];
        self.ask(Method::POST, target, &headers, &encoded(fields)).await
    }

    /// Exactly these headers, and our cookies.
    pub async fn ask(&self, method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = self.request(method, target, headers, Full::from(body.to_owned()));
        read(self.send(request).await).await
    }

    pub fn request<B>(&self, method: Method, target: &str, headers: &[(&str, &str)], body: B) -> Request<B> {
        let uri = if self.http2 { format!("https://{}{target}", self.host) } else { target.to_owned() };
        let mut request = Request::builder().method(method).uri(uri).body(body).unwrap();
        let fields = request.headers_mut();
        if !self.http2 {
            fields.insert("host", HeaderValue::from_str(&self.host).unwrap());
        }
        let mut set = |name: &str, value: &str| {
            fields.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        };
        self.more.iter().for_each(|(name, value)| set(name, value));
        headers.iter().for_each(|(name, value)| set(name, value));
        let cookies: Vec<_> = self.jar.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            set("cookie", &cookies.join("; "));
        }
        request
    }

    /// The head of the answer, the body still to come; cookies are kept.
    pub async fn send<B>(&self, request: Request<B>) -> Response<Incoming>
    where
        B: http_body::Body<Data = Bytes, Error: Into<doorward::server::BoxError>> + Send + Unpin + 'static,
    {
        let response = if self.http2 {
            let (mut sender, connection) =
                http2::handshake(TokioExecutor::new(), TokioIo::new(self.tls("h2").await)).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        } else {
            let (mut sender, connection) = http1::handshake(TokioIo::new(self.tls("http/1.1").await)).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        };
        for line in response.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") { self.forget(name) } else { self.put(name, value) }
        }
        response
    }

    /// What is agreed upon where these protocols are offered; nothing if there is no handshake.
    pub async fn agrees(&self, protocols: &[&str]) -> Option<String> {
        let stream = self.handshake(protocols).await.ok()?;
        stream.get_ref().1.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned())
    }

    /// A connection and nothing on it yet.
    pub async fn tls(&self, protocol: &str) -> TlsStream<TcpStream> {
        self.handshake(&[protocol]).await.unwrap()
    }

    /// Whether a handshake succeeds at all.
    pub async fn shakes_hands(&self) -> bool {
        self.handshake(&["http/1.1"]).await.is_ok()
    }

    async fn handshake(&self, protocols: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut stream = self.tcp().await;
        stream.write_all(&self.preface).await.unwrap();
        self.shaken(protocols, stream).await
    }

    /// TLS over a connection that the test has made.
    pub async fn tls_over<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, protocol: &str) -> TlsStream<S> {
        self.shaken(&[protocol], stream).await.unwrap()
    }

    async fn shaken<S: AsyncRead + AsyncWrite + Unpin>(&self, protocols: &[&str], stream: S) -> std::io::Result<TlsStream<S>> {
        let config = ClientConfig::builder_with_provider(doorward::base::tls::provider());
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(Arc::clone(&self.roots)).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(self.host.clone()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// A connection without TLS and without the preface.
    pub async fn tcp(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(self.from, 0)).unwrap();
        let stream = socket.connect(self.server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// The first step, on a login page of its own.
    pub async fn login(&self, name: &str, password: &str) -> Answer {
        let page = self.get("/.doorward/login").await;
        self.login_on(&page, name, password).await
    }

    /// The first step on a page that is there.
    pub async fn login_on(&self, page: &Answer, name: &str, password: &str) -> Answer {
        let csrf = page.csrf();
        self.post("/.doorward/login", &[("csrf", &csrf), ("username", name), ("password", password)]).await
    }

    /// A right first step; the passcode page that follows.
    pub async fn to_passcode(&self, name: &str, password: &str) -> Answer {
        let posted = self.login(name, password).await;
        assert_eq!(posted.status, 303, "{}", posted.body);
        self.get(&posted.location()).await
    }

    /// The second step. Each call is an attempt of its own, also with the same page and code: the form is told from earlier ones by a field
    /// that the page does not know.
    pub async fn passcode(&self, page: &Answer, code: &str) -> Answer {
        let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed).to_string();
        let fields = [("csrf", &*page.csrf()), ("passcode", code), ("attempt", &attempt)];
        self.post("/.doorward/login/passcode", &fields).await
    }

    /// The second step; the page it leads to where it does not end the flow.
    pub async fn passcode_again(&self, page: &Answer, code: &str) -> Answer {
        let posted = self.passcode(page, code).await;
        assert_eq!(posted.status, 303, "{}", posted.body);
        self.get(&posted.location()).await
    }

    /// Asks for a new passcode; the page that follows.
    pub async fn resend(&self, page: &Answer) -> Answer {
        let posted = self.post("/.doorward/login/passcode", &[("csrf", &page.csrf()), ("act", "resend")]).await;
        if posted.status == 303 { self.get(&posted.location()).await } else { posted }
    }

    /// Signs out as a person would.
    pub async fn sign_out(&self) -> Answer {
        let page = self.get("/.doorward/logout").await;
        self.post("/.doorward/logout", &[("csrf", &page.csrf())]).await
    }

    /// Whether the application lets it in.
    pub async fn is_in(&self) -> bool {
        self.get("/").await.body.starts_with("upstream")
    }
}

impl Answer {
    pub fn says(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn location(&self) -> String {
        assert!(self.headers.contains_key(LOCATION), "no redirect: {} {}", self.status, self.body);
        self.header("location").to_owned()
    }

    /// The first csrf field of the page.
    pub fn csrf(&self) -> String {
        self.between("name=\"csrf\" value=\"", "\"").unwrap_or_else(|| panic!("no form: {} {}", self.status, self.body))
    }

    pub fn trace(&self) -> String {
        self.between("<code>", "</code>").unwrap_or_else(|| panic!("no trace id: {} {}", self.status, self.body))
    }

    /// The two characters that name a login.
    pub fn label(&self) -> String {
        self.between("id=\"life\">", "</p>")
            .and_then(|hint| Some(hint.split_once("<b>")?.1.split_once("</b>")?.0.rsplit('\u{a0}').next()?.to_owned()))
            .unwrap_or_else(|| panic!("no passcode page: {} {}", self.status, self.body))
    }

    /// The flow that a passcode page is of.
    pub fn flow(&self) -> String {
        self.between("login/passcode?flow=", "\"").unwrap()
    }

    pub fn between(&self, before: &str, after: &str) -> Option<String> {
        let (_, rest) = self.body.split_once(before)?;
        Some(rest.split_once(after)?.0.to_owned())
    }
}

pub async fn read(response: Response<Incoming>) -> Answer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Another code of the same length.
pub fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '9' { '0' } else { char::from(u8::try_from(digit).unwrap() + 1) }).collect()
}

pub const FORM: &str = "application/x-www-form-urlencoded";

/// How long something really took.
pub struct Watch(doorward::base::Time);

impl Watch {
    pub fn start() -> Self {
        Self(doorward::base::Clock::system().now())
    }

    pub fn elapsed(&self) -> std::time::Duration {
        doorward::base::Clock::system().now().since(self.0)
    }
}
