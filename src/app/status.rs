//! How the node is right now: for `doorward status`, and for Prometheus (`encode.rs`).

mod encode;
mod encode_clients;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::certificates::{CertificateView, Certificates};
use super::handler::Plan;
use super::reload::{LastReload, Reload};
use crate::audit::{Journal, SignInCount};
use crate::auth::{OperatorApi, Readiness};
use crate::base::timings::TimingCounts;
use crate::base::{Clock, Time, Timings};
use crate::dispatch::{Dispatcher, TransmitterView};
use crate::proxy::{RequestCounts, Tallies};
use crate::server::{Crowd, RefusedCounts};
use crate::store::sqlite::{Room, Sqlite};

/// What is asked for it.
#[derive(Clone)]
pub struct Watch {
    pub operators: OperatorApi,
    pub dispatcher: Dispatcher,
    pub clock: Clock,
    pub started: Time,
    pub certificates: Certificates,
    pub plans: watch::Receiver<Arc<Plan>>,
    pub reload: Reload,
    pub store: Arc<Sqlite>,
    pub counts: Counts,
    pub directories: Timings,
}

/// Who counts what clients do.
#[derive(Clone)]
pub struct Counts {
    pub crowd: Crowd,
    pub tallies: Tallies,
    pub journal: Journal,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub started: Time,
    pub now: Time,
    /// Whether people can sign in, and what keeps them from it.
    pub readiness: Readiness,
    /// Nothing where the system does not say.
    pub room: Option<Room>,
    /// Nothing where there was none since the start.
    pub last_reload: Option<LastReload>,
    /// Open connections of clients.
    pub connections: usize,
    /// Connections that were dropped since the start.
    pub refused: Vec<RefusedCounts>,
    /// How sign-ins ended since the start.
    pub sign_ins: Vec<SignInCount>,
    /// What was counted of each application since the start.
    pub requests: Vec<RequestCounts>,
    /// How long answers took since the start.
    pub timings: AnswerTimes,
    /// Events that could not be journaled yet.
    pub late_events: usize,
    pub sessions: usize,
    /// Messages that this node has under way.
    pub messages: usize,
    pub servers: Vec<ServerView>,
    pub transmitters: Vec<TransmitterView>,
    pub certificates: Vec<CertificateView>,
}

/// How long those whom the node asks took to answer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AnswerTimes {
    /// By the directory's name.
    pub directories: BTreeMap<String, TimingCounts>,
    /// `read`, `write` and `journal`.
    pub store: BTreeMap<String, TimingCounts>,
}

/// A server of an application.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServerView {
    pub application: String,
    /// As the operator writes it.
    pub server: String,
    /// By its checks and by what became of requests.
    pub is_up: bool,
}

impl Watch {
    /// May take as long as directories and records take to answer, four seconds at most.
    pub async fn status(&self) -> Status {
        let plan = Arc::clone(&self.plans.borrow());
        let readiness = plan.site.gatekeeper.readiness().await;
        let now = self.clock.now();
        let servers = plan.applications.servers().into_iter().map(|(application, server, is_up)| ServerView {
            application: application.to_string(),
            server,
            is_up,
        });
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            now,
            readiness: Readiness::clone(&readiness),
            room: self.store.room(),
            last_reload: self.reload.last(),
            connections: self.counts.crowd.open(),
            refused: self.counts.crowd.refused(),
            sign_ins: self.counts.journal.sign_ins(),
            requests: self.counts.tallies.counts(),
            timings: AnswerTimes { directories: self.directories.counts(), store: self.store.timings() },
            late_events: self.counts.journal.late(),
            sessions: self.operators.session_count(),
            messages: self.dispatcher.under_way(),
            servers: servers.collect(),
            transmitters: self.dispatcher.transmitters(),
            certificates: self.certificates.views(now),
        }
    }
}

impl Status {
    /// Whether nothing is out of service: neither sign-ins, nor a server of an application, nor a transmitter.
    pub fn is_well(&self) -> bool {
        self.readiness.is_ready()
            && self.servers.iter().all(|server| server.is_up)
            && self.transmitters.iter().all(|view| view.is_in_service() && !view.is_failing())
    }
}
