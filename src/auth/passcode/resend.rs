//! A new passcode in place of the last, or the last one by another way; paced and bounded. The last one dies once the new one is on its way, not before.

use std::time::Duration;

use crate::audit::What;
use crate::audit::reason::ResendRefusal;
use crate::auth::flow::engine::{Answer, CONFLICTS};
use crate::auth::flow::record::{Flow, State};
use crate::auth::flow::{Answered, Awaiting};
use crate::auth::house::{Attempt, CouldNotTell, House};
use crate::auth::{Declined, FlowOver};
use crate::base::Time;
use crate::dispatch::{DispatchError, Jump, Progress, Way};
use crate::store::Expect;

impl House {
    /// A new passcode instead of the last; the old one dies.
    pub async fn resend(&self, at: &Attempt, flow_id: &str) -> Result<Answer, CouldNotTell> {
        self.resend_from(at, flow_id, 0).await
    }

    /// The passcode by another rule of the policy: the same one while it can still be sent, else a new one. A rule that is not offered
    /// changes nothing.
    pub async fn other_way(&self, at: &Attempt, flow_id: &str, rule: usize) -> Result<Answer, CouldNotTell> {
        for _ in 0..CONFLICTS {
            let now = self.clock.now();
            let Some((mut flow, version)) = self.own_flow(at, flow_id, now).await? else {
                return Ok(Answer::Over(FlowOver::Gone));
            };
            let awaiting = match awaiting(&flow, flow_id) {
                Ok(awaiting) => awaiting,
                Err(over) => return Ok(Answer::Over(over)),
            };
            let progress = self.progress(&flow.dispatch, &awaiting, now).await?;
            if !self.others(&flow.dispatch, &awaiting, &progress).iter().any(|way| way.rule == rule) {
                return Ok(Answer::Again);
            }
            if now >= awaiting.lives_until || !self.dispatcher.holds(&awaiting.message).await? {
                return self.resend_from(at, flow_id, rule).await;
            }
            let Some(diverted) = awaiting.clone().diverted(now) else {
                return self.too_soon(at, flow_id, flow, version).await;
            };
            if !self.take_message(at, now).await? {
                let what = What::ResendRefused { reason: ResendRefusal::MessagesPerAddress };
                self.note(at, flow.trace, Some(&awaiting.user.id), what).await;
                return self.keep_last(flow_id, flow, version).await;
            }
            let before = std::mem::replace(&mut flow.state, State::Awaiting(Box::new(diverted)));
            if !self.put_flow(flow_id, &flow, Expect::Version(version)).await? {
                continue;
            }
            return match self.dispatcher.jump(&awaiting.message, rule).await {
                Ok(Jump::Begun) => Ok(Answer::Again),
                // It was done at this very moment, and its passcode is gone.
                Ok(Jump::Gone) => {
                    self.put_flow(flow_id, &Flow { state: before, ..flow }, Expect::Version(version + 1)).await?;
                    self.resend_from(at, flow_id, rule).await
                }
                Err(DispatchError::TooMany(_)) => self.keep_last(flow_id, Flow { state: before, ..flow }, version + 1).await,
                Err(error) => Err(error.into()),
            };
        }
        Err(CouldNotTell::Unknown("a flow kept changing"))
    }

    /// How far the passcode is. One that was asked for a moment ago is perhaps not on record yet: it is on its way there.
    pub(in crate::auth) async fn progress(&self, policy: &str, awaiting: &Awaiting, now: Time) -> Result<Progress, CouldNotTell> {
        if let Some(progress) = self.dispatcher.progress_on_record(&awaiting.message).await? {
            return Ok(progress);
        }
        let ways = self.dispatcher.ways(policy, &self.addresses(&awaiting.user));
        let first = ways.into_iter().next().filter(|_| now.since(awaiting.sent) < HANDED_OVER);
        Ok(first.map_or(Progress::Failed, |way| Progress::Sending {
            channel: way.channel,
            to: way.to,
            before: None,
            again: None,
        }))
    }

