//! What operators may ask. Reached through the control socket alone; every use is journaled before it is answered.

use std::sync::Arc;

use super::sessions::Sessions;
use crate::audit::{Event, Journal, What};
use crate::base::TraceId;
use crate::store::{Entry, EventLog, Search, StoreError};

/// Cheap to clone.
#[derive(Clone)]
pub struct Steward {
    log: Arc<dyn EventLog>,
    journal: Journal,
    sessions: Sessions,
}

impl Steward {
    /// Reads events from `log` and writes what was asked into `journal`.
    pub fn new(log: Arc<dyn EventLog>, journal: Journal, sessions: Sessions) -> Self {
        Self { log, journal, sessions }
    }

    /// The newest 1,000 events of one attempt, oldest first, for the user `uid` of this machine. An error also where the asking could
    /// not be journaled.
    pub async fn trace(&self, trace: TraceId, uid: u32) -> Result<Vec<Entry>, StoreError> {
        let what = What::ControlUsed { command: format!("trace {trace}"), uid };
        self.journal.record(Event { trace: None, user: None, application: None, address: None, what }).await?;
        let mut events = self.log.search(Search { trace: Some(trace), ..Search::default() }).await?;
        if events.is_empty() {
            events.extend(self.journal.counted(trace));
        }
        Ok(events)
    }

    /// How many sessions are alive.
    pub fn session_count(&self) -> usize {
        self.sessions.count()
    }
}
