//! A new password in the middle of a sign-in, as states and transitions: everything else is proven by then.

use serde::{Deserialize, Serialize};

use super::grant::{Grant, KeptGrant};
use crate::base::Time;
use crate::directory::{Changed, Complaint, User};

/// Why a user whose password is right is asked for a new one.
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

/// A new password that is to be asked for, and the old one that changing it takes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PasswordDue {
    pub why: Why,
    /// See `password/sealed.rs`; nothing where it could not be sealed.
    pub old: Option<String>,
}

/// Everything is proven that the policy asks for; what is missing is a new password, or leave to keep the old one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changing {
    granted: KeptGrant,
    pub due: PasswordDue,
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
    /// A limit was reached; the directory was not asked.
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
    /// The grant that the user would have, but for the password; unmade until that is changed.
    pub(super) fn before(grant: Grant, due: PasswordDue) -> Self {
        Self { granted: grant.kept(), due, busy_until: None, last: None }
    }

    /// As a flow of format 1 has it.
    pub(super) const fn on_record(
        granted: KeptGrant,
        due: PasswordDue,
        busy_until: Option<Time>,
        last: Option<Unchanged>,
    ) -> Self {
        Self { granted, due, busy_until, last }
    }

    pub fn user(&self) -> &User {
        self.granted.user()
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
            Changed::Yes => return AfterChange::Admit(Box::new(self.granted.with_new_password().grant())),
            Changed::Refused(complaint) => Some(Unchanged::Complaint(*complaint)),
            Changed::Unable(_) if matches!(self.due.why, Why::Expiring(_)) => Some(Unchanged::Unable),
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
        matches!(self.due.why, Why::Expiring(_)).then(|| self.granted.grant())
    }
}
