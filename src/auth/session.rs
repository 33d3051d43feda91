//! Sessions: one sign-in each, the keys that open them, and the permits that are made from them.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use aws_lc_rs::digest;
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::flow::{Factor, Grant};
use crate::base::{Keys, Random, Secret, Time, UserId};
use crate::config::application::SessionLimits;
use crate::directory::{PasswordMark, User};

/// One sign-in while it lives. Shared by every core; read on every request without a lock.
#[derive(Debug)]
pub struct Session {
    /// Never leaves the server; letters and digits.
    pub id: Arc<str>,
    /// Higher than those of all that began before it on this node.
    pub(super) number: u64,
    pub user: UserId,
    /// Which password it began with, as far as the directory said.
    pub password_mark: Option<PasswordMark>,
    who: ArcSwap<Who>,
    /// What was proven, in order.
    pub factors: Vec<Factor>,
    pub opened: Time,
    limits: SessionLimits,
    /// Set where the password alone was enough because of the address: outside these it opens nothing.
    only_from: Option<Vec<IpNet>>,
    last_seen: AtomicU64,
    /// The last use that is on record.
    recorded: AtomicU64,
    ended: AtomicBool,
    /// Where its keys are kept; never looked at on a request's way.
    keys: Mutex<Vec<KeyId>>,
}

/// A session's user as the directory last had them.
#[derive(Debug)]
pub struct Who {
    pub user: User,
    /// How applications are told who this is: name, mail and groups as they stand in a request. Made at the first one.
    pub introduction: OnceLock<[Option<Bytes>; 3]>,
}

impl Who {
    fn new(user: User) -> Arc<Self> {
        Arc::new(Self { user, introduction: OnceLock::new() })
    }
}

/// What a session's record holds (format 1).
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub user: User,
    pub factors: Vec<Factor>,
    pub opened: Time,
    pub idle: Duration,
    pub absolute: Duration,
    pub only_from: Option<Vec<String>>,
    pub last_seen: Time,
}

impl Session {
    pub(super) fn new((id, number): (Arc<str>, u64), grant: Grant, limits: SessionLimits, now: Time) -> Self {
        let (user, factors, only_from) = grant.into_parts();
        Self {
            id,
            number,
            user: user.id.clone(),
            password_mark: user.password_mark.clone(),
            who: ArcSwap::new(Who::new(user)),
            factors,
            opened: now,
            limits,
            only_from,
            last_seen: AtomicU64::new(now.millis()),
            recorded: AtomicU64::new(now.millis()),
            ended: AtomicBool::new(false),
            keys: Mutex::default(),
        }
    }

    pub(super) fn from_kept((id, number): (Arc<str>, u64), kept: Kept) -> Self {
        Self {
            id,
            number,
            user: kept.user.id.clone(),
            password_mark: kept.user.password_mark.clone(),
            who: ArcSwap::new(Who::new(kept.user)),
            factors: kept.factors,
            opened: kept.opened,
            limits: SessionLimits { idle: kept.idle, absolute: kept.absolute },
            // A network that does not read any more must not widen anything: it is left out, an empty list opens nothing.
            only_from: kept.only_from.map(|nets| nets.iter().filter_map(|net| net.parse().ok()).collect()),
            last_seen: AtomicU64::new(kept.last_seen.millis()),
            recorded: AtomicU64::new(kept.last_seen.millis()),
            ended: AtomicBool::new(false),
            keys: Mutex::default(),
        }
    }

    pub(super) fn kept(&self) -> Kept {
        Kept {
            user: User { password_mark: self.password_mark.clone(), ..self.who().user.clone() },
            factors: self.factors.clone(),
            opened: self.opened,
            idle: self.limits.idle,
            absolute: self.limits.absolute,
            only_from: self.only_from.as_ref().map(|nets| nets.iter().map(ToString::to_string).collect()),
            last_seen: self.last_seen(),
        }
    }

    /// Its user, without a lock.
    pub fn who(&self) -> Guard<Arc<Who>> {
        self.who.load()
    }

    /// The directory has its user so now; applications are told from the next request on. Says whether they are told anything new. A
    /// session's user does not become another one: that is ignored.
    pub(super) fn renew(&self, user: &User) -> bool {
        let is_told_so = |was: &User| (&was.name, &was.mail, &was.groups) == (&user.name, &user.mail, &user.groups);
        if user.id != self.user || is_told_so(&self.who().user) {
            return false;
        }
        self.who.store(Who::new(user.clone()));
        // So that a restart does not bring the earlier words back.
        self.recorded.store(0, Ordering::Relaxed);
        true
    }

    /// Whether it has been ended, or its idle or absolute time is over.
    pub fn is_over(&self, now: Time) -> bool {
        self.ended.load(Ordering::Relaxed) || self.expired(now).is_some()
    }

