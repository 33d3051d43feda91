//! Whether a server is well: a state machine fed with the results of checks and of requests, one for each server of the node. No
//! I/O; time is an argument.
//!
//! Checks (where they are configured) and requests judge apart, and a server is used when neither speaks against it. What failed
//! several requests in a row gets a pause; after it one request at a time tries the server, and each trial that fails makes the pause
//! longer. Who comes back is given a small share first, so that a server with empty caches is not thrown over again.

use std::time::Duration;

use super::balance::FULL;
use crate::base::Time;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Health {
    /// How many checks in a row turn it, where it is checked.
    turns: Option<Turns>,
    /// By its checks it is down.
    ailing: bool,
    /// Checks in a row that contradict what is held.
    against: u32,
    /// Requests in a row that failed.
    failures: u32,
    pause: Option<Pause>,
    /// How many pauses came close upon each other.
    pauses: u32,
    /// When it came back.
    back: Option<Time>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Turns {
    pub fall: u32,
    pub rise: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pause {
    since: Time,
    until: Time,
    /// Since when somebody tries it.
    trial: Option<Time>,
}

/// What the operator is told, once for each turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Down,
    Back,
}

/// What a request must know of it; fits into one word, see [`View::code`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum View {
    Well,
    /// Came back then and gets a growing share.
    Returning(Time),
    /// Until then nobody goes there; afterwards one may try.
    Paused(Time),
    /// Down by its checks.
    Ailing,
}

impl Health {
    /// `turns` where it is checked. It begins as well: a node that starts beside its servers must not refuse everybody first.
    pub fn new(turns: Option<Turns>) -> Self {
        Self { turns, ..Self::default() }
    }

    pub fn view(&self) -> View {
        match (self.ailing, self.pause, self.back) {
            (true, _, _) => View::Ailing,
            (false, Some(pause), _) => View::Paused(pause.trial.map_or(pause.until, |trial| trial.plus(TRIAL))),
            (false, None, Some(back)) => View::Returning(back),
            (false, None, None) => View::Well,
        }
    }

    /// The last requests failed, too few to say that it is down. A success must be noted then.
    pub fn is_shaken(&self) -> bool {
        self.failures > 0
    }

    /// The result of a check.
    pub fn checked(&mut self, good: bool, now: Time) -> Option<Change> {
        let turns = self.turns?;
        let was_down = self.is_down();
        self.against = if good == self.ailing { self.against.saturating_add(1) } else { 0 };
        let enough = if good { turns.rise } else { turns.fall };
        if self.against >= enough {
            (self.ailing, self.against) = (!good, 0);
        }
        // A check is a trial too, once the pause is over.
        if good && self.pause.is_some_and(|pause| now >= pause.until) {
            self.pause = None;
        }
        self.changed(was_down, now)
    }

    /// It answered a request that was sent at `begun`.
    pub fn succeeded(&mut self, begun: Time, now: Time) -> Option<Change> {
        let was_down = self.is_down();
        self.failures = 0;
        // What was under way before the pause says nothing about now.
        if self.pause.is_some_and(|pause| begun >= pause.since) {
            self.pause = None;
        }
        self.changed(was_down, now)
    }

