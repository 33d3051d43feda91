//! Any LDAP server as a directory: people are found by the service user, passwords are judged by a bind as the person.

mod change;
mod lookup;
mod membership;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use data_encoding::HEXLOWER;

use crate::base::tls::CertificateFacts;
use crate::base::{Clock, Dn, Later, Random, Secret, UserId};
use crate::config;
use crate::config::group::Group;
use crate::directory::account_status::{AccountStatus, Changes, Lister, Mark};
use crate::directory::ldap_client::bind::answer;
use crate::directory::ldap_client::bulk::{Bulk, Refused};
use crate::directory::ldap_client::client::Client;
use crate::directory::ldap_client::{LdapNewError, filter};
use crate::directory::{
    Account, By, Changed, Directory, DirectoryError, Examination, Meaning, Membership, Unlock, Verdict, password,
};
use crate::directory::{check, ldap_client};

pub struct Ldap {
    client: Client,
    /// A distinguished name that nobody has.
    nobody: String,
    /// Whether entries carry `memberOf`: learnt from the first that does.
    fills_member_of: AtomicBool,
    bulk: Bulk,
}

impl Ldap {
    /// Reads the CA file and checks what can be checked without asking a server.
    pub fn new(
        name: Arc<str>,
        config: &config::directory::Ldap,
        clock: Clock,
        random: &dyn Random,
    ) -> Result<Self, LdapNewError> {
        ldap_client::check(config)?;
        let attribute = config.users.names.first().ok_or(LdapNewError::NoNames)?;
        Ok(Self {
            client: Client::new(name, config, None, clock.clone())?,
            fills_member_of: AtomicBool::new(false),
            bulk: Bulk::new(clock, Refused::default()),
            nobody: filter::nobody(attribute, &HEXLOWER.encode(&random.bytes::<16>()), &config.users.base),
        })
    }
}

impl Directory for Ldap {
    fn name(&self) -> &str {
        self.client.name()
    }

    fn find<'a>(&'a self, by: &'a By) -> Later<'a, Result<Vec<Account>, DirectoryError>> {
        Box::pin(async move {
            let config = self.client.config();
            let Some(filter) = filter::of_users(&config.users, &config.attributes, by) else { return Ok(Vec::new()) };
            let filter = filter.as_str();
            self.client.in_time(self.client.ask(move |kept| async move { self.look_with(&kept.connection, filter).await })).await
        })
    }

    fn verify<'a>(&'a self, account: &'a Account, password: &'a Secret<String>) -> Later<'a, Result<Verdict, DirectoryError>> {
        Box::pin(async move {
            if !password::usable(password) {
                return Ok(Verdict::Wrong);
            }
            self.client.judge(&account.handle, password, answer).await?.map_err(|why| self.client.failed(why))
        })
    }

    fn verify_nobody<'a>(&'a self, password: &'a Secret<String>) -> Later<'a, Result<(), DirectoryError>> {
        Box::pin(async move {
            if !password::usable(password) {
                return Ok(());
            }
            // What keeps everybody out must show here too, or a refusal would tell who exists.
            self.client.judge(&self.nobody, password, answer).await.map(|_| ())
        })
    }

    fn change<'a>(
        &'a self,
        account: &'a Account,
        old: &'a Secret<String>,
        new: &'a Secret<String>,
    ) -> Later<'a, Result<Changed, DirectoryError>> {
        Box::pin(self.client.in_time(self.change_password(&account.handle, old, new)))
    }

    fn unlock<'a>(&'a self, account: &'a Account) -> Later<'a, Result<Unlock, DirectoryError>> {
        Box::pin(self.client.unlock(&account.handle, self.bulk.clock().now()))
    }

    fn changes_since<'a>(&'a self, mark: Option<&'a Mark>) -> Later<'a, Result<Changes, DirectoryError>> {
        Box::pin(self.bulk.changes_since(&self.client, mark))
    }

    fn statuses<'a>(&'a self, ids: &'a [UserId]) -> Later<'a, Result<Vec<(UserId, AccountStatus)>, DirectoryError>> {
        Box::pin(self.bulk.statuses(&self.client, ids))
    }

    fn list(&self, into: Lister) -> Later<'_, Result<(), DirectoryError>> {
        Box::pin(self.bulk.list(&self.client, into))
    }

    fn memberships<'a>(
        &'a self,
        user: &'a UserId,
        groups: &'a [Group],
    ) -> Later<'a, Result<Vec<Option<Membership>>, DirectoryError>> {
        let told = self.client.ask(move |kept| async move { self.memberships_with(&kept.connection, user, groups).await });
        Box::pin(self.client.in_time(told))
    }

    fn meaning<'a>(&'a self, group: &'a Group) -> Later<'a, Result<Meaning, DirectoryError>> {
        let told = self.client.ask(move |kept| async move { self.meaning_with(&kept.connection, group).await });
        Box::pin(self.client.in_time(told))
    }

    fn tree(&self) -> Option<&Dn> {
        Some(self.client.tree())
    }

    fn certificates(&self) -> Vec<(String, CertificateFacts)> {
        self.client.servers.certificates()
    }

    fn examine(&self) -> Later<'_, Examination> {
        Box::pin(check::examine(&self.client, self.bulk.clock()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SystemSource;
    use crate::directory::ldap_client::tests::config;

    type Change = fn(&mut config::directory::Ldap);

    #[test]
    fn what_cannot_work_is_refused_at_once() {
        let table: [(Change, &str); 7] = [
            (|c| c.users.base = " ".into(), "users.base"),
            (|c| c.users.filter = "(a=b".into(), "users.filter"),
            (|c| c.users.names = vec!["uid=*)(cn".into()], "no name of an attribute"),
            (|c| c.users.names.clear(), "users.names"),
            (|c| c.service_password = Secret::new(String::new()), "service_password"),
            (|c| c.servers.clear(), "no server"),
            (|c| c.ca = Some("/nonexistent".into()), "cannot read /nonexistent"),
        ];
        for (change, words) in table {
            let mut config = config();
            change(&mut config);
            let error = Ldap::new("corp".into(), &config, Clock::by_hand(), &SystemSource).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|error| error.contains(words)), "{words}: {error:?}");
        }
    }

    #[test]
    fn nobody_is_below_the_base_and_another_in_each_directory() {
        let nobody = || Ldap::new("corp".into(), &config(), Clock::by_hand(), &SystemSource).unwrap().nobody;
        assert!(nobody().starts_with("uid=nobody-") && nobody().ends_with(",ou=people,dc=test"));
        assert_ne!(nobody(), nobody());
    }
}
