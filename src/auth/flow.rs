//! One login under way, as states and transitions without any input or output: each state holds what is known by then, each
//! transition consumes it and takes the time and the verdicts as arguments. "Was this factor right?" is answered elsewhere;
//! "is it enough?" only here, where the one proof of it, the [`Grant`], is made.

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::passcode::Sealed;
use super::policy::Decision;
use crate::base::Time;
use crate::directory::User;

/// What somebody proved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Factor {
    Password,
    Passcode,
}

impl Factor {
    /// As the journal has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passcode => "passcode",
        }
    }
}

/// Proof that a flow ended well; opens one session. Its fields are private and it is made in this module alone:
///
/// ```compile_fail
/// let grant = doorward::auth::flow::Grant { user: unreachable!(), factors: vec![], only_from: None };
/// ```
#[derive(Debug)]
pub struct Grant {
    user: User,
    factors: Vec<Factor>,
    only_from: Option<Vec<IpNet>>,
}

impl Grant {
    pub(super) fn into_parts(self) -> (User, Vec<Factor>, Option<Vec<IpNet>>) {
        (self.user, self.factors, self.only_from)
    }

    pub(super) fn user(&self) -> &User {
        &self.user
    }

    pub(super) fn factors(&self) -> &[Factor] {
        &self.factors
    }
}

/// Somebody whose password is right. Made by the step that saw the directory say so.
#[derive(Debug)]
pub struct PasswordRight {
    user: User,
}

/// What the policy makes of a right password.
#[derive(Debug)]
pub enum AfterPassword {
    Admit(Grant),
    Challenge(User),
    Refuse(User),
}

impl PasswordRight {
    /// `verdict` must be what the directory said of this very user's password.
    pub(super) fn new(user: User, verdict: crate::directory::Verdict) -> Option<Self> {
        (verdict == crate::directory::Verdict::Correct).then_some(Self { user })
    }

    pub(super) fn user(&self) -> &User {
        &self.user
    }

    pub(super) fn decided(self, decision: &Decision) -> AfterPassword {
        match decision {
            Decision::Admit { only_from } => {
                AfterPassword::Admit(Grant { user: self.user, factors: vec![Factor::Password], only_from: only_from.clone() })
            }
            Decision::Challenge { .. } => AfterPassword::Challenge(self.user),
            Decision::Refuse => AfterPassword::Refuse(self.user),
        }
    }
}

/// Password right, a passcode on its way. This is what is on record between the two steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Awaiting {
    pub user: User,
    /// Of the newest passcode.
    pub sealed: Sealed,
    pub message: String,
    pub sent: Time,
    pub lives_until: Time,
    /// Passcodes that a resend replaced.
    pub earlier: Vec<Sealed>,
    pub resends_left: u32,
    pub tries_left: u32,
    /// What the page still has to say about the last answer.
    pub last: Option<Answered>,
}

/// An answer that did not decide anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answered {
    Wrong,
    Earlier,
    Expired,
    TooSoon,
    /// No new passcode was sent because of a limit on messages; the last one is still good.
    NoMore,
}

/// Whether an answer was the passcode. Told by [`Awaiting::judge`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Right,
    Wrong,
    /// It was the one before a resend: no try is spent on it.
    Earlier,
    /// Right, but too late: no try is spent on it.
    Expired,
}

impl Verdict {
    /// As the journal has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Earlier => "earlier",
            Self::Expired => "expired",
        }
    }
}

/// What becomes of an answer.
#[derive(Debug)]
pub enum Next {
    Admit(Box<Grant>),
    Again(Box<Awaiting>),
    /// The last try was wrong.
    Over,
}

impl Awaiting {
    /// Compares in constant time; says nothing about whether it is enough.
    pub fn judge(&self, right: impl Fn(&Sealed) -> bool, now: Time) -> Verdict {
        if right(&self.sealed) {
            return if now < self.lives_until { Verdict::Right } else { Verdict::Expired };
        }
        if self.earlier.iter().any(right) { Verdict::Earlier } else { Verdict::Wrong }
    }

