//! The first step: a name and a password, and what follows from a right one. Every refusal leaves in one text and on one grid of time.

use std::sync::Arc;
use std::time::Duration;

use super::change::PasswordChange;
use super::check::{Checked, PasswordCheck, Refusal};
use super::sealed;
use crate::audit::reason::PasswordRefusal;
use crate::audit::{Event, Facts, What};
use crate::auth::account::number_age::NumberAge;
use crate::auth::ask::{Declined, PasswordAttempt, Told};
use crate::auth::attempt::{Attempt, Door};
use crate::auth::flow::engine::FactorStep;
use crate::auth::flow::grant::{AfterPassword, PasswordRight};
use crate::auth::flow::record::Beginning;
use crate::auth::limit::Limiter;
use crate::auth::limit::known_browser::Browser;
use crate::auth::policy::evaluate::Evaluator;
use crate::auth::policy::{Circumstances, Decided};
use crate::auth::rules::Rules;
use crate::auth::services::{CouldNotTell, Services, event};
use crate::base::{Language, Time, TraceId};
use crate::directory::{Name, User};

/// The first step.
pub(in crate::auth) struct PasswordStep {
    pub services: Services,
    pub rules: Arc<Rules>,
    pub limiter: Arc<Limiter>,
    pub check: PasswordCheck,
    pub evaluator: Evaluator,
    pub number_age: NumberAge,
    pub factors: Arc<FactorStep>,
    pub change: Arc<PasswordChange>,
}

impl PasswordStep {
    /// Steps 1 to 5: the answer, and when it may leave. A refusal before the password is known to be right, or an error, does not
    /// leave before the next full half second after `received`; each is journaled with its reason, an error counts against no user.
    pub async fn password(&self, attempt: PasswordAttempt, received: Time) -> (Told, Time) {
        let trace = self.services.new_trace();
        let answer = match self.check.password(&attempt).await {
            Ok(Checked::Right(right)) => {
                let answer = match self.after_password(&attempt, *right, trace).await {
                    Ok(answer) => answer,
                    Err(error) => {
                        tracing::error!(%error, %trace, "a login could not go on after the right password");
                        let what = What::SignInFailed { reason: "broken".to_owned(), detail: error.to_string() };
                        self.services.note(&attempt.at, trace, None, what).await;
                        Told::Declined { why: Declined::Broken, trace }
                    }
                };
                return (answer, received);
            }
            Ok(Checked::Refused(refusal)) => {
                let is_barred = refusal.reason.is_after_right_password();
                self.note_refusal(&attempt, refusal, trace).await;
                match is_barred {
                    true => Told::Declined { why: Declined::HelpDesk, trace },
                    false => Told::Refused { trace },
                }
            }
            Err(error) => {
                tracing::error!(%error, %trace, "a password could not be checked");
                let what =
                    What::PasswordRefused { reason: PasswordRefusal::CouldNotTell, name: None, detail: Some(error.to_string()) };
                self.services.note(&attempt.at, trace, None, what).await;
                let why = if matches!(error, CouldNotTell::Directory(_)) { Declined::Unavailable } else { Declined::Broken };
                Told::Declined { why, trace }
            }
        };
        (answer, next_step(received, self.services.clock.now()))
    }

    async fn note_refusal(&self, attempt: &PasswordAttempt, refusal: Refusal, trace: TraceId) {
        let reason = refusal.reason;
        tracing::info!(%trace, reason = reason.word(), client.address = from(&attempt.at), "a password was refused");
        let name = Name::parse(&attempt.name).filter(|_| refusal.user.is_none()).map(|name| self.services.name_mark(&name));
        let about = match (&refusal.user, &name, reason) {
            (_, _, PasswordRefusal::AddressBusy) => from(&attempt.at),
            (Some(user), ..) => user.to_string(),
            (None, Some(name), _) => name.hash.clone(),
            (None, None, _) => from(&attempt.at),
        };
        let what = What::PasswordRefused { reason, name, detail: refusal.detail };
        let event = Event { name: refusal.account, ..event(&attempt.at, trace, refusal.user.as_ref(), what) };
        if reason.is_by_limit() {
            self.services.journal.note_repeated(&format!("{reason} {about}"), event).await;
        } else {
            self.services.journal.note(event).await;
        }
    }

