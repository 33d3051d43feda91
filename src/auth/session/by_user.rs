//! The live sessions by user, for parts that ask about users: every few seconds, and not on any request's way. What it costs
//! goes by the users asked about, not by how many are signed in.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Session;
use crate::base::{Time, UserId};

/// In the order of their users' ids and of their own numbers. Those of a directory stand together: its name is what an id begins with.
#[derive(Default)]
pub(in crate::auth) struct ByUser {
    sessions: Mutex<Ordered>,
    next: AtomicU64,
}

type Ordered = BTreeMap<(UserId, u64), Arc<Session>>;

/// So many are looked through at a time: who signs in meanwhile waits for it.
const PAGE: usize = 1000;

impl ByUser {
    /// For a session that begins now: higher than those of all that began before.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    /// The next one's number.
    pub fn begun(&self) -> u64 {
        self.next.load(Ordering::SeqCst)
    }

    pub fn add(&self, session: &Arc<Session>) {
        self.sessions().insert((session.user.clone(), session.number), Arc::clone(session));
    }

    pub fn remove(&self, session: &Session) {
        self.sessions().remove(&(session.user.clone(), session.number));
    }

    fn sessions(&self) -> MutexGuard<'_, Ordered> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The users that were signed in to one directory at a moment, as far as they still are. Those who sign in later are not among them.
pub(in crate::auth) struct SignedIn {
    by_user: Arc<ByUser>,
    directory: String,
    /// Sessions with this number or a higher one began later.
    until: u64,
    now: Time,
}

impl SignedIn {
    pub fn new(by_user: &Arc<ByUser>, directory: &str, now: Time) -> Self {
        Self { by_user: Arc::clone(by_user), directory: directory.to_owned(), until: by_user.begun(), now }
    }

    pub fn is_empty(&self) -> bool {
        self.walk(|_, session| if self.counts(session) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            .is_continue()
    }

    /// Whether this user is among them.
    pub fn has(&self, user: &UserId) -> bool {
        self.sessions().range((user.clone(), 0)..(user.clone(), self.until)).any(|(_, session)| self.counts(session))
    }

    /// The sessions of this user.
    pub fn of(&self, user: &UserId) -> Vec<Arc<Session>> {
        let sessions = self.sessions();
        let theirs = sessions.range((user.clone(), 0)..(user.clone(), self.until));
        theirs.map(|(_, session)| session).filter(|session| self.counts(session)).cloned().collect()
    }

    /// Every user with a session that is meant, in order.
    pub fn users(&self, is_meant: impl Fn(&Session) -> bool) -> Vec<UserId> {
        let mut users: Vec<UserId> = Vec::new();
        let _: ControlFlow<()> = self.walk(|user, session| {
            if users.last() != Some(user) && self.counts(session) && is_meant(session) {
                users.push(user.clone());
            }
            ControlFlow::Continue(())
        });
        users
    }

    fn counts(&self, session: &Session) -> bool {
        session.number < self.until && !session.is_over(self.now)
    }

    /// Every session of the directory, until the caller has seen enough.
    fn walk(&self, mut visit: impl FnMut(&UserId, &Session) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut from = Included((UserId::new(&self.directory, ""), 0));
        loop {
            let sessions = self.sessions();
            let mut last = None;
            for (place, session) in sessions.range((from, Unbounded)).take(PAGE) {
                if place.0.directory() != self.directory {
                    return ControlFlow::Continue(());
                }
                visit(&place.0, session)?;
                last = Some(place);
            }
            let Some(last) = last else { return ControlFlow::Continue(()) };
            from = Excluded(last.clone());
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Ordered> {
        self.by_user.sessions()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::session::SessionRecord;
    use crate::auth::session::interner::Interner;
    use crate::directory::User;

    fn enter(by_user: &ByUser, user: &UserId, opened: u64) -> Arc<Session> {
        let user = User { id: user.clone(), ..User::bare("alice") };
        let kept = SessionRecord {
            user,
            factors: Vec::new(),
            opened: Time::from_millis(opened),
            idle: Duration::from_secs(60),
            absolute: Duration::from_secs(60),
            only_from: None,
            last_seen: Time::from_millis(opened),
        };
        let number = by_user.number();
        let session = Arc::new(Session::from_record((format!("s{number}").into(), number), kept, &Interner::default()));
        by_user.add(&session);
        session
    }

    #[test]
    fn those_of_one_directory_are_told_from_those_of_others_and_each_is_told_once() {
        let by_user = Arc::new(ByUser::default());
        let user = |directory: &str, number: usize| UserId::new(directory, &format!("{number:05}"));
        for number in 0..2 * PAGE {
            for directory in ["cor", "corp", "corp2"] {
                enter(&by_user, &user(directory, number / 2), 1000);
            }
        }
        let signed = SignedIn::new(&by_user, "corp", Time::from_millis(1000));
        assert_eq!(signed.users(|_| true), (0..PAGE).map(|number| user("corp", number)).collect::<Vec<_>>());
        assert_eq!(signed.of(&user("corp", 7)).len(), 2);
        assert!(signed.has(&user("corp", 7)) && !signed.has(&user("corp", PAGE)));
        assert!(SignedIn::new(&by_user, "co", Time::from_millis(1000)).is_empty());
    }

    #[test]
    fn who_signs_in_later_and_whose_session_is_over_are_not_among_them() {
        let by_user = Arc::new(ByUser::default());
        let [early, expired, ended, late, gone] =
            ["early", "expired", "ended", "late", "gone"].map(|name| UserId::new("corp", name));
        enter(&by_user, &early, 50_000);
        enter(&by_user, &expired, 0);
        enter(&by_user, &ended, 50_000).end();
        by_user.remove(&enter(&by_user, &gone, 50_000));
        let signed = SignedIn::new(&by_user, "corp", Time::from_millis(60_000));
        enter(&by_user, &late, 60_000);
        assert_eq!(signed.users(|_| true), std::slice::from_ref(&early));
        assert!(!signed.is_empty() && signed.has(&early));
        for user in [&expired, &ended, &late, &gone] {
            assert!(!signed.has(user) && signed.of(user).is_empty(), "{user}");
        }
    }
}
