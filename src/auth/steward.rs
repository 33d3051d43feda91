//! What operators may ask. Reached through the control socket alone; every use is journaled before it is answered.

use std::sync::Arc;

use super::sessions::Sessions;
use crate::audit::{Event, Journal, What};
use crate::base::TraceId;
use crate::store::{Entry, EventLog, Search, StoreError};

#[derive(Clone)]
pub struct Steward {
    log: Arc<dyn EventLog>,
    journal: Journal,
    sessions: Sessions,
}

impl Steward {
    pub fn new(log: Arc<dyn EventLog>, journal: Journal, sessions: Sessions) -> Self {
        Self { log, journal, sessions }
    }

    /// The events of one attempt, oldest first.
    pub async fn trace(&self, trace: TraceId, uid: u32) -> Result<Vec<Entry>, StoreError> {
        let what = What::ControlUsed { command: format!("trace {trace}"), uid };
        self.journal.record(Event { trace: None, user: None, application: None, address: None, what }).await?;
        self.log.search(Search { trace: Some(trace), ..Search::default() }).await
    }

    /// How many sessions are alive.
    pub fn session_count(&self) -> usize {
        self.sessions.count()
    }
}
