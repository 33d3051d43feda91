//! Who people are: where users and passwords live. Answers with reasons and knows nothing of logins.

pub mod account_status;
pub mod active_directory;
mod check;
pub mod ldap;
pub mod ldap_client;
pub mod local;
mod membership;
pub mod name;
pub mod password;
pub mod people;
mod timed;

pub use account_status::{AccountStatus, Changes, Listed, Lister, Mark, PasswordMark};
pub use local::users_file::{LocalError, Mistake};
pub use membership::{Doubt, Meaning, Membership};
pub use name::{By, Name};
pub use people::{Found, People};

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::tls::CertificateFacts;
use crate::base::{Dn, Later, Secret, Time, UserId};
use crate::config::group::Group;

/// How a person wants text messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsType {
    /// Kept by the phone like any other.
    Normal,
    /// Shown at once and not kept (class 0, 3GPP TS 23.038).
    Flash,
}

impl SmsType {
    /// By its word, `normal` or `flash`; capital and small letters are the same.
    pub fn named(word: &str) -> Option<Self> {
        [("normal", Self::Normal), ("flash", Self::Flash)]
            .into_iter()
            .find_map(|(name, kind)| name.eq_ignore_ascii_case(word.trim()).then_some(kind))
    }
}

/// A person in a directory, as far as we know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    /// The account name, as the directory spells it.
    pub name: String,
    pub display_name: Option<String>,
    pub mail: Option<String>,
    /// As the directory has it; numbers are normalised when something is sent.
    pub mobile: Option<String>,
    pub second_mobile: Option<String>,
    /// A topic of a push service; whoever knows it reads along.
    #[serde(default)]
    pub push: Option<String>,
    /// How text messages should come; nothing: as the passcode policy says.
    #[serde(default)]
    pub sms_type: Option<SmsType>,
    /// What the user prefers, as `Accept-Language` has it (RFC 2798 section 2.7): `da, de;q=0.7`.
    pub language: Option<String>,
    /// Names (local) or distinguished names (LDAP), as the directory spells them.
    pub groups: Vec<String>,
    /// When the password runs out, where the directory says so.
    #[serde(default)]
    pub password_expires: Option<Time>,
    /// Which password the account had when it was looked up; nothing where the directory does not say, and after a change of ours.
    #[serde(default)]
    pub password_mark: Option<PasswordMark>,
    /// When the number in `mobile` was written last, where the directory says so.
    #[serde(default)]
    pub mobile_changed: Option<Time>,
}

impl User {
    /// Somebody of whom nothing is known but the name.
    pub fn new(id: UserId, name: String) -> Self {
        Self {
            id,
            name,
            display_name: None,
            mail: None,
            mobile: None,
            second_mobile: None,
            push: None,
            sms_type: None,
            language: None,
            groups: Vec::new(),
            password_expires: None,
            password_mark: None,
            mobile_changed: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn bare(name: &str) -> Self {
        Self::new(UserId::new("local", name), name.to_owned())
    }
}

/// A user that was found, and what `verify` needs to check the password.
#[derive(Clone, Debug)]
pub struct Account {
    pub user: User,
    /// What the directory binds or looks up by: a distinguished name, or the id in a file.
    pub handle: String,
    /// The directory's own threshold, where it has one that is known.
    pub lock_out: Option<LockOut>,
}

/// After `threshold` wrong passwords within `window` the directory locks the account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LockOut {
    pub threshold: u32,
    pub window: Duration,
    /// Wrong passwords within the window that did not come from us: so many fewer may.
    pub spent: u32,
}

/// What a directory says of a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Correct,
    /// Right, and for so long yet: said by directories that tell it with a bind alone; others fill `User::password_expires`.
    Expiring(Duration),
    Wrong,
    /// Right, and nobody gets further with it before it is changed.
    MustChange,
    /// Right once, and too old now.
    Expired,
    /// Right, but this account may not sign in: not now, or not at all.
    Barred(Bar),
    /// The directory looks at no password of this account for the time being: it may be right or wrong.
    Locked,
}

/// What keeps an account out whose password is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bar {
    Disabled,
    AccountExpired,
    /// Outside the hours it may sign in at.
    Hours,
    /// From nowhere but certain computers.
    Workstation,
}

/// What became of a change of a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Changed {
    Yes,
    /// The old password is not the one that is valid; the directory counted it.
    WrongOld,
    /// The directory wants another one.
    Refused(Complaint),
    /// Whoever tries, this directory does not change this password: it cannot at all, or a right is missing. In words, for the log.
    Unable(String),
}

/// What became of an operator's wish to lift a lock in the directory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "why", rename_all = "kebab-case")]
pub enum Unlock {
    Lifted,
    /// The directory shows no lock.
    NotLocked,
    /// It cannot, or a right is missing. In words for an operator.
    Unable(String),
}

