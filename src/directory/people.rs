//! All directories together: whom a typed name means. Tried in order: a name written with a domain of ours; the account name,
//! the default directory first; a mail address, only if nothing else matched. More than one at one step is nobody.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::timed::Timed;
use crate::base::{Clock, Timings, UserId};
use crate::config::directory::Domain;
use crate::directory::{Account, AccountStatus, By, Directory, DirectoryError, Name};

/// One directory and what the configuration says of names there.
#[derive(Clone)]
pub struct Place {
    pub directory: Arc<dyn Directory>,
    pub domain: Domain,
    /// `+45`: for phone numbers there that are written without a country code.
    pub country_prefix: Option<String>,
    /// A bare name means this directory first.
    pub default: bool,
    /// How soon somebody who may sign in there no more is signed out here.
    pub recheck: Duration,
}

/// Every directory, the default one first.
#[derive(Clone)]
pub struct People {
    places: Arc<[Place]>,
}

/// What looking for a name gave.
#[derive(Clone, Debug)]
pub enum Found {
    One(Box<Account>),
    Nobody,
    /// Several accounts answer to this name at one step; counts as nobody. Their ids, for the journal.
    Several(Vec<String>),
}

impl People {
    pub fn new(mut places: Vec<Place>) -> Self {
        places.sort_by_key(|place| !place.default);
        Self { places: places.into() }
    }

    /// The same with the time that each directory's answers take, by its name.
    #[must_use]
    pub fn timed(self, timings: &Timings, clock: &Clock) -> Self {
        let timed = |place: &Place| {
            let timing = timings.of(place.directory.name());
            let directory = Arc::new(Timed::new(Arc::clone(&place.directory), clock.clone(), timing));
            Place { directory, ..place.clone() }
        };
        Self { places: self.places.iter().map(timed).collect() }
    }

    /// Whom the name means. An error means that somebody who could have known did not answer: refuse, count nothing.
    pub async fn find(&self, name: &Name) -> Result<Found, DirectoryError> {
        // Every spelling at each step, whether or not the first found somebody: the time it takes must not tell.
        let spellings: Vec<Name> = name.spellings().collect();
        let mut exact = Vec::new();
        for place in self.places.iter() {
            for by in spellings.iter().filter_map(|name| name.exact_in(&place.domain)) {
                exact.extend(place.directory.find(&by).await?);
            }
        }
        if let Some(found) = decided(exact) {
            return Ok(found);
        }
        if !name.as_str().contains('\\')
            && let Some(found) = self.by_account_name(&spellings).await?
        {
            return Ok(found);
        }
        if name.as_str().contains('@') {
            let mut by_mail = Vec::new();
            for place in self.places.iter() {
                for name in &spellings {
                    by_mail.extend(place.directory.find(&By::Mail(name.as_str().to_owned())).await?);
                }
            }
            if let Some(found) = decided(by_mail) {
                return Ok(found);
            }
        }
        Ok(Found::Nobody)
    }

    async fn by_account_name(&self, spellings: &[Name]) -> Result<Option<Found>, DirectoryError> {
        let (default, others): (Vec<_>, Vec<_>) = self.places.iter().partition(|place| place.default);
        for group in [default, others] {
            let mut accounts = Vec::new();
            for place in group {
                for name in spellings {
                    accounts.extend(place.directory.find(&By::Account(name.as_str().to_owned())).await?);
                }
            }
            if let Some(found) = decided(accounts) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// All of them.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The directory an account is of.
    pub fn directory(&self, name: &str) -> Option<&Arc<dyn Directory>> {
        self.places.iter().map(|place| &place.directory).find(|directory| directory.name() == name)
    }

    /// How somebody stands now, within five seconds.
    pub async fn status(&self, id: &UserId) -> Result<AccountStatus, DirectoryError> {
        let unreachable = |why: &str| DirectoryError::Unreachable { directory: id.directory().to_owned(), why: why.to_owned() };
        let directory = self.directory(id.directory()).ok_or_else(|| unreachable("it is no longer in the configuration"))?;
        let ids = std::slice::from_ref(id);
        let told = timeout(LOOK, directory.statuses(ids)).await;
        let told = told.unwrap_or_else(|_| Err(unreachable("it did not say in time how somebody stands")))?;
        told.into_iter().find(|(told, _)| told == id).map(|(_, status)| status).ok_or_else(|| unreachable("it left somebody out"))
    }

    /// The country code of phone numbers in a directory, where it is set.
    pub fn country_prefix(&self, directory: &str) -> Option<&str> {
        let place = self.places.iter().find(|place| place.directory.name() == directory);
        place.and_then(|place| place.country_prefix.as_deref())
    }

    /// The directory that does the work for a name that means nobody: the one whose domain it is written with, else the first.
    pub fn for_nobody(&self, name: &Name) -> Option<&Arc<dyn Directory>> {
        let written = self.places.iter().find(|place| name.account_in(&place.domain).is_some());
        written.or_else(|| self.places.first()).map(|place| &place.directory)
    }
}

/// Somebody waits for it at the page; a controller that hangs is left twice within it.
const LOOK: Duration = Duration::from_secs(5);

/// One account that answers to two spellings is one.
fn decided(found: Vec<Account>) -> Option<Found> {
    let mut accounts: Vec<Account> = Vec::with_capacity(found.len());
    for account in found {
        if !accounts.iter().any(|known| known.user.id == account.user.id) {
            accounts.push(account);
        }
    }
    match accounts.len() {
        0 => None,
        1 => accounts.pop().map(|account| Found::One(Box::new(account))),
        _ => Some(Found::Several(accounts.iter().map(|account| account.user.id.to_string()).collect())),
    }
}
