//! The first step: a name and a password. The order of what happens here is part of the house rules (limits before any
//! look-up, lock-out before the directory is asked, every refusal in one text and on one grid of time).

use std::sync::Arc;

use crate::audit::What;
use crate::audit::reason::PasswordRefusal;
use crate::auth::flow::{AfterPassword, Grant, PasswordRight};
use crate::auth::house::{Attempt, CouldNotTell, House};
use crate::auth::limit::by_account::{AccountFailures, Shares};
use crate::auth::limit::by_name::{Failures, RefusedLately};
use crate::auth::limit::known_browser::{Browser, Known, mark};
use crate::auth::policy::{Circumstances, Decided, Decision};
use crate::auth::{Admitted, Declined};
use crate::base::{Language, Secret, Time, TraceId};
use crate::directory::{Account, Bar, DirectoryError, Found, Name, User, Verdict};

/// A name and a password as they were posted.
#[derive(Clone, Debug)]
pub struct PasswordAttempt {
    pub at: Attempt,
    pub name: String,
    pub password: Secret<String>,
    /// Where the browser goes in the end: a path with its query on this host, already judged.
    pub back: String,
    /// What the pages and the message speak where the user's record says nothing else.
    pub language: Language,
    /// Whether the person chose that language by hand.
    pub language_chosen: bool,
}

/// What becomes of it.
#[derive(Debug)]
pub enum PasswordAnswer {
    Admitted(Admitted),
    /// Right so far; the passcode page of this flow is next.
    Challenged {
        flow: String,
    },
    /// Right and enough, but for a new password; that page of this flow is next.
    NewPassword {
        flow: String,
    },
    /// Before the password is known to be right: one text for everything.
    Refused {
        trace: TraceId,
    },
    /// After it: a plain category.
    Declined {
        why: Declined,
        trace: TraceId,
    },
}

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

impl House {
    /// Steps 1 to 5: the answer, and when it may leave. A refusal before the password is known to be right, or an error, does not
    /// leave before the next full half second after `received`; each is journaled with its reason, an error counts against nobody.
    pub async fn password(&self, attempt: PasswordAttempt, received: Time) -> (PasswordAnswer, Time) {
        let trace = TraceId::new(self.random.as_ref());
        let answer = match self.check_password(&attempt).await {
            Ok(Ok(right)) => {
                let answer = self.after_password(&attempt, right, trace).await.unwrap_or_else(|error| {
                    tracing::error!(%error, %trace, "a login could not go on after the right password");
                    PasswordAnswer::Declined { why: Declined::Broken, trace }
                });
                return (answer, received);
            }
            Ok(Err(refusal)) => {
                let is_barred = refusal.reason.is_after_right_password();
                self.note_refusal(&attempt, refusal, trace).await;
                match is_barred {
                    true => PasswordAnswer::Declined { why: Declined::HelpDesk, trace },
                    false => PasswordAnswer::Refused { trace },
                }
            }
            Err(error) => {
                tracing::error!(%error, %trace, "a password could not be checked");
                let what =
                    What::PasswordRefused { reason: PasswordRefusal::CouldNotTell, name: None, detail: Some(error.to_string()) };
                self.note(&attempt.at, trace, None, what).await;
                let why = if matches!(error, CouldNotTell::Directory(_)) { Declined::Unavailable } else { Declined::Broken };
                PasswordAnswer::Declined { why, trace }
            }
        };
        (answer, self.next_step(received))
    }

    async fn note_refusal(&self, attempt: &PasswordAttempt, refusal: Refusal, trace: TraceId) {
        let reason = refusal.reason;
        tracing::info!(%trace, reason = reason.word(), address = %attempt.at.address, "a password was refused");
        let name = Name::parse(&attempt.name).filter(|_| refusal.user.is_none()).map(|name| self.name_mark(&name));
        let about = match (&refusal.user, &name, reason) {
            (_, _, PasswordRefusal::AddressBusy) => attempt.at.address.to_string(),
            (Some(user), ..) => user.to_string(),
            (None, Some(name), _) => name.hash.clone(),
            (None, None, _) => attempt.at.address.to_string(),
        };
        let what = What::PasswordRefused { reason, name, detail: refusal.detail };
        if reason.is_by_limit() {
            self.note_repeated(&format!("{reason} {about}"), &attempt.at, trace, (refusal.user.as_ref(), what)).await;
        } else {
            self.note(&attempt.at, trace, refusal.user.as_ref(), what).await;
        }
    }

