//! The service user's connections: a few are kept and shared, and another is made when all are in use or gone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::Fault;
use super::connection::{BUSY, Connection, SUCCESS, Target, UNAVAILABLE, said};
use crate::base::{Clock, Time};
use crate::config::directory::Ldap;

pub(in crate::directory) struct Service {
    clock: Clock,
    /// At most [`MOST_KEPT`].
    kept: Mutex<Vec<Kept>>,
    opening: Semaphore,
    /// The server's words when it last refused the service user's password, when, and how often in a row.
    refused: Mutex<Option<(Time, u32, String)>>,
}

/// A connection on which the service user is signed in, and where it leads.
#[derive(Clone)]
pub(in crate::directory) struct Kept {
    pub connection: Arc<Connection>,
    pub url: Arc<str>,
    /// Milliseconds.
    used_at: Arc<AtomicU64>,
}

impl Service {
    pub fn new(clock: Clock) -> Self {
        Self { clock, kept: Mutex::default(), opening: Semaphore::new(OPENING_AT_ONCE), refused: Mutex::default() }
    }

    /// The kept connection with the least to do. Nothing where another is to be made: none is left, or each has something to do and
    /// there may be more. (Several requests go over one connection at once; but some servers answer them one by one.)
    pub fn kept(&self) -> Option<Kept> {
        let now = self.clock.now();
        let mut all = self.all();
        // What a firewall forgot silently would cost whoever uses it next the time of a failure.
        all.retain(|kept| !kept.connection.is_closed() && now.since(kept.used_at()) < IDLE);
        let idlest = all.iter().min_by_key(|kept| Arc::strong_count(&kept.connection))?;
        let is_idle = Arc::strong_count(&idlest.connection) == 1;
        (is_idle || all.len() >= MOST_KEPT).then(|| {
            idlest.used_at.store(now.millis(), Ordering::Relaxed);
            idlest.clone()
        })
    }

    /// Who makes a connection holds this meanwhile; others wait for it, so that a crowd makes a few and not as many as it counts.
    pub async fn place_to_open(&self) -> Option<SemaphorePermit<'_>> {
        self.opening.acquire().await.ok()
    }

    /// Makes a connection to this server and keeps it, if not enough are kept by then.
    pub async fn open(&self, target: &Target, config: &Ldap) -> Result<Kept, Fault> {
        if let Some(why) = self.is_refused() {
            return Err(Fault::Final(why));
        }
        let connection = Connection::open(target).await?;
        // Unlike a user's password this one may be sent to the next server, so that a server that hangs is soon left.
        let bound = connection.bind(&config.service_user, &config.service_password, SERVICE_BIND).await;
        let result = bound.map_err(|fault| Fault::Silent(fault.words()))?;
        match result.rc {
            SUCCESS => {
                *self.refused() = None;
                let used_at = Arc::new(AtomicU64::new(self.clock.now().millis()));
                let kept = Kept { connection: Arc::new(connection), url: target.url.as_str().into(), used_at };
                let mut all = self.all();
                if all.len() < MOST_KEPT {
                    all.push(kept.clone());
                }
                Ok(kept)
            }
            BUSY | UNAVAILABLE => Err(Fault::Server(said(&result))),
            8 | 13 => Err(Fault::Final(format!(
                "the service user may sign in over TLS only; use ldaps:// or starttls = true ({})",
                said(&result)
            ))),
            // No other server is asked: a wrong password would soon lock the service user's account.
            rc => {
                let why = format!("the service user {} was refused ({})", config.service_user, said(&result));
                // Active Directory says why: what is not the password's fault can be tried without harm.
                let is_wrong = !result.text.contains("data ") || result.text.contains("data 52e");
                if rc == INVALID_CREDENTIALS && is_wrong {
                    let mut refused = self.refused();
                    let times = refused.as_ref().map_or(0, |(_, times, _)| *times);
                    *refused = Some((self.clock.now(), times.saturating_add(1), why.clone()));
                }
                Err(Fault::Final(why))
            }
        }
    }

    /// A password that was refused would be refused at every sign-in, and the service user's account soon be locked: it is shown
    /// again only after a minute, and then only when a usual observation window has passed. A reload begins anew.
    fn is_refused(&self) -> Option<String> {
        let refused = self.refused();
        let (at, times, why) = refused.as_ref()?;
        let pause = if *times == 1 { FIRST_PAUSE } else { LONG_PAUSE };
        let left = pause.saturating_sub(self.clock.now().since(*at));
        let minutes = left.as_secs().div_ceil(60);
        (!left.is_zero()).then(|| format!("{why}; it is tried again in {minutes} min, or after a reload"))
    }

    fn refused(&self) -> MutexGuard<'_, Option<(Time, u32, String)>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops keeping this connection; it is closed when the last who uses it is done.
    pub fn forget(&self, gone: &Kept) {
        self.all().retain(|kept| !Arc::ptr_eq(&kept.connection, &gone.connection));
    }

    /// Stops keeping any connection to this server, as it lets people wait.
    pub fn forget_server(&self, url: &str) {
        self.all().retain(|kept| &*kept.url != url);
    }

    fn all(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn used_at(&self) -> Time {
        Time::from_millis(self.used_at.load(Ordering::Relaxed))
    }
}

const SERVICE_BIND: Duration = Duration::from_millis(1700);
const MOST_KEPT: usize = 4;
const OPENING_AT_ONCE: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONG_PAUSE: Duration = Duration::from_secs(31 * 60);
/// RFC 4511 section 4.1.9
const INVALID_CREDENTIALS: u32 = 49;
const IDLE: Duration = Duration::from_secs(5 * 60);
