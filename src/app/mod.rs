//! Puts everything together; the only place that names concrete parts. A start either gives a running node or says in words
//! why not.

mod access_log;
mod background;
pub mod certificates;
mod config_diff;
pub mod control;
mod core;
pub mod demo;
mod demo_application;
mod handler;
mod housekeeping;
pub mod journal;
mod keys;
mod log_limit;
mod modems;
mod open_files;
mod parts;
mod policy_groups;
mod recheck_tasks;
pub mod reload;
pub mod shutdown;
pub mod status;
mod systemd;
pub mod telemetry;

use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use self::core::Core;
use access_log::AccessLogs;
use anyhow::{Context, Result};
use background::Background;
use certificates::Certificates;
use handler::{Base, Files, GatewayHandler, Plan};
use modems::Modems;
use reload::{Fixed, Reload, Reloading};
use status::Counts;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{Event, Journal, What};
use crate::auth::{Closing, Sessions};
use crate::base::Clock;
use crate::config::{Config, Metrics};
use crate::server::{self, Cores, Listeners, metrics, tls};
use crate::store::sqlite::Sqlite;

pub use crate::server::Given;
pub use parts::{examine, findings};
pub use systemd::Notifier;

/// A node that serves.
pub struct Node {
    /// Where it listens, in the order of the configuration.
    pub addresses: Vec<SocketAddr>,
    pub control: PathBuf,
    stop: CancellationToken,
    tasks: TaskTracker,
    cores: Option<Cores>,
    access_logs: AccessLogs,
    slow: Option<Runtime>,
    reload: Reload,
    closing: Closing,
    sessions: Sessions,
    journal: Journal,
    modems: Modems,
    store: Arc<Sqlite>,
    notifier: Notifier,
    /// Held as long as we use the state folder; the machine lets go of it when we die.
    _lock: std::fs::File,
}

/// Enough for somebody who looks, within every usual limit on open files.
const TRIAL_CONNECTIONS: usize = 256;

/// For background work after a stop.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What a node begins with besides its configuration.
#[derive(Debug, Default)]
pub struct Start {
    /// Where reloads read the configuration; without one there are none.
    pub file: Option<PathBuf>,
    /// Sockets that were handed over to this process.
    pub given: Given,
    /// What tells the service manager how far this node is.
    pub notifier: Notifier,
}

/// Starts a node and returns once it listens. Not to be called from within an async runtime.
pub fn start(config: &Config, clock: &Clock) -> Result<Node> {
    start_with(config, clock, Start::default())
}

/// The same with more to begin with.
pub fn start_with(config: &Config, clock: &Clock, with: Start) -> Result<Node> {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    prepare(&config.node.state_dir)?;
    let lock = lock(&config.node.state_dir)?;
    let slow =
        tokio::runtime::Builder::new_multi_thread().worker_threads(cpus.max(2)).thread_name("slow").enable_all().build()?;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (core, reported) = slow.block_on(Core::build(config, clock, &tasks, slow.handle()))?;

    let metrics = config.metrics.as_ref().map(bind_metrics).transpose()?;
    let tickets = tls::ticketer().context("the machine cannot make TLS tickets")?;
    let listeners = Listeners::bind(&config.listeners, &config.http1_only(), cpus, &tickets, with.given)?;
    let (addresses, reloader) = (listeners.addresses(), listeners.reloader());
    let access_logs = AccessLogs::new(clock.clone());
    let limits = limits(config);
    let files = (open_files::for_applications(limits.connections), u32::try_from(cpus).unwrap_or(u32::MAX));
    let base = Base::of(&core, addresses.clone(), access_logs.clone(), files);
    let plan = Plan::new(config, Files::read(config)?, core.gatekeeper.clone(), &base);
    let (publish, plans) = watch::channel(Arc::new(plan));
    access_logs.open(config.access_log.as_ref());
    let control = config.node.state_dir.join("control.sock");
    let socket = control::bind(&control).with_context(|| format!("the control socket {}", control.display()))?;
    let for_handlers = plans.clone();
    let tallies = base.tallies.clone();
    let running = server::run(listeners, limits, &stop, move |core| GatewayHandler::new(for_handlers.clone(), core))?;

    let _in_slow = slow.enter();
    let certificates = Certificates { reloader: reloader.clone(), plans: plans.clone() };
    let (reload, asked) = Reload::new(clock);
    let counts = Counts { crowd: running.crowd(), tallies, journal: core.journal.clone() };
    let (file, notifier) = (with.file, with.notifier);
    let fixed = Fixed { file, base, reloader, crowd: running.crowd(), notifier: notifier.clone() };
    let reloading = Reloading::of(&core, fixed, config, publish);
    tasks.spawn(reloading.run(asked, stop.clone()));
    let background = Background { core: &core, plans, clock, tasks: &tasks, stop: &stop };
    background.watch((socket, metrics), reload.clone(), certificates, counts);
    background.messages(reported);
    background.upkeep();
    core.modems.settle(config);
    tracing::info!(sessions = core.operators.session_count(), "doorward {} serves on {addresses:?}", env!("CARGO_PKG_VERSION"));
    let closing = core.gatekeeper.closing();
    let Core { sessions, journal, modems, store, .. } = core;
    let (cores, slow) = (Some(running), Some(slow));
    Ok(Node {
        addresses,
        control,
        stop,
        tasks,
        cores,
        access_logs,
        slow,
        reload,
        closing,
        sessions,
        journal,
        modems,
        store,
        notifier,
        _lock: lock,
    })
}

