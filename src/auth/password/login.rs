//! The first step: a name and a password. The order of what happens here is part of the house rules (limits before any
//! look-up, lock-out before the directory is asked, every refusal in one text and on one grid of time).

use std::sync::Arc;
use std::time::Duration;

use super::change::PasswordChange;
use super::sealed;
use crate::audit::What;
use crate::audit::reason::PasswordRefusal;
use crate::auth::account::number_age::NumberAge;
use crate::auth::ask::{Declined, PasswordAttempt, Told};
use crate::auth::attempt::{Attempt, Door};
use crate::auth::flow::engine::FactorStep;
use crate::auth::flow::grant::{AfterPassword, PasswordRight};
use crate::auth::flow::record::Beginning;
use crate::auth::limit::Limiter;
use crate::auth::limit::known_browser::{Known, mark};
use crate::auth::limit::recent::RefusedLately;
use crate::auth::policy::evaluate::Evaluator;
use crate::auth::policy::{Circumstances, Decided, Decision};
use crate::auth::rules::Rules;
use crate::auth::services::{CouldNotTell, Services};
use crate::base::{Language, Secret, Time, TraceId};
use crate::directory::{Bar, DirectoryError, Found, Name, User, Verdict, password};

/// Why a password was not accepted; for the journal alone.
struct Refusal {
    reason: PasswordRefusal,
    user: Option<crate::base::UserId>,
    detail: Option<String>,
}

impl Refusal {
    fn new(reason: PasswordRefusal) -> Self {
        Self { reason, user: None, detail: None }
    }

    fn of(reason: PasswordRefusal, user: &User) -> Self {
        Self { user: Some(user.id.clone()), ..Self::new(reason) }
    }
}

