//! One connection to one LDAP server. Dropping it closes it; every wait on it has a limit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::controls::RawControl;
use ldap3::exop::PasswordModify;
use ldap3::{
    LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Mod, Scope, SearchEntry, SearchOptions, SearchResult, SearchStream,
    StdStream,
};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::{Fault, password_policy};
use crate::base::{Secret, tls};

/// Where a server is and how we speak to it.
#[derive(Clone, Debug)]
pub(in crate::directory) struct Target {
    /// `ldaps://host:port` or `ldap://host:port`; without credentials, so it may be logged.
    pub url: String,
    pub starttls: bool,
    pub tls: Arc<ClientConfig>,
    /// Where the host is, if that is known already; else the system is asked.
    pub addresses: Vec<SocketAddr>,
    /// How long an answer to a search may take: not long where another server could be asked meanwhile.
    pub patience: Duration,
}

pub(in crate::directory) struct Connection {
    ldap: ldap3::Ldap,
    is_protected: bool,
    patience: Duration,
    /// The task that reads and writes; it ends with us.
    _driver: AbortOnDropHandle<()>,
}

/// What a search gave.
#[derive(Debug)]
pub(in crate::directory) struct Entries {
    pub entries: Vec<SearchEntry>,
    /// There are more than we asked for.
    pub is_cut: bool,
}

