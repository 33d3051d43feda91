//! What operators may see and do about one account: what is paused, an end to it, and forgetting all that is kept of somebody.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{OperatorApi, SessionSelector};
use crate::audit::{Event, What};
use crate::auth::limit::known_browser::{Browser, mark};
use crate::auth::steps::Steps;
use crate::base::{Time, UserId};
use crate::directory::{Account, By, Found, Name, Unlock};
use crate::store::{Counter, StoreError};

/// What is to be done, with the account name or user id as the operator wrote it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountTask {
    Show(String),
    /// Lifts our own pauses.
    Unlock(String),
    /// The same, and the lock in the account's directory.
    UnlockInDirectory(String),
    Forget(String),
}

/// How an account stands here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AccountView {
    /// The user id.
    pub user: String,
    /// The account name, where it is known.
    pub name: Option<String>,
    /// What its directory says: `may-sign-in`, restrictions (`locked`, `disabled`), or why it does not say.
    pub directory: Vec<String>,
    pub sessions: usize,
    pub paused: Vec<Pause>,
    /// Records that are kept of it.
    pub records: usize,
}

/// Something that a limit keeps from going on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pause {
    pub what: Paused,
    /// Nothing: until it is lifted.
    pub until: Option<Time>,
}

/// What is paused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paused {
    /// Passwords under this name in browsers without a sign-in of this user.
    NameForStrangers,
    /// Passwords under this name in a browser in which this user has signed in.
    NameForOwnBrowser,
    /// Passwords of this account in browsers without a sign-in of this user.
    AccountForStrangers,
    /// Passwords of this account in browsers in which this user has signed in.
    AccountForOwnBrowsers,
    SecondFactor,
    Messages,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountDone {
    Shown(AccountView),
    /// How many counters were set back.
    Unlocked {
        user: String,
        counters: u64,
        /// What became of the directory's lock, where that was asked for.
        #[serde(default)]
        directory: Option<Unlock>,
    },
    Forgotten {
        user: String,
        sessions: usize,
        records: u64,
    },
}

impl AccountTask {
    fn written(&self) -> &str {
        let (Self::Show(user) | Self::Unlock(user) | Self::UnlockInDirectory(user) | Self::Forget(user)) = self;
        user
    }

    /// The same about this user.
    fn of(&self, user: String) -> Self {
        match self {
            Self::Show(_) => Self::Show(user),
            Self::Unlock(_) => Self::Unlock(user),
            Self::UnlockInDirectory(_) => Self::UnlockInDirectory(user),
            Self::Forget(_) => Self::Forget(user),
        }
    }
}

/// As the journal has it: by the id, which stays, so that the journal does not name a forgotten user once more.
impl fmt::Display for AccountTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Show(user) => write!(f, "user show {user}"),
            Self::Unlock(user) => write!(f, "user unlock {user}"),
            Self::UnlockInDirectory(user) => write!(f, "user unlock {user} --directory"),
            Self::Forget(user) => write!(f, "user forget {user}"),
        }
    }
}

/// Who is meant.
struct Meant {
    id: UserId,
    /// Nothing where no directory has the account any more.
    account: Option<Box<Account>>,
    /// Each name that failures may have been counted under.
    marks: BTreeSet<String>,
}

const HELP_DESK_AT: u32 = 100;

/// Works on accounts by the rules of now.
pub(in crate::auth) struct Accounts {
    pub steps: Arc<Steps>,
    pub operators: OperatorApi,
}

impl Accounts {
    /// Journaled before it is done. In words why not.
    pub async fn work(&self, task: AccountTask, uid: u32) -> Result<AccountDone, String> {
        let meant = self.meant(task.written()).await?;
        self.operators.used(task.of(meant.id.to_string()).to_string(), uid).await.map_err(words)?;
        match task {
            AccountTask::Show(_) => self.show(&meant).await.map(AccountDone::Shown),
            AccountTask::Unlock(_) => self.unlock(&meant, None).await,
            AccountTask::UnlockInDirectory(_) => {
                let directory = self.unlock_in_directory(&meant).await;
                self.unlock(&meant, Some(directory)).await
            }
            AccountTask::Forget(_) => self.forget(&meant, uid).await,
        }
        .map_err(words)
    }

