//! `trace`: what the journal of the running node says of one attempt.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::{ask, plain};
use crate::app::control::{Reply, Request};
use crate::base::TraceId;
use crate::store::Entry;

pub fn run(file: &Path, id: &str) -> Result<ExitCode> {
    let id: TraceId = id.parse()?;
    match ask(file, &Request::Trace { id })? {
        Reply::Error { why } => bail!("{why}"),
        Reply::Events { events } if events.is_empty() => {
            println!("The journal has no event of {id}.");
            Ok(ExitCode::FAILURE)
        }
        Reply::Events { events } => {
            events.iter().for_each(print);
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("the node gave an answer to another question"),
    }
}

/// One line an event.
fn print(event: &Entry) {
    let user = if event.user.is_empty() { "-" } else { &event.user };
    let application = if event.application.is_empty() { "-" } else { &event.application };
    let line = format!("{}  {:<4} {:<20} {application}  {user}  {}", event.at, event.outcome, event.kind, event.detail);
    println!("{}", plain(&line));
}
