//! A whole server in front of an upstream that the test writes: real sockets, real TLS, every request forwarded.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use doorward::auth::session::Permit;
use doorward::base::Clock;
use doorward::config::application::{Application, Background, RequestLimits, Routes, Server, SessionLimits, SignOn, Upstream};
use doorward::config::listener::{Certificate, Listener, Serves};
use doorward::proxy::cookies::Jar;
use doorward::proxy::headers::cleanse;
use doorward::proxy::{Applications, ClientInfo, ForwardError, Proxy, ProxyBody};
use doorward::server::{Cores, Exchange, Given, Handler, Limits, Listeners, run, tls};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

pub struct Bed {
    pub address: SocketAddr,
    pub plain: SocketAddr,
    pub stop: CancellationToken,
    /// Set, everything that runs is treated as if its session were over.
    pub over: Arc<AtomicBool>,
    pub clock: Clock,
    cores: Option<Cores>,
    folder: tempfile::TempDir,
}

/// What a test may want otherwise.
#[derive(Clone)]
pub struct Wishes {
    pub servers: Vec<SocketAddr>,
    /// The authority of upstreams with TLS; none: without TLS.
    pub ca: Option<std::path::PathBuf>,
    pub body: u64,
    pub response_wait: Duration,
    pub limits: Limits,
    /// What else is said about the upstream, and about its limits.
    pub upstream: Arc<dyn Fn(&mut Upstream)>,
    pub request: fn(&mut RequestLimits),
    pub cores: usize,
}

impl Wishes {
    pub fn to(server: SocketAddr) -> Self {
        Self {
            servers: vec![server],
            ca: None,
            body: 1 << 30,
            response_wait: Duration::from_secs(20),
            limits: Limits { drain: Duration::from_secs(5), ..Limits::default() },
            upstream: Arc::new(|_| {}),
            request: |_| {},
            cores: 1,
        }
    }

    /// The same with something said about the upstream.
    pub fn with(self, upstream: impl Fn(&mut Upstream) + 'static) -> Self {
        Self { upstream: Arc::new(upstream), ..self }
    }
}

pub fn bed(wishes: &Wishes) -> Bed {
    let folder = tempfile::tempdir().unwrap();
    let certificates =
        vec![certificate(folder.path(), "first", "localhost"), certificate(folder.path(), "second", "second.example")];
    let any = "127.0.0.1:0".parse().unwrap();
    let listed = [Serves::Tls(certificates), Serves::Redirect];
    let listed =
        listed.map(|serves| Listener { address: any, serves, trusted: None, public_port: None, deal: false, accept: Vec::new() });
    let listeners = Listeners::bind(&listed, &[], wishes.cores, &tls::ticketer().unwrap(), Given::default()).unwrap();
    let addresses = listeners.addresses();
    let application = Arc::new(application(wishes));
    let applications = Applications::load(std::slice::from_ref(&application)).unwrap();
    let (stop, over, clock) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)), Clock::by_hand());
    let cores = run(listeners, wishes.limits, &stop, {
        let (over, clock) = (Arc::clone(&over), clock.clone());
        move |core| {
            let proxy = Proxy::new(&applications, core, clock.clone());
            tokio::task::spawn_local(end_sessions(Rc::clone(&proxy), Arc::clone(&over), clock.clone()));
            Rc::new(Everything { proxy, application: Arc::clone(&application), clock: clock.clone() })
        }
    });
    Bed { address: addresses[0], plain: addresses[1], stop, over, clock, cores: Some(cores.unwrap()), folder }
}

fn application(wishes: &Wishes) -> Application {
    let tls = wishes.ca.is_some();
    let host = if tls { "localhost" } else { "127.0.0.1" };
    let server = |address: &SocketAddr| Server { tls, host: host.to_owned(), port: address.port() };
    let hour = Duration::from_secs(3600);
    let mut upstream = Upstream { ca: wishes.ca.clone(), ..Upstream::to(wishes.servers.iter().map(server).collect()) };
    (wishes.upstream)(&mut upstream);
    let mut limits = RequestLimits { body: wishes.body, response_wait: wishes.response_wait, ..RequestLimits::default() };
    (wishes.request)(&mut limits);
    Application {
        name: "app".into(),
        hosts: vec!["localhost".into()],
        title: None,
        logo: None,
        policy: "staff".into(),
        session: SessionLimits { idle: hour, absolute: hour },
        background: Background::default(),
        upstream,
        sign_on: SignOn::Headers,
        keep_headers: Default::default(),
        preflight: Vec::new(),
        public: vec!["/".into()],
        cross_site: Vec::new(),
        limits,
        odd_paths: Default::default(),
        routes: Routes::default(),
        service_worker: false,
        via: true,
        accept: Vec::new(),
    }
}

fn certificate(folder: &Path, file: &str, host: &str) -> Certificate {
    let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
    let certificate = Certificate { chain: folder.join(format!("{file}.pem")), key: folder.join(format!("{file}.key")) };
    std::fs::write(&certificate.chain, made.cert.pem()).unwrap();
    std::fs::write(&certificate.key, made.signing_key.serialize_pem()).unwrap();
    certificate
}

