//! The report over the control socket: a line for every few users, so that neither end holds all of them, and a last line that says
//! how it went.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::protocol::{ControlContext, Reply, ReportOptions, write_line};
use crate::auth::Row;

/// A report at a time: each asks the directories for everybody.
static ONE: Semaphore = Semaphore::const_new(1);
/// For all of it, however many users there are.
const WHOLE: Duration = Duration::from_secs(30 * 60);

/// Writes the rows and the last line.
pub async fn write(
    options: ReportOptions,
    uid: u32,
    context: &ControlContext,
    into: &mut (impl AsyncWriteExt + Unpin),
) -> std::io::Result<()> {
    let last = match timeout(WHOLE, rows(options, uid, context, into)).await {
        Ok(Ok(last)) => last,
        Ok(Err(why)) => Reply::Error { why },
        Err(_) => Reply::Error { why: format!("the report took longer than {} minutes", WHOLE.as_secs() / 60) },
    };
    write_line(&last, into).await
}

async fn rows(
    options: ReportOptions,
    uid: u32,
    context: &ControlContext,
    into: &mut (impl AsyncWriteExt + Unpin),
) -> Result<Reply, String> {
    let Ok(_place) = ONE.try_acquire() else { return Err("another report is being written".into()) };
    context.operators.used(options.to_string(), uid).await.map_err(|error| error.to_string())?;
    let gatekeeper = context.plans.borrow().site.gatekeeper.clone();
    let Some(report) = gatekeeper.operations().report(options.directory.as_deref()) else {
        return Err(format!("there is no directory {}", options.directory.unwrap_or_default()));
    };
    let (into_rows, rows) = mpsc::channel::<Vec<Row>>(1);
    let (mut total, mut can_sign_in) = (0, 0);
    let writing = async {
        // Gone with this block, so that nobody goes on reading for a reader who is not there.
        let mut rows = rows;
        while let Some(mut some) = rows.recv().await {
            total += some.len();
            can_sign_in += some.iter().filter(|row| row.can_sign_in).count();
            some.retain(|row| !options.problems || !row.problems.is_empty());
            // Also where none is left: it shows that we are at it.
            write_line(&Reply::Users { users: some }, into).await?;
        }
        Ok::<(), std::io::Error>(())
    };
    let (failed, written) = tokio::join!(report.read(into_rows), writing);
    written.map_err(|error| error.to_string())?;
    Ok(Reply::Reported { total, can_sign_in, failed: failed.iter().map(ToString::to_string).collect() })
}
