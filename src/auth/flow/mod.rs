//! One login under way, as states and transitions without any input or output: each state holds what is known by then, each
//! transition consumes it and takes the time and the verdicts as arguments. Whether what was proven is enough is decided in `grant.rs`,
//! where the one proof of it, the [`Grant`], is made.

pub mod change;
pub(in crate::auth) mod engine;
pub(in crate::auth) mod final_check;
mod format_1;
pub mod grant;
mod look;
pub(in crate::auth) mod record;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use grant::Grant;

use super::attempt::Door;
use super::passcode::Sent;
use super::policy::Terms;
use crate::audit::reason::PasscodeRefusal;
use crate::base::{Factor, Plan, Secret};
use crate::directory::User;
use change::{Changing, PasswordDue};
use grant::{Outstanding, Proven};

/// Something is proven, and one factor is asked for now. This is what is on record between two steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    proven: Proven,
    plan: Plan,
    pub terms: Terms,
    pub asked: Challenge,
    pub tries_left: u32,
    /// A new password is asked for in the end.
    pub due: Option<PasswordDue>,
    /// What the page still has to say about the last answer.
    pub last: Option<Answered>,
}

/// The factor that is asked for, and what its own module must remember to judge the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Challenge {
    Passcode(Box<Sent>),
}

impl Challenge {
    pub const fn factor(&self) -> Factor {
        match self {
            Self::Passcode(_) => Factor::Passcode,
        }
    }
}

/// A challenge that was made and is not on record yet.
pub(in crate::auth) struct Begun<C> {
    pub challenge: C,
    /// What is sent to the user once the challenge is on record; dropped where that fails.
    pub secret: Secret<String>,
    /// So many wrong answers are allowed.
    pub tries: u32,
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

/// Whether an answer was what was asked for. Told by the factor's module.
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
    /// Right, and another factor is to be asked for.
    Further(Box<Outstanding>),
    Again(Box<Pending>),
    /// The last try was wrong.
    Over,
    /// Enough, but for a new password, and the door has no page to set one.
    PasswordDue,
}

impl Next {
    /// The same at this door: where there is no page for a new password, an old one that is still good is good enough.
    pub(in crate::auth) fn at(self, door: &Door) -> Self {
        match self {
            Self::Change(changing) if !door.has_pages() => {
                changing.later().map_or(Self::PasswordDue, |grant| Self::Admit(Box::new(grant)))
            }
            other => other,
        }
    }
}

impl Outstanding {
    /// The state in which this is asked for; `tries` wrong answers are allowed in all.
    pub(in crate::auth) fn asking(self, asked: Challenge, tries: u32) -> Pending {
        let Self { proven, plan, terms, due } = self;
        Pending { proven, plan, terms, asked, tries_left: tries, due, last: None }
    }
}

impl Pending {
    pub fn user(&self) -> &User {
        self.proven.user()
    }

    /// The transition of an answer. `tries_left` counts what is left after this one.
    pub fn submitted(mut self, verdict: Verdict, tries_left: u32) -> Next {
        self.last = match verdict {
            Verdict::Right => return self.proven(verdict),
            Verdict::Wrong if tries_left == 0 => return Next::Over,
            Verdict::Wrong => {
                self.tries_left = tries_left;
                Some(Answered::Wrong)
            }
            Verdict::Earlier => {
                // Recognised once: from now on it is as wrong as any other.
                self.asked.forget_earlier();
                Some(Answered::Earlier)
            }
            Verdict::Expired => Some(Answered::Expired),
        };
        Next::Again(Box::new(self))
    }

    fn proven(self, verdict: Verdict) -> Next {
        let Self { proven, plan, terms, asked, due, .. } = self;
        match (proven.and(asked.factor(), verdict).grant(&plan, None), due) {
            (Ok(grant), None) => Next::Admit(Box::new(grant)),
            (Ok(grant), Some(due)) => Next::Change(Box::new(Changing::before(grant, due))),
            (Err(proven), due) => Next::Further(Box::new(Outstanding { proven: *proven, plan, terms, due })),
        }
    }

    /// The same factor asked for anew: whatever was said of the last answer is over.
    #[must_use]
    pub fn asking(self, asked: Challenge) -> Self {
        Self { asked, last: None, ..self }
    }
}

impl Challenge {
    fn forget_earlier(&mut self) {
        match self {
            Self::Passcode(sent) => sent.forget_earlier(),
        }
    }
}
