//! `trace`: what the journal says of one attempt.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::journal::{Place, place, text};
use super::nobody_answers;
use crate::app::control::{self, Reply, Request};
use crate::base::TraceId;
use crate::store::Entry;

pub fn run(file: &Path, id: &str) -> Result<ExitCode> {
    let id: TraceId = id.parse()?;
    let events = events(file, id)?;
    if events.is_empty() {
        say!("The journal has no event of {id}.");
        return Ok(ExitCode::FAILURE);
    }
    events.iter().for_each(|event| print!("{}", text(event)));
    Ok(ExitCode::SUCCESS)
}

/// Of the node that runs, or of the file that one has left.
fn events(file: &Path, id: TraceId) -> Result<Vec<Entry>> {
    let socket = match place(file)? {
        Place::Stopped(journal) => return journal.trace(id),
        Place::Running(socket) => socket,
    };
    match control::ask(&socket, &Request::Trace { id }).with_context(|| nobody_answers(&socket))? {
        Reply::Error { why } => bail!("{why}"),
        Reply::Events { events } => Ok(events),
        _ => bail!("the node sent an unexpected answer; do the program and the running node have the same version?"),
    }
}
