//! What the pages of a sign-in under way show: plain data, as the steps tell it.

use std::sync::Arc;

use super::flow::Answered;
use super::flow::change::{Unchanged, Why};
use crate::base::{Language, Time, TraceId};
use crate::config::passcode_policy::Alphabet;
use crate::dispatch::{Progress, Way};

/// What the page of a factor shows.
#[derive(Clone, Debug)]
pub struct FlowView {
    /// Where the sign-in leads.
    pub back: String,
    /// The application, or the client, that it is for.
    pub application: Arc<str>,
    /// The name as the user typed it; empty where the flow began in an older version.
    pub name: String,
    pub language: Language,
    pub trace: TraceId,
    pub tries_left: u32,
    pub last: Option<Answered>,
    pub asked: AskedView,
    pub now: Time,
}

/// The factor that is asked for, as its page shows it.
#[derive(Clone, Debug)]
pub enum AskedView {
    Passcode(PasscodeView),
}

/// What the passcode page shows.
#[derive(Clone, Debug)]
pub struct PasscodeView {
    pub label: String,
    /// What the passcode is made of.
    pub alphabet: Alphabet,
    pub progress: Progress,
    /// When a new passcode may be asked for, and how often still.
    pub resend: Option<(Time, u32)>,
    /// By which way a new passcode is sent: the one that is under way. Nothing where none is left.
    pub again: Option<Way>,
    /// The other ways, those that were not tried yet first.
    pub others: Vec<Offer>,
    pub lives_until: Time,
}

/// A way that the user may choose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    pub way: Way,
    /// It was tried in this sign-in already, so it waits for the pause of a resend.
    pub is_tried: bool,
}

/// What the page that asks for a new password shows.
#[derive(Clone, Debug)]
pub struct ChangeView {
    /// Where the sign-in leads.
    pub back: String,
    pub language: Language,
    pub trace: TraceId,
    /// The account's name, for password managers.
    pub name: String,
    pub why: Why,
    pub last: Option<Unchanged>,
    pub now: Time,
}
