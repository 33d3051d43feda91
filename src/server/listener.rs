//! Listening sockets, one per core and address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::server::ProducesTickets;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use super::alpn::Offer;
use super::slots::Refused;
use super::socket_activation::Given;
use super::tls::{CertificateError, Certificates, Loaded};
use crate::base::tls::TlsError;
use crate::config;
use crate::config::listener::Serves;
use crate::config::trusted::Trusted;

/// What holds for the connections of one listener.
pub(super) struct Terms {
    /// `None`: plain HTTP that redirects.
    pub tls: Option<Arc<Offer>>,
    /// What its files held; nothing without TLS.
    pub certificates: Vec<Loaded>,
    /// Whose word counts for where a client is.
    pub trusted: Option<Arc<Trusted>>,
}

/// The terms as they are now; a reload swaps them, connections go on under theirs.
pub(super) type Current = Arc<ArcSwap<Terms>>;

/// Every listening socket, bound once before the cores start.
pub struct Listeners {
    pub(super) doors: Vec<Door>,
    pub(super) cores: usize,
    tickets: Arc<dyn ProducesTickets>,
}

pub(super) struct Door {
    /// As the configuration has it; reloads find the listener by it.
    configured: SocketAddr,
    address: SocketAddr,
    pub terms: Current,
    pub refused: Arc<Refused>,
    pub sockets: Sockets,
}

pub(super) enum Sockets {
    /// One socket a core, all on one address: the kernel deals connections out (`SO_REUSEPORT`).
    Each(Vec<std::net::TcpListener>),
    /// One for all: a core accepts and deals (`accept_balancer.rs`).
    One(std::net::TcpListener),
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
    #[error("a socket for {address} was handed over, but no listener has this address: who connects there would wait in vain")]
    NotWanted { address: SocketAddr },
    #[error("cannot listen on {address}: {source}")]
    Other { address: SocketAddr, source: std::io::Error },
    #[error("listener {address}: {source}")]
    Certificate { address: SocketAddr, source: Box<CertificateError> },
    #[error("listener {address}: {source}")]
    Tls { address: SocketAddr, source: TlsError },
}

impl Listeners {
    /// Reads the certificates and binds every address for so many cores (at least one). The hosts of `http1_only` are not served over
    /// HTTP/2. A socket that is given is taken for the listener
    /// with its address instead.
    pub fn bind(
        listed: &[config::Listener],
        http1_only: &[Arc<str>],
        cores: usize,
        tickets: &Arc<dyn ProducesTickets>,
        mut given: Given,
    ) -> Result<Self, ListenError> {
        let cores = cores.max(1);
        let mut doors = Vec::new();
        for listener in listed {
            let terms = Arc::new(ArcSwap::from_pointee(terms(listener, http1_only, tickets)?));
            let configured = listener.address;
            let (sockets, address) = match given.take(configured) {
                Some(socket) => adopted(socket).map(|socket| (Sockets::One(socket), configured)),
                None if listener.deal => alone(configured),
                None => each(configured, cores),
            }
            .map_err(|error| worded(configured, error))?;
            doors.push(Door { configured, address, terms, refused: Arc::default(), sockets });
        }
        if let Some(address) = given.left() {
            return Err(ListenError::NotWanted { address });
        }
        Ok(Self { doors, cores, tickets: Arc::clone(tickets) })
    }

    /// Where we listen, in the order of the configuration.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.doors.iter().map(|door| door.address).collect()
    }

    /// What each has refused, beside where it listens.
    pub(super) fn refused(&self) -> Vec<(SocketAddr, Arc<Refused>)> {
        self.doors.iter().map(|door| (door.address, Arc::clone(&door.refused))).collect()
    }

    /// What replaces certificates, and who is trusted, while we run.
    pub fn reloader(&self) -> Reloader {
        let doors = self.doors.iter().map(|door| (door.configured, Arc::clone(&door.terms))).collect();
        Reloader { doors, tickets: Arc::clone(&self.tickets) }
    }
}

