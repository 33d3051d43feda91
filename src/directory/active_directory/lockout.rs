//! After how many wrong passwords the domain locks an account, and how many of them somebody else has used up already.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ldap3::{Scope, SearchEntry};

use super::cache::Cache;
use super::{ActiveDirectory, filetime};
use crate::base::{Time, UserId};
use crate::directory::LockOut;
use crate::directory::ldap_client::connection::{Connection, Question};
use crate::directory::ldap_client::{Fault, entry};

/// The rules that were read lately, and the wrong passwords that were ours.
#[derive(Default)]
pub(super) struct Rules {
    /// By the entry that holds them: the domain, or a set of rules for some people (PSO).
    known: Cache<Arc<str>, Told>,
    ours: Mutex<AllOurs>,
}

#[derive(Default)]
struct AllOurs {
    /// Of the next answer.
    next: u64,
    by_user: HashMap<UserId, Ours>,
}

/// A moment in the order of answers. What was answered before it, the domain had counted by then.
#[derive(Clone, Copy)]
pub(super) struct Moment(u64);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rule {
    threshold: u32,
    window: Duration,
}

/// What an entry says of its rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Locks(Rule),
    /// It locks nobody out.
    Never,
    /// The service user may not read it.
    Hidden,
}

/// Wrong passwords that went to the domain through us and were answered.
struct Ours {
    /// Their places in the order of answers.
    answers: Vec<u64>,
    last: Time,
}

impl ActiveDirectory {
    /// The rule for this person, less what was used up elsewhere. `before`: a moment before the candidate was read.
    pub(super) async fn lock_out(
        &self,
        connection: &Connection,
        candidate: &SearchEntry,
        id: &UserId,
        before: Moment,
    ) -> Result<Option<LockOut>, Fault> {
        let domain = async || self.rule_of(connection, self.client.root(), DOMAIN).await;
        let told = match entry::first(candidate, RESULTANT_PSO) {
            None => domain().await?,
            Some(dn) => match self.rule_of(connection, &dn, PSO).await? {
                Told::Hidden => domain().await?.or_stricter(),
                told => told,
            },
        };
        let Rule { threshold, window } = match told {
            Told::Locks(rule) => rule,
            Told::Hidden => Rule::UNKNOWN,
            Told::Never => return Ok(None),
        };
        let now = self.clock.now();
        let is_recent = entry::first(candidate, BAD_PASSWORD_TIME)
            .and_then(|time| filetime::point(&time))
            .is_some_and(|last| now.since(last) < window);
        let counted = entry::first(candidate, BAD_PASSWORD_COUNT).and_then(|count| count.parse().ok()).unwrap_or(0);
        let counted: u32 = if is_recent { counted } else { 0 };
        Ok(Some(LockOut { threshold, window, spent: counted.saturating_sub(self.rules.ours_of(id, before, window, now)) }))
    }

    /// The rule that an entry holds.
    async fn rule_of(&self, connection: &Connection, dn: &str, names: [&str; 2]) -> Result<Told, Fault> {
        let now = self.clock.now();
        if let Some(told) = self.rules.known.recall(dn, now) {
            return Ok(told);
        }
        let question = Question { base: dn, scope: Scope::Base, filter: "(objectClass=*)", attributes: &names, at_most: 1 };
        let found = match connection.search(question).await {
            Ok(found) => found.entries.into_iter().next(),
            Err(Fault::Missing(_)) => None,
            Err(fault) => return Err(fault),
        };
        let told = match found.as_ref().and_then(|entry| Rule::read(entry, names)) {
            Some(Rule { threshold: 0, .. }) => Told::Never,
            Some(rule) => Told::Locks(rule),
            None => Told::Hidden,
        };
        if told == Told::Hidden {
            let (directory, threshold) = (self.client.name(), Rule::UNKNOWN.threshold);
            tracing::warn!(directory, dn, threshold, "the service user may not read this lock-out rule: a strict one is assumed");
        }
        self.rules.known.keep(dn.into(), told, now);
        Ok(told)
    }
}

