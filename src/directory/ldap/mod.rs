//! Any LDAP server as a directory: people are found by the service user, passwords are judged by a bind as the person.

mod change;
mod changes;
pub(super) mod connection;
pub mod descriptor;
pub(super) mod entry;
pub(super) mod examine;
mod examine_people;
mod examine_policies;
mod examine_rights;
mod examine_servers;
pub mod filter;
pub(super) mod finder;
pub(super) mod line;
mod list;
mod lookup;
pub(super) mod membership;
pub mod metadata;
pub mod password_policy;
pub(super) mod person;
pub(super) mod roll;
mod root;
mod servers;
pub(super) mod service;
mod standing;
mod standings;
mod time;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use data_encoding::HEXLOWER;
use ldap3::LdapResult;

use self::connection::{BUSY, SUCCESS, UNAVAILABLE};
use self::line::{Answer, Line};
use self::roll::{Refused, Roll};
use super::standing::{Changes, Lister, Mark, Standing};
use super::{Account, By, Changed, Directory, DirectoryError, Examination, Meaning, Membership, Verdict, password};
use crate::base::dn::DnError;
use crate::base::tls::TlsError;
use crate::base::{Clock, Dn, Later, Random, Secret, UserId};
use crate::config;
use crate::config::group::Group;

pub struct Ldap {
    line: Line,
    /// A distinguished name that nobody has.
    nobody: String,
    /// Whether entries carry `memberOf`: learnt from the first that does.
    fills_member_of: AtomicBool,
    roll: Roll,
}

#[derive(Debug, thiserror::Error)]
pub enum LdapNewError {
    #[error("{host}: without TLS only a loopback address may be asked; use ldaps:// or starttls = true")]
    InTheClear { host: String },
    #[error("{host}: a server that is reached by TLS is written by its name, as in its certificate, not by its IPv6 address")]
    Ipv6 { host: String },
    #[error("there is no server")]
    NoServer,
    #[error("users.filter {0:?} is no search filter (RFC 4515)")]
    Filter(String),
    #[error("{0:?} is no name of an attribute")]
    Attribute(String),
    #[error("users.names is empty")]
    NoNames,
    #[error("users.base is empty")]
    NoBase,
    #[error("users.base is no distinguished name: {0}")]
    Base(DnError),
    #[error("service_user or service_password is empty")]
    NoServiceUser,
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why a step with one server did not end well. The words hold no password.
#[derive(Debug)]
pub(super) enum Fault {
    /// This server does not serve now; another may.
    Server(String),
    /// The same, and it let us wait: whoever asks next shall ask another first.
    Silent(String),
    /// What was asked for is not there, or not for us.
    Missing(String),
    /// Another server would say the same, or must not be asked.
    Final(String),
}

impl Fault {
    pub(super) fn words(self) -> String {
        match self {
            Self::Server(why) | Self::Silent(why) | Self::Missing(why) | Self::Final(why) => why,
        }
    }
}

impl Ldap {
    /// Reads the CA file and checks what can be checked without asking a server.
    pub fn new(
        name: Arc<str>,
        config: &config::directory::Ldap,
        clock: Clock,
        random: &dyn Random,
    ) -> Result<Self, LdapNewError> {
        check(config)?;
        let attribute = config.users.names.first().ok_or(LdapNewError::NoNames)?;
        Ok(Self {
            line: Line::new(name, config, None, clock.clone())?,
            fills_member_of: AtomicBool::new(false),
            roll: Roll::new(clock, Refused::default()),
            nobody: filter::nobody(attribute, &HEXLOWER.encode(&random.bytes::<16>()), &config.users.base),
        })
    }
}

impl Directory for Ldap {
    fn name(&self) -> &str {
        self.line.name()
    }

    fn find<'a>(&'a self, by: &'a By) -> Later<'a, Result<Vec<Account>, DirectoryError>> {
        Box::pin(async move {
            let config = self.line.config();
            let Some(filter) = filter::of_users(&config.users, &config.attributes, by) else { return Ok(Vec::new()) };
            let filter = filter.as_str();
            self.line.in_time(self.line.ask(move |kept| async move { self.look_with(&kept.connection, filter).await })).await
        })
    }

