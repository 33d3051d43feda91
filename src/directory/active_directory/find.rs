//! Finding people: who answers to a name, and which of them may sign in.

use ldap3::{Scope, SearchEntry};

use super::groups::Groups;
use super::lockout::{BAD_PASSWORD_COUNT, BAD_PASSWORD_TIME, Moment, RESULTANT_PSO};
use super::{ActiveDirectory, filetime};
use crate::config::active_directory::ACCOUNT_NAME;
use crate::directory::Account;
use crate::directory::ldap_client::connection::{Connection, Question};
use crate::directory::ldap_client::{Fault, entry, metadata, person};

impl ActiveDirectory {
    /// Whoever matches `filter` below the base and may sign in, at most two.
    pub(super) async fn look(&self, connection: &Connection, filter: &str) -> Result<Vec<Account>, Fault> {
        let attributes = self.attributes();
        let base = &self.config.ldap.users.base;
        let question = Question { base, scope: Scope::Subtree, filter, attributes: &attributes, at_most: CANDIDATES };
        let before = self.rules.moment();
        let found = connection.search(question).await?;
        // Among those that we were not shown there may be another, and then it would be nobody.
        if found.is_cut {
            return Err(Fault::Final(format!("more than {CANDIDATES} entries below {base} answer to one name")));
        }
        let mut accounts = Vec::new();
        for candidate in &found.entries {
            let groups = self.groups_of(connection, candidate).await?;
            if !self.may_sign_in(connection, candidate, &groups).await? {
                continue;
            }
            accounts.push(self.account(connection, candidate, &groups, before).await?);
            if accounts.len() == 2 {
                return Ok(accounts);
            }
        }
        if found.entries.is_empty() {
            self.look_for_nobody(connection).await?;
        }
        Ok(accounts)
    }

    async fn may_sign_in(&self, connection: &Connection, candidate: &SearchEntry, groups: &Groups) -> Result<bool, Fault> {
        let config = &self.config;
        if config.refuse_privileged && is_privileged(candidate) {
            return Ok(false);
        }
        for group in &config.refuse_groups {
            if self.is_in(connection, candidate, groups, group).await? {
                return Ok(false);
            }
        }
        match &config.ldap.users.member_of {
            Some(group) => self.is_in(connection, candidate, groups, group).await,
            None => Ok(true),
        }
    }

    async fn account(
        &self,
        connection: &Connection,
        candidate: &SearchEntry,
        groups: &Groups,
        before: Moment,
    ) -> Result<Account, Fault> {
        let name = self.client.name();
        let mut user = person::user(name, ACCOUNT_NAME, &self.config.ldap, candidate).map_err(Fault::Final)?;
        user.groups = self.names_of(connection, groups).await?;
        user.password_expires = entry::first(candidate, PASSWORD_EXPIRES).and_then(|time| filetime::point(&time));
        let lock_out = self.lock_out(connection, candidate, &user.id, before).await?;
        Ok(Account { user, handle: candidate.dn.clone(), lock_out })
    }

    /// What is asked about somebody who was found, asked about somebody who cannot exist: a controller that is slow shall not tell
    /// by the time who does.
    async fn look_for_nobody(&self, connection: &Connection) -> Result<(), Fault> {
        let nobody = SearchEntry { dn: self.nobody.clone(), attrs: Default::default(), bin_attrs: Default::default() };
        match self.token_of(connection, &nobody).await {
            Ok(_) | Err(Fault::Missing(_) | Fault::Final(_)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    fn attributes(&self) -> Vec<&str> {
        self.config.ldap.attributes.names().chain(OURS).collect()
    }
}

/// Active Directory sets this on members of its own administrative groups, and leaves it there when they are members no more.
fn is_privileged(candidate: &SearchEntry) -> bool {
    entry::first(candidate, ADMIN_COUNT).is_some_and(|count| count != "0")
}

const ADMIN_COUNT: &str = "adminCount";
const PASSWORD_EXPIRES: &str = "msDS-UserPasswordExpiryTimeComputed";
const OURS: [&str; 10] = [
    ACCOUNT_NAME,
    "objectSid",
    "primaryGroupID",
    ADMIN_COUNT,
    "pwdLastSet",
    metadata::ATTRIBUTE,
    PASSWORD_EXPIRES,
    RESULTANT_PSO,
    BAD_PASSWORD_COUNT,
    BAD_PASSWORD_TIME,
];
/// Entries that are looked at for one name; more than one person already means nobody.
const CANDIDATES: i32 = 8;
