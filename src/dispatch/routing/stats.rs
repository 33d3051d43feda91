//! What became of messages through each transmitter since the start of this node, for `status` and the metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::TransmitterHandle;
use crate::audit::reason::TryOutcome;
use crate::base::{Channel, Country, Time};
use crate::dispatch::{Dispatcher, Figures, Purpose};

/// One transmitter's.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct TransmitterStats {
    /// How attempts ended, by the journal's word for it: `sent`, `failed`, `too-slow`, ...
    pub outcomes: BTreeMap<String, u64>,
    /// Of all attempts together.
    pub seconds: f64,
    /// What was reported later: `delivered`, `undelivered`.
    pub reports: BTreeMap<String, u64>,
    /// What was taken over, by the country of the number (`DK`), or `-` where there is none.
    #[serde(default)]
    pub routes: BTreeMap<String, Traffic>,
    /// How many attempts failed since the last that did not, and when the first of them did. Those that were only too busy, or whose
    /// address was refused, are no sign of anything.
    pub failed_in_a_row: u64,
    pub failing_since: Option<Time>,
    /// Its own words when something last did not go well; without secrets.
    pub last_trouble: Option<String>,
}

/// To one country.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// Of text messages every part, as they are charged.
    pub messages: u64,
    /// In millionths, of those whose price is known.
    pub cost: u64,
}

/// By the transmitter's name: as many as were ever configured while the node ran.
#[derive(Default)]
pub(in crate::dispatch) struct Stats(Mutex<BTreeMap<String, TransmitterStats>>);

impl Stats {
    /// `trouble`: the transmitter's words, where it did not go well.
    pub fn note(&self, transmitter: &str, outcome: TryOutcome, took: Duration, trouble: Option<&str>, now: Time) {
        let mut stats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = stats.entry(transmitter.to_owned()).or_default();
        *tally.outcomes.entry(outcome.word().to_owned()).or_default() += 1;
        tally.seconds += took.as_secs_f64();
        if outcome == TryOutcome::Sent {
            (tally.failed_in_a_row, tally.failing_since) = (0, None);
        } else if outcome.is_trouble() {
            tally.failed_in_a_row += 1;
            tally.failing_since.get_or_insert(now);
        }
        if let Some(words) = trouble {
            tally.last_trouble = Some(words.to_owned());
        }
    }

    /// How many messages, and their price in millionths where it is known.
    pub fn charge(&self, transmitter: &str, country: Option<Country>, (messages, cost): (u64, Option<u64>)) {
        let mut stats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let routes = &mut stats.entry(transmitter.to_owned()).or_default().routes;
        let traffic = routes.entry(country.map_or("-", Country::code).to_owned()).or_default();
        traffic.messages = traffic.messages.saturating_add(messages);
        traffic.cost = traffic.cost.saturating_add(cost.unwrap_or_default());
    }

    /// What became of a message that was taken.
    pub fn record_report(&self, transmitter: &str, report: &str, trouble: Option<&str>) {
        let mut stats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = stats.entry(transmitter.to_owned()).or_default();
        *tally.reports.entry(report.to_owned()).or_default() += 1;
        // Words that could not be kept clean are not there.
        if let Some(words) = trouble.filter(|words| !words.is_empty()) {
            tally.last_trouble = Some(words.to_owned());
        }
    }

    fn of(&self, transmitter: &str) -> TransmitterStats {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(transmitter).cloned().unwrap_or_default()
    }
}

/// So many failures in a row are no accident.
const FAILING: u64 = 3;

/// A transmitter as an operator sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TransmitterView {
    pub name: String,
    pub group: Option<String>,
    pub channels: Vec<Channel>,
    /// Hand-overs under way or waiting for a place.
    pub busy: usize,
    /// How long one more message would wait before it leaves; nothing: it cannot send for now.
    pub backlog: Option<Duration>,
    pub figures: Figures,
    pub tally: TransmitterStats,
}

impl TransmitterView {
    /// Whether somebody should see to it, whatever it says of itself.
    pub fn is_failing(&self) -> bool {
        self.tally.failed_in_a_row >= FAILING
    }

    pub fn is_in_service(&self) -> bool {
        self.backlog.is_some() && self.figures.out_of_service.is_none()
    }
}

impl Dispatcher {
    /// How every transmitter does, in the order of the configuration.
    pub fn transmitters(&self) -> Vec<TransmitterView> {
        let ways = self.inner.ways();
        let view = |(handle, group): (&TransmitterHandle, Option<&str>)| TransmitterView {
            name: handle.transmitter.name().to_owned(),
            group: group.map(str::to_owned),
            channels: Channel::ALL.into_iter().filter(|channel| handle.transmitter.serves(*channel)).collect(),
            busy: handle.busy(),
            backlog: handle.backlog(Purpose::Passcode),
            figures: handle.transmitter.figures(),
            tally: self.inner.stats.of(handle.transmitter.name()),
        };
        ways.routing.all().map(view).collect()
    }

    /// How many messages this node has under way.
    pub fn under_way(&self) -> usize {
        self.inner.running().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_by_how_they_ended() {
        let stats = Stats::default();
        let at = Time::from_millis;
        stats.note("a", TryOutcome::Sent, Duration::from_millis(1500), None, at(1));
        stats.note("a", TryOutcome::Failed, Duration::from_millis(500), Some("no credit"), at(2));
        stats.note("a", TryOutcome::TooSlow, Duration::ZERO, None, at(3));
        let failing = stats.of("a");
        assert_eq!((failing.failed_in_a_row, failing.failing_since), (2, Some(at(2))));
        stats.note("a", TryOutcome::Sent, Duration::ZERO, None, at(4));
        let tally = stats.of("a");
        assert_eq!((tally.failed_in_a_row, tally.failing_since), (0, None));
        assert_eq!(tally.outcomes, [("failed".to_owned(), 1), ("sent".to_owned(), 2), ("too-slow".to_owned(), 1)].into());
        assert_eq!((tally.seconds, tally.last_trouble.as_deref()), (2.0, Some("no credit")));
        assert_eq!(stats.of("b"), TransmitterStats::default());
    }

    #[test]
    fn what_was_taken_is_counted_by_country_with_its_price() {
        let stats = Stats::default();
        let denmark = Country::named("DK");
        for (country, charged) in [(denmark, (1, Some(34_900))), (denmark, (2, Some(69_800))), (None, (1, None))] {
            stats.charge("a", country, charged);
        }
        let expected =
            [("-".to_owned(), Traffic { messages: 1, cost: 0 }), ("DK".to_owned(), Traffic { messages: 3, cost: 104_700 })];
        assert_eq!(stats.of("a").routes, expected.into());
    }
}
