//! A new password in the middle of a sign-in: after everything else is proven, before there is a session. One request at a time is with
//! the directory, for the first may make the old password wrong, and a wrong one counts there.

use std::sync::Arc;
use std::time::Duration;

use super::ask::{Asked, refused};
use super::sealed;
use crate::audit::What;
use crate::audit::reason::PasswordChangeRefusal;
use crate::auth::Attempt;
use crate::auth::ask::{FlowOver, Step, Told};
use crate::auth::entry::{Entry, NOTICE};
use crate::auth::flow::change::{Changing, Unchanged};
use crate::auth::flow::final_check::{FinalCheck, Finding};
use crate::auth::flow::record::{Beginning, FLOW_LIFE, Flow, Flows, Instead, State};
use crate::auth::limit::Limiter;
use crate::auth::limit::known_browser::Browser;
use crate::auth::rules::Rules;
use crate::auth::services::{CouldNotTell, Services};
use crate::auth::view::ChangeView;
use crate::base::{Secret, Time};
use crate::directory::{Complaint, User, password};
use crate::store::{Counter, Expect, Place, StoreError, Taken};

pub(in crate::auth) const TRIES: Counter = Counter::FlowChanges;
/// New passwords that are shown to the directory in one flow.
const MOST_TRIES: u32 = 10;
/// Longer than any directory takes; then another request may ask, should the node have gone down meanwhile.
const BUSY: Duration = Duration::from_secs(60);
/// The owner of a flow has shown the password and whatever else is asked for: no stranger.
pub(in crate::auth) const OWNER: Browser<'static> = Browser::Known("changing");

/// The step of a new password.
pub(in crate::auth) struct PasswordChange {
    pub services: Services,
    pub rules: Arc<Rules>,
    pub flows: Flows,
    pub limiter: Arc<Limiter>,
    pub final_check: FinalCheck,
    pub entry: Entry,
}

impl PasswordChange {
    /// When the password runs out, if that is to be said now: soon, and not said within the last day.
    pub(in crate::auth) async fn warning(&self, user: &User, now: Time) -> Result<Option<Time>, StoreError> {
        let warning = self.rules.password_warnings.get(user.id.directory()).copied().unwrap_or_default();
        let soon = user.password_expires.filter(|expires| now < *expires && expires.since(now) < warning);
        match soon {
            Some(expires) if self.services.stores.records.find(NOTICE, user.id.as_str(), now).await?.is_none() => {
                Ok(Some(expires))
            }
            _ => Ok(None),
        }
    }

    /// Begins a flow at its end: the password was all that was asked for.
    pub(in crate::auth) async fn begin(&self, beginning: &Beginning<'_>, changing: Changing) -> Result<Told, CouldNotTell> {
        self.entry.note_change_asked(beginning.at, beginning.trace, &changing).await?;
        let flow = beginning.flow(State::Changing(Box::new(changing)), self.services.clock.now());
        if !self.flows.put(&beginning.flow_id, &flow, Expect::Absent).await? {
            return Err(CouldNotTell::Unknown("a flow with this id exists"));
        }
        Ok(Told::Next { flow: beginning.flow_id.clone(), step: Step::NewPassword })
    }

    /// What the page shows, or where the flow is instead.
    pub async fn look(&self, at: &Attempt, flow_id: &str) -> Result<Told, CouldNotTell> {
        let now = self.services.clock.now();
        Ok(match self.changing(at, flow_id, now).await? {
            Err(told) => told,
            Ok((flow, changing, _)) => Told::Change(Box::new(ChangeView {
                last: if changing.is_busy(now) { Some(Unchanged::Busy) } else { changing.last },
                back: flow.back,
                language: flow.language,
                trace: flow.trace,
                name: changing.user().name.clone(),
                why: changing.due.why,
                now,
            })),
        })
    }