    async fn meant(&self, written: &str) -> Result<Meant, String> {
        let people = &self.steps.rules.people;
        let name = Name::parse(written).ok_or("that cannot be a user name")?;
        let account = match self.by_id(written).await {
            Some(account) => Some(account),
            None => match people.find(&name).await {
                Ok(Found::One(account)) => Some(account),
                Ok(Found::Several(ids)) => return Err(format!("{written} means several: {}", ids.join(", "))),
                Ok(Found::Nobody) => None,
                Err(error) => {
                    tracing::debug!(%error, "a directory does not say whom an operator means");
                    None
                }
            },
        };
        let id = match &account {
            Some(account) => account.user.id.clone(),
            None => self.remembered(written).await?,
        };
        let mut names = vec![written.to_owned()];
        if let Some(account) = &account {
            names.push(account.user.name.clone());
            names.extend(account.user.mail.clone());
            if let Some(place) = people.places().iter().find(|place| place.directory.name() == id.directory()) {
                let (domain, account) = (&place.domain, &account.user.name);
                names.extend(domain.netbios.iter().map(|netbios| format!("{netbios}\\{account}")));
                names.extend(domain.dns.iter().map(|dns| format!("{account}@{dns}")));
            }
        }
        let marks = names.iter().filter_map(|name| Some(mark(&self.steps.services.keys, &Name::parse(name)?.counted())));
        Ok(Meant { id, marks: marks.collect(), account })
    }

    /// The account of a user id.
    async fn by_id(&self, written: &str) -> Option<Box<Account>> {
        let (directory, id) = written.trim().split_once(':')?;
        let found = self.steps.rules.people.directory(directory)?.find(&By::Id(id.to_owned())).await.ok()?;
        found.into_iter().next().map(Box::new)
    }

    /// The id of a user that no directory knows any more: by the name that the journal heard last, or by the id itself.
    async fn remembered(&self, written: &str) -> Result<UserId, String> {
        let known = self.operators.log.users_named(written).await.map_err(words)?;
        let id = match known.as_slice() {
            [one] => one.as_str(),
            [] => written.trim(),
            several => return Err(format!("{written} means several: {}", several.join(", "))),
        };
        let (directory, id) = id.split_once(':').ok_or_else(|| {
            format!("{written} is nobody who may sign in; somebody who is gone is named by the user id (directory:id)")
        })?;
        Ok(UserId::new(directory, id))
    }

    async fn show(&self, meant: &Meant) -> Result<AccountView, StoreError> {
        let now = self.steps.services.clock.now();
        let directory = match self.steps.rules.people.status(&meant.id).await {
            Ok(status) if status.restrictions.is_empty() => vec!["may-sign-in".to_owned()],
            Ok(status) => status.restrictions.iter().map(|restriction| restriction.name().to_owned()).collect(),
            Err(error) => vec![error.to_string()],
        };
        Ok(AccountView {
            user: meant.id.to_string(),
            name: meant.account.as_ref().map(|account| account.user.name.clone()),
            directory,
            sessions: self.operators.meant(&SessionSelector::User(meant.id.to_string())).len(),
            paused: self.paused(meant, now).await?,
            records: self.steps.services.stores.of_user(&meant.id, now).await?.len(),
        })
    }

