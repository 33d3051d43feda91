//! A connection from the accept to its first request: who it counts for, whom it comes from, its TLS handshake.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::{HandshakeKind, ProtocolVersion, ServerConnection};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_local;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::Core;
use super::accept_balancer::Dealt;
use super::alpn::Offer;
use super::connection::http::{self, About, Handler};
use super::connection::unread::Unread;
use super::connection::{Connection, MOST_ENCRYPTED, Traffic};
use super::listener::Current;
use super::proxy_header;
use super::slots::{Place, Refused};
use super::socket::ticket_coalescing::Together;
use super::socket::watched::Watched;
use super::socket::write_timeout::Impatient;
use crate::base::net::plain_socket;
use crate::config::trusted::{Source, Trusted};

/// A connection as it was accepted.
pub(super) struct Arrival {
    pub stream: TcpStream,
    pub peer: SocketAddr,
    pub place: Place,
    /// Set where the peer is a trusted proxy.
    pub behind: Option<Arc<Trusted>>,
    pub tls: Option<Arc<Offer>>,
}

/// Takes connections until the stop: a core's own socket's, or one that is dealt to all cores.
pub(super) async fn accept<H: Handler>(
    core: Rc<Core<H>>,
    socket: TcpListener,
    (terms, deals, refused): (Current, bool, Arc<Refused>),
    stop: CancellationToken,
) {
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
                    core.dealer.deal(core.index, (&core.places, &refused), (stream, peer), (behind, tls))
                } else {
                    let counts_for = if behind.is_none() { Some(peer.ip()) } else { None };
                    let place = core.places.take(counts_for, &core.live, &refused);
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
pub(super) async fn receive<H: Handler>(core: Rc<Core<H>>, mut dealt: mpsc::Receiver<Dealt>) {
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
    let arrival = match &arrival.behind {
        Some(trusted) if trusted.source == Source::ProxyProtocol => introduced(arrival, core.handshake).await,
        _ => Some(arrival),
    };
    let Some(Arrival { stream, peer, place, behind, tls }) = arrival else { return };
    let traffic = Arc::<Traffic>::default();
    let unread = Unread::of(&core.parts.connections.unread);
    let stream = Impatient::new(stream, Arc::clone(&traffic));
    let Some(tls) = tls else {
        let about = About { peer, behind, sni: None, tls: false };
        let io = Watched::new(stream, Arc::clone(&traffic), place);
        return http::serve(io, about, Connection::new(true, traffic, unread), &core.parts).await;
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
    let io = Watched::new(stream, Arc::clone(&traffic), place);
    if http2 {
        http::serve_http2(io, about, Connection::new(false, traffic, unread), &core.parts).await;
    } else {
        http::serve(io, about, Connection::new(true, traffic, unread), &core.parts).await;
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
async fn handshake(stream: Impatient, offer: Arc<Offer>, hellos: &Semaphore) -> std::io::Result<TlsStream<Together>> {
    let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), Together::new(stream)).await?;
    let place = hellos.acquire().await;
    let config = offer.to(hello.client_hello().server_name(), hello.client_hello().cipher_suites());
    // The signature, which is what a handshake costs, is made here.
    let mut is_last = false;
    let mut accepted = hello.into_stream_with(config, |session| is_last = answers_once(session));
    let first = poll_fn(|context| Poll::Ready(Pin::new(&mut accepted).poll(context))).await;
    if let Some(socket) = accepted.get_mut().filter(|_| is_last) {
        socket.keep();
    }
    tokio::task::yield_now().await;
    drop(place);
    let mut stream = match first {
        Poll::Ready(stream) => stream?,
        Poll::Pending => accepted.await?,
    };
    stream.get_mut().0.release();
    Ok(stream)
}

/// Whether what we say to the hello is all that the client needs from us to finish the handshake.
fn answers_once(session: &ServerConnection) -> bool {
    session.protocol_version() == Some(ProtocolVersion::TLSv1_3)
        && matches!(session.handshake_kind(), Some(HandshakeKind::Full | HandshakeKind::Resumed))
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
