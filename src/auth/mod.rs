//! The house rules: who comes in and how. No HTTP, no SQL, no LDAP in here.

pub mod account;
pub mod flow;
pub mod gatekeeper;
mod house;
pub mod limit;
pub mod operator;
pub mod passcode;
mod password;
pub mod policy;
pub mod session;

pub use flow::engine::Answer;
pub use flow::view::FlowView;
pub use gatekeeper::Gatekeeper;
pub use house::{Attempt, Parts};
pub use operator::report::{Report, Row};
pub use operator::send_test::{Trial, Tried};
pub use operator::{Meant, SessionView, Steward};
pub use password::change::{ChangeView, NewPassword};
pub use password::login::{PasswordAnswer, PasswordAttempt};
pub use session::registry::Sessions;

pub use crate::base::Channel;
pub use crate::directory::Complaint;
pub use crate::dispatch::{Answer as CallAnswer, Before, Call, Fate, Progress, Way};

use crate::base::Secret;

/// Somebody is in.
#[derive(Debug)]
pub struct Admitted {
    /// For `__Host-doorward`.
    pub cookie: session::Cookie,
    /// For `__Host-doorward-known`.
    pub known: Secret<String>,
    /// Where to go.
    pub back: String,
}

/// Why somebody whose password is right does not get on: what may be said to them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Declined {
    /// The directory has no number or mailbox that the policy sends to.
    NoChannel,
    NotForThisSite,
    /// Too many wrong passcodes.
    Paused {
        minutes: u64,
    },
    HelpDesk,
    TooManyMessages,
    TooManyAttempts,
    /// We have more to do than we can manage; nothing was begun.
    Busy,
    /// The new password is set, and then something failed.
    PasswordSet,
    /// The directory could not tell; nothing was counted.
    Unavailable,
    /// Something of ours failed.
    Broken,
}

/// Why a flow goes on no more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FlowOver {
    /// The last try was wrong.
    Ended { back: String },
    /// It led to a session already.
    Used { back: String },
    /// A new password is asked for; its page is next.
    NewPassword { flow: String },
    /// The old password is not valid any more.
    PasswordStale { back: String },
    /// No new password was taken in time.
    ChangeEnded { back: String },
    /// Expired, of another browser, or never there.
    Gone,
}
