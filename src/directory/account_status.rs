//! The status of accounts apart from any password, and what has changed in a directory: so that signed-in users can be looked at again, and
//! everybody listed.

use serde::{Deserialize, Serialize};

use crate::base::{Time, UserId};
use crate::directory::User;

/// The status of one account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountStatus {
    /// Nothing in it: this account may sign in.
    pub restrictions: Vec<Restriction>,
    pub password: Option<PasswordMark>,
    /// When the account itself runs out; no directory changes anything at that moment.
    pub expires: Option<Time>,
}

/// What keeps an account out, or in the way of a sign-in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restriction {
    /// Not there any more, or not among the users of the configuration.
    Gone,
    NotMember,
    Disabled,
    AccountExpired,
    /// The password must be changed before anything else.
    MustChange,
    PasswordExpired,
    /// For a while, because of wrong passwords.
    Locked,
    /// Of those that the configuration refuses.
    Privileged,
}

impl Restriction {
    /// As the journal and the report have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gone => "account-gone",
            Self::NotMember => "not-member",
            Self::Disabled => "disabled",
            Self::AccountExpired => "account-expired",
            Self::MustChange => "must-change",
            Self::PasswordExpired => "password-expired",
            Self::Locked => "locked",
            Self::Privileged => "privileged",
        }
    }

    /// Whether whoever is signed in already is to be signed out. A password that grows old is no reason, nor is a lock that somebody's
    /// guesses brought about: strangers would throw people out with it.
    pub const fn ends_sessions(self) -> bool {
        match self {
            Self::Gone | Self::NotMember | Self::Disabled | Self::AccountExpired | Self::MustChange | Self::Privileged => true,
            Self::PasswordExpired | Self::Locked => false,
        }
    }
}

/// Tells a password from the one before it, and nothing else of either.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PasswordMark {
    /// When it was set.
    SetAt(Time),
    /// Of what the directory keeps of it.
    Digest(String),
}

impl PasswordMark {
    /// Whether this is a later password. An older one is what a server says that has not heard of the newer yet.
    pub fn is_after(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::SetAt(this), Self::SetAt(earlier)) => this > earlier,
            (this, earlier) => this != earlier,
        }
    }
}

/// Up to where the changes of a directory have been read. What it says is the directory's own business.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The server it is good at, where each counts for itself; one that was restored from a backup is another.
    pub(super) server: String,
    pub(super) at: String,
}

/// What has changed since a mark.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    pub who: Who,
    /// Groups that were changed, as the directory names them, where it says so: whoever is in one may be told of other groups now.
    pub groups: Vec<String>,
    /// Where to go on.
    pub mark: Mark,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// Anybody may have: nobody can tell, or a group was changed that all depend on.
    Everybody,
    These(Vec<UserId>),
}

impl Changes {
    pub fn of(who: Who, mark: Mark) -> Self {
        Self { who, groups: Vec::new(), mark }
    }
}

/// One line of a list of users.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Without the groups.
    pub user: User,
    pub status: AccountStatus,
}

/// Where a list goes: a few users at a time, and no more before those are taken.
pub type Lister = tokio::sync::mpsc::Sender<Vec<Listed>>;

/// How many are asked for in one question at most.
pub const MOST_AT_ONCE: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_password_is_told_from_an_older_one() {
        let set_at = |millis| PasswordMark::SetAt(Time::from_millis(millis));
        let digest = |text: &str| PasswordMark::Digest(text.into());
        let table = [
            (set_at(2), set_at(1), true),
            (set_at(1), set_at(1), false),
            (set_at(1), set_at(2), false),
            (digest("a"), digest("a"), false),
            (digest("a"), digest("b"), true),
            (digest("a"), set_at(1), true),
        ];
        for (now, before, expected) in table {
            assert_eq!(now.is_after(&before), expected, "{now:?} {before:?}");
        }
    }
}
