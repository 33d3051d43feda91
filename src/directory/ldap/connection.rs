//! One connection to one LDAP server. Dropping it closes it; every wait on it has a limit.

use std::sync::Arc;
use std::time::Duration;

use ldap3::{LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchEntry, SearchOptions};
use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::Fault;
use crate::base::Secret;

/// Where a server is and how we speak to it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// `ldaps://host:port` or `ldap://host:port`; without credentials, so it may be logged.
    pub url: String,
    pub starttls: bool,
    pub tls: Arc<ClientConfig>,
}

pub(super) struct Connection {
    ldap: ldap3::Ldap,
    /// The task that reads and writes; it ends with us.
    _driver: AbortOnDropHandle<()>,
}

/// What a search gave.
#[derive(Debug)]
pub(super) struct Entries {
    pub entries: Vec<SearchEntry>,
    /// There are more than we asked for.
    pub is_cut: bool,
}

/// One search below or at `base`.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub base: &'a str,
    pub scope: Scope,
    pub filter: &'a str,
    /// Operational attributes (`entryUUID`, `memberOf`) come only when they are named.
    pub attributes: &'a [&'a str],
    pub at_most: i32,
}

impl Connection {
    /// TCP, then TLS with the server's name and certificate checked; nobody is signed in yet.
    pub async fn open(target: &Target) -> Result<Self, Fault> {
        let settings = LdapConnSettings::new().set_starttls(target.starttls).set_config(Arc::clone(&target.tls));
        let opened = timeout(CONNECT, LdapConnAsync::with_settings(settings, &target.url)).await;
        let (connection, ldap) = match opened {
            Err(_) => return Err(Fault::Silent(format!("no connection within {} s", CONNECT.as_secs()))),
            Ok(Err(error)) => return Err(Fault::Server(words(&error))),
            Ok(Ok(pair)) => pair,
        };
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "an LDAP connection broke");
            }
        });
        Ok(Self { ldap, _driver: AbortOnDropHandle::new(driver) })
    }

    /// Simple bind (RFC 4513 section 5.1.3). The one place where a password goes to a server: with an empty name or password it
    /// would be anonymous or unauthenticated (sections 5.1.1 and 5.1.2) and succeed, so those are never sent.
    /// `Err(Final)` means that the request may have reached the server, so nobody may send it again.
    pub async fn bind(&self, dn: &str, password: &Secret<String>, limit: Duration) -> Result<LdapResult, Fault> {
        if dn.is_empty() || !crate::directory::password::usable(password) {
            return Err(Fault::Final("an empty name or password is never sent".to_owned()));
        }
        let mut ldap = self.ldap.clone();
        match timeout(limit, ldap.simple_bind(dn, password.expose())).await {
            Err(_) => Err(Fault::Final(format!("no answer to the bind within {} s", limit.as_secs()))),
            Ok(Err(error)) => Err(Fault::Final(format!("the connection broke during the bind: {}", words(&error)))),
            Ok(Ok(result)) => Ok(result),
        }
    }

    pub async fn search(&self, question: Question<'_>) -> Result<Entries, Fault> {
        let options = SearchOptions::new().sizelimit(question.at_most).timelimit(SEARCH_SECONDS);
        let mut ldap = self.ldap.clone();
        ldap.with_search_options(options);
        let search = ldap.search(question.base, question.scope, question.filter, question.attributes);
        let result = match timeout(SEARCH, search).await {
            Err(_) => return Err(Fault::Silent(format!("no answer to a search within {} s", SEARCH.as_secs()))),
            Ok(Err(error)) => return Err(Fault::Server(words(&error))),
            Ok(Ok(result)) => result,
        };
        let is_cut = match result.1.rc {
            SUCCESS => false,
            SIZE_LIMIT => true,
            _ => return Err(refused(&result.1, question.base)),
        };
        // References to other servers are not followed: the service account's password is for these servers alone.
        let entries = result.0.into_iter().filter(|entry| !entry.is_ref() && !entry.is_intermediate());
        Ok(Entries { entries: entries.map(SearchEntry::construct).collect(), is_cut })
    }

    /// Takes leave; the connection would be closed without it too.
    pub async fn close(self) {
        let mut ldap = self.ldap.clone();
        drop(timeout(LEAVE, ldap.unbind()).await);
    }

    pub fn is_closed(&self) -> bool {
        self.ldap.clone().is_closed()
    }
}

fn refused(result: &LdapResult, base: &str) -> Fault {
    let said = said(result);
    match result.rc {
        NO_SUCH_OBJECT => Fault::Missing(format!("{base} does not exist, or the service user may not read it ({said})")),
        INSUFFICIENT_ACCESS => Fault::Missing(format!("the service user may not search {base} ({said})")),
        REFERRAL => Fault::Final(format!("{base} is on another server, and referrals are not followed ({said})")),
        // operationsError is also what a connection gets that is no longer signed in; a fresh one may do.
        OPERATIONS_ERROR | TIME_LIMIT | BUSY | UNAVAILABLE => Fault::Server(said),
        _ => Fault::Final(format!("a search below {base} was refused: {said}")),
    }
}

/// The server's words about a result, without what we sent.
pub(super) fn said(result: &LdapResult) -> String {
    let text: String = result.text.chars().filter(|letter| !letter.is_control()).take(200).collect();
    if text.is_empty() { format!("result {}", result.rc) } else { format!("result {}: {text}", result.rc) }
}

/// What went wrong on our side of the wire, with its cause once.
fn words(error: &LdapError) -> String {
    match error {
        LdapError::Io { source } => source.to_string(),
        LdapError::Rustls { source } => source.to_string(),
        LdapError::LdapResult { result } => said(result),
        LdapError::ResultRecv { .. } | LdapError::OpSend { .. } | LdapError::EndOfStream => {
            "the connection was closed".to_owned()
        }
        other => other.to_string(),
    }
}

const CONNECT: Duration = Duration::from_secs(2);
const SEARCH: Duration = Duration::from_secs(5);
const SEARCH_SECONDS: i32 = 5;
const LEAVE: Duration = Duration::from_millis(200);

// RFC 4511 section 4.1.9
pub(super) const SUCCESS: u32 = 0;
const OPERATIONS_ERROR: u32 = 1;
const TIME_LIMIT: u32 = 3;
const SIZE_LIMIT: u32 = 4;
const REFERRAL: u32 = 10;
const NO_SUCH_OBJECT: u32 = 32;
const INSUFFICIENT_ACCESS: u32 = 50;
pub(super) const BUSY: u32 = 51;
pub(super) const UNAVAILABLE: u32 = 52;