    /// The transition of an answer. `tries_left` counts what is left after this one.
    pub fn submitted(mut self, verdict: Verdict, tries_left: u32) -> Next {
        self.last = match verdict {
            Verdict::Right => {
                let factors = vec![Factor::Password, Factor::Passcode];
                return Next::Admit(Box::new(Grant { user: self.user, factors, only_from: None }));
            }
            Verdict::Wrong if tries_left == 0 => return Next::Over,
            Verdict::Wrong => {
                self.tries_left = tries_left;
                Some(Answered::Wrong)
            }
            Verdict::Earlier => {
                // Recognised once: from now on it is as wrong as any other.
                self.earlier.clear();
                Some(Answered::Earlier)
            }
            Verdict::Expired => Some(Answered::Expired),
        };
        Next::Again(Box::new(self))
    }

    /// When a new passcode may be asked for; nothing where none is left.
    pub fn resend_from(&self) -> Option<Time> {
        (self.resends_left > 0).then(|| self.sent.plus(RESEND_PAUSE))
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
        self.last = None;
        Some(self)
    }

    /// The state after a right password: `issued` is on its way, `tries` wrong answers are allowed in all.
    pub fn new(user: User, issued: Issued, tries: u32, now: Time) -> Self {
        Self {
            user,
            sealed: issued.sealed,
            message: issued.message,
            sent: now,
            lives_until: issued.lives_until,
            earlier: Vec::new(),
            resends_left: RESENDS,
            tries_left: tries,
            last: None,
        }
    }
}

/// A passcode that was made: what is kept of it.
#[derive(Clone, Debug)]
pub struct Issued {
    pub sealed: Sealed,
    /// The id it is dispatched under.
    pub message: String,
    pub lives_until: Time,
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

    fn awaiting() -> Awaiting {
        Awaiting::new(User::bare("alice"), issued(1, 300), 3, at(0))
    }

    fn is(wanted: u8) -> impl Fn(&Sealed) -> bool {
        move |known| *known == sealed(wanted)
    }

    #[test]
    fn an_answer_is_judged_by_what_was_sent_and_when() {
        let second = awaiting().resent(issued(2, 400), at(30)).unwrap();
        let table = [
            (awaiting(), 1, 10, Verdict::Right),
            (awaiting(), 1, 299, Verdict::Right),
            (awaiting(), 1, 300, Verdict::Expired),
            (awaiting(), 9, 10, Verdict::Wrong),
            (second.clone(), 2, 40, Verdict::Right),
            (second.clone(), 1, 40, Verdict::Earlier),
            (second, 9, 40, Verdict::Wrong),
        ];
        for (row, (state, code, second, expected)) in table.into_iter().enumerate() {
            assert_eq!(state.judge(is(code), at(second)), expected, "row {row}");
        }
    }

    #[test]
    fn only_the_right_verdict_admits_and_the_last_wrong_one_ends_it() {
        assert!(matches!(awaiting().submitted(Verdict::Right, 0), Next::Admit(_)));
        assert!(matches!(awaiting().submitted(Verdict::Wrong, 0), Next::Over));
        for verdict in [Verdict::Wrong, Verdict::Earlier, Verdict::Expired] {
            assert!(matches!(awaiting().submitted(verdict, 1), Next::Again(_)), "{verdict:?}");
        }
        for verdict in [Verdict::Earlier, Verdict::Expired] {
            assert!(matches!(awaiting().submitted(verdict, 0), Next::Again(_)), "{verdict:?}");
        }
    }

    #[test]
    fn an_earlier_passcode_is_recognised_once() {
        let state = awaiting().resent(issued(2, 400), at(30)).unwrap();
        let Next::Again(state) = state.submitted(Verdict::Earlier, 2) else { panic!("not again") };
        assert_eq!(state.last, Some(Answered::Earlier));
        assert_eq!(state.judge(is(1), at(40)), Verdict::Wrong);
    }

    #[test]
    fn a_resend_is_paced_and_bounded() {
        assert!(awaiting().resent(issued(2, 400), at(29)).is_none());
        let mut state = awaiting();
        for round in 1..=3 {
            assert_eq!(state.resend_from(), Some(at(30 * round)));
            state = state.resent(issued(2, 1000), at(30 * round)).unwrap();
        }
        assert_eq!(state.resend_from(), None);
        assert!(state.resent(issued(3, 2000), at(1000)).is_none());
    }

    #[test]
    fn a_wrong_password_is_no_beginning() {
        assert!(PasswordRight::new(awaiting().user, crate::directory::Verdict::Wrong).is_none());
    }
}
