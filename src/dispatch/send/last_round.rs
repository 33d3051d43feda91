//! What is left of a message's ways when every rule was tried in vain: those that were too busy or out of service, and those that failed for
//! a reason that passes. The latter are tried again while the message lives. It waits in the store meanwhile, so that a restart loses
//! nothing and only one node goes on with it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::attempt::{AfterTry, Leftover, MOST_DOUBTS, Sending, Ways};
use crate::dispatch::queue::record::Retry;
use crate::dispatch::routing::{Route, TransmitterHandle};
use crate::dispatch::{Fate, Progress, Purpose};

/// The pauses before the next tries; the last one is repeated. The first is longer than a modem's first rest.
const PAUSES: [Duration; 4] = [Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(20), Duration::from_secs(40)];
/// A server that asks for less than this part of our own pause does not get more tries out of us.
const LEAST_PART: u32 = 5;
/// Ways whose time comes so soon are tried with those whose time has come.
const TOGETHER: Duration = Duration::from_secs(1);

impl Retry {
    fn is(&self, route: &Route, handle: &TransmitterHandle) -> bool {
        (self.rule, self.transmitter.as_str()) == (route.rule, handle.transmitter.name())
    }
}

impl Sending {
    /// Tries those that could not send before, then those whose pause is over, and leaves the message in the store where a further try may
    /// help. `On`: nothing more can be done.
    pub(in crate::dispatch) async fn last_round(&mut self, leftover: Leftover, cancelled: &CancellationToken) -> AfterTry {
        let ways = self.in_line(leftover.busy).into_iter().chain(leftover.silent).chain(self.due()).collect::<Ways>();
        let mut refused = Vec::new();
        for (route, handle) in ways {
            if self.is_in_doubt(&route) || refused.contains(&route.rule) {
                continue;
            }
            self.work.retries.retain(|retry| !retry.is(&route, &handle));
            // What follows if it is not delivered are the rules after this one.
            self.work.rule = route.rule;
            let queued = handle.enter(self.work.purpose());
            match self.attempt(&route, (&handle, queued), cancelled).await {
                AfterTry::Done => return AfterTry::Done,
                AfterTry::NextRule => refused.push(route.rule),
                // No place became free: that passes too.
                AfterTry::OnAndWait => self.try_later(&route, &handle, None),
                AfterTry::On => {}
            }
        }
        self.pause().await
    }

