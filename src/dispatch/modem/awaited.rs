//! Messages that the network has yet to report on. A report names a number of the modem's that comes round every 256 messages, and the
//! recipient; both must fit, and the message must be young enough.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::Delivery;
use super::recipient::Recipient;
use super::report::{Outcome, StatusReport};
use crate::base::Time;

#[derive(Default)]
pub(super) struct Awaited {
    messages: VecDeque<Entry>,
}

struct Entry {
    reference: String,
    to: Recipient,
    /// What the modem called each part; and whether it has arrived.
    parts: Vec<(u8, bool)>,
    since: Time,
}

/// More than come round before the numbers do, twice.
const MOST: usize = 512;
/// Networks report minutes late; after that a code is of no interest.
const OLDEST: Duration = Duration::from_secs(30 * 60);

impl Awaited {
    pub fn add(&mut self, reference: String, to: Recipient, parts: &[u8], now: Time) {
        self.messages.retain(|entry| now.since(entry.since) <= OLDEST);
        if self.messages.len() >= MOST {
            self.messages.pop_front();
        }
        self.messages.push_back(Entry { reference, to, parts: parts.iter().map(|part| (*part, false)).collect(), since: now });
    }

    /// What a report makes known, if anything: a message has arrived once all its parts have, and has failed with the first. And how
    /// long that took.
    pub fn settle(&mut self, report: &StatusReport, now: Time) -> Option<(String, Delivery, Duration)> {
        let meant = |entry: &Entry| {
            now.since(entry.since) <= OLDEST
                && (report.recipient.is_empty() || entry.to.is_meant_by(&report.recipient))
                && entry.parts.contains(&(report.reference, false))
        };
        // The newest: an older one with this number was never reported on.
        let place = self.messages.iter().rposition(meant)?;
        let entry = self.messages.get_mut(place)?;
        let delivery = match report.outcome {
            Outcome::Pending => return None,
            Outcome::Failed => Delivery::Failed(report.words()),
            Outcome::Delivered => {
                entry.parts.iter_mut().filter(|part| part.0 == report.reference).for_each(|part| part.1 = true);
                if entry.parts.iter().any(|(_, arrived)| !arrived) {
                    return None;
                }
                Delivery::Delivered
            }
        };
        let entry = self.messages.remove(place)?;
        Some((entry.reference, delivery, now.since(entry.since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_700_000_000_000);

    fn report(reference: u8, recipient: &str, outcome: Outcome) -> StatusReport {
        StatusReport { reference, recipient: recipient.to_owned(), outcome, status: 0 }
    }

    fn awaited(messages: &[(&str, &str, &[u8])]) -> Awaited {
        let mut awaited = Awaited::default();
        for (reference, to, parts) in messages {
            awaited.add((*reference).to_owned(), Recipient::parse(to).unwrap(), parts, NOW);
        }
        awaited
    }

    fn settled(awaited: &mut Awaited, report: &StatusReport) -> Option<(String, Delivery)> {
        awaited.settle(report, NOW).map(|(reference, delivery, _)| (reference, delivery))
    }

    #[test]
    fn a_report_settles_the_newest_message_to_that_number() {
        let messages: [(&str, &str, &[u8]); 3] =
            [("old", "+4512345678", &[7]), ("other", "+4587654321", &[7]), ("new", "+4512345678", &[7])];
        let mut awaited = awaited(&messages);
        let arrived = report(7, "12345678", Outcome::Delivered);
        assert_eq!(settled(&mut awaited, &report(8, "+4512345678", Outcome::Delivered)), None);
        assert_eq!(settled(&mut awaited, &report(7, "+4512345678", Outcome::Pending)), None);
        assert_eq!(settled(&mut awaited, &arrived), Some(("new".to_owned(), Delivery::Delivered)));
        assert_eq!(settled(&mut awaited, &arrived), Some(("old".to_owned(), Delivery::Delivered)));
        assert_eq!(settled(&mut awaited, &arrived), None);
        assert!(awaited.settle(&report(7, "+4587654321", Outcome::Delivered), NOW.plus(2 * OLDEST)).is_none());
    }

    #[test]
    fn a_long_message_has_arrived_with_its_last_part_and_failed_with_its_first() {
        let to = "+4512345678";
        let mut both = awaited(&[("m", to, &[255, 0])]);
        assert_eq!(settled(&mut both, &report(0, to, Outcome::Delivered)), None);
        assert_eq!(settled(&mut both, &report(0, to, Outcome::Delivered)), None);
        assert_eq!(settled(&mut both, &report(255, to, Outcome::Delivered)), Some(("m".to_owned(), Delivery::Delivered)));
        let mut failed = awaited(&[("m", to, &[255, 0])]);
        assert!(matches!(settled(&mut failed, &report(0, to, Outcome::Failed)), Some((_, Delivery::Failed(_)))));
    }

    #[test]
    fn what_is_awaited_is_bounded() {
        let mut awaited = Awaited::default();
        for number in 0..10_000_u32 {
            let part = number.to_le_bytes()[0];
            awaited.add(number.to_string(), Recipient::parse("+4512345678").unwrap(), &[part], NOW);
        }
        assert_eq!(awaited.messages.len(), MOST);
    }
}