    /// Step 5 and what follows from it.
    async fn after_password(
        &self,
        attempt: &PasswordAttempt,
        right: PasswordRight,
        trace: TraceId,
    ) -> Result<Told, CouldNotTell> {
        let at = &attempt.at;
        let user = right.user().id.clone();
        let named = Some(right.user().name.as_str().into());
        self.services.journal.note(Event { name: named, ..event(at, trace, Some(&user), What::PasswordRight) }).await;
        let warning =
            if at.door.has_pages() { self.change.warning(right.user(), self.services.clock.now()).await? } else { None };
        let right = warning.into_iter().fold(right, PasswordRight::warned);
        let (policy, decided) = self.decided(at, right.user(), trace).await?;
        let Decided { rule, decision, by_address, .. } = decided;

        let beginning = Beginning {
            at,
            flow_id: self.services.new_id(),
            back: &attempt.back,
            language: language_of(attempt, right.user()),
            trace,
            typed_name: &attempt.name,
            name_mark: Name::parse(&attempt.name).map(|name| self.services.name_mark(&name).hash).unwrap_or_default(),
        };
        let keep = || sealed::seal(at.door.secret(), &beginning.flow_id, &attempt.password);
        match right.decided(decision, keep).at(&at.door) {
            AfterPassword::Admit(grant) => {
                self.limiter.forget_wrong_passwords(at, &beginning.name_mark).await?;
                let entry = &self.factors.entry;
                Ok(Told::Entered(entry.enter(at, grant, trace, &beginning.name_mark, attempt.back.clone()).await?))
            }
            AfterPassword::Change(changing) => self.change.begin(&beginning, changing).await,
            AfterPassword::Challenge(outstanding) => self.factors.begin(&beginning, outstanding).await,
            AfterPassword::PasswordDue => Ok(Told::declined(Declined::PasswordDue, trace)),
            AfterPassword::Refuse(_) => {
                let reason = format!("{policy} rule {rule}");
                self.services.note(at, trace, Some(&user), What::PolicyRefused { reason }).await;
                let why = if by_address { Declined::NotFromHere } else { Declined::NotForThisSite };
                Ok(Told::declined(why, trace))
            }
        }
    }

    /// What the door's policy says of this user, journaled; with the policy's name.
    async fn decided(&self, at: &Attempt, user: &User, trace: TraceId) -> Result<(Arc<str>, Decided), CouldNotTell> {
        let policy = match &at.door {
            Door::Browser { application, .. } => &self.rules.application(application)?.policy,
            Door::Radius { policy, .. } => policy,
        };
        let policy = self.rules.authentication_policy(policy)?;
        let circumstances = Circumstances {
            address: at.address,
            application: at.door.application().cloned(),
            number_age: self.number_age.of(user).await?,
        };
        let (decided, memberships) = self.evaluator.decide(policy, &user.id, &circumstances).await;
        let Decided { rule, decision, undecided, .. } = &decided;
        self.evaluator.note_undecided(policy, undecided, trace);
        let what = What::PolicyDecided {
            rule: format!("{} rule {rule}", policy.name),
            decision: decision.name().into(),
            undecided: undecided.iter().map(ToString::to_string).collect(),
            facts: Facts {
                door: at.door.words(),
                known_browser: matches!(
                    at.door.known(&self.services.keys).by_user(&user.id, &self.services.keys),
                    Browser::Known(_)
                ),
                number_age_s: circumstances.number_age.map(|age| age.as_secs()),
                groups: memberships.facts(),
            },
        };
        self.services.note(at, trace, Some(&user.id), what).await;
        Ok((Arc::clone(&policy.name), decided))
    }
}

/// The next full half second after `received`: then a refusal leaves, so that none tells by its time what was looked up.
fn next_step(received: Time, now: Time) -> Time {
    let spent = now.since(received).as_millis();
    let steps = u64::try_from(spent / STEP.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    Time::from_millis(received.millis().saturating_add(steps.saturating_mul(500)))
}

const STEP: Duration = Duration::from_millis(500);

/// Where an attempt comes from, as the log has it.
fn from(at: &Attempt) -> String {
    at.address.map_or_else(|| at.door.name().to_string(), |address| address.to_string())
}

/// The user's own language goes first, unless one was chosen by hand.
fn language_of(attempt: &PasswordAttempt, user: &User) -> Language {
    let own = user.language.as_deref().filter(|_| !attempt.language_chosen).and_then(Language::preferred);
    own.unwrap_or(attempt.language)
}
