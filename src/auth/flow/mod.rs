//! One login under way, as states and transitions without any input or output: each state holds what is known by then, each
//! transition consumes it and takes the time and the verdicts as arguments. "Was this factor right?" is answered elsewhere;
//! "is it enough?" only here, where the one proof of it, the [`Grant`], is made.

pub(in crate::auth) mod engine;
pub(in crate::auth) mod final_check;
pub(in crate::auth) mod record;
pub(in crate::auth) mod view;

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::audit::reason::PasscodeRefusal;
use crate::auth::passcode::code::Sealed;
use crate::auth::policy::Decision;
use crate::base::Time;
use crate::directory::{Changed, Complaint, User};

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
    pub(in crate::auth) fn into_parts(self) -> (User, Vec<Factor>, Option<Vec<IpNet>>) {
        (self.user, self.factors, self.only_from)
    }

    pub(in crate::auth) fn user(&self) -> &User {
        &self.user
    }

    pub(in crate::auth) fn factors(&self) -> &[Factor] {
        &self.factors
    }

    /// The same for the same user as the directory knows them now.
    #[must_use]
    pub(in crate::auth) fn of(self, user: User) -> Self {
        if user.id == self.user.id { Self { user, ..self } } else { self }
    }
}

/// Somebody whose password is right. Made by the step that saw the directory say so.
#[derive(Debug)]
pub struct PasswordRight {
    user: User,
    why: Option<Why>,
}

/// Why somebody whose password is right is asked for a new one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Why {
    MustChange,
    Expired,
    /// It will, then; until then one may go on with it.
    Expiring(Time),
}

impl Why {
    /// As the journal has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MustChange => "must-change",
            Self::Expired => "expired",
            Self::Expiring(_) => "expiring",
        }
    }
}

/// What the policy makes of a right password.
#[derive(Debug)]
pub enum AfterPassword {
    Admit(Grant),
    /// Enough, but for a new password.
    Change(Changing),
    Challenge(User, Option<Why>),
    Refuse(User),
}

impl PasswordRight {
    /// `verdict` must be what the directory said of this very user's password.
    pub(in crate::auth) fn new(mut user: User, verdict: crate::directory::Verdict, now: Time) -> Option<Self> {
        use crate::directory::Verdict;
        let why = match verdict {
            Verdict::Correct => None,
            Verdict::Expiring(left) => {
                user.password_expires = Some(now.plus(left));
                None
            }
            Verdict::MustChange => Some(Why::MustChange),
            Verdict::Expired => Some(Why::Expired),
            Verdict::Wrong | Verdict::Barred(_) | Verdict::Locked => return None,
        };
        Some(Self { user, why })
    }

    /// The user is to be told that the password runs out then.
    #[must_use]
    pub(in crate::auth) fn warned(self, expires: Time) -> Self {
        Self { why: self.why.or(Some(Why::Expiring(expires))), ..self }
    }

    pub(in crate::auth) fn user(&self) -> &User {
        &self.user
    }

    pub(in crate::auth) fn decided(self, decision: &Decision) -> AfterPassword {
        match decision {
            Decision::Admit { only_from } => {
                let grant = Grant { user: self.user, factors: vec![Factor::Password], only_from: only_from.clone() };
                match self.why {
                    None => AfterPassword::Admit(grant),
                    Some(why) => AfterPassword::Change(Changing::before(grant, why)),
                }
            }
            Decision::Challenge { .. } => AfterPassword::Challenge(self.user, self.why),
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
    /// A new password is asked for after the passcode.
    #[serde(default)]
    pub why: Option<Why>,
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
    /// Why it leads no further; nothing where it does.
    pub const fn refusal(self) -> Option<PasscodeRefusal> {
        match self {
            Self::Right => None,
            Self::Wrong => Some(PasscodeRefusal::Wrong),
            Self::Earlier => Some(PasscodeRefusal::Earlier),
            Self::Expired => Some(PasscodeRefusal::Expired),
        }
    }
}

/// What becomes of an answer.
#[derive(Debug)]
pub enum Next {
    Admit(Box<Grant>),
    /// Enough, but for a new password.
    Change(Box<Changing>),
    Again(Box<Awaiting>),
    /// The last try was wrong.
    Over,
}

/// Everything is proven that the policy asks for; what is missing is a new password, or leave to keep the old one. On record like
/// [`Awaiting`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changing {
    pub user: User,
    factors: Vec<Factor>,
    only_from: Option<Vec<String>>,
    pub why: Why,
    /// One request is with the directory until then; no other asks meanwhile, for the first may make the old password wrong.
    pub busy_until: Option<Time>,
    /// What the page still has to say about the last new password.
    pub last: Option<Unchanged>,
}

/// Why a password is still the old one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Unchanged {
    /// The directory wants another one.
    Complaint(Complaint),
    /// The two entries were not the same.
    Different,
    /// Empty, or longer than we take.
    Unfit,
    /// The directory did not answer: perhaps it was changed, perhaps not.
    NoAnswer,
    /// This directory does not change it, whatever it is.
    Unable,
    /// Another request is being answered.
    Busy,
    /// A limit was reached; nobody was asked.
    TooMany,
}

/// What becomes of an answer of the directory.
#[derive(Debug)]
pub enum AfterChange {
    Admit(Box<Grant>),
    Again(Box<Changing>),
    /// With the old password it does not go on.
    Over,
}

impl Changing {
    /// The grant that somebody would have, but for the password; unmade until it is changed.
    fn before(grant: Grant, why: Why) -> Self {
        let only_from = grant.only_from.map(|nets| nets.iter().map(ToString::to_string).collect());
        Self { user: grant.user, factors: grant.factors, only_from, why, busy_until: None, last: None }
    }

