//! The joint between the sockets and the gateway: neither knows the other. What a request reads of the configuration hangs on one
//! [`Plan`]; each core makes its own gateway of it and another one when another plan is there. An exchange that runs keeps its own.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use http::{Response, StatusCode};
use tokio::sync::watch;

use super::access_log::AccessLogs;
use super::core::Core;
use super::parts;
use crate::auth::session::Served;
use crate::auth::{Gatekeeper, Services, Sessions};
use crate::base::files::Files as OpenFiles;
use crate::base::net::plain;
use crate::base::{Clock, Keys, Random, Timings};
use crate::config::Config;
use crate::config::listener::Serves;
use crate::dispatch::ProviderCalls;
use crate::gateway::access_log::{AccessLog, Outlet};
use crate::gateway::acme::AcmeFolder;
use crate::gateway::route::Router;
use crate::gateway::{Asked, Body, Gateway, Ports, WholeAnswers, own_words};
use crate::proxy::{Applications, Client, Proxy, Tallies};
use crate::server::{Exchange, Handler, Kept, OwnWords};
use crate::web::submission::Submissions;
use crate::web::{Look, Site};

/// Everything that gateways are made of, shared by the cores.
pub struct Plan {
    router: Arc<Router>,
    pub site: Site,
    calls: ProviderCalls,
    pub applications: Applications,
    /// The names that sessions may have.
    pub served: Served,
    strict_transport: bool,
    ports: Ports,
    access_log: Option<Outlet>,
    own_words: WholeAnswers,
    acme: Option<AcmeFolder>,
    /// How long the journal is kept.
    pub keep: Option<Duration>,
}

/// What stays the same, whatever the configuration says.
#[derive(Clone)]
pub struct Base {
    pub keys: Keys,
    pub clock: Clock,
    pub random: Arc<dyn Random>,
    /// Where we listen, in the order of the configuration.
    pub addresses: Vec<SocketAddr>,
    pub access_logs: AccessLogs,
    pub sessions: Sessions,
    pub submissions: Submissions,
    pub calls: ProviderCalls,
    /// For connections to applications, on so many cores.
    pub files: (Arc<OpenFiles>, u32),
    pub directory_timings: Timings,
    /// What was counted of each application.
    pub tallies: Tallies,
}

impl Base {
    pub fn of(core: &Core, addresses: Vec<SocketAddr>, access_logs: AccessLogs, files: (Arc<OpenFiles>, u32)) -> Self {
        let Services { keys, clock, random, .. } = core.services.clone();
        let (sessions, calls) = (core.sessions.clone(), core.dispatcher.provider_calls());
        let submissions = Submissions::default();
        Self {
            keys,
            clock,
            random,
            addresses,
            access_logs,
            sessions,
            submissions,
            calls,
            files,
            directory_timings: core.directory_timings.clone(),
            tallies: Tallies::default(),
        }
    }
}

/// The parts of a plan that are read from files.
pub struct Files {
    look: Look,
    pub applications: Applications,
}

impl Files {
    pub fn read(config: &Config) -> Result<Self> {
        let look = parts::pages(config)?;
        Ok(Self { look, applications: Applications::load(&config.applications).context("an application's CA")? })
    }
}

impl Plan {
    pub fn new(config: &Config, files: Files, gatekeeper: Gatekeeper, base: &Base) -> Self {
        let secure = config.listeners.iter().zip(&base.addresses);
        let secure = secure.filter(|(listener, _)| matches!(listener.serves, Serves::Tls(_)));
        let ports = secure.map(|(listener, address)| listener.public_port.unwrap_or(address.port())).collect();
        let receipts = config.receipts.as_ref().map(|receipts| receipts.hosts.as_slice()).unwrap_or_default();
        let own_words = own_words(&files.look);
        Self {
            own_words,
            acme: config.node.acme_folder.as_deref().map(AcmeFolder::new),
            keep: config.audit.keep,
            router: Arc::new(Router::new(&config.applications, &[], receipts)),
            site: Site {
                look: Arc::new(files.look),
                gatekeeper,
                sessions: base.sessions.clone(),
                keys: base.keys.clone(),
                clock: base.clock.clone(),
                random: Arc::clone(&base.random),
                submissions: base.submissions.clone(),
            },
            calls: base.calls.clone(),
            applications: files.applications.within(Arc::clone(&base.files.0), base.files.1).counted_in(&base.tallies),
            served: served(config),
            strict_transport: !config.node.trial,
            ports: Ports::new(ports),
            access_log: config.access_log.as_ref().map(|section| base.access_logs.outlet(section)),
        }
    }

