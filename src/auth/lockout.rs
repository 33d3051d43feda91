//! Nobody is locked out by us: wrong passwords are counted per typed name and per account, strangers and the user's own
//! browser apart, always below the directory's own threshold; a password refused a moment ago is refused again here, uncounted.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use super::known::Browser;
use crate::base::{Keys, Secret, Time};
use crate::config::limits::Rate;
use crate::directory::LockOut;
use crate::store::{Place, Records, StoreError, Taken};

/// How many wrong passwords, and within what time.
pub fn allowance(ours: Rate, directory: Option<LockOut>, browser: Browser<'_>) -> Rate {
    let Some(lock_out) = directory.filter(|lock_out| lock_out.threshold > 0) else { return ours };
    let usable = (lock_out.threshold - 1).max(1);
    let strangers = usable / 2;
    let share = match browser {
        Browser::Stranger => strangers,
        Browser::Known(_) => usable - strangers,
    };
    Rate { count: ours.count.min(share), window: ours.window.max(lock_out.window) }
}

/// A counter of wrong passwords: of one typed name, or of one account.
#[derive(Clone, Debug)]
pub struct Failures {
    kind: &'static str,
    owner: String,
    id: String,
    rate: Rate,
}

impl Failures {
    /// By the name as it was typed, folded. `mark` is its keyed hash.
    pub fn of_name(mark: &str, browser: Browser<'_>, rate: Rate) -> Self {
        Self { kind: "failures-name", owner: String::new(), id: format!("{mark}/{}", browser.id()), rate }
    }

    /// By the account's immutable id.
    pub fn of_account(user: &str, browser: Browser<'_>, rate: Rate) -> Self {
        Self { kind: "failures-account", owner: user.to_owned(), id: format!("{user}/{}", browser.id()), rate }
    }

    /// Takes one before the password is looked at, so that many at once cannot be more than are allowed; false: none is left.
    pub async fn take(&self, records: &dyn Records, now: Time) -> Result<bool, StoreError> {
        if self.rate.count == 0 {
            return Ok(false);
        }
        let place = Place { kind: self.kind, owner: &self.owner, id: &self.id };
        Ok(matches!(records.take(place, self.rate.count, self.rate.window, now).await?, Taken::Yes { .. }))
    }

    /// The password was right, or nobody could tell: it was no failure.
    pub async fn give_back(&self, records: &dyn Records, now: Time) -> Result<(), StoreError> {
        records.give_back(self.kind, &self.id, now).await
    }

    /// Somebody signed in: what was counted is forgotten.
    pub async fn clear(&self, records: &dyn Records, now: Time) -> Result<(), StoreError> {
        records.remove(self.kind, &self.id, now).await.map(drop)
    }
}

/// Passwords that were refused a moment ago, as keyed hashes in memory: a phone that keeps trying an old password asks the
/// directory once.
#[derive(Debug, Default)]
pub struct RefusedLately {
    entries: Mutex<VecDeque<(Time, [u8; 32])>>,
}

/// "A moment ago": longer, and whoever tried the new password just before it was set would be refused although it is right.
const REMEMBERED_FOR: Duration = Duration::from_secs(2 * 60);
/// When full, the oldest is forgotten: it is merely asked for again.
const MOST_REMEMBERED: usize = 10_000;

impl RefusedLately {
    /// The mark of one account's (or name's) password.
    pub fn mark(keys: &Keys, whose: &str, password: &Secret<String>) -> [u8; 32] {
        let mut data = Secret::new(Vec::with_capacity(whose.len() + password.expose().len() + 1));
        data.with(|data| {
            data.extend_from_slice(whose.as_bytes());
            data.push(0);
            data.extend_from_slice(password.expose().as_bytes());
        });
        keys.mac("refused password", data.expose())
    }

    /// Whether it was refused within the last 15 minutes.
    pub fn contains(&self, mark: &[u8; 32], now: Time) -> bool {
        let Ok(mut entries) = self.entries.lock() else { return false };
        while entries.front().is_some_and(|(at, _)| now.since(*at) >= REMEMBERED_FOR) {
            entries.pop_front();
        }
        entries.iter().any(|(_, known)| known == mark)
    }

    /// It was refused now.
    pub fn remember(&self, mark: [u8; 32], now: Time) {
        let Ok(mut entries) = self.entries.lock() else { return };
        if entries.len() >= MOST_REMEMBERED {
            entries.pop_front();
        }
        entries.push_back((now, mark));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(count: u32, seconds: u64) -> Rate {
        Rate { count, window: Duration::from_secs(seconds) }
    }

    #[test]
    fn strangers_get_at_most_half_of_what_the_threshold_leaves() {
        let table = [
            // threshold, ours -> strangers, known
            (0, 5, 5, 5),
            (1, 5, 0, 1),
            (2, 5, 0, 1),
            (3, 5, 1, 1),
            (5, 5, 2, 2),
            (6, 5, 2, 3),
            (50, 5, 5, 5),
        ];
        for (threshold, ours, strangers, known) in table {
            let lock_out = Some(LockOut { threshold, window: Duration::from_secs(60) });
            assert_eq!(allowance(rate(ours, 900), lock_out, Browser::Stranger).count, strangers, "threshold {threshold}");
            assert_eq!(allowance(rate(ours, 900), lock_out, Browser::Known("b")).count, known, "threshold {threshold}");
        }
    }

    #[test]
    fn the_longer_window_counts() {
        let lock_out = Some(LockOut { threshold: 5, window: Duration::from_secs(1800) });
        assert_eq!(allowance(rate(5, 900), lock_out, Browser::Stranger).window, Duration::from_secs(1800));
        assert_eq!(allowance(rate(5, 900), None, Browser::Stranger), rate(5, 900));
    }

    #[test]
    fn a_refused_password_is_remembered_for_a_while() {
        let lately = RefusedLately::default();
        lately.remember([1; 32], Time::from_millis(0));
        assert!(lately.contains(&[1; 32], Time::from_millis(1000)));
        assert!(!lately.contains(&[2; 32], Time::from_millis(1000)));
        assert!(!lately.contains(&[1; 32], Time::from_millis(2 * 60 * 1000)));
    }
}
