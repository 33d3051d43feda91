//! What waits in the store: messages whose wait is over, and those that a node left behind which is gone. Each is claimed by one node.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::record::{MessageRecord, Stage};
use crate::base::Time;
use crate::dispatch::dispatcher::Dispatcher;
use crate::dispatch::inner::{Inner, LEASE};
use crate::dispatch::send::attempt::Sending;
use crate::store::{Queued, Record, StoreError};

/// How often what a crash left is looked for.
pub(in crate::dispatch) const POLL: Duration = Duration::from_secs(3);

impl Dispatcher {
    /// Takes over what a crash left, until `stop` fires. After that no further attempt is begun by anything of this dispatcher.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.take_over() => {}
            }
        }
        self.inner.closing.cancel();
    }

    async fn take_over(&self) {
        let inner = &self.inner;
        // Never closed, so this is always a permit.
        let permit = Arc::clone(&inner.take_overs).acquire_owned().await.ok();
        let now = inner.clock.now();
        match inner.stores.queue.claim(Queued::Message, &inner.node, now.plus(LEASE), now).await {
            Ok(Some(record)) => {
                if let Err(error) = inner.resume(record, permit, now).await {
                    tracing::warn!(%error, "a message that was left behind could not be taken over");
                    inner.clock.sleep(POLL).await;
                }
            }
            Ok(None) => inner.doze(now).await,
            Err(error) => {
                tracing::warn!(%error, "the store could not be asked for messages that were left behind");
                inner.clock.sleep(POLL).await;
            }
        }
    }
}

impl Inner {
    /// Until something may be due.
    async fn doze(&self, now: Time) {
        let next = {
            let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
            *alarms = alarms.split_off(&now.plus(Duration::from_millis(1)));
            alarms.first().copied().unwrap_or_else(|| now.plus(POLL))
        };
        tokio::select! {
            () = self.woken.notified() => {}
            () = self.clock.sleep_until(next) => {}
            () = self.clock.sleep(POLL) => {}
        }
    }

    /// A message waits in the store until then, for whichever node comes first.
    pub async fn wake_at(&self, id: &str, when: Time) -> Result<(), StoreError> {
        self.due(id, Some(when)).await?;
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner).insert(when);
        self.woken.notify_one();
        Ok(())
    }

    /// Sends what was claimed. A crash between a transmitter's taking a message and our noting it looks like one before it:
    /// such a message goes out a second time, with the same code. Losing it would lock a person out; a second copy does not.
    async fn resume(self: &Arc<Self>, record: Record, permit: Option<OwnedSemaphorePermit>, now: Time) -> Result<(), StoreError> {
        if self.running().contains_key(&record.id) {
            // Our own, whose sign of life came late.
            return self.due(&record.id, Some(now.plus(LEASE))).await;
        }
        let id = record.id.clone();
        let found = match self.messages.open(record) {
            Ok(found) => found,
            Err(error @ StoreError::Format { .. }) => {
                // A newer version wrote it. It is left to nodes of that version; its lease keeps this one from it for a while.
                tracing::error!(%error, message.id = id, "message {id} cannot be read by this version");
                return Ok(());
            }
            Err(error) => {
                tracing::error!(%error, message.id = id, "message {id} cannot be read (sealed by another key?); dropped");
                return self.messages.remove(&id, now).await.map(drop);
            }
        };
        let MessageRecord { work: Some(work), .. } = found.row else { return self.due(&id, None).await };
        match work.stage {
            Stage::Waiting { until, undelivered: false, .. } if now < until => return self.wake_at(&id, until).await,
            Stage::Waiting { .. } => {}
            Stage::Trying if let Some(again) = work.again_at => {
                if now < again {
                    return self.wake_at(&id, again).await;
                }
            }
            Stage::Trying | Stage::Handing { .. } => {
                tracing::info!(message.id = id, "message {id} was left behind and is taken over");
            }
        }
        self.start(Sending::resumed(Arc::clone(self), id, work, found.version), permit);
        Ok(())
    }
}
