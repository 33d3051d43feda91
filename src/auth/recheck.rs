//! Whoever may sign in no more is signed out: each directory is asked every so often what has changed, and those who are signed in and
//! changed are looked at again. A directory that does not answer signs nobody out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::session::Session;
use super::sessions::{About, Sessions};
use crate::audit::What;
use crate::base::{Clock, Time, UserId};
use crate::directory::standing::{MOST_AT_ONCE, Standing, Who};
use crate::directory::{Directory, DirectoryError, Mark, PasswordMark};

/// The watch over one directory.
pub struct Recheck {
    directory: Arc<dyn Directory>,
    every: Duration,
    sessions: Sessions,
    clock: Clock,
    memory: Memory,
}

/// What is remembered from one look to the next. After a restart the first look is at everybody.
#[derive(Default)]
struct Memory {
    mark: Option<Mark>,
    /// Looks since everybody was looked at.
    since_everybody: u32,
    /// The password of a session that began without one being known: what it was at the first look after.
    first_seen: HashMap<Arc<str>, PasswordMark>,
    /// Accounts that run out some day; nothing changes in the directory then.
    expires: HashMap<UserId, Time>,
    /// Whether the last look failed, so that it is said once.
    failing: bool,
}

/// What one look was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Looked {
    /// Users whose standing was asked for.
    pub users: usize,
    /// Sessions that were ended.
    pub ended: usize,
}

type Signed = HashMap<UserId, Vec<Arc<Session>>>;

impl Recheck {
    /// `within`: how soon at the latest.
    pub fn new(directory: Arc<dyn Directory>, within: Duration, sessions: Sessions, clock: Clock) -> Self {
        Self { directory, every: within / LOOKS, sessions, clock, memory: Memory::default() }
    }

    /// Until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(self.every) => {}
            }
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = self.look() => looked,
            };
            let directory = self.directory.name();
            match looked {
                Ok(_) if std::mem::take(&mut self.memory.failing) => {
                    tracing::info!(directory.name = directory, "the directory says again who may sign in");
                }
                Ok(_) => {}
                Err(error) if !std::mem::replace(&mut self.memory.failing, true) => {
                    tracing::error!(%error, directory.name = directory, "nobody knows whether all who are signed in still may; sessions go on");
                }
                Err(error) => tracing::debug!(%error, directory.name = directory, "still nobody knows"),
            }
        }
    }

    /// Asks once and ends the sessions of those who may not sign in any more.
    pub async fn look(&mut self) -> Result<Looked, DirectoryError> {
        // Taken before anything is asked: a session that begins meanwhile knows better than the answer.
        let signed = self.signed();
        self.memory.forget_all_but(&signed);
        if signed.is_empty() {
            self.memory.mark = None;
            return Ok(Looked::default());
        }
        let mut ended = self.end_expired(&signed).await;
        let changes = self.directory.changes_since(self.memory.mark.as_ref()).await?;
        let ids: Vec<UserId> = match changes.who {
            Who::These(ids) if self.memory.since_everybody < OFTEN => {
                ids.into_iter().filter(|id| signed.contains_key(id)).collect()
            }
            _ => signed.keys().cloned().collect(),
        };
        let is_everybody = ids.len() == signed.len();
        for some in ids.chunks(MOST_AT_ONCE) {
            for (id, standing) in self.directory.standings(some).await? {
                let Some(sessions) = signed.get(&id) else { continue };
                ended += self.judge(&id, sessions, &standing).await;
            }
        }
        // Only now: had anything failed, the same changes would be asked for again.
        self.memory.mark = Some(changes.mark);
        self.memory.since_everybody = if is_everybody { 0 } else { self.memory.since_everybody.saturating_add(1) };
        Ok(Looked { users: ids.len(), ended })
    }

    /// The live sessions of this directory by user.
    fn signed(&self) -> Signed {
        let now = self.clock.now();
        let mut signed = Signed::new();
        for session in self.sessions.all() {
            if session.user.id.directory() == self.directory.name() && !session.is_over(now) {
                signed.entry(session.user.id.clone()).or_default().push(session);
            }
        }
        signed
    }

    async fn end_expired(&mut self, signed: &Signed) -> usize {
        let now = self.clock.now();
        let over: Vec<UserId> = self.memory.expires.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone()).collect();
        let mut ended = 0;
        for id in over {
            self.memory.expires.remove(&id);
            ended += self.end(signed.get(&id).map(Vec::as_slice).unwrap_or_default(), "account-expired").await;
        }
        ended
    }

    async fn judge(&mut self, id: &UserId, sessions: &[Arc<Session>], standing: &Standing) -> usize {
        if let Some(hindrance) = standing.hindrances.iter().find(|hindrance| hindrance.ends_sessions()) {
            return self.end(sessions, hindrance.name()).await;
        }
        match standing.expires {
            Some(at) => drop(self.memory.expires.insert(id.clone(), at)),
            None => drop(self.memory.expires.remove(id)),
        }
        let Some(now) = &standing.password else { return 0 };
        let is_other = |session: &&Arc<Session>| self.memory.had(session).is_some_and(|had| now.is_after(&had));
        let other: Vec<Arc<Session>> = sessions.iter().filter(is_other).cloned().collect();
        for session in sessions {
            if session.user.password_mark.is_none() {
                self.memory.first_seen.entry(Arc::clone(&session.id)).or_insert_with(|| now.clone());
            }
        }
        self.end(&other, "password-changed").await
    }

    async fn end(&self, sessions: &[Arc<Session>], reason: &'static str) -> usize {
        let now = self.clock.now();
        let sessions: Vec<&Arc<Session>> = sessions.iter().filter(|session| !session.is_over(now)).collect();
        // All at once, before the records of any are touched.
        sessions.iter().for_each(|session| session.end());
        for session in &sessions {
            tracing::info!(user.id = %session.user.id, reason, "a session is ended, because its user may not sign in any more");
            let what = What::SessionEnded { session: session.id.to_string(), reason: reason.to_owned() };
            if let Err(error) = self.sessions.end(session, what, &About::default()).await {
                tracing::error!(%error, "a session ended here, but its record could not be removed");
            }
        }
        sessions.len()
    }
}

impl Memory {
    /// Which password the user had when the session began, as far as anybody knows.
    fn had(&self, session: &Session) -> Option<PasswordMark> {
        session.user.password_mark.clone().or_else(|| self.first_seen.get(&session.id).cloned())
    }

    fn forget_all_but(&mut self, signed: &Signed) {
        self.expires.retain(|id, _| signed.contains_key(id));
        let live: std::collections::HashSet<&Arc<str>> = signed.values().flatten().map(|session| &session.id).collect();
        self.first_seen.retain(|id, _| live.contains(id));
    }
}

/// Looks within the time that is allowed: a change is seen by the next one, what shows in no change by the next but one, and there is
/// time left to act on it.
const LOOKS: u32 = 3;
/// After so many looks at what has changed everybody is looked at: a deletion changes nobody who is left.
const OFTEN: u32 = 1;
