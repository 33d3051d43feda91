//! A new password before the directory: what it is asked, and what its answer makes of the sign-in.

use super::change::{OWNER, PasswordChange, TRIES};
use crate::audit::What;
use crate::audit::reason::PasswordChangeRefusal;
use crate::auth::Attempt;
use crate::auth::ask::{Declined, FlowOver, Told};
use crate::auth::flow::change::{AfterChange, Changing, Unchanged};
use crate::auth::flow::record::{Flow, State};
use crate::auth::services::CouldNotTell;
use crate::base::{Secret, TraceId};
use crate::directory::{Account, By, Changed, Complaint, User};
use crate::store::Expect;

/// What came of asking.
pub(in crate::auth) enum Asked {
    Answered(Changed, Box<Account>),
    /// The account is there no more, or may sign in no more; the directory was not asked.
    Gone,
    /// The directory was not asked, or did not answer.
    Not(Unchanged),
}

impl PasswordChange {
    /// Shows old and new password to the directory, within what its lock-out leaves. The outer error means that it was not asked.
    pub(in crate::auth) async fn ask_to_change(
        &self,
        changing: &Changing,
        (old, new): (&Secret<String>, &Secret<String>),
        trace: TraceId,
    ) -> Result<Asked, CouldNotTell> {
        let user = &changing.user().id;
        let directory =
            self.rules.people.directory(user.directory()).ok_or(CouldNotTell::Unknown("the account's directory is gone"))?;
        let by = By::Id(user.in_directory().to_owned());
        let account = match directory.find(&by).await {
            Ok(mut found) if found.len() == 1 => found.pop(),
            Ok(_) => None,
            Err(error) => {
                tracing::error!(%error, %trace, "a password could not be changed: the account was not found");
                return Ok(Asked::Not(Unchanged::NoAnswer));
            }
        };
        let Some(account) = account else { return Ok(Asked::Gone) };
        let failures = self.limiter.failures_of(&account, OWNER);
        let Some(taken) = failures.take(&self.limiter.failures, self.services.clock.now()).await? else {
            return Ok(Asked::Not(Unchanged::TooMany));
        };
        let changed = directory.change(&account, old, new).await;
        match &changed {
            Ok(Changed::WrongOld) => failures.was_wrong(&self.limiter.failures, self.services.clock.now()).await?,
            _ => failures.give_back(&self.limiter.failures, taken, self.services.clock.now()).await?,
        }
        match changed {
            Ok(changed) => Ok(Asked::Answered(changed, Box::new(account))),
            Err(error) => {
                tracing::error!(%error, %trace, "nobody knows whether a password was changed");
                Ok(Asked::Not(Unchanged::NoAnswer))
            }
        }
    }

