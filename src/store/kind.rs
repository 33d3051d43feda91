//! Every kind of record and counter that there is: its name in the database, how long it lives, where it is kept and whose it is.

use std::fmt;

/// Where a kind belongs once there is more than one store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Losing it would sign users out, lose messages or forget what a limit counted over days.
    Lasting,
    /// It lives for hours at most, is written often, and users at worst start their sign-in again without it.
    Short,
}

/// A kind of record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A session; the id is the session's. Lives until the session is over at the latest.
    Session,
    /// A cookie that opens a session; the id is the cookie's hash. Lives as long as its session.
    SessionKey,
    /// A sign-in under way; the id is in the page's address. Lives for 15 minutes. Once it is over it has no owner and nothing of the
    /// user, and waits for its end.
    Flow,
    /// Wrong passwords of one account. Lives until the directory has forgotten the last one (its observation window, or the
    /// configured one).
    Failures,
    /// The user was told that the password runs out. Lives for a day.
    PasswordNotice,
    /// Since when the user has had these phone numbers, as a keyed hash. Lives for 400 days after the last sign-in.
    NumberSeen,
    /// A message to a user, under way or done. Lives ten minutes longer than what it says is good for.
    Message,
    /// Leads a provider's delivery report to its message; the id is a keyed hash. Lives as long as the message.
    Receipt,
}

/// Whose the records of a kind are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// The owner is a user id.
    User,
    /// The owner is the id of a record of this kind.
    Record(Kind),
}

impl Kind {
    /// All of them. Those owned by other records come before what owns them.
    pub const ALL: [Self; 8] = [
        Self::SessionKey,
        Self::Session,
        Self::Flow,
        Self::Failures,
        Self::PasswordNotice,
        Self::NumberSeen,
        Self::Message,
        Self::Receipt,
    ];

    /// As the database has it, and the purpose that its values are sealed for. Never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::SessionKey => "session-key",
            Self::Flow => "flow",
            Self::Failures => "failures",
            Self::PasswordNotice => "password-notice",
            Self::NumberSeen => "number-seen",
            Self::Message => "message",
            Self::Receipt => "receipt",
        }
    }

    /// Where it is kept.
    pub const fn class(self) -> Class {
        match self {
            Self::Flow | Self::Failures => Class::Short,
            Self::Session | Self::SessionKey | Self::PasswordNotice | Self::NumberSeen | Self::Message | Self::Receipt => {
                Class::Lasting
            }
        }
    }

    /// Whose its records are.
    pub const fn owner(self) -> Owner {
        match self {
            Self::SessionKey => Owner::Record(Self::Session),
            Self::Session
            | Self::Flow
            | Self::Failures
            | Self::PasswordNotice
            | Self::NumberSeen
            | Self::Message
            | Self::Receipt => Owner::User,
        }
    }

    /// Whether its changes can be followed; see [`Fed`].
    pub fn has_feed(self) -> bool {
        Fed::ALL.iter().any(|fed| fed.kind() == self)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A kind whose changes can be followed. The others need no order of their writes, which costs a store of several nodes much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fed {
    Session,
    SessionKey,
}

impl Fed {
    pub const ALL: [Self; 2] = [Self::Session, Self::SessionKey];

    /// The kind of its records.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Session => Kind::Session,
            Self::SessionKey => Kind::SessionKey,
        }
    }
}

/// A kind whose records are worked on when their time comes, each by one node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queued {
    Message,
}

impl Queued {
    pub const ALL: [Self; 1] = [Self::Message];

    /// The kind of its records.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Message => Kind::Message,
        }
    }
}

