//! `journal`: who signed in, who was refused and why, from a node that runs or one that does not.

mod format;
mod moment;

use std::io::{self, BufWriter, ErrorKind, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use ipnet::IpNet;

use self::format::Format;
pub use self::format::text;
use super::plain::plain;
use super::{ConfigFile, nobody_answers, state_dir};
use crate::app::control::{self, Reply, Request};
use crate::app::journal::StoppedJournal;
use crate::audit::EVENTS;
use crate::auth::JournalQuery;
use crate::base::Clock;
use crate::config;
use crate::store::{Anchor, Chain, Link, Misfit};

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Journal {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    look: Look,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Write all events as JSON, one object a line, each with its place in the chain of hashes.
    Export {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Check whether an event was changed, removed or moved.
    ///
    /// The exit code is 1 if so.
    Verify {
        #[command(flatten)]
        file: ConfigFile,
        /// An anchor that an earlier `verify` printed, kept elsewhere. Also checks that the journal still continues from there.
        #[arg(long, value_name = "NODE:NUMBER:HASH", value_parser = anchor)]
        anchor: Option<Anchor>,
    },
}

#[derive(Args, Debug)]
struct Look {
    #[command(flatten)]
    file: ConfigFile,
    /// Only events of this account name (in any case) or user id (directory:id).
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only sign-ins to this application.
    #[arg(long, value_name = "NAME")]
    application: Option<String>,
    /// Only events of this kind, like signed-in, password-refused, passcode-refused.
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(EVENTS), hide_possible_values = true)]
    event: Option<String>,
    /// Only events in which a user got further (yes), was refused (no), or nothing was decided (fact).
    #[arg(long, value_enum)]
    outcome: Option<Outcome>,
    /// Only clients with this address or in this network.
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    address: Option<IpNet>,
    /// Only events from this time on: 2h or 7d ago, 2026-11-30, 2026-11-30T12:00 (UTC).
    #[arg(long, value_name = "TIME", default_value = "24h", default_value_if("follow", "true", "0s"))]
    since: String,
    /// Only events up to this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Show new events as they are written, until ^C.
    #[arg(long, conflicts_with = "until")]
    follow: bool,
    /// Print one JSON object a line.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV (RFC 4180). No cell is a formula to a spreadsheet.
    #[arg(long)]
    csv: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Outcome {
    Yes,
    No,
    Fact,
}

pub fn run(journal: Journal) -> Result<ExitCode> {
    match journal.what {
        Some(What::Export { file }) => write(&file.path, &JournalQuery::default(), Format::Json).map(|_| ExitCode::SUCCESS),
        Some(What::Verify { file, anchor }) => verify(&file.path, anchor),
        None => look(&journal.look),
    }
}

fn look(look: &Look) -> Result<ExitCode> {
    let now = Clock::system().now();
    let read = |text: &str| moment::read(text, now).map_err(anyhow::Error::msg);
    let outcome = look.outcome.and_then(|outcome| Some(outcome.to_possible_value()?.get_name().to_owned()));
    let query = JournalQuery {
        user: look.user.clone(),
        application: look.application.clone(),
        event: look.event.clone(),
        outcome,
        address: look.address,
        from: Some(read(&look.since)?),
        until: look.until.as_deref().map(read).transpose()?,
        follow: look.follow,
    };
    let format = if look.json {
        Format::Json
    } else if look.csv {
        Format::Csv
    } else {
        Format::Text
    };
    let unknown = look.application.as_deref().and_then(|application| unknown_application(&look.file.path, application));
    if let Some(words) = unknown.as_deref().filter(|_| look.follow) {
        tell!("{words}");
    }
    let written = write(&look.file.path, &query, format)?;
    if let Some(words) = unknown.filter(|_| written == 0) {
        tell!("{words}");
    }
    if written == 0 && format == Format::Text {
        let since = query.from.unwrap_or_default();
        tell!("The journal has no such event since {since}; `--since 30d` looks further back.");
    }
    Ok(ExitCode::SUCCESS)
}

/// What to say of an application that the configuration does not have; it may be in the journal all the same.
fn unknown_application(file: &Path, application: &str) -> Option<String> {
    let config = config::load(file).ok()?;
    let known: Vec<&str> = config.applications.iter().map(|known| &*known.name).collect();
    (!known.contains(&application)).then(|| {
        let known = known.join(", ");
        format!("The configuration has no application {application:?}, only {known}; the journal may have it from before.")
    })
}

/// Where the events go, and how many went there.
struct Out<W: Write> {
    format: Format,
    into: W,
    written: usize,
}

impl<W: Write> Out<W> {
    fn take(&mut self, links: &[Link]) -> io::Result<()> {
        // Before they are written: of what a reader has hung up on nobody says that there was nothing.
        self.written += links.len();
        for link in links {
            self.into.write_all(self.format.line(link).as_bytes())?;
        }
        self.into.flush()
    }
}

/// Writes what matches; how many events. Readers who have seen enough may hang up.
fn write(file: &Path, query: &JournalQuery, format: Format) -> Result<usize> {
    let mut out = Out { format, into: BufWriter::new(io::stdout().lock()), written: 0 };
    let written = out.into.write_all(format.head().as_bytes()).map_err(Into::into).and_then(|()| read(file, query, &mut out));
    let has_hung_up =
        |error: &anyhow::Error| error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe);
    match written {
        Err(error) if !has_hung_up(&error) => Err(error),
        _ => Ok(out.written),
    }
}

