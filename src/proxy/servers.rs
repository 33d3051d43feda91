//! One application's servers as all cores of the node see them: whether each is well, what it is called, and how many places it has.
//! Read by every request without a lock; written when something fails or turns.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use rustls::ClientConfig;
use tokio::sync::Notify;

use super::balance;
use super::health::{Change, Health, Turns, View};
use super::seats::Seats;
use crate::base::Time;
use crate::base::tls::{ClientTls, Shown};
use crate::config;
use crate::config::upstream::Cap;

#[derive(Debug)]
pub(super) struct Servers {
    pub list: Vec<Server>,
    /// How much each is given at once, where that is limited.
    pub queue: Option<Queue>,
    /// Who may have how much of it, where it is limited.
    pub seats: Option<Seats>,
    /// Whether a core has taken it upon itself to ask them how they are.
    are_checked: AtomicBool,
}

#[derive(Debug)]
pub(super) struct Server {
    application: Arc<str>,
    /// As the operator writes it.
    pub label: String,
    /// What the sticky cookie calls it: tells nobody its name, and is the same on every node.
    pub name: String,
    /// What sessions are measured against.
    pub seed: u64,
    pub is_checked: bool,
    /// How it is connected to, where it has TLS.
    tls: Option<Arc<ClientConfig>>,
    /// The certificate that it showed last.
    pub shown: Shown,
    /// [`View::code`], so that a request takes no lock.
    view: AtomicU64,
    shaken: AtomicBool,
    health: Mutex<Health>,
    taken: AtomicU32,
    /// It has answered with more than a hundred fields.
    is_wide: AtomicBool,
}

/// Who has a seat and waits for a place at any of the servers, of all cores: a connection that is idle elsewhere may still hold it.
#[derive(Debug)]
pub(super) struct Queue {
    pub cap: Cap,
    waiting: AtomicU32,
    /// Told once for each place that comes free while somebody waits.
    pub freed: Notify,
}

/// A place at a server: a connection, or a request where many share one. Free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    servers: Arc<Servers>,
    pub server: usize,
}

/// A place in the queue.
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a Queue);

impl Servers {
    /// `tls` is how those are connected to that have it.
    pub fn new(application: &config::Application, tls: Option<&ClientTls>) -> Arc<Self> {
        let upstream = &application.upstream;
        let turns = upstream.health.as_ref().map(|health| Turns { fall: health.fall, rise: health.rise });
        let server = |server: &config::upstream::Server| {
            let (label, shown) = (server.to_string(), Shown::default());
            let hash = digest::digest(&digest::SHA256, format!("server {} {label}", application.name).as_bytes());
            let health = Health::new(turns);
            Server {
                application: Arc::clone(&application.name),
                name: BASE64URL_NOPAD.encode(hash.as_ref().split_at(NAME).0),
                seed: balance::seed(&label),
                label,
                is_checked: turns.is_some(),
                tls: tls.filter(|_| server.tls).map(|tls| tls.for_server(&shown)),
                shown,
                view: AtomicU64::new(health.view().code()),
                shaken: AtomicBool::default(),
                health: Mutex::new(health),
                taken: AtomicU32::default(),
                is_wide: AtomicBool::default(),
            }
        };
        Arc::new(Self {
            list: upstream.servers.iter().map(server).collect(),
            queue: upstream.cap.map(|cap| Queue { cap, waiting: AtomicU32::default(), freed: Notify::default() }),
            seats: upstream.cap.map(|_| Seats::default()),
            are_checked: AtomicBool::default(),
        })
    }

    /// How this server is connected to, where it has TLS.
    pub fn tls(&self, server: usize) -> Option<&Arc<ClientConfig>> {
        self.list.get(server)?.tls.as_ref()
    }

    /// True for the first who asks.
    pub fn claim_checks(&self) -> bool {
        !self.are_checked.swap(true, Ordering::Relaxed)
    }

    /// How many places all servers have that are well; where none is, each is tried. Nothing where they are not counted.
    pub fn capacity(&self) -> u32 {
        let Some(queue) = &self.queue else { return 0 };
        let well = self.list.iter().filter(|server| !matches!(server.view(), View::Paused(_) | View::Ailing)).count();
        let used = if well == 0 { self.list.len() } else { well };
        u32::try_from(used).unwrap_or(u32::MAX).saturating_mul(queue.cap.connections)
    }

