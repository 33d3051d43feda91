//! Active Directory: any spelling of a name, groups within groups, and what a refused bind says of the account.
//!
//! The state of an account is read from the answer to its own bind alone, which tells it to nobody without the right password.

mod cache;
mod change;
mod filetime;
mod find;
mod groups;
mod lockout;
mod membership;
mod names;
mod sid;
pub mod subcode;

use std::sync::Arc;

use data_encoding::HEXLOWER;
use ldap3::LdapResult;

use self::groups::KnownGroups;
use self::lockout::Rules;
use self::subcode::Subcode;
use crate::base::tls::CertificateFacts;
use crate::base::{Clock, Dn, Later, Random, Secret, UserId};
use crate::config::directory::ActiveDirectory as Config;
use crate::config::group::Group;
use crate::directory::account_status::{AccountStatus, Changes, Lister, Mark};
use crate::directory::check as examine;
use crate::directory::ldap_client::bind::answer;
use crate::directory::ldap_client::bulk::{Bulk, Refused};
use crate::directory::ldap_client::client::{Answer, Client};
use crate::directory::ldap_client::discovery::Discovery;
use crate::directory::ldap_client::{LdapNewError, check, filter};
use crate::directory::{
    Account, Bar, By, Changed, Directory, DirectoryError, Examination, Meaning, Membership, Unlock, Verdict, password,
};

pub struct ActiveDirectory {
    client: Client,
    config: Config,
    clock: Clock,
    groups: KnownGroups,
    bulk: Bulk,
    rules: Rules,
    /// A distinguished name that nobody has.
    nobody: String,
}

impl ActiveDirectory {
    /// Reads the CA file and checks what can be checked without asking a domain controller.
    pub fn new(name: Arc<str>, config: &Config, clock: Clock, random: &dyn Random) -> Result<Self, LdapNewError> {
        check(&config.ldap)?;
        let discovery = Discovery::new(&config.domain, &config.dns, random.bytes());
        Ok(Self {
            client: Client::new(name, &config.ldap, Some(discovery), clock.clone())?,
            config: config.clone(),
            clock: clock.clone(),
            groups: KnownGroups::default(),
            bulk: Bulk::new(clock, Refused { groups: config.refuse_groups.clone(), privileged: config.refuse_privileged }),
            rules: Rules::default(),
            nobody: filter::nobody("CN", &HEXLOWER.encode(&random.bytes::<16>()), &config.ldap.users.base),
        })
    }
}

impl Directory for ActiveDirectory {
    fn name(&self) -> &str {
        self.client.name()
    }

    fn find<'a>(&'a self, by: &'a By) -> Later<'a, Result<Vec<Account>, DirectoryError>> {
        Box::pin(async move {
            let Some(filter) = names::filter(&self.config.ldap, by) else { return Ok(Vec::new()) };
            let filter = filter.as_str();
            self.client.in_time(self.client.ask(move |kept| async move { self.look(&kept.connection, filter).await })).await
        })
    }

    fn verify<'a>(&'a self, account: &'a Account, password: &'a Secret<String>) -> Later<'a, Result<Verdict, DirectoryError>> {
        Box::pin(async move {
            if !password::usable(password) {
                return Ok(Verdict::Wrong);
            }
            let id = &account.user.id;
            let judged = self.client.judge(&account.handle, password, meaning).await;
            match &judged {
                Ok(Ok(Verdict::Wrong)) => {
                    let window = account.lock_out.map(|lock_out| lock_out.window);
                    self.rules.wrong(id, window, self.clock.now());
                }
                Ok(Ok(Verdict::Correct)) => self.rules.forget(id),
                // No wrong one, or nobody could tell.
                _ => {}
            }
            judged?.map_err(|why| self.client.failed(why))
        })
    }

    fn verify_nobody<'a>(&'a self, password: &'a Secret<String>) -> Later<'a, Result<(), DirectoryError>> {
        Box::pin(async move {
            if !password::usable(password) {
                return Ok(());
            }
            self.client.judge(&self.nobody, password, meaning).await.map(|_| ())
        })
    }

    fn change<'a>(
        &'a self,
        account: &'a Account,
        old: &'a Secret<String>,
        new: &'a Secret<String>,
    ) -> Later<'a, Result<Changed, DirectoryError>> {
        Box::pin(self.change_password(account, old, new))
    }

    fn unlock<'a>(&'a self, account: &'a Account) -> Later<'a, Result<Unlock, DirectoryError>> {
        Box::pin(async move {
            let unlocked = self.client.unlock(&account.handle, self.clock.now()).await;
            if matches!(unlocked, Ok(Unlock::Lifted)) {
                // The domain forgets the wrong passwords along with the lock, ours too.
                self.rules.forget(&account.user.id);
            }
            unlocked
        })
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
        Box::pin(examine::examine(&self.client, &self.clock))
    }
}

/// What the result of a bind says of the password. Except for a locked account, Active Directory gives no other reason than a wrong
/// password before the password is right.
fn meaning(result: &LdapResult) -> Answer {
    if result.rc != INVALID_CREDENTIALS {
        return answer(result);
    }
    let verdict = match Subcode::read(&result.text) {
        Some(Subcode::Hours) => Verdict::Barred(Bar::Hours),
        Some(Subcode::Workstation) => Verdict::Barred(Bar::Workstation),
        Some(Subcode::PasswordExpired) => Verdict::Expired,
        Some(Subcode::Disabled) => Verdict::Barred(Bar::Disabled),
        Some(Subcode::AccountExpired) => Verdict::Barred(Bar::AccountExpired),
        Some(Subcode::MustChange) => Verdict::MustChange,
        Some(Subcode::Locked) => Verdict::Locked,
        Some(Subcode::Restricted) => return Answer::Refused("a restriction of this account forbids it to sign in by a password"),
        Some(Subcode::NoSuchUser | Subcode::Wrong | Subcode::Other(_)) | None => Verdict::Wrong,
    };
    Answer::Judged(verdict)
}

const INVALID_CREDENTIALS: u32 = 49;
