//! Wrong second factors, counted per account over all flows, doors, nodes and restarts: too many within a while pause the
//! factor, a hundred in a row are for the help desk (NIST SP 800-63B section 5.2.2).

use std::time::Duration;

use super::Limiter;
use crate::auth::{Attempt, Declined};
use crate::base::{Time, UserId};
use crate::directory::User;
use crate::store::{Counter, Place, StoreError, Taken};

const WRONG_FACTORS: Counter = Counter::WrongFactors;
const IN_A_ROW: Counter = Counter::WrongFactorsInARow;
const HELP_DESK_AT: u32 = 100;
const A_LONG_TIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl Limiter {
    /// Takes one wrong passcode in advance; the category to show where the factor is paused.
    pub(in crate::auth) async fn take_wrong_factor(&self, user: &User, now: Time) -> Result<Option<Declined>, StoreError> {
        let rate = self.limits.wrong_factors_per_user;
        let id = user.id.as_str();
        if let Taken::No { .. } =
            self.services.stores.counters.take(Place { kind: IN_A_ROW, owner: id, id }, HELP_DESK_AT, A_LONG_TIME, now).await?
        {
            return Ok(Some(Declined::HelpDesk));
        }
        let place = Place { kind: WRONG_FACTORS, owner: id, id };
        if let Taken::No { until } = self.services.stores.counters.take(place, rate.count, rate.window, now).await? {
            self.services.stores.counters.give_back(IN_A_ROW, id, now).await?;
            return Ok(Some(Declined::Paused { wait: until.since(now) }));
        }
        Ok(None)
    }

    pub(in crate::auth) async fn give_back_wrong_factor(&self, user: &User, now: Time) -> Result<(), StoreError> {
        self.services.stores.counters.give_back(IN_A_ROW, user.id.as_str(), now).await?;
        self.services.stores.counters.give_back(WRONG_FACTORS, user.id.as_str(), now).await
    }

    /// How long a pause lasts.
    pub(in crate::auth) const fn pause(&self) -> Duration {
        self.limits.wrong_factors_per_user.window
    }

    /// Whether the factor is paused for a user; the category to show then.
    pub(in crate::auth) async fn is_paused(&self, user: &User, now: Time) -> Result<Option<Declined>, StoreError> {
        let paused = self.take_wrong_factor(user, now).await?;
        if paused.is_none() {
            self.give_back_wrong_factor(user, now).await?;
        }
        Ok(paused)
    }

    /// A sign-in clears what was counted against this user in this browser, or among strangers where the browser is one; guesses of
    /// strangers are not forgotten because the owner came in elsewhere.
    pub(in crate::auth) async fn forget_failures(&self, at: &Attempt, user: &User, name_mark: &str) -> Result<(), StoreError> {
        self.forget_wrong_passwords(at, name_mark).await?;
        self.forget_wrong_factors(&user.id).await
    }

    /// Those of the name; those of the account were forgotten when the password was right.
    pub(in crate::auth) async fn forget_wrong_passwords(&self, at: &Attempt, name_mark: &str) -> Result<(), StoreError> {
        let now = self.services.clock.now();
        let known = at.door.known(&self.services.keys);
        self.failures_of_name(name_mark, known.by_name(name_mark)).clear(&self.services.stores, now).await
    }

    pub(in crate::auth) async fn forget_wrong_factors(&self, user: &UserId) -> Result<(), StoreError> {
        let now = self.services.clock.now();
        self.services.stores.counters.remove(IN_A_ROW, user.as_str(), now).await?;
        self.services.stores.counters.remove(WRONG_FACTORS, user.as_str(), now).await.map(drop)
    }
}
