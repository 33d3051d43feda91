//! Repeated refusals by one limit are one event a minute with a count: a flood must not fill the journal, nor wait for the disk
//! once for each of its attempts.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Event;
use crate::base::{Time, TraceId};

/// What was refused lately, by limit and by whom it was about.
#[derive(Debug, Default)]
pub struct Repeats {
    lately: Mutex<HashMap<String, Lately>>,
    /// The last of those that were only counted, each with its time: whoever asks for one by its trace id still gets an answer.
    counted: Mutex<VecDeque<(Time, Event)>>,
}

#[derive(Debug)]
struct Lately {
    since: Time,
    /// Those after the first.
    more: u32,
    last: Event,
}

const MINUTE: Duration = Duration::from_secs(60);
/// When there are so many at once, the rest is counted together.
const MOST: usize = 10_000;
const THE_REST: &str = "";
const MOST_COUNTED: usize = 10_000;

impl Repeats {
    /// Whether this one is the first within a minute, and so an event of its own; otherwise it is counted.
    pub fn is_first(&self, key: &str, event: &Event, now: Time) -> bool {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let key = if lately.len() < MOST || lately.contains_key(key) { key } else { THE_REST };
        if let Some(known) = lately.get_mut(key) {
            known.more = known.more.saturating_add(1);
            known.last = event.clone();
            drop(lately);
            self.keep(event, now);
            return false;
        }
        lately.insert(key.to_owned(), Lately { since: now, more: 0, last: event.clone() });
        true
    }

    fn keep(&self, event: &Event, now: Time) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= MOST_COUNTED {
            counted.pop_front();
        }
        counted.push_back((now, event.clone()));
    }

    /// One that was only counted, while it is remembered.
    pub fn find(&self, trace: TraceId) -> Option<(Time, Event)> {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.iter().rev().find(|(_, event)| event.trace == Some(trace)).cloned()
    }

    /// Takes out what is older than a minute: the last of each, with how many there were after the first.
    pub fn take_old(&self, now: Time) -> Vec<(Event, u32)> {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let old = lately.extract_if(|_, known| now.since(known.since) >= MINUTE);
        old.filter(|(_, known)| known.more > 0).map(|(_, known)| (known.last, known.more)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::What;
    use super::super::reason::PasswordRefusal;
    use super::*;

    fn event(reason: PasswordRefusal) -> Event {
        let what = What::PasswordRefused { reason, name: None, detail: None };
        Event::of_node(what)
    }

    #[test]
    fn a_minute_of_one_limit_is_one_event_and_a_count() {
        let repeats = Repeats::default();
        let at = |second: u64| Time::from_millis(second * 1000);
        assert!(repeats.is_first("a", &event(PasswordRefusal::AddressBusy), at(0)));
        assert!(repeats.is_first("b", &event(PasswordRefusal::NamePaused), at(0)));
        assert!((1..=99).all(|_| !repeats.is_first("a", &event(PasswordRefusal::AddressBusy), at(30))));
        assert!(repeats.take_old(at(59)).is_empty());
        let taken = repeats.take_old(at(60));
        assert_eq!(
            taken.iter().map(|(event, more)| (event.what.name(), *more)).collect::<Vec<_>>(),
            [("password-refused".into(), 99)]
        );
        assert!(repeats.is_first("a", &event(PasswordRefusal::AddressBusy), at(61)));
    }

    #[test]
    fn a_flood_from_everywhere_is_counted_together() {
        let repeats = Repeats::default();
        let firsts = (0..MOST + 500)
            .filter(|number| repeats.is_first(&number.to_string(), &event(PasswordRefusal::Wrong), Time::from_millis(0)));
        assert_eq!(firsts.count(), MOST + 1);
        assert_eq!(repeats.take_old(Time::from_millis(60_000)).first().map(|(_, more)| *more), Some(499));
    }
}
