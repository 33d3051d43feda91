//! Before an account is looked at: wrong passwords are counted by the name that was typed, strangers and each known browser apart. What
//! counts for the account itself is in `by_account.rs`.

use super::known_browser::Browser;
use crate::base::{Rate, Time};
use crate::store::{Counter, Place, StoreError, Stores, Taken};

/// A counter of wrong passwords of one typed name.
#[derive(Clone, Debug)]
pub struct Failures {
    id: String,
    rate: Rate,
}

const KIND: Counter = Counter::FailuresOfName;

impl Failures {
    /// `mark` is the keyed hash of the name as it was typed, as names are counted.
    pub fn of_name(mark: &str, browser: Browser<'_>, rate: Rate) -> Self {
        Self { id: format!("{mark}/{}", browser.id()), rate }
    }

    /// Takes one before the password is looked at, so that many at once cannot be more than are allowed; false: none is left.
    pub async fn take(&self, stores: &Stores, now: Time) -> Result<bool, StoreError> {
        let place = Place { kind: KIND, owner: "", id: &self.id };
        Ok(matches!(stores.counters.take(place, self.rate.count, self.rate.window, now).await?, Taken::Yes { .. }))
    }

    /// The password was right, or the directory could not tell: it was no failure.
    pub async fn give_back(&self, stores: &Stores, now: Time) -> Result<(), StoreError> {
        stores.counters.give_back(KIND, &self.id, now).await
    }

    /// The user signed in: what was counted is forgotten.
    pub async fn clear(&self, stores: &Stores, now: Time) -> Result<(), StoreError> {
        stores.counters.remove(KIND, &self.id, now).await.map(drop)
    }
}
