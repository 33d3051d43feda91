//! The control socket: how an operator on this machine speaks to the running node. One JSON object a line each way. The other
//! end must be root or the user we run as; every use is journaled.

mod journal;
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
/// How often somebody who waits for the next line looks whether anybody reads it.
const TICK: Duration = Duration::from_secs(1);
/// Longer than the node takes at most, so that its words come before we give up.
const PATIENCE: Duration = Duration::from_secs(35);

/// Makes the socket, for our user alone. A socket that another node answers on is left alone.
pub fn bind(path: &Path) -> std::io::Result<std::os::unix::net::UnixListener> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(std::io::Error::new(std::io::ErrorKind::AddrInUse, "another Doorward is running with this state folder"));
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
                let (context, tasks, stop) = (context.clone(), context.tasks.clone(), stop.clone());
                tasks.spawn(async move {
                    if let Err(error) = answer(stream, &context, &stop).await {
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

async fn answer(mut stream: UnixStream, context: &ControlContext, stop: &CancellationToken) -> std::io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let own = rustix::process::geteuid().as_raw();
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    let mut reading = BufReader::new(reading.take(MOST_REQUEST));
    timeout(WAIT, reading.read_line(&mut line)).await??;
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
            Ok(Request::Journal(query)) => {
                journal::write((query, uid), context, (&mut reading, &mut writing), stop).await?;
                return writing.shutdown().await;
            }
            Ok(Request::Account(task)) => {
                let operations = context.plans.borrow().site.gatekeeper.operations();
                let done = operations.of_account(task, context.operators.clone(), uid).await;
                done.map_or_else(|why| Reply::Error { why }, Reply::Account)
            }
            Ok(Request::JournalVerify { anchor }) => match context.operators.verify(anchor, uid).await {
                Ok(chains) => Reply::Chains { chains },
                Err(error) => Reply::Error { why: error.to_string() },
            },
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
        Request::Reload { file } => {
            operators.used("reload".to_owned(), uid).await?;
            Reply::Reload(context.reload.reload(file).await)
        }
        Request::SessionList { meant } => {
            let (sessions, total) = operators.list(&meant, uid).await?;
            Reply::Sessions { sessions, total }
        }
        Request::SessionEnd { meant } => {
            let ended = operators.end(&meant, uid).await;
            let (count, unwritten) = (ended.count(), ended.unwritten());
            // Not part of the answer: who asked may go, the records must be removed all the same.
            context.tasks.spawn(ended.write_down());
            Reply::Ended { count, unwritten }
        }
        Request::Status => {
            operators.looked("status".to_owned(), uid).await;
            Reply::Status(Box::new(context.watch.status().await))
        }
        Request::UserReport(_)
        | Request::SendTest(_)
        | Request::Journal(_)
        | Request::Account(_)
        | Request::JournalVerify { .. } => Reply::Error { why: "this is answered in lines of its own".to_owned() },
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

/// The same for an answer that may take as long as it likes, lines apart from each other as well. `goes_on` is asked about once a second
/// while nothing comes; when it says no, that is the end.
pub fn ask_patiently(
    socket: &Path,
    request: &Request,
    mut take: impl FnMut(Reply) -> std::io::Result<()>,
    goes_on: impl Fn() -> bool,
) -> std::io::Result<()> {
    use std::io::{BufRead, ErrorKind, Write};
    let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TICK))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut text = serde_json::to_vec(request)?;
    text.push(b'\n');
    stream.write_all(&text)?;
    let mut stream = std::io::BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        // What has come of a line stays in it when the time is over.
        match stream.read_until(b'\n', &mut line) {
            Ok(_) if line.is_empty() => return Ok(()),
            Ok(_) => take(serde_json::from_slice(&line)?)?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) && goes_on() => continue,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(()),
            Err(error) => return Err(error),
        }
        line.clear();
    }
}

/// Whether anybody still reads our standard output: a pipe says so before anything is written to it.
pub fn is_stdout_read() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = std::io::stdout();
    let mut ends = [PollFd::new(&stdout, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let asked = poll(&mut ends, Some(&at_once));
    asked.is_err() || !ends.iter().any(|end| end.revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL))
}
