//! Everything below the sockets and the gateway: the stores, the sessions, the rules of signing in. Built once at the start; the rules
//! once more for every other configuration, around the same stores and sessions.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::modems::Modems;
use super::{handler, keys, parts};
use crate::audit::{Event, Journal, What};
use crate::auth::Services;
use crate::auth::{Gatekeeper, OperatorApi, Parts, Sessions};
use crate::base::random::SystemSource;
use crate::base::{Clock, Keys, Random, Texts, Timings};
use crate::config::Config;
use crate::directory::People;
use crate::dispatch::{Dispatcher, Parts as DispatchParts, Report, Reports};
use crate::store::Stores;
use crate::store::sqlite::Sqlite;

/// What outlives every change of the configuration, and the gatekeeper of the first one.
pub struct Core {
    pub gatekeeper: Gatekeeper,
    pub operators: OperatorApi,
    pub sessions: Sessions,
    pub dispatcher: Dispatcher,
    pub modems: Modems,
    pub journal: Journal,
    pub store: Arc<Sqlite>,
    pub services: Services,
    /// How long directories take to answer.
    pub directory_timings: Timings,
}

impl Core {
    /// Opens the records and reads the sessions; with it comes what [`Dispatcher::listen`] is to be given. `slow` is the runtime that
    /// logins are worked on.
    pub async fn build(
        config: &Config,
        clock: &Clock,
        tasks: &TaskTracker,
        slow: &Handle,
    ) -> Result<(Self, mpsc::Receiver<Report>)> {
        let random: Arc<dyn Random> = Arc::new(SystemSource);
        let keys: Keys = keys::load(config.keys.as_deref(), &config.node.state_dir, random.as_ref())?;
        let file = config.node.state_dir.join("doorward.db");
        let store = Sqlite::open(&file).with_context(|| format!("the records in {}", file.display()))?;
        let store = Arc::new(store.named(&config.node.name));
        let journal = Journal::new(Arc::clone(&store) as _, clock.clone());
        let started = What::Started { version: env!("CARGO_PKG_VERSION").to_owned() };
        journal.record(Event::of_node(started)).await.context("the journal cannot be written")?;

        let services = Services { stores: Stores::one(&store), journal: journal.clone(), keys, clock: clock.clone(), random };
        let sessions = Sessions::load(services.clone()).await.context("the sessions on record cannot be read")?;
        sessions
            .end_gone(&handler::served(config), 0)
            .await
            .context("sessions of removed applications or directories cannot be ended")?;
        let (reports, reported) = Reports::new();
        let modems = Modems::new(config, clock, reports);
        let dispatcher = Dispatcher::new(DispatchParts {
            transmitters: parts::transmitters(config, &modems, &services.keys)?,
            policies: config.dispatch_policies.clone(),
            stores: services.stores.clone(),
            journal: journal.clone(),
            keys: services.keys.clone(),
            texts: Texts::built_in(),
            clock: clock.clone(),
            limits: config.limits.clone(),
            node: config.node.name.clone(),
            tasks: tasks.clone(),
        });
        let directory_timings = Timings::default();
        let people = parts::people(config, clock)?.timed(&directory_timings, clock);
        let gatekeeper = Gatekeeper::new(rules(config, people, &dispatcher, &sessions, &services), slow.clone());
        let operators = OperatorApi::new(Arc::clone(&store) as _, sessions.clone(), &services);
        let core = Self { gatekeeper, operators, sessions, dispatcher, modems, journal, store, services, directory_timings };
        Ok((core, reported))
    }
}

/// What the rules of signing in are made of.
pub fn rules(config: &Config, people: People, dispatcher: &Dispatcher, sessions: &Sessions, services: &Services) -> Parts {
    Parts {
        applications: config.applications.clone(),
        authentication_policies: config.authentication_policies.clone(),
        passcode_policies: config.passcode_policies.clone(),
        limits: config.limits.clone(),
        notices: config.notices.clone(),
        people,
        password_warnings: config.directories.iter().map(|it| (Arc::clone(&it.name), it.password_warning)).collect(),
        dispatcher: dispatcher.clone(),
        sessions: sessions.clone(),
        services: services.clone(),
    }
}
