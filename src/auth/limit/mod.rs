//! How often may be tried, and against what a failure counts.

mod account_lock;
pub mod by_account;
pub mod by_address;
mod by_factor;
pub mod by_name;
pub mod known_browser;
pub mod recent;

use std::sync::Arc;

use super::Attempt;
use super::services::Services;
use crate::base::{Time, net};
use crate::config::Limits;
use crate::directory::Account;
use crate::store::{Counter, Place, StoreError, Table, Taken};
use by_account::{AccountFailures, Count, Shares};
use by_address::{Attempts, Bucket};
use by_name::Failures;
use known_browser::Browser;
use recent::RefusedLately;

/// Counts attempts and failures. What it counts in memory outlives a change of the configuration.
pub(super) struct Limiter {
    services: Services,
    limits: Limits,
    attempts: Arc<Attempts>,
    pub refused_lately: Arc<RefusedLately>,
    /// Wrong passwords by account; see [`Limiter::failures_of`].
    pub failures: Table<Count>,
    /// When it was made, and the directories with it.
    since: Time,
}

impl Limiter {
    /// Begins with the memory of the one before it, if there was one. Attempts by address are counted anew where their rate changed.
    pub fn new(services: Services, limits: Limits, before: Option<&Self>) -> Self {
        let rate = limits.attempts_per_address;
        let attempts =
            before.filter(|before| before.limits.attempts_per_address == rate).map(|before| Arc::clone(&before.attempts));
        Self {
            attempts: attempts.unwrap_or_else(|| Arc::new(Attempts::new(rate, services.clock.clone()))),
            refused_lately: before.map(|before| Arc::clone(&before.refused_lately)).unwrap_or_default(),
            failures: Table::new(&services.stores, &services.keys),
            since: services.clock.now(),
            services,
            limits,
        }
    }

    /// How often may be tried.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes one attempt of this address, or of the browser where it is known for the user. A door that cannot know the address has no
    /// such limit: those by name and by account hold there.
    pub fn take_attempt(&self, attempt: &Attempt, browser: Browser<'_>) -> bool {
        match (browser, attempt.address) {
            (Browser::Known(id), _) => self.attempts.take(&Bucket::Browser(id.into())),
            (Browser::Stranger, Some(address)) => self.attempts.take(&Bucket::address(address)),
            (Browser::Stranger, None) => true,
        }
    }

    /// Under which refusals by [`Limiter::take_attempt`] are counted together in the journal.
    pub fn busy_key(&self, attempt: &Attempt) -> String {
        format!("address-busy {}", attempt.address.map(|address| address.to_string()).unwrap_or_default())
    }

    /// Drops what need not be remembered. Called about once a minute.
    pub fn forget_fresh(&self) {
        self.attempts.forget_fresh();
    }

    /// Takes one message of this address; nothing where that was possible, else until when there is none left. Where the door cannot know
    /// the address, those by user and number hold.
    pub async fn take_message(&self, at: &Attempt, now: Time) -> Result<Option<Time>, StoreError> {
        let Some(address) = at.address else { return Ok(None) };
        let rate = self.limits.messages_per_address;
        let address = net::counted(address).to_string();
        let place = Place { kind: Counter::MessagesOfAddress, owner: "", id: &address };
        Ok(match self.services.stores.counters.take(place, rate.count, rate.window, now).await? {
            Taken::Yes { .. } => None,
            Taken::No { until } => Some(until),
        })
    }

    /// The wrong passwords of a typed name.
    pub fn failures_of_name(&self, mark: &str, browser: Browser<'_>) -> Failures {
        Failures::of_name(mark, browser, self.limits.failures_per_user)
    }

    /// The wrong passwords that a directory was shown for an account.
    pub fn failures_of(&self, account: &Account, browser: Browser<'_>) -> AccountFailures {
        let shares = Shares::of(self.limits.failures_per_user, account.lock_out);
        AccountFailures::new(account.user.id.as_str(), browser, shares).since(self.since)
    }
}
