//! Sockets to requests; knows nothing of logins. One thread per core, each with its own runtime, sockets and handler: nothing on the
//! way of a request crosses from one to another.

mod connections;
mod deal;
mod gather;
mod given;
mod http;
mod listener;
mod offer;
pub mod proxy_header;
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
use tokio::runtime::LocalOptions;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_local;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

pub use given::Given;
pub use http::{BoxError, Exchange, Handler};
pub use listener::{ListenError, Listeners, Prepared, Reloader};

use crate::base::net::plain_socket;
use crate::config::trusted::{Source, Trusted};
use connections::{Connection, FAREWELL, SWEEP};
use deal::{Dealer, Dealt};
use http::{About, CoreParts};
use listener::{Current, Places, Sockets};
use offer::Offer;
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
    places: Arc<Places>,
}

impl Cores {
    /// What changes the limits while they run.
    pub fn crowd(&self) -> Crowd {
        Crowd(Arc::clone(&self.places))
    }

    /// Blocks until every core has ended: after the stop, and at most `drain` later.
    pub fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a core ended in a panic");
            }
        }
    }
}

/// Who may be connected.
#[derive(Clone)]
pub struct Crowd(Arc<Places>);

impl Crowd {
    /// For connections from now on; those that are open stay.
    pub fn set_connections_per_address(&self, most: u32) {
        self.0.set_most_per_address(most);
    }
}

/// One listening socket of a core.
struct Ear {
    socket: std::net::TcpListener,
    terms: Current,
    /// Whether what it takes is dealt to all cores.
    deals: bool,
}

/// Starts a thread for each core that the listeners were bound for. `handler` makes each core's handler, inside that core's runtime
/// (so it may `spawn_local`). `stop` makes them take nothing new, finish what is open and end.
pub fn run<H: Handler>(
    listeners: Listeners,
    limits: Limits,
    stop: &CancellationToken,
    handler: impl Fn(usize) -> Rc<H> + Send + Clone + 'static,
) -> std::io::Result<Cores> {
    let places = Places::new(limits.connections, limits.connections_per_address);
    let (dealer, receivers) = Dealer::new(listeners.cores);
    let mut ears = ears(listeners).into_iter();
    let mut threads = Vec::new();
    let (started, starts) = std::sync::mpsc::channel();
    for (index, dealt) in receivers.into_iter().enumerate() {
        let own = Own { index, ears: ears.next().unwrap_or_default(), dealer: dealer.clone(), dealt };
        let (places, stop, handler, started) = (Arc::clone(&places), stop.clone(), handler.clone(), started.clone());
        threads.push(std::thread::Builder::new().name(format!("core-{index}")).spawn(move || {
            // Never leaves its thread, so it is made there.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            let (runtime, result) = runtime.map_or_else(|error| (None, Err(error)), |runtime| (Some(runtime), Ok(())));
            drop(started.send(result));
            // The start waits until every core has let go of it.
            drop(started);
            if let Some(runtime) = runtime {
                runtime.block_on(core(own, places, limits, stop, move || handler(index)));
            }
        })?);
    }
    drop(started);
    starts.into_iter().collect::<std::io::Result<()>>()?;
    Ok(Cores { threads, places })
}

/// Every core's listening sockets; those that are one for all go round.
fn ears(listeners: Listeners) -> Vec<Vec<Ear>> {
    let mut cores: Vec<Vec<Ear>> = (0..listeners.cores).map(|_| Vec::new()).collect();
    for (number, door) in listeners.doors.into_iter().enumerate() {
        let (first, deals, sockets) = match door.sockets {
            Sockets::Each(sockets) => (0, false, sockets),
            Sockets::One(socket) => (number % listeners.cores, true, vec![socket]),
        };
        for (core, socket) in cores.iter_mut().skip(first).zip(sockets) {
            core.push(Ear { socket, terms: Arc::clone(&door.terms), deals });
        }
    }
    cores
}

/// What one core begins with.
struct Own {
    index: usize,
    ears: Vec<Ear>,
    dealer: Dealer,
    dealt: mpsc::Receiver<Dealt>,
}

async fn core<H: Handler>(
    own: Own,
    places: Arc<Places>,
    limits: Limits,
    stop: CancellationToken,
    handler: impl FnOnce() -> Rc<H>,
) {
    let shared = Rc::new(Core {
        parts: CoreParts::new(handler()),
        places,
        index: own.index,
        live: own.dealer.live(own.index),
        dealer: own.dealer,
        hellos: Semaphore::new(HELLOS),
        handshake: limits.handshake,
    });
    for Ear { socket, terms, deals } in own.ears {
        match TcpListener::from_std(socket) {
            Ok(socket) => drop(spawn_local(accept(Rc::clone(&shared), socket, (terms, deals), stop.clone()))),
            Err(error) => tracing::error!(%error, "a listening socket cannot be used"),
        }
    }
    // Goes on after the stop: what was accepted is answered.
    drop(spawn_local(receive(Rc::clone(&shared), own.dealt)));
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
            tokio::time::sleep(FAREWELL).await;
            shared.parts.connections.sweep_farewells();
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
    index: usize,
    /// This core's open sockets.
    live: Arc<AtomicUsize>,
    dealer: Dealer,
    /// So that a flood of handshakes does not starve requests; those beyond wait, and their time runs.
    hellos: Semaphore,
    handshake: Duration,
}

