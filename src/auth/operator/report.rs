//! Which users can sign in, which cannot, and why not: all of the directories, judged by the same rules as at the login page.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::auth::rules::Rules;
use crate::config::authentication_policy::Then;
use crate::config::dispatch_policy::AddressKind;
use crate::directory::account_status::{Listed, Restriction};
use crate::directory::{Directory, DirectoryError};
use crate::dispatch::{Addresses, is_mail_address, number};

/// One person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Row {
    pub directory: String,
    /// The user id: directory and immutable id.
    pub user: String,
    pub name: String,
    pub display_name: Option<String>,
    /// In E.164 where it is a number, else as the directory has it.
    pub mobile: Option<String>,
    pub second_mobile: Option<String>,
    pub mail: Option<String>,
    pub can_sign_in: bool,
    /// Why not, and what is wrong besides: `no-phone`, `no-mail`, `bad-number`, `bad-mail`, `not-member`, ...
    pub problems: Vec<Problem>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Problem {
    pub what: String,
    /// Empty where the word says it all.
    pub detail: String,
}

/// A report that can be read, one directory after the other.
pub struct Report {
    rules: Arc<Rules>,
    directories: Vec<Arc<dyn Directory>>,
    /// Those that passcodes are sent by.
    policies: BTreeSet<Arc<str>>,
}

/// Users that are held at a time are at most so many times what a directory hands over at once.
const AHEAD: usize = 2;

impl Report {
    pub(in crate::auth) fn new(rules: Arc<Rules>, directory: Option<&str>) -> Option<Self> {
        let all = rules.people.places().iter().map(|place| &place.directory);
        let directories: Vec<_> = all.filter(|it| directory.is_none_or(|name| it.name() == name)).cloned().collect();
        let all_rules = rules.authentication_policies.values().flat_map(|policy| &policy.rules);
        let policies = all_rules.filter_map(|rule| match &rule.then {
            Then::Challenge { dispatch, .. } => Some(Arc::clone(dispatch)),
            Then::Admit | Then::Refuse => None,
        });
        let policies = policies.collect();
        (!directories.is_empty()).then_some(Self { rules, directories, policies })
    }

    /// Sends the rows a few at a time, and no more before those are taken. What could not be read comes back; the others are in it all
    /// the same. Stops once the receiver is gone.
    pub async fn read(&self, rows: mpsc::Sender<Vec<Row>>) -> Vec<DirectoryError> {
        let mut failed = Vec::new();
        for directory in &self.directories {
            let (into, mut listed) = mpsc::channel::<Vec<Listed>>(AHEAD);
            let taking = async {
                while let Some(some) = listed.recv().await {
                    let some = some.into_iter().map(|one| self.row(directory.name(), one)).collect();
                    if rows.send(some).await.is_err() {
                        return;
                    }
                }
            };
            // Both in this one task: a receiver that stops taking stops the list.
            let (listed, ()) = tokio::join!(directory.list(into), taking);
            failed.extend(listed.err());
            if rows.is_closed() {
                break;
            }
        }
        failed
    }

    fn row(&self, directory: &str, listed: Listed) -> Row {
        let Listed { user, status } = listed;
        let mut problems: Vec<Problem> =
            status.restrictions.iter().map(|restriction| Problem::new(restriction.name(), "")).collect();
        let keeps_out =
            |restriction: &Restriction| !matches!(restriction, Restriction::MustChange | Restriction::PasswordExpired);
        let mut can_sign_in = !status.restrictions.iter().any(keeps_out);

        let prefix = self.rules.people.country_prefix(directory);
        let mut phone = |typed: Option<String>| {
            let typed = typed.filter(|typed| !typed.trim().is_empty())?;
            Some(number::normalise(&typed, prefix).unwrap_or_else(|error| {
                problems.push(Problem::new("bad-number", &error.to_string()));
                typed
            }))
        };
        let addresses = self.rules.addresses(&user);
        let (mobile, second_mobile) = (phone(user.mobile), phone(user.second_mobile));
        can_sign_in &= self.ways(&addresses, &mut problems);
        Row {
            directory: directory.to_owned(),
            user: user.id.to_string(),
            name: user.name,
            display_name: user.display_name,
            mobile,
            second_mobile,
            mail: user.mail,
            can_sign_in,
            problems,
        }
    }

    /// Adds what keeps passcodes from this person, and says whether one policy at least has a way. An address counts as missing only where
    /// a policy that finds no way would send to it.
    fn ways(&self, addresses: &Addresses, problems: &mut Vec<Problem>) -> bool {
        let dispatcher = &self.rules.dispatcher;
        let is_empty = |kind: &AddressKind| {
            let address = match kind {
                AddressKind::Mobile => &addresses.mobile,
                AddressKind::SecondMobile => &addresses.second_mobile,
                AddressKind::Mail => &addresses.mail,
                AddressKind::Push => &addresses.push,
            };
            address.as_ref().is_none_or(|address| address.trim().is_empty())
        };
        let sends_mail = self.policies.iter().any(|policy| dispatcher.address_kinds(policy).contains(&AddressKind::Mail));
        if let Some(mail) =
            addresses.mail.as_deref().filter(|mail| sends_mail && !mail.trim().is_empty() && !is_mail_address(mail))
        {
            problems.push(Problem::new("bad-mail", &format!("{mail:?} is no address")));
        }
        let why_not = |policy: &Arc<str>| dispatcher.reaches(policy, addresses).err().map(|why| (Arc::clone(policy), why));
        let unreached: Vec<(Arc<str>, String)> = self.policies.iter().filter_map(why_not).collect();
        let wanted: Vec<AddressKind> = unreached.iter().flat_map(|(policy, _)| dispatcher.address_kinds(policy)).collect();
        let is_phone = |kind: &AddressKind| matches!(kind, AddressKind::Mobile | AddressKind::SecondMobile);
        let has_phone = !is_empty(&AddressKind::Mobile) || !is_empty(&AddressKind::SecondMobile);
        if wanted.iter().any(is_phone) && !has_phone {
            problems.push(Problem::new("no-phone", ""));
        }
        if wanted.contains(&AddressKind::Mail) && is_empty(&AddressKind::Mail) {
            problems.push(Problem::new("no-mail", ""));
        }
        // Where there is nothing at all to send to, these words say it.
        let is_said = |kind: &AddressKind| *kind != AddressKind::Push && is_empty(kind) && !(is_phone(kind) && has_phone);
        if wanted.is_empty() || !wanted.iter().all(is_said) {
            problems.extend(unreached.iter().map(|(policy, why)| Problem::new("not-reached", &format!("{policy}: {why}"))));
        }
        unreached.is_empty() || unreached.len() < self.policies.len()
    }
}

impl Problem {
    fn new(what: &str, detail: &str) -> Self {
        Self { what: what.to_owned(), detail: detail.to_owned() }
    }
}

/// As a person reads it.
impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}