    /// What the policy still offers this person beside the way under way.
    pub(in crate::auth) fn others(&self, policy: &str, awaiting: &Awaiting, progress: &Progress) -> Vec<Way> {
        if awaiting.resends_left == 0 {
            return Vec::new();
        }
        let here = match progress {
            Progress::Sending { channel, to, .. }
            | Progress::Sent { channel, to, .. }
            | Progress::Delivered { channel, to, .. } => Some((*channel, to.as_str())),
            // The same way may be tried again.
            Progress::Unsure { .. } | Progress::Failed => None,
        };
        let ways = self.dispatcher.ways(policy, &self.addresses(&awaiting.user)).into_iter();
        ways.filter(|way| Some((way.channel, way.to.as_str())) != here).take(MOST_OTHERS).collect()
    }

    async fn resend_from(&self, at: &Attempt, flow_id: &str, rule: usize) -> Result<Answer, CouldNotTell> {
        for _ in 0..CONFLICTS {
            let now = self.clock.now();
            let Some((mut flow, version)) = self.own_flow(at, flow_id, now).await? else {
                return Ok(Answer::Over(FlowOver::Gone));
            };
            let awaiting = match awaiting(&flow, flow_id) {
                Ok(awaiting) => awaiting,
                Err(over) => return Ok(Answer::Over(over)),
            };
            let user = awaiting.user.id.clone();
            let replaced = awaiting.message.clone();
            let policy = self.passcode_policy(&flow.passcode)?;
            let (code, issued) = self.issue(flow_id, policy, now);
            let Some(resent) = awaiting.clone().resent(issued.clone(), now) else {
                return self.too_soon(at, flow_id, flow, version).await;
            };
            if !self.take_message(at, now).await? {
                self.note(at, flow.trace, Some(&user), What::ResendRefused { reason: ResendRefusal::MessagesPerAddress }).await;
                return self.keep_last(flow_id, flow, version).await;
            }
            flow.state = State::Awaiting(Box::new(resent));
            if !self.put_flow(flow_id, &flow, Expect::Version(version)).await? {
                continue;
            }
            return match self.send(at, &flow, (&issued, code), Some(rule)).await? {
                None => {
                    self.dispatcher.cancel(&replaced).await;
                    Ok(Answer::Again)
                }
                Some(Declined::TooManyMessages) => {
                    self.keep_last(flow_id, Flow { state: State::Awaiting(awaiting), ..flow }, version + 1).await
                }
                Some(why) => Ok(Answer::Declined { why, trace: flow.trace }),
            };
        }
        Err(CouldNotTell::Unknown("a flow kept changing"))
    }

    async fn too_soon(&self, at: &Attempt, flow_id: &str, mut flow: Flow, version: u64) -> Result<Answer, CouldNotTell> {
        let State::Awaiting(awaiting) = &mut flow.state else { return Ok(Answer::Again) };
        if awaiting.is_pressed_twice(self.clock.now()) {
            return Ok(Answer::Again);
        }
        let what = What::ResendRefused { reason: ResendRefusal::TooSoon };
        let user = awaiting.user.id.clone();
        let said = awaiting.last.replace(Answered::TooSoon) == Some(Answered::TooSoon);
        self.note_repeated(&format!("resend {flow_id}"), at, flow.trace, (Some(&user), what)).await;
        if !said {
            self.put_flow(flow_id, &flow, Expect::Version(version)).await?;
        }
        Ok(Answer::Again)
    }

    /// A limit let no new passcode out: the last one stays good, and the page says so. Whoever changed the flow meanwhile knows better.
    async fn keep_last(&self, flow_id: &str, mut flow: Flow, version: u64) -> Result<Answer, CouldNotTell> {
        if let State::Awaiting(awaiting) = &mut flow.state {
            awaiting.last = Some(Answered::NoMore);
        }
        self.put_flow(flow_id, &flow, Expect::Version(version)).await?;
        Ok(Answer::Again)
    }
}

/// By then a message is on record, or never will be.
const HANDED_OVER: Duration = Duration::from_secs(10);
/// So many further ways are offered.
const MOST_OTHERS: usize = 4;

fn awaiting(flow: &Flow, flow_id: &str) -> Result<Box<Awaiting>, FlowOver> {
    match &flow.state {
        State::Done => Err(FlowOver::Used { back: flow.back.clone() }),
        State::Ended => Err(FlowOver::Ended { back: flow.back.clone() }),
        State::Changing(_) => Err(FlowOver::NewPassword { flow: flow_id.to_owned() }),
        State::Awaiting(awaiting) => Ok(awaiting.clone()),
    }
}