/// One search below or at `base`.
#[derive(Clone, Copy)]
pub(in crate::directory) struct Question<'a> {
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
        let opening = async {
            let mut settings = LdapConnSettings::new().set_starttls(target.starttls).set_config(Arc::clone(&target.tls));
            if !target.addresses.is_empty() {
                let stream = TcpStream::connect(target.addresses.as_slice()).await?.into_std()?;
                settings = settings.set_std_stream(StdStream::Tcp(stream));
            }
            LdapConnAsync::with_settings(settings, &target.url).await
        };
        let opened = timeout(CONNECT, opening).await;
        let (connection, ldap) = match opened {
            Err(_) => {
                let hint = if target.starttls { "; if this port speaks TLS from the first byte on, write ldaps://" } else { "" };
                return Err(Fault::Silent(format!("no connection within {} s{hint}", CONNECT.as_secs_f32())));
            }
            Ok(Err(error)) => return Err(Fault::Server(words(&error))),
            Ok(Ok(pair)) => pair,
        };
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "an LDAP connection broke");
            }
        });
        let is_protected = target.starttls || target.url.starts_with("ldaps:");
        Ok(Self { ldap, is_protected, patience: target.patience, _driver: AbortOnDropHandle::new(driver) })
    }

    /// Simple bind (RFC 4513 section 5.1.3). The one place where a password goes to a server: with an empty name or password it
    /// would be anonymous or unauthenticated (sections 5.1.1 and 5.1.2) and succeed, so those are never sent.
    /// `Err(Final)` means that the request may have reached the server, so nobody may send it again.
    pub async fn bind(&self, dn: &str, password: &Secret<String>, limit: Duration) -> Result<LdapResult, Fault> {
        if dn.is_empty() || !crate::directory::password::usable(password) {
            return Err(Fault::Final("an empty name or password is never sent".to_owned()));
        }
        let mut ldap = self.ldap.clone();
        ldap.with_controls(password_policy::request());
        match timeout(limit, ldap.simple_bind(dn, password.expose())).await {
            Err(_) => Err(Fault::Final(format!("no answer to the bind within {} s", limit.as_secs()))),
            Ok(Err(error)) => {
                let hint =
                    if self.is_protected { "" } else { "; if this port speaks TLS from the first byte on, write ldaps://" };
                Err(Fault::Final(format!("the connection broke during the bind: {}{hint}", words(&error))))
            }
            Ok(Ok(result)) => Ok(result),
        }
    }

    /// Whether the server still answers, asked of what everybody may read (RFC 4512 section 5.1).
    pub async fn probe(&self) -> Result<(), Fault> {
        let attributes = &["supportedLDAPVersion"];
        let question = Question { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes, at_most: 1 };
        self.search(question).await.map(drop)
    }

    /// Changes one entry. `Err(Final)` means that the request may have reached the server, so nobody may send it again.
    pub async fn modify(&self, dn: &str, changes: Vec<Mod<Vec<u8>>>) -> Result<LdapResult, Fault> {
        let mut ldap = self.ldap.clone();
        match timeout(CHANGE, ldap.modify(dn, changes)).await {
            Err(_) => Err(Fault::Final(format!("no answer to a change within {} s", CHANGE.as_secs()))),
            Ok(Err(error)) => Err(Fault::Final(format!("the connection broke during a change: {}", words(&error)))),
            Ok(Ok(result)) => Ok(result),
        }
    }

    /// Whether nobody else can read what is sent.
    pub fn is_protected(&self) -> bool {
        self.is_protected
    }

    /// Password Modify (RFC 3062) for `dn`. `Err` means that nobody knows whether it was done.
    pub async fn change_password(&self, dn: &str, old: &Secret<String>, new: &Secret<String>) -> Result<LdapResult, Fault> {
        let mut ldap = self.ldap.clone();
        ldap.with_controls(password_policy::request());
        let (old_pass, new_pass) = (Some(old.expose().as_str()), Some(new.expose().as_str()));
        let change = ldap.extended(PasswordModify { user_id: Some(dn), old_pass, new_pass });
        match timeout(CHANGE, change).await {
            Err(_) => Err(Fault::Final(format!("no answer to the change of a password within {} s", CHANGE.as_secs()))),
            Ok(Err(error)) => {
                Err(Fault::Final(format!("the connection broke during the change of a password: {}", words(&error))))
            }
            Ok(Ok(result)) => Ok(result.1),
        }
    }

    /// What matches, as far as it is asked for: a server that sends more is told to stop, whatever it has agreed to.
    pub async fn search(&self, question: Question<'_>) -> Result<Entries, Fault> {
        self.search_with(question, Vec::new()).await
    }

    /// How an entry is called and which of these attributes it shows, without their values, which may be many; nothing where there is no such
    /// entry.
    pub async fn shown(&self, dn: &str, attributes: &[&str]) -> Result<Option<(String, Vec<String>)>, Fault> {
        let options = SearchOptions::new().typesonly(true).sizelimit(1).timelimit(SEARCH_SECONDS);
        let mut ldap = self.ldap.clone();
        ldap.with_search_options(options);
        match timeout(self.patience, ldap.search(dn, Scope::Base, "(objectClass=*)", attributes)).await {
            Err(_) => Err(Fault::Silent(format!("no answer to a search within {} s", self.patience.as_secs()))),
            Ok(Err(error)) => Err(Fault::Server(words(&error))),
            Ok(Ok(SearchResult(entries, result))) if result.rc == SUCCESS => {
                let found =
                    entries.into_iter().find(|entry| !entry.is_ref() && !entry.is_intermediate()).map(SearchEntry::construct);
                Ok(found.map(|entry| (entry.dn, entry.attrs.into_keys().chain(entry.bin_attrs.into_keys()).collect())))
            }
            Ok(Ok(SearchResult(_, result))) => Err(refused(&result, dn)),
        }
    }

    /// With these controls besides.
    pub async fn search_with(&self, question: Question<'_>, controls: Vec<RawControl>) -> Result<Entries, Fault> {
        match timeout(self.patience, self.read(question, controls)).await {
            Err(_) => Err(Fault::Silent(format!("no answer to a search within {} s", self.patience.as_secs()))),
            Ok(Err(error)) => Err(Fault::Server(words(&error))),
            Ok(Ok((entries, None))) => Ok(Entries { entries, is_cut: true }),
            Ok(Ok((entries, Some(result)))) => match result.rc {
                SUCCESS => Ok(Entries { entries, is_cut: false }),
                SIZE_LIMIT => Ok(Entries { entries, is_cut: true }),
                _ => Err(refused(&result, question.base)),
            },
        }
    }

    /// The entries, and the result if it was waited for.
    async fn read(
        &self,
        question: Question<'_>,
        controls: Vec<RawControl>,
    ) -> Result<(Vec<SearchEntry>, Option<LdapResult>), LdapError> {
        let options = SearchOptions::new().sizelimit(question.at_most).timelimit(SEARCH_SECONDS);
        let mut ldap = self.ldap.clone();
        ldap.with_search_options(options);
        if !controls.is_empty() {
            ldap.with_controls(controls);
        }
        let Question { base, scope, filter, attributes, at_most } = question;
        let mut stream = ldap.streaming_search(base, scope, filter, attributes).await?;
        let mut entries = Vec::new();
        while let Some(entry) = stream.next().await? {
            // References to other servers are not followed: the service account's password is for these servers alone.
            if entry.is_ref() || entry.is_intermediate() {
                continue;
            }
            if usize::try_from(at_most).is_ok_and(|at_most| entries.len() >= at_most) {
                let request = stream.ldap_handle().last_id();
                self.ldap.clone().abandon(request).await?;
                return Ok((entries, None));
            }
            entries.push(SearchEntry::construct(entry));
        }
        Ok((entries, Some(stream.finish().await)))
    }

    /// The same a page at a time (RFC 2696), so that no limit of the server on one answer is met; for questions that may have a long
    /// answer. Reads no more than `at_most`.
    pub async fn paged(&self, question: Question<'_>) -> Result<Entries, Fault> {
        let mut entries = Vec::new();
        let mut pages = Pages::begin(self, question).await?;
        while let Some(entry) = pages.next().await? {
            if i32::try_from(entries.len()).is_ok_and(|count| count >= question.at_most) {
                return Ok(Entries { entries, is_cut: true });
            }
            entries.push(entry);
        }
        Ok(Entries { entries, is_cut: pages.is_cut })
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

/// A search that is answered in pages, entry by entry: whoever reads slowly is waited for. `at_most` is the reader's business.
pub(in crate::directory) struct Pages<'a> {
    stream: SearchStream<'a, &'a str, &'a [&'a str]>,
    base: &'a str,
    /// There are more than the server shows this user: known at the end.
    pub is_cut: bool,
}

