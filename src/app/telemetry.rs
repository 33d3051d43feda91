//! The log: to standard error, as text or as JSON lines. `DOORWARD_LOG` chooses what is said (`info`, `debug`,
//! `doorward::gateway=debug`). Requests that went well are in the access log alone.

use std::fmt::{Debug, Write};
use std::io::IsTerminal;
use std::net::{IpAddr, SocketAddr};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::log_limit::LogLimit;
use crate::base::{Clock, Time};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Text,
    Json,
}

/// Once, at the start of the program.
pub fn start(format: Format, default: &str, clock: &Clock) {
    let chosen = std::env::var("DOORWARD_LOG").unwrap_or_default();
    let chosen = if chosen.is_empty() { default } else { &chosen };
    let filter = EnvFilter::try_new(with_quiet(chosen)).unwrap_or_else(|_| EnvFilter::new(with_quiet(default)));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let limited = Limited { clock: clock.clone(), limit: &LIMIT };
    let started = match format {
        Format::Text => log.with_ansi(std::io::stderr().is_terminal()).with_target(false).finish().with(limited).try_init(),
        Format::Json => log.json().flatten_event(true).finish().with(limited).try_init(),
    };
    // A second start in one process (tests) keeps the first log.
    drop(started);
}

/// Says once a minute and at the stop what was left out.
pub async fn say_what_was_left_out(clock: Clock, stop: CancellationToken) {
    loop {
        let stops = tokio::select! {
            () = stop.cancelled() => true,
            () = clock.sleep(LOOK) => false,
        };
        // At the end also what the current minute has left out.
        say_left_out(&LIMIT, if stops { Time::from_millis(u64::MAX) } else { clock.now() });
        if stops {
            return;
        }
    }
}

fn say_left_out(limit: &Shared, now: Time) {
    // The lock is free again before anything is said.
    let left_out = limit.lock().unwrap_or_else(PoisonError::into_inner).take_left_out(now);
    for left_out in left_out {
        tracing::warn!(target: LEFT_OUT, count = left_out.count, "{} more lines like this were omitted: {}", left_out.count, left_out.said);
    }
}

/// Keeps what strangers can cause from filling the log; see [`LogLimit`]. What is only said on request (`debug`) is not limited.
struct Limited {
    clock: Clock,
    limit: &'static Shared,
}

type Shared = Mutex<LogLimit<Identifier>>;

impl<S: Subscriber> Layer<S> for Limited {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO || metadata.target() == LEFT_OUT {
            return true;
        }
        let mut said = Said::default();
        event.record(&mut said);
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        limit.admits(metadata.callsite(), said.client, self.clock.now(), || said.message)
    }
}

/// What the limit wants to know of a line.
#[derive(Default)]
struct Said {
    message: String,
    client: Option<IpAddr>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // A string takes everything.
            let _ = write!(self.message, "{value:?}");
        } else if field.name() == CLIENT {
            let written = format!("{value:?}");
            let address = written.parse().or_else(|_| written.parse().map(|socket: SocketAddr| socket.ip()));
            self.client = address.ok();
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// The one limit of the process, which has one log.
static LIMIT: LazyLock<Shared> = LazyLock::new(Shared::default);
const LOOK: Duration = Duration::from_secs(5);
/// The field of a line that names the client who caused it, with or without port.
const CLIENT: &str = "client.address";
const LEFT_OUT: &str = "doorward::left_out";

/// The HTTP/2 library warns of single frames, of which strangers can send as many as they like. Who wants to see that says `h2=warn`.
fn with_quiet(chosen: &str) -> String {
    format!("h2=error,{chosen}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// What is written while a subscriber with a limit of its own listens.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stranger_fills_no_log_and_what_is_left_out_is_counted() {
        let (written, clock) = (Written::default(), Clock::by_hand());
        let limit: &'static Shared = Box::leak(Box::default());
        let writer = written.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_env_filter("info").with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(log.with(Limited { clock: clock.clone(), limit }), || {
            for number in 0..1400 {
                tracing::warn!(client.address = %"192.0.2.1:1234", number, "no answer");
                tracing::debug!("not asked for");
            }
            tracing::warn!(client.address = %"192.0.2.2", "another place in the code");
            say_left_out(limit, clock.now());
            clock.advance(Duration::from_secs(60));
            say_left_out(limit, clock.now());
            say_left_out(limit, clock.now());
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches("no answer client.address").count(), 10, "{text}");
        assert_eq!(text.matches("another place").count(), 1, "{text}");
        assert_eq!(text.matches("1390 more lines like this were omitted: no answer").count(), 1, "{text}");
    }

    #[test]
    fn the_http2_library_is_quiet_unless_it_is_named() {
        for (chosen, level) in [("info", "error"), ("debug", "error"), ("info,h2=warn", "warn")] {
            let filter = EnvFilter::try_new(with_quiet(chosen)).unwrap().to_string();
            assert!(filter.split(',').any(|directive| directive == format!("h2={level}")), "{chosen}: {filter}");
            assert_eq!(filter.matches("h2=").count(), 1, "{filter}");
        }
    }
}
