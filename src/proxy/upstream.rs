//! One application's servers and this core's connections to them: last in, first out, so that the warm ones are used and the others
//! grow old and go.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::either::Either;

use super::body::RequestBody;
use crate::base::{Clock, Time};
use crate::config;
use crate::config::application::{RequestLimits, Server, SignOn};

/// An application as the proxy sees it.
#[derive(Debug)]
pub(super) struct Upstream {
    pub limits: RequestLimits,
    pub service_worker: bool,
    pub signs_on_by_headers: bool,
    servers: Vec<Line>,
    /// The server that answered last; the next is tried when it cannot be connected to.
    current: Cell<usize>,
    clock: Clock,
}

/// One server and the idle connections to it.
#[derive(Debug)]
struct Line {
    server: Server,
    tls: Option<Arc<ClientConfig>>,
    idle: RefCell<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    sender: http1::SendRequest<RequestBody>,
    since: Time,
}

/// A connection to a server, for one exchange. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Way {
    pub sender: http1::SendRequest<RequestBody>,
    /// It has carried an exchange before, so the server may have closed it without our knowing.
    pub reused: bool,
    upstream: Rc<Upstream>,
    server: usize,
}

impl Way {
    /// Its exchange is over and the connection may be used again.
    pub fn give_back(self) {
        let Self { sender, upstream, server, .. } = self;
        if let Some(line) = upstream.servers.get(server)
            && !sender.is_closed()
        {
            let mut idle = line.idle.borrow_mut();
            // When full, the connection is closed.
            if idle.len() < IDLE_MOST {
                idle.push(Idle { sender, since: upstream.clock.now() });
            }
        }
    }
}

impl Upstream {
    pub fn new(application: &config::Application, trust: Option<&Arc<ClientConfig>>, clock: Clock) -> Self {
        let servers = application.upstream.servers.iter().map(|server| Line {
            server: server.clone(),
            tls: trust.filter(|_| server.tls).cloned(),
            idle: RefCell::default(),
        });
        Self {
            limits: application.limits,
            service_worker: application.service_worker,
            signs_on_by_headers: application.sign_on == SignOn::Headers,
            servers: servers.collect(),
            current: Cell::new(0),
            clock,
        }
    }

    /// An idle connection, or a new one; `fresh` asks for a new one.
    pub async fn way(self: &Rc<Self>, fresh: bool) -> io::Result<Way> {
        if !fresh && let Some(way) = self.pooled() {
            return Ok(way);
        }
        let first = self.current.get();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the application has no server");
        for offset in 0..self.servers.len() {
            let place = (first + offset) % self.servers.len();
            let Some(line) = self.servers.get(place) else { continue };
            match tokio::time::timeout(CONNECT, line.connect()).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(sender) => {
                    self.current.set(place);
                    return Ok(Way { sender, reused: false, upstream: Rc::clone(self), server: place });
                }
                Err(error) => {
                    tracing::warn!(server = %line.server.host, port = line.server.port, %error, "cannot connect to an upstream");
                    last = error;
                }
            }
        }
        Err(last)
    }

    fn pooled(self: &Rc<Self>) -> Option<Way> {
        let server = self.current.get();
        let line = self.servers.get(server)?;
        let now = self.clock.now();
        let mut idle = line.idle.borrow_mut();
        while let Some(Idle { sender, since }) = idle.pop() {
            // Not ready: closed, or still busy with what was left of an upload. Both are of no use.
            if sender.is_ready() && now.since(since) < IDLE_TIME {
                return Some(Way { sender, reused: true, upstream: Rc::clone(self), server });
            }
        }
        None
    }

    /// Closes connections that have been idle for too long.
    pub fn prune(&self, now: Time) {
        for line in &self.servers {
            line.idle.borrow_mut().retain(|idle| !idle.sender.is_closed() && now.since(idle.since) < IDLE_TIME);
        }
    }
}

impl Line {
    async fn connect(&self) -> io::Result<http1::SendRequest<RequestBody>> {
        let host = self.server.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.server.port)).await?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        let stream = match &self.tls {
            None => Either::Left(stream),
            Some(config) => {
                let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                Either::Right(Box::new(TlsConnector::from(Arc::clone(config)).connect(name, stream).await?))
            }
        };
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // Ends with its sender, its peer or the core's `LocalSet`; who waits for it learns of errors through the sender.
        drop(tokio::task::spawn_local(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to an upstream ended early");
            }
        }));
        Ok(sender)
    }
}

/// TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(5);
/// Below what servers usually allow (the shortest default in wide use is five seconds), so that we close first.
const IDLE_TIME: Duration = Duration::from_secs(4);
const IDLE_MOST: usize = 32;
const KEEPALIVE: Duration = Duration::from_secs(30);
