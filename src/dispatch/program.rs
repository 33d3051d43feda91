//! Sends text messages through a program of the operator's own: started for each message, never by a shell, with the text on its standard
//! input. Its exit code says what became of it (sysexits.h).

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::text::redact::redact;
use super::text::template::{Values, fill};
use super::{Failure, FailureKind, Message, Receipt, Transmitter};
use crate::base::{Channel, Later, Secret, Time};
use crate::config::transmitter::{Encoder, Named, Program};

/// One program.
pub struct ProgramTransmitter {
    name: Arc<str>,
    config: Program,
}

/// What a program may need to find others.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// So much of what it says is kept; the rest is read and forgotten.
const MOST_SAID: usize = 4 * 1024;
/// For what it said last, when something that it started keeps its output open.
const LAST_WORDS: Duration = Duration::from_millis(200);

impl ProgramTransmitter {
    pub fn new(name: Arc<str>, config: Program) -> Self {
        Self { name, config }
    }

    fn command(&self, message: &Message, now: Time) -> Command {
        let values = Values { message, named: &Named::default(), receipt_url: None, twiml: None, now };
        let arguments = self.config.arguments.iter().map(|template| fill(template, Encoder::Raw, &values).expose().clone());
        let mut command = Command::new(&self.config.program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", PATH)
            .envs(locale(&self.config.environment))
            .envs(self.config.environment.iter().map(|(name, value)| (name, value.expose())))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that what it starts can be ended with it, and our own Ctrl-C does not reach it.
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    async fn run(&self, message: &Message, now: Time) -> Result<Receipt, Failure> {
        let child = self.command(message, now).spawn();
        let mut running = Running { child: child.map_err(|error| not_started(&error))?, over: false };
        let (mut input, output, errors) = (running.child.stdin.take(), running.child.stdout.take(), running.child.stderr.take());
        let text = message.text.expose().as_bytes();
        let (mut said, mut complained) = (Vec::new(), Vec::new());
        let status = {
            let write = async move {
                if let Some(mut input) = input.take() {
                    // A program that reads nothing is none of our business; how it ends is.
                    drop(input.write_all(text).await);
                }
            };
            let talk = async { tokio::join!(write, listen(output, &mut said), listen(errors, &mut complained)) };
            let mut talk = std::pin::pin!(talk);
            let mut heard = false;
            let status = loop {
                tokio::select! {
                    status = running.child.wait() => break status,
                    _ = &mut talk, if !heard => heard = true,
                }
            };
            running.over = true;
            if !heard {
                drop(tokio::time::timeout(LAST_WORDS, talk).await);
            }
            status
        };
        let status = status.map_err(|error| elsewhere(format!("how it ended cannot be told: {error}")))?;
        let words = if said.is_empty() { &complained } else { &said };
        judge(status, &self.redacted(&first_line(words), message))
    }

    fn redacted(&self, words: &str, message: &Message) -> String {
        let own = self.config.environment.iter().map(|(_, value)| value.expose().as_str());
        let all = [message.passcode.expose().as_str(), &message.to].into_iter().chain(own);
        redact(words, &all.collect::<Vec<_>>())
    }
}

impl Transmitter for ProgramTransmitter {
    fn name(&self) -> &str {
        &self.name
    }

    fn serves(&self, channel: Channel) -> bool {
        channel == Channel::Sms
    }

    fn send<'a>(&'a self, message: &'a Message, now: Time) -> Later<'a, Result<Receipt, Failure>> {
        Box::pin(async move {
            let limit = self.config.timeout;
            let why = || format!("it took longer than {} s and was killed", limit.as_secs_f32());
            let slow = || Failure { kind: FailureKind::Unsure, why: why() };
            tokio::time::timeout(limit, self.run(message, now)).await.unwrap_or_else(|_| Err(slow()))
        })
    }

    /// Whether it is there and may be started, as far as that can be told without starting it.
    fn examine(&self) -> Later<'_, Result<Vec<String>, String>> {
        Box::pin(async move {
            use std::os::unix::fs::PermissionsExt;
            let path = self.config.program.display();
            let metadata = tokio::fs::metadata(&self.config.program).await.map_err(|error| format!("{path}: {error}"))?;
            if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
                return Err(format!("{path} is no program: not a file, or nobody may execute it"));
            }
            Ok(vec![format!("{path} is there and executable")])
        })
    }
}

/// What a program takes the text on its input for: without a locale it is POSIX's, in which many read ASCII alone and stop at the first
/// other letter. What the operator's own variables say of characters goes before it (POSIX.1-2017, XBD 8.2: `LC_ALL`, then `LC_CTYPE`, then
/// `LANG`); a category that they name beside that is left to them, which `LC_ALL` would not.
fn locale(environment: &[(String, Secret<String>)]) -> Option<(&'static str, &'static str)> {
    const UTF8: &str = "C.UTF-8";
    let names = || environment.iter().map(|(name, _)| name.as_str());
    if names().any(|name| matches!(name, "LC_ALL" | "LC_CTYPE" | "LANG")) {
        return None;
    }
    Some((if names().any(|name| name.starts_with("LC_")) { "LC_CTYPE" } else { "LC_ALL" }, UTF8))
}

/// A program that runs. Dropped before it is over, it is killed with everything that it started; tokio reaps it.
struct Running {
    child: Child,
    over: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Not reaped yet, so that the number is still its own.
        let id = self.child.id().filter(|_| !self.over).and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(Err(error)) = id.map(|id| kill_process_group(id, Signal::KILL)) {
            tracing::warn!(%error, "a program that took too long could not be killed");
        }
    }
}

async fn listen(output: Option<impl AsyncRead + Unpin>, said: &mut Vec<u8>) {
    let Some(mut output) = output else { return };
    let mut chunk = [0; 1024];
    while let Ok(count @ 1..) = output.read(&mut chunk).await {
        let room = MOST_SAID.saturating_sub(said.len());
        said.extend_from_slice(chunk.get(..count.min(room)).unwrap_or_default());
    }
}

fn first_line(said: &[u8]) -> String {
    String::from_utf8_lossy(said).lines().next().unwrap_or_default().trim().to_owned()
}

/// EX_OSERR, EX_IOERR, EX_TEMPFAIL: it passes. EX_DATAERR, EX_NOUSER, EX_NOHOST: the number is no good. Anything else is about the
/// program.
fn judge(status: ExitStatus, words: &str) -> Result<Receipt, Failure> {
    let kind = match status.code() {
        Some(0) => return Ok(Receipt::last_word(words)),
        Some(71 | 74 | 75) => FailureKind::RetryHere,
        Some(65 | 67 | 68) => FailureKind::Final,
        _ => FailureKind::RetryElsewhere,
    };
    Err(Failure { kind, why: format!("{status}: {words}").trim_end_matches([':', ' ']).to_owned() })
}

/// Too many processes, no memory, or the program is being replaced: that passes.
fn not_started(error: &std::io::Error) -> Failure {
    use std::io::ErrorKind::{ExecutableFileBusy, OutOfMemory, WouldBlock};
    let passes = matches!(error.kind(), WouldBlock | OutOfMemory | ExecutableFileBusy);
    let kind = if passes { FailureKind::RetryHere } else { FailureKind::RetryElsewhere };
    Failure { kind, why: format!("it cannot be started: {error}") }
}

fn elsewhere(why: String) -> Failure {
    Failure { kind: FailureKind::RetryElsewhere, why }
}