fn read<W: Write>(file: &Path, query: &JournalQuery, out: &mut Out<W>) -> Result<()> {
    match place(file)? {
        Place::Stopped(_) if query.follow => bail!("the node does not run: there is nothing to follow"),
        Place::Stopped(journal) => {
            journal.read(query, |links| out.take(&links))?;
            out.into.flush()?;
            Ok(())
        }
        Place::Running(socket) => ask(&socket, query, out),
    }
}

fn ask<W: Write>(socket: &Path, query: &JournalQuery, out: &mut Out<W>) -> Result<()> {
    let (mut last, mut hung_up) = (None, None);
    let asked = control::ask_patiently(
        socket,
        &Request::Journal(query.clone()),
        |reply| {
            match reply {
                Reply::Journal { events } => out.take(&events).inspect_err(|error| hung_up = Some(error.kind()))?,
                reply => last = Some(reply),
            }
            Ok(())
        },
        control::is_stdout_read,
    );
    if let Some(kind) = hung_up {
        return Err(io::Error::from(kind).into());
    }
    asked.with_context(|| nobody_answers(socket))?;
    out.into.flush()?;
    match last {
        Some(Reply::Over) => Ok(()),
        Some(Reply::Error { why }) => bail!("{}", plain(&why)),
        // The reader of `--follow` has hung up.
        None if !control::is_stdout_read() => Ok(()),
        _ => bail!("the journal broke off: the node was stopped"),
    }
}

