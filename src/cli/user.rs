//! `user report`: who can sign in and who cannot, as the running node sees it, row by row as they come.

mod csv;
mod table;

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::{nobody_answers, plain, socket};
use crate::app::control::{self, Reply, Request};
use crate::app::report::Wish;
use crate::auth::Row;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Format {
    /// For a person at a terminal.
    #[default]
    Table,
    /// RFC 4180; nothing in it is a formula to a spreadsheet.
    Csv,
    /// A list of objects.
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
pub fn report(file: &Path, format: Format, wish: Wish) -> Result<ExitCode> {
    let socket = socket(file)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut rows, mut end, mut refused) = (0, None, None);
    let mut begun = false;
    let mut begin = |out: &mut _| if std::mem::replace(&mut begun, true) { Ok(()) } else { head(format, out) };
    let asked = control::ask_for_lines(&socket, &Request::UserReport(wish), |reply| match reply {
        Reply::Users { users } => {
            begin(&mut out)?;
            users.iter().try_for_each(|user| {
                rows += 1;
                row(format, rows, user, &mut out)
            })
        }
        Reply::Reported { total, can_sign_in, failed } => {
            begin(&mut out)?;
            end = Some(End { total, can_sign_in, failed });
            Ok(())
        }
        Reply::Error { why } => {
            refused = Some(why);
            Ok(())
        }
        _ => Err(io::Error::other("the node gave an answer to another question")),
    });
    // Whoever reads us may have seen enough.
    if asked.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) && rows > 0 {
        return Ok(ExitCode::SUCCESS);
    }
    asked.with_context(|| nobody_answers(&socket))?;
    if let Some(why) = refused {
        bail!("{}", plain(&why));
    }
    let Some(end) = end else { bail!("the report broke off: the node was stopped") };
    tail(format, rows, &end, &mut out)?;
    out.flush()?;
    for why in &end.failed {
        eprintln!("doorward: not everybody is in it: {}", plain(why));
    }
    Ok(if end.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn head(format: Format, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Table => writeln!(out, "{}", table::HEAD),
        Format::Csv => write!(out, "{}", csv::HEAD),
        Format::Json => write!(out, "["),
    }
}

/// `number`: from 1.
fn row(format: Format, number: usize, user: &Row, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Table => writeln!(out, "{}", table::line(user)),
        Format::Csv => write!(out, "{}", csv::line(user)),
        Format::Json => {
            write!(out, "{}", if number == 1 { "\n" } else { ",\n" })?;
            serde_json::to_writer(&mut *out, user).map_err(Into::into)
        }
    }
}

fn tail(format: Format, rows: usize, end: &End, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Table => {
            let not_shown = if rows < end.total { format!(", {} of them shown", rows) } else { String::new() };
            writeln!(
                out,
                "{} in all{not_shown}; {} can sign in, {} cannot",
                end.total,
                end.can_sign_in,
                end.total - end.can_sign_in.min(end.total)
            )
        }
        Format::Csv => Ok(()),
        Format::Json => writeln!(out, "\n]"),
    }
}
