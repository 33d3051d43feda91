//! Since when a user has had the phone numbers of now: as the directory says, else since they were seen here first. What is kept is a
//! keyed hash, never a number.

use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::auth::services::Services;
use crate::base::Time;
use crate::directory::User;
use crate::store::{Kind, StoreError, Stored, Table, Versioned};

/// How long it is remembered after the last sign-in, and how much less than that is worth writing.
const REMEMBERED: Duration = Duration::from_secs(400 * 86_400);
const RENEWED_AFTER: Duration = Duration::from_secs(30 * 86_400);

/// Remembers when a number was seen first.
#[derive(Clone)]
pub(in crate::auth) struct NumberAge {
    pub services: Services,
}

impl NumberAge {
    /// How old the newest of the user's numbers is; nothing without a number. One that is seen for the first time is new: so is the one
    /// that an attacker wrote there just now. Looked at in each sign-in, whatever the policies say, so that a policy that begins to ask
    /// finds an answer.
    pub(in crate::auth) async fn of(&self, user: &User) -> Result<Option<Duration>, StoreError> {
        let numbers: Vec<&str> = [&user.mobile, &user.second_mobile].into_iter().flatten().map(|number| number.trim()).collect();
        if numbers.iter().all(|number| number.is_empty()) {
            return Ok(None);
        }
        let now = self.services.clock.now();
        let since = match user.mobile_changed {
            Some(changed) => changed,
            None => self.seen_since(user, &numbers.join("\n"), now).await?,
        };
        Ok(Some(now.since(since)))
    }

    /// When these very numbers were seen first.
    async fn seen_since(&self, user: &User, numbers: &str, now: Time) -> Result<Time, StoreError> {
        let id = user.id.as_str();
        let about = format!("{id}\n{numbers}");
        let numbers = Table::new(&self.services.stores, &self.services.keys);
        let found = match numbers.find(id, now).await {
            // What a newer version wrote says nothing here, so the numbers count as new and begin anew.
            Err(error) if error.is_unreadable() => {
                let seen = self.number_seen(&about, now);
                numbers.overwrite(&[id.to_owned()], &Versioned::new(seen, id, now.plus(REMEMBERED)), now).await?;
                return Ok(now);
            }
            found => found?,
        };
        let known = found.as_ref().and_then(|found| self.known_since(&found.row, &about));
        let since = known.unwrap_or(now);
        let is_fresh = found.as_ref().is_some_and(|found| found.expires.since(now) > REMEMBERED.saturating_sub(RENEWED_AFTER));
        if known.is_none() || !is_fresh {
            let seen = Versioned::new(self.number_seen(&about, since), id, now.plus(REMEMBERED));
            let seen = Versioned { version: found.map_or(0, |found| found.version), ..seen };
            // Lost to another sign-in at the same moment: it wrote the same.
            numbers.put(id, &seen, now).await?;
        }
        Ok(since)
    }

    fn number_seen(&self, about: &str, since: Time) -> NumberSeen {
        let hash = HEXLOWER.encode(&self.services.keys.mac(NumberSeen::KIND.name(), about.as_bytes()));
        NumberSeen { key: self.services.keys.first_id().to_owned(), hash, since }
    }

    /// Since when, where the record is of these numbers, under whichever of our keys it was written.
    fn known_since(&self, seen: &NumberSeen, about: &str) -> Option<Time> {
        let hash = self.services.keys.mac_by(&seen.key, NumberSeen::KIND.name(), about.as_bytes())?;
        (HEXLOWER.encode(&hash) == seen.hash).then_some(seen.since)
    }
}

/// What the record holds.
#[derive(Serialize, Deserialize)]
struct NumberSeen {
    /// Id of the key that the hash was made with.
    key: String,
    hash: String,
    since: Time,
}

impl Stored for NumberSeen {
    const KIND: Kind = Kind::NumberSeen;
    const FORMAT: u8 = 1;
    // It is a hash, and has to be compared under keys that are not the first any more.
    const SEALED: bool = false;
}
