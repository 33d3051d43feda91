//! Who people are: where users and passwords live. Answers with reasons and knows nothing of logins.

pub mod ldap;
pub mod local;
pub mod name;
pub mod password;
pub mod people;
mod users_file;

pub use name::{By, Name};
pub use people::{Found, People};
pub use users_file::{LocalError, Mistake};

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::{Later, Secret, UserId};

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
    /// A BCP 47 tag.
    pub language: Option<String>,
    /// Names (local) or distinguished names (LDAP), as the directory spells them.
    pub groups: Vec<String>,
}

#[cfg(test)]
impl User {
    /// Somebody of whom nothing is known but the name.
    pub(crate) fn bare(name: &str) -> Self {
        Self {
            id: UserId::new("local", name),
            name: name.to_owned(),
            display_name: None,
            mail: None,
            mobile: None,
            second_mobile: None,
            language: None,
            groups: Vec::new(),
        }
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
}

/// What a directory says of a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Correct,
    Wrong,
}

/// A directory could not tell. Nobody is let in on one of these, and nothing is counted against anybody.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("directory {directory}: nobody could tell: {why}")]
    Unreachable { directory: String, why: String },
    #[error("directory {directory}: {why}")]
    Failed { directory: String, why: String },
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
}
