//! Listening sockets, one per core and address, and who gets a place: so many connections in all, so many from one address.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::ProducesTickets;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::tls::{CertificateError, Certificates};
use crate::base::net::counted;
use crate::base::tls::TlsError;
use crate::config;
use crate::config::listener::Serves;

/// TLS of one listener as it is now; a reload swaps it, connections go on. `None`: plain HTTP that redirects.
pub(super) type CurrentTls = Option<Arc<ArcSwap<ServerConfig>>>;

/// Every listening socket, bound once before the cores start.
pub struct Listeners {
    pub(super) doors: Vec<Door>,
    tickets: Arc<dyn ProducesTickets>,
}

pub(super) struct Door {
    /// As the configuration has it; reloads find the listener by it.
    configured: SocketAddr,
    address: SocketAddr,
    pub tls: CurrentTls,
    /// One socket a core, all on one address: the kernel deals connections out (`SO_REUSEPORT`).
    pub sockets: Vec<std::net::TcpListener>,
}

/// Why we cannot listen; the start fails with these words.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("cannot listen on {address}: another program is using it")]
    InUse { address: SocketAddr },
    #[error("cannot listen on {address}: not allowed (ports below 1024 need CAP_NET_BIND_SERVICE)")]
    NotAllowed { address: SocketAddr },
    #[error("cannot listen on {address}: this machine does not have that address")]
    NotOurs { address: SocketAddr },
    #[error("cannot listen on {address}: {source}")]
    Other { address: SocketAddr, source: std::io::Error },
    #[error("listener {address}: {source}")]
    Certificate { address: SocketAddr, source: Box<CertificateError> },
    #[error("listener {address}: {source}")]
    Tls { address: SocketAddr, source: TlsError },
}

impl Listeners {
    /// Reads the certificates and binds every address once for each of `cores` (at least one).
    pub fn bind(listed: &[config::Listener], cores: usize, tickets: &Arc<dyn ProducesTickets>) -> Result<Self, ListenError> {
        let mut doors = Vec::new();
        for listener in listed {
            let tls = secured(listener, tickets)?.map(|config| Arc::new(ArcSwap::new(config)));
            let mut address = listener.address;
            let mut sockets = Vec::new();
            // Somebody else's socket with SO_REUSEPORT under the same user would share our port in silence: ask without it first.
            drop(socket(address, false).map_err(|error| worded(address, error))?);
            for _ in 0..cores.max(1) {
                let socket = socket(address, true).map_err(|error| worded(address, error))?;
                // Port 0 becomes the port that the first socket was given.
                address = socket.local_addr().map_err(|error| worded(address, error))?;
                sockets.push(socket);
            }
            doors.push(Door { configured: listener.address, address, tls, sockets });
        }
        Ok(Self { doors, tickets: Arc::clone(tickets) })
    }

    /// Where we listen, in the order of the configuration.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.doors.iter().map(|door| door.address).collect()
    }

    /// What replaces certificates while we run.
    pub fn reloader(&self) -> Reloader {
        let doors = self.doors.iter().map(|door| (door.configured, door.tls.clone())).collect();
        Reloader { doors, tickets: Arc::clone(&self.tickets) }
    }
}

/// Replaces the certificates of running listeners.
#[derive(Clone)]
pub struct Reloader {
    doors: Vec<(SocketAddr, CurrentTls)>,
    tickets: Arc<dyn ProducesTickets>,
}

impl Reloader {
    /// Reads all certificates again and swaps them, or changes nothing. Matched by address; addresses cannot change while we run.
    pub fn reload(&self, listed: &[config::Listener]) -> Result<(), ListenError> {
        let mut ready = Vec::new();
        for listener in listed {
            let door = self.doors.iter().find(|(address, _)| *address == listener.address);
            if let (Some(config), Some((_, Some(current)))) = (secured(listener, &self.tickets)?, door) {
                ready.push((current, config));
            }
        }
        for (current, config) in ready {
            current.store(config);
        }
        Ok(())
    }
}

fn secured(listener: &config::Listener, tickets: &Arc<dyn ProducesTickets>) -> Result<Option<Arc<ServerConfig>>, ListenError> {
    let Serves::Tls(listed) = &listener.serves else { return Ok(None) };
    let address = listener.address;
    let certificates =
        Certificates::load(listed).map_err(|source| ListenError::Certificate { address, source: Box::new(source) })?;
    let config = certificates.config(Arc::clone(tickets)).map_err(|source| ListenError::Tls { address, source })?;
    Ok(Some(config))
}

