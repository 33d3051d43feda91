//! What is done with a flow between the right password and the grant: which factor is asked for, and what an answer to it is worth.

use std::sync::Arc;

use super::final_check::{FinalCheck, Finding};
use super::grant::Outstanding;
use super::record::{Beginning, CONFLICTS, FLOW_LIFE, Flow, Flows, Instead, State};
use super::{Answered, Begun, Challenge, Next, Pending, Verdict};
use crate::audit::What;
use crate::audit::reason::PasscodeRefusal;
use crate::auth::account::notice::Notices;
use crate::auth::ask::{Declined, FlowOver, Step, Told};
use crate::auth::attempt::Attempt;
use crate::auth::entry::Entry;
use crate::auth::limit::Limiter;
use crate::auth::passcode::issue::Passcodes;
use crate::auth::services::{CouldNotTell, Services};
use crate::base::{Factor, Secret, TraceId};
use crate::store::{Counter, Expect, Place, Taken};

/// The steps after the first.
pub(in crate::auth) struct FactorStep {
    pub services: Services,
    pub flows: Flows,
    pub limiter: Arc<Limiter>,
    pub passcodes: Passcodes,
    pub final_check: FinalCheck,
    pub notices: Notices,
    pub entry: Entry,
}

/// A try at a flow: where, whose, and which flow.
#[derive(Clone, Copy)]
struct Try<'a> {
    at: &'a Attempt,
    flow_id: &'a str,
    trace: TraceId,
}

/// What became of writing the next state down.
enum Written {
    Yes,
    /// None of the factors that the plan leaves can be asked for, and why not the first of them. The flow is where `Expect` says.
    Declined(Declined, Expect),
    /// Another request changed the flow meanwhile.
    Conflict,
}

const TRIES: Counter = Counter::FlowTries;

impl FactorStep {
    /// The password was right and is not enough: asks for the first factor of the plan that can be asked for.
    pub async fn begin(&self, beginning: &Beginning<'_>, outstanding: Outstanding) -> Result<Told, CouldNotTell> {
        let (now, user) = (self.services.clock.now(), outstanding.proven.user());
        let Beginning { at, ref flow_id, trace, .. } = *beginning;
        if let Some(why) = self.limiter.is_paused(user, now).await? {
            self.services.note(at, trace, Some(&user.id), What::PolicyRefused { reason: "second factor paused".into() }).await;
            return Ok(Told::declined(why, trace));
        }
        let with = |state| beginning.flow(state, now);
        match self.ask(Try { at, flow_id, trace }, &outstanding, Expect::Absent, with).await? {
            Written::Yes => Ok(Told::Next { flow: flow_id.clone(), step: Step::Factor }),
            Written::Conflict => Err(CouldNotTell::Unknown("a flow with this id exists")),
            Written::Declined(why, expect) => {
                if expect != Expect::Absent {
                    self.flows.remove(flow_id, now).await?;
                }
                Ok(Told::declined(why, trace))
            }
        }
    }

    /// Asks for the first factor that can be asked for: its challenge is on record before anything is sent.
    async fn ask(
        &self,
        one: Try<'_>,
        outstanding: &Outstanding,
        mut expect: Expect,
        with: impl Fn(State) -> Flow,
    ) -> Result<Written, CouldNotTell> {
        let mut declined = None;
        for factor in outstanding.plan.open(outstanding.proven.factors()) {
            let Begun { challenge, secret, tries } = match self.challenge(one, factor, outstanding).await? {
                Ok(begun) => begun,
                Err(why) => {
                    declined.get_or_insert(why);
                    continue;
                }
            };
            let flow = with(State::Pending(Box::new(outstanding.clone().asking(challenge, tries))));
            if !self.flows.put(one.flow_id, &flow, expect).await? {
                return Ok(Written::Conflict);
            }
            let Some(why) = self.hand_over(one.at, &flow, secret).await? else { return Ok(Written::Yes) };
            declined.get_or_insert(why);
            expect = match expect {
                Expect::Absent => Expect::Version(1),
                Expect::Version(version) => Expect::Version(version + 1),
            };
        }
        Ok(Written::Declined(declined.unwrap_or(Declined::NotForThisSite), expect))
    }

    /// The challenge of one factor; why there is none.
    async fn challenge(
        &self,
        one: Try<'_>,
        factor: Factor,
        outstanding: &Outstanding,
    ) -> Result<Result<Begun<Challenge>, Declined>, CouldNotTell> {
        match factor {
            Factor::Passcode => {
                let begun = self.passcodes.begin(one.at, one.flow_id, outstanding, one.trace).await?;
                Ok(begun.map(|Begun { challenge, secret, tries }| Begun {
                    challenge: Challenge::Passcode(Box::new(challenge)),
                    secret,
                    tries,
                }))
            }
            // The first step asks for it, and no other.
            Factor::Password => Ok(Err(Declined::NotForThisSite)),
        }
    }

