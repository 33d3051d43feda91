//! What was learnt lately and hardly ever changes: kept for some minutes, so that a login need not ask again.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::Time;

/// At most [`MOST`] for [`LONGEST`]; when full, all is forgotten and learnt again.
pub(super) struct Cache<K, V>(Mutex<HashMap<K, (V, Time)>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    pub fn recall<Q: Eq + Hash + ?Sized>(&self, key: &Q, now: Time) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.known().get(key).filter(|(_, since)| now.since(*since) < LONGEST).map(|(value, _)| value.clone())
    }

    pub fn keep(&self, key: K, value: V, now: Time) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, (value, now));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<K, (V, Time)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const LONGEST: Duration = Duration::from_secs(5 * 60);
const MOST: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_recalled_for_five_minutes_and_never_grows_without_bound() {
        let cache: Cache<u32, u32> = Cache::default();
        let at = |seconds: u64| Time::from_millis(seconds * 1000);
        cache.keep(1, 10, at(0));
        assert_eq!(cache.recall(&1, at(299)), Some(10));
        assert_eq!(cache.recall(&1, at(300)), None);
        for key in 0..u32::try_from(MOST).unwrap() + 10 {
            cache.keep(key, key, at(0));
        }
        assert!(cache.known().len() <= MOST);
    }
}