fn socket(address: SocketAddr, shared: bool) -> std::io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // Connections inherit it: phones behind a translator vanish without a word.
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

fn worded(address: SocketAddr, source: std::io::Error) -> ListenError {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => ListenError::InUse { address },
        std::io::ErrorKind::PermissionDenied => ListenError::NotAllowed { address },
        std::io::ErrorKind::AddrNotAvailable => ListenError::NotOurs { address },
        _ => ListenError::Other { address, source },
    }
}

/// Counts open connections, over all cores. Asked once per connection, never per request.
#[derive(Debug)]
pub(super) struct Places {
    total: AtomicUsize,
    most: usize,
    most_per_address: u32,
    /// Bounded by `most`: an address is in here only while it has a connection.
    by_address: Mutex<HashMap<IpAddr, u32>>,
}

impl Places {
    pub fn new(most: usize, most_per_address: u32) -> Arc<Self> {
        Arc::new(Self { total: AtomicUsize::new(0), most, most_per_address, by_address: Mutex::default() })
    }

    /// A place for a connection from this address, or nothing if all are taken: then the socket is dropped.
    pub fn take(self: &Arc<Self>, from: IpAddr, core: &Arc<AtomicUsize>) -> Option<Place> {
        let address = counted(from);
        if self.total.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.total.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_insert(0);
        if *count >= self.most_per_address {
            if *count == 0 {
                by_address.remove(&address);
            }
            self.total.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        *count += 1;
        core.fetch_add(1, Ordering::Relaxed);
        Some(Place { places: Arc::clone(self), address, core: Arc::clone(core) })
    }
}

/// One connection's place; given back when dropped. Lives inside the connection's socket, so that a tunnel keeps it too.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
    core: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.places.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
        self.places.total.fetch_sub(1, Ordering::Relaxed);
        self.core.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Connections that the kernel holds for us while all cores are busy.
const BACKLOG: i32 = 4096;
const KEEPALIVE: std::time::Duration = std::time::Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_so_many_places_and_gets_them_back() {
        let core = Arc::new(AtomicUsize::new(0));
        let places = Places::new(3, 2);
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let same_customer: IpAddr = "2001:db8::ffff:1".parse().unwrap();
        let other: IpAddr = "192.0.2.1".parse().unwrap();
        let first = places.take(one, &core).unwrap();
        let _second = places.take(same_customer, &core).unwrap();
        assert!(places.take(one, &core).is_none(), "two from this /64 already");
        let _third = places.take(other, &core).unwrap();
        drop(first);
        let _again = places.take(one, &core).unwrap();
        assert!(places.take("192.0.2.2".parse().unwrap(), &core).is_none(), "three in all");
        assert_eq!(core.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn an_address_in_use_is_a_start_error_in_words() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let listed = [config::Listener { address, serves: Serves::Redirect }];
        let tickets = super::super::tls::ticketer().unwrap();
        let said = Listeners::bind(&listed, 2, &tickets).err().unwrap().to_string();
        assert_eq!(said, format!("cannot listen on {address}: another program is using it"));
    }

    #[test]
    fn a_reload_swaps_certificates_or_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        let listed = config::listener::Certificate { chain: folder.path().join("a.pem"), key: folder.path().join("a.key") };
        std::fs::write(&listed.chain, made.cert.pem()).unwrap();
        std::fs::write(&listed.key, made.signing_key.serialize_pem()).unwrap();
        let listeners = [config::Listener { address: "127.0.0.1:0".parse().unwrap(), serves: Serves::Tls(vec![listed.clone()]) }];
        let bound = Listeners::bind(&listeners, 2, &super::super::tls::ticketer().unwrap()).unwrap();
        let now = || bound.doors[0].tls.as_ref().unwrap().load_full();
        let before = now();
        bound.reloader().reload(&listeners).unwrap();
        let after = now();
        assert!(!Arc::ptr_eq(&before, &after), "swapped");
        std::fs::write(&listed.key, "broken").unwrap();
        assert!(bound.reloader().reload(&listeners).is_err());
        assert!(Arc::ptr_eq(&after, &now()), "nothing changed");
    }
}
