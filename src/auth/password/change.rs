//! A new password in the middle of a sign-in: after everything else is proven, before there is a session. One request at a time is with
//! the directory, for the first may make the old password wrong, and a wrong one counts there.

use std::time::Duration;

use super::ask::{Asked, refused};
use super::login::{PasswordAttempt, is_a_password};
use super::sealed;
use crate::audit::What;
use crate::audit::reason::PasswordChangeRefusal;
use crate::auth::flow::final_check::LastLook;
use crate::auth::flow::record::{FLOW_LIFE, Flow, State};
use crate::auth::flow::{Changing, Unchanged, Why};
use crate::auth::house::{Attempt, CouldNotTell, House, bound_to};
use crate::auth::limit::known_browser::{Browser, Known};
use crate::auth::{Admitted, Declined, FlowOver};
use crate::base::{Language, Secret, Time, TraceId};
use crate::directory::{Complaint, Name, User};
use crate::store::{Counter, Expect, Kind, Place, Put, StoreError, Taken};

/// What the page shows.
#[derive(Clone, Debug)]
pub struct ChangeView {
    /// Where the sign-in leads.
    pub back: String,
    pub language: Language,
    pub trace: TraceId,
    /// The account's name, for password managers.
    pub name: String,
    pub why: Why,
    pub last: Option<Unchanged>,
    pub now: Time,
}

/// What becomes of a new password that was posted, or of "later".
#[derive(Debug)]
pub enum NewPassword {
    Admitted(Admitted),
    /// The page shows why.
    Again(Unchanged),
    Over(FlowOver),
    Declined {
        why: Declined,
        trace: TraceId,
    },
}

pub(in crate::auth) const TRIES: Counter = Counter::FlowChanges;
/// New passwords that are shown to the directory in one flow.
const MOST_TRIES: u32 = 10;
/// Longer than any directory takes; then another request may ask, should the node have gone down meanwhile.
const BUSY: Duration = Duration::from_secs(60);
const NOTICE: Kind = Kind::PasswordNotice;
const A_DAY: Duration = Duration::from_secs(24 * 3600);
/// The owner of a flow has shown the password and whatever else is asked for: no stranger.
pub(in crate::auth) const OWNER: Browser<'static> = Browser::Known("changing");

impl House {
    /// When the password runs out, if that is to be said now: soon, and not said within the last day.
    pub(in crate::auth) async fn warning(&self, user: &User, now: Time) -> Result<Option<Time>, StoreError> {
        let warning = self.password_warnings.get(user.id.directory()).copied().unwrap_or_default();
        let soon = user.password_expires.filter(|expires| now < *expires && expires.since(now) < warning);
        match soon {
            Some(expires) if self.stores.records.find(NOTICE, user.id.as_str(), now).await?.is_none() => Ok(Some(expires)),
            _ => Ok(None),
        }
    }

    /// Begins a flow at its end: the password was all that was asked for.
    pub(in crate::auth) async fn begin_change(
        &self,
        attempt: &PasswordAttempt,
        changing: Changing,
        trace: TraceId,
    ) -> Result<String, CouldNotTell> {
        let at = &attempt.at;
        let flow_id = self.new_id();
        let language = self.language_of(attempt, &changing.user);
        self.note_asked(at, trace, &changing).await?;
        let flow = Flow {
            application: at.application.clone(),
            host: at.host.clone(),
            browser: bound_to(&at.browser),
            back: attempt.back.clone(),
            language,
            label: String::new(),
            trace,
            name_mark: Name::parse(&attempt.name).map(|name| self.name_mark(&name).hash).unwrap_or_default(),
            dispatch: "".into(),
            passcode: "".into(),
            expires: self.clock.now().plus(FLOW_LIFE),
            password: sealed::seal(&at.browser, &flow_id, &attempt.password),
            state: State::Changing(Box::new(changing)),
        };
        if self.put_flow(&flow_id, &flow, Expect::Absent).await? {
            return Ok(flow_id);
        }
        Err(CouldNotTell::Unknown("a flow with this id exists"))
    }

    /// Journals that a new password is asked for; a mere warning is given once a day.
    pub(in crate::auth) async fn note_asked(&self, at: &Attempt, trace: TraceId, changing: &Changing) -> Result<(), StoreError> {
        let user = &changing.user.id;
        if matches!(changing.why, Why::Expiring(_)) {
            let (now, place) = (self.clock.now(), Place { kind: NOTICE, owner: user.as_str(), id: user.as_str() });
            let put = Put { place, value: vec![1], expires: now.plus(A_DAY), expect: Expect::Absent };
            self.stores.records.put_if(put, now).await?;
        }
        self.note(at, trace, Some(user), What::PasswordChangeAsked { why: changing.why.name().to_owned() }).await;
        Ok(())
    }

    /// What the page shows; an error of the flow where there is nothing to show.
    pub async fn look_change(&self, at: &Attempt, flow_id: &str) -> Result<Result<ChangeView, FlowOver>, CouldNotTell> {
        let now = self.clock.now();
        Ok(self.changing(at, flow_id, now).await?.map(|(flow, changing, _)| ChangeView {
            last: if changing.is_busy(now) { Some(Unchanged::Busy) } else { changing.last },
            back: flow.back,
            language: flow.language,
            trace: flow.trace,
            name: changing.user.name,
            why: changing.why,
            now,
        }))
    }

