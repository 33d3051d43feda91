//! The service user's connection: one is kept and shared, and a new one made when it is gone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Fault;
use super::connection::{BUSY, Connection, SUCCESS, Target, UNAVAILABLE, said};
use crate::config::directory::Ldap;

#[derive(Default)]
pub(super) struct Service {
    kept: Mutex<Option<Kept>>,
}

/// A connection on which the service user is signed in, and where it leads.
#[derive(Clone)]
pub(super) struct Kept {
    pub connection: Arc<Connection>,
    pub url: Arc<str>,
}

impl Service {
    /// The kept connection, unless it is known to be closed.
    pub fn kept(&self) -> Option<Kept> {
        self.slot().clone().filter(|kept| !kept.connection.is_closed())
    }

    /// Makes a connection to this server and keeps it. Those who come at the same moment all make one (there are at most as many as
    /// there are calls); the last one stays.
    pub async fn open(&self, target: &Target, config: &Ldap) -> Result<Kept, Fault> {
        let connection = Connection::open(target).await?;
        // Unlike a user's password this one may be sent to the next server, so that a server that hangs is soon left.
        let bound = connection.bind(&config.service_user, &config.service_password, SERVICE_BIND).await;
        let result = bound.map_err(|fault| Fault::Silent(fault.words()))?;
        match result.rc {
            SUCCESS => {
                let kept = Kept { connection: Arc::new(connection), url: target.url.as_str().into() };
                *self.slot() = Some(kept.clone());
                Ok(kept)
            }
            BUSY | UNAVAILABLE => Err(Fault::Server(said(&result))),
            8 | 13 => Err(Fault::Final(format!(
                "the service user may sign in over TLS only; use ldaps:// or starttls = true ({})",
                said(&result)
            ))),
            // No other server is asked: a wrong password would soon lock the service user's account.
            _ => Err(Fault::Final(format!("the service user {} was refused ({})", config.service_user, said(&result)))),
        }
    }

    /// Stops keeping this connection; it is closed when the last who uses it is done.
    pub fn forget(&self, gone: &Kept) {
        let mut slot = self.slot();
        if slot.as_ref().is_some_and(|kept| Arc::ptr_eq(&kept.connection, &gone.connection)) {
            *slot = None;
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SERVICE_BIND: Duration = Duration::from_secs(2);
