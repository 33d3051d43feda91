//! What a modem's thread shows to others: how it does. And what others leave for it: another configuration, the word to end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ledger::Ledger;
use crate::base::Time;
use crate::config::modem::Modem;
use crate::dispatch::{Failure, FailureKind, Figures};

#[derive(Default)]
pub(super) struct Status {
    pub waiting: Arc<AtomicUsize>,
    pub ended: AtomicBool,
    renewed: Mutex<Option<Modem>>,
    standing: Mutex<Standing>,
    ledger: Mutex<Ledger>,
}

/// How a modem does.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub state: State,
    /// Why it is out of service, or what failed last.
    pub why: String,
    pub until: Option<Time>,
    pub oldest: Option<Time>,
    /// Average of late.
    pub send: Duration,
    pub report: Option<Duration>,
    pub sent: u64,
    pub failed: u64,
    pub retransmissions: u64,
    pub signal_dbm: Option<i32>,
    pub registration: &'static str,
    pub operator: String,
    pub model: String,
    pub sim: &'static str,
    pub last_error: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Starting,
    /// Somebody else's message, or one that was begun before the line broke, is still with it.
    Busy,
    Ready,
    Sending,
    /// Out for a while after failures.
    Quarantine,
    /// The line cannot be opened, or broke.
    Unreachable,
    /// No network.
    Searching,
    /// Somebody must see to it.
    Out,
    Ended,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Busy => "busy",
            Self::Ready => "ready",
            Self::Sending => "sending",
            Self::Quarantine => "quarantine",
            Self::Unreachable => "unreachable",
            Self::Searching => "searching",
            Self::Out => "out",
            Self::Ended => "ended",
        }
    }

    fn serves(self) -> bool {
        matches!(self, Self::Starting | Self::Ready | Self::Sending)
    }
}

/// Until the first message tells.
const USUAL_SEND: Duration = Duration::from_secs(6);

impl Default for Standing {
    fn default() -> Self {
        Self {
            state: State::Starting,
            why: String::new(),
            until: None,
            oldest: None,
            send: USUAL_SEND,
            report: None,
            sent: 0,
            failed: 0,
            retransmissions: 0,
            signal_dbm: None,
            registration: "unknown",
            operator: String::new(),
            model: String::new(),
            sim: "unknown",
            last_error: String::new(),
        }
    }
}

impl Status {
    /// A panic elsewhere leaves it whole: every change is one assignment.
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn change(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.standing());
    }

    /// What it was given last.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note_oldest(&self, oldest: Option<Time>) {
        self.standing().oldest = oldest;
    }

    pub fn renew(&self, modem: Modem) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(modem);
    }

    pub fn is_renewed(&self) -> bool {
        self.renewed.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub fn take_renewed(&self) -> Option<Modem> {
        self.renewed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub fn note_sent(&self, took: Duration) {
        self.change(|standing| {
            standing.sent += 1;
            standing.send = average(if standing.sent == 1 { took } else { standing.send }, took);
        });
    }

    pub fn note_report(&self, took: Duration) {
        self.change(|standing| standing.report = Some(average(standing.report.unwrap_or(took), took)));
    }

    /// Why it does not send at present, and whether it may soon.
    pub fn out_of_service(&self) -> Option<Failure> {
        let standing = self.standing();
        let soon = standing.state != State::Out;
        let kind = if soon { FailureKind::RetryHere } else { FailureKind::RetryElsewhere };
        let why = || format!("the modem is out of service: {}", standing.why);
        (!standing.state.serves()).then(|| Failure { kind, why: why() })
    }

    /// How long a message would wait.
    pub fn backlog(&self) -> Option<Duration> {
        let waiting = u32::try_from(self.waiting.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        let standing = self.standing();
        standing.state.serves().then(|| standing.send.saturating_mul(waiting))
    }

    /// What one message takes.
    pub fn pace(&self) -> Duration {
        self.standing().send
    }

    pub fn figures(&self, now: Time) -> Figures {
        let waiting = self.waiting.load(Ordering::Relaxed);
        let Standing { state, why, until, oldest, send, report, sent, failed, retransmissions, signal_dbm, .. } =
            self.standing().clone();
        let Standing { registration, operator, model, sim, last_error, .. } = self.standing().clone();
        let mut words = vec![("state".to_owned(), state.word().to_owned())];
        if let Some(until) = until.filter(|_| !state.serves()) {
            words.push(("again_in".to_owned(), format!("{} s", until.since(now).as_secs())));
        }
        for (name, word) in [
            ("registration", registration),
            ("operator", operator.as_str()),
            ("sim", sim),
            ("model", model.as_str()),
            ("last_error", last_error.as_str()),
        ] {
            if !word.is_empty() {
                words.push((name.to_owned(), word.to_owned()));
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of messages are far below 2^52")]
        let count = |number: u64| number as f64;
        let mut numbers = vec![
            ("queue".to_owned(), count(waiting as u64)),
            ("oldest_seconds".to_owned(), oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64())),
            ("send_seconds".to_owned(), send.as_secs_f64()),
            ("sent_total".to_owned(), count(sent)),
            ("failed_total".to_owned(), count(failed)),
            ("retransmissions_total".to_owned(), count(retransmissions)),
        ];
        numbers.extend(signal_dbm.map(|dbm| ("signal_dbm".to_owned(), f64::from(dbm))));
        numbers.extend(report.map(|report| ("report_seconds".to_owned(), report.as_secs_f64())));
        Figures { out_of_service: (!state.serves()).then_some(why), words, numbers }
    }
}

/// Of which the newest is a fifth.
fn average(old: Duration, new: Duration) -> Duration {
    (old * 4 + new) / 5
}
