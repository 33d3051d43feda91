//! One application as one core sees it: which of its servers gets a request, and the connection that it goes over.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderValue;
use tokio::sync::oneshot;

use super::balance::{self, Balance, FULL, Standing};
use super::client::Client;
use super::connect::Target;
use super::connection::Wire;
use super::health::View;
use super::pins::{Pin, Pins, Whose};
use super::rewrite::Names;
use super::seats::{Holder, Next, Seat};
use super::server_pool::Line;
use super::servers::{Place, Server, Servers};
use super::tally::CoreTally;
use super::upstream_files::UpstreamFiles;
use crate::auth::session::Session;
use crate::base::files::OpenFile;
use crate::base::{Clock, Time};
use crate::config;
use crate::config::application::{RequestLimits, Routes, SignOn};
use crate::config::upstream::{HeaderCase, Protocol, Sticky};

/// An application as the proxy sees it.
#[derive(Debug)]
pub(super) struct Upstream {
    limits: RequestLimits,
    routes: Routes,
    pub service_worker: bool,
    pub signs_on_by_headers: bool,
    /// Whether it is told of us in `Via`.
    pub via: bool,
    /// What it may be asked to switch to.
    pub upgrades: Vec<HeaderValue>,
    /// Only where it goes by another name than the public one.
    pub names: Option<Names>,
    pub header_case: HeaderCase,
    pub sticky: Sticky,
    protocol: Protocol,
    balance: Balance,
    pub servers: Arc<Servers>,
    /// Only where connections belong to clients.
    pins: Option<Pins>,
    lines: Vec<Line>,
    /// The seeds of the servers, for those who are kept at one by their session.
    seeds: Vec<u64>,
    /// Used for one choice at a time, so that none needs memory of its own.
    standings: RefCell<Vec<Standing>>,
    /// Requests of this core that wait for a connection of it, the longest first. Bounded by the queue.
    pub(super) waiters: RefCell<VecDeque<oneshot::Sender<Way>>>,
    handed: Cell<u32>,
    files: Rc<UpstreamFiles>,
    tally: Arc<CoreTally>,
    pub clock: Clock,
}

/// Who asks for a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest<'a> {
    pub session: Option<&'a Session>,
    /// Who a request without a session is of.
    pub address: IpAddr,
    /// The server that the sticky cookie names.
    pub server: Option<&'a str>,
}

/// A server that was chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pick {
    pub server: usize,
    /// It is held to be down; there is no other.
    pub despite: bool,
}

/// A connection to a server, for one exchange. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Way {
    pub wire: Box<Wire>,
    /// It has carried an exchange before, so the server may have closed it without our knowing.
    pub reused: bool,
    /// Somebody has signed on with the connection itself, or may do so now: it is nobody else's.
    bound: bool,
    place: Option<Place>,
    /// Only where places are counted.
    pub seat: Option<Seat>,
    /// Only where it is pinned.
    whose: Option<Box<Whose>>,
    at: At,
}

/// A server of an upstream that has one exchange more while this is held.
#[derive(Debug)]
pub(super) struct At {
    upstream: Rc<Upstream>,
    server: usize,
}

impl At {
    fn new(upstream: &Rc<Upstream>, server: usize) -> Self {
        if let Some(line) = upstream.lines.get(server) {
            line.load.set(line.load.get() + 1);
        }
        Self { upstream: Rc::clone(upstream), server }
    }

    fn server(&self) -> Option<&Server> {
        self.upstream.servers.list.get(self.server)
    }
}

impl Drop for At {
    fn drop(&mut self) {
        if let Some(line) = self.upstream.lines.get(self.server) {
            line.load.set(line.load.get().saturating_sub(1));
        }
    }
}

impl Way {
    /// Notes what was seen on it; once bound it stays so.
    pub fn is_bound(&mut self, bound: bool) {
        self.bound |= bound;
    }

    /// The same for an exchange that has this seat.
    pub fn seated(mut self, seat: Option<Seat>) -> Self {
        self.seat = seat;
        self
    }

    /// From now on it is this client's and no other's.
    pub fn belongs_to(&mut self, whose: Option<Whose>) {
        self.whose = whose.map(Box::new);
    }

    /// What the sticky cookie calls its server.
    pub fn server_name(&self) -> &str {
        self.at.server().map_or("", |server| &server.name)
    }

    pub fn server(&self) -> usize {
        self.at.server
    }

    /// Its answer was too long to be read: whether a new connection reads more of one.
    pub fn reads_many_fields(&self) -> bool {
        if let Some(server) = self.at.server().filter(|_| !self.wire.is_shared()) {
            server.widen();
        }
        !self.wire.is_shared() && !self.wire.is_wide
    }

    /// The head of an answer came for what was sent at `begun`.
    pub fn answered(&self, begun: Time) {
        let upstream = &self.at.upstream;
        upstream.tally.first_head.add_alone(upstream.clock.now().since(begun));
        if let Some(server) = self.at.server() {
            server.succeeded(begun, || self.at.upstream.clock.now());
        }
    }

