//! The book of sessions: every live one in memory, where the gate looks without a lock, and on record, so that a restart logs
//! no user out. On one node a cookie that is not in memory is no session: the store is never asked for it.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use ipnet::IpNet;
use papaya::HashMap;
use serde::{Deserialize, Serialize};

use super::by_user::{ByUser, SignedIn};
use super::interner::Interner;
use super::{AccessRequest, Cookie, Key, KeyId, KeyScope, Permit, Session, SessionRecord};
use crate::audit::{Event, What};
use crate::auth::flow::Grant;
use crate::auth::services::Services;
use crate::base::{Time, TraceId};
use crate::config::application::SessionLimits;
use crate::store::{Fed, Kind, Record, StoreError, Stored, Table, Versioned};

/// Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    pub(super) registry: Arc<SessionRegistry>,
}

pub(super) struct SessionRegistry {
    pub(super) by_key: HashMap<KeyId, Key, BuildHasherDefault<IdentityHasher>>,
    pub(super) by_id: HashMap<Arc<str>, Arc<Session>>,
    pub(super) by_user: Arc<ByUser>,
    pub(super) scopes: Interner<KeyScope>,
    pub(super) nets: Interner<Vec<IpNet>>,
    /// So many were on record at the start.
    pub(super) loaded: u64,
    /// Sessions that ended while the store failed: still on record, they would be back after a restart.
    pub(super) left_behind: Mutex<Vec<Arc<str>>>,
    pub(super) sessions: Table<SessionRecord>,
    keys: Table<KeyRecord>,
    pub(super) services: Services,
}

/// Of a [`KeyId`], which is a hash already, of what only we choose: its first bytes.
#[derive(Default)]
pub(super) struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn write(&mut self, bytes: &[u8]) {
        // What comes last counts; before the bytes comes how many they are.
        self.0 = bytes.first_chunk().map_or(self.0, |first| u64::from_le_bytes(*first));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What a key's record holds; its id is the cookie's hash, its owner the session.
#[derive(Serialize, Deserialize)]
struct KeyRecord {
    application: Arc<str>,
    host: Arc<str>,
}

impl Stored for KeyRecord {
    const KIND: Kind = Kind::SessionKey;
    const FORMAT: u8 = 1;
}

impl From<KeyRecord> for KeyScope {
    fn from(KeyRecord { application, host }: KeyRecord) -> Self {
        Self { application, host }
    }
}

/// Where a sign-in happened.
#[derive(Clone, Debug)]
pub struct Opening {
    pub trace: TraceId,
    pub application: Arc<str>,
    pub host: Arc<str>,
    pub address: Option<std::net::IpAddr>,
    /// What the browser calls itself.
    pub browser: Option<Arc<str>>,
    pub limits: SessionLimits,
    /// Whether this user has signed in before in this browser.
    pub known_browser: bool,
}

/// How many records are read at a time at the start.
const PAGE: u32 = 1000;

impl Sessions {
    /// Reads every live session from the records.
    pub async fn load(services: Services) -> Result<Self, StoreError> {
        let mut registry = SessionRegistry {
            by_key: HashMap::default(),
            by_id: HashMap::new(),
            by_user: Arc::default(),
            scopes: Interner::default(),
            nets: Interner::default(),
            loaded: 0,
            left_behind: Mutex::default(),
            sessions: Table::new(&services.stores, &services.keys),
            keys: Table::new(&services.stores, &services.keys),
            services,
        };
        let now = registry.services.clock.now();
        registry
            .each(Fed::Session, now, |record| {
                let id: Arc<str> = record.id.as_str().into();
                let kept = registry.sessions.open(record)?.row;
                let session = Arc::new(Session::from_record((Arc::clone(&id), registry.by_user.number()), kept, &registry.nets));
                registry.by_user.add(&session);
                registry.by_id.pin().insert(id, session);
                Ok(())
            })
            .await?;
        registry
            .each(Fed::SessionKey, now, |record| {
                let id = HEXLOWER.decode(record.id.as_bytes()).ok().and_then(|bytes| KeyId::try_from(bytes).ok());
                let key = registry.keys.open(record)?;
                let session = registry.by_id.pin().get(key.owner.as_str()).cloned();
                if let (Some(id), Some(session)) = (id, session) {
                    session.add_key(id);
                    registry.by_key.pin().insert(id, Key { scope: registry.scopes.intern(key.row.into()), session });
                }
                Ok(())
            })
            .await?;
        registry.loaded = registry.by_user.begun();
        Ok(Self { registry: Arc::new(registry) })
    }

    /// What a cookie opens: no lock, no wait, one hash.
    pub fn admit<'a>(&self, cookie: &str, wanted: &AccessRequest<'a>) -> Option<Permit<'a>> {
        self.judge(cookie, |key| key.admit(wanted))
    }

    /// What the caller makes of the key that a cookie is. It opens nothing by itself.
    pub fn judge<T>(&self, cookie: &str, judge: impl FnOnce(&Key) -> Option<T>) -> Option<T> {
        self.registry.by_key.pin().get(&Cookie::key_id(cookie)).and_then(judge)
    }

    /// Whether a cookie that opens nothing was one of ours once: its session is over then.
    pub fn was_ours(&self, cookie: &str) -> bool {
        Cookie::is_ours(cookie, &self.registry.services.keys)
    }

    /// How many are alive.
    pub fn count(&self) -> usize {
        self.registry.by_id.len()
    }

    /// Opens a session for a grant. Journaled and on record before anybody can use it; nothing happens where that fails.
    pub async fn open(&self, grant: Grant, opening: &Opening) -> Result<Cookie, StoreError> {
        let services = &self.registry.services;
        let now = services.clock.now();
        let id: Arc<str> = BASE32_NOPAD.encode(&services.random.bytes::<20>()).to_lowercase().into();
        let signed_in = What::SignedIn {
            session: id.to_string(),
            factors: grant.factors().iter().map(|factor| factor.name().to_owned()).collect(),
            known_browser: opening.known_browser,
        };
        let user = grant.user().id.clone();
        services
            .journal
            .record(Event {
                trace: Some(opening.trace),
                user: Some(user.clone()),
                name: Some(grant.user().name.as_str().into()),
                application: Some(Arc::clone(&opening.application)),
                address: opening.address,
                browser: opening.browser.clone(),
                what: signed_in,
            })
            .await?;

        let session = Arc::new(Session::new(
            (Arc::clone(&id), self.registry.by_user.number()),
            grant,
            opening.limits,
            now,
            &self.registry.nets,
        ));
        let cookie = Cookie::new(&services.keys, services.random.as_ref());
        let key_id = Cookie::key_id(cookie.expose());
        let key = KeyRecord { application: Arc::clone(&opening.application), host: Arc::clone(&opening.host) };
        let (session_row, key_row) =
            (Versioned::new(session.record(), user.as_str(), session.expires()), Versioned::new(key, &*id, session.expires()));
        let key_name = HEXLOWER.encode(&key_id);
        let puts = vec![self.registry.sessions.to_put(&id, &session_row)?, self.registry.keys.to_put(&key_name, &key_row)?];
        if !services.stores.records.put_all(puts, now).await? {
            return Err(StoreError::Failed("there is a session with this id already".into()));
        }

        session.add_key(key_id);
        self.registry.by_id.pin().insert(id, Arc::clone(&session));
        let key = Key { scope: self.registry.scopes.intern(key_row.row.into()), session: Arc::clone(&session) };
        self.registry.by_key.pin().insert(key_id, key);
        self.registry.by_user.add(&session);
        if session.is_over(now) {
            // Another task ended it as soon as it was in the registry, and did not find all of it.
            self.registry.remove_from_memory(&session);
        }
        Ok(cookie)
    }

    /// The session that a cookie belongs to, alive or not any more.
    pub fn of_cookie(&self, cookie: &str) -> Option<Arc<Session>> {
        self.registry.by_key.pin().get(&Cookie::key_id(cookie)).map(|key| Arc::clone(&key.session))
    }

    /// Ends a session with all its keys, and what runs under it. It is over for every request before this returns, whatever
    /// becomes of the record.
    pub async fn end(&self, session: &Session, what: What, about: &About) -> Result<(), StoreError> {
        session.end();
        let services = &self.registry.services;
        self.registry.remove_from_memory(session);
        let removed = self.registry.remove(&session.id).await;
        let event = Event {
            trace: about.trace,
            user: Some(session.user.clone()),
            application: about.application.clone(),
            address: about.address,
            ..Event::of_node(what)
        };
        services.journal.note(event).await;
        removed
    }

    /// Whether there is a live session with this id.
    pub(in crate::auth) fn has(&self, id: &str) -> bool {
        self.registry.by_id.pin().contains_key(id)
    }

    /// The users that are signed in to a directory as of now.
    pub(in crate::auth) fn signed_in(&self, directory: &str) -> SignedIn {
        SignedIn::new(&self.registry.by_user, directory, self.registry.services.clock.now())
    }

    /// Every live session, in no order.
    pub fn all(&self) -> Vec<Arc<Session>> {
        self.registry.by_id.pin().values().cloned().collect()
    }

    /// The application and host of each of a session's keys.
    pub fn places(&self, session: &Session) -> Vec<(Arc<str>, Arc<str>)> {
        let keys = self.registry.by_key.pin();
        let ids = session.keys();
        let scopes = ids.iter().filter_map(|id| Some(&keys.get(id)?.scope));
        scopes.map(|scope| (Arc::clone(&scope.application), Arc::clone(&scope.host))).collect()
    }

    /// How many have begun on this node, those that it read from the records at its start among them.
    pub fn begun(&self) -> u64 {
        self.registry.by_user.begun()
    }

    /// How many it read from the records.
    pub fn loaded(&self) -> u64 {
        self.registry.loaded
    }
}