/// The first step.
pub(in crate::auth) struct PasswordStep {
    pub services: Services,
    pub rules: Arc<Rules>,
    pub limiter: Arc<Limiter>,
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
        let answer = match self.check_password(&attempt).await {
            Ok(Ok(right)) => {
                let answer = self.after_password(&attempt, right, trace).await.unwrap_or_else(|error| {
                    tracing::error!(%error, %trace, "a login could not go on after the right password");
                    Told::Declined { why: Declined::Broken, trace }
                });
                return (answer, received);
            }
            Ok(Err(refusal)) => {
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
        tracing::info!(%trace, reason = reason.word(), address = from(&attempt.at), "a password was refused");
        let name = Name::parse(&attempt.name).filter(|_| refusal.user.is_none()).map(|name| self.services.name_mark(&name));
        let about = match (&refusal.user, &name, reason) {
            (_, _, PasswordRefusal::AddressBusy) => from(&attempt.at),
            (Some(user), ..) => user.to_string(),
            (None, Some(name), _) => name.hash.clone(),
            (None, None, _) => from(&attempt.at),
        };
        let what = What::PasswordRefused { reason, name, detail: refusal.detail };
        if reason.is_by_limit() {
            self.services.note_repeated(&format!("{reason} {about}"), &attempt.at, trace, (refusal.user.as_ref(), what)).await;
        } else {
            self.services.note(&attempt.at, trace, refusal.user.as_ref(), what).await;
        }
    }

    /// Steps 1 to 4: limits, find, lock-out, verify.
    async fn check_password(&self, attempt: &PasswordAttempt) -> Result<Result<PasswordRight, Refusal>, CouldNotTell> {
        let now = self.services.clock.now();
        let known = attempt.at.door.known(&self.services.keys);
        let name = Name::parse(&attempt.name);
        let name_mark = name.as_ref().map(|name| mark(&self.services.keys, &name.counted())).unwrap_or_default();
        let browser = known.by_name(&name_mark);
        if !self.limiter.take_attempt(&attempt.at, browser) {
            return Ok(Err(Refusal::new(PasswordRefusal::AddressBusy)));
        }
        let Some(name) = name else { return Ok(Err(Refusal::new(PasswordRefusal::Malformed))) };
        if !password::usable(&attempt.password) {
            return Ok(Err(Refusal::new(PasswordRefusal::Malformed)));
        }
        let by_name = self.limiter.failures_of_name(&name_mark, browser);
        if !by_name.take(&self.services.stores, now).await? {
            return Ok(Err(Refusal::new(PasswordRefusal::NamePaused)));
        }
        let checked = self.check_account(attempt, &name, &known, now).await;
        let counts = matches!(&checked, Ok(Err(refusal)) if refusal.reason.counts());
        if !counts {
            by_name.give_back(&self.services.stores, now).await?;
        }
        checked
    }

    /// Steps 2 to 4 for a name that still has allowance.
    async fn check_account(
        &self,
        attempt: &PasswordAttempt,
        name: &Name,
        known: &Known,
        now: Time,
    ) -> Result<Result<PasswordRight, Refusal>, CouldNotTell> {
        let account = match self.rules.people.find(name).await? {
            Found::One(account) => account,
            Found::Nobody => return self.refuse_nobody(attempt, (name, known), Refusal::new(PasswordRefusal::Nobody), now).await,
            Found::Several(ids) => {
                let refusal = Refusal { detail: Some(ids.join(", ")), ..Refusal::new(PasswordRefusal::Several) };
                return self.refuse_nobody(attempt, (name, known), refusal, now).await;
            }
        };
        let user = &account.user;
        // By the typed name, as it is for a name that no user has: a second spelling of a name must not tell whether a user has it.
        let mark = self.refused_mark(name, known, &attempt.password);
        if self.limiter.refused_lately.contains(&mark, now) {
            return Ok(Err(Refusal::of(PasswordRefusal::RefusedAgain, user)));
        }
        let browser = known.by_user(&user.id, &self.services.keys);
        let failures = self.limiter.failures_of(&account, browser);
        let directory =
            self.rules.people.directory(user.id.directory()).ok_or(CouldNotTell::Unknown("the account's directory is gone"))?;
        let Some(taken) = failures.take(&self.limiter.failures, now).await? else {
            // The password is not judged, but it costs what any other costs, and is remembered like one of a name that no user has: a
            // directory that is slow shall not tell them apart.
            self.limiter.refused_lately.remember(mark, now);
            return match directory.verify_nobody(&attempt.password).await {
                Ok(()) => Ok(Err(Refusal::of(PasswordRefusal::AccountPaused, user))),
                Err(error) => self.not_judged(error, Some(user)),
            };
        };
        let give_back = || failures.give_back(&self.limiter.failures, taken, now);
        match directory.verify(&account, &attempt.password).await {
            Ok(Verdict::Wrong) => {
                self.limiter.refused_lately.remember(mark, now);
                failures.was_wrong(&self.limiter.failures, now).await?;
                Ok(Err(Refusal::of(PasswordRefusal::Wrong, user)))
            }
            Ok(Verdict::Locked) => {
                give_back().await?;
                Ok(Err(Refusal::of(PasswordRefusal::Locked, user)))
            }
            Ok(Verdict::Barred(bar)) => {
                give_back().await?;
                Ok(Err(Refusal::of(barred(bar), user)))
            }
            Ok(verdict) => {
                match verdict {
                    Verdict::Correct | Verdict::Expiring(_) => {
                        failures.begin_anew(&self.limiter.failures, taken, now).await?;
                    }
                    // Active Directory goes on counting where the bind itself was refused.
                    _ => give_back().await?,
                }
                Ok(PasswordRight::new(account.user, verdict, now).ok_or(Refusal::new(PasswordRefusal::Wrong)))
            }
            Err(error) => {
                // What was sent and not answered may be counted there as wrong: it must not be one more here.
                if !matches!(error, DirectoryError::Unanswered { .. }) {
                    give_back().await?;
                }
                self.not_judged(error, Some(user))
            }
        }
    }

    /// A directory that answers, but neither yes nor no (a policy of its own, say): refused like a wrong password, for only a real
    /// account may get such an answer, but not counted. One that does not answer says nothing about anybody.
    fn not_judged<T>(&self, error: DirectoryError, user: Option<&User>) -> Result<Result<T, Refusal>, CouldNotTell> {
        match error {
            DirectoryError::Failed { .. } => {
                tracing::error!(%error, "a directory did not judge a password");
                let refusal = Refusal { detail: Some(error.to_string()), ..Refusal::new(PasswordRefusal::NotJudged) };
                Ok(Err(Refusal { user: user.map(|user| user.id.clone()), ..refusal }))
            }
            DirectoryError::Unreachable { .. } | DirectoryError::Unanswered { .. } => Err(error.into()),
        }
    }

    /// The same work for a name that no user has.
    async fn refuse_nobody<T>(
        &self,
        attempt: &PasswordAttempt,
        (name, known): (&Name, &Known),
        refusal: Refusal,
        now: Time,
    ) -> Result<Result<T, Refusal>, CouldNotTell> {
        let mark = self.refused_mark(name, known, &attempt.password);
        if self.limiter.refused_lately.contains(&mark, now) {
            return Ok(Err(Refusal { reason: PasswordRefusal::RefusedAgain, ..refusal }));
        }
        if let Some(directory) = self.rules.people.for_nobody(name)
            && let Err(error) = directory.verify_nobody(&attempt.password).await
        {
            return self.not_judged(error, None);
        }
        self.limiter.refused_lately.remember(mark, now);
        Ok(Err(refusal))
    }

    fn refused_mark(&self, name: &Name, known: &Known, password: &Secret<String>) -> [u8; 32] {
        // Folded and no coarser: where two people's names differ in an accent, the wrong password of one may be the other's right one.
        RefusedLately::mark(
            &self.services.keys,
            (&name.folded(), known.by_name(&mark(&self.services.keys, &name.counted()))),
            password,
        )
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
        self.services.note(at, trace, Some(&user), What::PasswordRight).await;
        let warning =
            if at.door.has_pages() { self.change.warning(right.user(), self.services.clock.now()).await? } else { None };
        let right = warning.into_iter().fold(right, PasswordRight::warned);
        let (policy, rule, decision) = self.decided(at, right.user(), trace).await?;

        let beginning = Beginning {
            at,
            flow_id: self.services.new_id(),
            back: &attempt.back,
            language: language_of(attempt, right.user()),
            trace,
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
                Ok(Told::declined(Declined::NotForThisSite, trace))
            }
        }
    }

    /// What the door's policy says of this user, journaled; with the policy's name and the number of its rule.
    async fn decided(&self, at: &Attempt, user: &User, trace: TraceId) -> Result<(Arc<str>, usize, Decision), CouldNotTell> {
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
        let Decided { rule, decision, undecided } = self.evaluator.decide(policy, &user.id, &circumstances).await;
        self.evaluator.note_undecided(policy, &undecided, trace);
        let decided = What::PolicyDecided {
            rule: format!("{} rule {rule}", policy.name),
            decision: decision.name().into(),
            undecided: undecided.iter().map(ToString::to_string).collect(),
        };
        self.services.note(at, trace, Some(&user.id), decided).await;
        Ok((Arc::clone(&policy.name), rule, decision))
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

const fn barred(bar: Bar) -> PasswordRefusal {
    match bar {
        Bar::Disabled => PasswordRefusal::Disabled,
        Bar::AccountExpired => PasswordRefusal::AccountExpired,
        Bar::Hours => PasswordRefusal::Hours,
        Bar::Workstation => PasswordRefusal::Workstation,
    }
}
