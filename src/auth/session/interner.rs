//! What many have in common, kept in memory once: interning.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Gives every caller that asks for a value the same one. A value that is not held any more goes when another is new.
pub(in crate::auth) struct Interner<T>(Mutex<HashSet<Arc<T>>>);

impl<T: Eq + Hash> Interner<T> {
    /// The one that is equal to this.
    pub fn intern(&self, value: T) -> Arc<T> {
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

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_and_unused_ones_go() {
        let interner = Interner::default();
        let (one, other) = (interner.intern("a"), interner.intern("b"));
        assert!(Arc::ptr_eq(&one, &interner.intern("a")) && !Arc::ptr_eq(&one, &other));
        drop(other);
        interner.intern("c");
        assert_eq!(interner.0.lock().unwrap().len(), 2, "a is held, c is new");
    }
}
