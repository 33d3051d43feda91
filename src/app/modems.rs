//! The modems that run. They live on over a change of the configuration: a modem's line is opened once, and what waits for it goes on
//! waiting.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::Clock;
use crate::config::Config;
use crate::config::modem::Modem;
use crate::config::transmitter::Kind;
use crate::dispatch::Reports;
use crate::dispatch::modem::ModemTransmitter;

/// Cheap to clone; clones share the modems.
#[derive(Clone)]
pub struct Modems {
    running: Arc<Mutex<Vec<Named>>>,
    /// Where transmitters of all kinds report deliveries, also those of later configurations.
    pub reports: Reports,
    state_dir: PathBuf,
    clock: Clock,
}

struct Named {
    name: Arc<str>,
    modem: Arc<ModemTransmitter>,
}

/// A modem that is in the middle of a message is not waited for much longer at a stop: the message is on record.
const LAST_MESSAGE: Duration = Duration::from_secs(3);

impl Modems {
    pub fn new(config: &Config, clock: &Clock, reports: Reports) -> Self {
        Self { running: Arc::default(), reports, state_dir: config.node.state_dir.clone(), clock: clock.clone() }
    }

    /// The modem of this name: the one that there is, or a new one that [`Modems::settle`] starts.
    pub fn modem(&self, name: &Arc<str>, modem: &Modem) -> Arc<ModemTransmitter> {
        let mut running = self.running();
        if let Some(known) = running.iter().find(|known| known.name == *name) {
            return Arc::clone(&known.modem);
        }
        let (clock, reports) = (self.clock.clone(), self.reports.clone());
        let made = Arc::new(ModemTransmitter::new(Arc::clone(name), modem.clone(), &self.state_dir, clock, reports));
        running.push(Named { name: Arc::clone(name), modem: Arc::clone(&made) });
        made
    }

    /// This configuration is in effect: its modems run as it says, others end.
    pub fn settle(&self, config: &Config) {
        let wanted = |name: &Arc<str>| {
            let listed = config.transmitters.iter().find(|listed| listed.name == *name)?;
            if let Kind::Modem(modem) = &listed.kind { Some(modem) } else { None }
        };
        self.running().retain(|member| {
            let Some(modem) = wanted(&member.name) else {
                member.modem.end();
                return false;
            };
            member.modem.renew(modem);
            if let Err(error) = member.modem.begin() {
                tracing::error!(%error, "the thread of modem {} cannot be started", member.name);
            }
            true
        });
    }

    /// Ends all of them. Not to be called from within an async runtime.
    pub fn end(&self) {
        let ended: Vec<Named> = self.running().drain(..).collect();
        ended.iter().for_each(|member| member.modem.end());
        ended.iter().for_each(|member| member.modem.ended(LAST_MESSAGE));
    }

    fn running(&self) -> MutexGuard<'_, Vec<Named>> {
        // A panic elsewhere leaves the list whole.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
