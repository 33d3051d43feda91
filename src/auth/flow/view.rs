//! What the passcode page shows of a sign-in under way.

use std::sync::Arc;

use super::Answered;
use super::record::State;
use crate::auth::FlowOver;
use crate::auth::house::{Attempt, CouldNotTell, House};
use crate::base::{Language, Time, TraceId};
use crate::config::PasscodePolicy;
use crate::config::passcode_policy::Alphabet;
use crate::dispatch::{Progress, Way};

/// What the passcode page shows.
#[derive(Clone, Debug)]
pub struct FlowView {
    /// Where the sign-in leads.
    pub back: String,
    pub application: Arc<str>,
    pub language: Language,
    pub label: String,
    /// What its passcode is made of.
    pub alphabet: Alphabet,
    pub trace: TraceId,
    pub progress: Progress,
    pub tries: u32,
    pub tries_left: u32,
    pub last: Option<Answered>,
    /// When a new passcode may be asked for, and how often still.
    pub resend: Option<(Time, u32)>,
    /// Further ways to send it that may be asked for like a new passcode.
    pub others: Vec<Way>,
    pub lives_until: Time,
    pub now: Time,
}

impl House {
    /// What the passcode page shows; an error of the flow where there is nothing to show.
    pub async fn look(&self, at: &Attempt, flow_id: &str) -> Result<Result<FlowView, FlowOver>, CouldNotTell> {
        let now = self.clock.now();
        let Some((flow, _)) = self.own_flow(at, flow_id, now).await? else { return Ok(Err(FlowOver::Gone)) };
        let awaiting = match flow.state {
            State::Done => return Ok(Err(FlowOver::Used { back: flow.back })),
            State::Ended => return Ok(Err(FlowOver::Ended { back: flow.back })),
            State::Changing(_) => return Ok(Err(FlowOver::NewPassword { flow: flow_id.to_owned() })),
            State::Awaiting(awaiting) => awaiting,
        };
        let PasscodePolicy { tries, alphabet, .. } = *self.passcode_policy(&flow.passcode)?;
        let progress = self.progress(&flow.dispatch, &awaiting, now).await?;
        Ok(Ok(FlowView {
            alphabet,
            others: self.others(&flow.dispatch, &awaiting, &progress),
            progress,
            tries_left: awaiting.tries_left,
            tries,
            last: awaiting.last,
            resend: awaiting.resend_from().map(|from| (from, awaiting.resends_left)),
            lives_until: awaiting.lives_until,
            application: flow.application,
            back: flow.back,
            language: flow.language,
            label: flow.label,
            trace: flow.trace,
            now,
        }))
    }
}
