//! `send-test` over the control socket: every event of the message as it is journaled, until it has arrived or nothing is left.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::protocol::{ControlContext, Reply, write_line};
use crate::auth::{Progress, SendTest};

/// Between two looks at the journal.
const LOOK: Duration = Duration::from_millis(200);
/// A message that takes longer is looked up with `trace`.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Writes events as they come, and a last line that says how it ended.
pub async fn write(
    trial: SendTest,
    uid: u32,
    context: &ControlContext,
    into: &mut (impl AsyncWriteExt + Unpin),
) -> std::io::Result<()> {
    let last = match follow(trial, uid, context, into).await {
        Ok(progress) => Reply::Tested { progress },
        Err(why) => Reply::Error { why },
    };
    write_line(&last, into).await
}

async fn follow(
    trial: SendTest,
    uid: u32,
    context: &ControlContext,
    into: &mut (impl AsyncWriteExt + Unpin),
) -> Result<Progress, String> {
    context.operators.used(trial.to_string(), uid).await.map_err(|error| error.to_string())?;
    let gatekeeper = context.plans.borrow().site.gatekeeper.clone();
    let clock = &context.watch.clock;
    let tried = gatekeeper.operations().send_test(trial).await?;
    let (until, mut shown) = (clock.now().plus(PATIENCE), 0);
    loop {
        // Asked before the journal is read: what led to this answer is in it then.
        let progress = context.watch.dispatcher.progress(&tried.message).await.map_err(|error| error.to_string())?;
        let mut events = context.operators.follow(tried.trace).await.map_err(|error| error.to_string())?;
        let fresh = events.split_off(shown.min(events.len()));
        shown += fresh.len();
        if !fresh.is_empty() {
            write_line(&Reply::Events { events: fresh }, into).await.map_err(|error| error.to_string())?;
        }
        let is_over = match &progress {
            Progress::Delivered { .. } | Progress::Unsure { .. } | Progress::Failed => true,
            Progress::Sent { awaited, .. } => !awaited,
            Progress::Sending { .. } => false,
        };
        // The last events are journaled a moment after the message's end is on record.
        if (is_over && shown > 1) || clock.now() >= until {
            return Ok(progress);
        }
        clock.sleep(LOOK).await;
    }
}
