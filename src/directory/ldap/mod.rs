//! Any LDAP server as a directory: people are found by the service user, passwords are judged by a bind as the person.
//!
//! A password goes to one server once: to the next only if it certainly has not been sent, or if the server said that it is busy.

mod connection;
mod entry;
pub mod filter;
mod lookup;
mod servers;
mod service;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use data_encoding::HEXLOWER;
use ldap3::LdapResult;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::connection::{BUSY, Connection, SUCCESS, UNAVAILABLE, said};
use self::servers::Servers;
use self::service::Service;
use super::{Account, By, Directory, DirectoryError, Verdict, password};
use crate::base::{Clock, Later, Random, Secret};
use crate::config;

pub struct Ldap {
    name: Arc<str>,
    config: config::directory::Ldap,
    servers: Servers,
    service: Service,
    /// A distinguished name that nobody has.
    nobody: String,
    /// Whether entries carry `memberOf`: learnt from the first that does.
    fills_member_of: AtomicBool,
    calls: Semaphore,
}

#[derive(Debug, thiserror::Error)]
pub enum LdapNewError {
    #[error("ca {}: {why}", file.display())]
    Ca { file: PathBuf, why: String },
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
    #[error("service_user or service_password is empty")]
    NoServiceUser,
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// Why a step with one server did not end well. The words hold no password.
#[derive(Debug)]
enum Fault {
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
    fn words(self) -> String {
        match self {
            Self::Server(why) | Self::Silent(why) | Self::Missing(why) | Self::Final(why) => why,
        }
    }
}

/// What a server's answer to a user's bind means.
#[derive(PartialEq, Eq, Debug)]
enum Answer {
    Judged(Verdict),
    /// The password was not looked at; another server may.
    NotNow,
    /// This account's password was not judged.
    Refused(&'static str),
    /// Nobody's password would be.
    Unfit(&'static str),
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
            name,
            config: config.clone(),
            servers: Servers::new(config, clock)?,
            service: Service::default(),
            fills_member_of: AtomicBool::new(false),
            nobody: filter::nobody(attribute, &HEXLOWER.encode(&random.bytes::<16>()), &config.users.base),
            calls: Semaphore::new(CALLS_AT_ONCE),
        })
    }

    /// Looks with the kept service connection; if that is gone, with a fresh one to each server in turn.
    async fn look(&self, filter: &str) -> Result<Vec<Account>, DirectoryError> {
        if let Some(kept) = self.service.kept() {
            match self.look_with(&kept.connection, filter).await {
                Ok(accounts) => return Ok(accounts),
                Err(Fault::Final(why) | Fault::Missing(why)) => return Err(self.failed(why)),
                // Closed by the server since, or worse: the others are tried, this one too.
                Err(fault) => {
                    self.service.forget(&kept);
                    if matches!(fault, Fault::Silent(_)) {
                        self.servers.failed_at(&kept.url);
                    }
                }
            }
        }
        let mut said = Vec::new();
        for server in self.servers.in_order() {
            let looked = match self.service.open(&server.target, &self.config).await {
                Ok(kept) => {
                    let looked = self.look_with(&kept.connection, filter).await;
                    if matches!(looked, Err(Fault::Server(_) | Fault::Silent(_))) {
                        self.service.forget(&kept);
                    }
                    looked
                }
                Err(fault) => Err(fault),
            };
            match looked {
                Ok(accounts) => return Ok(accounts),
                Err(Fault::Final(why) | Fault::Missing(why)) => return Err(self.failed(format!("{}: {why}", server.target.url))),
                Err(Fault::Server(why) | Fault::Silent(why)) => {
                    self.servers.failed(server);
                    said.push(format!("{}: {why}", server.target.url));
                }
            }
        }
        Err(self.unreachable(&said))
    }

