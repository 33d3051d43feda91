//! The log: to standard error, as text or as JSON lines. `DOORWARD_LOG` chooses what is said (`info`, `debug`,
//! `doorward::gateway=debug`). Requests that went well are in the access log alone.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Text,
    Json,
}

/// Once, at the start of the program.
pub fn start(format: Format, default: &str) {
    let filter = EnvFilter::try_from_env("DOORWARD_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        Format::Text => log.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
        Format::Json => log.json().flatten_event(true).try_init(),
    };
    // A second start in one process (tests) keeps the first log.
    drop(started);
}
