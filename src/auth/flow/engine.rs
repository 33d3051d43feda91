//! The second step: what is done with a flow between the right password and the session. The challenge, and what an answer to it is worth.

use std::sync::Arc;

use super::final_check::LastLook;
use super::record::{FLOW, FLOW_LIFE, Flow, State};
use super::{Answered, Awaiting, Next, Verdict, Why};
use crate::audit::What;
use crate::audit::reason::PasscodeRefusal;
use crate::auth::house::{Attempt, CouldNotTell, House, bound_to};
use crate::auth::limit::known_browser::Known;
use crate::auth::passcode;
use crate::auth::passcode::code::{self, Sealed};
use crate::auth::password::login::{PasswordAnswer, PasswordAttempt};
use crate::auth::password::sealed;
use crate::auth::{Admitted, Declined, FlowOver};
use crate::base::{Secret, TraceId};
use crate::directory::{Name, User};
use crate::dispatch::text::shown_name;
use crate::store::{Counter, Expect, Place, Taken};

/// What becomes of a passcode that was posted.
#[derive(Debug)]
pub enum Answer {
    Admitted(Admitted),
    /// The page shows why.
    Again,
    Over(FlowOver),
    Declined {
        why: Declined,
        trace: TraceId,
    },
}

const TRIES: Counter = Counter::FlowTries;
/// How often a step is tried again when another request changed the flow meanwhile.
pub(in crate::auth) const CONFLICTS: u32 = 8;

impl House {
    /// Steps 6 to 9 of the first step: a passcode is made, kept sealed, handed over and journaled.
    pub(in crate::auth) async fn challenge(
        &self,
        attempt: &PasswordAttempt,
        (user, why): (User, Option<Why>),
        (dispatch, passcode): (&Arc<str>, &Arc<str>),
        trace: TraceId,
    ) -> Result<PasswordAnswer, CouldNotTell> {
        let now = self.clock.now();
        let at = &attempt.at;
        let id = user.id.clone();
        if let Some(why) = self.is_paused(&user, now).await? {
            self.note(at, trace, Some(&id), What::PolicyRefused { reason: "second factor paused".into() }).await;
            return Ok(PasswordAnswer::Declined { why, trace });
        }
        let addresses = self.addresses(&user);
        if let Err(why) = self.dispatcher.reaches(dispatch, &addresses) {
            self.note(at, trace, Some(&id), What::MessageRefused { reason: format!("no-route: {why}") }).await;
            return Ok(PasswordAnswer::Declined { why: Declined::NoChannel, trace });
        }
        if !self.take_message(at, now).await? {
            self.note(at, trace, Some(&id), What::MessageRefused { reason: "messages_per_address".into() }).await;
            return Ok(PasswordAnswer::Declined { why: Declined::TooManyMessages, trace });
        }
        let flow_id = self.new_id();
        let policy = self.passcode_policy(passcode)?;
        let (code, issued) = self.issue(&flow_id, policy, now);
        let flow = Flow {
            application: Arc::clone(&at.application),
            host: Arc::clone(&at.host),
            browser: bound_to(&at.browser),
            back: attempt.back.clone(),
            language: self.language_of(attempt, &user),
            label: code::label(self.random.as_ref()),
            trace,
            name_mark: Name::parse(&attempt.name).map(|name| self.name_mark(&name).hash).unwrap_or_default(),
            dispatch: Arc::clone(dispatch),
            passcode: Arc::clone(passcode),
            expires: now.plus(FLOW_LIFE),
            password: why.and_then(|_| sealed::seal(&at.browser, &flow_id, &attempt.password)),
            state: State::Awaiting(Box::new(Awaiting { why, ..Awaiting::new(user, issued.clone(), policy.tries, now) })),
        };
        if !self.put_flow(&flow_id, &flow, Expect::Absent).await? {
            return Err(CouldNotTell::Unknown("a flow with this id exists"));
        }
        match self.send(at, &flow, (&issued, code), None).await? {
            None => Ok(PasswordAnswer::Challenged { flow: flow_id }),
            Some(why) => {
                self.stores.records.remove(FLOW, &flow_id, now).await?;
                Ok(PasswordAnswer::Declined { why, trace })
            }
        }
    }

    /// A passcode was posted.
    pub async fn answer(&self, at: &Attempt, flow_id: &str, typed: &str) -> Result<Answer, CouldNotTell> {
        let known = Known::read(at.known.as_deref(), &self.keys);
        let now = self.clock.now();
        let Some((flow, _)) = self.own_flow(at, flow_id, now).await? else { return Ok(Answer::Over(FlowOver::Gone)) };
        let user = match &flow.state {
            State::Done => return self.refuse_used(at, &flow).await,
            State::Ended => return self.refuse_ended(at, &flow).await,
            State::Changing(_) => return Ok(further(flow_id)),
            State::Awaiting(awaiting) => awaiting.user.clone(),
        };
        if !self.take_attempt(at, known.by_user(&user.id, &self.keys)) {
            let key = format!("address-busy {}", at.address);
            self.note_repeated(&key, at, flow.trace, (Some(&user.id), refused(PasscodeRefusal::AddressBusy, None))).await;
            return Ok(Answer::Declined { why: Declined::TooManyAttempts, trace: flow.trace });
        }
        let policy = self.passcode_policy(&flow.passcode)?;
        let (typed, tries) = (passcode::typed(typed, policy, &shown_name(&flow.application)), policy.tries);
        if typed.expose().is_empty() {
            return Ok(Answer::Again);
        }
        let place = Place { kind: TRIES, owner: user.id.as_str(), id: flow_id };
        let Taken::Yes { left } = self.stores.counters.take(place, tries, FLOW_LIFE, now).await? else {
            // Whoever took the last try decides what the flow becomes.
            return self.refuse_ended(at, &flow).await;
        };
        if let Some(why) = self.take_wrong_factor(&user, now).await? {
            self.stores.counters.give_back(TRIES, flow_id, now).await?;
            self.note(at, flow.trace, Some(&user.id), refused(PasscodeRefusal::Paused, None)).await;
            return Ok(Answer::Declined { why, trace: flow.trace });
        }
        self.judge(at, flow_id, (&user, &typed), left).await
    }

