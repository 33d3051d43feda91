//! Decisions that depend on groups: the directory is asked about those that the rules name, and what it could not say is said to the
//! operator.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Circumstances, Decided, Decision, Memberships, Undecided, decide, groups_elsewhere, groups_in_question};
use crate::auth::rules::Rules;
use crate::base::{Clock, Time, TraceId, UserId};
use crate::config::AuthenticationPolicy;
use crate::config::group::Group;

/// Asks the directory what a policy needs to know, and decides.
#[derive(Clone)]
pub(in crate::auth) struct Evaluator {
    pub clock: Clock,
    pub rules: Arc<Rules>,
    /// Outlives a change of the configuration.
    pub said_lately: Arc<SaidLately>,
}

impl Evaluator {
    /// What a policy says to this user here and now, and what the directory said of the groups in question. Where it refuses, the directory is
    /// also asked about the groups that matter at other addresses, so that a page names the address as the reason only where it is.
    pub(in crate::auth) async fn decide(
        &self,
        policy: &AuthenticationPolicy,
        user: &UserId,
        circumstances: &Circumstances,
    ) -> (Decided, Memberships) {
        let memberships = self.memberships(user, groups_in_question(policy, circumstances)).await;
        let decided = decide(policy, circumstances, &memberships);
        if decided.decision != Decision::Refuse {
            return (decided, memberships);
        }
        let more = memberships.unknown(groups_elsewhere(policy, circumstances));
        if more.is_empty() {
            return (decided, memberships);
        }
        let all = memberships.clone().with(self.memberships(user, more).await);
        let by_address = decide(policy, circumstances, &all).by_address;
        (Decided { by_address, ..decided }, memberships)
    }

    async fn memberships(&self, user: &UserId, groups: Vec<Group>) -> Memberships {
        let told = if groups.is_empty() { Vec::new() } else { self.rules.people.memberships(user, &groups).await };
        Memberships::new(groups, told)
    }

    /// Logs each rule that could not be judged, once a minute.
    pub(in crate::auth) fn note_undecided(&self, policy: &AuthenticationPolicy, undecided: &[Undecided], trace: TraceId) {
        for one in undecided {
            let sentence = one.to_string();
            if self.said_lately.is_first(&format!("{} {sentence}", policy.name), self.clock.now()) {
                tracing::error!(
                    %trace,
                    policy = &*policy.name,
                    line = one.line.0,
                    group = &*one.group,
                    "authentication policy {}: {sentence}; it admits nobody and is taken where it refuses or challenges",
                    policy.name
                );
            }
        }
    }
}

/// Sentences that were logged within the last minute.
#[derive(Debug, Default)]
pub(in crate::auth) struct SaidLately(Mutex<HashMap<String, Time>>);

impl SaidLately {
    /// Whether a sentence has not been said for a minute; it counts as said now.
    fn is_first(&self, sentence: &str, now: Time) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|_, at| now.since(*at) < A_MINUTE);
        // Said once too often rather than not at all.
        if said.len() >= MOST {
            said.clear();
        }
        match said.contains_key(sentence) {
            true => false,
            false => said.insert(sentence.to_owned(), now).is_none(),
        }
    }
}

const A_MINUTE: Duration = Duration::from_secs(60);
const MOST: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_said_once_a_minute() {
        let said = SaidLately::default();
        let at = |second: u64| Time::from_millis(second * 1000);
        assert!(said.is_first("a", at(0)) && !said.is_first("a", at(59)) && said.is_first("b", at(59)));
        assert!(said.is_first("a", at(60)) && !said.is_first("b", at(61)));
    }
}
