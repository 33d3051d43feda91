//! What a node of this process says in its log. The tests run side by side in one process with one subscriber, so each line must be
//! traced to its node: a thread inherits the timer slack of the thread that made it (prctl(2), `PR_SET_TIMERSLACK`), so a number that
//! is written there while a node starts marks all threads of this node, those that it starts later as well, and no other.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};

use rustix::thread::{current_timer_slack, set_current_timer_slack};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// One node's log.
pub struct Logs {
    mark: Mark,
}

/// Of the threads of a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark(u64);

impl Logs {
    pub fn new() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let subscriber = tracing_subscriber::registry().with(Collector);
            tracing::subscriber::set_global_default(subscriber).expect("no other subscriber in the tests");
        });
        let mark = Mark(NEXT.fetch_add(1, Ordering::Relaxed));
        LINES.lock().unwrap().get_or_insert_default().insert(mark, Vec::new());
        Self { mark }
    }

    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// All errors so far.
    pub fn errors(&self) -> Vec<String> {
        self.texts(|line| line.level == Level::ERROR)
    }

    /// How often this directory was asked who may still sign in, with or without an answer.
    pub fn looks(&self, directory: &str) -> usize {
        let named = format!("directory.name={directory:?}");
        self.texts(|line| line.target == RECHECK && line.text.contains(&named)).len()
    }

    fn texts(&self, is_wanted: impl Fn(&Line) -> bool) -> Vec<String> {
        let lines = LINES.lock().unwrap();
        let own = lines.as_ref().and_then(|lines| lines.get(&self.mark)).into_iter().flatten();
        own.filter(|line| is_wanted(line)).map(|line| line.text.clone()).collect()
    }
}

impl Mark {
    /// Runs this, with the current thread and all threads that it makes counted as the node's.
    pub fn set<T>(self, start: impl FnOnce() -> T) -> T {
        struct Unmarked;
        impl Drop for Unmarked {
            fn drop(&mut self) {
                let _ = set_current_timer_slack(None);
            }
        }
        set_current_timer_slack(NonZeroU64::new(self.0)).unwrap();
        let _unmarked = Unmarked;
        start()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        if let Some(lines) = LINES.lock().unwrap().as_mut() {
            lines.remove(&self.mark);
        }
    }
}

struct Line {
    level: Level,
    target: &'static str,
    text: String,
}

/// Of every node whose log is looked at, under its mark.
static LINES: Mutex<Option<HashMap<Mark, Vec<Line>>>> = Mutex::new(None);
/// In nanoseconds, a little above what the kernel gives every thread (50 µs).
static NEXT: AtomicU64 = AtomicU64::new(50_001);

/// Says at each look what it has found.
const RECHECK: &str = "doorward::auth::session::recheck";

struct Collector;

impl Collector {
    fn is_wanted(metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR || metadata.target() == RECHECK
    }
}

impl<S: Subscriber> Layer<S> for Collector {
    /// Once for each place in the code, so that what nobody wants costs nothing.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::is_wanted(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        Self::is_wanted(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Ok(mark) = current_timer_slack() else { return };
        let mut lines = LINES.lock().unwrap();
        let Some(own) = lines.as_mut().and_then(|lines| lines.get_mut(&Mark(mark))) else { return };
        let mut said = Said(String::new());
        event.record(&mut said);
        let metadata = event.metadata();
        own.push(Line { level: *metadata.level(), target: metadata.target(), text: said.0 });
    }
}

struct Said(String);

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = if field.name() == "message" { write!(self.0, "{value:?} ") } else { write!(self.0, "{field}={value:?} ") };
        written.unwrap();
    }
}
