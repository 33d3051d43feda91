//! What the network's reports are called by: the number that the modem gave the message, which comes round every 256 messages, and the
//! recipient. Which message that is stands on record; here it is only remembered how long reports take.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::Time;
use crate::dispatch::sms::recipient::{Recipient, tail};
use crate::dispatch::sms::report::StatusReport;

#[derive(Default)]
pub(super) struct Awaited {
    parts: VecDeque<Part>,
}

struct Part {
    number: u8,
    reference: String,
    since: Time,
}

/// More than come round before the numbers do, twice.
const MOST: usize = 512;
/// Networks report minutes late; after that a code is of no interest.
const OLDEST: Duration = Duration::from_secs(30 * 60);

impl Awaited {
    /// What reports about these parts will be called, in their order.
    pub fn add(&mut self, to: &Recipient, numbers: &[u8], now: Time) -> Vec<String> {
        self.parts.retain(|part| now.since(part.since) <= OLDEST);
        let references = references(numbers, to);
        for (number, reference) in numbers.iter().zip(&references) {
            if self.parts.len() >= MOST {
                self.parts.pop_front();
            }
            self.parts.push_back(Part { number: *number, reference: reference.clone(), since: now });
        }
        references
    }

    /// What a report is about, and how long it took where that is known. A report without a recipient, as some modems give it in text
    /// mode, is about the newest message with its number that this node sent; what came before this node is not guessed at.
    pub fn name(&mut self, report: &StatusReport, now: Time) -> Option<(String, Option<Duration>)> {
        let named = (!report.recipient.is_empty()).then(|| reference(report.reference, &tail(&report.recipient)));
        let meant = |part: &Part| {
            now.since(part.since) <= OLDEST
                && part.number == report.reference
                && named.as_ref().is_none_or(|named| part.reference == *named)
        };
        let place = self.parts.iter().rposition(meant);
        let part = place.and_then(|place| self.parts.get(place));
        let found = (part.map(|part| part.reference.clone()), part.map(|part| now.since(part.since)));
        Some((named.or(found.0)?, found.1))
    }
}

/// What reports about these parts are called, without remembering anything.
pub(super) fn references(numbers: &[u8], to: &Recipient) -> Vec<String> {
    let tail = to.tail();
    numbers.iter().map(|number| reference(*number, &tail)).collect()
}

fn reference(number: u8, tail: &str) -> String {
    format!("{number}.{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::sms::report::Outcome;

    const NOW: Time = Time::from_millis(1_700_000_000_000);

    fn report(reference: u8, recipient: &str) -> StatusReport {
        StatusReport { reference, recipient: recipient.to_owned(), outcome: Outcome::Delivered, status: 0 }
    }

    fn to(number: &str) -> Recipient {
        Recipient::parse(number).unwrap()
    }

    #[test]
    fn a_report_is_about_number_and_recipient_whoever_sent_it() {
        let mut awaited = Awaited::default();
        let given = awaited.add(&to("+4512345678"), &[255, 0], NOW);
        assert_eq!(given.len(), 2);
        let later = NOW.plus(Duration::from_secs(7));
        for recipient in ["+4512345678", "12345678", "004512345678"] {
            let named = awaited.name(&report(0, recipient), later);
            assert_eq!(named, Some((given[1].clone(), Some(Duration::from_secs(7)))), "{recipient}");
        }
        // Sent by a node that is gone: the same name, but nobody knows how long ago.
        let mut next = Awaited::default();
        assert_eq!(next.name(&report(255, "12345678"), later), Some((given[0].clone(), None)));
        for other in [report(1, "12345678"), report(0, "12345679"), report(0, "5678")] {
            assert!(awaited.name(&other, later).is_none_or(|(name, took)| took.is_none() && !given.contains(&name)), "{other:?}");
        }
    }

    #[test]
    fn a_report_without_recipient_is_about_the_newest_with_its_number() {
        let mut awaited = Awaited::default();
        awaited.add(&to("+4512345678"), &[7], NOW);
        let newest = awaited.add(&to("+4587654321"), &[7], NOW);
        assert_eq!(awaited.name(&report(7, ""), NOW).map(|(name, _)| name), newest.first().cloned());
        assert_eq!(awaited.name(&report(8, ""), NOW), None);
        assert_eq!(awaited.name(&report(7, ""), NOW.plus(2 * OLDEST)), None);
        assert_eq!(Awaited::default().name(&report(7, ""), NOW), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut awaited = Awaited::default();
        for number in 0..10_000_u32 {
            awaited.add(&to("+4512345678"), &[number.to_le_bytes()[0]], NOW);
        }
        assert_eq!(awaited.parts.len(), MOST);
    }
}
