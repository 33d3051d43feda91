//! What is done once a minute: what has expired is cleared away, what is only in memory is written down.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::audit::Journal;
use crate::auth::{Gatekeeper, Sessions};
use crate::base::Clock;
use crate::store::Records;

pub struct Housekeeping {
    pub gatekeeper: Gatekeeper,
    pub sessions: Sessions,
    pub journal: Journal,
    pub records: Arc<dyn Records>,
    pub clock: Clock,
}

const EVERY: Duration = Duration::from_secs(60);

impl Housekeeping {
    /// Until `stop`. What fails is said in the log and tried again a minute later.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(EVERY) => {}
            }
            self.gatekeeper.forget_fresh();
            self.journal.note_counts().await;
            if let Err(error) = self.sessions.housekeeping().await {
                tracing::error!(%error, "expired sessions could not be cleared away");
            }
            if let Err(error) = self.records.sweep(self.clock.now()).await {
                tracing::error!(%error, "expired records could not be cleared away");
            }
        }
    }
}
