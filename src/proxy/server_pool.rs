//! One server as one core sees it: the connections to it that are open from here.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use hyper::client::conn::http2;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};

use super::connect::Target;
use super::connection::Wire;
use super::request_body::RequestBody;
use super::servers::Place;
use super::streams::{STREAMS, Stream};
use crate::base::Time;
use crate::base::files::OpenFile;

#[derive(Debug)]
pub(super) struct Line {
    target: Target,
    /// Exchanges that are under way.
    pub load: Cell<u32>,
    /// HTTP/1.1: last in, first out.
    idle: RefCell<Vec<Idle>>,
    /// Those that read more than a hundred fields of an answer, which costs more.
    wide: RefCell<Vec<Idle>>,
    /// The last time that was told: at most a sweep ago.
    now: Cell<Time>,
    /// HTTP/2: shared by many exchanges.
    shared: RefCell<Vec<Shared>>,
    /// Who opens a shared connection; the others wait and then share it.
    opening: Mutex<()>,
    /// How many may try a server that is held to be down, where there is no other.
    pub tries: Semaphore,
}

#[derive(Debug)]
struct Idle {
    wire: Box<Wire>,
    since: Time,
    place: Option<Place>,
}

#[derive(Debug)]
struct Shared {
    sender: http2::SendRequest<RequestBody>,
    streams: Rc<Cell<u32>>,
    carried: u32,
    used: Time,
}

impl Line {
    pub fn new(target: Target) -> Self {
        Self {
            target,
            load: Cell::default(),
            idle: RefCell::default(),
            wide: RefCell::default(),
            now: Cell::default(),
            shared: RefCell::default(),
            opening: Mutex::default(),
            tries: Semaphore::new(TRIES),
        }
    }

    /// `wide` where the server answers with more than a hundred fields.
    pub async fn open(&self, wide: bool, file: Option<OpenFile>) -> io::Result<Box<Wire>> {
        let (sender, connection, will) = self.target.http1(wide, file).await?;
        let mut wire = Wire::new(sender, connection.with_upgrades(), will);
        wire.is_wide = wide;
        Ok(wire)
    }

    /// The idle connection that was used last, with its place; `wide`: one that reads more than a hundred fields of an answer, which
    /// others take only for want of another.
    pub fn pooled(&self, wide: bool, now: Time) -> Option<(Box<Wire>, Option<Place>)> {
        self.now.set(now);
        let narrow = if wide { None } else { freshest(&self.idle, now) };
        narrow.or_else(|| freshest(&self.wide, now))
    }

    /// Idle from now on, as near as a sweep tells; to ask the clock would cost more than the rest. When full, the connection is closed.
    pub fn pool(&self, place: Option<Place>, wire: Box<Wire>) {
        let mut idle = if wire.is_wide { self.wide.borrow_mut() } else { self.idle.borrow_mut() };
        if idle.len() < IDLE_MOST && idle_time(&wire) > Duration::ZERO {
            idle.push(Idle { wire, since: self.now.get(), place });
        }
    }

    /// A stream on a connection that is open.
    pub fn shared(&self, now: Time) -> Option<Box<Wire>> {
        let mut shared = self.shared.borrow_mut();
        shared.retain(|open| !open.sender.is_closed() && open.carried < CARRY_MOST);
        let room = shared.len() >= SHARED_MOST;
        let open = shared.iter_mut().filter(|open| room || open.streams.get() < STREAMS);
        let open = open.min_by_key(|open| open.streams.get())?;
        (open.carried, open.used) = (open.carried + 1, now);
        Some(Wire::shared(open.sender.clone(), Stream::on(&open.streams)))
    }

    /// A stream, on a new connection where the others are full.
    pub async fn open_shared(&self, now: Time, file: Option<OpenFile>) -> io::Result<Box<Wire>> {
        let _alone = self.opening.lock().await;
        if let Some(wire) = self.shared(now) {
            return Ok(wire);
        }
        let sender = self.target.http2(file).await?;
        let streams = Rc::default();
        let wire = Wire::shared(sender.clone(), Stream::on(&streams));
        self.shared.borrow_mut().push(Shared { sender, streams, carried: 1, used: now });
        Ok(wire)
    }

    /// Closes connections that have been idle for too long, that the server has closed, or that read too few fields for it where `wide`;
    /// all of them where somebody elsewhere waits for their places.
    pub fn prune(&self, now: Time, (wanted, wide): (bool, bool)) {
        self.now.set(now);
        let fits = |idle: &mut Idle| !wanted && now.since(idle.since) < idle_time(&idle.wire) && idle.wire.is_alive();
        self.idle.borrow_mut().retain_mut(|idle| !wide && fits(idle));
        self.wide.borrow_mut().retain_mut(fits);
        let is_used = |open: &Shared| open.streams.get() > 0 || now.since(open.used) < SHARED_IDLE_TIME;
        self.shared.borrow_mut().retain(|open| !open.sender.is_closed() && is_used(open));
    }
}

/// What was used last of these, unless it has been idle for too long.
fn freshest(idle: &RefCell<Vec<Idle>>, now: Time) -> Option<(Box<Wire>, Option<Place>)> {
    let mut idle = idle.borrow_mut();
    let Idle { wire, since, place } = idle.pop()?;
    if now.since(since) >= idle_time(&wire) {
        // The others are older still.
        idle.clear();
        return None;
    }
    Some((wire, place))
}

/// Closed a second before the server would.
fn idle_time(wire: &Wire) -> Duration {
    wire.rest.map_or(IDLE_TIME, |rest| rest.saturating_sub(Duration::from_secs(1)).min(IDLE_TIME))
}

/// Below what servers usually allow (the shortest default in wide use is five seconds), so that we close first.
const IDLE_TIME: Duration = Duration::from_secs(4);
const IDLE_MOST: usize = 256;
/// The same over HTTP/2, where a minute is usual.
const SHARED_IDLE_TIME: Duration = Duration::from_secs(30);
/// Shared connections of this core to one server; when they are full, streams wait inside the connection.
const SHARED_MOST: usize = 8;
/// Exchanges over a shared connection's life. Below the thousand after which nginx closes it, so that we are first: who is late
/// for a connection that the server closes is refused, and nobody can tell what became of the request.
const CARRY_MOST: u32 = 900;
const TRIES: usize = 8;
