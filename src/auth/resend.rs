//! A new passcode in place of the last, paced and bounded. The last one dies once the new one is on its way, not before.

use super::answer::{Answer, CONFLICTS};
use super::flow::Answered;
use super::flow_record::{Flow, State};
use super::house::{Attempt, CouldNotTell, House};
use super::{Declined, FlowOver};
use crate::audit::What;
use crate::store::Expect;

impl House {
    /// A new passcode instead of the last; the old one dies.
    pub async fn resend(&self, at: &Attempt, flow_id: &str) -> Result<Answer, CouldNotTell> {
        for _ in 0..CONFLICTS {
            let now = self.clock.now();
            let Some((mut flow, version)) = self.own_flow(at, flow_id, now).await? else {
                return Ok(Answer::Over(FlowOver::Gone));
            };
            let mut awaiting = match flow.state {
                State::Done => return Ok(Answer::Over(FlowOver::Used { back: flow.back })),
                State::Ended => return Ok(Answer::Over(FlowOver::Ended { back: flow.back })),
                State::Changing(_) => return Ok(Answer::Over(FlowOver::NewPassword { flow: flow_id.to_owned() })),
                State::Awaiting(awaiting) => awaiting,
            };
            let user = awaiting.user.id.clone();
            let replaced = awaiting.message.clone();
            let policy = self.passcode_policy(&flow.passcode)?;
            let (code, issued) = self.issue(flow_id, policy, now);
            let Some(resent) = awaiting.clone().resent(issued.clone(), now) else {
                let what = What::ResendRefused { reason: "too soon or too often".into() };
                self.note_repeated(&format!("resend {flow_id}"), at, flow.trace, (Some(&user), what)).await;
                if awaiting.last != Some(Answered::TooSoon) {
                    awaiting.last = Some(Answered::TooSoon);
                    flow.state = State::Awaiting(awaiting);
                    self.put_flow(flow_id, &flow, Expect::Version(version)).await?;
                }
                return Ok(Answer::Again);
            };
            if !self.take_message(at, now).await? {
                self.note(at, flow.trace, Some(&user), What::ResendRefused { reason: "messages_per_address".into() }).await;
                return self.keep_last(flow_id, Flow { state: State::Awaiting(awaiting), ..flow }, version).await;
            }
            flow.state = State::Awaiting(Box::new(resent));
            if !self.put_flow(flow_id, &flow, Expect::Version(version)).await? {
                continue;
            }
            return match self.send(at, &flow, &issued, code, true).await? {
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

    /// A limit let no new passcode out: the last one stays good, and the page says so. Whoever changed the flow meanwhile knows better.
    async fn keep_last(&self, flow_id: &str, mut flow: Flow, version: u64) -> Result<Answer, CouldNotTell> {
        if let State::Awaiting(awaiting) = &mut flow.state {
            awaiting.last = Some(Answered::NoMore);
        }
        self.put_flow(flow_id, &flow, Expect::Version(version)).await?;
        Ok(Answer::Again)
    }
}
