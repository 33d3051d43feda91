//! A new passcode in place of the last, or the last one by another way; paced and bounded. The last one dies once the new one is on its way, not before.

use super::Sent;
use super::issue::Passcodes;
use crate::audit::What;
use crate::audit::reason::ResendRefusal;
use crate::auth::ask::Told;
use crate::auth::flow::record::{CONFLICTS, Flow, Flows, State};
use crate::auth::flow::{Answered, Challenge, Pending};
use crate::auth::services::CouldNotTell;
use crate::auth::{Attempt, Declined, FlowOver};
use crate::dispatch::{DispatchError, Switched};
use crate::store::Expect;

#[derive(Clone)]
pub(in crate::auth) struct Resend {
    pub flows: Flows,
    pub passcodes: Passcodes,
}

/// A flow that waits for a passcode, as it was read.
struct Found {
    flow: Flow,
    version: u64,
    pending: Pending,
    sent: Sent,
}

impl Found {
    /// The flow as it is once another passcode, or the same by another way, is asked for.
    fn with(&self, sent: Sent) -> Flow {
        let pending = self.pending.clone().asking(Challenge::Passcode(Box::new(sent)));
        Flow { state: State::Pending(Box::new(pending)), ..self.flow.clone() }
    }

    /// The flow as it was, but for what the page has to say.
    fn saying(&self, answered: Answered) -> Flow {
        let mut pending = self.pending.clone();
        pending.last = Some(answered);
        Flow { state: State::Pending(Box::new(pending)), ..self.flow.clone() }
    }
}

impl Resend {
    /// A new passcode instead of the last, by the way that the last one went; the old one dies.
    pub async fn resend(&self, at: &Attempt, flow_id: &str) -> Result<Told, CouldNotTell> {
        self.resend_from(at, flow_id, None).await
    }

    /// The passcode by another rule of the policy: the same one while it can still be sent, else a new one; at once by a way that was not
    /// tried yet. A rule that is not offered changes nothing.
    pub async fn other_way(&self, at: &Attempt, flow_id: &str, rule: usize) -> Result<Told, CouldNotTell> {
        let dispatcher = &self.passcodes.rules.dispatcher;
        for _ in 0..CONFLICTS {
            let now = self.passcodes.services.clock.now();
            let found = match self.find(at, flow_id).await? {
                Ok(found) => found,
                Err(told) => return Ok(told),
            };
            let (pending, sent) = (&found.pending, &found.sent);
            let progress = self.passcodes.progress(pending, sent, now).await?;
            let offers = self.passcodes.offers(pending, sent, &progress);
            if !offers.others.iter().any(|offer| offer.way.rule == rule) {
                return Ok(Told::Again);
            }
            if now >= sent.lives_until || !dispatcher.holds(&sent.message).await? {
                return self.resend_from(at, flow_id, Some(rule)).await;
            }
            let from = sent.other_way_from(rule, &offers.tried);
            let Some(diverted) = sent.clone().diverted(from, now) else { return self.too_soon(at, flow_id, &found).await };
            let diverted = diverted.by_rule(rule, offers.tried);
            if !self.take_message(at, &found).await? {
                return self.keep_last(flow_id, &found, found.version).await;
            }
            if !self.flows.put(flow_id, &found.with(diverted), Expect::Version(found.version)).await? {
                continue;
            }
            return match dispatcher.switch_channel(&sent.message, rule).await {
                Ok(Switched::Begun) => Ok(Told::Again),
                // It was done at this very moment, and its passcode is gone.
                Ok(Switched::Gone) => {
                    self.flows.put(flow_id, &found.flow, Expect::Version(found.version + 1)).await?;
                    self.resend_from(at, flow_id, Some(rule)).await
                }
                Err(DispatchError::TooMany(_)) => self.keep_last(flow_id, &found, found.version + 1).await,
                Err(error) => Err(error.into()),
            };
        }
        Err(CouldNotTell::Unknown("a flow kept changing"))
    }