/// Replaces the terms of running listeners.
#[derive(Clone)]
pub struct Reloader {
    doors: Vec<(SocketAddr, Current)>,
    tickets: Arc<dyn ProducesTickets>,
}

impl Reloader {
    /// Reads all certificates; nothing is changed before what is returned is put in place. Matched by address; addresses cannot change
    /// while we run.
    pub fn prepare(&self, listed: &[config::Listener], http1_only: &[Arc<str>]) -> Result<Prepared, ListenError> {
        let mut ready = Vec::new();
        for listener in listed {
            let door = self.doors.iter().find(|(address, _)| *address == listener.address);
            let terms = terms(listener, http1_only, &self.tickets)?;
            if let Some((_, current)) = door.filter(|(_, current)| current.load().tls.is_some() == terms.tls.is_some()) {
                ready.push((listener.address, Arc::clone(current), Arc::new(terms)));
            }
        }
        Ok(Prepared(ready))
    }

    /// The certificates that are shown now, with the listener as the configuration has it.
    pub fn certificates(&self) -> Vec<(SocketAddr, Loaded)> {
        let each = self.doors.iter().flat_map(|(address, current)| {
            let certificates = current.load().certificates.clone();
            certificates.into_iter().map(|loaded| (*address, loaded))
        });
        each.collect()
    }
}

/// New certificates that can be used, and who is trusted from now on.
pub struct Prepared(Vec<(SocketAddr, Current, Arc<Terms>)>);

impl Prepared {
    /// The certificates that are about to be shown.
    pub fn certificates(&self) -> Vec<(SocketAddr, Loaded)> {
        let each = self.0.iter().flat_map(|(address, _, terms)| terms.certificates.iter().map(|it| (*address, it.clone())));
        each.collect()
    }

    /// For connections from now on.
    pub fn swap(self) {
        for (_, current, terms) in self.0 {
            current.store(terms);
        }
    }
}

fn terms(listener: &config::Listener, http1_only: &[Arc<str>], tickets: &Arc<dyn ProducesTickets>) -> Result<Terms, ListenError> {
    let trusted = listener.trusted.clone();
    let Serves::Tls(listed) = &listener.serves else { return Ok(Terms { tls: None, certificates: Vec::new(), trusted }) };
    let address = listener.address;
    let certificates =
        Certificates::load(listed).map_err(|source| ListenError::Certificate { address, source: Box::new(source) })?;
    let loaded = certificates.loaded().to_vec();
    let config = certificates.config(Arc::clone(tickets)).map_err(|source| ListenError::Tls { address, source })?;
    Ok(Terms { tls: Some(Arc::new(Offer::new(config, http1_only))), certificates: loaded, trusted })
}

/// A socket for every core.
fn each(mut address: SocketAddr, cores: usize) -> std::io::Result<(Sockets, SocketAddr)> {
    // Somebody else's socket with SO_REUSEPORT under the same user would share our port in silence: ask without it first.
    drop(socket(address, false)?);
    let mut sockets = Vec::new();
    for _ in 0..cores {
        let socket = socket(address, true)?;
        socket.listen(BACKLOG)?;
        let socket = std::net::TcpListener::from(socket);
        // Port 0 becomes the port that the first socket was given.
        address = socket.local_addr()?;
        sockets.push(socket);
    }
    Ok((Sockets::Each(sockets), address))
}

/// One socket for all.
fn alone(address: SocketAddr) -> std::io::Result<(Sockets, SocketAddr)> {
    let socket = socket(address, false)?;
    socket.listen(BACKLOG)?;
    let socket = std::net::TcpListener::from(socket);
    let address = socket.local_addr()?;
    Ok((Sockets::One(socket), address))
}

