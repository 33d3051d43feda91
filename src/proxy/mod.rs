//! To the application and back; nothing goes there without a `Permit`. One `Proxy` per core, with its own upstream connections.

mod body;
pub mod cookies;
mod forward;
pub mod headers;
mod running;
mod upgrade;
mod upstream;

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ClientConfig;

pub use body::{BodyError, ProxyBody};
pub use forward::ForwardError;
pub use headers::ClientInfo;
pub use running::Running;
pub use upgrade::BadUpgrade;

use crate::base::Clock;
use crate::base::tls::{TlsError, client_config};
use crate::config;
use upstream::Upstream;

/// The applications and how their upstreams are trusted: read once, before the cores start, and shared by them.
#[derive(Clone, Debug)]
pub struct Applications(Arc<[(config::Application, Option<Arc<ClientConfig>>)]>);

impl Applications {
    /// Reads the authorities' files; those that are used by several applications once.
    pub fn load(listed: &[config::Application]) -> Result<Self, TlsError> {
        let mut by_ca: HashMap<Option<PathBuf>, Arc<ClientConfig>> = HashMap::new();
        let mut applications = Vec::new();
        for application in listed {
            let upstream = &application.upstream;
            let trust = match by_ca.get(&upstream.ca) {
                _ if !upstream.servers.iter().any(|server| server.tls) => None,
                Some(known) => Some(Arc::clone(known)),
                None => {
                    let config = client_config(upstream.ca.as_deref())?;
                    by_ca.insert(upstream.ca.clone(), Arc::clone(&config));
                    Some(config)
                }
            };
            applications.push((application.clone(), trust));
        }
        Ok(Self(applications.into()))
    }
}

/// The way to every application from one core. Never leaves it.
#[derive(Debug)]
pub struct Proxy {
    upstreams: HashMap<Arc<str>, Rc<Upstream>>,
    running: Rc<Running>,
    clock: Clock,
}

impl Proxy {
    /// To be called inside the core's `LocalSet`: a task is spawned that sweeps what is running until the proxy is dropped and
    /// everything that ran through it is over.
    pub fn new(applications: &Applications, clock: Clock) -> Rc<Self> {
        let upstreams = applications.0.iter().map(|(application, trust)| {
            (Arc::clone(&application.name), Rc::new(Upstream::new(application, trust.as_ref(), clock.clone())))
        });
        let proxy = Rc::new(Self { upstreams: upstreams.collect(), running: Rc::default(), clock: clock.clone() });
        let (running, weak) = (Rc::clone(&proxy.running), Rc::downgrade(&proxy));
        // Ends with the proxy, or with the core's `LocalSet`.
        drop(tokio::task::spawn_local(async move {
            while weak.strong_count() > 0 || !running.is_empty() {
                clock.sleep(running::SWEEP).await;
                running.sweep(clock.now());
                if let Some(proxy) = weak.upgrade() {
                    proxy.upstreams.values().for_each(|upstream| upstream.prune(clock.now()));
                }
            }
        }));
        proxy
    }

    /// What is running through it on this core.
    pub fn running(&self) -> &Rc<Running> {
        &self.running
    }
}
