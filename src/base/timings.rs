//! How long something took, counted in fixed ranges: for histograms. Counting takes no lock and no memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The upper ends of the ranges, in milliseconds; one more range holds what took longer.
pub const BOUNDS: [u64; 13] = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];
const RANGES: usize = BOUNDS.len() + 1;

/// Counts since the start. Aligned so that no two cores write to one cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Timing {
    ranges: [AtomicU64; RANGES],
    millis: AtomicU64,
}

impl Timing {
    /// Counts one; from any thread.
    pub fn add(&self, took: Duration) {
        let millis = whole_millis(took);
        if let Some(range) = self.ranges.get(range(millis)) {
            range.fetch_add(1, Ordering::Relaxed);
        }
        self.millis.fetch_add(millis, Ordering::Relaxed);
    }

    /// The same for a timing that only one thread counts in: without a locked instruction. If two threads do, counts are lost.
    pub fn add_alone(&self, took: Duration) {
        let millis = whole_millis(took);
        if let Some(range) = self.ranges.get(range(millis)) {
            count_alone(range, 1);
        }
        count_alone(&self.millis, millis);
    }

    /// Adds what was counted here.
    pub fn add_to(&self, sum: &mut TimingCounts) {
        for (sum, range) in sum.ranges.iter_mut().zip(&self.ranges) {
            *sum += range.load(Ordering::Relaxed);
        }
        sum.millis += self.millis.load(Ordering::Relaxed);
    }
}

/// Adds to a counter that only this thread writes; others may read it at any time.
pub fn count_alone(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// What a [`Timing`] has counted: by range, the last one without an upper end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TimingCounts {
    pub ranges: [u64; RANGES],
    /// The sum of all times, in milliseconds.
    pub millis: u64,
}

impl TimingCounts {
    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.ranges.iter().sum()
    }
}

/// Timings by names that the operator or we wrote, so there are only so many. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Timings(Arc<Mutex<BTreeMap<Arc<str>, Arc<Timing>>>>);

impl Timings {
    /// The timing of this name; it goes on over reloads.
    pub fn of(&self, name: &str) -> Arc<Timing> {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(Arc::from(name)).or_default())
    }

    /// What was counted under each name.
    pub fn counts(&self) -> BTreeMap<String, TimingCounts> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = known.iter().map(|(name, timing)| {
            let mut counts = TimingCounts::default();
            timing.add_to(&mut counts);
            (name.to_string(), counts)
        });
        counts.collect()
    }
}

fn whole_millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn range(millis: u64) -> usize {
    BOUNDS.iter().position(|bound| millis <= *bound).unwrap_or(BOUNDS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_counts_in_the_first_range_that_holds_it() {
        let timings = Timings::default();
        for (millis, expected) in [(0, 0), (1, 0), (2, 1), (5, 1), (30_000, 12), (30_001, 13), (u64::MAX / 2, 13)] {
            let name = millis.to_string();
            timings.of(&name).add(Duration::from_millis(millis));
            timings.of(&name).add_alone(Duration::from_millis(millis));
            let counts = timings.counts()[&name];
            let mut ranges = [0; RANGES];
            ranges[expected] = 2;
            assert_eq!((counts.ranges, counts.count()), (ranges, 2), "{millis}");
        }
        assert_eq!(timings.counts()["5"].millis, 10);
    }
}
