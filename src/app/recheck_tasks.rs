//! Keeps one watch over each directory, for as long as the configuration has it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::handler::Plan;
use crate::auth::Sessions;
use crate::auth::session::recheck::Recheck;
use crate::base::Clock;

pub struct RecheckTasks {
    pub plans: watch::Receiver<Arc<Plan>>,
    pub sessions: Sessions,
    pub clock: Clock,
    pub tasks: TaskTracker,
}

impl RecheckTasks {
    /// Until `stop`. Another configuration begins with a look at everybody: what its directories are is not what they were.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let watching = stop.child_token();
            let plan = Arc::clone(&self.plans.borrow_and_update());
            for place in plan.site.gatekeeper.operations().people().places() {
                let recheck =
                    Recheck::new(Arc::clone(&place.directory), place.recheck, self.sessions.clone(), self.clock.clone());
                self.tasks.spawn(recheck.run(watching.clone()));
            }
            drop(plan);
            let changed = tokio::select! {
                () = stop.cancelled() => return,
                changed = self.plans.changed() => changed,
            };
            watching.cancel();
            // Nobody is left who could change it.
            if changed.is_err() {
                return;
            }
        }
    }
}
