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
    /// The rule of the dispatch policy that the newest message began with, or went on with when the user chose another way.
    #[serde(default)]
    pub begun: usize,
    /// The rules that were tried before that, in order.
    #[serde(default)]
    pub tried: Vec<usize>,
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
        let (earlier, tried) = (Vec::new(), Vec::new());
        Self { label, sealed, message, sent: now, lives_until, earlier, resends_left: RESENDS, begun: 0, tried }
    }

    /// Compares in constant time; says nothing about whether it is enough. After the end of its life nothing is compared: what is typed
    /// then opens nothing, so it costs no try either, and the answer does not tell whether it would have been right.
    pub fn judge(&self, right: impl Fn(&Sealed) -> bool, now: Time) -> Verdict {
        if now >= self.lives_until {
            return Verdict::Expired;
        }
        if right(&self.sealed) {
            return Verdict::Right;
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

    /// When the passcode may be sent by another way: at once by one that was not tried yet, else after the pause of a resend; nothing where
    /// no message is left.
    pub fn other_way_from(&self, rule: usize, tried: &[usize]) -> Option<Time> {
        if tried.contains(&rule) { self.resend_from() } else { (self.resends_left > 0).then_some(self.sent) }
    }

    /// The transition of a resend: the old passcode dies. `from` is when it may be asked for ([`Sent::resend_from`],
    /// [`Sent::other_way_from`]); nothing where that is later, or never.
    #[must_use]
    pub fn resent(mut self, issued: Issued, from: Option<Time>, now: Time) -> Option<Self> {
        from.filter(|from| now >= *from)?;
        self.earlier = vec![std::mem::replace(&mut self.sealed, issued.sealed)];
        self.message = issued.message;
        self.sent = now;
        self.lives_until = issued.lives_until;
        self.resends_left = self.resends_left.saturating_sub(1);
        Some(self)
    }

    /// The transition of another way: the passcode stays, and it counts like a resend. `from` as in [`Sent::resent`].
    #[must_use]
    pub fn diverted(mut self, from: Option<Time>, now: Time) -> Option<Self> {
        from.filter(|from| now >= *from)?;
        self.sent = now;
        self.resends_left = self.resends_left.saturating_sub(1);
        Some(self)
    }

    /// The message goes on with this rule; `tried` is every rule that was tried before.
    #[must_use]
    pub fn by_rule(self, begun: usize, tried: Vec<usize>) -> Self {
        Self { begun, tried, ..self }
    }
}

/// How long to wait before a new passcode can be asked for.
pub const RESEND_PAUSE: Duration = Duration::from_secs(30);
/// How often a new passcode can be asked for in one flow.
pub const RESENDS: u32 = 3;

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
        let second = again(sent(), issued(2, 400), at(30)).unwrap();
        let table = [
            (sent(), 1, 10, Verdict::Right),
            (sent(), 1, 299, Verdict::Right),
            (sent(), 1, 300, Verdict::Expired),
            (sent(), 9, 10, Verdict::Wrong),
            (sent(), 9, 300, Verdict::Expired),
            (second.clone(), 1, 400, Verdict::Expired),
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
        assert!(again(sent(), issued(2, 400), at(29)).is_none());
        let mut state = sent();
        for round in 1..=3 {
            assert_eq!(state.resend_from(), Some(at(30 * round)));
            state = again(state, issued(2, 1000), at(30 * round)).unwrap();
        }
        assert_eq!(state.resend_from(), None);
        assert!(again(state, issued(3, 2000), at(1000)).is_none());
    }

    #[test]
    fn another_way_keeps_the_passcode_and_counts_like_a_resend() {
        let tried = [0];
        assert!(by_way(sent(), 0, &tried, at(29)).is_none());
        let mut state = sent();
        for (rule, second) in [(1, 0), (2, 1), (0, 31)] {
            state = by_way(state, rule, &tried, at(second)).unwrap();
        }
        assert_eq!(state.judge(is(1), at(100)), Verdict::Right);
        assert!(by_way(state.clone(), 3, &tried, at(200)).is_none() && again(state, issued(2, 1000), at(200)).is_none());
    }

    fn again(state: Sent, issued: Issued, now: Time) -> Option<Sent> {
        let from = state.resend_from();
        state.resent(issued, from, now)
    }

    fn by_way(state: Sent, rule: usize, tried: &[usize], now: Time) -> Option<Sent> {
        let from = state.other_way_from(rule, tried);
        state.diverted(from, now)
    }
}
