//! A user who may sign in no more is signed out: each directory is asked every so often what has changed, and the users who are signed in and
//! changed are checked again. A directory that does not answer signs no user out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Session;
use super::by_user::SignedIn;
use super::registry::{About, Sessions};
use crate::audit::What;
use crate::audit::reason::AccessLoss;
use crate::auth::flow::final_check::loss;
use crate::base::{Clock, Time, UserId};
use crate::directory::account_status::{AccountStatus, MOST_AT_ONCE, Who};
use crate::directory::{By, Directory, DirectoryError, Mark, PasswordMark};

/// The watch over one directory.
pub struct Recheck {
    directory: Arc<dyn Directory>,
    every: Duration,
    sessions: Sessions,
    clock: Clock,
    memory: Memory,
}

/// What is remembered from one look to the next. After a restart the first look is at all users.
#[derive(Default)]
struct Memory {
    mark: Option<Mark>,
    /// Looks since all users were checked.
    since_everybody: u32,
    /// The password of a session that began without one being known: what it was at the first look after.
    first_seen: HashMap<Arc<str>, PasswordMark>,
    /// Accounts that run out some day; nothing changes in the directory then.
    expires: HashMap<UserId, Time>,
    /// Whether the last look failed, so that it is said once.
    failing: bool,
    /// The users that are asked about first, so that applications are told the right name and groups: those who changed, or a group of theirs.
    changed: VecDeque<UserId>,
    /// The users that are asked about after them: all in turn.
    turns: VecDeque<UserId>,
}

/// What one look was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Looked {
    /// Users whose status was asked for.
    pub users: usize,
    /// Sessions that were ended.
    pub ended: usize,
}

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
                Ok(looked) => {
                    tracing::debug!(directory.name = directory, ?looked, "the directory was asked who may still sign in");
                }
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
        let signed = self.sessions.signed_in(self.directory.name());
        self.memory.forget_all_but(&signed, &self.sessions);
        if signed.is_empty() {
            self.memory.mark = None;
            return Ok(Looked::default());
        }
        let mut ended = self.end_expired(&signed).await;
        let changes = self.directory.changes_since(self.memory.mark.as_ref()).await?;
        let changed = match changes.who {
            Who::These(ids) => Some(ids.into_iter().filter(|id| signed.has(id)).collect::<Vec<_>>()),
            Who::Everybody => None,
        };
        self.memory.note(changed.as_deref().unwrap_or_default(), &changes.groups, &signed);
        let (ids, is_everybody) = match changed {
            Some(ids) if self.memory.since_everybody < OFTEN => (ids, false),
            _ => (signed.users(|_| true), true),
        };
        for some in ids.chunks(MOST_AT_ONCE) {
            for (id, status) in self.directory.statuses(some).await? {
                ended += self.judge(&id, &signed.of(&id), &status).await;
            }
        }
        // Only now: had anything failed, the same changes would be asked for again.
        self.memory.mark = Some(changes.mark);
        self.memory.since_everybody = if is_everybody { 0 } else { self.memory.since_everybody.saturating_add(1) };
        self.renew(&signed).await?;
        Ok(Looked { users: ids.len(), ended })
    }

    /// Asks who some of those who are signed in are now: name, mail and groups, as applications are told. Groups are told of one person
    /// at a time, so it is those who changed, and a few of the others in turn: not every group says that a user joined it.
    async fn renew(&mut self, signed: &SignedIn) -> Result<(), DirectoryError> {
        let begun = self.clock.now();
        if self.memory.turns.is_empty() {
            self.memory.turns.extend(signed.users(|_| true));
        }
        let (mut asked, mut in_turn) = (HashSet::new(), 0);
        // A slow directory must not keep the next look waiting.
        while asked.len() < MOST_RENEWED && self.clock.now().since(begun) <= self.every / 4 {
            let next = match self.memory.changed.pop_front() {
                None if in_turn < MOST_IN_TURN => {
                    in_turn += 1;
                    self.memory.turns.pop_front()
                }
                next => next,
            };
            let Some(id) = next else { break };
            if !signed.has(&id) || !asked.insert(id.clone()) {
                continue;
            }
            let mut found = self.directory.find(&By::Id(id.in_directory().to_owned())).await?;
            // No user: whether one may still sign in is not this look's matter.
            let Some(account) = found.pop().filter(|_| found.is_empty()) else { continue };
            for session in signed.of(&id) {
                if session.renew(&account.user) {
                    tracing::info!(user.id = %id, name = account.user.name, "applications are told the new name, mail or groups of a user");
                }
            }
        }
        Ok(())
    }

    async fn end_expired(&mut self, signed: &SignedIn) -> usize {
        let now = self.clock.now();
        let over: Vec<UserId> = self.memory.expires.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone()).collect();
        let mut ended = 0;
        for id in over {
            self.memory.expires.remove(&id);
            ended += self.end(&signed.of(&id), AccessLoss::AccountExpired).await;
        }
        ended
    }

    async fn judge(&mut self, id: &UserId, sessions: &[Arc<Session>], status: &AccountStatus) -> usize {
        if let Some(restriction) = status.restrictions.iter().find(|restriction| restriction.ends_sessions()) {
            return self.end(sessions, loss(*restriction)).await;
        }
        match status.expires {
            Some(at) => drop(self.memory.expires.insert(id.clone(), at)),
            None => drop(self.memory.expires.remove(id)),
        }
        let Some(now) = &status.password else { return 0 };
        let is_other = |session: &&Arc<Session>| self.memory.had(session).is_some_and(|had| now.is_after(had));
        let other: Vec<Arc<Session>> = sessions.iter().filter(is_other).cloned().collect();
        for session in sessions {
            if session.password_mark.is_none() {
                self.memory.first_seen.entry(Arc::clone(&session.id)).or_insert_with(|| now.clone());
            }
        }
        self.end(&other, AccessLoss::PasswordChanged).await
    }

    async fn end(&self, sessions: &[Arc<Session>], loss: AccessLoss) -> usize {
        let now = self.clock.now();
        let sessions: Vec<&Arc<Session>> = sessions.iter().filter(|session| !session.is_over(now)).collect();
        // All at once, before the records of any are touched.
        sessions.iter().for_each(|session| session.end());
        for session in &sessions {
            tracing::info!(user.id = %session.user, reason = loss.word(), "a session is ended, because its user may not sign in any more");
            let what = What::SessionEnded { session: session.id.to_string(), reason: loss.into() };
            if let Err(error) = self.sessions.end(session, what, &About::default()).await {
                tracing::error!(%error, "a session ended here, but its record could not be removed");
            }
        }
        sessions.len()
    }
}