    /// What the directory said becomes the flow's next state, and a session where that is so.
    pub(in crate::auth) async fn settle(
        &self,
        at: &Attempt,
        flow_id: &str,
        (mut flow, changing, version): (Flow, Changing, u64),
        asked: Asked,
    ) -> Result<Told, CouldNotTell> {
        let (trace, user) = (flow.trace, changing.user().id.clone());
        let (changed, account) = match asked {
            Asked::Answered(changed, account) => (changed, account),
            Asked::Gone => {
                self.end(at, flow_id, (flow, version), PasswordChangeRefusal::Gone, &user).await?;
                return Ok(Told::Declined { why: Declined::HelpDesk, trace });
            }
            Asked::Not(why) => {
                self.services.note(at, trace, Some(&user), refused(refusal(why))).await;
                self.services.stores.counters.give_back(TRIES, flow_id, self.services.clock.now()).await?;
                return self.keep(flow_id, (flow, changing.kept(why), version)).await;
            }
        };
        let what = match &changed {
            Changed::Yes => What::PasswordChanged,
            Changed::Refused(complaint) => refused(refusal(Unchanged::Complaint(*complaint))),
            Changed::WrongOld => refused(PasswordChangeRefusal::WrongOld),
            Changed::Unable(why) => {
                tracing::error!(%trace, why, user.id = %user, "a directory does not change a password");
                refused(PasswordChangeRefusal::Unable)
            }
        };
        self.services.note(at, trace, Some(&user), what).await;
        match changing.answered(&changed) {
            AfterChange::Admit(grant) => {
                flow.state = State::Done;
                let back = flow.back.clone();
                let entered = async {
                    if !self.flows.put(flow_id, &flow, Expect::Version(version)).await? {
                        return Err(CouldNotTell::Unknown("the flow changed while its password was changed"));
                    }
                    self.limiter.forget_wrong_factors(&user).await?;
                    let grant = grant.of(self.seen_again(&account).await?);
                    self.entry.enter(at, grant, trace, &flow.name_mark, back).await
                };
                Ok(match entered.await {
                    Ok(entered) => Told::Entered(entered),
                    Err(error) => {
                        tracing::error!(%error, %trace, "a password was changed, but no session could be opened");
                        Told::Declined { why: Declined::PasswordSet, trace }
                    }
                })
            }
            AfterChange::Again(changing) => self.keep(flow_id, (flow, *changing, version)).await,
            AfterChange::Over => {
                flow.state = State::Ended;
                let back = flow.back.clone();
                self.flows.put(flow_id, &flow, Expect::Version(version)).await?;
                Ok(match changed {
                    Changed::Unable(_) => Told::Declined { why: Declined::HelpDesk, trace },
                    _ => Told::Over(FlowOver::PasswordStale { back }),
                })
            }
        }
    }

    /// As the directory knows them after the change; a user who is gone or barred since has no session.
    async fn seen_again(&self, account: &Account) -> Result<User, CouldNotTell> {
        let id = &account.user.id;
        let directory =
            self.rules.people.directory(id.directory()).ok_or(CouldNotTell::Unknown("the account's directory is gone"))?;
        let mut found = directory.find(&By::Id(id.in_directory().to_owned())).await?;
        let user = found.pop().filter(|_| found.is_empty()).map(|account| account.user);
        user.filter(|user| user.id == *id).ok_or(CouldNotTell::Unknown("the account is gone"))
    }

    async fn keep(&self, flow_id: &str, (mut flow, changing, version): (Flow, Changing, u64)) -> Result<Told, CouldNotTell> {
        let why = changing.last.unwrap_or(Unchanged::NoAnswer);
        flow.state = State::Changing(Box::new(changing));
        self.flows.put(flow_id, &flow, Expect::Version(version)).await?;
        Ok(Told::Unchanged(why))
    }

    pub(in crate::auth) async fn end(
        &self,
        at: &Attempt,
        flow_id: &str,
        (mut flow, version): (Flow, u64),
        reason: PasswordChangeRefusal,
        user: &crate::base::UserId,
    ) -> Result<Told, CouldNotTell> {
        flow.state = State::Ended;
        self.flows.put(flow_id, &flow, Expect::Version(version)).await?;
        self.services.note(at, flow.trace, Some(user), refused(reason)).await;
        Ok(Told::Over(FlowOver::ChangeEnded { back: flow.back }))
    }
}

pub(in crate::auth) fn refused(reason: PasswordChangeRefusal) -> What {
    What::PasswordChangeRefused { reason }
}

const fn refusal(why: Unchanged) -> PasswordChangeRefusal {
    use PasswordChangeRefusal as Refusal;
    match why {
        Unchanged::Complaint(Complaint::TooShort) => Refusal::TooShort,
        Unchanged::Complaint(Complaint::UsedBefore) => Refusal::UsedBefore,
        Unchanged::Complaint(Complaint::TooYoung) => Refusal::TooYoung,
        Unchanged::Complaint(Complaint::NotComplex) => Refusal::NotComplex,
        Unchanged::Complaint(Complaint::Policy) => Refusal::Policy,
        Unchanged::Different => Refusal::Different,
        Unchanged::Unfit => Refusal::Unfit,
        Unchanged::NoAnswer => Refusal::NoAnswer,
        Unchanged::Unable => Refusal::Unable,
        Unchanged::Busy => Refusal::Busy,
        Unchanged::TooMany => Refusal::AccountPaused,
    }
}