    /// Binds as `dn` over a connection of its own, which is closed afterwards. The inner error: the server refused to judge this
    /// account's password, in these words.
    async fn judge(&self, dn: &str, password: &Secret<String>) -> Result<Result<Verdict, String>, DirectoryError> {
        let mut said_by = Vec::new();
        for server in self.servers.in_order() {
            let url = &server.target.url;
            let connection = match Connection::open(&server.target).await {
                Ok(connection) => connection,
                Err(fault) => {
                    self.servers.failed(server);
                    said_by.push(format!("{url}: {}", fault.words()));
                    continue;
                }
            };
            let result = match connection.bind(dn, password, BIND).await {
                Ok(result) => result,
                // The password may have been judged and counted there, so no other server gets to see it now.
                Err(fault) => {
                    self.servers.failed(server);
                    return Err(self.unreachable(&[format!("{url}: {}", fault.words())]));
                }
            };
            connection.close().await;
            match answer(&result) {
                Answer::Judged(verdict) => return Ok(Ok(verdict)),
                Answer::Refused(why) => return Ok(Err(format!("{url}: {why} ({})", said(&result)))),
                Answer::Unfit(why) => return Err(self.failed(format!("{url}: {why} ({})", said(&result)))),
                Answer::NotNow => {
                    self.servers.failed(server);
                    said_by.push(format!("{url}: {}", said(&result)));
                }
            }
        }
        Err(self.unreachable(&said_by))
    }

    /// At most [`CALLS_AT_ONCE`] at once, the others wait; all of it ends within [`WHOLE`].
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, DirectoryError>>) -> Result<T, DirectoryError> {
        let placed = async {
            let place = self.calls.acquire().await;
            let result = work.await;
            drop(place);
            result
        };
        let ended = timeout(WHOLE, placed).await;
        ended.unwrap_or_else(|_| Err(self.unreachable(&[format!("no answer within {} s in all", WHOLE.as_secs())])))
    }

    fn failed(&self, why: String) -> DirectoryError {
        DirectoryError::Failed { directory: self.name.to_string(), why }
    }

    fn unreachable(&self, said: &[String]) -> DirectoryError {
        DirectoryError::Unreachable { directory: self.name.to_string(), why: said.join("; ") }
    }
}

impl Directory for Ldap {
    fn name(&self) -> &str {
        &self.name
    }

    fn find<'a>(&'a self, by: &'a By) -> Later<'a, Result<Vec<Account>, DirectoryError>> {
        Box::pin(async move {
            match filter::of_users(&self.config.users, &self.config.attributes.mail, by) {
                Some(filter) => self.in_time(self.look(&filter)).await,
                None => Ok(Vec::new()),
            }
        })
    }

    fn verify<'a>(&'a self, account: &'a Account, password: &'a Secret<String>) -> Later<'a, Result<Verdict, DirectoryError>> {
        Box::pin(async move {
            if !password::usable(password) {
                return Ok(Verdict::Wrong);
            }
            self.in_time(self.judge(&account.handle, password)).await?.map_err(|why| self.failed(why))
        })
    }

    fn verify_nobody<'a>(&'a self, password: &'a Secret<String>) -> Later<'a, Result<(), DirectoryError>> {
        Box::pin(async move {
            if !password::usable(password) {
                return Ok(());
            }
            // What keeps everybody out must show here too, or a refusal would tell who exists.
            self.in_time(self.judge(&self.nobody, password)).await.map(|_| ())
        })
    }
}

fn check(config: &config::directory::Ldap) -> Result<(), LdapNewError> {
    if !filter::is_filter(&config.users.filter) {
        return Err(LdapNewError::Filter(config.users.filter.clone()));
    }
    if config.users.base.trim().is_empty() {
        return Err(LdapNewError::NoBase);
    }
    if config.service_user.is_empty() || !password::usable(&config.service_password) {
        return Err(LdapNewError::NoServiceUser);
    }
    let attributes = &config.attributes;
    let others = [&attributes.id, &attributes.mobile, &attributes.mail, &attributes.language, &attributes.display_name];
    let mut all = config.users.names.iter().chain(others).chain(&attributes.second_mobile);
    all.find(|name| !filter::is_attribute(name)).map_or(Ok(()), |name| Err(LdapNewError::Attribute(name.clone())))
}

/// What the result of a bind says of the password (RFC 4511 appendix A, and what servers make of it).
fn answer(result: &LdapResult) -> Answer {
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

const BIND: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(10);
const CALLS_AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SystemSource;
    use crate::config::directory::{Attributes, LdapServer, Users};

    pub(super) fn config() -> config::directory::Ldap {
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
            },
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
            (|c| c.ca = Some("/nonexistent".into()), "ca /nonexistent"),
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
