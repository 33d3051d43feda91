//! Memberships in the groups that rules name. A directory that cannot judge one gives a reason: what depends on it must not open anything.

use std::fmt;

use futures_util::future::join_all;

use crate::base::UserId;
use crate::config::group::Group;
use crate::directory::{Directory, DirectoryError, People};

/// Whether somebody is in a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Membership {
    Member,
    NotMember,
    CannotSay(Doubt),
}

/// Why a directory cannot say whether somebody is in a group. Displays what is so with the group, for logs, journal and `check --live`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Doubt {
    Missing,
    /// It is there, and shows none of the attributes that would name its members.
    Hidden,
    /// The name alone means more than one group.
    Several,
    /// In another domain of the forest, whose controllers are not asked.
    OtherDomain,
    /// What the directory, or the way to it, said instead of an answer.
    Unanswered(String),
    NotAsked,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "it does not exist, or the service user may not read it",
            Self::Hidden => "it shows no members: it is empty, or the service user may not read or search them",
            Self::Several => "several groups are called so; write its distinguished name",
            Self::OtherDomain => "it belongs to another domain of the forest, which this directory does not ask",
            Self::Unanswered(words) => words,
            Self::NotAsked => "the directory was not asked",
        })
    }
}

/// What the name of a group means in one directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// This one, as the directory calls it.
    Group(String),
    /// The directory has no such group, and would know if there were one.
    Nothing,
    Unclear(Doubt),
}

impl People {
    /// Whether a user is in each of these groups, in their order. Ends within the time limit of a directory; what was not found out by then
    /// is [`Membership::CannotSay`].
    pub async fn memberships(&self, user: &UserId, groups: &[Group]) -> Vec<Membership> {
        let cannot = |why: &str| vec![Membership::CannotSay(Doubt::Unanswered(why.to_owned())); groups.len()];
        let Some(own) = self.directory(user.directory()) else {
            return cannot("the user's directory is no longer in the configuration");
        };
        let told = match own.memberships(user, groups).await {
            Ok(told) if told.len() == groups.len() => told,
            Ok(_) => return cannot("the directory left a group out"),
            Err(error) => return cannot(&error.to_string()),
        };
        let judged = groups.iter().zip(told).map(|(group, told)| async move {
            match told {
                Some(membership) => membership,
                None => self.of_foreign(own.as_ref(), group).await,
            }
        });
        join_all(judged).await
    }

    /// For a group that the user's own directory has not: a group of another directory has no members here, and one of none was misspelt,
    /// renamed or deleted.
    async fn of_foreign(&self, own: &dyn Directory, group: &Group) -> Membership {
        if own.tree().is_none() {
            // A users file names all groups of its users.
            return Membership::NotMember;
        }
        let others = self.places().iter().map(|place| &place.directory).filter(|other| other.name() != own.name());
        let mut doubt = Doubt::Missing;
        for other in others {
            let is_theirs = match (group.dn(), other.tree()) {
                (Some(dn), Some(tree)) => dn.is_within(tree),
                _ => match other.meaning(group).await {
                    Ok(Meaning::Group(_)) => true,
                    Ok(Meaning::Nothing) => false,
                    Ok(Meaning::Unclear(why)) => {
                        doubt = why;
                        false
                    }
                    Err(error) => {
                        doubt = Doubt::Unanswered(error.to_string());
                        false
                    }
                },
            };
            if is_theirs {
                return Membership::NotMember;
            }
        }
        Membership::CannotSay(doubt)
    }

    /// What a group of a rule means in each directory, for an operator: by the directory's name, in the order in which they are asked.
    pub async fn meanings(&self, group: &Group) -> Vec<(String, Result<Meaning, DirectoryError>)> {
        let asked = self.places().iter().map(|place| async move {
            let directory = &place.directory;
            (directory.name().to_owned(), directory.meaning(group).await)
        });
        join_all(asked).await
    }
}