    /// Its exchange, begun then, failed by the server's fault.
    pub fn failed(&self, begun: Time, why: &str) {
        if let Some(server) = self.at.server() {
            server.failed(begun, self.at.upstream.clock.now(), why);
        }
    }

    /// Its exchange is over and the connection may be used again: by who waits for it, or later.
    pub fn give_back(self) {
        // In this order, so that what is closed is closed before its place is free.
        let Self { place, at, mut wire, bound, whose, seat, .. } = self;
        wire.rest();
        if let (Some(whose), Some(pins)) = (whose, &at.upstream.pins) {
            if wire.is_ready() {
                pins.keep(*whose, Pin::new(wire, at.server, place, at.upstream.clock.now()));
            }
            return;
        }
        if bound || wire.is_shared() || !wire.is_ready() {
            return;
        }
        let (upstream, server) = (Rc::clone(&at.upstream), at.server);
        drop(at);
        if seat.is_some_and(|seat| seat.give_back(upstream.core()) == Next::OtherCore) {
            // Closed here, so that its place is free for who goes on there.
            return;
        }
        match upstream.servers.queue.as_ref().map_or(0, super::servers::Queue::waiting) {
            0 => {
                if let Some(line) = upstream.lines.get(server) {
                    line.pool(place, wire);
                }
            }
            waiting => upstream.hand_over(wire, place, server, waiting),
        }
    }
}

impl Upstream {
    pub fn new(
        application: &config::Application,
        servers: &Arc<Servers>,
        (files, tally): (Rc<UpstreamFiles>, Arc<CoreTally>),
        clock: Clock,
    ) -> Self {
        let upstream = &application.upstream;
        let lines = upstream.servers.iter().enumerate();
        let lines = lines.map(|(place, server)| Line::new(Target::new(server, upstream, servers.tls(place))));
        let ports = upstream.servers.iter().map(|server| (server.tls, server.port));
        Self {
            limits: application.limits,
            routes: application.routes.clone(),
            service_worker: application.service_worker,
            via: application.via,
            signs_on_by_headers: application.sign_on == SignOn::Headers,
            upgrades: upstream.upgrade.iter().filter_map(|token| HeaderValue::from_str(token).ok()).collect(),
            names: upstream.host.as_deref().and_then(|host| Names::new(host, ports)),
            header_case: upstream.header_case,
            sticky: upstream.sticky,
            protocol: upstream.protocol,
            balance: Balance::new(upstream.balance),
            lines: lines.collect(),
            seeds: servers.list.iter().map(|server| server.seed).collect(),
            servers: Arc::clone(servers),
            pins: upstream.pinned.then(Pins::default),
            standings: RefCell::default(),
            waiters: RefCell::default(),
            handed: Cell::new(0),
            files,
            tally,
            clock,
        }
    }

