//! What can be asked of the [`super::Gatekeeper`], and what it tells: owned data that a door makes and reads, whatever stands between the
//! two. Secrets stay secrets in here; they become bytes where they leave the process and nowhere else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Attempt;
use super::flow::change::Unchanged;
use super::session::Cookie;
use super::session::registry::About;
use super::view::{ChangeView, FlowView};
use crate::base::{Factor, Language, Secret, TraceId};
use crate::directory::User;

/// A question.
#[derive(Clone, Debug)]
pub enum Ask {
    /// The first step: a name and a password.
    Password(PasswordAttempt),
    /// A question about one flow, which must have begun at the same door.
    Flow { at: Attempt, flow: String, what: OfFlow },
    /// Ends the session of a cookie and all that runs under it.
    SignOut { cookie: Secret<String>, about: About },
}

/// A question about a flow.
#[derive(Clone, Debug)]
pub enum OfFlow {
    /// What was typed for the factor that it asks for.
    Answer(Secret<String>),
    /// A new passcode in place of the last.
    Resend,
    /// The passcode by another rule of the dispatch policy, numbered as in [`super::PasscodeView::others`].
    OtherWay { rule: usize },
    /// How far it is.
    Look,
    /// What the page that asks for a new password shows.
    LookChange,
    /// A new password, typed twice.
    Change { new: Secret<String>, again: Secret<String> },
    /// The old password stays for now.
    ChangeLater,
}

/// A name and a password as they were posted.
#[derive(Clone, Debug)]
pub struct PasswordAttempt {
    pub at: Attempt,
    pub name: String,
    pub password: Secret<String>,
    /// Where the browser goes in the end: a path with its query on this host, already judged.
    pub back: String,
    /// What the pages and the message speak where the user's record says nothing else.
    pub language: Language,
    /// Whether the person chose that language by hand.
    pub language_chosen: bool,
}

/// An answer. Which ones a question can have is said there; a door that gets another one treats it as [`Declined::Broken`].
#[derive(Debug)]
pub enum Told {
    /// Everything is proven.
    Entered(Entered),
    /// Right so far; this step of this flow is next.
    Next {
        flow: String,
        step: Step,
    },
    /// It stays where it is; a look at the flow says why.
    Again,
    /// The old password stays, and why.
    Unchanged(Unchanged),
    Flow(Box<FlowView>),
    Change(Box<ChangeView>),
    /// Before the password is known to be right: one text for everything.
    Refused {
        trace: TraceId,
    },
    /// The flow goes on no more.
    Over(FlowOver),
    /// After the right password: a plain category.
    Declined {
        why: Declined,
        trace: TraceId,
    },
    SignedOut,
}

/// What a flow asks for next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Step {
    /// Another factor.
    Factor,
    /// A new password.
    NewPassword,
}

/// What became of a grant; each door has its own.
#[derive(Debug)]
pub enum Entered {
    Session(Admitted),
    /// A client of ours may let this person in. There is no session here.
    Accept(Box<Accepted>),
}

/// A session was opened.
#[derive(Debug)]
pub struct Admitted {
    /// For `__Host-doorward`.
    pub cookie: Cookie,
    /// For `__Host-doorward-known`.
    pub known: Secret<String>,
    /// Where to go.
    pub back: String,
}

/// A person that a client may let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    pub user: User,
    /// What was proven, in order.
    pub factors: Vec<Factor>,
    /// Of the whole attempt.
    pub trace: TraceId,
}

/// Why a person whose password is right does not get on: what may be said to them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Declined {
    /// The directory has no number or mailbox that the policy sends to.
    NoChannel,
    /// The policy refuses, from any address or as far as is known.
    NotForThisSite,
    /// The policy refuses because of the client's address; from another one the same user goes on.
    NotFromHere,
    /// Too many wrong passcodes; so long from now.
    Paused {
        wait: Duration,
    },
    HelpDesk,
    /// A limit on messages was reached, which has room again after this time.
    TooManyMessages {
        wait: Duration,
    },
    TooManyAttempts,
    /// We have more to do than we can manage; nothing was begun.
    Busy,
    /// A new password is needed, and this door has no page to set one.
    PasswordDue,
    /// The new password is set, and then something failed.
    PasswordSet,
    /// The directory could not tell; nothing was counted.
    Unavailable,
    /// Something of ours failed.
    Broken,
}

/// Why a flow goes on no more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FlowOver {
    /// The last try was wrong.
    Ended { back: String },
    /// It led to a session already.
    Used { back: String },
    /// The old password is not valid any more.
    PasswordStale { back: String },
    /// No new password was taken in time.
    ChangeEnded { back: String },
    /// Expired, of another browser, or never there.
    Gone,
}

impl Told {
    /// A person is told why not.
    pub(super) const fn declined(why: Declined, trace: TraceId) -> Self {
        Self::Declined { why, trace }
    }
}
