//! What is done for the whole book of sessions from time to time: what is over or gone is ended, what is only in memory is written down.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use futures_util::future::try_join_all;

use super::registry::{About, SessionRegistry, Sessions};
use crate::audit::What;
use crate::audit::reason::SessionOver;
use crate::auth::session::{KeyId, Session};
use crate::base::Time;
use crate::store::{StoreError, Versioned};

/// How many records are written at a time: those share a sync to disk.
const TOGETHER: usize = 128;

/// The names that a configuration has.
#[derive(Clone, Debug, Default)]
pub struct Served {
    pub applications: HashSet<Arc<str>>,
    pub directories: HashSet<Arc<str>>,
}

impl Sessions {
    /// Ends the sessions whose application or directory the configuration has no more, all at once, of those that began as number `from`
    /// or later; says how many. The error is the last of the records'.
    pub async fn end_gone(&self, served: &Served, from: u64) -> Result<usize, StoreError> {
        let gone = self.gone(served, from);
        gone.iter().for_each(|(session, _)| session.end());
        let mut removed = Ok(gone.len());
        for (session, reason) in &gone {
            let what = What::SessionEnded { session: session.id.to_string(), reason: (*reason).into() };
            if let Err(error) = self.end(session, what, &About::default()).await {
                removed = Err(error);
            }
        }
        removed
    }

    fn gone(&self, served: &Served, from: u64) -> Vec<(Arc<Session>, SessionOver)> {
        if from >= self.begun() {
            return Vec::new();
        }
        let keys = self.registry.by_key.pin();
        let is_served = |key: &KeyId| keys.get(key).is_some_and(|key| served.applications.contains(&key.scope.application));
        let why = |session: &Session| {
            if !served.directories.contains(session.user.directory()) {
                Some(SessionOver::DirectoryRemoved)
            } else if !session.has_key(is_served) {
                Some(SessionOver::ApplicationRemoved)
            } else {
                None
            }
        };
        let new = self.those(|session| session.number >= from);
        new.into_iter().filter_map(|session| why(&session).map(|why| (session, why))).collect()
    }

    /// Ends what has expired, and writes down when each was last used where that is long ago on record. Called about once a minute.
    pub async fn housekeeping(&self) -> Result<(), StoreError> {
        self.registry.remove_left_behind().await?;
        let now = self.registry.services.clock.now();
        let mut behind = Vec::new();
        for session in self.those(|session| session.expired(now).is_some() || session.is_long_unrecorded()) {
            let Some(over) = session.expired(now) else {
                behind.push(session);
                continue;
            };
            let what = What::SessionEnded { session: session.id.to_string(), reason: over.into() };
            self.end(&session, what, &About::default()).await?;
        }
        self.keep_up(&behind).await
    }

    /// Writes down when each was last used, whenever that was. Called before a stop: the idle time goes on from there.
    pub async fn write_down(&self) -> Result<(), StoreError> {
        let removed = self.registry.remove_left_behind().await;
        self.keep_up(&self.those(Session::is_unrecorded)).await.and(removed)
    }

    async fn keep_up(&self, behind: &[Arc<Session>]) -> Result<(), StoreError> {
        let now = self.registry.services.clock.now();
        for some in behind.chunks(TOGETHER) {
            try_join_all(some.iter().map(|session| self.registry.keep_up(session, now))).await?;
        }
        Ok(())
    }

    fn those(&self, are_meant: impl Fn(&Session) -> bool) -> Vec<Arc<Session>> {
        self.registry.by_id.pin().values().filter(|session| are_meant(session)).cloned().collect()
    }
}

impl SessionRegistry {
    /// Tries all of them, also where one fails: what is not removed is left behind again.
    async fn remove_left_behind(&self) -> Result<(), StoreError> {
        let left_behind = std::mem::take(&mut *self.left_behind.lock().unwrap_or_else(PoisonError::into_inner));
        let mut removed = Ok(());
        for id in left_behind {
            removed = self.remove(&id).await.and(removed);
        }
        removed
    }

    /// Writes a session's record again.
    async fn keep_up(&self, session: &Session, now: Time) -> Result<(), StoreError> {
        let Some(found) = self.sessions.find(&session.id, now).await? else { return Ok(()) };
        let row = Versioned { row: session.record(), expires: session.expires(), ..found };
        // Lost to a task that ended it meanwhile: then there is nothing to keep up.
        if self.sessions.put(&session.id, &row, now).await? {
            session.recorded(row.row.last_seen);
        }
        Ok(())
    }
}