    /// A request that was sent at `begun` could not be connected, or broke, or was not answered in time.
    pub fn failed(&mut self, begun: Time, now: Time) -> Option<Change> {
        let was_down = self.is_down();
        match self.pause {
            // A trial. Everybody else was sent there for want of another server, or before the pause.
            Some(pause) if begun >= pause.until => self.rest(now),
            Some(_) => {}
            None => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= FAILURES {
                    if self.back.is_none_or(|back| now.since(back) >= CALM) {
                        self.pauses = 0;
                    }
                    self.rest(now);
                }
            }
        }
        self.changed(was_down, now)
    }

    /// Whether this request may find out if the server is back. The next may when this one has said nothing for a while.
    pub fn try_out(&mut self, now: Time) -> bool {
        let over = matches!(self.view(), View::Paused(until) if now >= until);
        if let Some(pause) = self.pause.as_mut().filter(|_| over) {
            pause.trial = Some(now);
        }
        over
    }

    fn rest(&mut self, now: Time) {
        let length = PAUSE.saturating_mul(1 << self.pauses.min(6)).min(LONGEST_PAUSE);
        self.pauses = self.pauses.saturating_add(1);
        self.pause = Some(Pause { since: now, until: now.plus(length), trial: None });
    }

    fn is_down(&self) -> bool {
        self.ailing || self.pause.is_some()
    }

    fn changed(&mut self, was_down: bool, now: Time) -> Option<Change> {
        match (was_down, self.is_down()) {
            (false, true) => Some(Change::Down),
            (true, false) => {
                (self.back, self.failures) = (Some(now), 0);
                Some(Change::Back)
            }
            _ => None,
        }
    }
}

impl View {
    /// How much it may be given now, out of [`FULL`].
    pub fn share(self, now: Time) -> u32 {
        match self {
            Self::Well => FULL,
            Self::Returning(back) => {
                let elapsed = now.since(back).min(RETURN).as_millis();
                let grown = u32::try_from(u128::from(FULL) * elapsed / RETURN.as_millis()).unwrap_or(FULL);
                grown.max(FULL / 16)
            }
            Self::Paused(_) | Self::Ailing => 0,
        }
    }

    /// The same as one word, so that a request reads it without a lock. Zero is a server that is well.
    pub fn code(self) -> u64 {
        match self {
            Self::Well => 0,
            Self::Returning(back) => back.millis() << 2 | 1,
            Self::Paused(until) => until.millis() << 2 | 2,
            Self::Ailing => 3,
        }
    }

    pub fn from_code(code: u64) -> Self {
        let time = Time::from_millis(code >> 2);
        match code & 3 {
            0 => Self::Well,
            1 => Self::Returning(time),
            2 => Self::Paused(time),
            _ => Self::Ailing,
        }
    }
}