    /// One core's gateway, made inside that core.
    fn gateway(&self, core: usize) -> Rc<Gateway> {
        Rc::new(Gateway {
            router: Arc::clone(&self.router),
            site: self.site.clone(),
            calls: self.calls.clone(),
            proxy: Proxy::new(&self.applications, core, self.site.clock.clone()),
            clock: self.site.clock.clone(),
            random: Arc::clone(&self.site.random),
            strict_transport: self.strict_transport,
            ports: self.ports.clone(),
            access_log: self.access_log.clone().map(|outlet| AccessLog::new(outlet, self.site.clock.clone())),
            acme: self.acme.clone(),
            own_words: Arc::clone(&self.own_words),
        })
    }
}

/// The names that sessions may have under this configuration.
pub fn served(config: &Config) -> Served {
    Served {
        applications: config.applications.iter().map(|application| Arc::clone(&application.name)).collect(),
        directories: config.directories.iter().map(|directory| Arc::clone(&directory.name)).collect(),
    }
}

/// One core's gateway as the server calls it.
pub struct GatewayHandler {
    plans: RefCell<watch::Receiver<Arc<Plan>>>,
    gateway: RefCell<Rc<Gateway>>,
    core: usize,
}

impl GatewayHandler {
    /// Of this core, counted from 0. To be called inside the core's runtime.
    pub fn new(mut plans: watch::Receiver<Arc<Plan>>, core: usize) -> Rc<Self> {
        let gateway = plans.borrow_and_update().gateway(core);
        let handler = Rc::new(Self { plans: RefCell::new(plans.clone()), gateway: RefCell::new(gateway), core });
        let weak = Rc::downgrade(&handler);
        // So that a core without requests lets go of what is gone, too. Ends with the handler, or with the core's runtime.
        drop(tokio::task::spawn_local(async move {
            while plans.changed().await.is_ok() {
                let Some(handler) = weak.upgrade() else { return };
                handler.gateway();
            }
        }));
        handler
    }

    /// The gateway of the newest plan. Costs an ordinary request one read of what is written at a reload alone.
    fn gateway(&self) -> Rc<Gateway> {
        if self.plans.borrow().has_changed().unwrap_or(false) {
            let fresh = self.plans.borrow_mut().borrow_and_update().gateway(self.core);
            self.gateway.replace(fresh);
        }
        Rc::clone(&self.gateway.borrow())
    }
}

impl Kept for Client {
    fn is_stuck(&self) -> bool {
        self.is_stuck()
    }
}

impl Handler for GatewayHandler {
    type Body = Body;
    type Connection = Client;

    async fn handle(&self, exchange: &mut Exchange<Client>) -> Response<Body> {
        let gateway = self.gateway();
        let Exchange { head, body, connection, peer, behind, tls, .. } = exchange;
        let (behind, secure) = (behind.as_deref(), *tls);
        gateway.handle(Asked { head, body, client: connection, peer: peer.ip(), behind, secure }).await
    }

    fn note_unreadable(&self, peer: IpAddr, status: StatusCode) {
        if let Some(log) = &self.gateway().access_log {
            log.note_unreadable(plain(peer), status);
        }
    }

    fn own_words(&self) -> OwnWords {
        OwnWords::new(Arc::clone(&self.gateway().own_words))
    }

    fn keeps_header_case(&self) -> bool {
        self.gateway().proxy.keeps_header_case()
    }
}