/// What a directory has against a new password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Complaint {
    TooShort,
    /// One of the last few.
    UsedBefore,
    /// The old one is too new to be changed again already.
    TooYoung,
    /// Too few kinds of letters, or the name in it.
    NotComplex,
    /// It broke a rule, and the directory does not say which.
    Policy,
}

/// A directory could not tell. Nobody is let in on one of these, and nothing is counted against anybody.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("directory {directory}: nobody could tell: {why}")]
    Unreachable { directory: String, why: String },
    /// The same, after the password was sent: it may have been judged there, and counted.
    #[error("directory {directory}: a password was sent and not answered: {why}")]
    Unanswered { directory: String, why: String },
    #[error("directory {directory}: {why}")]
    Failed { directory: String, why: String },
}

/// What was found when a directory was looked at, each a sentence.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Examination {
    /// People cannot sign in, or not all of them, or wrongly.
    pub problems: Vec<String>,
    /// It works, and somebody should know all the same.
    pub warnings: Vec<String>,
    pub facts: Vec<String>,
}

/// Who waits where only so many passwords can be checked at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queue {
    /// Anybody.
    Strangers,
    /// People in a browser in which they have signed in before. They never wait behind strangers.
    Known,
}

/// One directory. Every method ends within the directory's own time limit.
pub trait Directory: Send + Sync {
    /// The name from the configuration.
    fn name(&self) -> &str;

    /// Everybody who may sign in and whom this name means, at most two (two already mean: nobody).
    fn find<'a>(&'a self, by: &'a By) -> Later<'a, Result<Vec<Account>, DirectoryError>>;

    /// Checks a password. An empty one, or one with NUL, is `Wrong` before anybody is asked.
    fn verify<'a>(&'a self, account: &'a Account, password: &'a Secret<String>) -> Later<'a, Result<Verdict, DirectoryError>>;

    /// Does the work of `verify` for somebody who does not exist, so that it takes the same steps. Never says yes.
    fn verify_nobody<'a>(&'a self, password: &'a Secret<String>) -> Later<'a, Result<(), DirectoryError>>;

    /// The same as `verify` for somebody who stands in this queue, where the directory makes anybody wait.
    fn verify_in<'a>(
        &'a self,
        _queue: Queue,
        account: &'a Account,
        password: &'a Secret<String>,
    ) -> Later<'a, Result<Verdict, DirectoryError>> {
        self.verify(account, password)
    }

    /// The same as `verify_nobody` for somebody who stands in this queue.
    fn verify_nobody_in<'a>(&'a self, _queue: Queue, password: &'a Secret<String>) -> Later<'a, Result<(), DirectoryError>> {
        self.verify_nobody(password)
    }

    /// Sets a new password where the old one is right; works for a password that must be changed or has expired too. The old one
    /// counts against the account's threshold where it is wrong.
    fn change<'a>(
        &'a self,
        account: &'a Account,
        old: &'a Secret<String>,
        new: &'a Secret<String>,
    ) -> Later<'a, Result<Changed, DirectoryError>>;

    /// Lifts the lock that wrong passwords have brought about, by the service user's right. Whatever else keeps an account out stays.
    fn unlock<'a>(&'a self, account: &'a Account) -> Later<'a, Result<Unlock, DirectoryError>>;

    /// What has changed since `mark` was given out: one question, whoever is signed in. Without a mark it is everybody.
    fn changes_since<'a>(&'a self, mark: Option<&'a Mark>) -> Later<'a, Result<Changes, DirectoryError>>;

    /// How these users stand, at most [`account_status::MOST_AT_ONCE`] of them, in a few questions for all together. In any order; nobody
    /// is left out.
    fn statuses<'a>(&'a self, ids: &'a [UserId]) -> Later<'a, Result<Vec<(UserId, AccountStatus)>, DirectoryError>>;

    /// Whether a user is in each of these groups, in their order; nothing for a group that is none of this directory's. Groups within groups
    /// count where the directory has them, and the primary group does.
    fn memberships<'a>(
        &'a self,
        user: &'a UserId,
        groups: &'a [Group],
    ) -> Later<'a, Result<Vec<Option<Membership>>, DirectoryError>>;

    /// What the name of a group means here.
    fn meaning<'a>(&'a self, group: &'a Group) -> Later<'a, Result<Meaning, DirectoryError>>;

    /// The tree that this directory's distinguished names are in; nothing where it has none.
    fn tree(&self) -> Option<&Dn>;

    /// What its servers showed in their last TLS handshakes, by their addresses; nothing where there is no TLS.
    fn certificates(&self) -> Vec<(String, CertificateFacts)> {
        Vec::new()
    }

    /// Everybody whom the configuration counts among the users, members of the group or not. Takes as long as `into` takes.
    fn list(&self, into: Lister) -> Later<'_, Result<(), DirectoryError>>;

    /// What is so with it right now, in words for an operator.
    fn examine(&self) -> Later<'_, Examination>;
}
