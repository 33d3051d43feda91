//! Which server gets a request: the one with the fewest, or each in turn, or the one that somebody is kept at. One per application
//! and core; no I/O and no clock.

use std::cell::{Cell, RefCell};

use crate::config::upstream::Balance as Rule;

/// What a choice knows of a server at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Standing {
    /// Requests that are with it now, as far as this core knows.
    pub load: u32,
    /// How much of its full part it may be given, out of [`FULL`]; nothing: it is not to be chosen.
    pub share: u32,
}

/// The share of a server that has nothing to recover from.
pub(super) const FULL: u32 = 256;

#[derive(Debug)]
pub(super) struct Balance {
    rule: Rule,
    /// Where the search for the least begins, so that equal servers take turns.
    turn: Cell<usize>,
    /// For round robin: what each server has not been given yet of its part.
    credit: RefCell<Vec<i64>>,
}

impl Balance {
    pub fn new(rule: Rule) -> Self {
        Self { rule, turn: Cell::new(0), credit: RefCell::default() }
    }

    /// The place of the server to take; nothing if none may be chosen.
    pub fn pick(&self, servers: &[Standing]) -> Option<usize> {
        match self.rule {
            Rule::LeastConnections => self.least(servers),
            Rule::RoundRobin => self.in_turn(servers),
        }
    }

    /// The fewest requests for its share, as if it already had this one, so that a small share counts for an idle server too.
    fn least(&self, servers: &[Standing]) -> Option<usize> {
        let turn = self.turn.get();
        let mut best: Option<(usize, Standing)> = None;
        for (place, standing) in rotated(servers, turn) {
            let fewer = |than: Standing| {
                let (own, other) = (u64::from(standing.load) + 1, u64::from(than.load) + 1);
                own * u64::from(than.share) < other * u64::from(standing.share)
            };
            if standing.share > 0 && best.is_none_or(|(_, than)| fewer(than)) {
                best = Some((place, standing));
            }
        }
        let (place, _) = best?;
        self.turn.set(place + 1);
        Some(place)
    }

    /// Smooth weighted round robin: everybody earns their share, the richest is taken and pays for all. Servers with equal shares
    /// take exact turns; one with a tenth gets every tenth of what the others get, never two at once.
    fn in_turn(&self, servers: &[Standing]) -> Option<usize> {
        let mut credit = self.credit.borrow_mut();
        credit.resize(servers.len(), 0);
        let mut total = 0;
        let mut best: Option<(usize, i64)> = None;
        for ((place, standing), credit) in servers.iter().enumerate().zip(credit.iter_mut()) {
            if standing.share == 0 {
                // What it would have earned meanwhile must not come over it all at once.
                *credit = 0;
                continue;
            }
            *credit += i64::from(standing.share);
            total += i64::from(standing.share);
            if best.is_none_or(|(_, most)| *credit > most) {
                best = Some((place, *credit));
            }
        }
        let (place, _) = best?;
        if let Some(credit) = credit.get_mut(place) {
            *credit -= total;
        }
        Some(place)
    }
}

fn rotated(servers: &[Standing], turn: usize) -> impl Iterator<Item = (usize, Standing)> {
    let start = turn.checked_rem(servers.len()).unwrap_or(0);
    let all = servers.iter().copied().enumerate();
    all.clone().skip(start).chain(all.take(start))
}

/// Where this session belongs: rendezvous hashing, so that each server has its own sessions, every node and core agrees without
/// asking, and only the sessions of a server that is down move. They come back with its growing share, few by few.
/// `seeds` are one number for each server, from [`seed`].
pub(super) fn home(session: &str, seeds: &[u64], servers: &[Standing]) -> Option<usize> {
    let key = seed(session);
    let candidates = seeds.iter().zip(servers).enumerate();
    let admitted = candidates.filter(|(_, (seed, standing))| {
        // Another number than the one that ranks, so that who is admitted early is not who ranks high.
        let part = mix(key ^ seed.rotate_left(32)) % u64::from(FULL);
        part < u64::from(standing.share)
    });
    let best = admitted.max_by_key(|(_, (seed, _))| mix(key ^ **seed));
    best.map(|(place, _)| place)
}

