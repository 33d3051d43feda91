//! Sockets to requests; knows nothing of logins. One thread per core, each with its own runtime, sockets and handler: nothing on the
//! way of a request crosses from one to another.

mod accept;
mod accept_balancer;
mod alpn;
mod connection;
mod listener;
pub mod metrics;
pub mod proxy_header;
pub mod public_names;
mod slots;
mod socket;
mod socket_activation;
pub mod tls;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::runtime::LocalOptions;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_local;
use tokio_util::sync::CancellationToken;

pub use connection::http::{BoxError, Exchange, Handler};
pub use connection::state::Kept;
pub use listener::{ListenError, Listeners, Prepared, Reloader};
pub use socket::own_words::OwnWords;
pub use socket_activation::Given;

use accept::{accept, receive};
use accept_balancer::{Dealer, Dealt};
use connection::http::CoreParts;
use connection::unread::{Buffers, CoreUnread};
use connection::{FAREWELL, SWEEP};
use listener::{Current, Sockets};
use slots::{Places, Refused};

/// How many, how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections in all; one more is dropped.
    pub connections: usize,
    /// Open connections from one address (IPv6: /64); one more is dropped.
    pub connections_per_address: u32,
    /// Bytes of answers that clients have still to take, in all; beyond them the connections that hold the most are dropped.
    pub buffers: u64,
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
            buffers: 256 << 20,
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
    refused: Arc<[(SocketAddr, Arc<Refused>)]>,
}

impl Cores {
    /// What changes the limits while they run.
    pub fn crowd(&self) -> Crowd {
        Crowd { places: Arc::clone(&self.places), refused: Arc::clone(&self.refused) }
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

/// Who may be connected, and how many are and were not.
#[derive(Clone)]
pub struct Crowd {
    places: Arc<Places>,
    refused: Arc<[(SocketAddr, Arc<Refused>)]>,
}

/// Connections that one listener dropped since the start, by the cap that they met.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RefusedCounts {
    pub listener: String,
    /// As many connections were open as this node takes.
    pub in_all: u64,
    /// `[limits] connections_per_address`.
    pub per_address: u64,
    /// The core that was to serve it had too many waiting.
    pub core_queue: u64,
}

impl Crowd {
    /// For connections from now on; those that are open stay.
    pub fn set_connections_per_address(&self, most: u32) {
        self.places.set_most_per_address(most);
    }

    /// Open connections of clients.
    pub fn open(&self) -> usize {
        self.places.open()
    }

    /// What each listener has refused, in the order of the configuration.
    pub fn refused(&self) -> Vec<RefusedCounts> {
        let counts = self.refused.iter().map(|(address, refused)| RefusedCounts {
            listener: address.to_string(),
            in_all: refused.in_all.load(Ordering::Relaxed),
            per_address: refused.per_address.load(Ordering::Relaxed),
            core_queue: refused.core_queue.load(Ordering::Relaxed),
        });
        counts.collect()
    }
}

/// One listening socket of a core.
struct Ear {
    socket: std::net::TcpListener,
    terms: Current,
    refused: Arc<Refused>,
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
    let refused = listeners.refused().into();
    let places = Places::new(limits.connections, limits.connections_per_address);
    let buffers = Buffers::new(limits.buffers, listeners.cores);
    let (dealer, receivers) = Dealer::new(listeners.cores);
    let mut ears = ears(listeners).into_iter();
    let mut threads = Vec::new();
    let (started, starts) = std::sync::mpsc::channel();
    for (index, dealt) in receivers.into_iter().enumerate() {
        let (ears, buffers) = (ears.next().unwrap_or_default(), Arc::clone(&buffers));
        let own = Own { index, ears, dealer: dealer.clone(), dealt, buffers };
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
    Ok(Cores { threads, places, refused })
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
            core.push(Ear { socket, terms: Arc::clone(&door.terms), refused: Arc::clone(&door.refused), deals });
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
    buffers: Arc<Buffers>,
}

async fn core<H: Handler>(
    own: Own,
    places: Arc<Places>,
    limits: Limits,
    stop: CancellationToken,
    handler: impl FnOnce() -> Rc<H>,
) {
    let shared = Rc::new(Core {
        parts: CoreParts::new(handler(), CoreUnread::new(own.buffers, own.index)),
        places,
        index: own.index,
        live: own.dealer.live(own.index),
        dealer: own.dealer,
        hellos: Semaphore::new(HELLOS),
        handshake: limits.handshake,
    });
    for Ear { socket, terms, refused, deals } in own.ears {
        match TcpListener::from_std(socket) {
            Ok(socket) => drop(spawn_local(accept(Rc::clone(&shared), socket, (terms, deals, refused), stop.clone()))),
            Err(error) => tracing::error!(%error, "a listening socket cannot be used"),
        }
    }
    // Goes on after the stop: what was accepted is answered.
    drop(spawn_local(receive(Rc::clone(&shared), own.dealt)));
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(SWEEP) => shared.parts.connections.sweep(),
            () = shared.parts.connections.unread.over() => shared.parts.connections.make_room(),
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
        tracing::warn!(
            connections = shared.live.load(Ordering::Relaxed),
            "the time to finish is over; open connections are dropped"
        );
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

/// Hellos that are answered in one turn of a core's queue: some milliseconds of work.
const HELLOS: usize = 8;