/// Circumstances of a session's end, as far as there are any.
#[derive(Clone, Debug, Default)]
pub struct About {
    pub trace: Option<TraceId>,
    pub application: Option<Arc<str>>,
    pub address: Option<std::net::IpAddr>,
}

impl SessionRegistry {
    /// In the other order than it is entered: a task that enters it meanwhile sees that it is over.
    fn remove_from_memory(&self, session: &Session) {
        self.by_user.remove(session);
        self.by_id.pin().remove(&session.id);
        for key in session.keys() {
            self.by_key.pin().remove(&key);
        }
    }

    /// Takes a session and its keys off the record. Where that fails it is tried again by the housekeeping.
    pub(super) async fn remove(&self, id: &Arc<str>) -> Result<(), StoreError> {
        let removed = self.remove_now(id).await;
        if removed.is_err() {
            self.left_behind.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(id));
        }
        removed
    }

    async fn remove_now(&self, id: &str) -> Result<(), StoreError> {
        let now = self.services.clock.now();
        self.sessions.remove(id, now).await?;
        for key in self.services.stores.records.by_owner(Kind::SessionKey, id, now).await? {
            self.keys.remove(&key.id, now).await?;
        }
        Ok(())
    }

    async fn each(&self, kind: Fed, now: Time, mut take: impl FnMut(Record) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut mark = 0;
        loop {
            let (records, next) = self.services.stores.feed.changes_since(kind, mark, PAGE, now).await?;
            if records.is_empty() || next == mark {
                return Ok(());
            }
            for record in records {
                take(record)?;
            }
            mark = next;
        }
    }
}
