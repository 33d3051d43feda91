//! Sessions: one sign-in each, the keys that open them, and the permits that are made from them.

mod by_user;
mod cookie;
mod identity;
mod interner;
mod permit;
pub mod recheck;
pub mod registry;
mod upkeep;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use cookie::Cookie;
pub(in crate::auth) use cookie::KeyId;
pub use identity::IdentityHeaders;
pub use permit::{AccessRequest, Asks, Key, KeyScope, Permit};
pub use upkeep::Served;

use crate::audit::reason::SessionOver;
use crate::auth::flow::Grant;
use crate::auth::session::interner::Interner;
use crate::base::{Factor, Time, UserId};
use crate::config::application::SessionLimits;
use crate::directory::{PasswordMark, User};
use crate::store::{Kind, Stored};

/// One sign-in while it lives. Shared by every core; read on every request without a lock.
///
/// What requests look at stands in front: with the counts of its `Arc` it is 64 bytes, one line of a processor's cache. Where many are
/// signed in each line of a session comes from memory, and that takes longer than all that is done with it.
#[derive(Debug)]
#[repr(C)]
pub struct Session {
    last_seen: AtomicU64,
    /// When its absolute time is over.
    expires: Time,
    /// For so many milliseconds it may rest.
    idle: u64,
    /// Set where the password alone was enough because of the address: outside these it opens nothing.
    only_from: Option<Arc<Vec<IpNet>>>,
    identity: ArcSwap<Identity>,
    ended: AtomicBool,

    /// Never leaves the server; letters and digits.
    pub id: Arc<str>,
    /// Higher than those of all that began before it on this node.
    pub(in crate::auth) number: u64,
    pub user: UserId,
    /// Which password it began with, as far as the directory said.
    pub password_mark: Option<PasswordMark>,
    /// What was proven, in order.
    pub factors: Box<[Factor]>,
    pub opened: Time,
    /// The last use that is on record.
    recorded: AtomicU64,
    /// Where its keys are kept.
    keys: Mutex<Vec<KeyId>>,
}

/// A session's user as the directory last had them. What requests look at stands in front here too.
#[derive(Debug)]
#[repr(C)]
pub struct Identity {
    headers: OnceLock<IdentityHeaders>,
    pub user: User,
}

impl Identity {
    fn new(user: User) -> Arc<Self> {
        Arc::new(Self { user, headers: OnceLock::new() })
    }

    /// How applications are told who this is. Made at the first request that tells one.
    pub fn headers(&self) -> &IdentityHeaders {
        self.headers.get_or_init(|| IdentityHeaders::of(&self.user))
    }

    /// The account name, as the directory spells it.
    pub fn name(&self) -> &str {
        // A request that was introduced has its words at hand.
        self.headers.get().and_then(IdentityHeaders::plain_name).unwrap_or(&self.user.name)
    }
}

struct Times {
    opened: Time,
    idle: Duration,
    absolute: Duration,
    last_seen: Time,
}

/// What a session's record holds.
#[derive(Serialize, Deserialize)]
pub(in crate::auth) struct SessionRecord {
    pub user: User,
    pub factors: Vec<Factor>,
    pub opened: Time,
    pub idle: Duration,
    pub absolute: Duration,
    pub only_from: Option<Vec<String>>,
    pub last_seen: Time,
}

impl Stored for SessionRecord {
    const KIND: Kind = Kind::Session;
    const FORMAT: u8 = 1;
}

impl Session {
    pub(in crate::auth) fn new(
        own: (Arc<str>, u64),
        grant: Grant,
        limits: SessionLimits,
        now: Time,
        nets: &Interner<Vec<IpNet>>,
    ) -> Self {
        let (user, factors, only_from) = grant.into_parts();
        let SessionLimits { idle, absolute } = limits;
        Self::made(
            own,
            user,
            factors,
            Times { opened: now, idle, absolute, last_seen: now },
            only_from.map(|list| nets.intern(list)),
        )
    }

    pub(in crate::auth) fn from_record(own: (Arc<str>, u64), kept: SessionRecord, nets: &Interner<Vec<IpNet>>) -> Self {
        let SessionRecord { user, factors, opened, idle, absolute, only_from, last_seen } = kept;
        // A network that does not read any more must not widen anything: it is left out, an empty list opens nothing.
        let only_from = only_from.map(|list| nets.intern(list.iter().filter_map(|net| net.parse().ok()).collect()));
        Self::made(own, user, factors, Times { opened, idle, absolute, last_seen }, only_from)
    }

