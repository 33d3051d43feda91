//! Since when a user has had the phone numbers of now: as the directory says, else since they were seen here first. What is kept is a
//! keyed hash, never a number.

use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::auth::house::House;
use crate::base::Time;
use crate::directory::User;
use crate::store::{Expect, Place, StoreError};

const SEEN: &str = "number-seen";
const FORMAT: u8 = 1;
/// How long it is remembered after the last sign-in, and how much less than that is worth writing.
const REMEMBERED: Duration = Duration::from_secs(400 * 86_400);
const RENEWED_AFTER: Duration = Duration::from_secs(30 * 86_400);

impl House {
    /// How old the newest of the user's numbers is; nothing without a number. One that is seen for the first time is new: so is the one
    /// that somebody wrote there just now. Looked at in each sign-in, whatever the policies say, so that a policy that begins to ask
    /// finds an answer.
    pub(in crate::auth) async fn number_age(&self, user: &User) -> Result<Option<Duration>, StoreError> {
        let numbers: Vec<&str> = [&user.mobile, &user.second_mobile].into_iter().flatten().map(|number| number.trim()).collect();
        if numbers.iter().all(|number| number.is_empty()) {
            return Ok(None);
        }
        let now = self.clock.now();
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
        let record = self.records.find(SEEN, id, now).await?;
        let known = record.as_ref().and_then(|record| self.known_since(&record.value, &about));
        let since = known.unwrap_or(now);
        let is_fresh = record.as_ref().is_some_and(|record| record.expires.since(now) > REMEMBERED.saturating_sub(RENEWED_AFTER));
        if known.is_none() || !is_fresh {
            let kept = Kept {
                key: self.keys.first_id().to_owned(),
                hash: HEXLOWER.encode(&self.keys.mac(SEEN, about.as_bytes())),
                since,
            };
            let kept = serde_json::to_vec(&kept).map_err(|error| StoreError::Failed(error.into()))?;
            let value = [&[FORMAT], kept.as_slice()].concat();
            let expect = record.map_or(Expect::Absent, |record| Expect::Version(record.version));
            // Lost to another sign-in at the same moment: it wrote the same.
            self.records.put_if(Place { kind: SEEN, owner: id, id }, value, now.plus(REMEMBERED), expect, now).await?;
        }
        Ok(since)
    }

    /// Since when, where the record is of these numbers, under whichever of our keys it was written. A format of another version says
    /// nothing.
    fn known_since(&self, value: &[u8], about: &str) -> Option<Time> {
        let (_, kept) = value.split_first().filter(|(format, _)| **format == FORMAT)?;
        let kept: Kept = serde_json::from_slice(kept).ok()?;
        let hash = self.keys.mac_by(&kept.key, SEEN, about.as_bytes())?;
        (HEXLOWER.encode(&hash) == kept.hash).then_some(kept.since)
    }
}

/// What the record holds (format 1).
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Id of the key that the hash was made with.
    key: String,
    hash: String,
    since: Time,
}
