//! The journal over the control socket: page after page, so that neither end holds all of it, and on with what is written later where
//! that was asked for.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::protocol::{ControlContext, Reply, write_line_within};
use crate::auth::JournalQuery;

/// A reader may sit before a pager and think; it holds up nothing here but itself.
const A_PAGE: Duration = Duration::from_secs(3600);

/// Writes what matches and a last line, unless the reader goes away or the node stops.
pub async fn write(
    (query, uid): (JournalQuery, u32),
    context: &ControlContext,
    (from, into): (&mut (impl AsyncReadExt + Unpin), &mut (impl AsyncWriteExt + Unpin)),
    stop: &CancellationToken,
) -> std::io::Result<()> {
    let mut byte = [0];
    let work = pages((query, uid), context, into);
    let last = tokio::select! {
        last = work => last,
        // Nothing more is ever said by the other end: it has hung up.
        _ = from.read(&mut byte) => return Ok(()),
        () = stop.cancelled() => return Ok(()),
    };
    write_line_within(A_PAGE, &last.unwrap_or_else(|why| Reply::Error { why }), into).await
}

async fn pages(
    (query, uid): (JournalQuery, u32),
    context: &ControlContext,
    into: &mut (impl AsyncWriteExt + Unpin),
) -> Result<Reply, String> {
    let operators = &context.operators;
    let gatekeeper = context.plans.borrow().site.gatekeeper.clone();
    let operations = gatekeeper.operations();
    let search = operators.look(&query, operations.people(), uid).await.map_err(|error| error.to_string())?;
    drop((operations, gatekeeper));
    let (mut written, mut mark) = (operators.written(), 0);
    loop {
        // Before it is read: what is written while it is being read wakes this up again.
        written.mark_unchanged();
        let page = operators.page(search.clone(), mark).await.map_err(|error| error.to_string())?;
        mark = page.mark;
        if !page.entries.is_empty() {
            write_line_within(A_PAGE, &Reply::Journal { events: page.entries }, into).await.map_err(|error| error.to_string())?;
        }
        if page.is_end && !query.follow {
            return Ok(Reply::Over);
        }
        if page.is_end && written.changed().await.is_err() {
            return Ok(Reply::Over);
        }
    }
}