    /// A place at this server if it has one left. Only where there is a queue.
    pub fn take(self: &Arc<Self>, server: usize) -> Option<Place> {
        let most = self.queue.as_ref()?.cap.connections;
        let one_more = |taken: u32| (taken < most).then_some(taken + 1);
        self.list.get(server)?.taken.fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_more).ok()?;
        Some(Place { servers: Arc::clone(self), server })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(server) = self.servers.list.get(self.server) {
            server.taken.fetch_sub(1, Ordering::AcqRel);
        }
        if let Some(queue) = self.servers.queue.as_ref().filter(|queue| queue.waiting() > 0) {
            queue.freed.notify_one();
        }
    }
}

impl Queue {
    pub fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Acquire)
    }

    /// Bounded by the seats.
    pub fn join(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        Waiting(self)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Server {
    pub fn is_wide(&self) -> bool {
        self.is_wide.load(Ordering::Relaxed)
    }

    /// It has answered with more fields than are read without being asked to.
    pub fn widen(&self) {
        if !self.is_wide.swap(true, Ordering::Relaxed) {
            let application = self.application.as_ref();
            tracing::info!(
                application,
                server = self.label,
                "{} answers with more than 100 header fields; up to 1000 are read from now on",
                self.label
            );
        }
    }

    pub fn view(&self) -> View {
        View::from_code(self.view.load(Ordering::Relaxed))
    }

    /// Whether it is given requests as any other.
    pub fn is_up(&self) -> bool {
        !matches!(self.view(), View::Paused(_) | View::Ailing)
    }

    /// It answered a request that was sent at `begun`.
    pub fn succeeded(&self, begun: Time, now: impl FnOnce() -> Time) {
        if self.shaken.load(Ordering::Relaxed) || matches!(self.view(), View::Paused(_)) {
            self.turn(|health| health.succeeded(begun, now()), "it answers");
        }
    }

    /// A request that was sent at `begun` failed, for this reason.
    pub fn failed(&self, begun: Time, now: Time, why: &str) {
        tracing::debug!(application = self.application.as_ref(), server = self.label, why, "a server failed");
        self.turn(|health| health.failed(begun, now), why);
    }

    pub fn checked(&self, result: Result<(), String>, now: Time) {
        let good = result.is_ok();
        let why = result.err().unwrap_or_else(|| "its checks are good".to_owned());
        self.turn(|health| health.checked(good, now), &why);
    }

    /// Whether this request may find out if a server is back whose pause is over.
    pub fn try_out(&self, now: Time) -> bool {
        let mut may = false;
        self.turn(
            |health| {
                may = health.try_out(now);
                None
            },
            "",
        );
        may
    }

    fn turn(&self, change: impl FnOnce(&mut Health) -> Option<Change>, why: &str) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut health);
        self.view.store(health.view().code(), Ordering::Relaxed);
        self.shaken.store(health.is_shaken(), Ordering::Relaxed);
        drop(health);
        let (application, server) = (self.application.as_ref(), self.label.as_str());
        match changed {
            Some(Change::Down) => tracing::warn!(application, server, "the server {server} of {application} is down: {why}"),
            Some(Change::Back) => tracing::info!(application, server, "the server {server} of {application} is back: {why}"),
            None => {}
        }
    }
}

/// Bytes of a server's name in the cookie.
const NAME: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(upstream: &str) -> Arc<Servers> {
        let text = include_str!("../config/testdata/minimal.toml").replace("{ servers = [\"http://127.0.0.1:8080\"] }", upstream);
        let config = config::parse(&text, std::path::Path::new("/"), &|_| None).unwrap();
        Servers::new(&config.applications[0], None)
    }

    #[test]
    fn there_are_never_more_places_taken_than_allowed() {
        let servers = servers("{ servers = [\"http://a\", \"http://b\"], connections = 2, queue = 1 }");
        let first = servers.take(0).unwrap();
        let _second = servers.take(0).unwrap();
        assert!(servers.take(0).is_none());
        assert!(servers.take(1).is_some());
        drop(first);
        assert!(servers.take(0).is_some());
    }

    #[test]
    fn a_server_has_a_name_that_does_not_tell_where_it_is() {
        let servers = servers("{ servers = [\"http://a.example\", \"http://b.example\"] }");
        let [first, second] = [0, 1].map(|place| servers.list[place].name.clone());
        assert!(first != second && first.len() == 12 && !first.contains("example"));
        assert!(servers.take(0).is_none(), "nothing is counted without a cap");
    }
}