/// One may be chance: a server that restarts one of its processes.
const FAILURES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// After so long without a pause the next is short again.
const CALM: Duration = Duration::from_secs(60);
/// How long the others wait for the result of one trial.
const TRIAL: Duration = Duration::from_secs(10);
/// From the first request to the full share.
const RETURN: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(1_000_000 + millis)
    }

    fn failed_three_times(health: &mut Health, millis: u64) -> Option<Change> {
        assert_eq!(health.failed(at(millis), at(millis)), None);
        assert_eq!(health.failed(at(millis), at(millis)), None);
        assert!(health.view().share(at(millis)) > 0);
        health.failed(at(millis), at(millis))
    }

    #[test]
    fn three_failures_in_a_row_make_a_pause_and_others_do_not() {
        let mut health = Health::new(None);
        for _ in 0..10 {
            health.failed(at(0), at(0));
            health.failed(at(0), at(0));
            assert!(health.is_shaken());
            health.succeeded(at(0), at(0));
        }
        assert_eq!(health.view(), View::Well);
        assert_eq!(failed_three_times(&mut health, 0), Some(Change::Down));
        assert_eq!(health.view(), View::Paused(at(1000)));
        // Those that were under way fail too and make nothing worse.
        for _ in 0..50 {
            assert_eq!(health.failed(at(0), at(500)), None);
        }
        assert_eq!(health.view(), View::Paused(at(1000)));
    }

    #[test]
    fn one_request_at_a_time_tries_and_each_failure_doubles_the_pause() {
        let mut health = Health::new(None);
        failed_three_times(&mut health, 0);
        let (mut now, mut pauses) = (1000, Vec::new());
        for _ in 0..8 {
            assert!(!health.try_out(at(now - 1)));
            assert!(health.try_out(at(now)) && !health.try_out(at(now)) && !health.try_out(at(now + 9_999)));
            assert_eq!(health.failed(at(now), at(now + 10)), None);
            let View::Paused(until) = health.view() else { panic!("{health:?}") };
            pauses.push(until.since(at(now + 10)).as_secs());
            now = until.millis() - at(0).millis();
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
        // Nobody has heard of this trial again, so another is allowed.
        assert!(health.try_out(at(now)) && health.try_out(at(now + 10_000)));
    }

    #[test]
    fn a_server_that_comes_back_gets_a_growing_share() {
        let mut health = Health::new(None);
        failed_three_times(&mut health, 0);
        assert!(health.try_out(at(1000)));
        // An old long request that ends well is no proof.
        assert_eq!(health.succeeded(at(0).min(Time::from_millis(5)), at(1001)), None);
        assert_eq!(health.succeeded(at(1000), at(1002)), Some(Change::Back));
        assert_eq!(health.succeeded(at(1000), at(1003)), None);
        let shares = [0, 1000, 5000, 10_000, 15_000, 20_000, 1 << 40].map(|millis| health.view().share(at(1002 + millis)));
        assert_eq!(shares, [FULL / 16, FULL / 16, FULL / 4, FULL / 2, FULL * 3 / 4, FULL, FULL]);
    }

    #[test]
    fn pauses_grow_when_they_follow_closely_and_are_short_again_after_calm() {
        let mut health = Health::new(None);
        let mut now = 0;
        for (calm, expected) in [(0, 1), (1, 2), (59, 4), (61, 1), (30, 2)] {
            now += calm * 1000;
            failed_three_times(&mut health, now);
            let View::Paused(until) = health.view() else { panic!("{health:?}") };
            assert_eq!(until.since(at(now)).as_secs(), expected, "after {calm} s of calm");
            now = until.millis() - at(0).millis();
            assert!(health.try_out(at(now)));
            assert_eq!(health.succeeded(at(now), at(now)), Some(Change::Back));
        }
    }

    #[test]
    fn checks_turn_it_after_so_many_in_a_row() {
        let mut health = Health::new(Some(Turns { fall: 3, rise: 2 }));
        let (down, back) = (Some(Change::Down), Some(Change::Back));
        let table = [
            (false, None),
            (false, None),
            (true, None),
            (false, None),
            (false, None),
            (false, down),
            (false, None),
            (true, None),
            (false, None),
            (true, None),
            (true, back),
            (true, None),
        ];
        for (number, (good, expected)) in table.into_iter().enumerate() {
            assert_eq!(health.checked(good, at(number as u64)), expected, "{number}");
        }
        assert_eq!(health.view(), View::Returning(at(10)));
    }

    #[test]
    fn who_is_down_by_checks_comes_back_by_checks_alone() {
        let mut health = Health::new(Some(Turns { fall: 1, rise: 1 }));
        assert_eq!(health.checked(false, at(0)), Some(Change::Down));
        assert_eq!(health.succeeded(at(1), at(1)), None);
        assert!(!health.try_out(at(100_000)));
        assert_eq!(health.view(), View::Ailing);
        assert_eq!(health.checked(true, at(2)), Some(Change::Back));
    }

    #[test]
    fn a_good_check_ends_a_pause_that_is_over_and_no_other() {
        let mut health = Health::new(Some(Turns { fall: 3, rise: 2 }));
        failed_three_times(&mut health, 0);
        assert_eq!(health.checked(true, at(999)), None);
        assert_eq!(health.checked(true, at(1000)), Some(Change::Back));
    }

    #[test]
    fn both_must_be_over_before_it_is_back() {
        let mut health = Health::new(Some(Turns { fall: 1, rise: 1 }));
        failed_three_times(&mut health, 0);
        assert_eq!(health.checked(false, at(1)), None);
        assert_eq!(health.succeeded(at(1), at(2)), None);
        assert_eq!(health.checked(true, at(3)), Some(Change::Back));
    }

    #[test]
    fn a_view_is_the_same_after_it_was_one_word() {
        for view in [View::Well, View::Returning(at(3)), View::Paused(at(4)), View::Ailing] {
            assert_eq!(View::from_code(view.code()), view);
        }
    }
}