    /// A new password was posted, twice.
    pub async fn change(
        &self,
        at: &Attempt,
        flow_id: &str,
        (new, again): (&Secret<String>, &Secret<String>),
    ) -> Result<Told, CouldNotTell> {
        let now = self.services.clock.now();
        let (mut flow, changing, version) = match self.changing(at, flow_id, now).await? {
            Ok(found) => found,
            Err(told) => return Ok(told),
        };
        let user = changing.user().id.clone();
        let known = at.door.known(&self.services.keys);
        if !self.limiter.take_attempt(at, known.by_user(&user, &self.services.keys)) {
            let key = self.limiter.busy_key(at);
            self.services.note_repeated(&key, at, flow.trace, (Some(&user), refused(PasswordChangeRefusal::AddressBusy))).await;
            return Ok(Told::Unchanged(Unchanged::TooMany));
        }
        let sealed = changing.due.old.as_deref().unwrap_or_default();
        let Some(old) = sealed::open(at.door.secret(), flow_id, sealed) else { return Ok(Told::Over(FlowOver::Gone)) };
        if let Some(why) = unfit(&old, new, again) {
            return Ok(Told::Unchanged(why));
        }
        if changing.is_busy(now) {
            return Ok(Told::Unchanged(Unchanged::Busy));
        }
        flow.state = State::Changing(Box::new(changing.clone().busy(now.plus(BUSY))));
        if !self.flows.put(flow_id, &flow, Expect::Version(version)).await? {
            return Ok(Told::Unchanged(Unchanged::Busy));
        }
        // Only now, when no other request is at it: a try is not spent on waiting.
        let place = Place { kind: TRIES, owner: user.as_str(), id: flow_id };
        let Taken::Yes { .. } = self.services.stores.counters.take(place, MOST_TRIES, FLOW_LIFE, now).await? else {
            return self.end(at, flow_id, (flow, version + 1), PasswordChangeRefusal::TooManyTries, &user).await;
        };
        // The directory says itself that the password was changed elsewhere meanwhile.
        let user_now = User { password_mark: None, ..changing.user().clone() };
        let look = self.final_check.look(&user_now, Some(changing.due.why), flow.vouched_for()).await;
        let asked = match self.final_check.note(at, flow.trace, &user_now, look).await {
            Some(_) => Asked::Gone,
            None => self.ask_to_change(&changing, (&old, new), flow.trace).await?,
        };
        self.settle(at, flow_id, (flow, *changing, version + 1), asked).await
    }

    /// "Later": possible only where the old password is still good.
    pub async fn change_later(&self, at: &Attempt, flow_id: &str) -> Result<Told, CouldNotTell> {
        let now = self.services.clock.now();
        let (mut flow, changing, version) = match self.changing(at, flow_id, now).await? {
            Ok(found) => found,
            Err(told) => return Ok(told),
        };
        if changing.is_busy(now) {
            return Ok(Told::Unchanged(Unchanged::Busy));
        }
        let (user, why) = (changing.user().clone(), changing.due.why);
        let Some(grant) = changing.later() else { return Ok(Told::Over(FlowOver::Gone)) };
        let look = self.final_check.look(&user, Some(why), flow.vouched_for()).await;
        flow.state = if matches!(look, Finding::Lost(_)) { State::Ended } else { State::Done };
        if !self.flows.put(flow_id, &flow, Expect::Version(version)).await? {
            return Ok(Told::Unchanged(Unchanged::Busy));
        }
        if let Some(why) = self.final_check.note(at, flow.trace, &user, look).await {
            return Ok(Told::Declined { why, trace: flow.trace });
        }
        self.services.note(at, flow.trace, Some(&user.id), What::PasswordChangeDeferred).await;
        self.limiter.forget_failures(at, &user, &flow.name_mark).await?;
        Ok(Told::Entered(self.entry.enter(at, grant, flow.trace, &flow.name_mark, flow.back).await?))
    }

    /// The flow in this state, with its version; what is told instead.
    async fn changing(
        &self,
        at: &Attempt,
        flow_id: &str,
        now: Time,
    ) -> Result<Result<(Flow, Box<Changing>, u64), Told>, StoreError> {
        let Some((flow, version)) = self.flows.find(at, flow_id, now).await? else { return Ok(Err(Told::Over(FlowOver::Gone))) };
        let state = match flow.changing() {
            Ok(changing) => {
                let changing = Box::new(changing.clone());
                return Ok(Ok((flow, changing, version)));
            }
            Err(state) => state,
        };
        Ok(Err(match state {
            Instead::Ended => Told::Over(FlowOver::ChangeEnded { back: flow.back }),
            // Not before the second factor.
            Instead::Pending => Told::Over(FlowOver::Gone),
            Instead::Done | Instead::Changing => state.told(flow_id, &flow),
        }))
    }
}

/// What need not be shown to a directory.
fn unfit(old: &Secret<String>, new: &Secret<String>, again: &Secret<String>) -> Option<Unchanged> {
    if new != again {
        return Some(Unchanged::Different);
    }
    if !password::usable(new) {
        return Some(Unchanged::Unfit);
    }
    (new == old).then_some(Unchanged::Complaint(Complaint::UsedBefore))
}
