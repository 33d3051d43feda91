//! Another configuration for the running node: everything but `[node]`, `[keys]` and where it listens is replaced, or nothing is. One
//! task owns what the node runs with, so that two reloads come one after the other.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::certificates;
use super::config_diff::{self, ConfigDiff};
use super::core::{self, Core};
use super::handler::{Base, Files, Plan};
use super::modems::Modems;
use super::parts;
use super::systemd::Notifier;
use crate::audit::{Event, Journal, What};
use crate::auth::Services;
use crate::auth::Sessions;
use crate::base::{Clock, Keys, Time};
use crate::config::{self, Config};
use crate::directory::People;
use crate::dispatch::{Dispatcher, Grouped};
use crate::proxy::ClientCertificate;
use crate::server::{Crowd, Prepared, Reloader};

/// What became of a reload, in words for an operator.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    Reloaded {
        changed: Vec<String>,
        needs_restart: Vec<String>,
        warnings: Vec<String>,
    },
    /// The configuration cannot be used; all that is wrong with it.
    Refused {
        problems: Vec<String>,
    },
    /// Nothing is wrong with the configuration as far as we know; something else failed.
    Failed {
        why: String,
    },
}

/// When the configuration was read again last, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LastReload {
    pub at: Time,
    pub outcome: Outcome,
}

/// The file that who asks believes to be the node's, if they said so, and where the outcome goes.
type Wish = (Option<PathBuf>, oneshot::Sender<Outcome>);

/// Asks for reloads. Cheap to clone.
#[derive(Clone)]
pub struct Reload {
    ask: mpsc::Sender<Wish>,
    last: Arc<Mutex<Option<LastReload>>>,
    clock: Clock,
}

/// So many may wait for their turn; one more is told so.
const MOST_WAITING: usize = 8;

impl Reload {
    /// And what the task is to be given.
    pub fn new(clock: &Clock) -> (Self, mpsc::Receiver<Wish>) {
        let (ask, asked) = mpsc::channel(MOST_WAITING);
        (Self { ask, last: Arc::default(), clock: clock.clone() }, asked)
    }

    /// Reads the configuration's file again and puts it into effect. What comes of it also stands in the log. A node that runs with
    /// another file than `meant` changes nothing.
    pub async fn reload(&self, meant: Option<PathBuf>) -> Outcome {
        let (answer, answered) = oneshot::channel();
        if self.ask.try_send((meant, answer)).is_err() {
            return Outcome::Failed { why: "the node is being stopped, or too many reloads are waiting".into() };
        }
        let outcome = answered.await.unwrap_or_else(|_| Outcome::Failed { why: "the node is being stopped".into() });
        let last = LastReload { at: self.clock.now(), outcome: outcome.clone() };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        outcome
    }

    /// The last one; nothing where there was none since the start.
    pub fn last(&self) -> Option<LastReload> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The task.
pub struct Reloading {
    /// Where the configuration is read from; none where the node was not started from a file.
    file: Option<PathBuf>,
    /// What the node runs with.
    config: Config,
    plans: watch::Sender<Arc<Plan>>,
    base: Base,
    reloader: Reloader,
    crowd: Crowd,
    dispatcher: Dispatcher,
    modems: Modems,
    sessions: Sessions,
    journal: Journal,
    services: Services,
    notifier: Notifier,
}

/// A configuration of which every part could be built.
struct Fresh {
    config: Config,
    difference: ConfigDiff,
    warnings: Vec<String>,
    people: People,
    transmitters: Vec<Grouped>,
    files: Files,
    certificates: Prepared,
}

/// What a reload needs beside the configuration, and finds as it was at the start.
pub struct Fixed {
    pub file: Option<PathBuf>,
    pub base: Base,
    pub reloader: Reloader,
    pub crowd: Crowd,
    pub notifier: Notifier,
}

impl Reloading {
    /// Of a node that runs with this configuration; further plans are published to its cores.
    pub fn of(core: &Core, fixed: Fixed, config: &Config, plans: watch::Sender<Arc<Plan>>) -> Self {
        let Fixed { file, base, reloader, crowd, notifier } = fixed;
        let (dispatcher, modems, sessions) = (core.dispatcher.clone(), core.modems.clone(), core.sessions.clone());
        let (journal, services, config) = (core.journal.clone(), core.services.clone(), config.clone());
        Self { file, config, plans, base, reloader, crowd, dispatcher, modems, sessions, journal, services, notifier }
    }

    /// Until `stop`.
    pub async fn run(mut self, mut asked: mpsc::Receiver<Wish>, stop: CancellationToken) {
        loop {
            let answer = tokio::select! {
                () = stop.cancelled() => return,
                answer = asked.recv() => answer,
            };
            let Some((meant, answer)) = answer else { return };
            let outcome = match self.other_than(meant.as_deref()) {
                Some(why) => Outcome::Failed { why },
                None => {
                    self.notifier.reloading();
                    let outcome = self.reload().await;
                    self.notifier.reloaded(&outcome);
                    outcome
                }
            };
            log(&outcome);
            // Who asked may have gone.
            drop(answer.send(outcome));
        }
    }