    /// Which of its times is over: `idle` or `absolute`.
    pub(super) fn expired(&self, now: Time) -> Option<&'static str> {
        if now.since(self.opened) >= self.limits.absolute {
            Some("absolute")
        } else if now.since(self.last_seen()) >= self.limits.idle {
            Some("idle")
        } else {
            None
        }
    }

    /// When its record may be forgotten at the latest.
    pub(super) fn expires(&self) -> Time {
        self.opened.plus(self.limits.absolute)
    }

    pub(super) fn last_seen(&self) -> Time {
        Time::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    /// Whether it was used since it was last written down.
    pub(super) fn is_unrecorded(&self) -> bool {
        self.last_seen.load(Ordering::Relaxed) != self.recorded.load(Ordering::Relaxed)
    }

    /// Whether a restart that nobody announced would end it noticeably sooner: it was used so much later than what is on record.
    pub(super) fn is_long_unrecorded(&self) -> bool {
        self.last_seen().since(Time::from_millis(self.recorded.load(Ordering::Relaxed))) >= self.limits.idle / LAG
    }

    pub(super) fn recorded(&self, last_seen: Time) {
        self.recorded.store(last_seen.millis(), Ordering::Relaxed);
    }

    pub(super) fn add_key(&self, key: KeyId) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).push(key);
    }

    pub(super) fn keys(&self) -> Vec<KeyId> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn has_key(&self, is_meant: impl Fn(&KeyId) -> bool) -> bool {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).iter().any(is_meant)
    }

    /// Notes a request. A shared write at most once a second, whatever the load.
    fn seen(&self, now: Time) {
        if now.since(self.last_seen()) >= Duration::from_secs(1) {
            self.last_seen.store(now.millis(), Ordering::Relaxed);
        }
    }

    fn opens_from(&self, address: IpAddr) -> bool {
        self.only_from.as_ref().is_none_or(|nets| nets.iter().any(|net| net.contains(&address)))
    }

    /// Ends it for everybody at once: what runs under it is cut at the next sweep.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// The use that is on record may be older than the last one by this part of the idle time.
const LAG: u32 = 20;

/// What one host's cookie opens: one session, on one host.
#[derive(Debug)]
pub struct Key {
    pub application: Arc<str>,
    pub host: Arc<str>,
    pub session: Arc<Session>,
}

impl Key {
    /// The permit for a request that came with this key. To be asked for every request: it is here that a session's end, its times and
    /// where it is good for are judged.
    pub fn admit(&self, wanted: &Wanted<'_>) -> Option<Permit> {
        Permit::from_key(self, wanted)
    }
}

/// SHA-256 over a cookie: where its key is kept. Never used to derive anything else.
pub(super) type KeyId = [u8; 32];

/// The value of `__Host-doorward`: the seal key's id, a dot, and in base64url 256 random bits and a tag of 96 bits over them.
pub struct Cookie(Secret<String>);

const RANDOM: usize = 32;
const TAG: usize = 12;

impl Cookie {
    pub(super) fn new(keys: &Keys, random: &dyn Random) -> Self {
        let bits: [u8; RANDOM] = random.bytes();
        let tag = keys.mac(TAG_PURPOSE, &bits);
        let mut body = bits.to_vec();
        body.extend(tag.iter().take(TAG));
        Self(Secret::new(format!("{}.{}", keys.first_id(), BASE64URL_NOPAD.encode(&body))))
    }

    /// For `Set-Cookie`, and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Where the key of a cookie with this value would be kept.
    pub(super) fn key_id(value: &str) -> KeyId {
        // In one go where it is as long as ours are: half the cost.
        let mut text = [0; 2 + USUAL];
        let digest = match text.get_mut(..2 + value.len()) {
            Some(text) => {
                let (label, rest) = text.split_at_mut(2);
                label.copy_from_slice(LABEL);
                rest.copy_from_slice(value.as_bytes());
                digest::digest(&digest::SHA256, text)
            }
            None => digest::digest(&digest::SHA256, &[LABEL, value.as_bytes()].concat()),
        };
        digest.as_ref().try_into().unwrap_or_default()
    }

    /// Whether we made this value once, told by its tag alone: nobody needs to be asked about one that we did not make.
    pub fn is_ours(value: &str, keys: &Keys) -> bool {
        let parts = value.split_once('.').and_then(|(id, body)| Some((id, BASE64URL_NOPAD.decode(body.as_bytes()).ok()?)));
        let Some((id, body)) = parts else { return false };
        let Some((bits, tag)) = body.split_at_checked(RANDOM).filter(|(_, tag)| tag.len() == TAG) else { return false };
        let expected = keys.mac_by(id, TAG_PURPOSE, bits);
        expected.is_some_and(|expected| crate::base::secret::same(tag, expected.split_at(TAG).0))
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie")
    }
}

