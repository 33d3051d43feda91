//! The commands. What acts on a running node goes through its control socket.

#[macro_use]
mod output;

mod check;
mod csv;
mod hash_password;
mod journal;
mod plain;
mod reload;
mod send_test;
mod serve;
mod session;
mod status;
mod trace;
mod user;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};

use self::plain::plain;
use crate::app::control::ReportOptions;
use crate::app::control::{self, Reply, Request};
use crate::app::telemetry::Format;
use crate::auth::{AccountTask, SendTest, SessionSelector};
use crate::config;

/// A TLS reverse proxy that puts a two-step sign-in before web applications.
#[derive(Parser, Debug)]
#[command(name = "doorward", version)]
pub struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Start the proxy. SIGTERM stops it, SIGHUP reloads its configuration.
    Serve {
        #[command(flatten)]
        file: ConfigFile,
        /// The format of the log on standard error. The variable DOORWARD_LOG sets the level (info, debug).
        #[arg(long, value_enum, default_value_t)]
        log: LogFormat,
    },
    /// Try Doorward with nothing else installed.
    ///
    /// Sign in as alice with the password wonderland; codes appear on this terminal.
    Demo {
        /// The loopback address to listen on.
        #[arg(long, default_value = "127.0.0.1:8443")]
        listen: SocketAddr,
        /// The folder for its keys, users, records and outbox.jsonl.
        #[arg(long, default_value = "doorward-demo")]
        state: PathBuf,
    },
    /// Check a configuration and list every mistake.
    ///
    /// The exit code is 64 if there is a mistake.
    Check {
        #[command(flatten)]
        file: ConfigFile,
        /// Also ask the servers around Doorward: applications, public names, directories (servers, users, rights of the service user),
        /// modems, relays and gateways. This changes and sends nothing.
        #[arg(long)]
        live: bool,
        /// Print the JSON schema instead, with which editors complete and check a configuration. Save it beside the configuration as
        /// doorward.schema.json, and begin the configuration with the line `#:schema ./doorward.schema.json`.
        #[arg(long, conflicts_with_all = ["live", "path"])]
        schema: bool,
    },
    /// Show every event of one sign-in or failed request. Error pages show its trace id.
    Trace {
        #[command(flatten)]
        file: ConfigFile,
        /// The trace id, like 4k7q-0x2m-9dtz.
        id: String,
    },
    /// Show the journal: who signed in, who was refused and why.
    ///
    /// Without --since it shows the last 24 hours.
    Journal(journal::Journal),
    /// Make the running node read its configuration again.
    ///
    /// If there is a mistake in it, nothing changes and the exit code is 64.
    Reload {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Show the state of the running node.
    ///
    /// The state is: whether people can sign in, directories, disk, servers, certificates, transmitters. The exit code is 1 if one of them
    /// is out of service or the node does not answer, and 3 if a certificate has expired or expires within 30 days and nothing worse is
    /// wrong.
    Status {
        #[command(flatten)]
        file: ConfigFile,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Send a test message to one user, the way passcodes go, and show every step.
    ///
    /// The exit code is 1 if it did not reach the user.
    SendTest {
        #[command(flatten)]
        file: ConfigFile,
        /// The name, as the user types it at the login page.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// The dispatch policy. Required if there are several.
        #[arg(long, value_name = "NAME")]
        policy: Option<String>,
        /// The number of the first rule to try, counted from 1.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
        rule: Option<u16>,
        /// Instead of a test, tell the user that they can now sign in to this application.
        #[arg(long, value_name = "APPLICATION")]
        welcome: Option<String>,
    },
    /// Show who is signed in, or end sessions.
    Session {
        #[command(subcommand)]
        what: SessionWhat,
    },
    /// Show who can sign in and what is paused, lift pauses, remove a user's data.
    User {
        #[command(subcommand)]
        what: UserWhat,
    },
    /// Print the hash of a password for a users file.
    ///
    /// The command asks for the password at a terminal, or reads it from standard input.
    HashPassword,
}

#[derive(Subcommand, Debug)]
enum SessionWhat {
    /// List the live sessions, oldest first.
    List {
        #[command(flatten)]
        file: ConfigFile,
        /// Only sessions of this account name (in any case) or user id (directory:id).
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// End sessions, with their downloads and WebSockets.
    End {
        #[command(flatten)]
        file: ConfigFile,
        #[command(flatten)]
        which: Which,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand, Debug)]
enum UserWhat {
    /// List all users of the directories: who can sign in, who cannot, and why.
    ///
    /// The exit code is 1 if a directory could not be read.
    Report {
        #[command(flatten)]
        file: ConfigFile,
        /// The format.
        #[arg(long, value_enum, default_value_t)]
        format: user::Format,
        /// Only users of this directory.
        #[arg(long, value_name = "NAME")]
        directory: Option<String>,
        /// Only users with a problem.
        #[arg(long)]
        problems: bool,
    },
    /// Show the state of an account: what its directory says, what is paused and until when, how many sessions it has.
    Show {
        #[command(flatten)]
        who: OneUser,
    },
    /// Lift the pauses that wrong passwords, wrong codes or too many messages have led to. What the directory counts or locks stays,
    /// except with --directory.
    Unlock {
        #[command(flatten)]
        who: OneUser,
        /// Lift the directory's own lock too, with the right of the service user. Exit code 1 if it cannot be lifted.
        #[arg(long)]
        directory: bool,
    },
    /// End the sessions of a user and remove their data.
    ///
    /// The data is: numbers seen, counts, codes, sign-ins under way, the account name. Events stay in the journal under the user id until
    /// `[audit] keep` removes them.
    Forget {
        #[command(flatten)]
        who: OneUser,
    },
}

#[derive(Args, Debug)]
struct OneUser {
    #[command(flatten)]
    file: ConfigFile,
    /// An account name, as the user types it at the login page, or a user id (directory:id).
    name: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl OneUser {
    fn run(self, task: impl FnOnce(String) -> AccountTask) -> Result<ExitCode> {
        user::account::run(&self.file.path, task(self.name), Output::new(self.json))
    }
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Which {
    /// All sessions of this account name (in any case) or user id (directory:id).
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// One session, by the id that `session list` and the journal show.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// All sessions.
    #[arg(long)]
    all: bool,
}

impl From<Which> for SessionSelector {
    fn from(which: Which) -> Self {
        match (which.user, which.id) {
            (Some(user), _) => Self::User(user),
            (None, Some(id)) => Self::Id(id),
            (None, None) => Self::All,
        }
    }
}

/// For a person or for a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Output {
    Text,
    Json,
}

impl Output {
    fn new(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

#[derive(Args, Debug)]
struct ConfigFile {
    /// The configuration file.
    #[arg(long = "config", value_name = "FILE", default_value = "/etc/doorward/doorward.toml")]
    path: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LogFormat {
    #[default]
    Text,
    Json,
}

impl From<LogFormat> for Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

/// A wrong configuration (EX_USAGE of sysexits).
const BAD_CONFIGURATION: u8 = 64;

/// Runs one command and says how it went.
pub fn run() -> ExitCode {
    let done = match Command::parse().what {
        What::Serve { file, log } => serve::serve(&file.path, log.into()),
        What::Demo { listen, state } => serve::demo(listen, &state),
        What::Check { schema: true, .. } => check::schema(),
        What::Check { file, live, .. } => check::run(&file.path, live),
        What::Trace { file, id } => trace::run(&file.path, &id),
        What::Journal(journal) => journal::run(journal),
        What::Reload { file } => reload::run(&file.path),
        What::Status { file, json } => status::run(&file.path, Output::new(json)),
        What::SendTest { file, user, policy, rule, welcome } => {
            send_test::run(&file.path, SendTest { user, policy, rule: rule.map(usize::from), welcome })
        }
        What::Session { what: SessionWhat::List { file, user, json } } => {
            session::list(&file.path, user.map_or(SessionSelector::All, SessionSelector::User), Output::new(json))
        }
        What::Session { what: SessionWhat::End { file, which, json } } => {
            session::end(&file.path, which.into(), Output::new(json))
        }
        What::User { what: UserWhat::Report { file, format, directory, problems } } => {
            user::report(&file.path, format, ReportOptions { directory, problems })
        }
        What::User { what: UserWhat::Show { who } } => who.run(AccountTask::Show),
        What::User { what: UserWhat::Unlock { who, directory: false } } => who.run(AccountTask::Unlock),
        What::User { what: UserWhat::Unlock { who, directory: true } } => who.run(AccountTask::UnlockInDirectory),
        What::User { what: UserWhat::Forget { who } } => who.run(AccountTask::Forget),
        What::HashPassword => hash_password::run(),
    };
    done.unwrap_or_else(|error| {
        tell!("doorward: {error:#}");
        ExitCode::FAILURE
    })
}

/// Asks the node that runs with this configuration.
fn ask(file: &Path, request: &Request) -> Result<Reply> {
    let socket = socket(file)?;
    control::ask(&socket, request).with_context(|| nobody_answers(&socket))
}

/// Where the node that runs with this configuration can be asked.
fn socket(file: &Path) -> Result<PathBuf> {
    Ok(state_dir(file)?.join("control.sock"))
}

/// Where the node of this configuration keeps its state.
fn state_dir(file: &Path) -> Result<PathBuf> {
    config::state_dir(file).map_err(|problems| anyhow::anyhow!("{problems}"))
}

fn nobody_answers(socket: &Path) -> String {
    format!("no running node answers on {} (is it running? are you its user?)", socket.display())
}
