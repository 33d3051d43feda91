//! `user report`: who can sign in and who cannot, as the running node sees it.

pub mod account;
mod csv;
mod sheet;
mod table;

use std::io::{self, BufWriter};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use self::sheet::Sheet;
use super::{nobody_answers, plain, socket};
use crate::app::control::ReportOptions;
use crate::app::control::{self, Reply, Request};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Format {
    /// A table for the terminal.
    #[default]
    Table,
    /// CSV (RFC 4180). No cell is a formula to a spreadsheet.
    Csv,
    /// A JSON list of objects.
    Json,
}

/// What the last line says.
#[derive(Default)]
struct End {
    total: usize,
    can_sign_in: usize,
    failed: Vec<String>,
}

/// Exit code 1 where a directory is not in it.
pub fn report(file: &Path, format: Format, options: ReportOptions) -> Result<ExitCode> {
    let socket = socket(file)?;
    let mut sheet = Sheet::new(format, BufWriter::new(io::stdout().lock()));
    let (mut end, mut refused) = (None, None);
    let asked = control::ask_for_lines(&socket, &Request::UserReport(options), |reply| match reply {
        Reply::Users { users } => sheet.take(users),
        Reply::Reported { total, can_sign_in, failed } => {
            end = Some(End { total, can_sign_in, failed });
            Ok(())
        }
        Reply::Error { why } => {
            refused = Some(why);
            Ok(())
        }
        _ => Err(io::Error::other(
            "the node sent an unexpected answer; do the program and the running node have the same version?",
        )),
    });
    // Whoever reads us may have seen enough.
    if asked.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) && sheet.written() > 0 {
        return Ok(ExitCode::SUCCESS);
    }
    asked.with_context(|| nobody_answers(&socket))?;
    if let Some(why) = refused {
        bail!("{}", plain(&why));
    }
    let Some(end) = end else { bail!("the report broke off: the node was stopped") };
    match sheet.end(&end) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        written => written?,
    };
    for why in &end.failed {
        tell!("doorward: some people are missing: {}", plain(why));
    }
    Ok(if end.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
