//! `reload`: the running node reads its configuration again and says what came of it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::{BAD_CONFIGURATION, ask};
use crate::app::control::{Reply, Request};
use crate::app::reload::Outcome;
use crate::config;

pub fn run(file: &Path) -> Result<ExitCode> {
    if let Err(problems) = config::state_dir(file) {
        tell!("{problems}");
        tell!("Nothing was changed.");
        return Ok(ExitCode::from(BAD_CONFIGURATION));
    }
    // The node has a working directory of its own.
    let whole = std::path::absolute(file)?;
    match ask(file, &Request::Reload { file: Some(whole) })? {
        Reply::Reload(Outcome::Reloaded { changed, needs_restart, warnings }) => {
            changed.iter().for_each(|line| say!("{line}"));
            needs_restart.iter().for_each(|line| say!("NOT YET: {line}"));
            warnings.iter().for_each(|line| tell!("warning: {line}"));
            Ok(ExitCode::SUCCESS)
        }
        Reply::Reload(Outcome::Refused { problems }) => {
            problems.iter().for_each(|line| tell!("{line}"));
            tell!("Nothing was changed.");
            Ok(ExitCode::from(BAD_CONFIGURATION))
        }
        Reply::Reload(Outcome::Failed { why }) | Reply::Error { why } => bail!("{why}"),
        _ => bail!("the node sent an unexpected answer; do the program and the running node have the same version?"),
    }
}
