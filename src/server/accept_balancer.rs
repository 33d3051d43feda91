//! Accept and deal: one core takes a listener's connections and hands each to the core with the fewest. The kernel's hash over
//! `SO_REUSEPORT` sockets may put a few long connections all on one core; a socket that was given to us has one queue for all anyway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::accept::Arrival;
use super::alpn::Offer;
use super::slots::{Place, Places, Refused};
use crate::config::trusted::Trusted;

/// Every core's number of open connections, and the way to it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Dealer {
    seats: Arc<[Seat]>,
}

struct Seat {
    live: Arc<AtomicUsize>,
    to: mpsc::Sender<Dealt>,
}

/// A connection on its way to another core.
pub(super) struct Dealt {
    pub stream: std::net::TcpStream,
    pub peer: SocketAddr,
    /// Counted for the other core from the beginning, so that its end waits for what is still on the way.
    pub place: Place,
    pub behind: Option<Arc<Trusted>>,
    pub tls: Option<Arc<Offer>>,
}

impl Dealer {
    /// With what each core receives.
    pub fn new(cores: usize) -> (Self, Vec<mpsc::Receiver<Dealt>>) {
        let (seats, receivers): (Vec<_>, Vec<_>) = (0..cores)
            .map(|_| {
                let (to, from) = mpsc::channel(QUEUE);
                (Seat { live: Arc::default(), to }, from)
            })
            .unzip();
        (Self { seats: seats.into() }, receivers)
    }

    /// A core's open sockets.
    pub fn live(&self, core: usize) -> Arc<AtomicUsize> {
        self.seats.get(core).map(|seat| Arc::clone(&seat.live)).unwrap_or_default()
    }

    /// Hands a connection on; what is returned is the accepting core's own to serve. A connection without a place is dropped, and so is
    /// one for a core whose queue is full: it has not turned to what is new for seconds.
    pub fn deal(
        &self,
        own: usize,
        (places, refused): (&Arc<Places>, &Arc<Refused>),
        (stream, peer): (TcpStream, SocketAddr),
        (behind, tls): (Option<Arc<Trusted>>, Option<Arc<Offer>>),
    ) -> Option<Arrival> {
        let (core, seat) = self.seats.iter().enumerate().min_by_key(|(_, seat)| seat.live.load(Ordering::Relaxed))?;
        let place = places.take(if behind.is_none() { Some(peer.ip()) } else { None }, &seat.live, refused)?;
        if core == own {
            return Some(Arrival { stream, peer, place, behind, tls });
        }
        match stream.into_std() {
            Ok(stream) => {
                if let Err(left) = seat.to.try_send(Dealt { stream, peer, place, behind, tls }) {
                    left.into_inner().place.dropped_by_core();
                }
            }
            Err(error) => tracing::warn!(%error, "a connection cannot be handed to another core"),
        }
        None
    }
}

/// As many as the kernel holds for us while all cores are busy.
const QUEUE: usize = 4096;