    /// Tells the cores apart among which places are shared out.
    pub fn core(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The client that a request counts for; nothing where places are not counted.
    pub fn holder(&self, client: &Client, session: Option<&Arc<Session>>, address: IpAddr) -> Option<Arc<Holder>> {
        self.servers.seats.as_ref()?;
        client.holder(&self.servers, session, address)
    }

    /// The limits for a request to this path.
    pub fn limits(&self, path: &str) -> RequestLimits {
        self.routes.limits(path, self.limits)
    }

    pub fn speaks_http2(&self) -> bool {
        self.protocol == Protocol::Http2
    }

    /// The server for this guest among those that have not been tried; nothing once all have.
    pub fn pick(&self, guest: Guest<'_>, tried: &[usize], now: Time) -> Option<Pick> {
        if let [server] = self.servers.list.as_slice() {
            let down = matches!(server.view(), View::Paused(_) | View::Ailing);
            return tried.is_empty().then_some(Pick { server: 0, despite: down });
        }
        let mut standings = self.standings.borrow_mut();
        standings.clear();
        for (place, (server, line)) in self.servers.list.iter().zip(&self.lines).enumerate() {
            let view = server.view();
            let is_tried = tried.contains(&place);
            // Where servers are checked, the checks find out, and nobody has to wait for a server that may still be gone.
            let over = !server.is_checked && matches!(view, View::Paused(until) if now >= until);
            if over && !is_tried && server.try_out(now) {
                return Some(Pick { server: place, despite: false });
            }
            standings.push(Standing { load: line.load.get(), share: if is_tried { 0 } else { view.share(now) } });
        }
        if let Some(server) = self.among(guest, &standings) {
            return Some(Pick { server, despite: false });
        }
        // None is well: then each is tried rather than nobody served.
        for (place, standing) in standings.iter_mut().enumerate() {
            standing.share = if tried.contains(&place) { 0 } else { FULL };
        }
        self.among(guest, &standings).map(|server| Pick { server, despite: true })
    }

    fn among(&self, guest: Guest<'_>, standings: &[Standing]) -> Option<usize> {
        let kept = match (self.sticky, guest) {
            (Sticky::Session, Guest { session: Some(session), .. }) => balance::home(&session.id, &self.seeds, standings),
            (Sticky::Cookie, Guest { server: Some(name), .. }) => self.servers.list.iter().position(|server| server.name == name),
            _ => None,
        };
        let kept = kept.filter(|place| standings.get(*place).is_some_and(|standing| standing.share > 0));
        kept.or_else(|| self.balance.pick(standings))
    }

    /// A connection to this server that is open, if there is one; `wide`: one that reads more than a hundred fields of an answer.
    pub fn pooled(self: &Rc<Self>, server: usize, wide: bool, now: Time) -> Option<Way> {
        let line = self.lines.get(server)?;
        if self.speaks_http2() {
            let place = self.place(server)?;
            return line.shared(now).map(|wire| self.way(wire, place, server, true));
        }
        line.pooled(wide, now).map(|(wire, place)| self.way(wire, place, server, true))
    }

    /// A file for a new connection; nothing if this client has as many as it may.
    pub fn file(&self, guest: Guest<'_>) -> Option<OpenFile> {
        // Over HTTP/2 a few connections carry everybody's exchanges.
        if self.speaks_http2() { self.files.take_shared() } else { self.files.take(guest.session, guest.address) }
    }

    /// Every connection reads more than a hundred fields, where a request cannot choose its connection: it waits for a place or has one
    /// of its own.
    fn opens_wide(&self) -> bool {
        self.pins.is_some() || self.servers.queue.is_some()
    }

    /// A new connection to this server, `wide` as for [`Self::pooled`]; its place, where places are counted, must have been taken.
    pub async fn connect(
        self: &Rc<Self>,
        pick: Pick,
        wide: bool,
        (place, file): (Option<Place>, OpenFile),
        now: Time,
    ) -> io::Result<Way> {
        let Some(line) = self.lines.get(pick.server) else { return Err(io::ErrorKind::NotFound.into()) };
        // A few at a time: what is down must not get everybody at the moment it comes back.
        let _turn = if pick.despite { line.tries.acquire().await.ok() } else { None };
        let wide = wide || self.opens_wide() || self.servers.list.get(pick.server).is_some_and(Server::is_wide);
        let file = Some(file);
        let wire = if self.speaks_http2() { line.open_shared(now, file).await? } else { line.open(wide, file).await? };
        Ok(self.way(wire, place, pick.server, false))
    }

    /// Where places are counted, one at this server or nothing; elsewhere as many as you like.
    pub fn place(&self, server: usize) -> Option<Option<Place>> {
        match &self.servers.queue {
            None => Some(None),
            Some(_) => self.servers.take(server).map(Some),
        }
    }

    /// Whose the connection of an exchange is from its beginning; nothing where none is anybody's.
    pub fn whose(&self, client: &Rc<Client>, session: Option<&Arc<Session>>) -> Option<Whose> {
        self.pins.as_ref().and_then(|_| Whose::new(client, session))
    }

    /// The connection that is theirs already, if it is open.
    pub fn pinned(self: &Rc<Self>, whose: &Whose) -> Option<Way> {
        let Pin { wire, server, place, .. } = self.pins.as_ref()?.take(whose)?;
        Some(self.way(wire, place, server, true))
    }

    fn way(self: &Rc<Self>, wire: Box<Wire>, place: Option<Place>, server: usize, reused: bool) -> Way {
        Way { wire, reused, bound: false, place, seat: None, whose: None, at: At::new(self, server) }
    }

    /// To who waits longest on this core; if nobody does, or from time to time while others wait elsewhere, the connection is closed,
    /// so that its place comes free for any core.
    fn hand_over(self: &Rc<Self>, wire: Box<Wire>, place: Option<Place>, server: usize, waiting: u32) {
        // Made here, so that what is closed is closed before its place is free.
        let way = self.way(wire, place, server, true);
        let mut waiters = self.waiters.borrow_mut();
        waiters.retain(|waiter| !waiter.is_closed());
        let elsewhere = (waiting as usize).saturating_sub(waiters.len()) > 0;
        self.handed.set(self.handed.get().wrapping_add(1));
        if elsewhere && self.handed.get().is_multiple_of(FOR_OTHERS) {
            return;
        }
        if let Some(waiter) = waiters.pop_front() {
            drop(waiters);
            // Nobody else runs on this core between the look and this.
            drop(waiter.send(way));
        }
    }

    /// Closes connections that have been idle for too long, or whose places or files are waited for.
    pub fn prune(&self, now: Time) {
        let waiting = self.servers.queue.as_ref().map_or(0, super::servers::Queue::waiting);
        let wanted = waiting > 0 || self.files.is_scarce();
        for (line, server) in self.lines.iter().zip(&self.servers.list) {
            line.prune(now, (wanted, server.is_wide()));
        }
        if let Some(pins) = &self.pins {
            pins.prune(now, waiting);
        }
    }
}

/// Every so many connections one is closed for those who wait on other cores.
const FOR_OTHERS: u32 = 8;