/// A given socket with what matters of our own: above all a queue as long as ours, for that is where clients wait for a successor.
fn adopted(socket: std::net::TcpListener) -> std::io::Result<std::net::TcpListener> {
    let inside = SockRef::from(&socket);
    for_connections(&inside)?;
    inside.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// What connections inherit.
fn for_connections(socket: &Socket) -> std::io::Result<()> {
    // Phones behind a translator vanish without a word.
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_AGAIN).with_retries(KEEPALIVE_MOST);
    socket.set_tcp_keepalive(&keepalive)?;
    // What is written is meant to leave.
    socket.set_tcp_nodelay(true)?;
    // The kernel would take megabytes for a client who takes little, and ask for more only once a third of them has gone: too seldom to
    // tell who is slow from who has stopped.
    socket.set_tcp_notsent_lowat(UNSENT)
}

fn socket(address: SocketAddr, shared: bool) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    for_connections(&socket)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn worded(address: SocketAddr, source: std::io::Error) -> ListenError {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => ListenError::InUse { address },
        std::io::ErrorKind::PermissionDenied => ListenError::NotAllowed { address },
        std::io::ErrorKind::AddrNotAvailable => ListenError::NotOurs { address },
        _ => ListenError::Other { address, source },
    }
}

/// Connections that the kernel holds for us while all cores are busy.
const BACKLOG: i32 = 4096;
/// Bytes that the kernel keeps of an answer beside what is on its way.
const UNSENT: u32 = 256 * 1024;
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_AGAIN: Duration = Duration::from_secs(15);
const KEEPALIVE_MOST: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_inherit_what_they_need() {
        let ours = socket("127.0.0.1:0".parse().unwrap(), true).unwrap();
        ours.listen(1).unwrap();
        let given = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        for listener in [std::net::TcpListener::from(ours), adopted(given).unwrap()] {
            let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            listener.set_nonblocking(false).unwrap();
            let accepted = listener.accept().unwrap().0;
            let accepted = SockRef::from(&accepted);
            assert!(accepted.keepalive().unwrap() && accepted.tcp_nodelay().unwrap());
            assert_eq!(accepted.tcp_notsent_lowat().unwrap(), UNSENT);
        }
    }

    #[test]
    fn an_address_in_use_is_a_start_error_in_words() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let listed = [config::Listener {
            address,
            serves: Serves::Redirect,
            trusted: None,
            public_port: None,
            deal: false,
            accept: Vec::new(),
        }];
        let tickets = super::super::tls::ticketer().unwrap();
        let said = Listeners::bind(&listed, &[], 2, &tickets, Given::default()).err().unwrap().to_string();
        assert_eq!(said, format!("cannot listen on {address}: another program is using it"));
    }

    #[test]
    fn a_reload_swaps_certificates_or_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        let listed = config::listener::Certificate { chain: folder.path().join("a.pem"), key: folder.path().join("a.key") };
        std::fs::write(&listed.chain, made.cert.pem()).unwrap();
        std::fs::write(&listed.key, made.signing_key.serialize_pem()).unwrap();
        let serves = Serves::Tls(vec![listed.clone()]);
        let address = "127.0.0.1:0".parse().unwrap();
        let listeners = [config::Listener { address, serves, trusted: None, public_port: None, deal: false, accept: Vec::new() }];
        let bound = Listeners::bind(&listeners, &[], 2, &super::super::tls::ticketer().unwrap(), Given::default()).unwrap();
        let now = || bound.doors[0].terms.load().tls.clone().unwrap();
        let before = now();
        bound.reloader().prepare(&listeners, &[]).unwrap().swap();
        let after = now();
        assert!(!Arc::ptr_eq(&before, &after), "swapped");
        std::fs::write(&listed.key, "broken").unwrap();
        assert!(bound.reloader().prepare(&listeners, &[]).is_err());
        assert!(Arc::ptr_eq(&after, &now()), "nothing changed");
    }
}