    fn grant(self) -> Grant {
        let nets = |nets: Vec<String>| nets.iter().filter_map(|net| net.parse().ok()).collect();
        Grant { user: self.user, factors: self.factors, only_from: self.only_from.map(nets) }
    }

    /// One request asks the directory now.
    #[must_use]
    pub fn busy(self, until: Time) -> Self {
        Self { busy_until: Some(until), ..self }
    }

    pub fn is_busy(&self, now: Time) -> bool {
        self.busy_until.is_some_and(|until| now < until)
    }

    /// The transition of an answer of the directory about this very user's password.
    pub fn answered(mut self, changed: &Changed) -> AfterChange {
        self.busy_until = None;
        self.last = match changed {
            Changed::Yes => {
                // The session begins with another password than the one that was looked up, and shall not end for it.
                self.user.password_mark = None;
                return AfterChange::Admit(Box::new(self.grant()));
            }
            Changed::Refused(complaint) => Some(Unchanged::Complaint(*complaint)),
            Changed::Unable(_) if matches!(self.why, Why::Expiring(_)) => Some(Unchanged::Unable),
            Changed::WrongOld | Changed::Unable(_) => return AfterChange::Over,
        };
        AfterChange::Again(Box::new(self))
    }

    /// The directory gave no answer, or was not asked.
    #[must_use]
    pub fn kept(self, why: Unchanged) -> Self {
        Self { busy_until: None, last: Some(why), ..self }
    }

    /// The transition of "later": only where the old password is still good.
    pub fn later(self) -> Option<Grant> {
        matches!(self.why, Why::Expiring(_)).then(|| self.grant())
    }
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
                let grant = Grant { user: self.user, factors, only_from: None };
                return match self.why {
                    None => Next::Admit(Box::new(grant)),
                    Some(why) => Next::Change(Box::new(Changing::before(grant, why))),
                };
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
        self.last = None;
        Some(self)
    }

    /// The transition of another way: the passcode stays, and it counts like a resend. Nothing where it is too early or none is left.
    #[must_use]
    pub fn diverted(mut self, now: Time) -> Option<Self> {
        self.resend_from().filter(|from| now >= *from)?;
        self.sent = now;
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
            why: None,
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
    fn another_way_keeps_the_passcode_and_counts_like_a_resend() {
        assert!(awaiting().diverted(at(29)).is_none());
        let mut state = awaiting();
        for round in 1..=3 {
            state = state.diverted(at(30 * round)).unwrap();
        }
        assert_eq!(state.judge(is(1), at(100)), Verdict::Right);
        assert!(state.clone().diverted(at(200)).is_none() && state.resent(issued(2, 1000), at(200)).is_none());
    }

    #[test]
    fn a_wrong_password_is_no_beginning() {
        use crate::directory::{Bar, Verdict as Said};
        for said in [Said::Wrong, Said::Locked, Said::Barred(Bar::Disabled), Said::Barred(Bar::Hours)] {
            assert!(PasswordRight::new(awaiting().user, said, at(0)).is_none(), "{said:?}");
        }
    }

    #[test]
    fn a_password_that_is_to_be_changed_is_no_grant_before_it_is() {
        use crate::directory::Verdict as Said;
        let admit = Decision::Admit { only_from: Some(vec!["10.0.0.0/8".parse().unwrap()]) };
        let right = |said| PasswordRight::new(User::bare("alice"), said, at(0)).unwrap();
        let left = Duration::from_secs(60);
        for said in [Said::Correct, Said::Expiring(left)] {
            assert!(matches!(right(said).decided(&admit), AfterPassword::Admit(_)), "{said:?}");
        }
        assert_eq!(right(Said::Expiring(left)).user().password_expires, Some(at(60)));
        for (right, why) in [
            (right(Said::MustChange), Why::MustChange),
            (right(Said::Expired), Why::Expired),
            (right(Said::Expired).warned(at(9)), Why::Expired),
            (right(Said::Correct).warned(at(9)), Why::Expiring(at(9))),
        ] {
            let AfterPassword::Change(changing) = right.decided(&admit) else { panic!("{why:?} was admitted") };
            assert_eq!(changing.why, why);
            assert_eq!(changing.clone().later().is_some(), matches!(why, Why::Expiring(_)));
            let AfterChange::Admit(grant) = changing.answered(&Changed::Yes) else { panic!("{why:?}") };
            assert_eq!(grant.only_from, Some(vec!["10.0.0.0/8".parse().unwrap()]));
        }
        let awaiting = Awaiting { why: Some(Why::Expired), ..awaiting() };
        assert!(matches!(awaiting.submitted(Verdict::Right, 0), Next::Change(_)));
    }

    #[test]
    fn what_the_directory_says_of_a_new_password_decides_and_nothing_else() {
        let changing = |why| Changing::before(Grant { user: User::bare("alice"), factors: vec![], only_from: None }, why);
        let unable = || Changed::Unable("no".into());
        for why in [Why::MustChange, Why::Expired] {
            assert!(matches!(changing(why).answered(&Changed::WrongOld), AfterChange::Over));
            assert!(matches!(changing(why).answered(&unable()), AfterChange::Over));
        }
        assert!(matches!(changing(Why::Expiring(at(9))).answered(&Changed::WrongOld), AfterChange::Over));
        let busy = Changing { busy_until: Some(at(30)), ..changing(Why::Expiring(at(9))) };
        assert!(busy.is_busy(at(29)) && !busy.is_busy(at(30)));
        let short = Complaint::TooShort;
        for (said, last) in [(unable(), Unchanged::Unable), (Changed::Refused(short), Unchanged::Complaint(short))] {
            let AfterChange::Again(again) = busy.clone().answered(&said) else { panic!("{said:?}") };
            assert_eq!((again.last, again.busy_until), (Some(last), None));
        }
    }
}