/// A number that stands for a name and is the same on every node: FNV-1a.
pub(super) fn seed(name: &str) -> u64 {
    mix(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// Spreads every bit over all (the last step of SplitMix64).
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(load: u32, share: u32) -> Standing {
        Standing { load, share }
    }

    #[test]
    fn the_server_with_the_fewest_requests_for_its_share_is_taken() {
        let table = [
            (vec![], None),
            (vec![(0, 0)], None),
            (vec![(9, FULL)], Some(0)),
            (vec![(2, FULL), (1, FULL), (3, FULL)], Some(1)),
            (vec![(2, FULL), (0, 0), (3, FULL)], Some(0)),
            // An eighth of the others: idle it counts as if it had eight.
            (vec![(6, FULL), (0, FULL / 8)], Some(0)),
            (vec![(8, FULL), (0, FULL / 8)], Some(1)),
            (vec![(u32::MAX, 1), (u32::MAX, FULL)], Some(1)),
        ];
        for (servers, expected) in table {
            let servers: Vec<_> = servers.into_iter().map(|(load, share)| standing(load, share)).collect();
            assert_eq!(Balance::new(Rule::LeastConnections).pick(&servers), expected, "{servers:?}");
        }
    }

    #[test]
    fn equal_servers_take_turns() {
        for rule in [Rule::LeastConnections, Rule::RoundRobin] {
            let balance = Balance::new(rule);
            let servers = [standing(1, FULL); 3];
            let picks: Vec<_> = (0..6).filter_map(|_| balance.pick(&servers)).collect();
            assert_eq!(picks, [0, 1, 2, 0, 1, 2], "{rule:?}");
        }
    }

    #[test]
    fn round_robin_heeds_shares_and_not_load() {
        let balance = Balance::new(Rule::RoundRobin);
        let servers = [standing(100, FULL), standing(0, FULL / 4), standing(0, 0)];
        let mut counts = [0; 3];
        let mut last = 0;
        for _ in 0..500 {
            let place = balance.pick(&servers).unwrap();
            assert!(place == 0 || last != place, "never two at once");
            counts[place] += 1;
            last = place;
        }
        assert_eq!(counts, [400, 100, 0]);
    }

    #[test]
    fn a_server_that_was_away_does_not_get_what_it_missed() {
        let balance = Balance::new(Rule::RoundRobin);
        for _ in 0..1000 {
            balance.pick(&[standing(0, FULL), standing(0, 0)]);
        }
        let picks: Vec<_> = (0..4).filter_map(|_| balance.pick(&[standing(0, FULL); 2])).collect();
        assert_eq!(picks.iter().filter(|place| **place == 1).count(), 2, "{picks:?}");
    }

    fn seeds(count: usize) -> Vec<u64> {
        (0..count).map(|place| seed(&format!("https://ex{place}.corp.example:443"))).collect()
    }

    fn homes(servers: &[Standing]) -> Vec<usize> {
        let seeds = seeds(servers.len());
        (0..3000).map(|number| home(&format!("session{number}"), &seeds, servers).unwrap()).collect()
    }

    #[test]
    fn sessions_are_spread_and_only_those_of_a_server_that_is_down_move() {
        let all = homes(&[standing(0, FULL); 3]);
        for place in 0..3 {
            let own = all.iter().filter(|home| **home == place).count();
            assert!((850..1150).contains(&own), "{own}");
        }
        let without = homes(&[standing(0, FULL), standing(0, 0), standing(0, FULL)]);
        for (before, after) in all.iter().zip(&without) {
            assert!(if *before == 1 { *after != 1 } else { before == after });
        }
    }

    #[test]
    fn sessions_come_home_few_by_few() {
        let all = homes(&[standing(0, FULL); 3]);
        let mut known = 0;
        for share in [FULL / 16, FULL / 4, FULL / 2, FULL] {
            let now = homes(&[standing(0, FULL), standing(0, share), standing(0, FULL)]);
            let own = now.iter().filter(|home| **home == 1).count();
            let expected = 1000 * share as usize / FULL as usize;
            assert!(own.abs_diff(expected) < 160 && own > known, "{share}: {own}");
            known = own;
            assert!(all.iter().zip(&now).all(|(home, now)| home == now || *home == 1));
        }
    }

    #[test]
    fn without_any_server_nobody_has_a_home() {
        assert_eq!(home("s", &seeds(2), &[standing(0, 0); 2]), None);
        assert_eq!(home("s", &[], &[]), None);
    }
}