    /// One try is taken: decides what it was worth, again if the flow changed meanwhile.
    async fn judge(
        &self,
        at: &Attempt,
        flow_id: &str,
        (user, typed): (&User, &Secret<String>),
        left: u32,
    ) -> Result<Answer, CouldNotTell> {
        let offered = Sealed::new(&self.keys, flow_id, typed.expose());
        let mut is_given_back = false;
        for _ in 0..CONFLICTS {
            let now = self.clock.now();
            let Some((mut flow, version)) = self.own_flow(at, flow_id, now).await? else {
                return Ok(Answer::Over(FlowOver::Gone));
            };
            let vouched = flow.vouched_for();
            let awaiting = match flow.state {
                State::Done => {
                    // A second press of the button, say: it was not judged, so it was not wrong.
                    self.give_back_wrong_factor(user, now).await?;
                    return self.refuse_used(at, &flow).await;
                }
                State::Changing(_) => {
                    self.give_back_wrong_factor(user, now).await?;
                    return Ok(further(flow_id));
                }
                State::Ended => return self.refuse_ended(at, &flow).await,
                State::Awaiting(awaiting) => awaiting,
            };
            let verdict = awaiting.judge(|sealed| sealed.matches(&offered), now);
            let look = match verdict {
                Verdict::Right => {
                    // Right is no try, and the look may take its time: whoever presses again meanwhile is not out of tries.
                    if !std::mem::replace(&mut is_given_back, true) {
                        self.stores.counters.give_back(TRIES, flow_id, now).await?;
                    }
                    self.look_last(user, awaiting.why, vouched).await
                }
                _ => LastLook::Same,
            };
            let (message, sent) = (awaiting.message.clone(), awaiting.sent);
            let next = awaiting.submitted(verdict, left);
            flow.state = match &next {
                _ if matches!(look, LastLook::Lost(_)) => State::Ended,
                Next::Admit(_) => State::Done,
                Next::Change(changing) => {
                    flow.expires = now.plus(FLOW_LIFE);
                    State::Changing(changing.clone())
                }
                Next::Over => State::Ended,
                Next::Again(awaiting) => State::Awaiting(awaiting.clone()),
            };
            if !self.put_flow(flow_id, &flow, Expect::Version(version)).await? {
                continue;
            }
            if verdict == Verdict::Right {
                self.dispatcher.entered(&flow.dispatch, &self.addresses(user), sent);
            }
            if verdict != Verdict::Wrong {
                self.give_back_wrong_factor(user, now).await?;
            }
            if matches!(verdict, Verdict::Earlier | Verdict::Expired) {
                self.stores.counters.give_back(TRIES, flow_id, now).await?;
            }
            if !matches!(next, Next::Again(_)) {
                self.dispatcher.settle(&message).await;
            }
            let judged = verdict.refusal().map_or(What::PasscodeRight, |reason| refused(reason, Some(left)));
            self.note(at, flow.trace, Some(&user.id), judged).await;
            if let Some(why) = self.heed(at, flow.trace, user, look).await {
                return Ok(Answer::Declined { why, trace: flow.trace });
            }
            return self.judged(at, (flow_id, flow), user, next).await;
        }
        Err(CouldNotTell::Unknown("a flow kept changing"))
    }

    /// What becomes of a flow that is on record as `next` says.
    async fn judged(&self, at: &Attempt, (flow_id, flow): (&str, Flow), user: &User, next: Next) -> Result<Answer, CouldNotTell> {
        match next {
            Next::Admit(grant) => {
                self.forget_failures(at, user, &flow.name_mark).await?;
                self.tell_new_place(at, &flow, user).await;
                let admitted = self.admit(at, *grant, flow.trace, &flow.name_mark, flow.back).await?;
                Ok(Answer::Admitted(admitted))
            }
            Next::Change(changing) => {
                self.note_asked(at, flow.trace, &changing).await?;
                Ok(further(flow_id))
            }
            Next::Again(awaiting) => {
                if awaiting.last == Some(Answered::Wrong) {
                    self.tell_paused(&flow, user).await;
                }
                Ok(Answer::Again)
            }
            Next::Over => {
                self.tell_paused(&flow, user).await;
                Ok(Answer::Over(FlowOver::Ended { back: flow.back }))
            }
        }
    }

    async fn refuse_used(&self, at: &Attempt, flow: &Flow) -> Result<Answer, CouldNotTell> {
        self.note_repeated(&format!("used {}", flow.trace), at, flow.trace, (None, refused(PasscodeRefusal::Used, None))).await;
        Ok(Answer::Over(FlowOver::Used { back: flow.back.clone() }))
    }

    async fn refuse_ended(&self, at: &Attempt, flow: &Flow) -> Result<Answer, CouldNotTell> {
        self.note_repeated(&format!("ended {}", flow.trace), at, flow.trace, (None, refused(PasscodeRefusal::Ended, None))).await;
        Ok(Answer::Over(FlowOver::Ended { back: flow.back.clone() }))
    }
}

fn further(flow_id: &str) -> Answer {
    Answer::Over(FlowOver::NewPassword { flow: flow_id.to_owned() })
}

fn refused(reason: PasscodeRefusal, tries_left: Option<u32>) -> What {
    What::PasscodeRefused { reason, tries_left }
}
