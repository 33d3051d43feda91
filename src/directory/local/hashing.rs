//! How many passwords are hashed at once, and who waits: strangers in one queue, people in a browser that we know in another, so that a
//! flood of made-up names keeps nobody out who has been here before. Which queue somebody stands in hangs on their browser alone, never
//! on whether the name exists.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::directory::Queue;

/// Each queue has places of its own: nobody known waits until a stranger's hash is done.
pub(super) struct Hashing {
    strangers: Places,
    known: Places,
    /// How long one who finds no place waits for it.
    pub patience: Duration,
}

struct Places {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Hashing {
    /// Half of the cores at most are busy with strangers: the others go on serving whoever is signed in, whatever is guessed. Attempts of
    /// known browsers are limited one by one, so that theirs are few.
    pub fn new() -> Self {
        let places = || Places { free: Arc::new(Semaphore::new(at_once())), waiting: AtomicUsize::new(0) };
        Self { strangers: places(), known: places(), patience: PATIENCE }
    }

    /// A place; nothing where so many wait already that this one would wait in vain, or none was free in time.
    pub async fn place(&self, queue: Queue) -> Option<OwnedSemaphorePermit> {
        let places = match queue {
            Queue::Strangers => &self.strangers,
            Queue::Known => &self.known,
        };
        let _waits = Waits::behind(&places.waiting)?;
        timeout(self.patience, Arc::clone(&places.free).acquire_owned()).await.ok()?.ok()
    }

    /// Takes all places of strangers.
    #[cfg(test)]
    pub async fn fill(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(at_once()).unwrap();
        Arc::clone(&self.strangers.free).acquire_many_owned(all).await.unwrap()
    }
}

/// One who waits.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn behind(waiting: &'a AtomicUsize) -> Option<Self> {
        let fits =
            waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < MOST_WAITING).then_some(count + 1));
        fits.ok().map(|_| Self(waiting))
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn at_once() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}

/// More than can be hashed within [`PATIENCE`] on most machines, and half of the questions that the gatekeeper works on at once: the rest is
/// told at once to try again, so that second steps and known browsers find room.
const MOST_WAITING: usize = 512;
const PATIENCE: Duration = Duration::from_secs(10);
