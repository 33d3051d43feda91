//! Whether a password is right. The order of what happens here is part of the house rules: limits before any look-up, lock-out before the
//! directory is asked.

use std::sync::Arc;

use crate::audit::reason::PasswordRefusal;
use crate::auth::ask::PasswordAttempt;
use crate::auth::flow::grant::PasswordRight;
use crate::auth::limit::Limiter;
use crate::auth::limit::by_account::{AccountFailures, Taken};
use crate::auth::limit::known_browser::{Browser, Known, mark};
use crate::auth::limit::recent::RefusedLately;
use crate::auth::rules::Rules;
use crate::auth::services::{CouldNotTell, Services};
use crate::base::{Secret, Time, UserId};
use crate::directory::{Bar, DirectoryError, Found, Name, Queue, User, Verdict, password};
use crate::store::StoreError;

/// What was found out.
pub(in crate::auth) enum Checked {
    Right(Box<PasswordRight>),
    Refused(Refusal),
}

/// Why a password was not accepted; for the journal alone.
pub(in crate::auth) struct Refusal {
    pub reason: PasswordRefusal,
    pub user: Option<UserId>,
    /// The account's name.
    pub account: Option<Arc<str>>,
    pub detail: Option<String>,
}

impl Refusal {
    fn new(reason: PasswordRefusal) -> Self {
        Self { reason, user: None, account: None, detail: None }
    }

    fn of(reason: PasswordRefusal, user: &User) -> Self {
        Self { user: Some(user.id.clone()), account: Some(user.name.as_str().into()), ..Self::new(reason) }
    }
}

#[derive(Clone)]
pub(in crate::auth) struct PasswordCheck {
    pub services: Services,
    pub rules: Arc<Rules>,
    pub limiter: Arc<Limiter>,
}

