//! What is done once a minute: what has expired is cleared away, what is only in memory is written down.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::handler::Plan;
use crate::audit::Journal;
use crate::auth::Sessions;
use crate::base::{Clock, Time};
use crate::store::Stores;

pub struct Housekeeping {
    pub plans: watch::Receiver<Arc<Plan>>,
    pub sessions: Sessions,
    pub journal: Journal,
    pub stores: Stores,
    pub clock: Clock,
}

const EVERY: Duration = Duration::from_secs(60);
const A_DAY: Duration = Duration::from_secs(86_400);

impl Housekeeping {
    /// Until `stop`. What fails is said in the log and tried again a minute later.
    pub async fn run(self, stop: CancellationToken) {
        // All that were loaded have been looked at.
        let mut begun = [self.sessions.loaded(); 2];
        let mut cut = Time::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(EVERY) => {}
            }
            let [from, before] = begun;
            begun = [before, self.sessions.begun()];
            let plan = Arc::clone(&self.plans.borrow());
            plan.site.gatekeeper.operations().forget_fresh();
            plan.site.submissions.forget_old(self.clock.now());
            self.journal.note_counts().await;
            // A login that was under way at a reload may have opened one after it. Those of the minute before are looked at once more:
            // a session is given its number some time before it is in the book.
            if let Err(error) = self.sessions.end_gone(&plan.served, from).await {
                tracing::error!(%error, "sessions of removed applications or directories could not be deleted from the records");
            }
            if let Err(error) = self.sessions.housekeeping().await {
                tracing::error!(%error, "expired sessions could not be cleared away");
            }
            self.cut_journal(plan.keep, &mut cut).await;
            if let Err(error) = self.stores.sweep(self.clock.now()).await {
                tracing::error!(%error, "expired records could not be cleared away");
            }
        }
    }

    /// Removes what is older than `keep`, once a day: each time is an event.
    async fn cut_journal(&self, keep: Option<Duration>, last: &mut Time) {
        let now = self.clock.now();
        let Some(keep) = keep.filter(|_| now.since(*last) >= A_DAY) else { return };
        match self.journal.cut(keep).await {
            Ok(_) => *last = now,
            Err(error) => tracing::error!(%error, "old events could not be removed from the journal"),
        }
    }
}
