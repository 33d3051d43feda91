//! The one handle on everything that is kept, whatever keeps it.

use std::sync::Arc;

use super::split::Split;
use super::{Counters, Feed, Kind, Owner, Queue, Record, Records, StoreError};
use crate::base::{Time, UserId};

/// The stores of a node by their nature. Cheap to clone.
#[derive(Clone)]
pub struct Stores {
    pub records: Arc<dyn Records>,
    pub counters: Arc<dyn Counters>,
    pub queue: Arc<dyn Queue>,
    pub feed: Arc<dyn Feed>,
}

impl Stores {
    /// One store for everything.
    pub fn one<S: Records + Counters + Queue + Feed + 'static>(store: &Arc<S>) -> Self {
        Self {
            records: Arc::clone(store) as _,
            counters: Arc::clone(store) as _,
            queue: Arc::clone(store) as _,
            feed: Arc::clone(store) as _,
        }
    }

    /// One store for what lasts and another one, which may be a cache, for what is short-lived.
    pub fn split<L, S>(lasting: &Arc<L>, short: &Arc<S>) -> Self
    where
        L: Records + Counters + Queue + Feed + 'static,
        S: Records + Counters + 'static,
    {
        let split = Arc::new(Split { lasting: Arc::clone(lasting), short: Arc::clone(short) });
        Self {
            records: Arc::clone(&split) as _,
            counters: split,
            queue: Arc::clone(lasting) as _,
            feed: Arc::clone(lasting) as _,
        }
    }

    /// Every record of a user, with its kind; the records that those own are among them.
    pub async fn of_user(&self, user: &UserId, now: Time) -> Result<Vec<(Kind, Record)>, StoreError> {
        let mut found = Vec::new();
        for kind in Kind::ALL {
            let owners = match kind.owner() {
                Owner::User => vec![user.to_string()],
                Owner::Record(owner) => {
                    let owners = self.records.by_owner(owner, user.as_str(), now).await?;
                    owners.into_iter().map(|record| record.id).collect()
                }
            };
            for owner in owners {
                let records = self.records.by_owner(kind, &owner, now).await?;
                found.extend(records.into_iter().map(|record| (kind, record)));
            }
        }
        Ok(found)
    }

    /// Removes every record of a user and every counter that can be found by the user; says how many. What cannot be found expires
    /// soon ([`Counter`](super::Counter) says when). Some of it keeps guessers away, so this is for an account that is gone, and its
    /// sessions have to be ended before. After an error some of it may be left: then it is to be asked for again.
    pub async fn erase(&self, user: &UserId) -> Result<u64, StoreError> {
        let records = self.records.erase(user).await?;
        Ok(records + self.counters.erase(user).await?)
    }

    /// Removes what has expired; says how many.
    pub async fn sweep(&self, now: Time) -> Result<u64, StoreError> {
        let records = self.records.sweep(now).await?;
        Ok(records + self.counters.sweep(now).await?)
    }
}