const LABEL: &[u8; 2] = b"id";
/// Bytes of the longest value that we make.
const USUAL: usize = 80;
const TAG_PURPOSE: &str = "session cookie tag";

/// Proof that this request may go to this application: made from a session, or because the operator made the path public.
/// Its fields are private and it is made in this module alone; a skipped check does not compile:
///
/// ```compile_fail
/// let permit = doorward::auth::session::Permit { application: "mail".into(), session: None };
/// ```
#[derive(Debug)]
pub struct Permit {
    application: Arc<str>,
    session: Option<Arc<Session>>,
}

impl Permit {
    /// A path that needs no session.
    pub fn public(application: &Arc<str>) -> Self {
        Self { application: Arc::clone(application), session: None }
    }

    /// What a key opens: nothing on another host or for another application, after the session's end, or from an address
    /// that the session is not good for.
    fn from_key(key: &Key, wanted: &Wanted<'_>) -> Option<Self> {
        let session = &key.session;
        let opens = key.application.as_ref() == wanted.application
            && key.host.as_ref() == wanted.host
            && !session.is_over(wanted.now)
            && session.opens_from(wanted.address);
        opens.then(|| {
            session.seen(wanted.now);
            Self { application: Arc::clone(&key.application), session: Some(Arc::clone(session)) }
        })
    }

    /// The application it is good for.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The session it was made from; nothing on a public path.
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.session.as_ref()
    }
}

/// What a request wants to reach, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub application: &'a str,
    /// Lower case, without port.
    pub host: &'a str,
    pub address: IpAddr,
    pub now: Time,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::keys::SealKey;
    use crate::base::random::SystemSource;

    fn keys(byte: u8) -> Keys {
        Keys::new(vec![SealKey { id: "k1".into(), secret: Secret::new(vec![byte; 32]) }]).unwrap()
    }

    fn key(only_from: Option<Vec<IpNet>>) -> Key {
        let kept = Kept {
            user: User::bare("alice"),
            factors: vec![Factor::Password],
            opened: Time::from_millis(1_000_000),
            idle: Duration::from_secs(60),
            absolute: Duration::from_secs(600),
            only_from: only_from.map(|nets| nets.iter().map(ToString::to_string).collect()),
            last_seen: Time::from_millis(1_000_000),
        };
        Key {
            application: "mail".into(),
            host: "mail.example".into(),
            session: Arc::new(Session::from_kept(("s1".into(), 0), kept)),
        }
    }

    fn wanted(seconds: u64) -> Wanted<'static> {
        Wanted {
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
    fn only_a_cookie_we_made_is_ours() {
        let cookie = Cookie::new(&keys(1), &SystemSource);
        assert!(Cookie::is_ours(cookie.expose(), &keys(1)));
        assert!(!Cookie::is_ours(cookie.expose(), &keys(2)));
        for forged in ["", ".", "k1.", "k1.AAAA", "k2.", &cookie.expose().to_lowercase(), &format!("{}A", cookie.expose())] {
            assert!(!Cookie::is_ours(forged, &keys(1)), "{forged}");
        }
    }

    #[test]
    fn a_key_opens_its_own_host_and_application_alone() {
        let key = key(None);
        assert!(Permit::from_key(&key, &wanted(1)).is_some());
        assert!(Permit::from_key(&key, &Wanted { host: "other.example", ..wanted(1) }).is_none());
        assert!(Permit::from_key(&key, &Wanted { application: "other", ..wanted(1) }).is_none());
    }

    #[test]
    fn a_session_ends_by_idle_time_by_absolute_time_and_by_hand() {
        let idle = key(None);
        assert!(Permit::from_key(&idle, &wanted(59)).is_some());
        assert!(Permit::from_key(&idle, &wanted(59 + 59)).is_some());
        assert!(Permit::from_key(&idle, &wanted(59 + 59 + 60)).is_none());

        let busy = key(None);
        assert!((0..600).step_by(30).all(|second| Permit::from_key(&busy, &wanted(second)).is_some()));
        assert!(Permit::from_key(&busy, &wanted(600)).is_none());

        let ended = key(None);
        ended.session.end();
        assert!(Permit::from_key(&ended, &wanted(1)).is_none());
    }

    #[test]
    fn a_session_admitted_by_its_address_is_good_there_alone() {
        let key = key(Some(vec!["10.0.0.0/8".parse().unwrap()]));
        assert!(Permit::from_key(&key, &wanted(1)).is_none());
        assert!(Permit::from_key(&key, &Wanted { address: IpAddr::from([10, 1, 2, 3]), ..wanted(1) }).is_some());
    }
}