    fn made(
        (id, number): (Arc<str>, u64),
        user: User,
        factors: Vec<Factor>,
        times: Times,
        only_from: Option<Arc<Vec<IpNet>>>,
    ) -> Self {
        Self {
            last_seen: AtomicU64::new(times.last_seen.millis()),
            expires: times.opened.plus(times.absolute),
            idle: Time::default().plus(times.idle).millis(),
            only_from,
            ended: AtomicBool::new(false),
            id,
            number,
            user: user.id.clone(),
            password_mark: user.password_mark.clone(),
            identity: ArcSwap::new(Identity::new(user)),
            factors: factors.into(),
            opened: times.opened,
            recorded: AtomicU64::new(times.last_seen.millis()),
            keys: Mutex::default(),
        }
    }

    pub(in crate::auth) fn record(&self) -> SessionRecord {
        SessionRecord {
            user: User { password_mark: self.password_mark.clone(), ..self.identity().user.clone() },
            factors: self.factors.to_vec(),
            opened: self.opened,
            idle: self.idle(),
            absolute: self.expires.since(self.opened),
            only_from: self.only_from.as_ref().map(|nets| nets.iter().map(ToString::to_string).collect()),
            last_seen: self.last_seen(),
        }
    }

    /// Its user, without a lock.
    pub fn identity(&self) -> Guard<Arc<Identity>> {
        self.identity.load()
    }

    /// The directory has its user so now; applications are told from the next request on. Says whether they are told anything new. A
    /// session's user does not become another one: that is ignored.
    pub(in crate::auth) fn renew(&self, user: &User) -> bool {
        let is_told_so = |was: &User| (&was.name, &was.mail, &was.groups) == (&user.name, &user.mail, &user.groups);
        if user.id != self.user || is_told_so(&self.identity().user) {
            return false;
        }
        self.identity.store(Identity::new(user.clone()));
        // So that a restart does not bring the earlier words back.
        self.recorded.store(0, Ordering::Relaxed);
        true
    }

    /// Whether it has been ended, or its idle or absolute time is over.
    pub fn is_over(&self, now: Time) -> bool {
        self.ended.load(Ordering::Relaxed) || self.expired(now).is_some()
    }

    /// Which of its times is over.
    pub(in crate::auth) fn expired(&self, now: Time) -> Option<SessionOver> {
        if now >= self.expires {
            Some(SessionOver::Absolute)
        } else if now.since(self.last_seen()) >= self.idle() {
            Some(SessionOver::Idle)
        } else {
            None
        }
    }

    /// When its record may be forgotten at the latest.
    pub(in crate::auth) fn expires(&self) -> Time {
        self.expires
    }

    fn idle(&self) -> Duration {
        Duration::from_millis(self.idle)
    }

    pub(in crate::auth) fn last_seen(&self) -> Time {
        Time::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    /// Whether it was used since it was last written down.
    pub(in crate::auth) fn is_unrecorded(&self) -> bool {
        self.last_seen.load(Ordering::Relaxed) != self.recorded.load(Ordering::Relaxed)
    }

    /// Whether a crash would end it noticeably sooner: it was used so much later than what is on record.
    pub(in crate::auth) fn is_long_unrecorded(&self) -> bool {
        self.last_seen().since(Time::from_millis(self.recorded.load(Ordering::Relaxed))) >= self.idle() / LAG
    }

    pub(in crate::auth) fn recorded(&self, last_seen: Time) {
        self.recorded.store(last_seen.millis(), Ordering::Relaxed);
    }

    pub(in crate::auth) fn add_key(&self, key: KeyId) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).push(key);
    }

    pub(in crate::auth) fn keys(&self) -> Vec<KeyId> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(in crate::auth) fn has_key(&self, is_meant: impl Fn(&KeyId) -> bool) -> bool {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).iter().any(is_meant)
    }

    /// Notes a request. A shared write at most once a second, whatever the load.
    fn seen(&self, now: Time) {
        if now.since(self.last_seen()) >= Duration::from_secs(1) {
            self.last_seen.store(now.millis(), Ordering::Relaxed);
        }
    }

    /// Notes that its user was at it at this moment, by what a request carries after its beginning. Says nothing new of a session that was
    /// over by then.
    pub fn used(&self, at: Time) {
        if !self.is_over(at) {
            self.seen(at);
        }
    }

    fn opens_from(&self, address: IpAddr) -> bool {
        self.only_from.as_ref().is_none_or(|nets| nets.iter().any(|net| net.contains(&address)))
    }

    /// Ends it for every request at once: what runs under it is cut at the next sweep.
    pub(in crate::auth) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// The use that is on record may be older than the last one by this part of the idle time.