/// A kind of counter. Each starts anew when its window is over, which begins with its first taking.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Counter {
    /// Wrong passwords of one typed name; the id is its keyed hash, so it cannot be found by user. `failures_per_user`.
    FailuresOfName,
    /// Passcodes typed in one flow; the id is the flow's. 15 minutes.
    FlowTries,
    /// New passwords typed in one flow; the id is the flow's. 15 minutes.
    FlowChanges,
    /// Wrong second factors of one user. `wrong_factors_per_user`.
    WrongFactors,
    /// Wrong second factors of one user without a right one between them. Ten years.
    WrongFactorsInARow,
    /// The user was told of a pause. `wrong_factors_per_user`.
    PauseNotice,
    /// Messages to one user. `messages_per_user`.
    MessagesOfUser,
    /// Messages to one address; the id is its keyed hash, so it cannot be found by user. `messages_per_number`.
    MessagesOfNumber,
    /// Messages to one range of numbers; the id is its keyed hash, and it is nobody's. `messages_per_prefix`.
    MessagesOfPrefix,
    /// Messages of one node; the id is its name. A day.
    MessagesOfDay,
    /// Messages asked for from one address of the network; the id is the address. `messages_per_address`.
    MessagesOfAddress,
}

/// How the counters of a user are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CountedBy {
    /// The id is a user id.
    UserId,
    /// The owner is a user id.
    Owner,
    /// Nothing in it names a user: it expires with its window.
    Nothing,
}

impl Counter {
    pub const ALL: [Self; 11] = [
        Self::FailuresOfName,
        Self::FlowTries,
        Self::FlowChanges,
        Self::WrongFactors,
        Self::WrongFactorsInARow,
        Self::PauseNotice,
        Self::MessagesOfUser,
        Self::MessagesOfNumber,
        Self::MessagesOfPrefix,
        Self::MessagesOfDay,
        Self::MessagesOfAddress,
    ];

    /// As the database has it. Never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FailuresOfName => "failures-name",
            Self::FlowTries => "flow-tries",
            Self::FlowChanges => "flow-changes",
            Self::WrongFactors => "wrong-factors",
            Self::WrongFactorsInARow => "wrong-factors-in-a-row",
            Self::PauseNotice => "told",
            Self::MessagesOfUser => "messages-user",
            Self::MessagesOfNumber => "messages-number",
            Self::MessagesOfPrefix => "messages-prefix",
            Self::MessagesOfDay => "messages-day",
            Self::MessagesOfAddress => "messages-address",
        }
    }

    /// Where it is kept.
    pub const fn class(self) -> Class {
        match self {
            Self::WrongFactorsInARow => Class::Lasting,
            Self::FailuresOfName
            | Self::FlowTries
            | Self::FlowChanges
            | Self::WrongFactors
            | Self::PauseNotice
            | Self::MessagesOfUser
            | Self::MessagesOfNumber
            | Self::MessagesOfPrefix
            | Self::MessagesOfDay
            | Self::MessagesOfAddress => Class::Short,
        }
    }

    /// How a user's are found.
    pub const fn by(self) -> CountedBy {
        match self {
            Self::WrongFactors | Self::WrongFactorsInARow | Self::PauseNotice | Self::MessagesOfUser => CountedBy::UserId,
            Self::FlowTries | Self::FlowChanges => CountedBy::Owner,
            Self::FailuresOfName
            | Self::MessagesOfNumber
            | Self::MessagesOfPrefix
            | Self::MessagesOfDay
            | Self::MessagesOfAddress => CountedBy::Nothing,
        }
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        let kinds = Kind::ALL.iter().map(|kind| kind.name()).chain(Counter::ALL.iter().map(|counter| counter.name()));
        assert_eq!(kinds.collect::<BTreeSet<_>>().len(), Kind::ALL.len() + Counter::ALL.len());
    }

    /// A store of short-lived records has neither.
    #[test]
    fn what_has_a_feed_or_is_queued_is_lasting() {
        let kinds = Fed::ALL.iter().map(|fed| fed.kind()).chain(Queued::ALL.iter().map(|queued| queued.kind()));
        for kind in kinds {
            assert_eq!(kind.class(), Class::Lasting, "{kind}");
        }
    }

    #[test]
    fn what_owns_records_comes_after_them() {
        let place = |wanted| Kind::ALL.iter().position(|kind| *kind == wanted);
        for kind in Kind::ALL {
            if let Owner::Record(owner) = kind.owner() {
                assert!(place(kind) < place(owner), "{kind}");
                assert_eq!(kind.class(), owner.class(), "they are erased together");
            }
        }
    }
}
