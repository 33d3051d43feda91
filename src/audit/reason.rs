//! Why something was refused or ended: the journal's words, and what each of them means to the rules. Nothing else decides by a word.

use std::fmt;

use serde::Serialize;

/// An enum whose variants are words of the journal.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
        pub enum $name {
            $($(#[$meaning])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// As the journal has it.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// Why a name and a password led nowhere.
    PasswordRefusal {
        /// Too many attempts came from this address, or this browser.
        AddressBusy = "address-busy",
        /// Neither a name nor a password can look like this.
        Malformed = "malformed",
        /// Too many failures of the name as it was typed.
        NamePaused = "name-paused",
        /// Too many failures of the account.
        AccountPaused = "account-paused",
        /// The same name and password were refused a moment ago.
        RefusedAgain = "refused-again",
        Nobody = "nobody",
        /// The name means more than one account.
        Several = "several",
        Wrong = "wrong",
        Locked = "locked",
        /// The directory answered, but neither yes nor no.
        NotJudged = "not-judged",
        /// A store or a directory did not answer.
        CouldNotTell = "could-not-tell",
        Disabled = "disabled",
        AccountExpired = "account-expired",
        /// Outside the hours that the account may sign in at.
        Hours = "hours",
        /// The account may sign in from certain computers alone.
        Workstation = "workstation",
    }
}

impl PasswordRefusal {
    /// Whether a limit refused it before the directory was asked. A flood of such refusals is counted, not written one by one.
    pub const fn is_by_limit(self) -> bool {
        match self {
            Self::AddressBusy | Self::Malformed | Self::NamePaused | Self::AccountPaused | Self::RefusedAgain => true,
            Self::Nobody
            | Self::Several
            | Self::Wrong
            | Self::Locked
            | Self::NotJudged
            | Self::CouldNotTell
            | Self::Disabled
            | Self::AccountExpired
            | Self::Hours
            | Self::Workstation => false,
        }
    }

    /// Whether it is a failure of the name that was typed. That an account is paused is one, as it is for a name that is nobody's: else a
    /// stranger could tell them apart.
    pub const fn counts(self) -> bool {
        match self {
            Self::AddressBusy
            | Self::Malformed
            | Self::NamePaused
            | Self::AccountPaused
            | Self::Nobody
            | Self::Several
            | Self::Wrong
            | Self::CouldNotTell => true,
            Self::RefusedAgain | Self::Locked | Self::NotJudged => false,
            Self::Disabled | Self::AccountExpired | Self::Hours | Self::Workstation => false,
        }
    }

    /// Whether the password was right, so that a plain category may be told.
    pub const fn is_after_right_password(self) -> bool {
        matches!(self, Self::Disabled | Self::AccountExpired | Self::Hours | Self::Workstation)
    }
}

words! {
    /// Why a passcode led nowhere.
    PasscodeRefusal {
        Wrong = "wrong",
        /// It was replaced by a later one.
        Earlier = "earlier",
        /// It was right, and too late.
        Expired = "expired",
        /// The flow had no try left.
        Ended = "ended",
        /// The flow had led to a session already.
        Used = "used",
        /// The user's second factor is paused.
        Paused = "paused",
        AddressBusy = "address-busy",
    }
}

words! {
    /// Why no further passcode was sent.
    ResendRefusal {
        MessagesPerAddress = "messages_per_address",
        TooSoon = "too soon or too often",
    }
}

words! {
    /// Why a new password was not set.
    PasswordChangeRefusal {
        TooShort = "too-short",
        UsedBefore = "used-before",
        TooYoung = "too-young",
        NotComplex = "not-complex",
        Policy = "policy",
        /// It was typed in two different ways.
        Different = "different",
        /// No directory takes such a password.
        Unfit = "unfit",
        WrongOld = "wrong-old",
        Unable = "unable",
        NoAnswer = "no-answer",
        Busy = "busy",
        TooManyTries = "too-many-tries",
        AccountPaused = "account-paused",
        AddressBusy = "address-busy",
        /// The account is there no more.
        Gone = "gone",
    }
}

words! {
    /// Why somebody who could sign in can no more.
    AccessLoss {
        AccountGone = "account-gone",
        NotMember = "not-member",
        Disabled = "disabled",
        AccountExpired = "account-expired",
        MustChange = "must-change",
        PasswordExpired = "password-expired",
        Locked = "locked",
        Privileged = "privileged",
        PasswordChanged = "password-changed",
    }
}

/// Why a session ended without its user's doing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(untagged)]
pub enum SessionEnd {
    Over(SessionOver),
    Lost(AccessLoss),
}

words! {
    /// What ended a session whose user may still sign in.
    SessionOver {
        /// It was not used for its idle time.
        Idle = "idle",
        /// Its absolute time is over.
        Absolute = "absolute",
        Operator = "operator",
        /// The configuration has its directory no more.
        DirectoryRemoved = "directory-removed",
        /// The configuration has none of its applications any more.
        ApplicationRemoved = "application-removed",
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over(over) => over.fmt(f),
            Self::Lost(loss) => loss.fmt(f),
        }
    }
}

impl From<SessionOver> for SessionEnd {
    fn from(over: SessionOver) -> Self {
        Self::Over(over)
    }
}

impl From<AccessLoss> for SessionEnd {
    fn from(loss: AccessLoss) -> Self {
        Self::Lost(loss)
    }
}

words! {
    /// How one attempt to send by one transmitter ended.
    TryOutcome {
        Sent = "sent",
        /// The transmitter did not take it, for a reason that stays.
        Failed = "failed",
        /// The transmitter did not take it, for a reason that passes.
        Later = "later",
        /// It may have been taken or not.
        Unknown = "unknown",
        /// There was no answer within the rule's wait.
        TooSlow = "too-slow",
        /// The transmitter cannot send for now, and was not asked.
        OutOfService = "out-of-service",
        /// The transmitter has too much to do, and was not asked.
        Busy = "busy",
        /// The address was refused, not the message.
        Refused = "refused",
    }
}

impl TryOutcome {
    /// Whether it says that something is wrong with the transmitter. That it was only busy, or that an address was refused, is no sign of
    /// anything.
    pub const fn is_trouble(self) -> bool {
        match self {
            Self::Failed | Self::Later | Self::Unknown | Self::TooSlow | Self::OutOfService => true,
            Self::Sent | Self::Busy | Self::Refused => false,
        }
    }
}

words! {
    /// Why a message reached nobody.
    MessageEnd {
        EveryRuleFailed = "every-rule-failed",
        /// Its passcode was not good any more.
        Expired = "expired",
        /// A later passcode took its place.
        Replaced = "replaced",
        /// The user is in, or the flow is over.
        Needless = "needless",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_has_the_word() {
        let json = [
            serde_json::json!(PasswordRefusal::NotJudged),
            serde_json::json!(ResendRefusal::TooSoon),
            serde_json::json!(SessionEnd::from(SessionOver::Operator)),
            serde_json::json!(SessionEnd::from(AccessLoss::NotMember)),
            serde_json::json!(TryOutcome::OutOfService),
        ];
        assert_eq!(json, ["not-judged", "too soon or too often", "operator", "not-member", "out-of-service"]);
    }

    #[test]
    fn what_was_not_judged_does_not_count_and_what_a_stranger_could_tell_apart_does() {
        use PasswordRefusal::{AccountPaused, Disabled, Locked, Nobody, NotJudged, RefusedAgain, Wrong};
        for (refusal, counts, is_by_limit, is_right) in [
            (Wrong, true, false, false),
            (Nobody, true, false, false),
            (AccountPaused, true, true, false),
            (RefusedAgain, false, true, false),
            (Locked, false, false, false),
            (NotJudged, false, false, false),
            (Disabled, false, false, true),
        ] {
            assert_eq!(
                (refusal.counts(), refusal.is_by_limit(), refusal.is_after_right_password()),
                (counts, is_by_limit, is_right),
                "{refusal}"
            );
        }
    }
}