fn bind_metrics(section: &Metrics) -> Result<std::net::TcpListener> {
    metrics::bind(section.listen).with_context(|| format!("[metrics] listen, {}", section.listen))
}

fn limits(config: &Config) -> server::Limits {
    let limits = server::Limits {
        connections_per_address: config.limits.connections_per_address,
        buffers: config.node.buffers,
        drain: config.node.drain,
        ..server::Limits::default()
    };
    let wished = if config.node.trial { TRIAL_CONNECTIONS } else { limits.connections };
    server::Limits { connections: open_files::connections(wished), ..limits }
}

impl Node {
    /// What fires when the node is to stop.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// What asks for reloads.
    pub fn reload_handle(&self) -> Reload {
        self.reload.clone()
    }

    /// Takes nothing new, lets what is open finish, writes down what is in memory. Not to be called from within an async runtime.
    pub fn stop(mut self) {
        self.closing.close();
        self.stop.cancel();
        if let Some(cores) = self.cores.take() {
            cores.join();
        }
        self.access_logs.finish();
        let Some(slow) = self.slow.take() else { return };
        slow.block_on(async {
            self.tasks.close();
            if tokio::time::timeout(LAST_WORDS, self.tasks.wait()).await.is_err() {
                tracing::warn!("some messages were still being sent; they are on record and continue at the next start");
            }
        });
        self.modems.end();
        slow.block_on(async {
            if let Err(error) = self.sessions.write_down().await {
                tracing::error!(%error, "the last use of sessions could not be written to the records");
            }
            self.journal.note_counts().await;
            let what = What::Stopped;
            self.journal.note(Event::of_node(what)).await;
            self.journal.give_up_late().await;
            self.store.close().await;
        });
        drop(std::fs::remove_file(&self.control));
        slow.shutdown_timeout(Duration::from_secs(1));
        tracing::info!("stopped");
    }
}

/// The state folder, for us alone.
fn prepare(state_dir: &Path) -> Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true).mode(0o700).create(state_dir).with_context(|| format!("the state folder {}", state_dir.display()))?;
    match crate::config::files::shared_state(state_dir) {
        Some(why) => anyhow::bail!(why),
        None => Ok(()),
    }
}

/// Two nodes on one state folder would each think that they know every session. Asked before anything in it is touched.
fn lock(state_dir: &Path) -> Result<std::fs::File> {
    let path = state_dir.join("lock");
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.with_context(|| format!("the state folder {} cannot be written", state_dir.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            anyhow::bail!("another Doorward is running with the state folder {}", state_dir.display())
        }
        Err(std::fs::TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
    }
}
