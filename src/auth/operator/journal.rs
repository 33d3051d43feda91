//! What operators read of the journal: what they look for, page by page, and whether its chains are whole.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::OperatorApi;
use crate::audit;
use crate::auth::limit::known_browser::mark;
use crate::base::{Keys, Time};
use crate::directory::{Found, Name, People};
use crate::store::{Anchor, Chain, EventLog, Page, Search, StoreError, Who};

/// What is looked for; an absent field matches everything.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct JournalQuery {
    /// An account name in any case, or a user id (`corp:alice`).
    pub user: Option<String>,
    pub application: Option<String>,
    /// `signed-in`, `password-refused`, ...
    pub event: Option<String>,
    /// `yes`, `no` or `fact`.
    pub outcome: Option<String>,
    /// One address, or all of a network.
    pub address: Option<IpNet>,
    /// Nothing: from the beginning.
    pub from: Option<Time>,
    pub until: Option<Time>,
    /// Goes on with what is written later.
    pub follow: bool,
}

impl JournalQuery {
    /// What the log is to be searched for. `keys` find refusals of a name that was never looked up; `people` find users whose name the
    /// journal has not heard yet, as far as their directories answer.
    pub async fn search(&self, log: &dyn EventLog, keys: Option<&Keys>, people: Option<&People>) -> Result<Search, StoreError> {
        let who = match &self.user {
            Some(user) => Some(who(user, log, keys, people).await?),
            None => None,
        };
        Ok(Search {
            from: self.from,
            until: self.until,
            who,
            application: self.application.clone(),
            kind: self.event.clone(),
            outcome: self.outcome.clone(),
            address: self.address,
            ..Search::default()
        })
    }
}

async fn who(user: &str, log: &dyn EventLog, keys: Option<&Keys>, people: Option<&People>) -> Result<Who, StoreError> {
    let mut users = log.users_named(user).await?;
    let name = Name::parse(user);
    if let (Some(people), Some(name)) = (people, &name)
        && let Ok(Found::One(account)) = people.find(name).await
    {
        users.push(account.user.id.to_string());
    }
    users.push(user.trim().to_owned());
    // An empty one is what events of nobody have.
    users.retain(|user| !user.is_empty());
    users.sort_unstable();
    users.dedup();
    let name_hash = name.zip(keys).map(|(name, keys)| mark(keys, &name.counted()));
    Ok(Who { users, name_hash })
}

/// As the journal has it.
impl fmt::Display for JournalQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("journal")?;
        self.user.iter().try_for_each(|user| write!(f, " --user {user}"))?;
        self.application.iter().try_for_each(|application| write!(f, " --application {application}"))?;
        self.event.iter().try_for_each(|event| write!(f, " --event {event}"))?;
        self.outcome.iter().try_for_each(|outcome| write!(f, " --outcome {outcome}"))?;
        self.address.iter().try_for_each(|address| write!(f, " --address {address}"))?;
        match self.from {
            Some(from) => write!(f, " --since {from}")?,
            None => f.write_str(" export")?,
        }
        self.until.iter().try_for_each(|until| write!(f, " --until {until}"))?;
        if self.follow { f.write_str(" --follow") } else { Ok(()) }
    }
}

impl OperatorApi {
    /// Journals the look of the user `uid` of this machine; what the log is to be searched for.
    pub async fn look(&self, query: &JournalQuery, people: &People, uid: u32) -> Result<Search, StoreError> {
        self.used(query.to_string(), uid).await?;
        query.search(self.log.as_ref(), Some(&self.keys), Some(people)).await
    }

    /// A stretch of the journal; see [`EventLog::page`].
    pub async fn page(&self, search: Search, mark: u64) -> Result<Page, StoreError> {
        self.log.page(search, mark).await
    }

    /// Changes with every event that is written.
    pub fn written(&self) -> watch::Receiver<()> {
        self.journal.written()
    }

    /// Whether the chains are whole. Journaled where it can be: a check must be possible when nothing can be written.
    pub async fn verify(&self, anchor: Option<Anchor>, uid: u32) -> Result<Vec<Chain>, StoreError> {
        self.looked("journal verify".to_owned(), uid).await;
        audit::verify(self.log.as_ref(), anchor).await
    }
}
