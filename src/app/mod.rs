//! Puts everything together; the only place that names concrete parts. A start either gives a running node or says in words
//! why not.

pub mod control;
pub mod demo;
mod demo_application;
mod door;
mod housekeeping;
mod keys;
mod open_files;
mod parts;
pub mod shutdown;
pub mod telemetry;

use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use door::Door;
use housekeeping::Housekeeping;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{Event, Journal, What};
use crate::auth::sessions::Parts as SessionParts;
use crate::auth::{Gatekeeper, Parts as HouseParts, Sessions, Steward};
use crate::base::random::SystemSource;
use crate::base::{Clock, Keys, Random, Texts};
use crate::config::listener::Serves;
use crate::config::{Config, Listener};
use crate::dispatch::{Dispatcher, Parts as DispatchParts};
use crate::gateway::Gateway;
use crate::gateway::route::Router;
use crate::proxy::{Applications, Proxy};
use crate::server::{self, Cores, Listeners, Reloader, tls};
use crate::store::Records;
use crate::store::sqlite::Sqlite;
use crate::web::{Look, Site};

pub use parts::findings;

/// A node that serves.
pub struct Node {
    /// Where it listens, in the order of the configuration.
    pub addresses: Vec<SocketAddr>,
    pub control: PathBuf,
    stop: CancellationToken,
    tasks: TaskTracker,
    cores: Option<Cores>,
    slow: Option<Runtime>,
    reloader: Reloader,
    listeners: Vec<Listener>,
    sessions: Sessions,
    journal: Journal,
    store: Arc<Sqlite>,
    /// Held as long as we use the state folder; the machine lets go of it when we die.
    _lock: std::fs::File,
}

/// Enough for somebody who looks, within every usual limit on open files.
const TRIAL_CONNECTIONS: usize = 256;

/// How long open requests may go on after a stop, and background work after them.
const DRAIN: Duration = Duration::from_secs(30);
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Everything below the doors.
struct House {
    gatekeeper: Gatekeeper,
    steward: Steward,
    sessions: Sessions,
    dispatcher: Dispatcher,
    journal: Journal,
    store: Arc<Sqlite>,
    keys: Keys,
    random: Arc<dyn Random>,
}

/// Starts a node and returns once it listens. Not to be called from within an async runtime.
pub fn start(config: &Config, clock: &Clock) -> Result<Node> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    prepare(&config.node.state_dir)?;
    let lock = lock(&config.node.state_dir)?;
    let slow =
        tokio::runtime::Builder::new_multi_thread().worker_threads(cores.max(2)).thread_name("slow").enable_all().build()?;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let house = slow.block_on(build(config, clock, &tasks, slow.handle()))?;

    let tickets = tls::ticketer().context("the machine cannot make TLS tickets")?;
    let listeners = Listeners::bind(&config.listeners, cores, &tickets)?;
    let (addresses, reloader) = (listeners.addresses(), listeners.reloader());
    let handler = gateway(config, clock, &house, &addresses)?;
    let limits = server::Limits {
        connections_per_address: config.limits.connections_per_address,
        drain: DRAIN,
        ..server::Limits::default()
    };
    let wished = if config.node.trial { TRIAL_CONNECTIONS } else { limits.connections };
    let limits = server::Limits { connections: open_files::connections(wished), ..limits };
    let control = config.node.state_dir.join("control.sock");
    let socket = control::bind(&control).with_context(|| format!("the control socket {}", control.display()))?;
    let running = server::run(listeners, limits, &stop, handler)?;

    let _in_slow = slow.enter();
    tasks.spawn(control::serve(socket, house.steward.clone(), stop.clone(), tasks.clone()));
    tasks.spawn(house.dispatcher.clone().run(stop.clone()));
    let housekeeping = Housekeeping {
        gatekeeper: house.gatekeeper.clone(),
        sessions: house.sessions.clone(),
        journal: house.journal.clone(),
        records: Arc::clone(&house.store) as _,
        clock: clock.clone(),
    };
    tasks.spawn(housekeeping.run(stop.clone()));
    tracing::info!(sessions = house.steward.session_count(), "doorward {} serves on {addresses:?}", env!("CARGO_PKG_VERSION"));
    Ok(Node {
        addresses,
        control,
        stop,
        tasks,
        cores: Some(running),
        reloader,
        listeners: config.listeners.clone(),
        sessions: house.sessions,

        journal: house.journal,
        store: house.store,
        slow: Some(slow),
        _lock: lock,
    })
}

impl Node {
    /// What fires when the node is to stop.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Reads the certificates of all listeners again; connections that are open go on.
    pub fn reload_certificates(&self) {
        match self.reloader.reload(&self.listeners) {
            Ok(()) => tracing::info!("the certificates were read again; other changes of the configuration need a restart"),
            Err(error) => tracing::error!(%error, "the certificates could not be read again; the old ones stay"),
        }
    }

