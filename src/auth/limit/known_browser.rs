//! `__Host-doorward-known`: which users have signed in before in this browser, sealed. It admits no one; it only gives the
//! browser allowances of its own, so that an attacker elsewhere cannot use up its owner's.

use std::sync::Arc;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use serde::{Deserialize, Serialize};

use crate::base::{Keys, Random, Secret, UserId};

/// The users of this browser, as far as its cookie can be believed.
#[derive(Clone, Debug, Default)]
pub struct Known {
    users: Vec<KnownUser>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct KnownUser {
    /// Keyed hash of the user's id.
    user: String,
    /// Keyed hash of the name as it was last typed, as names are counted.
    name: String,
    /// This browser's own id for this user.
    id: Arc<str>,
}

/// Where an attempt comes from, seen from one user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Browser<'a> {
    Stranger,
    Known(&'a str),
}

impl Browser<'_> {
    pub(in crate::auth) fn id(&self) -> &str {
        match self {
            Self::Stranger => "stranger",
            Self::Known(id) => id,
        }
    }
}

/// Users remembered in one browser; the one unused for longest goes first.
const MOST_USERS: usize = 5;
const PURPOSE: &str = "known browser";

impl Known {
    /// What a cookie says; a stranger's where it says nothing we sealed.
    pub fn read(cookie: Option<&str>, keys: &Keys) -> Self {
        let open = |cookie: &str| {
            let sealed = BASE64URL_NOPAD.decode(cookie.as_bytes()).ok()?;
            serde_json::from_slice(&keys.open(PURPOSE, b"", &sealed)?).ok()
        };
        Self { users: cookie.and_then(open).unwrap_or_default() }
    }

    /// By the name as it was typed (before anything was looked up).
    pub fn by_name(&self, mark: &str) -> Browser<'_> {
        self.users.iter().find(|known| known.name == mark).map_or(Browser::Stranger, |known| Browser::Known(&known.id))
    }

    /// By who the user is.
    pub fn by_user(&self, user: &UserId, keys: &Keys) -> Browser<'_> {
        let mark = mark(keys, user.as_str());
        self.users.iter().find(|known| known.user == mark).map_or(Browser::Stranger, |known| Browser::Known(&known.id))
    }

    /// The cookie's value once this user has signed in here.
    pub fn with(mut self, user: &UserId, name_mark: &str, keys: &Keys, random: &dyn Random) -> Secret<String> {
        let user = mark(keys, user.as_str());
        let place = self.users.iter().position(|known| known.user == user);
        let id = match place {
            Some(place) => self.users.remove(place).id,
            None => BASE32_NOPAD.encode(&random.bytes::<10>()).to_lowercase().into(),
        };
        self.users.insert(0, KnownUser { user, name: name_mark.to_owned(), id });
        self.users.truncate(MOST_USERS);
        let plain = serde_json::to_vec(&self.users).unwrap_or_default();
        Secret::new(BASE64URL_NOPAD.encode(&keys.seal(PURPOSE, b"", &plain)))
    }
}

/// A keyed hash that stands for a name or a user without showing it: 16 hexadecimal digits.
pub fn mark(keys: &Keys, what: &str) -> String {
    let mac = keys.mac("name mark", what.as_bytes());
    mac.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::keys::SealKey;
    use crate::base::random::SystemSource;

    #[test]
    fn a_browser_is_known_for_its_own_users_alone() {
        let keys = Keys::new(vec![SealKey { id: "k".into(), secret: Secret::new(vec![7; 32]) }]).unwrap();
        let alice = UserId::new("local", "alice");
        let cookie = Known::default().with(&alice, &mark(&keys, "alice"), &keys, &SystemSource);
        let known = Known::read(Some(cookie.expose()), &keys);
        assert!(matches!(known.by_user(&alice, &keys), Browser::Known(_)));
        assert!(matches!(known.by_name(&mark(&keys, "alice")), Browser::Known(_)));
        assert_eq!(known.by_user(&UserId::new("local", "bob"), &keys), Browser::Stranger);
        assert_eq!(known.by_name(&mark(&keys, "bob")), Browser::Stranger);

        let other = Keys::new(vec![SealKey { id: "k".into(), secret: Secret::new(vec![8; 32]) }]).unwrap();
        assert_eq!(Known::read(Some(cookie.expose()), &other).by_user(&alice, &other), Browser::Stranger);
    }

    #[test]
    fn five_users_are_remembered_and_keep_their_ids() {
        let keys = Keys::new(vec![SealKey { id: "k".into(), secret: Secret::new(vec![7; 32]) }]).unwrap();
        let mut known = Known::default();
        let user = |number: usize| UserId::new("local", &number.to_string());
        for number in [0, 1, 2, 3, 4, 5, 5] {
            let cookie = known.with(&user(number), "n", &keys, &SystemSource);
            assert!(cookie.expose().len() < 1500);
            known = Known::read(Some(cookie.expose()), &keys);
        }
        assert_eq!(known.by_user(&user(0), &keys), Browser::Stranger);
        assert!((1..6).all(|number| matches!(known.by_user(&user(number), &keys), Browser::Known(_))));
    }
}
