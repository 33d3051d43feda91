//! Which users can sign in, which cannot, and why not: all of the directories, judged by the same rules as at the login page.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::auth::rules::Rules;
use crate::config::authentication_policy::Then;
use crate::directory::account_status::{Listed, Restriction};
use crate::directory::{Directory, DirectoryError};
use crate::dispatch::number;

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
    /// Why not, and what is wrong besides: `no-phone`, `bad-number`, `not-member`, ...
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
        let unreached: Vec<_> = self
            .policies
            .iter()
            .filter_map(|policy| self.rules.dispatcher.reaches(policy, &addresses).err().map(|why| (policy, why)))
            .collect();
        if mobile.is_none() && second_mobile.is_none() && !unreached.is_empty() {
            problems.push(Problem::new("no-phone", ""));
        } else {
            problems.extend(unreached.iter().map(|(policy, why)| Problem::new("not-reached", &format!("{policy}: {why}"))));
        }
        can_sign_in &= unreached.is_empty() || unreached.len() < self.policies.len();
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
