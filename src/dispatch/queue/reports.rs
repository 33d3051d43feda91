//! The way back from the transmitters: what became of messages that were taken over.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::dispatch::Delivery;

/// One report of one transmitter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    pub transmitter: Arc<str>,
    /// As in [`crate::dispatch::Receipt::references`].
    pub reference: String,
    pub delivery: Delivery,
}

/// Where transmitters report to; cheap to clone, from any thread.
#[derive(Clone, Debug)]
pub struct Reports(mpsc::Sender<Report>);

/// So many reports wait to be read; one more is lost, and the log says so.
const MOST_WAITING: usize = 4096;

impl Reports {
    pub fn new() -> (Self, mpsc::Receiver<Report>) {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        (Self(sender), receiver)
    }

    /// Never waits.
    pub fn report(&self, report: Report) {
        match self.0.try_send(report) {
            Err(mpsc::error::TrySendError::Full(_)) => tracing::warn!("a delivery report was lost: too many at once"),
            // The node is being stopped.
            Err(mpsc::error::TrySendError::Closed(_)) | Ok(()) => {}
        }
    }
}
