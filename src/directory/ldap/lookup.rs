//! Finding people: who answers to a name, which of them may sign in, and in which groups they are.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use ldap3::{Scope, SearchEntry};

use super::Ldap;
use crate::directory::Account;
use crate::directory::ldap_client::bulk;
use crate::directory::ldap_client::bulk::{UID, listed_names};
use crate::directory::ldap_client::connection::{Connection, Question};
use crate::directory::ldap_client::group::{NO_ATTRIBUTES, exists};
use crate::directory::ldap_client::{Fault, entry, filter, metadata, person};

impl Ldap {
    /// Whoever matches `filter` below the base and is a member, at most two.
    pub(super) async fn look_with(&self, connection: &Connection, filter: &str) -> Result<Vec<Account>, Fault> {
        let users = &self.client.config().users;
        let attributes = self.attributes();
        let question =
            Question { base: &users.base, scope: Scope::Subtree, filter, attributes: &attributes, at_most: CANDIDATES };
        let found = connection.search(question).await?;
        let mut accounts = Vec::new();
        for candidate in &found.entries {
            if !self.is_member(connection, candidate).await? {
                continue;
            }
            let account = self.account_name();
            let mut user = person::user(self.client.name(), account, self.client.config(), candidate).map_err(Fault::Final)?;
            user.groups = self.groups(connection, candidate).await?;
            accounts.push(Account { user, handle: candidate.dn.clone(), lock_out: None });
            if accounts.len() == 2 {
                return Ok(accounts);
            }
        }
        if found.entries.is_empty() {
            self.look_for_nobody(connection).await?;
        }
        // Among those that we were not shown there may be another member, and then it would be nobody.
        if found.is_cut {
            return Err(Fault::Final(format!("more than {CANDIDATES} entries below {} answer to one name", users.base)));
        }
        Ok(accounts)
    }

    /// What is asked of the server about somebody who was found, asked about somebody who cannot exist: a server that is slow shall
    /// not tell by the time who does.
    async fn look_for_nobody(&self, connection: &Connection) -> Result<(), Fault> {
        let nobody = SearchEntry { dn: self.nobody.clone(), attrs: HashMap::new(), bin_attrs: HashMap::new() };
        let asked = match &self.client.config().users.member_of {
            Some(group) => exists(connection, group, &self.groups_with(&nobody)).await.map(drop),
            None => Ok(()),
        };
        match asked {
            Ok(()) | Err(Fault::Missing(_) | Fault::Final(_)) => {}
            Err(fault) => return Err(fault),
        }
        if self.fills_member_of.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.groups(connection, &nobody).await.map(drop)
    }

    /// Asks the group, then the entry's `memberOf`: the server compares distinguished names better than we could.
    async fn is_member(&self, connection: &Connection, candidate: &SearchEntry) -> Result<bool, Fault> {
        let Some(group) = &self.client.config().users.member_of else {
            return Ok(true);
        };
        let listed = exists(connection, group, &self.groups_with(candidate)).await;
        if matches!(listed, Ok(true)) {
            return Ok(true);
        }
        let missing = match listed {
            Ok(_) => None,
            Err(Fault::Missing(why)) => Some(why),
            Err(fault) => return Err(fault),
        };
        if exists(connection, &candidate.dn, &filter::of_members(group)).await? {
            return Ok(true);
        }
        match missing {
            // A server that fills memberOf has answered by it; without it only the group could have told.
            Some(why) if entry::all(candidate, MEMBER_OF).is_empty() => Err(Fault::Final(format!("member_of: {why}"))),
            _ => Ok(false),
        }
    }

    /// What applications are told: `memberOf`, where the server fills it; else every group of the tree that lists the user. Never a reason to
    /// refuse somebody.
    async fn groups(&self, connection: &Connection, candidate: &SearchEntry) -> Result<Vec<String>, Fault> {
        let carried = entry::all(candidate, MEMBER_OF);
        if !carried.is_empty() {
            self.fills_member_of.store(true, Ordering::Relaxed);
            return Ok(carried);
        }
        let question = Question {
            base: self.client.root(),
            scope: Scope::Subtree,
            filter: &self.groups_with(candidate),
            attributes: NO_ATTRIBUTES,
            at_most: GROUPS,
        };
        match connection.paged(question).await {
            Ok(found) => Ok(found.entries.into_iter().map(|group| group.dn).collect()),
            Err(Fault::Missing(why) | Fault::Final(why)) => {
                tracing::warn!(directory.name = self.client.name(), why, "applications are told no groups of a user");
                Ok(Vec::new())
            }
            Err(fault) => Err(fault),
        }
    }

    pub(super) fn groups_with(&self, candidate: &SearchEntry) -> String {
        filter::of_groups_with(&candidate.dn, &listed_names(self.client.config(), candidate))
    }

    pub(super) fn account_name(&self) -> &str {
        bulk::account_name(self.client.config())
    }

    fn attributes(&self) -> Vec<&str> {
        let named = self.client.config().attributes.names();
        named.chain([self.account_name(), UID, MEMBER_OF, "pwdLastSet", "pwdChangedTime", metadata::ATTRIBUTE]).collect()
    }
}

const MEMBER_OF: &str = "memberOf";
/// Entries that are looked at for one name; more than one member already means nobody.
const CANDIDATES: i32 = 8;
/// More are not told to applications; rules ask for the groups that they name.
const GROUPS: i32 = 5000;
