//! One-time passcodes, a second factor: made, sent, sent again, and judged as people type them. The state of one that was sent, and its
//! transitions; time and verdicts are arguments.

mod blocklist;
pub mod code;
pub(in crate::auth) mod issue;
pub(in crate::auth) mod resend;
mod typed;
pub(in crate::auth) mod view;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use typed::typed;

use super::flow::Verdict;
use crate::base::Time;
use code::Sealed;

/// A passcode on its way: what a flow remembers of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sent {
    /// Tells two logins at once apart: `K7`.
    pub label: String,
    /// Of the newest passcode.
    pub sealed: Sealed,
    /// The id it is dispatched under.
    pub message: String,
    pub sent: Time,
    pub lives_until: Time,
    /// Passcodes that a resend replaced.
    pub earlier: Vec<Sealed>,
    pub resends_left: u32,
}

/// A passcode that was made: what is kept of it.
#[derive(Clone, Debug)]
pub struct Issued {
    pub sealed: Sealed,
    /// The id it is dispatched under.
    pub message: String,
    pub lives_until: Time,
}

impl Sent {
    /// `issued` is on its way as of now.
    pub fn new(label: String, issued: Issued, now: Time) -> Self {
        let Issued { sealed, message, lives_until } = issued;
        Self { label, sealed, message, sent: now, lives_until, earlier: Vec::new(), resends_left: RESENDS }
    }

    /// Compares in constant time; says nothing about whether it is enough.
    pub fn judge(&self, right: impl Fn(&Sealed) -> bool, now: Time) -> Verdict {
        if right(&self.sealed) {
            return if now < self.lives_until { Verdict::Right } else { Verdict::Expired };
        }
        if self.earlier.iter().any(right) { Verdict::Earlier } else { Verdict::Wrong }
    }

    /// One that was recognised is as wrong as any other from now on.
    pub fn forget_earlier(&mut self) {
        self.earlier.clear();
    }

    /// When a new passcode may be asked for; nothing where none is left.
    pub fn resend_from(&self) -> Option<Time> {
        (self.resends_left > 0).then(|| self.sent.plus(RESEND_PAUSE))
    }

    /// Whether a wish for another passcode is the last one over again: a button pressed twice.
    pub fn is_pressed_twice(&self, now: Time) -> bool {
        self.resends_left < RESENDS && now.since(self.sent) < ONE_PRESS
    }

    /// The transition of a resend: the old passcode dies. Nothing where it is too early or none is left.
    #[must_use]
    pub fn resent(mut self, issued: Issued, now: Time) -> Option<Self> {
        self.resend_from().filter(|from| now >= *from)?;
        self.earlier = vec![std::mem::replace(&mut self.sealed, issued.sealed)];
        self.message = issued.message;
        self.sent = now;
        self.lives_until = issued.lives_until;
        self.resends_left -= 1;
        Some(self)
    }

    /// The transition of another way: the passcode stays, and it counts like a resend. Nothing where it is too early or none is left.
    #[must_use]
    pub fn diverted(mut self, now: Time) -> Option<Self> {
        self.resend_from().filter(|from| now >= *from)?;
        self.sent = now;
        self.resends_left -= 1;
        Some(self)
    }
}

/// How long to wait before a new passcode can be asked for.
pub const RESEND_PAUSE: Duration = Duration::from_secs(30);
/// How often a new passcode can be asked for in one flow.
pub const RESENDS: u32 = 3;
/// Presses of a button so close together are one.
const ONE_PRESS: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(byte: u8) -> Sealed {
        Sealed::from_bytes([byte; 32])
    }

    fn issued(byte: u8, lives_until: u64) -> Issued {
        Issued { sealed: sealed(byte), message: format!("m{byte}"), lives_until: at(lives_until) }
    }

    fn at(second: u64) -> Time {
        Time::from_millis(second * 1000)
    }

    fn sent() -> Sent {
        Sent::new("K7".into(), issued(1, 300), at(0))
    }

    fn is(wanted: u8) -> impl Fn(&Sealed) -> bool {
        move |known| *known == sealed(wanted)
    }

    #[test]
    fn an_answer_is_judged_by_what_was_sent_and_when() {
        let second = sent().resent(issued(2, 400), at(30)).unwrap();
        let table = [
            (sent(), 1, 10, Verdict::Right),
            (sent(), 1, 299, Verdict::Right),
            (sent(), 1, 300, Verdict::Expired),
            (sent(), 9, 10, Verdict::Wrong),
            (second.clone(), 2, 40, Verdict::Right),
            (second.clone(), 1, 40, Verdict::Earlier),
            (second, 9, 40, Verdict::Wrong),
        ];
        for (row, (state, code, second, expected)) in table.into_iter().enumerate() {
            assert_eq!(state.judge(is(code), at(second)), expected, "row {row}");
        }
    }

    #[test]
    fn a_resend_is_paced_and_bounded() {
        assert!(sent().resent(issued(2, 400), at(29)).is_none());
        let mut state = sent();
        for round in 1..=3 {
            assert_eq!(state.resend_from(), Some(at(30 * round)));
            state = state.resent(issued(2, 1000), at(30 * round)).unwrap();
        }
        assert_eq!(state.resend_from(), None);
        assert!(state.resent(issued(3, 2000), at(1000)).is_none());
    }

    #[test]
    fn another_way_keeps_the_passcode_and_counts_like_a_resend() {
        assert!(sent().diverted(at(29)).is_none());
        let mut state = sent();
        for round in 1..=3 {
            state = state.diverted(at(30 * round)).unwrap();
        }
        assert_eq!(state.judge(is(1), at(100)), Verdict::Right);
        assert!(state.clone().diverted(at(200)).is_none() && state.resent(issued(2, 1000), at(200)).is_none());
    }
}