    async fn resend_from(&self, at: &Attempt, flow_id: &str, chosen: Option<usize>) -> Result<Told, CouldNotTell> {
        for _ in 0..CONFLICTS {
            let now = self.passcodes.services.clock.now();
            let found = match self.find(at, flow_id).await? {
                Ok(found) => found,
                Err(told) => return Ok(told),
            };
            let policy = self.passcodes.rules.passcode_policy(&found.pending.terms.passcode)?;
            let (code, issued) = self.passcodes.issue(flow_id, policy, now);
            let progress = self.passcodes.progress(&found.pending, &found.sent, now).await?;
            let offers = self.passcodes.offers(&found.pending, &found.sent, &progress);
            let (rule, from) = match chosen {
                Some(rule) => (rule, found.sent.other_way_from(rule, &offers.tried)),
                None => (offers.again.map(|way| way.rule).unwrap_or_default(), found.sent.resend_from()),
            };
            let Some(resent) = found.sent.clone().resent(issued, from, now) else {
                return self.too_soon(at, flow_id, &found).await;
            };
            let resent = resent.by_rule(rule, offers.tried);
            if !self.take_message(at, &found).await? {
                return self.keep_last(flow_id, &found, found.version).await;
            }
            let flow = found.with(resent);
            if !self.flows.put(flow_id, &flow, Expect::Version(found.version)).await? {
                continue;
            }
            return match self.passcodes.hand_over(at, &flow, code, Some(rule)).await? {
                None => {
                    self.passcodes.rules.dispatcher.cancel(&found.sent.message).await;
                    Ok(Told::Again)
                }
                Some(Declined::TooManyMessages { .. }) => self.keep_last(flow_id, &found, found.version + 1).await,
                Some(why) => Ok(Told::Declined { why, trace: flow.trace }),
            };
        }
        Err(CouldNotTell::Unknown("a flow kept changing"))
    }

    /// The flow, if it waits for a passcode; else what is told instead.
    async fn find(&self, at: &Attempt, flow_id: &str) -> Result<Result<Found, Told>, CouldNotTell> {
        let Some((flow, version)) = self.flows.find(at, flow_id, self.passcodes.services.clock.now()).await? else {
            return Ok(Err(Told::Over(FlowOver::Gone)));
        };
        let pending = match flow.pending() {
            Ok(pending) => pending.clone(),
            Err(state) => return Ok(Err(state.told(flow_id, &flow))),
        };
        let Challenge::Passcode(sent) = &pending.asked;
        let sent = Sent::clone(sent);
        Ok(Ok(Found { flow, version, pending, sent }))
    }

    async fn take_message(&self, at: &Attempt, found: &Found) -> Result<bool, CouldNotTell> {
        let services = &self.passcodes.services;
        if self.passcodes.limiter.take_message(at, services.clock.now()).await?.is_none() {
            return Ok(true);
        }
        let what = What::ResendRefused { reason: ResendRefusal::MessagesPerAddress };
        services.note(at, found.flow.trace, Some(&found.pending.user().id), what).await;
        Ok(false)
    }

    async fn too_soon(&self, at: &Attempt, flow_id: &str, found: &Found) -> Result<Told, CouldNotTell> {
        let services = &self.passcodes.services;
        let (user, what) = (&found.pending.user().id, What::ResendRefused { reason: ResendRefusal::TooSoon });
        services.note_repeated(&format!("resend {flow_id}"), at, found.flow.trace, (Some(user), what)).await;
        if found.pending.last != Some(Answered::TooSoon) {
            self.flows.put(flow_id, &found.saying(Answered::TooSoon), Expect::Version(found.version)).await?;
        }
        Ok(Told::Again)
    }

    /// A limit let no new passcode out: the last one stays good, and the page says so. A request that changed the flow meanwhile wins.
    async fn keep_last(&self, flow_id: &str, found: &Found, version: u64) -> Result<Told, CouldNotTell> {
        self.flows.put(flow_id, &found.saying(Answered::NoMore), Expect::Version(version)).await?;
        Ok(Told::Again)
    }
}
