//! Upstream connections that are pinned: each belongs to one client connection and one session, because somebody signs in with the
//! connection itself (NTLM, Negotiate: the server takes whatever comes over it for theirs). Nobody else ever gets it; it is closed when
//! the client's connection or the session ends.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use super::client::Client;
use super::connection::Wire;
use super::servers::Place;
use crate::auth::session::Session;
use crate::base::Time;

/// One application's pinned connections on one core that carry no exchange at the moment.
#[derive(Debug, Default)]
pub(super) struct Pins(RefCell<HashMap<*const Client, Kept>>);

/// Whose a pinned connection is.
#[derive(Clone, Debug)]
pub(super) struct Whose {
    pub client: Rc<Client>,
    /// Nothing on a public path without one.
    pub session: Option<Arc<Session>>,
}

#[derive(Debug)]
struct Kept {
    /// As long as this is here nobody else is at the client's place in memory.
    client: Weak<Client>,
    /// The oldest first.
    pins: Vec<Pin>,
}

/// A connection to this server, with its place where places are counted.
#[derive(Debug)]
pub(super) struct Pin {
    pub wire: Box<Wire>,
    pub server: usize,
    pub place: Option<Place>,
    pub since: Time,
    session: Option<Arc<Session>>,
}

impl Pin {
    pub fn new(wire: Box<Wire>, server: usize, place: Option<Place>, since: Time) -> Self {
        Self { wire, server, place, since, session: None }
    }
}

impl Whose {
    /// Nothing where an exchange belongs to nobody who could be told from others: without a session on a connection that carries the
    /// requests of many.
    pub fn new(client: &Rc<Client>, session: Option<&Arc<Session>>) -> Option<Self> {
        if session.is_none() && client.is_of_many() {
            return None;
        }
        Some(Self { client: Rc::clone(client), session: session.cloned() })
    }

    fn has(&self, pin: &Pin) -> bool {
        match (&self.session, &pin.session) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Pins {
    /// The connection that is theirs, if it is still open.
    pub fn take(&self, whose: &Whose) -> Option<Pin> {
        let mut all = self.0.borrow_mut();
        let kept = all.get_mut(&Rc::as_ptr(&whose.client))?;
        if whose.session.is_some() {
            // Who signs in leaves behind what was signed on to before.
            kept.pins.retain(|pin| pin.session.is_some());
        }
        // The newest; there are several only where exchanges of one session overlapped.
        let place = kept.pins.iter().rposition(|pin| whose.has(pin))?;
        let mut pin = kept.pins.remove(place);
        pin.wire.is_alive().then_some(pin)
    }

    /// Keeps it for who it belongs to. The oldest of a client that has too many is closed.
    pub fn keep(&self, whose: Whose, pin: Pin) {
        let mut all = self.0.borrow_mut();
        let kept = all.entry(Rc::as_ptr(&whose.client));
        let kept = kept.or_insert_with(|| Kept { client: Rc::downgrade(&whose.client), pins: Vec::new() });
        // One for each session is enough.
        kept.pins.retain(|other| !whose.has(other));
        if kept.pins.len() >= MOST {
            kept.pins.remove(0);
        }
        kept.pins.push(Pin { session: whose.session, ..pin });
    }

    /// Closes what belongs to a client that has gone or to a session that is over, and what the server has closed. Where others wait
    /// for so many places, those that have been idle for longest are given up, too.
    pub fn prune(&self, now: Time, waiting: u32) {
        let mut all = self.0.borrow_mut();
        let is_over = |pin: &Pin| pin.session.as_ref().is_some_and(|session| session.is_over(now));
        all.retain(|_, kept| {
            if kept.client.strong_count() == 0 {
                return false;
            }
            kept.pins.retain_mut(|pin| !is_over(pin) && pin.wire.is_alive());
            !kept.pins.is_empty()
        });
        for _ in 0..waiting {
            let kept = all.values_mut().filter(|kept| kept.pins.first().is_some_and(|pin| now.since(pin.since) >= PATIENCE));
            let Some(oldest) = kept.min_by_key(|kept| kept.pins.first().map(|pin| pin.since)) else { return };
            oldest.pins.remove(0);
        }
    }
}

/// For one client connection: more than one only where a proxy in front sends several sessions over it.
const MOST: usize = 8;
/// A sign-in of several steps goes on within this; only then may a place be taken away.
const PATIENCE: Duration = Duration::from_secs(1);