impl Told {
    /// The domain's rule for somebody who has one of their own that we may not read: it may well be stricter.
    fn or_stricter(self) -> Self {
        let Self::Locks(Rule { threshold, window }) = self else { return Self::Hidden };
        let unknown = Rule::UNKNOWN;
        Self::Locks(Rule { threshold: threshold.min(unknown.threshold), window: window.max(unknown.window) })
    }
}

impl Rule {
    /// As strict as rules are that people live with: three wrong passwords, counted for an hour.
    const UNKNOWN: Self = Self { threshold: 3, window: Duration::from_secs(3600) };

    fn read(entry: &SearchEntry, [threshold, window]: [&str; 2]) -> Option<Self> {
        let threshold = entry::first(entry, threshold)?.parse().ok()?;
        Some(Self { threshold, window: entry::first(entry, window).and_then(|window| filetime::span(&window))? })
    }
}

impl Rules {
    /// To be taken before the domain's count is read. What is answered later may or may not be in that count: it is taken for somebody
    /// else's, which leaves less for a moment. The other way round, those under way would hide as many of others.
    pub fn moment(&self) -> Moment {
        Moment(self.all().next)
    }

    /// The domain said of a password that it is wrong. It forgets those before where the last is a window ago, and so do we.
    pub fn wrong(&self, id: &UserId, window: Option<Duration>, now: Time) {
        let mut all = self.all();
        if all.by_user.len() >= MOST_ACCOUNTS {
            all.by_user.clear();
        }
        let answer = all.next;
        all.next += 1;
        let ours = all.by_user.entry(id.clone()).or_insert(Ours { answers: Vec::new(), last: now });
        if window.is_some_and(|window| now.since(ours.last) >= window) || ours.answers.len() >= MOST_ANSWERS {
            ours.answers.clear();
        }
        ours.answers.push(answer);
        ours.last = now;
    }

    /// One was right: the domain forgets those before it, and so do we.
    pub fn forget(&self, id: &UserId) {
        self.all().by_user.remove(id);
    }

    fn ours_of(&self, id: &UserId, before: Moment, window: Duration, now: Time) -> u32 {
        let all = self.all();
        let ours = all.by_user.get(id).filter(|ours| now.since(ours.last) < window);
        let count = ours.map_or(0, |ours| ours.answers.iter().filter(|answer| **answer < before.0).count());
        u32::try_from(count).unwrap_or_default()
    }

    fn all(&self) -> MutexGuard<'_, AllOurs> {
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) const RESULTANT_PSO: &str = "msDS-ResultantPSO";
/// Of the controller that is asked; the one that is the domain's PDC emulator has counted those of all.
pub(super) const BAD_PASSWORD_COUNT: &str = "badPwdCount";
pub(super) const BAD_PASSWORD_TIME: &str = "badPasswordTime";
const DOMAIN: [&str; 2] = ["lockoutThreshold", "lockOutObservationWindow"];
const PSO: [&str; 2] = ["msDS-LockoutThreshold", "msDS-LockoutObservationWindow"];
/// When full, all is forgotten: what was ours then counts as somebody else's, which leaves less and harms nobody.
const MOST_ACCOUNTS: usize = 10_000;
/// The same for those of one account: no threshold is near it.
const MOST_ANSWERS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_password_is_ours_once_it_is_answered_and_until_the_window_is_over() {
        let (rules, id, window) = (Rules::default(), UserId::new("corp", "1"), Duration::from_secs(60));
        let at = |seconds: u64| Time::from_millis(seconds * 1000);
        let ours = |seconds| rules.ours_of(&id, rules.moment(), window, at(seconds));
        let before_any = rules.moment();
        rules.wrong(&id, Some(window), at(0));
        let between = rules.moment();
        rules.wrong(&id, Some(window), at(1));
        assert_eq!((ours(2), ours(60), ours(61)), (2, 2, 0));
        // A count that was read before the answer need not hold it.
        let seen_at = |moment| rules.ours_of(&id, moment, window, at(2));
        assert_eq!((seen_at(before_any), seen_at(between)), (0, 1));
        // A window later the domain begins anew, and so do we.
        rules.wrong(&id, Some(window), at(61));
        assert_eq!(ours(62), 1);
        rules.forget(&id);
        assert_eq!(ours(62), 0);
    }
}