    async fn hand_over(&self, at: &Attempt, flow: &Flow, secret: Secret<String>) -> Result<Option<Declined>, CouldNotTell> {
        match flow.pending().map(|pending| &pending.asked) {
            Ok(Challenge::Passcode(_)) => self.passcodes.hand_over(at, flow, secret, None).await,
            Err(_) => Ok(None),
        }
    }

    /// Something was typed for the factor that is asked for.
    pub async fn answer(&self, at: &Attempt, flow_id: &str, typed: &Secret<String>) -> Result<Told, CouldNotTell> {
        let now = self.services.clock.now();
        let Some((flow, _)) = self.flows.find(at, flow_id, now).await? else { return Ok(Told::Over(FlowOver::Gone)) };
        let pending = match flow.pending() {
            Ok(pending) => pending,
            Err(state) => return Ok(self.elsewhere(at, flow_id, &flow, state).await),
        };
        let user = pending.user();
        let known = at.door.known(&self.services.keys);
        if !self.limiter.take_attempt(at, known.by_user(&user.id, &self.services.keys)) {
            let key = self.limiter.busy_key(at);
            let what = refused(PasscodeRefusal::AddressBusy, None);
            self.services.note_repeated(&key, at, flow.trace, (Some(&user.id), what)).await;
            return Ok(Told::declined(Declined::TooManyAttempts, flow.trace));
        }
        let (typed, tries) = match &pending.asked {
            Challenge::Passcode(_) => self.passcodes.read(at, &pending.terms, typed.expose())?,
        };
        if typed.expose().is_empty() {
            return Ok(Told::Again);
        }
        let place = Place { kind: TRIES, owner: user.id.as_str(), id: flow_id };
        let Taken::Yes { left } = self.services.stores.counters.take(place, tries, FLOW_LIFE, now).await? else {
            // The request that took the last try decides what the flow becomes.
            return Ok(self.elsewhere(at, flow_id, &flow, Instead::Ended).await);
        };
        if let Some(why) = self.limiter.take_wrong_factor(user, now).await? {
            self.services.stores.counters.give_back(TRIES, flow_id, now).await?;
            self.services.note(at, flow.trace, Some(&user.id), refused(PasscodeRefusal::Paused, None)).await;
            return Ok(Told::declined(why, flow.trace));
        }
        self.judge(Try { at, flow_id, trace: flow.trace }, pending, &typed, left).await
    }

    /// One try is taken: decides what it was worth, again if the flow changed meanwhile.
    async fn judge(&self, one: Try<'_>, meant: &Pending, typed: &Secret<String>, left: u32) -> Result<Told, CouldNotTell> {
        let Try { at, flow_id, .. } = one;
        let mut is_given_back = false;
        for _ in 0..CONFLICTS {
            let now = self.services.clock.now();
            let Some((flow, version)) = self.flows.find(at, flow_id, now).await? else { return Ok(Told::Over(FlowOver::Gone)) };
            let pending = match flow.pending() {
                Ok(pending) if pending.asked.factor() == meant.asked.factor() => pending.clone(),
                Err(Instead::Ended) => return Ok(self.elsewhere(at, flow_id, &flow, Instead::Ended).await),
                other => {
                    // A second press of the button, say: it was not judged, so it was not wrong.
                    self.limiter.give_back_wrong_factor(meant.user(), now).await?;
                    return Ok(self.elsewhere(at, flow_id, &flow, other.err().unwrap_or(Instead::Pending)).await);
                }
            };
            let verdict = match &pending.asked {
                Challenge::Passcode(sent) => self.passcodes.judge(sent, flow_id, typed, now),
            };
            // Right is no try, and what follows may take its time: a second press meanwhile must not find the tries used up.
            if verdict == Verdict::Right && !std::mem::replace(&mut is_given_back, true) {
                self.services.stores.counters.give_back(TRIES, flow_id, now).await?;
            }
            let next = pending.clone().submitted(verdict, left).at(&at.door);
            let finding = match &next {
                Next::Admit(_) | Next::Change(_) => {
                    self.final_check.look(pending.user(), pending.due.as_ref().map(|due| due.why), flow.vouched_for()).await
                }
                _ => Finding::Same,
            };
            let written = self.write(one, (&flow, version), &next, matches!(finding, Finding::Lost(_))).await?;
            if matches!(written, Written::Conflict) {
                continue;
            }
            self.count(one, &pending, (verdict, left), matches!(next, Next::Again(_))).await?;
            if let Some(why) = self.final_check.note(at, flow.trace, pending.user(), finding).await {
                return Ok(Told::declined(why, flow.trace));
            }
            if let Written::Declined(why, _) = written {
                return Ok(Told::declined(why, flow.trace));
            }
            return self.go_on(one, flow, &pending, next).await;
        }
        Err(CouldNotTell::Unknown("a flow kept changing"))
    }