const LAG: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(only_from: Option<Vec<IpNet>>) -> Key {
        let kept = SessionRecord {
            user: User::bare("alice"),
            factors: vec![Factor::Password],
            opened: Time::from_millis(1_000_000),
            idle: Duration::from_secs(60),
            absolute: Duration::from_secs(600),
            only_from: only_from.map(|nets| nets.iter().map(ToString::to_string).collect()),
            last_seen: Time::from_millis(1_000_000),
        };
        Key {
            scope: Arc::new(KeyScope { application: "mail".into(), host: "mail.example".into() }),
            session: Arc::new(Session::from_record(("s1".into(), 0), kept, &Interner::default())),
        }
    }

    fn wanted(seconds: u64) -> AccessRequest<'static> {
        AccessRequest {
            application: "mail",
            host: "mail.example",
            address: IpAddr::from([192, 0, 2, 1]),
            now: Time::from_millis(1_000_000 + seconds * 1000),
        }
    }

    #[test]
    fn what_is_on_record_lags_by_a_twentieth_of_the_idle_time_at_most() {
        let key = key(None);
        for (seconds, is_unrecorded, is_long) in [(0, false, false), (2, true, false), (3, true, true), (59, true, true)] {
            assert!(key.admit(&wanted(seconds)).is_some());
            assert_eq!((key.session.is_unrecorded(), key.session.is_long_unrecorded()), (is_unrecorded, is_long), "{seconds} s");
        }
        key.session.recorded(key.session.last_seen());
        assert!(!key.session.is_unrecorded() && !key.session.is_long_unrecorded());
        key.session.renew(&User { mail: Some("alice@example".into()), ..User::bare("alice") });
        assert!(key.session.is_long_unrecorded(), "its new words would be lost with a crash");
    }

    #[test]
    fn what_requests_look_at_is_in_one_line_of_the_cache() {
        const LINE: usize = 64;
        const COUNTS: usize = 2 * size_of::<usize>();
        assert!(COUNTS + std::mem::offset_of!(Session, id) <= LINE);
        assert!(COUNTS + std::mem::offset_of!(Identity, user) <= LINE);
        assert_eq!(size_of::<(KeyId, Key)>(), LINE);
        // As long as some lines it begins with one: so allocators place it.
        assert_eq!((COUNTS + size_of::<Session>()) % LINE, 0);
    }

    #[test]
    fn a_key_opens_its_own_host_and_application_alone() {
        let key = key(None);
        assert!(key.admit(&wanted(1)).is_some());
        assert!(key.admit(&AccessRequest { host: "other.example", ..wanted(1) }).is_none());
        assert!(key.admit(&AccessRequest { application: "other", ..wanted(1) }).is_none());
    }

    #[test]
    fn a_session_ends_by_idle_time_by_absolute_time_and_by_hand() {
        let idle = key(None);
        assert!(idle.admit(&wanted(59)).is_some());
        assert!(idle.admit(&wanted(59 + 59)).is_some());
        assert!(idle.admit(&wanted(59 + 59 + 60)).is_none());

        let busy = key(None);
        assert!((0..600).step_by(30).all(|second| busy.admit(&wanted(second)).is_some()));
        assert!(busy.admit(&wanted(600)).is_none());

        let ended = key(None);
        ended.session.end();
        assert!(ended.admit(&wanted(1)).is_none());
    }

    #[test]
    fn a_session_admitted_by_its_address_is_good_there_alone() {
        let key = key(Some(vec!["10.0.0.0/8".parse().unwrap()]));
        assert!(key.admit(&wanted(1)).is_none());
        assert!(key.admit(&AccessRequest { address: IpAddr::from([10, 1, 2, 3]), ..wanted(1) }).is_some());
    }
}