    async fn paused(&self, meant: &Meant, now: Time) -> Result<Vec<Pause>, StoreError> {
        let (limiter, counters) = (&self.steps.limiter, &self.steps.services.stores.counters);
        let limits = limiter.limits();
        let mut paused = Vec::new();
        for mark in &meant.marks {
            for counted in counters.starting(Counter::FailuresOfName, mark, now).await? {
                let is_stranger = counted.id.ends_with(Browser::Stranger.id());
                let what = if is_stranger { Paused::NameForStrangers } else { Paused::NameForOwnBrowser };
                if counted.taken >= limits.failures_per_user.count {
                    paused.push(Pause { what, until: Some(counted.until) });
                }
            }
        }
        if let Some(account) = &meant.account {
            let browsers =
                [(Browser::Stranger, Paused::AccountForStrangers), (Browser::Known(""), Paused::AccountForOwnBrowsers)];
            for (browser, what) in browsers {
                let until = limiter.failures_of(account, browser).paused_until(&limiter.failures, now).await?;
                paused.extend(until.map(|until| Pause { what, until: Some(until) }));
            }
        }
        let by_user = [
            (Counter::WrongFactors, limits.wrong_factors_per_user.count, Paused::SecondFactor),
            (Counter::WrongFactorsInARow, HELP_DESK_AT, Paused::SecondFactor),
            (Counter::MessagesOfUser, limits.messages_per_user.count, Paused::Messages),
        ];
        for (counter, most, what) in by_user {
            let counted = counters.starting(counter, meant.id.as_str(), now).await?;
            let counted = counted.into_iter().find(|counted| counted.id == meant.id.as_str() && counted.taken >= most);
            let until = |until| Some(until).filter(|_| counter != Counter::WrongFactorsInARow);
            paused.extend(counted.map(|counted| Pause { what, until: until(counted.until) }));
        }
        Ok(paused)
    }

    async fn unlock(&self, meant: &Meant, directory: Option<Unlock>) -> Result<AccountDone, StoreError> {
        let (services, now) = (&self.steps.services, self.steps.services.clock.now());
        let mut counters = self.forget_names(meant, now).await?;
        self.steps.limiter.refused_lately.clear();
        counters += u64::from(self.steps.limiter.failures.remove(meant.id.as_str(), now).await?);
        let by_user = [Counter::WrongFactors, Counter::WrongFactorsInARow, Counter::PauseNotice, Counter::MessagesOfUser];
        for counter in by_user {
            counters += u64::from(services.stores.counters.remove(counter, meant.id.as_str(), now).await?);
        }
        Ok(AccountDone::Unlocked { user: meant.id.to_string(), counters, directory })
    }

    /// What came of it is journaled too: the command alone does not say whether anything was changed there.
    async fn unlock_in_directory(&self, meant: &Meant) -> Unlock {
        let directory = self.steps.rules.people.directory(meant.id.directory());
        let unlocked = match directory.zip(meant.account.as_ref()) {
            Some((directory, account)) => {
                directory.unlock(account).await.unwrap_or_else(|error| Unlock::Unable(error.to_string()))
            }
            None => Unlock::Unable("no directory shows this account among its users now".to_owned()),
        };
        let (outcome, why) = match &unlocked {
            Unlock::Lifted => ("lifted", None),
            Unlock::NotLocked => ("not-locked", None),
            Unlock::Unable(why) => ("unable", Some(why.clone())),
        };
        let what = What::DirectoryUnlock { outcome: outcome.to_owned(), why };
        self.operators.journal.note(Event { user: Some(meant.id.clone()), ..Event::of_node(what) }).await;
        unlocked
    }

    async fn forget_names(&self, meant: &Meant, now: Time) -> Result<u64, StoreError> {
        let counters = &self.steps.services.stores.counters;
        let mut removed = 0;
        for mark in &meant.marks {
            for counted in counters.starting(Counter::FailuresOfName, mark, now).await? {
                removed += u64::from(counters.remove(Counter::FailuresOfName, &counted.id, now).await?);
            }
        }
        Ok(removed)
    }

    /// Sessions first: what they keep on record goes with the rest.
    async fn forget(&self, meant: &Meant, uid: u32) -> Result<AccountDone, StoreError> {
        let (services, now) = (&self.steps.services, self.steps.services.clock.now());
        let ended = self.operators.end(&SessionSelector::User(meant.id.to_string()), uid).await;
        let sessions = ended.count();
        ended.write_down().await;
        let mut records = self.forget_names(meant, now).await?;
        records += services.stores.erase(&meant.id).await?;
        records += u64::from(self.operators.log.forget_name(&meant.id).await?);
        Ok(AccountDone::Forgotten { user: meant.id.to_string(), sessions, records })
    }
}

fn words(error: StoreError) -> String {
    error.to_string()
}