    /// Puts on record what the flow becomes.
    async fn write(
        &self,
        one: Try<'_>,
        (flow, version): (&Flow, u64),
        next: &Next,
        is_lost: bool,
    ) -> Result<Written, CouldNotTell> {
        let (expect, with) = (Expect::Version(version), |state| Flow { state, ..flow.clone() });
        let next_flow = match next {
            _ if is_lost => with(State::Ended),
            Next::Admit(_) => with(State::Done),
            Next::Change(changing) => {
                let expires = self.services.clock.now().plus(FLOW_LIFE);
                Flow { expires, ..with(State::Changing(changing.clone())) }
            }
            Next::Over | Next::PasswordDue => with(State::Ended),
            Next::Again(pending) => with(State::Pending(pending.clone())),
            Next::Further(outstanding) => {
                let asked = self.ask(one, outstanding, expect, with).await?;
                if let Written::Declined(_, expect) = &asked {
                    self.flows.put(one.flow_id, &with(State::Ended), *expect).await?;
                }
                return Ok(asked);
            }
        };
        let is_written = self.flows.put(one.flow_id, &next_flow, expect).await?;
        Ok(if is_written { Written::Yes } else { Written::Conflict })
    }

    /// Counts and journals what was judged.
    async fn count(
        &self,
        one: Try<'_>,
        pending: &Pending,
        (verdict, left): (Verdict, u32),
        is_again: bool,
    ) -> Result<(), CouldNotTell> {
        let (now, user) = (self.services.clock.now(), pending.user());
        let Challenge::Passcode(sent) = &pending.asked;
        if verdict == Verdict::Right {
            self.passcodes.was_right(sent, &pending.terms, user);
        }
        if verdict != Verdict::Wrong {
            self.limiter.give_back_wrong_factor(user, now).await?;
        }
        if matches!(verdict, Verdict::Earlier | Verdict::Expired) {
            self.services.stores.counters.give_back(TRIES, one.flow_id, now).await?;
        }
        if !is_again {
            self.passcodes.end(sent).await;
        }
        let judged = verdict.refusal().map_or(What::PasscodeRight, |reason| refused(reason, Some(left)));
        self.services.note(one.at, one.trace, Some(&user.id), judged).await;
        Ok(())
    }

    /// What becomes of a flow that is on record as `next` says.
    async fn go_on(&self, one: Try<'_>, flow: Flow, pending: &Pending, next: Next) -> Result<Told, CouldNotTell> {
        let (user, terms) = (pending.user(), &pending.terms);
        match next {
            Next::Admit(grant) => {
                self.limiter.forget_failures(one.at, user, &flow.name_mark).await?;
                self.notices.tell_new_place(one.at, &flow, terms, user).await;
                Ok(Told::Entered(self.entry.enter(one.at, *grant, flow.trace, &flow.name_mark, flow.back).await?))
            }
            Next::Change(changing) => {
                self.entry.note_change_asked(one.at, flow.trace, &changing).await?;
                Ok(Instead::Changing.told(one.flow_id, &flow))
            }
            Next::Further(_) => Ok(Instead::Pending.told(one.flow_id, &flow)),
            Next::PasswordDue => Ok(Told::declined(Declined::PasswordDue, flow.trace)),
            Next::Again(again) => {
                if again.last == Some(Answered::Wrong) {
                    self.notices.tell_paused(one.at, &flow, terms, user).await;
                }
                Ok(Told::Again)
            }
            Next::Over => {
                self.notices.tell_paused(one.at, &flow, terms, user).await;
                Ok(Instead::Ended.told(one.flow_id, &flow))
            }
        }
    }

    /// An answer to a flow that asks for something else, or for nothing any more.
    async fn elsewhere(&self, at: &Attempt, flow_id: &str, flow: &Flow, state: Instead) -> Told {
        let (word, reason) = match state {
            Instead::Done => ("used", PasscodeRefusal::Used),
            Instead::Ended => ("ended", PasscodeRefusal::Ended),
            Instead::Pending | Instead::Changing => return state.told(flow_id, flow),
        };
        let trace = flow.trace;
        self.services.note_repeated(&format!("{word} {trace}"), at, trace, (None, refused(reason, None))).await;
        state.told(flow_id, flow)
    }
}

fn refused(reason: PasscodeRefusal, tries_left: Option<u32>) -> What {
    What::PasscodeRefused { reason, tries_left }
}
