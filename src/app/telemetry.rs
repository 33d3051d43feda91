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
    let chosen = std::env::var("DOORWARD_LOG").unwrap_or_default();
    let chosen = if chosen.is_empty() { default } else { &chosen };
    let filter = EnvFilter::try_new(with_quiet(chosen)).unwrap_or_else(|_| EnvFilter::new(with_quiet(default)));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        Format::Text => log.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
        Format::Json => log.json().flatten_event(true).try_init(),
    };
    // A second start in one process (tests) keeps the first log.
    drop(started);
}

/// The HTTP/2 library warns of single frames, of which strangers can send as many as they like. Who wants to see that says `h2=warn`.
fn with_quiet(chosen: &str) -> String {
    format!("h2=error,{chosen}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_http2_library_is_quiet_unless_it_is_named() {
        for (chosen, level) in [("info", "error"), ("debug", "error"), ("info,h2=warn", "warn")] {
            let filter = EnvFilter::try_new(with_quiet(chosen)).unwrap().to_string();
            assert!(filter.split(',').any(|directive| directive == format!("h2={level}")), "{chosen}: {filter}");
            assert_eq!(filter.matches("h2=").count(), 1, "{filter}");
        }
    }
}
