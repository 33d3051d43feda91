//! Requests and answers by application: for metrics. Each core counts for itself, in memory that no other core writes to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::base::timings::{Timing, TimingCounts, count_alone};

/// One core's counts of one application. Only that core counts here.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct CoreTally {
    requests: AtomicU64,
    /// By the first digit of the status, from 1 to 5.
    answers: [AtomicU64; 5],
    /// From a request to the head of its answer from the application.
    pub(super) first_head: Timing,
}

impl CoreTally {
    /// A request for the application, or for a page of ours on its host.
    pub fn count_request(&self) {
        count_alone(&self.requests, 1);
    }

    /// Its answer, whoever made it.
    pub fn count_answer(&self, status: StatusCode) {
        if let Some(class) = self.answers.get(usize::from(status.as_u16() / 100).wrapping_sub(1)) {
            count_alone(class, 1);
        }
    }
}

/// Every application's counts, by name. They go on over reloads; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Tallies(Arc<Mutex<BTreeMap<Arc<str>, Cores>>>);

/// One application's, by core.
type Cores = Arc<[Arc<CoreTally>]>;

/// What was counted of one application since the start.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RequestCounts {
    pub application: String,
    pub requests: u64,
    /// By the first digit of the status, from 1 to 5. Requests whose clients left early have none.
    pub answers: [u64; 5],
    /// From a request to the head of its answer from the application.
    pub first_head: TimingCounts,
}

impl Tallies {
    /// An application's, one for each core.
    pub(super) fn of(&self, application: &Arc<str>, cores: u32) -> Cores {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || (0..cores).map(|_| Arc::default()).collect();
        Arc::clone(known.entry(Arc::clone(application)).or_insert_with(made))
    }

    /// What was counted of each application, over all cores.
    pub fn counts(&self) -> Vec<RequestCounts> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = known.iter().map(|(application, cores)| {
            let mut counts = RequestCounts { application: application.to_string(), ..RequestCounts::default() };
            for core in cores.iter() {
                counts.requests += core.requests.load(Ordering::Relaxed);
                for (sum, class) in counts.answers.iter_mut().zip(&core.answers) {
                    *sum += class.load(Ordering::Relaxed);
                }
                core.first_head.add_to(&mut counts.first_head);
            }
            counts
        });
        counts.collect()
    }
}