async fn end_sessions(proxy: Rc<Proxy>, over: Arc<AtomicBool>, clock: Clock) {
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if over.load(Ordering::Relaxed) {
            proxy.running().sweep_by(clock.now(), |_| true);
        }
    }
}

struct Everything {
    proxy: Rc<Proxy>,
    application: Arc<Application>,
    clock: Clock,
}

impl Handler for Everything {
    type Body = Either<ProxyBody, Full<Bytes>>;
    type Connection = doorward::proxy::Client;

    async fn handle(&self, exchange: &mut Exchange<doorward::proxy::Client>) -> Response<Self::Body> {
        let head = &mut exchange.head;
        assert!(head.uri.path() != "/panic", "as the test asked");
        if !exchange.tls {
            return said(StatusCode::MISDIRECTED_REQUEST, "plain");
        }
        let facts = cleanse(&mut head.headers, |_| false);
        let authority = head.uri.authority().map(|authority| HeaderValue::from_str(authority.as_str()).unwrap());
        let host = authority.or_else(|| head.headers.get("host").cloned()).unwrap();
        let cookies = Jar::of(&head.headers, "__Host-doorward").rest;
        let client = ClientInfo {
            address: exchange.peer.ip(),
            host: &host,
            host_stands: false,
            client: &exchange.connection,
            facts,
            cookies: &cookies,
            keeps: &self.application.keep_headers,
            now: self.clock.now(),
        };
        let permit = Permit::public(self.application.public_path("/").unwrap());
        match self.proxy.forward(permit, head, &mut exchange.body, &client).await {
            Ok(response) => response.map(Either::Left),
            Err(error) => said(status(&error), &error.to_string()),
        }
    }
}

fn said(status: StatusCode, text: &str) -> Response<Either<ProxyBody, Full<Bytes>>> {
    let mut response = Response::new(Either::Right(Full::from(text.to_owned())));
    *response.status_mut() = status;
    response
}

fn status(error: &ForwardError) -> StatusCode {
    match error {
        ForwardError::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        ForwardError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ForwardError::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
        ForwardError::BadUpgrade(_) | ForwardError::Unreadable | ForwardError::BadLength => StatusCode::BAD_REQUEST,
        ForwardError::Ended => StatusCode::UNAUTHORIZED,
        ForwardError::Stalled => StatusCode::REQUEST_TIMEOUT,
        ForwardError::Unreachable(_) | ForwardError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    }
}

impl Bed {
    /// A TLS connection for this host name, offering this protocol.
    pub async fn tls(&self, host: &str, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        for file in ["first.pem", "second.pem"] {
            for certificate in doorward::base::tls::certificates(&self.folder.path().join(file)).unwrap() {
                roots.add(certificate).unwrap();
            }
        }
        let config = rustls::ClientConfig::builder_with_provider(doorward::base::tls::provider());
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(self.address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(host.to_owned()).unwrap(), stream).await
    }

    pub async fn h1<B>(&self) -> http1::SendRequest<B>
    where
        B: http_body::Body<Data = Bytes, Error: Into<doorward::server::BoxError>> + Send + 'static,
    {
        let stream = self.tls("localhost", "http/1.1").await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    pub async fn h2(&self) -> http2::SendRequest<Full<Bytes>> {
        let stream = self.tls("localhost", "h2").await.unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    /// One request on a connection of its own: status and body.
    pub async fn ask(&self, request: Request<Full<Bytes>>) -> (StatusCode, Bytes) {
        let response = self.h1().await.send_request(request).await.unwrap();
        let status = response.status();
        (status, response.into_body().collect().await.unwrap().to_bytes())
    }

    /// Stops and waits until every core has ended.
    pub async fn end(mut self) {
        self.stop.cancel();
        let cores = self.cores.take().unwrap();
        tokio::task::spawn_blocking(move || cores.join()).await.unwrap();
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).header("host", "localhost").body(Full::default()).unwrap()
}

/// An upstream that answers by this function, and how many connections it has been given.
pub async fn upstream<F, R>(answer: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let answer = answer.clone();
            let service = service_fn(move |request| {
                let answered = answer(request);
                async move { Ok::<_, Infallible>(answered.await) }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, connections)
}

/// An upstream with TLS that says `secured`; `upstream.pem` in the folder is its certificate.
pub async fn tls_upstream() -> (SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let listed = [certificate(folder.path(), "upstream", "localhost")];
    let mut config = tls::Certificates::load(&listed).unwrap().config(tls::ticketer().unwrap()).unwrap();
    config.alpn_protocols.clear();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let service =
                service_fn(|_: Request<Incoming>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("secured"))) });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, folder)
}

/// An upstream that says what it received: request line, fields in their order, and the body.
pub async fn mirror() -> (SocketAddr, Arc<AtomicUsize>) {
    upstream(|request| async move {
        let mut text = format!("{} {} {:?}\n", request.method(), request.uri(), request.version());
        for (name, value) in request.headers() {
            text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
        }
        let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        text.push_str(&format!("\n{}", String::from_utf8_lossy(&body)));
        Response::new(Full::from(text))
    })
    .await
}