fn verify(file: &Path, anchor: Option<Anchor>) -> Result<ExitCode> {
    let chains = match place(file)? {
        Place::Stopped(journal) => journal.verify(anchor)?,
        Place::Running(socket) => {
            let mut last = None;
            let take = |reply| {
                last = Some(reply);
                Ok(())
            };
            control::ask_patiently(&socket, &Request::JournalVerify { anchor }, take, || true)
                .with_context(|| nobody_answers(&socket))?;
            match last {
                Some(Reply::Chains { chains }) => chains,
                Some(Reply::Error { why }) => bail!("{}", plain(&why)),
                _ => bail!("the check broke off: the node was stopped"),
            }
        }
    };
    if chains.is_empty() {
        say!(
            "The journal holds no event. Each start of a node writes one, so it was emptied or replaced, unless no node has run here."
        );
        return Ok(ExitCode::FAILURE);
    }
    let text: String = chains.iter().map(said).collect();
    drop(io::stdout().lock().write_all(text.as_bytes()));
    let is_whole = chains.iter().all(|chain| chain.misfit.is_none());
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was found of one chain, in words.
fn said(chain: &Chain) -> String {
    let Chain { node, cut, length, from, until, hash, misfit } = chain;
    let mut words = format!("node {node}: {length} events fit together");
    if let (Some(from), Some(until)) = (from, until) {
        words += &format!(", written from {from} to {until}");
    }
    if *cut > 0 {
        words += &format!("; {cut} older ones {}", if misfit.is_none() { "were removed by `keep`" } else { "are gone" });
    }
    words += &match misfit {
        None => {
            let other = if *cut > 0 { " else" } else { "" };
            format!("\n  nothing{other} was changed or removed\n  anchor {node}:{}:{hash}", chain.last())
        }
        Some(misfit) => format!("\n  BROKEN: {}", broken(*misfit)),
    };
    words.lines().map(|line| plain(line) + "\n").collect()
}

fn broken(misfit: Misfit) -> String {
    match misfit {
        Misfit::Missing(seq) => format!("event {seq} was removed, others behind it are there"),
        Misfit::Changed(seq) => format!("event {seq} was changed, put elsewhere, or written by something else"),
        Misfit::EndMissing(seq) => format!("event {seq}, the next one, and all behind it were removed"),
        Misfit::Added(seq) => format!("event {seq} does not belong here: the chain's record ends or begins elsewhere"),
        Misfit::NotTheAnchor(seq) => format!("event {seq} is not the one of the anchor: the journal was written anew"),
        Misfit::AnchorCut(seq) => format!("event {seq} of the anchor is gone with the old end: a younger anchor says more"),
        Misfit::NoAnchor(seq) => format!("event {seq} of the anchor is not there: the journal ends before it"),
        Misfit::NotCutByUs(seq) => {
            format!("the events up to {seq} were removed, and not by `keep`: no `journal-cut` event says so")
        }
    }
}

/// Where the journal can be read.
pub enum Place {
    Running(PathBuf),
    Stopped(Box<StoppedJournal>),
}

/// A node that runs is asked; where none does, its file is read.
pub fn place(file: &Path) -> Result<Place> {
    let state_dir = state_dir(file)?;
    let socket = state_dir.join("control.sock");
    match std::os::unix::net::UnixStream::connect(&socket) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            let journal = StoppedJournal::open(file, &state_dir)?;
            journal.map(|journal| Place::Stopped(Box::new(journal))).with_context(|| nobody_answers(&socket))
        }
        // What else may be wrong is said by the question itself.
        _ => Ok(Place::Running(socket)),
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from).ok();
    let network = address.or_else(|| text.parse::<IpNet>().ok()).map(|network| network.trunc());
    network.ok_or_else(|| "write an address (192.0.2.7) or a network (192.0.2.0/24)".to_owned())
}

fn anchor(text: &str) -> Result<Anchor, String> {
    let parts = || {
        let (rest, hash) = text.rsplit_once(':')?;
        let (node, seq) = rest.rsplit_once(':')?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let anchor = Anchor { node: node.to_owned(), seq: seq.parse().ok()?, hash: hash.to_lowercase() };
        is_hash.then_some(anchor)
    };
    parts().ok_or_else(|| "write it as `journal verify` printed it: NODE:NUMBER:HASH".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Entry;

    /// What is read no more.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn events_that_a_reader_has_hung_up_on_were_there() {
        let link = Link { node: "doorward".into(), seq: 1, format: 1, hash: String::new(), entry: Entry::default() };
        let mut out = Out { format: Format::Text, into: Closed, written: 0 };
        assert!(out.take(&[link]).is_err());
        assert_eq!(out.written, 1);
    }
}
