//! `trace`: what the journal of the running node says of one attempt.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::app::control::{self, Reply, Request};
use crate::base::TraceId;
use crate::config;
use crate::store::Entry;

pub fn run(file: &Path, id: &str) -> Result<ExitCode> {
    let id: TraceId = id.parse()?;
    let state_dir = config::state_dir(file).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let socket = state_dir.join("control.sock");
    let reply = control::ask(&socket, &Request::Trace { id });
    let reply =
        reply.with_context(|| format!("no running node answers on {} (is it running? are you its user?)", socket.display()))?;
    match reply {
        Reply::Error { why } => bail!("{why}"),
        Reply::Events { events } if events.is_empty() => {
            println!("The journal has no event of {id}.");
            Ok(ExitCode::FAILURE)
        }
        Reply::Events { events } => {
            events.iter().for_each(print);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// One line an event; control characters of a stranger's making do not reach the terminal (JSON escapes them).
fn print(event: &Entry) {
    let user = if event.user.is_empty() { "-" } else { &event.user };
    let application = if event.application.is_empty() { "-" } else { &event.application };
    let line = format!("{}  {:<4} {:<20} {application}  {user}  {}", event.at, event.outcome, event.kind, event.detail);
    println!("{}", line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>());
}