    fn verify<'a>(&'a self, account: &'a Account, password: &'a Secret<String>) -> Later<'a, Result<Verdict, DirectoryError>> {
        Box::pin(async move {
            if !password::usable(password) {
                return Ok(Verdict::Wrong);
            }
            self.line.judge(&account.handle, password, answer).await?.map_err(|why| self.line.failed(why))
        })
    }

    fn verify_nobody<'a>(&'a self, password: &'a Secret<String>) -> Later<'a, Result<(), DirectoryError>> {
        Box::pin(async move {
            if !password::usable(password) {
                return Ok(());
            }
            // What keeps everybody out must show here too, or a refusal would tell who exists.
            self.line.judge(&self.nobody, password, answer).await.map(|_| ())
        })
    }

    fn change<'a>(
        &'a self,
        account: &'a Account,
        old: &'a Secret<String>,
        new: &'a Secret<String>,
    ) -> Later<'a, Result<Changed, DirectoryError>> {
        Box::pin(self.line.in_time(self.change_password(&account.handle, old, new)))
    }

    fn changes_since<'a>(&'a self, mark: Option<&'a Mark>) -> Later<'a, Result<Changes, DirectoryError>> {
        Box::pin(self.roll.changes_since(&self.line, mark))
    }

    fn standings<'a>(&'a self, ids: &'a [UserId]) -> Later<'a, Result<Vec<(UserId, Standing)>, DirectoryError>> {
        Box::pin(self.roll.standings(&self.line, ids))
    }

    fn list(&self, into: Lister) -> Later<'_, Result<(), DirectoryError>> {
        Box::pin(self.roll.list(&self.line, into))
    }

    fn memberships<'a>(
        &'a self,
        user: &'a UserId,
        groups: &'a [Group],
    ) -> Later<'a, Result<Vec<Option<Membership>>, DirectoryError>> {
        let told = self.line.ask(move |kept| async move { self.memberships_with(&kept.connection, user, groups).await });
        Box::pin(self.line.in_time(told))
    }

    fn meaning<'a>(&'a self, group: &'a Group) -> Later<'a, Result<Meaning, DirectoryError>> {
        let told = self.line.ask(move |kept| async move { self.meaning_with(&kept.connection, group).await });
        Box::pin(self.line.in_time(told))
    }

    fn tree(&self) -> Option<&Dn> {
        Some(self.line.tree())
    }

    fn examine(&self) -> Later<'_, Examination> {
        Box::pin(examine::examine(&self.line, self.roll.clock()))
    }
}

pub(super) fn check(config: &config::directory::Ldap) -> Result<(), LdapNewError> {
    if !filter::is_filter(&config.users.filter) {
        return Err(LdapNewError::Filter(config.users.filter.clone()));
    }
    if config.users.base.trim().is_empty() {
        return Err(LdapNewError::NoBase);
    }
    if config.service_user.is_empty() || !password::usable(&config.service_password) {
        return Err(LdapNewError::NoServiceUser);
    }
    let mut all = config.users.names.iter().map(String::as_str).chain(config.attributes.names());
    all.find(|name| !filter::is_attribute(name)).map_or(Ok(()), |name| Err(LdapNewError::Attribute(name.to_owned())))
}

/// What the result of a bind says of the password (RFC 4511 appendix A, and what servers make of it).
pub(super) fn answer(result: &LdapResult) -> Answer {
    if let Some(verdict) = password_policy::verdict(result) {
        return Answer::Judged(verdict);
    }
    match result.rc {
        SUCCESS => Answer::Judged(Verdict::Correct),
        // noSuchObject, inappropriateAuthentication (no password is set), invalidCredentials
        32 | 48 | 49 => Answer::Judged(Verdict::Wrong),
        BUSY | UNAVAILABLE => Answer::NotNow,
        8 | 13 => Answer::Unfit("the server takes passwords over TLS only; use ldaps:// or starttls = true"),
        10 => Answer::Refused("the server refers to another one, and referrals are not followed"),
        19 => Answer::Refused("the server's password policy refused the sign-in"),
        53 => Answer::Refused("the server is unwilling, the account may be locked or switched off"),
        _ => Answer::Refused("the server did not judge the password"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::random::SystemSource;
    use crate::config::directory::{Attributes, LdapServer, Users};

    pub(in crate::directory) fn config() -> config::directory::Ldap {
        config::directory::Ldap {
            servers: vec![LdapServer { tls: false, host: "127.0.0.1".into(), port: 9 }],
            starttls: false,
            ca: None,
            service_user: "cn=service,dc=test".into(),
            service_password: Secret::new("service".into()),
            users: Users {
                base: "ou=people,dc=test".into(),
                filter: "(objectClass=person)".into(),
                names: vec!["uid".into()],
                member_of: None,
            },
            attributes: Attributes {
                id: "entryUUID".into(),
                mobile: "mobile".into(),
                second_mobile: None,
                mail: "mail".into(),
                language: "preferredLanguage".into(),
                display_name: "displayName".into(),
                push: None,
                sms_type: None,
            },
            country_prefix: None,
        }
    }

    #[test]
    fn each_result_of_a_bind_has_its_meaning() {
        let table = [
            (0, Answer::Judged(Verdict::Correct)),
            (32, Answer::Judged(Verdict::Wrong)),
            (48, Answer::Judged(Verdict::Wrong)),
            (49, Answer::Judged(Verdict::Wrong)),
            (51, Answer::NotNow),
            (52, Answer::NotNow),
        ];
        let result = |rc| LdapResult { rc, matched: String::new(), text: String::new(), refs: Vec::new(), ctrls: Vec::new() };
        for (rc, expected) in table {
            assert_eq!(answer(&result(rc)), expected, "{rc}");
        }
        for rc in [1, 2, 7, 10, 14, 19, 34, 50, 53, 80, 4096] {
            assert!(matches!(answer(&result(rc)), Answer::Refused(_)), "{rc}");
        }
        for rc in [8, 13] {
            assert!(matches!(answer(&result(rc)), Answer::Unfit(_)), "{rc}");
        }
    }

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
