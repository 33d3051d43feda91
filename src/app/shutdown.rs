//! How a node is told to stop: SIGTERM or SIGINT, once for a drained stop, twice for a quick one. SIGHUP reads the
//! configuration again. The service manager is told once these signals are handled, and of the stop.

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use super::Node;

/// Blocks until the node has been told to stop and has stopped.
pub fn wait(node: Node) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        node.notifier.ready(&node.addresses);
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => {
                    let reload = node.reload_handle();
                    // Waits elsewhere, so that a stop is heard meanwhile; what comes of it stands in the log.
                    drop(tokio::spawn(async move { reload.reload(None).await }));
                }
            }
        }
        node.notifier.stopping();
        tracing::info!("stopping: no new connections, open requests may finish; send the signal again to stop at once");
        let stopped = tokio::task::spawn_blocking(move || node.stop());
        tokio::select! {
            stopped = stopped => Ok(stopped?),
            _ = terminate.recv() => std::process::exit(1),
            _ = interrupt.recv() => std::process::exit(1),
        }
    })
}