    /// Steps 1 to 4: limits, find, lock-out, verify.
    async fn check_password(&self, attempt: &PasswordAttempt) -> Result<Result<PasswordRight, Refusal>, CouldNotTell> {
        let now = self.clock.now();
        let known = Known::read(attempt.at.known.as_deref(), &self.keys);
        let name = Name::parse(&attempt.name);
        let name_mark = name.as_ref().map(|name| mark(&self.keys, &name.counted())).unwrap_or_default();
        let browser = known.by_name(&name_mark);
        if !self.take_attempt(&attempt.at, browser) {
            return Ok(Err(Refusal::new(PasswordRefusal::AddressBusy)));
        }
        let Some(name) = name else { return Ok(Err(Refusal::new(PasswordRefusal::Malformed))) };
        if !is_a_password(&attempt.password) {
            return Ok(Err(Refusal::new(PasswordRefusal::Malformed)));
        }
        let by_name = Failures::of_name(&name_mark, browser, self.limits.failures_per_user);
        if !by_name.take(&self.stores, now).await? {
            return Ok(Err(Refusal::new(PasswordRefusal::NamePaused)));
        }
        let checked = self.check_account(attempt, &name, &known, now).await;
        let counts = matches!(&checked, Ok(Err(refusal)) if refusal.reason.counts());
        if !counts {
            by_name.give_back(&self.stores, now).await?;
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
        let account = match self.people.find(name).await? {
            Found::One(account) => account,
            Found::Nobody => return self.refuse_nobody(attempt, (name, known), Refusal::new(PasswordRefusal::Nobody), now).await,
            Found::Several(ids) => {
                let refusal = Refusal { detail: Some(ids.join(", ")), ..Refusal::new(PasswordRefusal::Several) };
                return self.refuse_nobody(attempt, (name, known), refusal, now).await;
            }
        };
        let user = &account.user;
        // By the typed name, as it is for a name that is nobody's: a second spelling of a name must not tell whether it is somebody's.
        let mark = self.refused_mark(name, known, &attempt.password);
        if self.memory.refused_lately.contains(&mark, now) {
            return Ok(Err(Refusal::of(PasswordRefusal::RefusedAgain, user)));
        }
        let browser = known.by_user(&user.id, &self.keys);
        let failures = self.failures_of(&account, browser);
        let directory =
            self.people.directory(user.id.directory()).ok_or(CouldNotTell::Unknown("the account's directory is gone"))?;
        let Some(taken) = failures.take(&self.failures, now).await? else {
            // The password is not judged, but it costs what any other costs, and is remembered like one of a name that is nobody's: a
            // directory that is slow shall not tell them apart.
            self.memory.refused_lately.remember(mark, now);
            return match directory.verify_nobody(&attempt.password).await {
                Ok(()) => Ok(Err(Refusal::of(PasswordRefusal::AccountPaused, user))),
                Err(error) => self.not_judged(error, Some(user)),
            };
        };
        let give_back = || failures.give_back(&self.failures, taken, now);
        match directory.verify(&account, &attempt.password).await {
            Ok(Verdict::Wrong) => {
                self.memory.refused_lately.remember(mark, now);
                failures.was_wrong(&self.failures, now).await?;
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
                    Verdict::Correct | Verdict::Expiring(_) => failures.begin_anew(&self.failures, taken, now).await?,
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

    /// The same work for a name that means nobody.
    async fn refuse_nobody<T>(
        &self,
        attempt: &PasswordAttempt,
        (name, known): (&Name, &Known),
        refusal: Refusal,
        now: Time,
    ) -> Result<Result<T, Refusal>, CouldNotTell> {
        let mark = self.refused_mark(name, known, &attempt.password);
        if self.memory.refused_lately.contains(&mark, now) {
            return Ok(Err(Refusal { reason: PasswordRefusal::RefusedAgain, ..refusal }));
        }
        if let Some(directory) = self.people.for_nobody(name)
            && let Err(error) = directory.verify_nobody(&attempt.password).await
        {
            return self.not_judged(error, None);
        }
        self.memory.refused_lately.remember(mark, now);
        Ok(Err(refusal))
    }

    pub(in crate::auth) fn failures_of(&self, account: &Account, browser: Browser<'_>) -> AccountFailures {
        let shares = Shares::of(self.limits.failures_per_user, account.lock_out);
        AccountFailures::new(account.user.id.as_str(), browser, shares).since(self.since)
    }

    fn refused_mark(&self, name: &Name, known: &Known, password: &Secret<String>) -> [u8; 32] {
        // Folded and no coarser: where two people's names differ in an accent, the wrong password of one may be the other's right one.
        RefusedLately::mark(&self.keys, (&name.folded(), known.by_name(&mark(&self.keys, &name.counted()))), password)
    }

    /// Step 5 and what follows from it.
    async fn after_password(
        &self,
        attempt: &PasswordAttempt,
        right: PasswordRight,
        trace: TraceId,
    ) -> Result<PasswordAnswer, CouldNotTell> {
        let at = &attempt.at;
        let user = right.user().id.clone();
        self.note(at, trace, Some(&user), What::PasswordRight).await;
        let warning = self.warning(right.user(), self.clock.now()).await?;
        let proof = warning.into_iter().fold(right, PasswordRight::warned);
        let policy = &self.application(&at.application)?.policy;
        let policy = self.authentication_policies.get(policy).ok_or(CouldNotTell::Unknown("there is no such policy"))?;
        let number_age = self.number_age(proof.user()).await?;
        let circumstances = Circumstances { address: Some(at.address), application: Arc::clone(&at.application), number_age };
        let Decided { rule, decision, undecided } = self.decide(policy, &user, &circumstances).await;
        self.note_undecided(policy, &undecided, trace);
        let decided = What::PolicyDecided {
            rule: format!("{} rule {rule}", policy.name),
            decision: decision.name().into(),
            undecided: undecided.iter().map(ToString::to_string).collect(),
        };
        self.note(at, trace, Some(&user), decided).await;

        match (proof.decided(&decision), &decision) {
            (AfterPassword::Admit(grant), _) => {
                let name_mark = Name::parse(&attempt.name).map(|name| self.name_mark(&name).hash).unwrap_or_default();
                self.forget_wrong_passwords(at, &name_mark).await?;
                Ok(PasswordAnswer::Admitted(self.admit(at, grant, trace, &name_mark, attempt.back.clone()).await?))
            }
            (AfterPassword::Change(changing), _) => {
                Ok(PasswordAnswer::NewPassword { flow: self.begin_change(attempt, changing, trace).await? })
            }
            (AfterPassword::Challenge(user, why), Decision::Challenge { dispatch, passcode }) => {
                self.challenge(attempt, (user, why), (dispatch, passcode), trace).await
            }
            (AfterPassword::Challenge(..) | AfterPassword::Refuse(_), _) => {
                self.note(at, trace, Some(&user), What::PolicyRefused { reason: format!("{} rule {rule}", policy.name) }).await;
                Ok(PasswordAnswer::Declined { why: Declined::NotForThisSite, trace })
            }
        }
    }

    /// Opens the session of a grant.
    pub(in crate::auth) async fn admit(
        &self,
        at: &Attempt,
        grant: Grant,
        trace: TraceId,
        name_mark: &str,
        back: String,
    ) -> Result<Admitted, CouldNotTell> {
        let known = Known::read(at.known.as_deref(), &self.keys);
        let user = grant.user().id.clone();
        let was_known = matches!(known.by_user(&user, &self.keys), Browser::Known(_));
        let cookie = self.sessions.open(grant, &self.door(at, trace, was_known)?).await?;
        let known = known.with(&user, name_mark, &self.keys, self.random.as_ref());
        Ok(Admitted { cookie, known, back })
    }
}

const fn barred(bar: Bar) -> PasswordRefusal {
    match bar {
        Bar::Disabled => PasswordRefusal::Disabled,
        Bar::AccountExpired => PasswordRefusal::AccountExpired,
        Bar::Hours => PasswordRefusal::Hours,
        Bar::Workstation => PasswordRefusal::Workstation,
    }
}

/// An empty password would be an anonymous bind (RFC 4513 section 5.1.2), one with NUL might be cut short, one of kilobytes is
/// nobody's: none of them is shown to a directory.
pub(in crate::auth) fn is_a_password(password: &Secret<String>) -> bool {
    let password = password.expose();
    !password.is_empty() && !password.contains('\0') && password.len() <= 1024
}