    /// Why this is not the file that the node runs with, if it is not: by what a path leads to, and else as it is written.
    fn other_than(&self, meant: Option<&Path>) -> Option<String> {
        let (meant, own) = (meant?, self.file.as_deref()?);
        let is_same = match (std::fs::canonicalize(meant), std::fs::canonicalize(own)) {
            (Ok(meant), Ok(own)) => meant == own,
            _ => meant == own,
        };
        let own = own.display();
        let why =
            || format!("the node runs with {own} and can reload only that file: `doorward reload --config {own}`, or restart it");
        (!is_same).then(why)
    }

    async fn reload(&mut self) -> Outcome {
        let Some(file) = self.file.clone() else {
            return Outcome::Failed { why: "this node was not started from a file".into() };
        };
        let (running, clock, reloader) = (self.config.clone(), self.base.clock.clone(), self.reloader.clone());
        let (modems, keys) = (self.modems.clone(), self.services.keys.clone());
        let shown = self.plans.borrow().applications.client_certificates();
        let built = move || build(&file, running, &clock, (&reloader, &modems, &keys), &shown);
        let built = tokio::task::spawn_blocking(built).await;
        let fresh = match built {
            Ok(Ok(fresh)) => fresh,
            Ok(Err(problems)) => return Outcome::Refused { problems },
            Err(error) => return Outcome::Failed { why: format!("the configuration could not be read: {error}") },
        };
        let ConfigDiff { changed, needs_restart } = fresh.difference.clone();
        let what = What::Reloaded { changed, needs_restart };
        let event = Event::of_node(what);
        if let Err(error) = self.journal.record(event).await {
            return Outcome::Failed { why: format!("nothing was changed, because it could not be journaled: {error}") };
        }
        self.swap(fresh).await
    }

    /// From here on nothing can fail.
    async fn swap(&mut self, fresh: Fresh) -> Outcome {
        let Fresh { config, difference, warnings, people, transmitters, files, certificates } = fresh;
        let ConfigDiff { mut changed, needs_restart } = difference;
        self.dispatcher.renew(transmitters, config.dispatch_policies.clone(), config.limits.clone());
        self.modems.settle(&config);
        self.crowd.set_connections_per_address(config.limits.connections_per_address);
        certificates.swap();
        let people = people.timed(&self.base.directory_timings, &self.services.clock);
        let rules = core::rules(&config, people, &self.dispatcher, &self.sessions, &self.services);
        let gatekeeper = self.plans.borrow().site.gatekeeper.renewed(rules);
        let plan = Arc::new(Plan::new(&config, files, gatekeeper, &self.base));
        self.plans.send_replace(Arc::clone(&plan));
        self.base.access_logs.open(config.access_log.as_ref());
        self.config = config;
        match self.sessions.end_gone(&plan.served, 0).await {
            Ok(0) => {}
            Ok(1) => changed.push("1 session ended with its application or directory".to_owned()),
            Ok(ended) => changed.push(format!("{ended} sessions ended with their applications or directories")),
            // The sessions are over here; the housekeeping tries their records again.
            Err(error) => {
                tracing::error!(%error, "sessions of removed applications or directories could not be deleted from the records");
            }
        }
        if changed.is_empty() {
            changed.push("no visible change (secrets are not compared); certificates and other files were read again".to_owned());
        }
        Outcome::Reloaded { changed, needs_restart, warnings }
    }
}

/// Reads and builds everything; waits for files, so not to be called on a core or a runtime's own thread.
fn build(
    file: &Path,
    running: Config,
    clock: &Clock,
    (reloader, modems, keys): (&Reloader, &Modems, &Keys),
    shown: &[(Arc<str>, ClientCertificate)],
) -> Result<Fresh, Vec<String>> {
    let written = config::load(file).map_err(|problems| problems.to_string().lines().map(str::to_owned).collect::<Vec<_>>())?;
    let found = parts::findings(&written, clock, clock.now());
    if !found.unusable.is_empty() {
        return Err(found.unusable.iter().map(|problem| format!("{}: {problem}", file.display())).collect());
    }
    let (config, mut difference) = config_diff::merge(running, written);
    let words = |error: anyhow::Error| vec![format!("{error:#}")];
    let (people, transmitters) =
        (parts::people(&config, clock).map_err(words)?, parts::transmitters(&config, modems, keys).map_err(words)?);
    let files = Files::read(&config).map_err(words)?;
    let prepared = reloader.prepare(&config.listeners, &config.http1_only()).map_err(|error| vec![error.to_string()])?;
    let (before, after) = (reloader.certificates(), prepared.certificates());
    difference.changed.extend(certificates::of_listeners(&before, &after, clock.now()));
    difference.changed.extend(certificates::of_clients(shown, &files.applications.client_certificates(), clock.now()));
    Ok(Fresh {
        people,
        transmitters,
        files,
        certificates: prepared,
        warnings: [found.problems, found.warnings].concat(),
        config,
        difference,
    })
}

fn log(outcome: &Outcome) {
    match outcome {
        Outcome::Reloaded { changed, needs_restart, warnings } => {
            tracing::info!("the configuration was read again: {}", changed.join("; "));
            for line in needs_restart {
                tracing::warn!("{line}");
            }
            for line in warnings {
                tracing::warn!("{line}");
            }
        }
        Outcome::Refused { problems } => {
            tracing::error!("the configuration cannot be used and nothing was changed: {}", problems.join("; "));
        }
        Outcome::Failed { why } => tracing::error!("the configuration was not read again: {why}"),
    }
}