    /// Takes nothing new, lets what is open finish, writes down what is in memory. Not to be called from within an async runtime.
    pub fn stop(mut self) {
        self.stop.cancel();
        if let Some(cores) = self.cores.take() {
            cores.join();
        }
        let Some(slow) = self.slow.take() else { return };
        slow.block_on(async {
            self.tasks.close();
            if tokio::time::timeout(LAST_WORDS, self.tasks.wait()).await.is_err() {
                tracing::warn!("some messages were still being sent; they are on record and go on at the next start");
            }
            if let Err(error) = self.sessions.housekeeping().await {
                tracing::error!(%error, "when the sessions were used last could not be written down");
            }
            self.journal.note_counts().await;
            let what = What::Stopped;
            self.journal.note(Event { trace: None, user: None, application: None, address: None, what }).await;
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
    let mode = std::fs::metadata(state_dir)?.permissions().mode();
    if mode & 0o022 != 0 {
        anyhow::bail!(
            "the state folder {} may be written by others (mode {:o}); make it 0700",
            state_dir.display(),
            mode & 0o777
        );
    }
    Ok(())
}

/// Two nodes on one state folder would each think that they know every session. Asked before anything in it is touched.
fn lock(state_dir: &Path) -> Result<std::fs::File> {
    let path = state_dir.join("lock");
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.with_context(|| format!("the state folder {} cannot be written", state_dir.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            anyhow::bail!("another doorward runs with the state folder {}", state_dir.display())
        }
        Err(std::fs::TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
    }
}

async fn build(config: &Config, clock: &Clock, tasks: &TaskTracker, slow: &tokio::runtime::Handle) -> Result<House> {
    let random: Arc<dyn Random> = Arc::new(SystemSource);
    let keys = keys::load(config.keys.as_deref(), &config.node.state_dir, random.as_ref())?;
    let file = config.node.state_dir.join("doorward.db");
    let store = Sqlite::open(&file).with_context(|| format!("the records in {}", file.display()))?;
    let store = Arc::new(store.named(&config.node.name));
    let records: Arc<dyn Records> = Arc::clone(&store) as _;
    let journal = Journal::new(Arc::clone(&store) as _, clock.clone());
    let started = What::Started { version: env!("CARGO_PKG_VERSION").to_owned() };
    journal
        .record(Event { trace: None, user: None, application: None, address: None, what: started })
        .await
        .context("the journal cannot be written")?;

    let stores = SessionParts {
        records: Arc::clone(&records),
        journal: journal.clone(),
        keys: keys.clone(),
        clock: clock.clone(),
        random: Arc::clone(&random),
    };
    let sessions = Sessions::load(stores.clone()).await.context("the sessions on record cannot be read")?;
    let dispatcher = Dispatcher::new(DispatchParts {
        transmitters: parts::transmitters(config)?,
        policies: config.dispatch_policies.clone(),
        records,
        journal: journal.clone(),
        keys: keys.clone(),
        texts: Texts::built_in(),
        clock: clock.clone(),
        limits: config.limits.clone(),
        node: config.node.name.clone(),
        tasks: tasks.clone(),
    });
    let parts = HouseParts {
        applications: config.applications.clone(),
        authentication_policies: config.authentication_policies.clone(),
        passcode_policies: config.passcode_policies.clone(),
        limits: config.limits.clone(),
        people: parts::people(config, clock)?,
        dispatcher: dispatcher.clone(),
        sessions: sessions.clone(),
        stores,
    };
    let gatekeeper = Gatekeeper::new(parts, slow.clone());
    let steward = Steward::new(Arc::clone(&store) as _, journal.clone(), sessions.clone());
    Ok(House { gatekeeper, steward, sessions, dispatcher, journal, store, keys, random })
}

/// What makes each core's gateway, inside that core.
fn gateway(
    config: &Config,
    clock: &Clock,
    house: &House,
    addresses: &[SocketAddr],
) -> Result<impl Fn(usize) -> Rc<Door> + Send + Clone + 'static> {
    let site = Site {
        look: Arc::new(Look::new(&config.pages, config.node.trial, parts::logo(config)?)),
        gatekeeper: house.gatekeeper.clone(),
        keys: house.keys.clone(),
        clock: clock.clone(),
        random: Arc::clone(&house.random),
    };
    let router = Arc::new(Router::new(&config.applications));
    let applications = Applications::load(&config.applications).context("an application's CA")?;
    let secure = config.listeners.iter().zip(addresses).find(|(listener, _)| matches!(listener.serves, Serves::Tls(_)));
    let https_port = secure.map(|(_, address)| address.port()).filter(|port| *port != 443);
    let (strict_transport, clock, random) = (!config.node.trial, clock.clone(), Arc::clone(&house.random));
    Ok(move |_core| {
        Rc::new(Door(Gateway {
            router: Arc::clone(&router),
            site: site.clone(),
            proxy: Proxy::new(&applications, clock.clone()),
            clock: clock.clone(),
            random: Arc::clone(&random),
            strict_transport,
            https_port,
        }))
    })
}