/// A connection as it was accepted.
struct Arrival {
    stream: TcpStream,
    peer: std::net::SocketAddr,
    place: listener::Place,
    /// Set where the peer is a trusted proxy.
    behind: Option<Arc<Trusted>>,
    tls: Option<Arc<Offer>>,
}

async fn accept<H: Handler>(core: Rc<Core<H>>, socket: TcpListener, (terms, deals): (Current, bool), stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let peer = plain_socket(peer);
                let terms = terms.load();
                let (tls, behind) = (terms.tls.clone(), terms.trusted.clone().filter(|trusted| trusted.lists(peer.ip())));
                // No place: dropping the socket is the whole answer; anything said would cost more than it is worth.
                let arrival = if deals {
                    core.dealer.deal(core.index, &core.places, (stream, peer), (behind, tls))
                } else {
                    let counts_for = if behind.is_none() { Some(peer.ip()) } else { None };
                    let place = core.places.take(counts_for, &core.live);
                    place.map(|place| Arrival { stream, peer, place, behind, tls })
                };
                if let Some(arrival) = arrival {
                    drop(spawn_local(connection(Rc::clone(&core), arrival)));
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

/// Takes what another core accepted for us.
async fn receive<H: Handler>(core: Rc<Core<H>>, mut dealt: mpsc::Receiver<Dealt>) {
    while let Some(Dealt { stream, peer, place, behind, tls }) = dealt.recv().await {
        match TcpStream::from_std(stream) {
            Ok(stream) => {
                drop(spawn_local(connection(Rc::clone(&core), Arrival { stream, peer, place, behind, tls })));
            }
            Err(error) => tracing::warn!(%error, "a connection from another core cannot be used"),
        }
    }
}

async fn connection<H: Handler>(core: Rc<Core<H>>, arrival: Arrival) {
    let _ = arrival.stream.set_nodelay(true);
    let arrival = match &arrival.behind {
        Some(trusted) if trusted.source == Source::ProxyProtocol => introduced(arrival, core.handshake).await,
        _ => Some(arrival),
    };
    let Some(Arrival { stream, peer, place, behind, tls }) = arrival else { return };
    let read = Arc::new(AtomicU64::new(0));
    let Some(tls) = tls else {
        let about = About { peer, behind, sni: None, tls: false };
        let io = Watched::new(stream, Arc::clone(&read), place);
        return http::serve(io, about, Connection::new(true, read), &core.parts).await;
    };
    // Boxed, so that a connection does not carry the handshake's size for the rest of its life.
    let mut stream = match tokio::time::timeout(core.handshake, Box::pin(handshake(stream, tls, &core.hellos))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(client.address = %peer, %error, "no TLS handshake"),
        Err(_) => return tracing::debug!(client.address = %peer, "the TLS handshake took too long"),
    };
    let (_, session) = stream.get_mut();
    session.set_buffer_limit(Some(MOST_ENCRYPTED));
    let http2 = session.alpn_protocol() == Some(b"h2");
    let sni = session.server_name().map(|name| name.to_ascii_lowercase().into());
    let about = About { peer, behind, sni, tls: true };
    let io = Watched::new(stream, Arc::clone(&read), place);
    if http2 {
        http::serve_http2(io, about, Connection::new(false, read), &core.parts).await;
    } else {
        http::serve(io, about, Connection::new(true, read), &core.parts).await;
    }
}

/// Reads the PROXY header of a trusted proxy, after which the connection is its client's; nothing if it is to be dropped.
async fn introduced(arrival: Arrival, limit: Duration) -> Option<Arrival> {
    let Arrival { mut stream, peer, place, behind, tls } = arrival;
    // Boxed, as the handshake is.
    let client = match tokio::time::timeout(limit, Box::pin(proxy_header::read(&mut stream))).await {
        Ok(Ok(header)) => header.client.unwrap_or(peer),
        Ok(Err(error)) => {
            tracing::debug!(client.address = %peer, %error, "no PROXY header from a trusted proxy");
            return None;
        }
        Err(_) => {
            tracing::debug!(client.address = %peer, "the PROXY header of a trusted proxy took too long");
            return None;
        }
    };
    // A proxy that speaks for itself or for another one counts no more than before.
    let is_proxy = behind.is_some_and(|trusted| trusted.lists(client.ip()));
    let place = if is_proxy { place } else { place.of(client.ip())? };
    // It has said all that is believed of it: fields of requests are not.
    Some(Arrival { stream, peer: client, place, behind: None, tls })
}

/// A place is taken only once there is a hello to answer, and held for one turn of the core's queue: whoever says nothing keeps
/// nobody waiting, and of a flood so many are answered before everything else that is ready gets its turn.
async fn handshake(stream: TcpStream, offer: Arc<Offer>, hellos: &Semaphore) -> std::io::Result<TlsStream<TcpStream>> {
    let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
    let place = hellos.acquire().await;
    let config = offer.to(hello.client_hello().server_name());
    let mut accepted = hello.into_stream(config);
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
/// What TLS keeps of an answer that the client has still to take. Grows only where it is needed; large bodies move faster by it.
const MOST_ENCRYPTED: usize = 256 * 1024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
