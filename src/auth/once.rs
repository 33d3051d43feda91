//! What many have in common, in memory once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Gives whoever asks for a value the same one. What nobody holds any more goes when another is new.
pub(super) struct Once<T>(Mutex<HashSet<Arc<T>>>);

impl<T: Eq + Hash> Once<T> {
    /// The one that is equal to this.
    pub fn one(&self, value: T) -> Arc<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = kept.get(&value) {
            return Arc::clone(one);
        }
        kept.retain(|one| Arc::strong_count(one) > 1);
        let one = Arc::new(value);
        kept.insert(Arc::clone(&one));
        one
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_and_unused_ones_go() {
        let once = Once::default();
        let (one, other) = (once.one("a"), once.one("b"));
        assert!(Arc::ptr_eq(&one, &once.one("a")) && !Arc::ptr_eq(&one, &other));
        drop(other);
        once.one("c");
        assert_eq!(once.0.lock().unwrap().len(), 2, "a is held, c is new");
    }
}
