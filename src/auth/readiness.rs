//! Whether people can sign in right now: the node is not stopping, the journal can be written, and every directory answers. Asked by load
//! balancers, monitors and strangers alike, so one look serves all who ask within some seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::services::Services;
use crate::base::Time;
use crate::directory::{By, People};

/// What a look has found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Readiness {
    /// The node is being stopped: it finishes what is open.
    pub is_stopping: bool,
    /// Why the journal cannot be written; nothing where it can.
    pub store: Option<String>,
    /// Every directory, in the order in which they are asked.
    pub directories: Vec<DirectoryState>,
}

/// How a directory answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DirectoryState {
    pub name: String,
    /// Why it could not be asked; nothing where it answered.
    pub why: Option<String>,
}

impl Readiness {
    /// Whether every user can sign in, as far as this node can tell.
    pub fn is_ready(&self) -> bool {
        !self.is_stopping && self.store.is_none() && self.directories.iter().all(|directory| directory.why.is_none())
    }

    /// Why not, a sentence each.
    pub fn reasons(&self) -> Vec<String> {
        let stopping = self.is_stopping.then(|| "the node is being stopped".to_owned());
        let store = self.store.iter().map(|why| format!("the records cannot be written: {why}"));
        let directories = self.directories.iter().filter_map(|directory| {
            let why = directory.why.as_ref()?;
            Some(format!("directory {} does not answer: {why}", directory.name))
        });
        stopping.into_iter().chain(store).chain(directories).collect()
    }
}

/// The last look. Asks nobody while it is fresh, and never twice at once.
#[derive(Debug)]
pub(super) struct Outlook {
    last: watch::Sender<Option<(Time, Arc<Readiness>)>>,
    is_looking: AtomicBool,
    is_stopping: Arc<AtomicBool>,
}

impl Outlook {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { last: watch::Sender::new(None), is_looking: AtomicBool::default(), is_stopping: Arc::default() })
    }

    /// For another configuration, whose directories have not been asked yet.
    pub fn renewed(&self) -> Arc<Self> {
        let is_stopping = Arc::clone(&self.is_stopping);
        Arc::new(Self { last: watch::Sender::new(None), is_looking: AtomicBool::default(), is_stopping })
    }

    pub fn closing(&self) -> Closing {
        Closing(Arc::clone(&self.is_stopping))
    }

    /// The last look, or a new one where that is old, which is done on the runtime `slow`.
    pub async fn readiness(self: &Arc<Self>, (people, services): (&People, &Services), slow: &Handle) -> Arc<Readiness> {
        let mut last = self.last.subscribe();
        let fresh = || {
            let last = self.last.borrow();
            let fresh = last.as_ref().filter(|(at, _)| services.clock.now().since(*at) < FRESH);
            fresh.map(|(_, found)| Arc::clone(found))
        };
        let mut found = fresh();
        if found.is_none() {
            if !self.is_looking.swap(true, Ordering::AcqRel) {
                let (looking, people, services) = (Looking(Arc::clone(self)), people.clone(), services.clone());
                // A task of its own: the look goes on for the others when the one who asked first goes away.
                drop(slow.spawn(async move { looking.look(&people, &services).await }));
            }
            drop(timeout(LONGEST.saturating_mul(2), last.changed()).await);
            found = fresh();
        }
        let found = found.unwrap_or_else(|| {
            let store = Some("the node was too busy to look".to_owned());
            Arc::new(Readiness { store, ..Readiness::default() })
        });
        match self.is_stopping.load(Ordering::Relaxed) {
            true => Arc::new(Readiness { is_stopping: true, ..Readiness::clone(&found) }),
            false => found,
        }
    }
}

/// What tells those who ask that the node is being stopped.
#[derive(Clone, Debug)]
pub struct Closing(Arc<AtomicBool>);

impl Closing {
    /// From now on no new client should be sent here.
    pub fn close(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The one look that is under way. When it ends, however it does, another one may begin.
struct Looking(Arc<Outlook>);

impl Looking {
    async fn look(&self, people: &People, services: &Services) {
        let directories = people.places().iter().map(|place| async move {
            let by = By::Account(NOBODY.to_owned());
            let why = match timeout(LONGEST, place.directory.find(&by)).await {
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some(format!("it said nothing within {} s", LONGEST.as_secs())),
            };
            DirectoryState { name: place.directory.name().to_owned(), why }
        });
        let store = async {
            match timeout(LONGEST, services.journal.is_writable()).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some(format!("nothing was written within {} s", LONGEST.as_secs())),
            }
        };
        let (directories, store) = tokio::join!(join_all(directories), store);
        let found = Arc::new(Readiness { is_stopping: false, store, directories });
        let before = self.0.last.send_replace(Some((services.clock.now(), Arc::clone(&found))));
        log(before.map(|(_, before)| before).as_deref(), &found);
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.is_looking.store(false, Ordering::Release);
    }
}

/// Once for each turn.
fn log(before: Option<&Readiness>, found: &Readiness) {
    match (before.is_none_or(Readiness::is_ready), found.is_ready()) {
        (true, false) => tracing::warn!("people cannot sign in now: {}", found.reasons().join("; ")),
        (false, true) => tracing::info!("people can sign in again"),
        _ => {}
    }
}

/// So long a look serves whoever asks.
const FRESH: Duration = Duration::from_secs(5);
/// For each directory, and for the records; shorter than `doorward status` waits for the whole.
const LONGEST: Duration = Duration::from_secs(4);
/// No account: the question is whether the directory can be asked.
const NOBODY: &str = "doorward-readiness-check";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_that_keeps_one_user_out_is_said() {
        let answers = |why: Option<&str>| DirectoryState { name: "corp".into(), why: why.map(str::to_owned) };
        let good = Readiness { directories: vec![answers(None)], ..Readiness::default() };
        assert!(good.is_ready() && good.reasons().is_empty());
        let table = [
            (Readiness { is_stopping: true, ..good.clone() }, "the node is being stopped"),
            (Readiness { store: Some("full".into()), ..good.clone() }, "the records cannot be written: full"),
            (
                Readiness { directories: vec![answers(None), answers(Some("silent"))], ..good },
                "directory corp does not answer: silent",
            ),
        ];
        for (readiness, reason) in table {
            assert!(!readiness.is_ready());
            assert_eq!(readiness.reasons(), [reason]);
        }
    }
}