impl<'a> Pages<'a> {
    pub async fn begin(connection: &Connection, question: Question<'a>) -> Result<Self, Fault> {
        let mut ldap = connection.ldap.clone();
        ldap.with_search_options(SearchOptions::new().timelimit(PAGE_SECONDS));
        let adapters: Vec<Box<dyn Adapter<'a, &'a str, &'a [&'a str]> + 'a>> =
            vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(PAGE))];
        let begun = ldap.streaming_search_with(adapters, question.base, question.scope, question.filter, question.attributes);
        match timeout(A_PAGE, begun).await {
            Err(_) => Err(silent_page()),
            Ok(Err(error)) => Err(Fault::Server(words(&error))),
            Ok(Ok(stream)) => Ok(Self { stream, base: question.base, is_cut: false }),
        }
    }

    /// The next entry; nothing after the last. References to other servers are not followed.
    pub async fn next(&mut self) -> Result<Option<SearchEntry>, Fault> {
        match timeout(A_PAGE, self.stream.next()).await {
            Err(_) => Err(silent_page()),
            Ok(Err(error)) => Err(Fault::Server(words(&error))),
            Ok(Ok(Some(entry))) => Ok(Some(SearchEntry::construct(entry))),
            Ok(Ok(None)) => {
                let result = self.stream.finish().await;
                self.is_cut = result.rc == SIZE_LIMIT;
                if result.rc == SUCCESS || self.is_cut { Ok(None) } else { Err(refused(&result, self.base)) }
            }
        }
    }
}

fn silent_page() -> Fault {
    Fault::Silent(format!("no answer to a search within {} s", A_PAGE.as_secs()))
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
pub(in crate::directory) fn said(result: &LdapResult) -> String {
    let text: String = result.text.chars().filter(|letter| !letter.is_control()).take(200).collect();
    if text.is_empty() { format!("result {}", result.rc) } else { format!("result {}: {text}", result.rc) }
}

/// What went wrong on our side of the wire, with its cause once.
fn words(error: &LdapError) -> String {
    if let Some(words) = tls::words(error) {
        return words;
    }
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

/// With what follows it, another server is asked within two seconds.
const CONNECT: Duration = Duration::from_millis(1700);
const CHANGE: Duration = Duration::from_secs(5);
const SEARCH_SECONDS: i32 = 5;
/// Entries of one page: as many as Active Directory gives at most.
const PAGE: i32 = 1000;
/// A page is waited for longer than a look-up: nobody stands at a login page for it.
const A_PAGE: Duration = Duration::from_secs(20);
const PAGE_SECONDS: i32 = 20;
const LEAVE: Duration = Duration::from_millis(200);

// RFC 4511 section 4.1.9
pub(in crate::directory) const SUCCESS: u32 = 0;
const OPERATIONS_ERROR: u32 = 1;
const TIME_LIMIT: u32 = 3;
const SIZE_LIMIT: u32 = 4;
const REFERRAL: u32 = 10;
const NO_SUCH_OBJECT: u32 = 32;
const INSUFFICIENT_ACCESS: u32 = 50;
pub(in crate::directory) const BUSY: u32 = 51;
pub(in crate::directory) const UNAVAILABLE: u32 = 52;
