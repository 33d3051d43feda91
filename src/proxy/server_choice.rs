//! The search of one request for a connection: a server is chosen, asked at most once, and the next one after it; where places are
//! counted and none is free, the request waits in the queue for a while.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::forward_error::ForwardError;
use super::seats::{Holder, Seat};
use super::servers::{Place, Queue};
use super::upstream::{Guest, Pick, Upstream, Way};
use crate::base::Time;

pub(super) struct Search<'a> {
    upstream: &'a Rc<Upstream>,
    guest: Guest<'a>,
    connect_wait: Duration,
    pub begun: Time,
    /// Only where places are counted.
    holder: Option<Arc<Holder>>,
    seat: Option<Seat>,
    /// Servers that are not asked again.
    tried: Vec<usize>,
    /// Where a connection that was kept open turned out to be closed: there once more, with a new one.
    again: Option<usize>,
    /// A request that may have reached a server was sent once more.
    pub has_tried_again: bool,
    /// The request may be sent once only: a connection that reads no more than a hundred fields of its answer will not do.
    pub must_read_all: bool,
    /// Why the last server could not be connected to.
    last: Option<io::Error>,
}

impl<'a> Search<'a> {
    pub fn new(
        (upstream, guest): (&'a Rc<Upstream>, Guest<'a>),
        holder: Option<Arc<Holder>>,
        connect_wait: Duration,
        begun: Time,
    ) -> Self {
        let (seat, tried, again, last) = (None, Vec::new(), None, None);
        let (has_tried_again, must_read_all) = (false, false);
        Self { upstream, guest, connect_wait, begun, holder, seat, tried, again, has_tried_again, must_read_all, last }
    }

    /// A connection that is open already, without waiting for anything.
    pub fn pooled(&mut self) -> Option<Way> {
        if let Some(holder) = &self.holder {
            self.seat = Some(holder.take()?);
        }
        let pooled = self.open();
        pooled.map(|way| way.seated(self.seat.take()))
    }

    fn open(&mut self) -> Option<Way> {
        let pick = self.upstream.pick(self.guest, &self.tried, self.begun)?;
        let pooled = self.upstream.pooled(pick.server, self.must_read_all, self.begun);
        if pooled.is_none() {
            self.again = Some(pick.server);
        }
        pooled
    }

