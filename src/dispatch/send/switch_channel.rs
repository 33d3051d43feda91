//! Another way than the one under way, because the person asked for it: the same passcode by another rule of the policy.

use std::sync::Arc;

use super::attempt::Sending;
use crate::audit::What;
use crate::base::Channel;
use crate::dispatch::dispatcher::{DispatchError, Dispatcher};
use crate::dispatch::inner::LEASE;
use crate::dispatch::queue::record::{MessageRecord, PendingMessage, Stage};
use crate::dispatch::routing::Route;
use crate::dispatch::{Addresses, Progress};
use crate::store::{Step, Versioned};

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
pub enum Switched {
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
        for route in self.inner.ways().routing.routes(policy, addresses).unwrap_or_default() {
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
        let found = self.inner.readable(id).await?;
        Ok(found.is_some_and(|found| found.row.work.is_some_and(|work| now < work.expires)))
    }

    /// Goes on with this rule at once, whatever is under way; the rules after it follow as ever. Counts as one message more.
    pub async fn switch_channel(&self, id: &str, rule: usize) -> Result<Switched, DispatchError> {
        let (inner, now) = (&self.inner, self.inner.clock.now());
        let found = inner.readable(id).await?.and_then(|found| found.row.work);
        let Some(work) = found.filter(|work| now < work.expires) else { return Ok(Switched::Gone) };
        let ways = inner.ways();
        let routes = ways.routing.routes(&work.policy, &work.addresses).unwrap_or_default();
        let Some(route) = routes.into_iter().find(|route| route.rule == rule) else { return Err(DispatchError::NoRoute) };
        if let Err(reached) = ways.allowances.take(&work.user, std::slice::from_ref(&route), now).await? {
            inner.refuse(&work, reached.limit.name().to_owned()).await;
            return Err(DispatchError::TooMany(reached));
        }
        let (channel, to) = (route.channel, route.masked());
        let diverted = inner.messages.update(id, now, |found| {
            let Some(found) = found else { return Step::Leave(None) };
            let Some(mut work) = found.row.work.filter(|work| now < work.expires) else { return Step::Leave(None) };
            work.divert(&route);
            let progress = Progress::Sending { channel, to: to.clone(), before: None, again: None };
            let diverted = (work.clone(), found.version + 1);
            Step::Write(Versioned { row: MessageRecord { progress, work: Some(work) }, ..found }, Some(diverted))
        });
        let Some((work, version)) = diverted.await? else {
            ways.allowances.give_back(&work.user, &route.to, now).await?;
            return Ok(Switched::Gone);
        };
        inner.stop(id);
        inner.due(id, Some(now.plus(LEASE))).await?;
        let asked = What::OtherWayAsked { message: id.to_owned(), channel: channel.name().to_owned(), to };
        inner.journal.note(inner.event(&work, asked)).await;
        inner.start(Sending::resumed(Arc::clone(inner), id.to_owned(), work, version), None);
        Ok(Switched::Begun)
    }
}

impl PendingMessage {
    /// It goes on with this route, whatever was under way.
    fn divert(&mut self, route: &Route) {
        if let Stage::Waiting { sent, undelivered: false, .. } = std::mem::take(&mut self.stage) {
            self.sent = Some(sent);
            // Probably it has arrived: the ways before it have done enough.
            self.retries.clear();
        }
        self.rule = route.rule;
        self.before = None;
        self.asked.clear();
        self.doubts.clear();
        (self.again_at, self.pauses) = (None, 0);
        self.counted.push(route.to.clone());
    }
}
