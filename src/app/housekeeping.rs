//! What is done once a minute: what has expired is cleared away, what is only in memory is written down.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::door::Plan;
use crate::audit::Journal;
use crate::auth::{FLOW_LIFE, Sessions};
use crate::base::Clock;
use crate::store::Records;

pub struct Housekeeping {
    pub plans: watch::Receiver<Arc<Plan>>,
    pub sessions: Sessions,
    pub journal: Journal,
    pub records: Arc<dyn Records>,
    pub clock: Clock,
}

const EVERY: Duration = Duration::from_secs(60);

impl Housekeeping {
    /// Until `stop`. What fails is said in the log and tried again a minute later.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut changed = self.clock.now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(EVERY) => {}
            }
            let now = self.clock.now();
            if self.plans.has_changed().unwrap_or_default() {
                changed = now;
            }
            let plan = Arc::clone(&self.plans.borrow_and_update());
            plan.site.gatekeeper.forget_fresh();
            self.journal.note_counts().await;
            // A login that was under way at a reload, or a restart, may have opened one after it.
            if now.since(changed) <= FLOW_LIFE + 2 * EVERY
                && let Err(error) = self.sessions.end_gone(&plan.served).await
            {
                tracing::error!(%error, "sessions of what is gone could not be removed from the records");
            }
            if let Err(error) = self.sessions.housekeeping().await {
                tracing::error!(%error, "expired sessions could not be cleared away");
            }
            if let Err(error) = self.records.sweep(self.clock.now()).await {
                tracing::error!(%error, "expired records could not be cleared away");
            }
        }
    }
}