    /// A new connection.
    pub async fn connect(&mut self) -> Result<Way, ForwardError> {
        loop {
            let (pick, place) = match self.place().await? {
                Found::Way(way) => return Ok(way.seated(self.seat.take())),
                Found::Place(pick, place) => (pick, place),
            };
            let Some(file) = self.upstream.file(self.guest) else { return Err(ForwardError::Crowded) };
            let connecting = self.upstream.connect(pick, self.must_read_all, (place, file), self.begun);
            let connected = tokio::time::timeout(self.connect_wait, connecting).await;
            match connected.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time"))) {
                Ok(way) => return Ok(way.seated(self.seat.take())),
                Err(error) => {
                    if let Some(server) = self.upstream.servers.list.get(pick.server) {
                        let why = format!("it cannot be connected to: {error}");
                        server.failed(self.begun, self.upstream.clock.now(), &why);
                    }
                    self.tried.push(pick.server);
                    self.last = Some(error);
                }
            }
        }
    }

    /// A connection gave the request back without having sent anything of it.
    pub fn unsent(&mut self, way: &mut Way) {
        self.seat = way.seat.take();
        if way.reused {
            self.again = Some(way.server());
        } else {
            way.failed(self.begun, "it closes connections before it has taken a request");
            self.tried.push(way.server());
        }
    }

    /// Nobody knows what became of the request: the same server is asked with a new connection, and never a third time.
    pub fn try_again(&mut self, way: &mut Way) {
        self.seat = way.seat.take();
        self.has_tried_again = true;
        self.again = Some(way.server());
    }

    /// The server said that it has not touched the request: it is not to blame, but another is asked.
    pub fn refused(&mut self, way: &mut Way) {
        self.seat = way.seat.take();
        self.tried.push(way.server());
    }

    /// A place, once there is a seat for this client and a place for the seat.
    async fn place(&mut self) -> Result<Found, ForwardError> {
        if (self.seat.is_some() || self.holder.is_none())
            && let Some(found) = self.next()?
        {
            return Ok(found);
        }
        let Some(queue) = self.upstream.servers.queue.as_ref() else { return Err(ForwardError::Busy) };
        let waited = tokio::time::timeout(queue.cap.queue_wait, self.waited(queue)).await;
        waited.unwrap_or(Err(ForwardError::Busy))
    }

    async fn waited(&mut self, queue: &Queue) -> Result<Found, ForwardError> {
        if let Some(holder) = self.holder.as_ref().filter(|_| self.seat.is_none()) {
            let mut waiting = holder.wait(self.upstream.core()).ok_or(ForwardError::Busy)?;
            self.seat = Some(waiting.seat().await.ok_or(ForwardError::Busy)?);
        }
        match self.next()? {
            Some(found) => Ok(found),
            None => Ok(self.wait(queue).await),
        }
    }

    /// The next server that has a place; nothing if there are servers, but all are full.
    fn next(&mut self) -> Result<Option<Found>, ForwardError> {
        let upstream = self.upstream;
        if let Some(server) = self.again.take().filter(|server| !self.tried.contains(server)) {
            // What is held to be down was chosen for want of another.
            let down = upstream.servers.list.get(server).is_some_and(|server| server.view().share(self.begun) == 0);
            let is_alone = upstream.servers.list.len() == 1;
            if !self.others_wait()
                && let Some(place) = upstream.place(server)
            {
                return Ok(Some(Found::Place(Pick { server, despite: down && is_alone }, place)));
            }
        }
        if self.others_wait() {
            return Ok(None);
        }
        if let Some(found) = self.found() {
            return Ok(Some(found));
        }
        if upstream.servers.queue.is_some() && self.tried.len() < upstream.servers.list.len() {
            return Ok(None);
        }
        Err(ForwardError::Unreachable(self.last.take().unwrap_or_else(|| io::ErrorKind::NotConnected.into())))
    }

    /// Whoever came earlier and waits goes first.
    fn others_wait(&self) -> bool {
        self.upstream.servers.queue.as_ref().is_some_and(|queue| queue.waiting() > 0)
    }

    /// The best server that has a place or, where places are counted, an open connection which holds one.
    fn found(&self) -> Option<Found> {
        let mut passed = self.tried.clone();
        loop {
            let pick = self.upstream.pick(self.guest, &passed, self.begun)?;
            if self.upstream.servers.queue.is_some()
                && let Some(way) = self.upstream.pooled(pick.server, self.must_read_all, self.begun)
            {
                return Some(Found::Way(Box::new(way)));
            }
            if let Some(place) = self.upstream.place(pick.server) {
                return Some(Found::Place(pick, place));
            }
            passed.push(pick.server);
        }
    }

    /// Until this core gives a connection back, or a place comes free anywhere.
    async fn wait(&self, queue: &Queue) -> Found {
        let _waiting = queue.join();
        let (sender, mut handed) = oneshot::channel();
        {
            let mut waiters = self.upstream.waiters.borrow_mut();
            waiters.retain(|waiter| !waiter.is_closed());
            waiters.push_back(sender);
        }
        loop {
            if let Some(found) = self.found() {
                return found;
            }
            tokio::select! {
                biased;
                Ok(way) = &mut handed => return Found::Way(Box::new(way)),
                () = queue.freed.notified() => {}
            }
        }
    }
}

enum Found {
    Way(Box<Way>),
    /// Where places are counted, with one.
    Place(Pick, Option<Place>),
}