impl PasswordCheck {
    /// Steps 1 to 4: limits, find, lock-out, verify.
    pub async fn password(&self, attempt: &PasswordAttempt) -> Result<Checked, CouldNotTell> {
        let now = self.services.clock.now();
        let known = attempt.at.door.known(&self.services.keys);
        let name = Name::parse(&attempt.name);
        let name_mark = name.as_ref().map(|name| mark(&self.services.keys, &name.counted())).unwrap_or_default();
        let browser = known.by_name(&name_mark);
        if !self.limiter.take_attempt(&attempt.at, browser) {
            return Ok(Checked::Refused(Refusal::new(PasswordRefusal::AddressBusy)));
        }
        let Some(name) = name else { return Ok(Checked::Refused(Refusal::new(PasswordRefusal::Malformed))) };
        if !password::usable(&attempt.password) {
            return Ok(Checked::Refused(Refusal::new(PasswordRefusal::Malformed)));
        }
        let by_name = self.limiter.failures_of_name(&name_mark, browser);
        if !by_name.take(&self.services.stores, now).await? {
            return Ok(Checked::Refused(Refusal::new(PasswordRefusal::NamePaused)));
        }
        let checked = self.check_account(attempt, &name, &known, now).await;
        let counts = matches!(&checked, Ok(Checked::Refused(refusal)) if refusal.reason.counts());
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
    ) -> Result<Checked, CouldNotTell> {
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
            return Ok(Checked::Refused(Refusal::of(PasswordRefusal::RefusedAgain, user)));
        }
        let browser = known.by_user(&user.id, &self.services.keys);
        let failures = self.limiter.failures_of(&account, browser);
        let queue = self.queue(name, known);
        let directory =
            self.rules.people.directory(user.id.directory()).ok_or(CouldNotTell::Unknown("the account's directory is gone"))?;
        let Some(taken) = failures.take(&self.limiter.failures, now).await? else {
            // The password is not judged, but it costs what any other costs, and is remembered like one of a name that no user has: a
            // directory that is slow shall not tell them apart.
            self.limiter.refused_lately.remember(mark, now);
            return match directory.verify_nobody_in(queue, &attempt.password).await {
                Ok(()) => Ok(Checked::Refused(Refusal::of(PasswordRefusal::AccountPaused, user))),
                Err(error) => not_judged(error, Some(user)),
            };
        };
        let said = directory.verify_in(queue, &account, &attempt.password).await;
        if matches!(said, Ok(Verdict::Wrong)) {
            self.limiter.refused_lately.remember(mark, now);
        }
        self.count(&failures, taken, &said, now).await?;
        match said {
            Ok(Verdict::Wrong) => Ok(Checked::Refused(Refusal::of(PasswordRefusal::Wrong, user))),
            Ok(Verdict::Locked) => Ok(Checked::Refused(Refusal::of(PasswordRefusal::Locked, user))),
            Ok(Verdict::Barred(bar)) => Ok(Checked::Refused(Refusal::of(barred(bar), user))),
            Ok(verdict) => Ok(PasswordRight::new(account.user, verdict, now)
                .map_or_else(|| Checked::Refused(Refusal::new(PasswordRefusal::Wrong)), |right| Checked::Right(Box::new(right)))),
            Err(error) => not_judged(error, Some(user)),
        }
    }

    /// Counts what a directory said of a password that was shown to it.
    async fn count(
        &self,
        failures: &AccountFailures,
        taken: Taken,
        said: &Result<Verdict, DirectoryError>,
        now: Time,
    ) -> Result<(), StoreError> {
        let counts = &self.limiter.failures;
        match said {
            Ok(Verdict::Wrong) => failures.was_wrong(counts, now).await,
            Ok(Verdict::Correct | Verdict::Expiring(_)) => failures.begin_anew(counts, taken, now).await,
            // What was sent and not answered may be counted there as wrong: it must not be one more here.
            Err(DirectoryError::Unanswered { .. }) => Ok(()),
            // Active Directory goes on counting where the bind itself was refused, whatever else it said.
            Ok(Verdict::Locked | Verdict::Barred(_) | Verdict::MustChange | Verdict::Expired) | Err(_) => {
                failures.give_back(counts, taken, now).await
            }
        }
    }

    /// The same work for a name that no user has.
    async fn refuse_nobody(
        &self,
        attempt: &PasswordAttempt,
        (name, known): (&Name, &Known),
        refusal: Refusal,
        now: Time,
    ) -> Result<Checked, CouldNotTell> {
        let mark = self.refused_mark(name, known, &attempt.password);
        if self.limiter.refused_lately.contains(&mark, now) {
            return Ok(Checked::Refused(Refusal { reason: PasswordRefusal::RefusedAgain, ..refusal }));
        }
        if let Some(directory) = self.rules.people.for_nobody(name)
            && let Err(error) = directory.verify_nobody_in(self.queue(name, known), &attempt.password).await
        {
            return not_judged(error, None);
        }
        self.limiter.refused_lately.remember(mark, now);
        Ok(Checked::Refused(refusal))
    }

    /// By the typed name alone, as where no user has it: how long an answer takes must not tell whether there is one.
    fn queue(&self, name: &Name, known: &Known) -> Queue {
        match known.by_name(&mark(&self.services.keys, &name.counted())) {
            Browser::Known(_) => Queue::Known,
            Browser::Stranger => Queue::Strangers,
        }
    }

    fn refused_mark(&self, name: &Name, known: &Known, password: &Secret<String>) -> [u8; 32] {
        // Folded and no coarser: where two people's names differ in an accent, the wrong password of one may be the other's right one.
        RefusedLately::mark(
            &self.services.keys,
            (&name.folded(), known.by_name(&mark(&self.services.keys, &name.counted()))),
            password,
        )
    }
}

/// A directory that answers, but neither yes nor no (a policy of its own, say): refused like a wrong password, for only a real
/// account may get such an answer, but not counted. One that does not answer says nothing about anybody.
fn not_judged(error: DirectoryError, user: Option<&User>) -> Result<Checked, CouldNotTell> {
    match error {
        DirectoryError::Failed { .. } => {
            tracing::error!(%error, "a directory did not judge a password");
            let refusal = Refusal { detail: Some(error.to_string()), ..Refusal::new(PasswordRefusal::NotJudged) };
            Ok(Checked::Refused(Refusal { user: user.map(|user| user.id.clone()), ..refusal }))
        }
        DirectoryError::Unreachable { .. } | DirectoryError::Unanswered { .. } => Err(error.into()),
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