impl Memory {
    /// Which password the user had when the session began, as far as anybody knows.
    fn had<'a>(&'a self, session: &'a Session) -> Option<&'a PasswordMark> {
        session.password_mark.as_ref().or_else(|| self.first_seen.get(&session.id))
    }

    /// Those who changed, and those of a group that did.
    fn note(&mut self, changed: &[UserId], groups: &[String], signed: &SignedIn) {
        let is_of = |session: &Session| {
            let who = session.identity();
            who.user.groups.iter().any(|group| groups.iter().any(|changed| changed.eq_ignore_ascii_case(group)))
        };
        let theirs = if groups.is_empty() { Vec::new() } else { signed.users(is_of) };
        let mut waiting: HashSet<UserId> = self.changed.iter().cloned().collect();
        let fresh = changed.iter().chain(&theirs).filter(|id| waiting.insert((*id).clone()));
        self.changed.extend(fresh.cloned().collect::<Vec<_>>());
    }

    fn forget_all_but(&mut self, signed: &SignedIn, sessions: &Sessions) {
        self.expires.retain(|id, _| signed.has(id));
        self.changed.retain(|id| signed.has(id));
        self.first_seen.retain(|id, _| sessions.has(id));
    }
}

/// Looks within the time that is allowed: a change is seen by the next one, what shows in no change by the next but one, and there is
/// time left to act on it.
const LOOKS: u32 = 3;
/// So many people are asked about in one look, one after the other.
const MOST_RENEWED: usize = 100;
/// So many of them have not changed, as far as anybody knows.
const MOST_IN_TURN: usize = 10;
/// After so many looks at what has changed all users are checked: a deletion changes no user that is left.
const OFTEN: u32 = 1;