    /// Where another configuration took a way off during the pause, the rules are tried anew from there: what stands in its place may work.
    pub(in crate::dispatch) fn begin_anew(&mut self) {
        let ways = self.inner.ways();
        let routes = ways.routing.routes(&self.work.policy, &self.work.addresses).unwrap_or_default();
        let leads =
            |retry: &Retry| routes.iter().any(|route| route.rule == retry.rule && ways.routing.leads(route, &retry.transmitter));
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.work.retries).into_iter().partition(leads);
        self.work.retries = kept;
        if let Some(rule) = gone.iter().map(|retry| retry.rule).min().filter(|_| self.work.again_at.is_some()) {
            let waits = self.work.retries.iter().filter(|retry| retry.rule == rule);
            self.work.asked = waits.map(|retry| retry.transmitter.clone()).collect();
            (self.work.again_at, self.work.rule) = (None, rule);
        }
    }

    /// This way failed for a reason that passes: it is tried again after a pause, or when it asked for that itself.
    pub(in crate::dispatch) fn try_later(&mut self, route: &Route, handle: &TransmitterHandle, asked: Option<Duration>) {
        let usual = PAUSES.get(self.work.pauses).or(PAUSES.last()).copied().unwrap_or_default();
        let pause = asked.map_or(usual, |asked| asked.max(usual / LEAST_PART));
        self.work.retries.retain(|retry| !retry.is(route, handle));
        let (rule, transmitter) = (route.rule, handle.transmitter.name().to_owned());
        self.work.retries.push(Retry { rule, transmitter, not_before: self.inner.clock.now().plus(pause) });
    }

    /// The node that goes on with the message begins with this transmitter: it was being asked, or about to be.
    pub(in crate::dispatch) fn ask_again(&mut self, rule: usize, transmitter: &str) {
        self.work.asked.retain(|asked| asked != transmitter);
        if self.work.again_at.is_some() {
            let (transmitter, not_before) = (transmitter.to_owned(), self.inner.clock.now());
            self.work.retries.push(Retry { rule, transmitter, not_before });
        }
    }

    /// Whether it may have gone out by this channel so often that one more copy would be too much.
    pub(in crate::dispatch) fn is_in_doubt(&self, route: &Route) -> bool {
        self.work.doubts.iter().filter(|channel| **channel == route.channel).count() >= MOST_DOUBTS
    }

    /// The ways whose pause is over, in the policy's order.
    fn due(&self) -> Ways {
        let (ways, soon) = (self.inner.ways(), self.inner.clock.now().plus(TOGETHER));
        let routes = ways.routing.routes(&self.work.policy, &self.work.addresses).unwrap_or_default();
        let way = |retry: &Retry| {
            let route = routes.iter().find(|route| route.rule == retry.rule)?;
            Some((route.clone(), ways.routing.handle(&retry.transmitter)?))
        };
        // What has failed just now is not tried again before the first pause.
        let due = self.work.retries.iter().filter(|retry| self.work.again_at.is_some() && retry.not_before <= soon);
        let mut found: Ways = due.filter_map(way).collect();
        found.sort_by_cached_key(|(route, handle)| (route.rule, handle.backlog(self.work.purpose()).unwrap_or(Duration::MAX)));
        found
    }

    /// Leaves the message in the store until the next try, where there is one within its life.
    async fn pause(&mut self) -> AfterTry {
        let ways = self.inner.ways();
        let routes = ways.routing.routes(&self.work.policy, &self.work.addresses).unwrap_or_default();
        let mut retries = std::mem::take(&mut self.work.retries);
        let route = |retry: &Retry| routes.iter().find(|route| route.rule == retry.rule);
        // Another configuration may have come meanwhile.
        retries.retain(|retry| ways.routing.handle(&retry.transmitter).is_some());
        retries
            .retain(|retry| retry.not_before < self.work.expires && route(retry).is_some_and(|route| !self.is_in_doubt(route)));
        retries.sort_by_key(|retry| retry.rule);
        let first = retries.first().and_then(route);
        let next = retries.iter().map(|retry| retry.not_before).min();
        // The operator of a test wants to be told at once what is wrong, not in five minutes.
        let (Some(first), Some(next)) = (first, next.filter(|_| self.work.purpose() != Purpose::Test)) else {
            return AfterTry::On;
        };
        self.work.again_at = Some(next);
        self.work.pauses += 1;
        self.work.retries = retries;
        let progress = self.sending_progress(first);
        if self.write(progress).await
            && let Err(error) = self.inner.wake_at(&self.id, next).await
        {
            // Its lease runs out, and then it is taken up again.
            self.abandon(&error);
        }
        AfterTry::Done
    }

    /// Which way is being tried, or is waited for.
    pub(in crate::dispatch) fn sending_progress(&self, route: &Route) -> Progress {
        let fate = if self.work.unsure.is_some() { Fate::Unsure } else { Fate::NotSent };
        let again = (self.work.pauses > 0).then_some(fate);
        Progress::Sending { channel: route.channel, to: route.masked(), before: self.before(), again }
    }

    /// The least busy first, each for as long as the passcode lives.
    fn in_line(&self, busy: Ways) -> Ways {
        let left = self.work.expires.since(self.inner.clock.now());
        let mut ways: Ways = busy.into_iter().map(|(route, handle)| (Route { wait: left, ..route }, handle)).collect();
        ways.sort_by_cached_key(|(_, handle)| handle.backlog(self.work.purpose()).unwrap_or(Duration::MAX));
        ways
    }
}
