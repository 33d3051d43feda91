//! How many lines of one kind the log takes a minute: strangers can make us say the same thing a thousand times a second. A kind is a place
//! in the code. What is left out is counted and said once a minute. The journal has every event all the same.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use crate::base::{Time, net};

/// The lines of the current minute, by kind. Bounded: there are as many kinds as places in the code that write one, and of each no more
/// clients are kept than lines are written.
#[derive(Debug)]
pub struct LogLimit<K> {
    kinds: HashMap<K, Kind>,
}

#[derive(Debug)]
struct Kind {
    /// When its minute began.
    begun: Time,
    written: u32,
    clients: HashMap<IpAddr, u32>,
    left_out: u64,
    /// What the first line said that was left out.
    said: String,
}

/// Lines of one kind that were not written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftOut {
    pub count: u64,
    pub said: String,
}

impl<K> Default for LogLimit<K> {
    fn default() -> Self {
        Self { kinds: HashMap::new() }
    }
}

impl<K: Eq + Hash> LogLimit<K> {
    /// Whether a line is written: of one kind [`PER_KIND`] a minute, and [`PER_CLIENT`] that this client caused, where one did (a /64 of IPv6
    /// is one client). `said` is asked for the first line that is left out.
    pub fn admits(&mut self, kind: K, client: Option<IpAddr>, now: Time, said: impl FnOnce() -> String) -> bool {
        let kind = self.kinds.entry(kind).or_insert_with(|| Kind::new(now));
        if kind.is_over(now) {
            (kind.begun, kind.written) = (now, 0);
            kind.clients.clear();
        }
        let client = client.map(net::counted);
        let by_client = client.and_then(|client| kind.clients.get(&client)).copied().unwrap_or_default();
        if kind.written >= PER_KIND || by_client >= PER_CLIENT {
            if kind.left_out == 0 {
                kind.said = said();
            }
            kind.left_out += 1;
            return false;
        }
        kind.written += 1;
        if let Some(client) = client {
            kind.clients.insert(client, by_client + 1);
        }
        true
    }

    /// What was left out of kinds whose minute is over; counted from zero again.
    pub fn take_left_out(&mut self, now: Time) -> Vec<LeftOut> {
        let over = self.kinds.values_mut().filter(|kind| kind.left_out > 0 && kind.is_over(now));
        over.map(|kind| {
            // A new minute, so that there is one such line a minute, however long it goes on.
            (kind.begun, kind.written) = (now, 0);
            kind.clients.clear();
            LeftOut { count: std::mem::take(&mut kind.left_out), said: std::mem::take(&mut kind.said) }
        })
        .collect()
    }
}

impl Kind {
    fn new(now: Time) -> Self {
        Self { begun: now, written: 0, clients: HashMap::new(), left_out: 0, said: String::new() }
    }

    /// Also where the machine's clock was set back.
    fn is_over(&self, now: Time) -> bool {
        now.since(self.begun) >= MINUTE || now < self.begun
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const PER_CLIENT: u32 = 10;
const PER_KIND: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    fn client(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    /// How many of so many lines are written.
    fn written(limit: &mut LogLimit<&'static str>, kind: &'static str, client: Option<IpAddr>, now: Time, lines: u32) -> usize {
        (0..lines).filter(|line| limit.admits(kind, client, now, || format!("{kind} {line}"))).count()
    }

    #[test]
    fn a_client_causes_so_many_lines_a_minute_and_others_are_still_heard() {
        let mut limit = LogLimit::default();
        assert_eq!(written(&mut limit, "a", client(1), at(0), 1400), 10);
        assert_eq!(written(&mut limit, "a", client(2), at(0), 1400), 10);
        assert_eq!(written(&mut limit, "b", client(1), at(0), 5), 5, "another kind");
        assert_eq!(written(&mut limit, "a", client(1), at(59), 1), 0);
        assert!(limit.take_left_out(at(59)).is_empty());
        let left_out = limit.take_left_out(at(60));
        assert_eq!(left_out, [LeftOut { count: 1390 + 1390 + 1, said: "a 10".to_owned() }]);
        assert!(limit.take_left_out(at(60)).is_empty(), "said once");
        assert_eq!(written(&mut limit, "a", client(1), at(60), 1400), 10, "the next minute");
        assert_eq!(limit.take_left_out(at(120))[0].count, 1390);
    }

    #[test]
    fn what_was_left_out_is_said_though_the_next_minute_has_begun() {
        let mut limit = LogLimit::default();
        assert_eq!(written(&mut limit, "a", client(1), at(0), 12), 10);
        assert_eq!(written(&mut limit, "a", client(1), at(60), 1), 1);
        assert!(limit.take_left_out(at(61)).is_empty());
        assert_eq!(limit.take_left_out(at(120)), [LeftOut { count: 2, said: "a 10".to_owned() }]);
    }

    #[test]
    fn a_flood_of_addresses_neither_fills_the_log_nor_the_memory() {
        let mut limit = LogLimit::default();
        let many = (0..100_000_u32).map(|number| IpAddr::from((0x0a00_0000 + number).to_be_bytes()));
        assert_eq!(many.filter(|client| limit.admits("a", Some(*client), at(0), String::new)).count(), 100);
        assert_eq!(limit.kinds["a"].clients.len(), 100);
        let customer = (0..1000_u16).map(|host| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host]));
        assert_eq!(customer.filter(|client| limit.admits("b", Some(*client), at(0), String::new)).count(), 10);
    }

    #[test]
    fn lines_that_no_client_causes_have_a_bound_too_and_a_clock_that_is_set_back_begins_anew() {
        let mut limit = LogLimit::default();
        assert_eq!(written(&mut limit, "a", None, at(1000), 1000), 100);
        assert_eq!(written(&mut limit, "a", None, at(10), 1000), 100);
    }
}
