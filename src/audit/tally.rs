//! How sign-ins ended since the start: for metrics. Every word is one of ours or of the configuration, so there are only so many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Event, What};

/// The counts. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<Mutex<Counts>>);

/// By application.
type Counts = BTreeMap<(Arc<str>, Decision), u64>;

/// A sign-in that succeeded, or one step of one that was refused; in the journal's words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Decision {
    /// `yes` or `no`.
    outcome: &'static str,
    /// Where it was decided: `sign-in`, `password`, `policy`, ...
    step: &'static str,
    /// Why not; for a policy its name and rule. Empty where it succeeded.
    reason: String,
}

/// How often one decision about sign-ins was made since the start.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignInCount {
    /// Empty where it leads to no application: a RADIUS client's door.
    pub application: String,
    /// `yes` where somebody is in, `no` where a step was refused.
    pub outcome: String,
    /// `sign-in`, or the step that was refused: `password`, `policy`, `passcode`, `resend`, `recheck`, `new-password`, `message`.
    pub step: String,
    /// Why not, in the journal's words; for a policy its name and rule. Empty where somebody is in.
    pub reason: String,
    pub count: u64,
}

impl Tally {
    pub(super) fn count(&self, event: &Event) {
        let Some(decision) = Decision::of(&event.what) else { return };
        let application = event.application.clone().unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((application, decision)).or_default() += 1;
    }

    /// Each decision that was made, and how often.
    pub(super) fn counts(&self) -> Vec<SignInCount> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = known.iter().map(|((application, Decision { outcome, step, reason }), count)| SignInCount {
            application: application.to_string(),
            outcome: (*outcome).to_owned(),
            step: (*step).to_owned(),
            reason: reason.clone(),
            count: *count,
        });
        counts.collect()
    }
}

impl Decision {
    /// Nothing for an event that ends no step of a sign-in.
    fn of(what: &What) -> Option<Self> {
        let no = |step, reason: &str| Some(Self { outcome: "no", step, reason: reason.to_owned() });
        match what {
            What::SignedIn { .. } | What::Accepted { .. } => {
                Some(Self { outcome: "yes", step: "sign-in", reason: String::new() })
            }
            What::SignInFailed { reason, .. } => no("sign-in", reason),
            What::PasswordRefused { reason, .. } => no("password", reason.word()),
            What::PolicyRefused { reason } => no("policy", reason),
            What::PasscodeRefused { reason, .. } => no("passcode", reason.word()),
            What::ResendRefused { reason } => no("resend", reason.word()),
            What::RecheckRefused { reason } => no("recheck", reason.word()),
            What::PasswordChangeRefused { reason } => no("new-password", reason.word()),
            What::MessageFailed { reason, .. } => no("message", reason.word()),
            _ => None,
        }
    }
}
