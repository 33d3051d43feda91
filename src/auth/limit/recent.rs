//! A password that was refused a moment ago is refused again here, uncounted and before the directory is asked.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use super::known_browser::Browser;
use crate::base::{Keys, Secret, Time};

/// Passwords that were refused a moment ago, as keyed hashes in memory: a phone that keeps trying an old password asks the
/// directory once.
#[derive(Debug, Default)]
pub struct RefusedLately {
    entries: Mutex<VecDeque<(Time, [u8; 32])>>,
}

/// "A moment ago": longer, and a user who tried the new password just before it was set would be refused although it is right.
const REMEMBERED_FOR: Duration = Duration::from_secs(2 * 60);
/// When full, the oldest is forgotten: it is merely asked for again.
const MOST_REMEMBERED: usize = 10_000;

impl RefusedLately {
    /// The mark of one name's password, tried by a stranger or in one known browser: a user that a limit refused elsewhere shall not be
    /// refused here for it.
    pub fn mark(keys: &Keys, (name, browser): (&str, Browser<'_>), password: &Secret<String>) -> [u8; 32] {
        let mut data = Secret::new(Vec::with_capacity(name.len() + browser.id().len() + password.expose().len() + 2));
        data.with(|data| {
            data.extend_from_slice(name.as_bytes());
            data.push(0);
            data.extend_from_slice(browser.id().as_bytes());
            data.push(0);
            data.extend_from_slice(password.expose().as_bytes());
        });
        keys.mac("refused password", data.expose())
    }

    /// Whether it was refused within the last two minutes.
    pub fn contains(&self, mark: &[u8; 32], now: Time) -> bool {
        let Ok(mut entries) = self.entries.lock() else { return false };
        while entries.front().is_some_and(|(at, _)| now.since(*at) >= REMEMBERED_FOR) {
            entries.pop_front();
        }
        entries.iter().any(|(_, known)| known == mark)
    }

    /// Forgets all: a lock that was lifted must not go on here for a password that is right. What is wrong is merely asked for again.
    pub fn clear(&self) {
        if let Ok(mut entries) = self.entries.lock() {
            entries.clear();
        }
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

    #[test]
    fn a_refused_password_is_remembered_for_a_while() {
        let lately = RefusedLately::default();
        lately.remember([1; 32], Time::from_millis(0));
        assert!(lately.contains(&[1; 32], Time::from_millis(1000)));
        assert!(!lately.contains(&[2; 32], Time::from_millis(1000)));
        assert!(!lately.contains(&[1; 32], Time::from_millis(2 * 60 * 1000)));
    }
}
