//! The events themselves, by name, and what each says besides who, where and when.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Facts;
use super::reason::{
    AccessLoss, MessageEnd, PasscodeRefusal, PasswordChangeRefusal, PasswordRefusal, ResendRefusal, SessionEnd, TryOutcome,
};

/// What happened. Field values must hold no secret and no full phone number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    // Node.
    Started {
        version: String,
    },
    Stopped,
    /// Another configuration is about to take effect; what needs a restart has not.
    Reloaded {
        changed: Vec<String>,
        needs_restart: Vec<String>,
    },
    ControlUsed {
        command: String,
        uid: u32,
    },
    /// An operator wished the directory's lock of an account to be lifted: `lifted`, `not-locked` or `unable`, and why not.
    DirectoryUnlock {
        outcome: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// What is older than `[audit] keep` is removed now; `before`: as RFC 3339 has it. `up_to`: the last number that goes, by node.
    JournalCut {
        before: String,
        up_to: BTreeMap<String, u64>,
    },
    // Pages that stand in place of an answer, each with a trace id.
    /// A request had no answer from its application, or from us; `reason` is what the page says.
    RequestFailed {
        reason: String,
        detail: String,
    },
    /// A request was not let through to its application.
    RequestRefused {
        reason: String,
    },
    /// A sign-in could not go on, for a reason of ours.
    SignInFailed {
        reason: String,
        detail: String,
    },
    // First step.
    PasswordRight,
    PasswordRefused {
        reason: PasswordRefusal,
        name: Option<NameMark>,
        detail: Option<String>,
    },
    // Between the steps.
    PolicyDecided {
        rule: String,
        decision: String,
        /// The rules before it, and itself, of which the directory could not say whether they match; each with its line, group and why.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        undecided: Vec<String>,
        facts: Facts,
    },
    PolicyRefused {
        reason: String,
    },
    PasscodeIssued {
        label: String,
        lifetime_s: u64,
        resend: bool,
    },
    ResendRefused {
        reason: ResendRefusal,
    },
    // Sending.
    MessageHandedOver {
        message: String,
        routes: Vec<String>,
    },
    MessageTried {
        message: String,
        transmitter: String,
        channel: String,
        to: String,
        outcome: TryOutcome,
        detail: String,
        duration_ms: u64,
    },
    MessageSent {
        message: String,
        transmitter: String,
        channel: String,
        to: String,
        receipt: String,
    },
    /// The transmitter says that it arrived.
    MessageDelivered {
        message: String,
        transmitter: String,
        channel: String,
        to: String,
    },
    /// The transmitter says that it will not arrive.
    MessageUndelivered {
        message: String,
        transmitter: String,
        channel: String,
        to: String,
        why: String,
    },
    /// The rule's wait is over and nobody said what became of it.
    MessageUnconfirmed {
        message: String,
        transmitter: String,
        channel: String,
        to: String,
    },
    /// The person asked for another way than the one under way; the same code goes there.
    OtherWayAsked {
        message: String,
        channel: String,
        to: String,
    },
    MessageFailed {
        message: String,
        reason: MessageEnd,
    },
    MessageRefused {
        reason: String,
    },
    /// Of the codes that went to this country (or to all) within an hour unusually few were entered.
    CodesNotEntered {
        country: String,
        issued: u32,
        entered: u32,
    },
    /// So many more refusals like the one before within a minute; the trace id is the last one's.
    RefusalsRepeated {
        reason: String,
        more: u32,
    },
    // Second step.
    PasscodeRight,
    PasscodeRefused {
        reason: PasscodeRefusal,
        tries_left: Option<u32>,
    },
    /// The directory says that somebody has lost access since the password was right.
    RecheckRefused {
        reason: AccessLoss,
    },
    /// The directory did not say whether somebody has; the sign-in goes on.
    RecheckFailed {
        detail: String,
    },
    // A new password.
    /// `why`: must-change, expired, expiring.
    PasswordChangeAsked {
        why: String,
    },
    PasswordChanged,
    /// The user goes on with one that runs out soon.
    PasswordChangeDeferred,
    PasswordChangeRefused {
        reason: PasswordChangeRefusal,
    },
    // Sessions.
    SignedIn {
        session: String,
        factors: Vec<String>,
        known_browser: bool,
    },
    /// A client of ours may let this user in.
    Accepted {
        /// Name of the client.
        client: String,
        factors: Vec<String>,
    },
    SignedOut {
        session: String,
    },
    SessionEnded {
        session: String,
        reason: SessionEnd,
    },
}

/// A typed name that means nobody: enough to see that it is the same again, not to read it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NameMark {
    /// First 16 hexadecimal digits of a keyed hash.
    pub hash: String,
    pub length: usize,
}

impl What {
    /// `password-refused`, ...: the variant's name.
    pub fn name(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value.get("event").and_then(|name| name.as_str()).unwrap_or_default().to_owned()
    }

    /// Whether somebody got further: `yes`, `no`, or `fact` where nothing was decided.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::PasswordRight
            | Self::PasscodeRight
            | Self::PasswordChanged
            | Self::SignedIn { .. }
            | Self::Accepted { .. }
            | Self::MessageSent { .. }
            | Self::MessageDelivered { .. } => "yes",
            Self::PasswordRefused { .. }
            | Self::RefusalsRepeated { .. }
            | Self::RequestRefused { .. }
            | Self::SignInFailed { .. }
            | Self::PolicyRefused { .. }
            | Self::ResendRefused { .. }
            | Self::MessageFailed { .. }
            | Self::MessageUndelivered { .. }
            | Self::MessageRefused { .. }
            | Self::PasswordChangeRefused { .. }
            | Self::RecheckRefused { .. }
            | Self::PasscodeRefused { .. } => "no",
            _ => "fact",
        }
    }
}

/// The name of every event, in the order above.
pub const EVENTS: [&str; 38] = [
    "started",
    "stopped",
    "reloaded",
    "control-used",
    "directory-unlock",
    "journal-cut",
    "request-failed",
    "request-refused",
    "sign-in-failed",
    "password-right",
    "password-refused",
    "policy-decided",
    "policy-refused",
    "passcode-issued",
    "resend-refused",
    "message-handed-over",
    "message-tried",
    "message-sent",
    "message-delivered",
    "message-undelivered",
    "message-unconfirmed",
    "other-way-asked",
    "message-failed",
    "message-refused",
    "codes-not-entered",
    "refusals-repeated",
    "passcode-right",
    "passcode-refused",
    "recheck-refused",
    "recheck-failed",
    "password-change-asked",
    "password-changed",
    "password-change-deferred",
    "password-change-refused",
    "signed-in",
    "accepted",
    "signed-out",
    "session-ended",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_listed_by_its_name() {
        let source = include_str!("what.rs").split("pub enum What {").nth(1).unwrap().split("\n}").next().unwrap();
        let variants = source.lines().filter_map(|line| line.strip_prefix("    "));
        let variants = variants.filter(|line| line.starts_with(|letter: char| letter.is_ascii_uppercase()));
        let name = |line: &str| {
            let words = line
                .trim_end_matches([' ', '{', ','])
                .chars()
                .flat_map(|letter| letter.is_ascii_uppercase().then_some('-').into_iter().chain([letter.to_ascii_lowercase()]));
            words.skip(1).collect::<String>()
        };
        assert_eq!(variants.map(name).collect::<Vec<_>>(), EVENTS);
        assert!(EVENTS.contains(&What::Stopped.name().as_str()));
    }
}
