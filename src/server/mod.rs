//! Sockets to requests; knows nothing of logins. One thread per core, each with its own runtime, sockets and handler: nothing on the
//! way of a request crosses from one to another.

mod connections;
mod http;
mod listener;
mod socket;
pub mod tls;

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

pub use http::{BoxError, Exchange, Handler};
pub use listener::{ListenError, Listeners, Reloader};

use crate::base::net::plain_socket;
use connections::{Connection, SWEEP};
use http::{About, CoreParts};
use listener::{CurrentTls, Places};
use socket::Watched;

/// How many, how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections in all; one more is dropped.
    pub connections: usize,
    /// Open connections from one address (IPv6: /64); one more is dropped.
    pub connections_per_address: u32,
    /// For a TLS handshake; then the socket is dropped.
    pub handshake: Duration,
    /// How long open requests and tunnels may go on after the stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_address: 200,
            handshake: Duration::from_secs(5),
            drain: Duration::from_secs(30),
        }
    }
}

/// The running cores.
#[derive(Debug)]
pub struct Cores {
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Cores {
    /// Blocks until every core has ended: after the stop, and at most `drain` later.
    pub fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a core ended in a panic");
            }
        }
    }
}

/// Starts a thread for each core that the listeners were bound for. `handler` makes each core's handler, inside that core's `LocalSet`
/// (so it may `spawn_local`). `stop` makes them take nothing new, finish what is open and end.
pub fn run<H: Handler>(
    listeners: Listeners,
    limits: Limits,
    stop: &CancellationToken,
    handler: impl Fn(usize) -> Rc<H> + Send + Clone + 'static,
) -> std::io::Result<Cores> {
    let places = Places::new(limits.connections, limits.connections_per_address);
    let mut cores: Vec<Vec<(std::net::TcpListener, CurrentTls)>> = Vec::new();
    for door in listeners.doors {
        for (core, socket) in door.sockets.into_iter().enumerate() {
            if cores.len() <= core {
                cores.push(Vec::new());
            }
            if let Some(sockets) = cores.get_mut(core) {
                sockets.push((socket, door.tls.clone()));
            }
        }
    }
    let mut threads = Vec::new();
    for (index, sockets) in cores.into_iter().enumerate() {
        let (places, stop, handler) = (Arc::clone(&places), stop.clone(), handler.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        threads.push(std::thread::Builder::new().name(format!("core-{index}")).spawn(move || {
            let local = tokio::task::LocalSet::new();
            runtime.block_on(local.run_until(core(sockets, places, limits, stop, move || handler(index))));
        })?);
    }
    Ok(Cores { threads })
}

async fn core<H: Handler>(
    sockets: Vec<(std::net::TcpListener, CurrentTls)>,
    places: Arc<Places>,
    limits: Limits,
    stop: CancellationToken,
    handler: impl FnOnce() -> Rc<H>,
) {
    let shared = Rc::new(Core {
        parts: CoreParts::new(handler()),
        places,
        live: Arc::default(),
        hellos: Semaphore::new(HELLOS),
        handshake: limits.handshake,
    });
    for (socket, tls) in sockets {
        match TcpListener::from_std(socket) {
            Ok(socket) => drop(spawn_local(accept(Rc::clone(&shared), socket, tls, stop.clone()))),
            Err(error) => tracing::error!(%error, "a listening socket cannot be used"),
        }
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(SWEEP) => shared.parts.connections.sweep(),
        }
    }
    shared.parts.connections.finish();
    // Tunnels count too: their place lives in the socket.
    let finished = async {
        while shared.live.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(limits.drain, finished).await.is_err() {
        tracing::warn!(connections = shared.live.load(Ordering::Relaxed), "the time to finish is over; what is open is dropped");
    }
}

/// What the connections of one core share.
struct Core<H> {
    parts: CoreParts<H>,
    places: Arc<Places>,
    /// This core's open sockets.
    live: Arc<AtomicUsize>,
    /// So that a flood of handshakes does not starve requests; those beyond wait, and their time runs.
    hellos: Semaphore,
    handshake: Duration,
}

async fn accept<H: Handler>(core: Rc<Core<H>>, socket: TcpListener, tls: CurrentTls, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let peer = plain_socket(peer);
                // No place: dropping the socket is the whole answer; anything said would cost more than it is worth.
                if let Some(place) = core.places.take(peer.ip(), &core.live) {
                    let tls = tls.as_ref().map(|tls| tls.load_full());
                    drop(spawn_local(connection(Rc::clone(&core), stream, peer, place, tls)));
                }
            }
            Err(error) => {
                // Out of file handles, most likely: the connection stays in the backlog and would wake us again at once.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection<H: Handler>(
    core: Rc<Core<H>>,
    stream: TcpStream,
    peer: std::net::SocketAddr,
    place: listener::Place,
    tls: Option<Arc<rustls::ServerConfig>>,
) {
    let _ = stream.set_nodelay(true);
    let read = Arc::new(AtomicU64::new(0));
    let Some(tls) = tls else {
        let about = About { peer, sni: None, tls: false };
        let io = Watched::new(stream, Arc::clone(&read), place);
        return http::serve(io, false, about, Connection::new(true, read), &core.parts).await;
    };
    // Boxed, so that a connection does not carry the handshake's size for the rest of its life.
    let stream = match tokio::time::timeout(core.handshake, Box::pin(handshake(stream, tls, &core.hellos))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(client.address = %peer, %error, "no TLS handshake"),
        Err(_) => return tracing::debug!(client.address = %peer, "the TLS handshake took too long"),
    };
    let (_, session) = stream.get_ref();
    let http2 = session.alpn_protocol() == Some(b"h2");
    let about = About { peer, sni: session.server_name().map(|name| name.to_ascii_lowercase().into()), tls: true };
    let io = Watched::new(stream, Arc::clone(&read), place);
    http::serve(io, http2, about, Connection::new(!http2, read), &core.parts).await;
}

/// A place is taken only once there is a hello to answer, and held for one turn of the core's queue: whoever says nothing keeps
/// nobody waiting, and of a flood so many are answered before everything else that is ready gets its turn.
async fn handshake(
    stream: TcpStream,
    tls: Arc<rustls::ServerConfig>,
    hellos: &Semaphore,
) -> std::io::Result<TlsStream<TcpStream>> {
    let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
    let place = hellos.acquire().await;
    let mut accepted = hello.into_stream(tls);
    // The signature, which is what a handshake costs, is made when this is polled for the first time.
    let first = poll_fn(|context| Poll::Ready(Pin::new(&mut accepted).poll(context))).await;
    tokio::task::yield_now().await;
    drop(place);
    match first {
        Poll::Ready(stream) => stream,
        Poll::Pending => accepted.await,
    }
}

/// Hellos that are answered in one turn of a core's queue: some milliseconds of work.
const HELLOS: usize = 8;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
