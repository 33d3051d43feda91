//! What a page needs to know: filled in by who answers the request, said in the user's language by `Look`.

use crate::auth::flow::change::{Unchanged, Why};
use crate::auth::{Complaint, Progress, Way};
use crate::base::{Language, Time, TraceId};
use crate::config::passcode_policy::Alphabet;

/// The login page.
#[derive(Clone, Debug)]
pub struct LoginView<'a> {
    /// The application's name.
    pub application: &'a str,
    pub csrf: &'a str,
    /// What was entered before, or nothing.
    pub username: &'a str,
    pub problem: Option<LoginProblem>,
    /// Shown with a fault; needless with mere news.
    pub trace: Option<TraceId>,
    /// The same page in each language that is offered; fewer than two are not shown.
    pub language_links: &'a [(Language, String)],
}

/// Why the login page is shown once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginProblem {
    /// Every refusal before the password is right: one text for all.
    Refused,
    /// The form is older than an hour.
    Expired,
    /// The browser did not send our cookie back.
    NoCookies,
    /// The login that this belonged to is over or gone.
    StartAgain,
    /// The browser still has the cookie of a session that is over.
    SignedOut,
}

impl LoginProblem {
    /// The beginning of its keys in `locales/`.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Refused => "login-refused",
            Self::Expired => "login-expired",
            Self::NoCookies => "login-no-cookies",
            Self::StartAgain => "login-start-again",
            Self::SignedOut => "login-signed-out",
        }
    }

    /// Whether it is news rather than a fault.
    pub(super) const fn is_calm(self) -> bool {
        matches!(self, Self::Expired | Self::StartAgain | Self::SignedOut)
    }
}

/// The passcode page.
#[derive(Clone, Debug)]
pub struct PasscodeView<'a> {
    /// The application's name.
    pub application: &'a str,
    pub csrf: &'a str,
    /// Tells two logins at once apart: `K7`. The message says it too.
    pub label: &'a str,
    pub progress: &'a Progress,
    /// How many more wrong passcodes the flow bears.
    pub tries_left: u32,
    pub problem: Option<PasscodeProblem>,
    pub resend: Resend,
    /// Further ways to send it, as often and as soon as a new passcode.
    pub others: &'a [Way],
    /// The login page, on the way to the same place.
    pub restart_url: &'a str,
    /// This page once more, by GET.
    pub status_url: &'a str,
    /// What [`super::Look::progress`] answers, for the script.
    pub poll_url: &'a str,
    /// For whoever is asked for help.
    pub trace: TraceId,
    /// What the passcode is made of, for the keyboard of a phone.
    pub alphabet: Alphabet,
    /// Seconds until the newest passcode is worth nothing.
    pub expires_in_s: u64,
}

/// Why the passcode page is shown once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PasscodeProblem {
    Wrong,
    /// Right, but replaced by a newer one.
    Earlier,
    CodeExpired,
    /// A new one was asked for too early.
    NotYet,
    /// A limit on messages was reached, so no new one was sent; the last one is still good.
    NoMore,
    /// The limit of this address was reached; the passcode was not looked at.
    TooMany,
}

impl PasscodeProblem {
    /// Whether the passcode itself was at fault.
    pub(super) const fn is_wrong(self) -> bool {
        matches!(self, Self::Wrong | Self::Earlier | Self::CodeExpired)
    }

    /// The beginning of its keys in `locales/`.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Wrong => "passcode-wrong",
            Self::Earlier => "passcode-earlier",
            Self::CodeExpired => "passcode-code-expired",
            Self::NotYet => "passcode-not-yet",
            Self::NoMore => "passcode-no-more",
            Self::TooMany => "passcode-too-many",
        }
    }
}

/// Whether a new passcode can be asked for; `left` counts how often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resend {
    Now { left: u32 },
    In { seconds: u64, left: u32 },
    Used,
}

/// The page for a new password.
#[derive(Clone, Debug)]
pub struct PasswordView<'a> {
    pub csrf: &'a str,
    /// The account's name, for password managers.
    pub name: &'a str,
    pub why: Why,
    pub problem: Option<Unchanged>,
    pub trace: TraceId,
    /// The login page, on the way to the same place.
    pub restart_url: &'a str,
    /// This page once more, by GET.
    pub check_url: &'a str,
    pub now: Time,
}

/// The beginning of the keys in `locales/` of why a password is still the old one.
pub(super) const fn unchanged_key(why: Unchanged) -> &'static str {
    match why {
        Unchanged::Complaint(Complaint::TooShort) => "password-too-short",
        Unchanged::Complaint(Complaint::UsedBefore) => "password-used-before",
        Unchanged::Complaint(Complaint::TooYoung) => "password-too-young",
        Unchanged::Complaint(Complaint::NotComplex) => "password-not-complex",
        Unchanged::Complaint(Complaint::Policy) => "password-policy",
        Unchanged::Different => "password-different",
        Unchanged::Unfit => "password-unfit",
        Unchanged::NoAnswer => "password-no-answer",
        Unchanged::Unable => "password-unable",
        Unchanged::Busy => "password-busy",
        Unchanged::TooMany => "password-too-many",
    }
}
