//! How many connections to others may be open at once: each is an open file, and when the machine gives us none any more nobody gets in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many files, shared by all cores.
#[derive(Debug)]
pub struct Files {
    most: usize,
    taken: AtomicUsize,
}

/// One of them. Free again when dropped.
#[derive(Debug)]
pub struct OpenFile(Arc<Files>);

impl Files {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: AtomicUsize::new(0) })
    }

    /// One more, if `may` says so of how many are free and how many there are in all. The last one can be had, never one more.
    pub fn take(self: &Arc<Self>, may: impl Fn(usize, usize) -> bool) -> Option<OpenFile> {
        let one_more = |taken: usize| {
            let free = self.most.saturating_sub(taken);
            (free > 0 && may(free, self.most)).then_some(taken + 1)
        };
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(OpenFile(Arc::clone(self)))
    }

    /// Whether there are so few left that nothing should be kept open for later.
    pub fn is_scarce(&self) -> bool {
        self.most.saturating_sub(self.taken.load(Ordering::Relaxed)) < self.most / 4
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_than_allowed_and_what_is_closed_is_free_again() {
        let files = Files::new(4);
        let mut taken: Vec<_> = (0..4).map(|_| files.take(|_, _| true).unwrap()).collect();
        assert!(files.take(|_, _| true).is_none() && files.is_scarce());
        taken.clear();
        assert!(!files.is_scarce());
        assert!(files.take(|free, most| free < most).is_none(), "it was not allowed to");
        assert!(files.take(|free, most| (free, most) == (4, 4)).is_some());
    }
}
