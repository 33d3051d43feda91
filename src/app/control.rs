//! The control socket: how an operator on this machine speaks to the running node. One JSON object a line each way. The other
//! end must be root or the user we run as; every use is journaled.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Steward;
use crate::base::TraceId;
use crate::store::Entry;

/// What may be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Request {
    /// The events of one trace id.
    Trace { id: TraceId },
}

/// What comes back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Reply {
    Events { events: Vec<Entry> },
    Error { why: String },
}

const MOST_REQUEST: u64 = 64 * 1024;
const WAIT: Duration = Duration::from_secs(10);

/// Makes the socket, for our user alone. A socket that another node answers on is left alone.
pub fn bind(path: &Path) -> std::io::Result<std::os::unix::net::UnixListener> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(std::io::Error::new(std::io::ErrorKind::AddrInUse, "another doorward runs with this state folder"));
    }
    drop(std::fs::remove_file(path));
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers until `stop`.
pub async fn serve(socket: std::os::unix::net::UnixListener, steward: Steward, stop: CancellationToken, tasks: TaskTracker) {
    let socket = match tokio::net::UnixListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => return tracing::error!(%error, "the control socket cannot be used"),
    };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let steward = steward.clone();
                tasks.spawn(async move {
                    if let Ok(Err(error)) = tokio::time::timeout(WAIT, answer(stream, &steward)).await {
                        tracing::debug!(%error, "a control connection ended early");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket could not accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(mut stream: UnixStream, steward: &Steward) -> std::io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self")?);
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    BufReader::new(reading.take(MOST_REQUEST)).read_line(&mut line).await?;
    let reply = if uid != 0 && uid != own {
        Reply::Error { why: "only root and the user that doorward runs as may use the control socket".into() }
    } else {
        match serde_json::from_str(&line) {
            Ok(request) => act(request, uid, steward).await,
            Err(error) => Reply::Error { why: format!("not understood: {error}") },
        }
    };
    let mut text = serde_json::to_vec(&reply)?;
    text.push(b'\n');
    writing.write_all(&text).await?;
    writing.shutdown().await
}

async fn act(request: Request, uid: u32, steward: &Steward) -> Reply {
    match request {
        Request::Trace { id } => match steward.trace(id, uid).await {
            Ok(events) => Reply::Events { events },
            Err(error) => Reply::Error { why: error.to_string() },
        },
    }
}

/// Asks a running node.
pub fn ask(socket: &Path, request: &Request) -> std::io::Result<Reply> {
    use std::io::{BufRead, Write};
    let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    let mut text = serde_json::to_vec(request)?;
    text.push(b'\n');
    stream.write_all(&text)?;
    let mut line = String::new();
    std::io::BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}
