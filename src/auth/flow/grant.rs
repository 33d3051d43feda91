//! The one proof that a sign-in ended well, and what it is made of. "Was this factor right?" is answered elsewhere; "is it enough?" only here.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Verdict;
use super::change::{Changing, PasswordDue, Why};
use crate::auth::attempt::Door;
use crate::auth::policy::{Decision, Terms};
use crate::base::{Factor, Plan, Time};
use crate::directory::User;

/// Proof that a flow ended well; is used up by what it leads to. Its fields are private and it is made in this module alone:
///
/// ```compile_fail
/// let grant = doorward::auth::flow::Grant { user: unreachable!(), factors: vec![], only_from: None };
/// ```
#[derive(Debug)]
pub struct Grant {
    user: User,
    factors: Vec<Factor>,
    only_from: Option<Vec<IpNet>>,
}

impl Grant {
    pub(in crate::auth) fn into_parts(self) -> (User, Vec<Factor>, Option<Vec<IpNet>>) {
        (self.user, self.factors, self.only_from)
    }

    pub(in crate::auth) fn user(&self) -> &User {
        &self.user
    }

    pub(in crate::auth) fn factors(&self) -> &[Factor] {
        &self.factors
    }

    /// The same for the same user as the directory knows them now.
    #[must_use]
    pub(in crate::auth) fn of(self, user: User) -> Self {
        if user.id == self.user.id { Self { user, ..self } } else { self }
    }

    /// Puts it on record until the password is changed.
    pub(super) fn kept(self) -> KeptGrant {
        let only_from = self.only_from.map(|nets| nets.iter().map(ToString::to_string).collect());
        KeptGrant { user: self.user, factors: self.factors, only_from }
    }
}

/// A grant that waits for a new password. It is read from sealed records alone: an attacker who can write those needs no grant.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct KeptGrant {
    user: User,
    factors: Vec<Factor>,
    only_from: Option<Vec<String>>,
}

impl KeptGrant {
    pub(in crate::auth) fn user(&self) -> &User {
        &self.user
    }

    /// The password was changed: what was looked up is not the one that the session begins with, and shall not end it.
    pub(super) fn with_new_password(mut self) -> Self {
        self.user.password_mark = None;
        self
    }

    pub(super) fn grant(self) -> Grant {
        // A network that does not read any more is left out: it must not widen anything.
        let nets = |nets: Vec<String>| nets.iter().filter_map(|net| net.parse().ok()).collect();
        Grant { user: self.user, factors: self.factors, only_from: self.only_from.map(nets) }
    }
}

/// What one user has proven so far. Like [`KeptGrant`] it is read from sealed records alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proven {
    user: User,
    factors: Vec<Factor>,
}

impl Proven {
    pub(in crate::auth) fn user(&self) -> &User {
        &self.user
    }

    pub(in crate::auth) fn factors(&self) -> &[Factor] {
        &self.factors
    }

    /// A flow of format 1 always began with the password.
    pub(super) fn before_a_passcode(user: User) -> Self {
        Self { user, factors: vec![Factor::Password] }
    }

    /// Adds a factor, if the verdict on it says so.
    pub(super) fn and(mut self, factor: Factor, verdict: Verdict) -> Self {
        if verdict == Verdict::Right && !self.factors.contains(&factor) {
            self.factors.push(factor);
        }
        self
    }

    /// The grant, where what was proven meets the plan.
    pub(super) fn grant(self, plan: &Plan, only_from: Option<Vec<IpNet>>) -> Result<Grant, Box<Self>> {
        if plan.is_met_by(&self.factors) {
            Ok(Grant { user: self.user, factors: self.factors, only_from })
        } else {
            Err(Box::new(self))
        }
    }
}

/// A user whose password is right. Made by the step that saw the directory say so.
#[derive(Debug)]
pub struct PasswordRight {
    proven: Proven,
    why: Option<Why>,
}

/// What the policy makes of a right password.
#[derive(Debug)]
pub enum AfterPassword {
    Admit(Grant),
    /// Enough, but for a new password.
    Change(Changing),
    /// More is to be proven.
    Challenge(Outstanding),
    Refuse(User),
    /// Enough, but for a new password, and the door has no page to set one.
    PasswordDue,
}

impl AfterPassword {
    /// The same at this door: where there is no page for a new password, an old one that is still good is good enough.
    pub(in crate::auth) fn at(self, door: &Door) -> Self {
        match self {
            Self::Change(changing) if !door.has_pages() => changing.later().map_or(Self::PasswordDue, Self::Admit),
            other => other,
        }
    }
}

/// What was proven, and what it is not yet enough for.
#[derive(Clone, Debug)]
pub struct Outstanding {
    pub proven: Proven,
    pub plan: Plan,
    pub terms: Terms,
    /// A new password is asked for in the end.
    pub due: Option<PasswordDue>,
}

impl PasswordRight {
    /// `verdict` must be what the directory said of this very user's password.
    pub(in crate::auth) fn new(mut user: User, verdict: crate::directory::Verdict, now: Time) -> Option<Self> {
        use crate::directory::Verdict;
        let why = match verdict {
            Verdict::Correct => None,
            Verdict::Expiring(left) => {
                user.password_expires = Some(now.plus(left));
                None
            }
            Verdict::MustChange => Some(Why::MustChange),
            Verdict::Expired => Some(Why::Expired),
            Verdict::Wrong | Verdict::Barred(_) | Verdict::Locked => return None,
        };
        Some(Self { proven: Proven { user, factors: vec![Factor::Password] }, why })
    }

    /// The user is to be told that the password runs out then.
    #[must_use]
    pub(in crate::auth) fn warned(self, expires: Time) -> Self {
        Self { why: self.why.or(Some(Why::Expiring(expires))), ..self }
    }

    pub(in crate::auth) fn user(&self) -> &User {
        &self.proven.user
    }

    /// `keep` seals the password; it is asked only where that must be changed in this flow.
    pub(in crate::auth) fn decided(self, decision: Decision, keep: impl FnOnce() -> Option<String>) -> AfterPassword {
        let due = self.why.map(|why| PasswordDue { why, old: keep() });
        match decision {
            Decision::Admit { only_from } => match (self.proven.grant(&Plan::nothing(), only_from), due) {
                (Ok(grant), None) => AfterPassword::Admit(grant),
                (Ok(grant), Some(due)) => AfterPassword::Change(Changing::before(grant, due)),
                (Err(proven), _) => AfterPassword::Refuse(proven.user),
            },
            Decision::Challenge { plan, terms } => {
                AfterPassword::Challenge(Outstanding { proven: self.proven, plan, terms, due })
            }
            Decision::Refuse => AfterPassword::Refuse(self.proven.user),
        }
    }
}
