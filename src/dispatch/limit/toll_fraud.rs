//! Where messages may go at all, and whether an unusual share of codes goes where nobody enters them: against those who earn by the
//! messages and calls that we pay for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::base::{Country, Time};
use crate::config::Limits;

/// The operator's word on numbers.
#[derive(Default)]
pub(in crate::dispatch) struct NumberRules {
    countries: Vec<Country>,
    refuse_prefixes: Vec<Arc<str>>,
}

impl NumberRules {
    pub fn new(limits: &Limits) -> Self {
        Self { countries: limits.countries.clone(), refuse_prefixes: limits.refuse_prefixes.clone() }
    }

    /// Why this number gets nothing, where it does not.
    pub fn refuses(&self, number: &str) -> Option<&'static str> {
        if self.refuse_prefixes.iter().any(|prefix| number.starts_with(&**prefix)) {
            return Some("`refuse_prefixes` bars this number");
        }
        let listed = |country| self.countries.contains(&country);
        let allowed = self.countries.is_empty() || Country::of_number(number).is_some_and(listed);
        (!allowed).then_some("`countries` does not list its country")
    }
}

/// How many codes were issued and how many were entered, of this node, by country and in all (no country).
#[derive(Default)]
pub(in crate::dispatch) struct EntryShares(Mutex<HashMap<Option<Country>, Share>>);

#[derive(Default)]
struct Share {
    /// By [`step`].
    steps: BTreeMap<u64, Interval>,
    /// Until then nothing more is said of it.
    quiet_until: Time,
}

#[derive(Clone, Copy, Default)]
struct Interval {
    issued: u32,
    entered: u32,
}

/// Too many codes of the last hour were not entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::dispatch) struct Alarm {
    pub country: Option<Country>,
    pub issued: u32,
    pub entered: u32,
}

const STEP: Duration = Duration::from_secs(600);
/// A code lives for ten minutes at most: what was issued in this step or the one before may still be entered.
const TOO_YOUNG: u64 = 2;
/// An hour is judged.
const STEPS: u64 = 6;
const WINDOW: Duration = Duration::from_secs(3600);
/// With fewer codes nothing is said.
const LEAST_ISSUED: u32 = 50;
/// Of a hundred codes at least so many are entered where nothing is wrong.
const LEAST_ENTERED_PERCENT: u32 = 30;

impl EntryShares {
    /// A code goes to this country; what that makes conspicuous.
    pub fn issued(&self, country: Option<Country>, now: Time) -> Vec<Alarm> {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut alarms = Vec::new();
        for key in keys(country) {
            let share = shares.entry(key).or_default();
            share.steps.retain(|past, _| past + TOO_YOUNG + STEPS > step(now));
            let current = share.steps.entry(step(now)).or_default();
            current.issued = current.issued.saturating_add(1);
            alarms.extend(share.judge(now).map(|Interval { issued, entered }| Alarm { country: key, issued, entered }));
        }
        alarms
    }

    /// The code that was issued then was entered.
    pub fn entered(&self, country: Option<Country>, issued: Time) {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(country) {
            if let Some(step) = shares.get_mut(&key).and_then(|share| share.steps.get_mut(&step(issued))) {
                step.entered = step.entered.saturating_add(1);
            }
        }
    }
}

impl Share {
    fn judge(&mut self, now: Time) -> Option<Interval> {
        if now < self.quiet_until {
            return None;
        }
        let ripe = self.steps.range(..(step(now) + 1).saturating_sub(TOO_YOUNG)).map(|(_, step)| *step);
        let sum = ripe.fold(Interval::default(), |sum, one| Interval {
            issued: sum.issued.saturating_add(one.issued),
            entered: sum.entered.saturating_add(one.entered),
        });
        let few = u64::from(sum.entered) * 100 < u64::from(sum.issued) * u64::from(LEAST_ENTERED_PERCENT);
        if sum.issued < LEAST_ISSUED || !few {
            return None;
        }
        self.quiet_until = now.plus(WINDOW);
        Some(sum)
    }
}

/// The country's own, and everybody's.
fn keys(country: Option<Country>) -> impl Iterator<Item = Option<Country>> {
    country.map(Some).into_iter().chain([None])
}

fn step(at: Time) -> u64 {
    at.millis() / u64::try_from(STEP.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Option<Country> {
        Country::named(code)
    }

    #[test]
    fn only_listed_countries_and_no_barred_prefix() {
        let guard = |countries: &[&str], prefixes: &[&str]| NumberRules {
            countries: countries.iter().filter_map(|code| country(code)).collect(),
            refuse_prefixes: prefixes.iter().map(|prefix| Arc::from(*prefix)).collect(),
        };
        for (guard, number, passes) in [
            (guard(&[], &[]), "+88212345678", true),
            (guard(&["DK"], &[]), "+4512345678", true),
            (guard(&["DK"], &[]), "+46701234567", false),
            (guard(&["DK"], &[]), "+88212345678", false),
            (guard(&["US"], &[]), "+18765550100", false),
            (guard(&["DK"], &["+45900"]), "+4590012345", false),
            (guard(&[], &["+45900"]), "+4512345900", true),
        ] {
            assert_eq!(guard.refuses(number).is_none(), passes, "{number}");
        }
    }

    /// So many codes at this minute, every `each`th of them entered.
    fn codes(shares: &EntryShares, minute: u64, number: usize, each: usize) -> Vec<Alarm> {
        let now = Time::from_millis(minute * 60_000);
        let mut alarms = Vec::new();
        for place in 0..number {
            alarms.extend(shares.issued(country("LV"), now));
            if place % each == 0 {
                shares.entered(country("LV"), now);
            }
        }
        alarms
    }

    #[test]
    fn codes_that_nobody_enters_are_noticed_once_an_hour() {
        let shares = EntryShares::default();
        assert_eq!(codes(&shares, 0, 100, 10), [], "they may still be entered");
        let alarms = codes(&shares, 21, 100, 10);
        let alarm = |country| Alarm { country, issued: 100, entered: 10 };
        assert_eq!(alarms, [alarm(country("LV")), alarm(None)]);
        assert_eq!(codes(&shares, 42, 100, 10), []);
        assert_eq!(codes(&shares, 81, 1, 1).len(), 2);
    }

    #[test]
    fn usual_logins_and_few_of_them_are_no_alarm() {
        for (number, each) in [(1000, 3), (49, 100)] {
            let shares = EntryShares::default();
            for minute in (0..900).step_by(90) {
                assert_eq!(codes(&shares, minute, number, each), [], "{number} {each} {minute}");
            }
        }
    }
}
