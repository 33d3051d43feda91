//! What is asked about many people at once: what has changed, how some of them stand, who there is. Alike for every kind of server,
//! except that Active Directory numbers its changes and knows groups within groups.

use std::sync::atomic::{AtomicBool, Ordering};

use ldap3::SearchEntry;

use super::client::Client;
use super::entry;
use super::filter;
use crate::base::{Clock, UserId};
use crate::config::directory::Ldap as Config;
use crate::directory::DirectoryError;
use crate::directory::account_status::{AccountStatus, Changes, Lister, Mark};

pub(in crate::directory) struct Bulk {
    pub(in crate::directory) clock: Clock,
    /// Learnt from what the server says of itself: `kind = "ldap"` may well mean a domain controller.
    pub(in crate::directory) is_active_directory: AtomicBool,
    pub(in crate::directory) refused: Refused,
}

/// Whom the configuration keeps out though they are members.
#[derive(Clone, Debug, Default)]
pub(in crate::directory) struct Refused {
    pub groups: Vec<String>,
    /// Whoever carries `adminCount`.
    pub privileged: bool,
}

impl Bulk {
    pub fn new(clock: Clock, refused: Refused) -> Self {
        Self { clock, is_active_directory: AtomicBool::new(false), refused }
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub async fn changes_since(&self, client: &Client, mark: Option<&Mark>) -> Result<Changes, DirectoryError> {
        client.ask(move |kept| async move { self.changes_with(client, &kept.connection, mark).await }).await
    }

    pub async fn statuses(&self, client: &Client, ids: &[UserId]) -> Result<Vec<(UserId, AccountStatus)>, DirectoryError> {
        client.ask(move |kept| async move { self.statuses_with(client, &kept.connection, ids).await }).await
    }

    pub async fn list(&self, client: &Client, into: Lister) -> Result<(), DirectoryError> {
        // OpenLDAP keeps one place in one paged answer for each connection, so nobody else may ask over this one.
        let connection = client.own().await?;
        self.list_with(client, &connection, &into).await
    }

    pub(in crate::directory) fn speaks_active_directory(&self) -> bool {
        self.is_active_directory.load(Ordering::Relaxed)
    }
}

pub(in crate::directory) fn account_name(config: &Config) -> &str {
    filter::account_names(&config.users, &config.attributes.mail).next().unwrap_or(&config.attributes.mail)
}

/// The names by which a list may hold somebody: every `uid`, which is what RFC 2307 lists whatever people type to sign in, and every account
/// name.
pub(in crate::directory) fn listed_names(config: &Config, entry: &SearchEntry) -> Vec<String> {
    let account = account_name(config);
    let mut names = entry::all(entry, UID);
    if !account.eq_ignore_ascii_case(UID) {
        names.extend(entry::all(entry, account));
    }
    names
}

/// Whether it has one of them. A mail address is none, also where it is all that people type.
pub(in crate::directory) fn has_listed_name(config: &Config, entry: &SearchEntry) -> bool {
    let account = filter::account_names(&config.users, &config.attributes.mail).next();
    std::iter::once(UID).chain(account).any(|attribute| entry::first(entry, attribute).is_some())
}

/// RFC 4519 section 2.39.
pub(in crate::directory) const UID: &str = "uid";

pub(in crate::directory) fn id(config: &Config, entry: &SearchEntry) -> Option<String> {
    entry::id(entry, &config.attributes.id)
}
