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
    /// Further ways to send it that may be asked for like a new passcode.
    pub others: Vec<Way>,
    pub lives_until: Time,
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
