//! The commands. What acts on a running node goes through its control socket.

mod check;
mod hash_password;
mod serve;
mod trace;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::app::telemetry::Format;

/// A TLS reverse proxy that asks for a second step before it lets anybody through.
#[derive(Parser, Debug)]
#[command(name = "doorward", version, disable_help_subcommand = true)]
pub struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Serve what a configuration describes. SIGTERM stops it, SIGHUP reads the certificates again.
    Serve {
        #[command(flatten)]
        file: ConfigFile,
        /// How the log is written to standard error; the variable DOORWARD_LOG says what (info, debug).
        #[arg(long, value_enum, default_value_t)]
        log: LogFormat,
    },
    /// Show the main job with nothing else installed: user alice, password wonderland, codes on this terminal.
    Demo {
        /// Where to listen, on loopback.
        #[arg(long, default_value = "127.0.0.1:8443")]
        listen: SocketAddr,
        /// The folder for its keys, users, records and outbox.jsonl.
        #[arg(long, default_value = "doorward-demo")]
        state: PathBuf,
    },
    /// Say what is wrong with a configuration, all of it at once. Exit code 64 if anything is.
    Check {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Show every event of one sign-in or failed request, by the id that its page showed.
    Trace {
        #[command(flatten)]
        file: ConfigFile,
        /// Like 4k7q-0x2m-9dtz.
        id: String,
    },
    /// Read a password from standard input and print what stands for it in a users file.
    HashPassword,
}

#[derive(Args, Debug)]
struct ConfigFile {
    /// The configuration.
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
        What::Check { file } => check::run(&file.path),
        What::Trace { file, id } => trace::run(&file.path, &id),
        What::HashPassword => hash_password::run(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("doorward: {error:#}");
        ExitCode::FAILURE
    })
}
