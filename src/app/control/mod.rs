//! The control socket: how an operator on this machine speaks to the running node. One JSON object a line each way. The other
//! end must be root or the user we run as; every use is journaled.

mod protocol;
mod report;
mod send_test;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;

pub use protocol::{ControlContext, Reply, ReportOptions, Request};

const MOST_REQUEST: u64 = 64 * 1024;
const WAIT: Duration = Duration::from_secs(30);
/// For what needs nothing but a look; whoever watches a node must not wait for one that is frozen.
const AT_ONCE: Duration = Duration::from_secs(5);
/// Longer than the node takes at most, so that its words come before we give up.
const PATIENCE: Duration = Duration::from_secs(35);

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
pub async fn serve(socket: std::os::unix::net::UnixListener, context: ControlContext, stop: CancellationToken) {
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
                let (context, tasks) = (context.clone(), context.tasks.clone());
                tasks.spawn(async move {
                    if let Err(error) = answer(stream, &context).await {
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

async fn answer(mut stream: UnixStream, context: &ControlContext) -> std::io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let own = rustix::process::geteuid().as_raw();
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    timeout(WAIT, BufReader::new(reading.take(MOST_REQUEST)).read_line(&mut line)).await??;
    let reply = if uid != 0 && uid != own {
        Reply::Error { why: "only root and the user that doorward runs as may use the control socket".into() }
    } else {
        match serde_json::from_str(&line) {
            Ok(Request::UserReport(options)) => {
                report::write(options, uid, context, &mut writing).await?;
                return writing.shutdown().await;
            }
            Ok(Request::SendTest(trial)) => {
                send_test::write(trial, uid, context, &mut writing).await?;
                return writing.shutdown().await;
            }
            Ok(request) => {
                timeout(WAIT, act(request, uid, context)).await?.unwrap_or_else(|error| Reply::Error { why: error.to_string() })
            }
            Err(error) => Reply::Error { why: format!("not understood: {error}") },
        }
    };
    let mut text = serde_json::to_vec(&reply)?;
    text.push(b'\n');
    timeout(WAIT, writing.write_all(&text)).await??;
    writing.shutdown().await
}

async fn act(request: Request, uid: u32, context: &ControlContext) -> Result<Reply, StoreError> {
    let operators = &context.operators;
    Ok(match request {
        Request::Trace { id } => Reply::Events { events: operators.trace(id, uid).await? },
        Request::Reload => {
            operators.used("reload".to_owned(), uid).await?;
            Reply::Reload(context.reload.reload().await)
        }
        Request::SessionList { meant } => {
            let (sessions, total) = operators.list(&meant, uid).await?;
            Reply::Sessions { sessions, total }
        }
        Request::SessionEnd { meant } => {
            let ended = operators.end(&meant, uid).await?;
            let count = ended.count();
            // Not part of the answer: who asked may go, the records must be removed all the same.
            context.tasks.spawn(ended.write_down());
            Reply::Ended { count }
        }
        Request::Status => {
            operators.looked("status".to_owned(), uid).await;
            Reply::Status(context.watch.status())
        }
        Request::UserReport(_) | Request::SendTest(_) => Reply::Error { why: "this is answered in lines of its own".to_owned() },
    })
}

/// Asks a running node.
pub fn ask(socket: &Path, request: &Request) -> std::io::Result<Reply> {
    let mut last = None;
    ask_for_lines(socket, request, |reply| {
        last = Some(reply);
        Ok(())
    })?;
    last.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

/// The same for an answer of many lines; each is given to `take` as it comes.
pub fn ask_for_lines(
    socket: &Path,
    request: &Request,
    mut take: impl FnMut(Reply) -> std::io::Result<()>,
) -> std::io::Result<()> {
    use std::io::{BufRead, Write};
    let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
    let patience = if matches!(request, Request::Status) { AT_ONCE } else { PATIENCE };
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let mut text = serde_json::to_vec(request)?;
    text.push(b'\n');
    stream.write_all(&text)?;
    for line in std::io::BufReader::new(stream).lines() {
        take(serde_json::from_str(&line?)?)?;
    }
    Ok(())
}
