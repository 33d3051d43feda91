//! After how many wrong passwords the domain locks an account, and how many of them somebody else has used up already.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ldap3::{Scope, SearchEntry};

use super::lately::Lately;
use super::{ActiveDirectory, filetime};
use crate::base::{Time, UserId};
use crate::directory::LockOut;
use crate::directory::ldap::connection::{Connection, Question};
use crate::directory::ldap::{Fault, entry, filter};

/// The rules that were read lately, and the wrong passwords that were ours.
#[derive(Default)]
pub(super) struct Rules {
    /// By the entry that holds them: the domain, or a set of rules for some people (PSO). Nothing: it locks nobody out.
    known: Lately<Arc<str>, Option<Rule>>,
    ours: Mutex<HashMap<UserId, Ours>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rule {
    threshold: u32,
    window: Duration,
}

/// Wrong passwords that went to the domain through us, those too that are being judged.
struct Ours {
    count: u32,
    last: Time,
}

impl ActiveDirectory {
    /// The rule for this person, less what was used up elsewhere.
    pub(super) async fn lock_out(
        &self,
        connection: &Connection,
        candidate: &SearchEntry,
        id: &UserId,
    ) -> Result<Option<LockOut>, Fault> {
        let own = match entry::first(candidate, RESULTANT_PSO) {
            Some(dn) => self.rule_of(connection, &dn, PSO).await?,
            None => None,
        };
        let rule = match own {
            Some(rule) => rule,
            None => self.rule_of(connection, filter::suffix(&self.config.ldap.users.base), DOMAIN).await?.flatten(),
        };
        let Some(Rule { threshold, window }) = rule else { return Ok(None) };
        let now = self.clock.now();
        let is_recent = entry::first(candidate, BAD_PASSWORD_TIME)
            .and_then(|time| filetime::point(&time))
            .is_some_and(|last| now.since(last) < window);
        let counted = entry::first(candidate, BAD_PASSWORD_COUNT).and_then(|count| count.parse().ok()).unwrap_or(0);
        let counted: u32 = if is_recent { counted } else { 0 };
        Ok(Some(LockOut { threshold, window, spent: counted.saturating_sub(self.rules.ours_of(id, window, now)) }))
    }

    /// The rule that an entry holds; the outer nothing where it may not be read.
    async fn rule_of(&self, connection: &Connection, dn: &str, names: [&str; 2]) -> Result<Option<Option<Rule>>, Fault> {
        let now = self.clock.now();
        if let Some(rule) = self.rules.known.recall(dn, now) {
            return Ok(Some(rule));
        }
        let question = Question { base: dn, scope: Scope::Base, filter: "(objectClass=*)", attributes: &names, at_most: 1 };
        let found = match connection.search(question).await {
            Ok(found) => found.entries.into_iter().next(),
            Err(Fault::Missing(_)) => None,
            Err(fault) => return Err(fault),
        };
        let Some(rule) = found.as_ref().and_then(|entry| Rule::read(entry, names)) else {
            let directory = self.line.name();
            tracing::warn!(directory, dn, "the service user may not read this lock-out rule: the domain's is taken for it");
            return Ok(None);
        };
        let rule = Some(rule).filter(|rule| rule.threshold > 0);
        self.rules.known.keep(dn.into(), rule, now);
        Ok(Some(rule))
    }
}

impl Rule {
    fn read(entry: &SearchEntry, [threshold, window]: [&str; 2]) -> Option<Self> {
        let threshold = entry::first(entry, threshold)?.parse().ok()?;
        Some(Self { threshold, window: entry::first(entry, window).and_then(|window| filetime::span(&window))? })
    }
}

impl Rules {
    /// A password is about to be judged. It counts as a wrong one until it is known to be none: whoever looks meanwhile shall not
    /// take it for somebody else's.
    pub fn begin(&self, id: &UserId, now: Time) {
        let mut all = self.all();
        if all.len() >= MOST_ACCOUNTS {
            all.clear();
        }
        let ours = all.entry(id.clone()).or_insert(Ours { count: 0, last: now });
        ours.count = ours.count.saturating_add(1);
        ours.last = now;
    }

    /// It was none, or nobody could tell.
    pub fn take_back(&self, id: &UserId) {
        if let Some(ours) = self.all().get_mut(id) {
            ours.count = ours.count.saturating_sub(1);
        }
    }

    /// It was right: the domain forgets those before it, and so do we.
    pub fn forget(&self, id: &UserId) {
        self.all().remove(id);
    }

    fn ours_of(&self, id: &UserId, window: Duration, now: Time) -> u32 {
        self.all().get(id).filter(|ours| now.since(ours.last) < window).map_or(0, |ours| ours.count)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<UserId, Ours>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_counts_as_ours_until_it_is_none_or_the_window_is_over() {
        let (rules, id, window) = (Rules::default(), UserId::new("corp", "1"), Duration::from_secs(60));
        let at = |seconds: u64| Time::from_millis(seconds * 1000);
        let ours = |seconds| rules.ours_of(&id, window, at(seconds));
        rules.begin(&id, at(0));
        rules.begin(&id, at(1));
        assert_eq!(ours(2), 2);
        rules.take_back(&id);
        assert_eq!((ours(60), ours(61)), (1, 0));
        rules.begin(&id, at(100));
        rules.forget(&id);
        assert_eq!(ours(100), 0);
        rules.take_back(&id);
        assert_eq!(ours(100), 0);
    }
}
