//! Another way than the one under way, because the person asked for it: the same passcode by another rule of the policy.

use std::sync::Arc;

use super::dispatcher::{DispatchError, Dispatcher};
use super::inner::LEASE;
use super::kept::{KIND, Kept, Stage};
use super::sending::Sending;
use super::{Addresses, Progress};
use crate::audit::What;
use crate::base::Channel;

/// One way by which a policy reaches a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// The rule's place in the policy, from 0.
    pub rule: usize,
    pub channel: Channel,
    /// Masked.
    pub to: String,
}

/// What became of the wish for another way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Jump {
    /// The same passcode goes there.
    Begun,
    /// The message is done or its passcode too old: only a new one can go there.
    Gone,
}

impl Dispatcher {
    /// All ways of a policy to a person, in its order; of those that end at the same place the first.
    pub fn ways(&self, policy: &str, addresses: &Addresses) -> Vec<Way> {
        let mut ways: Vec<Way> = Vec::new();
        let mut seen: Vec<(Channel, String)> = Vec::new();
        for route in self.inner.ways().board.routes(policy, addresses).unwrap_or_default() {
            let end = (route.channel, route.to.clone());
            if !seen.contains(&end) {
                ways.push(Way { rule: route.rule, channel: route.channel, to: route.masked() });
                seen.push(end);
            }
        }
        ways
    }

    /// Whether a message still holds its passcode.
    pub async fn holds(&self, id: &str) -> Result<bool, DispatchError> {
        let now = self.inner.clock.now();
        let found = self.inner.message(id, now).await?;
        Ok(found.is_some_and(|(_, kept)| kept.work.is_some_and(|work| now < work.expires)))
    }

    /// Goes on with this rule at once, whatever is under way; the rules after it follow as ever. Counts as one message more.
    pub async fn jump(&self, id: &str, rule: usize) -> Result<Jump, DispatchError> {
        let inner = &self.inner;
        for _ in 0..CONFLICTS {
            let now = inner.clock.now();
            let Some((record, kept)) = inner.message(id, now).await? else { return Ok(Jump::Gone) };
            let Some(mut work) = kept.work.filter(|work| now < work.expires) else { return Ok(Jump::Gone) };
            let ways = inner.ways();
            let routes = ways.board.routes(&work.policy, &work.addresses).unwrap_or_default();
            let Some(route) = routes.into_iter().find(|route| route.rule == rule) else { return Err(DispatchError::NoRoute) };
            if let Err(limit) = ways.allowances.take(&work.user, std::slice::from_ref(&route), now).await? {
                inner.refuse(&work, limit.name().to_owned()).await;
                return Err(DispatchError::TooMany(limit));
            }
            if let Stage::Waiting { sent, undelivered: false, .. } = std::mem::take(&mut work.stage) {
                work.sent = Some(sent);
                // Probably it has arrived: the ways before it have done enough.
                work.retries.clear();
            }
            work.rule = rule;
            work.before = None;
            work.asked.clear();
            work.doubts.clear();
            (work.again_at, work.pauses) = (None, 0);
            work.counted.push(route.to.clone());
            let (channel, to) = (route.channel, route.masked());
            let progress = Progress::Sending { channel, to: to.clone(), before: None, again: None };
            if !inner.rewrite(&record, Kept { progress, work: Some(work.clone()) }, now).await? {
                ways.allowances.give_back(&work.user, &route.to, now).await?;
                continue;
            }
            inner.stop(id);
            inner.records.due(KIND, id, Some(now.plus(LEASE)), now).await?;
            let asked = What::OtherWayAsked { message: id.to_owned(), channel: channel.name().to_owned(), to };
            inner.journal.note(inner.event(&work, asked)).await;
            inner.start(Sending::resumed(Arc::clone(inner), id.to_owned(), work, record.version + 1), None);
            return Ok(Jump::Begun);
        }
        Ok(Jump::Gone)
    }
}

/// How often a record is read again because somebody wrote to it in between.
const CONFLICTS: usize = 5;
