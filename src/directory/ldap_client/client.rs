//! How the servers of one directory are asked: which one, over which connection, for how long, and when the next one gets its turn.
//!
//! A password goes to one server once: to the next only if it certainly has not been sent, or if the server said that it is busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ldap3::LdapResult;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::connection::{BUSY, Connection, SUCCESS, Target, UNAVAILABLE, said};
use super::discovery::Discovery;
use super::servers::Servers;
use super::service::{Kept, Service};
use super::{Fault, LdapNewError, filter};
use crate::base::{Clock, Dn, Secret};
use crate::config::directory::Ldap as Config;
use crate::directory::{DirectoryError, Verdict};

pub(in crate::directory) struct Client {
    name: Arc<str>,
    config: Config,
    tree: Dn,
    root: String,
    pub(in crate::directory) servers: Servers,
    pub service: Service,
    calls: Semaphore,
}

/// What a server's answer to a user's bind means.
#[derive(PartialEq, Eq, Debug)]
pub(in crate::directory) enum Answer {
    Judged(Verdict),
    /// The password was not looked at; another server may.
    NotNow,
    /// This account's password was not judged.
    Refused(&'static str),
    /// Nobody's password would be.
    Unfit(&'static str),
}

impl Client {
    /// With a discovery, the servers are found by it where the configuration names none.
    pub fn new(name: Arc<str>, config: &Config, discovery: Option<Discovery>, clock: Clock) -> Result<Self, LdapNewError> {
        let servers = Servers::new(config, discovery, clock.clone())?;
        let tree = Dn::parse(&config.users.base).map_err(LdapNewError::Base)?.root();
        let root = filter::root(&config.users.base);
        Ok(Self {
            name,
            config: config.clone(),
            tree,
            root,
            servers,
            service: Service::new(clock),
            calls: Semaphore::new(CALLS_AT_ONCE),
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The tree that users and groups are in.
    pub fn tree(&self) -> &Dn {
        &self.tree
    }

    /// The same as a search's base.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Every server that may be asked.
    pub async fn targets(&self) -> Vec<Target> {
        self.servers.in_order().await.iter().map(|server| server.target.clone()).collect()
    }

    /// A connection that nobody else uses, with the service user signed in: for what takes long.
    pub async fn own(&self) -> Result<Connection, DirectoryError> {
        let mut said_by = Vec::new();
        for target in self.targets().await {
            let opened = match Connection::open(&target).await {
                Ok(connection) => connection
                    .bind(&self.config.service_user, &self.config.service_password, BIND)
                    .await
                    .map(|it| (connection, it)),
                Err(fault) => Err(fault),
            };
            match opened {
                Ok((connection, bound)) if bound.rc == SUCCESS => return Ok(connection),
                Ok((_, bound)) if [BUSY, UNAVAILABLE].contains(&bound.rc) => {
                    said_by.push(format!("{}: {}", target.url, said(&bound)));
                }
                Ok((_, bound)) => {
                    return Err(self.failed(format!("{}: the service user was refused ({})", target.url, said(&bound))));
                }
                Err(fault) => said_by.push(format!("{}: {}", target.url, fault.words())),
            }
        }
        Err(self.unreachable(&said_by))
    }

    /// Does the work with a kept service connection; if there is none, with a fresh one to each server in turn. Work may so be
    /// begun more than once: it only reads, or says [`Fault::Final`] from the moment on when it may have changed something.
    pub async fn ask<T, W: Future<Output = Result<T, Fault>>>(&self, work: impl Fn(Kept) -> W) -> Result<T, DirectoryError> {
        let mut said = Vec::new();
        if let Some(kept) = self.service.kept()
            && let Some(ended) = self.work_on(kept, &work, &mut said).await
        {
            return ended;
        }
        // A few may open connections at once; whoever had to wait for that looks first whether there is one now.
        let place = self.service.place_to_open().await;
        if let Some(kept) = self.service.kept()
            && let Some(ended) = self.work_on(kept, &work, &mut said).await
        {
            return ended;
        }
        for server in self.servers.in_order().await {
            match self.service.open(&server.target, &self.config).await {
                Ok(kept) => {
                    if let Some(ended) = self.work_on(kept, &work, &mut said).await {
                        return ended;
                    }
                    self.servers.failed(&server);
                }
                Err(Fault::Final(why) | Fault::Missing(why)) => return Err(self.failed(format!("{}: {why}", server.target.url))),
                Err(Fault::Server(why) | Fault::Silent(why)) => {
                    self.servers.failed(&server);
                    said.push(format!("{}: {why}", server.target.url));
                }
            }
        }
        drop(place);
        Err(self.unreachable(&said))
    }

    /// Nothing: this server does not serve now, and another one may.
    async fn work_on<T, W: Future<Output = Result<T, Fault>>>(
        &self,
        kept: Kept,
        work: &impl Fn(Kept) -> W,
        said: &mut Vec<String>,
    ) -> Option<Result<T, DirectoryError>> {
        let fault = match work(kept.clone()).await {
            Ok(done) => return Some(Ok(done)),
            Err(Fault::Final(why) | Fault::Missing(why)) => return Some(Err(self.failed(format!("{}: {why}", kept.url)))),
            Err(fault) => fault,
        };
        self.service.forget(&kept);
        // One that was merely closed meanwhile says nothing of its server.
        if matches!(fault, Fault::Silent(_)) {
            self.service.forget_server(&kept.url);
            self.servers.failed_at(&kept.url);
        }
        said.push(format!("{}: {}", kept.url, fault.words()));
        None
    }

    /// Binds as `dn` over a connection of its own, which is closed afterwards; `read` says what the result means. The inner error:
    /// the server refused to judge this account's password, in these words. Ends like [`Self::in_time`].
    pub async fn judge(
        &self,
        dn: &str,
        password: &Secret<String>,
        read: impl Fn(&LdapResult) -> Answer,
    ) -> Result<Result<Verdict, String>, DirectoryError> {
        let sent = AtomicBool::new(false);
        match self.in_time(self.judge_at_each(dn, password, (read, &sent))).await {
            Err(DirectoryError::Unreachable { directory, why }) if sent.load(Ordering::Relaxed) => {
                Err(DirectoryError::Unanswered { directory, why })
            }
            judged => judged,
        }
    }

    /// `sent` is true from when a server has been sent the password until it has answered.
    async fn judge_at_each(
        &self,
        dn: &str,
        password: &Secret<String>,
        (read, sent): (impl Fn(&LdapResult) -> Answer, &AtomicBool),
    ) -> Result<Result<Verdict, String>, DirectoryError> {
        let mut said_by = Vec::new();
        for server in self.servers.in_order().await {
            let url = &server.target.url;
            let connection = match Connection::open(&server.target).await {
                Ok(connection) => connection,
                Err(fault) => {
                    self.servers.failed(&server);
                    said_by.push(format!("{url}: {}", fault.words()));
                    continue;
                }
            };
            sent.store(true, Ordering::Relaxed);
            let result = match connection.bind(dn, password, BIND).await {
                Ok(result) => result,
                // The password may have been judged and counted there, so no other server gets to see it now.
                Err(fault) => {
                    self.servers.failed(&server);
                    return Err(self.unreachable(&[format!("{url}: {}", fault.words())]));
                }
            };
            sent.store(false, Ordering::Relaxed);
            connection.close().await;
            match read(&result) {
                Answer::Judged(verdict) => return Ok(Ok(verdict)),
                Answer::Refused(why) => return Ok(Err(format!("{url}: {why} ({})", said(&result)))),
                Answer::Unfit(why) => return Err(self.failed(format!("{url}: {why} ({})", said(&result)))),
                Answer::NotNow => {
                    self.servers.failed(&server);
                    said_by.push(format!("{url}: {}", said(&result)));
                }
            }
        }
        Err(self.unreachable(&said_by))
    }

    /// At most [`CALLS_AT_ONCE`] at once, the others wait; all of it ends within [`WHOLE`].
    pub async fn in_time<T>(&self, work: impl Future<Output = Result<T, DirectoryError>>) -> Result<T, DirectoryError> {
        let placed = async {
            let place = self.calls.acquire().await;
            let result = work.await;
            drop(place);
            result
        };
        let ended = timeout(WHOLE, placed).await;
        ended.unwrap_or_else(|_| Err(self.unreachable(&[format!("no answer within {} s in all", WHOLE.as_secs())])))
    }

    pub fn failed(&self, why: String) -> DirectoryError {
        DirectoryError::Failed { directory: self.name.to_string(), why }
    }

    pub fn unreachable(&self, said: &[String]) -> DirectoryError {
        let why = if said.is_empty() { "no server of it is known".to_owned() } else { said.join("; ") };
        DirectoryError::Unreachable { directory: self.name.to_string(), why }
    }
}

pub(in crate::directory) const BIND: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(10);
const CALLS_AT_ONCE: usize = 64;
