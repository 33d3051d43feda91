//! What the configuration says to the house rules. Replaced as a whole by a reload; what was begun under it is finished under it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::policy::Terms;
use super::services::{CouldNotTell, Services};
use super::session::registry::Sessions;
use crate::base::Language;
use crate::config::{Application, AuthenticationPolicy, Limits, Notices, PasscodePolicy, Translated};
use crate::directory::{People, User};
use crate::dispatch::{Addresses, Dispatcher};

/// Everything the house rules need, handed in by the part that puts all together.
pub struct Parts {
    pub applications: Vec<Application>,
    pub authentication_policies: Vec<AuthenticationPolicy>,
    pub passcode_policies: Vec<PasscodePolicy>,
    pub limits: Limits,
    pub notices: Notices,
    pub people: People,
    /// By the directory's name: how long before a password runs out its owner is told.
    pub password_warnings: HashMap<Arc<str>, Duration>,
    pub dispatcher: Dispatcher,
    pub sessions: Sessions,
    pub services: Services,
}

pub(super) struct Rules {
    pub applications: HashMap<Arc<str>, Application>,
    pub authentication_policies: HashMap<Arc<str>, AuthenticationPolicy>,
    pub passcode_policies: HashMap<Arc<str>, PasscodePolicy>,
    pub notices: Notices,
    pub people: People,
    pub password_warnings: HashMap<Arc<str>, Duration>,
    pub dispatcher: Dispatcher,
}

impl Rules {
    pub fn application(&self, name: &str) -> Result<&Application, CouldNotTell> {
        self.applications.get(name).ok_or(CouldNotTell::Unknown("there is no such application"))
    }

    /// What people call the application or client of this name.
    pub fn title(&self, name: &str, language: Language) -> String {
        let title = self.applications.get(name).and_then(|application| application.title.as_ref());
        title.map_or_else(|| name.to_owned(), |title| title.of(language).clone())
    }

    /// Whatever messages may call it, in any language: the longest first, as one may be a part of another.
    pub fn titles<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let titles = self.applications.get(name).and_then(|application| application.title.as_ref());
        let all = titles.into_iter().flat_map(Translated::all).map(String::as_str).chain([name]);
        let mut all: Vec<&str> = all.collect();
        all.sort_by_key(|title| std::cmp::Reverse(title.len()));
        all.into_iter()
    }

    pub fn passcode_policy(&self, name: &str) -> Result<&PasscodePolicy, CouldNotTell> {
        self.passcode_policies.get(name).ok_or(CouldNotTell::Unknown("there is no such passcode policy"))
    }

    pub fn authentication_policy(&self, name: &str) -> Result<&AuthenticationPolicy, CouldNotTell> {
        self.authentication_policies.get(name).ok_or(CouldNotTell::Unknown("there is no such policy"))
    }

    /// Whether every policy that a flow goes by is still there.
    pub fn has(&self, terms: &Terms) -> bool {
        self.passcode_policies.contains_key(&terms.passcode) && self.dispatcher.knows(&terms.dispatch)
    }

    /// Where a user can be reached.
    pub fn addresses(&self, user: &User) -> Addresses {
        Addresses {
            mobile: user.mobile.clone(),
            second_mobile: user.second_mobile.clone(),
            mail: user.mail.clone(),
            push: user.push.clone(),
            country_prefix: self.people.country_prefix(user.id.directory()).map(str::to_owned),
        }
    }
}
