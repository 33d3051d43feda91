//! Argon2id hashes of passwords, as PHC strings: for the users file and for `doorward hash-password`.
//! Hashing takes tens of milliseconds and megabytes on purpose: call it on a blocking thread.

use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;

use crate::base::{Random, Secret};
use crate::directory::{Changed, Complaint, PasswordMark};

/// The longest password that is looked at, in bytes. More is refused unseen: nobody shall make us hash a novel.
pub const LONGEST: usize = 1024;

/// A hash out of a file that can be checked against, at a cost that we can bear.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash {
    phc: PasswordHash,
    cost: Cost,
}

/// What one hash costs: memory, passes and lanes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cost(Params);

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAHash {
    #[error("this is no argon2id hash; use doorward hash-password")]
    Foreign,
    #[error("this hash asks for more than 1 GiB of memory, 64 passes or 16 lanes; use doorward hash-password")]
    TooCostly,
}

/// Whether this can be a password at all: not empty, without NUL, at most [`LONGEST`] bytes. Everything else is wrong before
/// anybody is asked: an LDAP server says yes to an empty password (RFC 4513 section 5.1.2), and some cut at a NUL.
pub fn usable(password: &Secret<String>) -> bool {
    let text = password.expose();
    !text.is_empty() && text.len() <= LONGEST && !text.contains('\0')
}

/// What can be said of a change before anybody is asked for it; nothing where both can be passwords.
pub fn unfit(old: &Secret<String>, new: &Secret<String>) -> Option<Changed> {
    match (usable(old), usable(new)) {
        (false, _) => Some(Changed::WrongOld),
        (true, false) => Some(Changed::Refused(Complaint::Policy)),
        (true, true) => None,
    }
}

/// A new hash (argon2id, 19 MiB, two passes, one lane) under a fresh salt, as a PHC string.
pub fn hash(password: &Secret<String>, random: &dyn Random) -> String {
    hash_at(password, &Cost::default(), random)
}

/// The same at another cost.
pub fn hash_at(password: &Secret<String>, cost: &Cost, random: &dyn Random) -> String {
    let salt: [u8; 16] = random.bytes();
    #[expect(
        clippy::expect_used,
        reason = "cost and salt are in range by their types, passwords by far; memory is all it can lack"
    )]
    let phc = cost.hasher().hash_password_with_salt(password.expose().as_bytes(), &salt).expect("no memory to hash a password");
    phc.to_string()
}

impl Hash {
    pub fn parse(text: &str) -> Result<Self, NotAHash> {
        let phc = PasswordHash::new(text).map_err(|_| NotAHash::Foreign)?;
        let is_complete = phc.salt.is_some_and(|salt| salt.len() >= 8) && phc.hash.is_some_and(|hash| hash.len() >= 16);
        let is_current = phc.version == Some(u32::from(Version::V0x13));
        if phc.algorithm != ARGON2ID_IDENT || !is_complete || !is_current {
            return Err(NotAHash::Foreign);
        }
        let params = Params::try_from(&phc).map_err(|_| NotAHash::Foreign)?;
        let is_bearable = params.m_cost() <= 1024 * 1024 && params.t_cost() <= 64 && params.p_cost() <= 16;
        if !is_bearable {
            return Err(NotAHash::TooCostly);
        }
        let cost = Cost::new(params.m_cost(), params.t_cost(), params.p_cost()).ok_or(NotAHash::Foreign)?;
        Ok(Self { phc, cost })
    }

    /// Whether this is the password's hash. The hashes are compared in constant time.
    pub fn matches(&self, password: &Secret<String>) -> bool {
        self.cost.hasher().verify_password(password.expose().as_bytes(), &self.phc).is_ok()
    }

    /// Tells it from any other: another password, or the same one under another salt.
    pub fn mark(&self) -> PasswordMark {
        let digest = digest::digest(&digest::SHA256, self.phc.to_string().as_bytes());
        PasswordMark::Digest(HEXLOWER.encode(digest.as_ref()))
    }

    pub fn cost(&self) -> &Cost {
        &self.cost
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hash]")
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self(Params::DEFAULT)
    }
}

impl Cost {
    /// Memory in KiB, passes, lanes. Nothing where argon2 does not allow it.
    pub fn new(memory: u32, passes: u32, lanes: u32) -> Option<Self> {
        Params::new(memory, passes, lanes, None).ok().map(Self)
    }

    /// Does the work of one hash and throws the result away.
    pub fn spend(&self, password: &Secret<String>) {
        let done = self.hasher().hash_password_with_salt(password.expose().as_bytes(), b"nobody's own salt");
        drop(std::hint::black_box(done));
    }

    fn hasher(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SystemSource;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn only_the_same_password_matches() {
        let cost = Cost::new(64, 1, 1).unwrap();
        let hash = Hash::parse(&hash_at(&secret("Grüße, 世界"), &cost, &SystemSource)).unwrap();
        assert!(hash.matches(&secret("Grüße, 世界")));
        for wrong in ["", "Grüße, 世界 ", "grüße, 世界", "Gruesse"] {
            assert!(!hash.matches(&secret(wrong)), "{wrong:?}");
        }
    }

    #[test]
    fn a_new_hash_is_argon2id_at_the_default_cost_and_never_twice_the_same() {
        let (one, other) = (hash(&secret("wonderland"), &SystemSource), hash(&secret("wonderland"), &SystemSource));
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, other);
        assert_eq!(Hash::parse(&one).unwrap().cost(), &Cost::default());
    }

    /// From the reference implementation's own tests: "password" under the salt "somesalt".
    #[test]
    fn a_hash_of_the_reference_implementation_matches() {
        let text = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(Hash::parse(text).unwrap().matches(&secret("password")));
    }

    #[test]
    fn what_is_no_bearable_argon2id_hash_is_refused() {
        let table = [
            ("", NotAHash::Foreign),
            ("wonderland", NotAHash::Foreign),
            ("$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234", NotAHash::Foreign),
            ("$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", NotAHash::Foreign),
            ("$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", NotAHash::Foreign),
            ("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ", NotAHash::Foreign),
            ("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR", NotAHash::Foreign),
            ("$argon2id$v=19$m=4000000,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", NotAHash::TooCostly),
            ("$argon2id$v=19$m=256,t=1000000,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", NotAHash::TooCostly),
        ];
        for (text, expected) in table {
            assert_eq!(Hash::parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_password_is_not_usable() {
        for text in ["", "\0", "wonder\0land", "\0wonderland", &"x".repeat(LONGEST + 1), &"ü".repeat(LONGEST / 2 + 1)] {
            assert!(!usable(&secret(text)), "{} bytes", text.len());
        }
        for text in [" ", "x", &"x".repeat(LONGEST)] {
            assert!(usable(&secret(text)), "{} bytes", text.len());
        }
    }
}