    /// A new password was posted, twice.
    pub async fn change(
        &self,
        at: &Attempt,
        flow_id: &str,
        (new, again): (&Secret<String>, &Secret<String>),
    ) -> Result<NewPassword, CouldNotTell> {
        let now = self.clock.now();
        let (mut flow, changing, version) = match self.changing(at, flow_id, now).await? {
            Ok(found) => found,
            Err(over) => return Ok(NewPassword::Over(over)),
        };
        let user = changing.user.id.clone();
        let known = Known::read(at.known.as_deref(), &self.keys);
        if !self.take_attempt(at, known.by_user(&user, &self.keys)) {
            let key = format!("address-busy {}", at.address);
            self.note_repeated(&key, at, flow.trace, (Some(&user), refused(PasswordChangeRefusal::AddressBusy))).await;
            return Ok(NewPassword::Again(Unchanged::TooMany));
        }
        let sealed = flow.password.as_deref().unwrap_or_default();
        let Some(old) = sealed::open(&at.browser, flow_id, sealed) else { return Ok(NewPassword::Over(FlowOver::Gone)) };
        if let Some(why) = unfit(&old, new, again) {
            return Ok(NewPassword::Again(why));
        }
        if changing.is_busy(now) {
            return Ok(NewPassword::Again(Unchanged::Busy));
        }
        flow.state = State::Changing(Box::new(changing.clone().busy(now.plus(BUSY))));
        if !self.put_flow(flow_id, &flow, Expect::Version(version)).await? {
            return Ok(NewPassword::Again(Unchanged::Busy));
        }
        // Only now, when nobody else is at it: a try is not spent on waiting.
        let place = Place { kind: TRIES, owner: user.as_str(), id: flow_id };
        let Taken::Yes { .. } = self.stores.counters.take(place, MOST_TRIES, FLOW_LIFE, now).await? else {
            return self.end(at, flow_id, (flow, version + 1), PasswordChangeRefusal::TooManyTries, &user).await;
        };
        // Whose password it is that is changed elsewhere meanwhile the directory says itself.
        let whoever = User { password_mark: None, ..changing.user.clone() };
        let look = self.look_last(&whoever, Some(changing.why), flow.vouched_for()).await;
        let asked = match self.heed(at, flow.trace, &whoever, look).await {
            Some(_) => Asked::Gone,
            None => self.ask_to_change(&changing, (&old, new), flow.trace).await?,
        };
        self.settle(at, flow_id, (flow, *changing, version + 1), asked).await
    }

    /// "Later": possible only where the old password is still good.
    pub async fn change_later(&self, at: &Attempt, flow_id: &str) -> Result<NewPassword, CouldNotTell> {
        let now = self.clock.now();
        let (mut flow, changing, version) = match self.changing(at, flow_id, now).await? {
            Ok(found) => found,
            Err(over) => return Ok(NewPassword::Over(over)),
        };
        if changing.is_busy(now) {
            return Ok(NewPassword::Again(Unchanged::Busy));
        }
        let (user, why) = (changing.user.clone(), changing.why);
        let Some(grant) = changing.later() else { return Ok(NewPassword::Over(FlowOver::Gone)) };
        let look = self.look_last(&user, Some(why), flow.vouched_for()).await;
        flow.state = if matches!(look, LastLook::Lost(_)) { State::Ended } else { State::Done };
        flow.password = None;
        if !self.put_flow(flow_id, &flow, Expect::Version(version)).await? {
            return Ok(NewPassword::Again(Unchanged::Busy));
        }
        if let Some(why) = self.heed(at, flow.trace, &user, look).await {
            return Ok(NewPassword::Declined { why, trace: flow.trace });
        }
        self.note(at, flow.trace, Some(&user.id), What::PasswordChangeDeferred).await;
        self.forget_failures(at, &user, &flow.name_mark).await?;
        Ok(NewPassword::Admitted(self.admit(at, grant, flow.trace, &flow.name_mark, flow.back).await?))
    }

    /// The flow in this state, with its version; what it is instead.
    async fn changing(
        &self,
        at: &Attempt,
        flow_id: &str,
        now: Time,
    ) -> Result<Result<(Flow, Box<Changing>, u64), FlowOver>, StoreError> {
        let Some((flow, version)) = self.own_flow(at, flow_id, now).await? else { return Ok(Err(FlowOver::Gone)) };
        Ok(match &flow.state {
            State::Changing(changing) => {
                let changing = changing.clone();
                Ok((flow, changing, version))
            }
            State::Done => Err(FlowOver::Used { back: flow.back }),
            State::Ended => Err(FlowOver::ChangeEnded { back: flow.back }),
            // Not before the second factor.
            State::Awaiting(_) => Err(FlowOver::Gone),
        })
    }
}

/// What need not be shown to a directory.
fn unfit(old: &Secret<String>, new: &Secret<String>, again: &Secret<String>) -> Option<Unchanged> {
    if new != again {
        return Some(Unchanged::Different);
    }
    if !is_a_password(new) {
        return Some(Unchanged::Unfit);
    }
    (new == old).then_some(Unchanged::Complaint(Complaint::UsedBefore))
}
