//! What runs beside the cores for as long as the node does: the control socket, the metrics, messages and their reports, rechecks of
//! sessions, housekeeping. Every task belongs to the node's tracker and ends on its token.

use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::certificates::Certificates;
use super::control::{self, ControlContext};
use super::core::Core;
use super::handler::Plan;
use super::housekeeping::Housekeeping;
use super::recheck_tasks::RecheckTasks;
use super::reload::Reload;
use super::status::{Counts, Watch};
use super::telemetry;
use crate::audit::Journal;
use crate::base::Clock;
use crate::dispatch::Report;
use crate::server::metrics;
use crate::store::Stores;

/// To be used inside the runtime that the tasks are to run on.
pub struct Background<'a> {
    pub core: &'a Core,
    pub plans: watch::Receiver<Arc<Plan>>,
    pub clock: &'a Clock,
    pub tasks: &'a TaskTracker,
    pub stop: &'a CancellationToken,
}

impl Background<'_> {
    /// What operators see of the node: by the control socket, and in the metrics where the configuration has them.
    pub fn watch(
        &self,
        (socket, metrics): (UnixListener, Option<std::net::TcpListener>),
        reload: Reload,
        certificates: Certificates,
        counts: Counts,
    ) {
        let (operators, dispatcher) = (self.core.operators.clone(), self.core.dispatcher.clone());
        self.tasks.spawn(certificates.clone().report(self.clock.clone(), self.stop.clone()));
        let (clock, started) = (self.clock.clone(), self.clock.now());
        let (store, plans) = (Arc::clone(&self.core.store), self.plans.clone());
        let (reloads, operations) = (reload.clone(), operators.clone());
        let directories = self.core.directory_timings.clone();
        let watch = Watch {
            operators: operations,
            dispatcher,
            clock,
            started,
            certificates,
            plans,
            reload: reloads,
            store,
            counts,
            directories,
        };
        if let Some(listener) = metrics {
            let watch = watch.clone();
            self.tasks.spawn(metrics::serve(listener, move || figures(watch.clone()), self.stop.clone()));
        }
        let context = ControlContext { operators, watch, reload, plans: self.plans.clone(), tasks: self.tasks.clone() };
        self.tasks.spawn(control::serve(socket, context, self.stop.clone()));
    }

    /// Messages that wait, and what becomes of those that were taken.
    pub fn messages(&self, reported: mpsc::Receiver<Report>) {
        let dispatcher = &self.core.dispatcher;
        self.tasks.spawn(dispatcher.clone().listen(reported, self.stop.clone()));
        self.tasks.spawn(dispatcher.clone().run(self.stop.clone()));
    }

    /// Sessions that may no longer be, and what is old.
    pub fn upkeep(&self) {
        let Core { sessions, journal, store, .. } = self.core;
        let (plans, clock) = (|| self.plans.clone(), || self.clock.clone());
        let rechecks = RecheckTasks { plans: plans(), sessions: sessions.clone(), clock: clock(), tasks: self.tasks.clone() };
        self.tasks.spawn(rechecks.run(self.stop.clone()));
        let (sessions, journal, stores) = (sessions.clone(), journal.clone(), Stores::one(store));
        let housekeeping = Housekeeping { plans: plans(), sessions, journal, stores, clock: clock() };
        self.tasks.spawn(housekeeping.run(self.stop.clone()));
        self.tasks.spawn(write_late_events(self.core.journal.clone(), self.clock.clone(), self.stop.clone()));
        self.tasks.spawn(telemetry::say_what_was_left_out(self.clock.clone(), self.stop.clone()));
    }
}

/// Events that could not be written when they happened.
async fn write_late_events(journal: Journal, clock: Clock, stop: CancellationToken) {
    loop {
        let due = async {
            journal.late_events().await;
            clock.sleep(AGAIN).await;
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = due => {}
        }
        journal.write_late().await;
    }
}

/// Between two tries.
const AGAIN: Duration = Duration::from_secs(5);

/// What Prometheus reads at this moment.
async fn figures(watch: Watch) -> Result<String, std::fmt::Error> {
    watch.status().await.to_metrics()
}
