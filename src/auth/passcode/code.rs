//! Passcodes: made from fair random characters, shown to no operator, kept only as a keyed hash that is bound to one flow.

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::blocklist;
use crate::base::secret::same;
use crate::base::{Keys, Random, Secret};
use crate::config::PasscodePolicy;
use crate::config::passcode_policy::Alphabet;

/// What is kept of a passcode: HMAC-SHA-256 over flow and passcode. Says nothing without Doorward's keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sealed([u8; 32]);

/// Not I, L, O, U (mistaken for digits or each other), nor another vowel or Y, so that hardly a word comes out. 4.2 bits each.
pub(super) const LETTERS: &[u8] = b"BCDFGHJKMNPQRSTVWXZ";
const CONSONANTS: &[u8] = b"bdfghjklmnprstvwz";
const VOWELS: &[u8] = b"aeiou";
/// Without 0 and 1, which look like letters.
const DIGITS: &[u8] = b"23456789";
/// A memorable passcode: 17^3 * 5^3 * 8^2 are 25.2 bits; what is thrown away for its sound costs less than 0.1.
pub(super) const SYLLABLES: [&[u8]; 8] = [CONSONANTS, VOWELS, CONSONANTS, VOWELS, CONSONANTS, VOWELS, DIGITS, DIGITS];

/// A passcode as the policy wants it; every one of its kind is equally likely, but for those on the blocklist.
pub fn issue(policy: &PasscodePolicy, random: &dyn Random) -> Secret<String> {
    loop {
        let code: Secret<String> = Secret::new(match policy.alphabet {
            Alphabet::Digits => (0..policy.length).map(|_| pick(b"0123456789", random)).collect(),
            Alphabet::Letters => (0..policy.length).map(|_| pick(LETTERS, random)).collect(),
            Alphabet::Memorable => SYLLABLES.iter().map(|from| pick(from, random)).collect(),
        });
        if !blocklist::is_rude(code.expose()) {
            return code;
        }
    }
}

fn pick(from: &[u8], random: &dyn Random) -> char {
    let place = random.below(u32::try_from(from.len()).unwrap_or(1));
    let place = usize::try_from(place).unwrap_or_default();
    char::from(from.get(place).copied().unwrap_or(b'0'))
}

impl Sealed {
    /// `passcode` as [`issue`] made it or [`typed`](fn@super::typed) read it, in either case. The result is good for comparing within this flow alone.
    pub fn new(keys: &Keys, flow: &str, passcode: &str) -> Self {
        let mut data = Vec::with_capacity(flow.len() + passcode.len() + 1);
        data.extend_from_slice(flow.as_bytes());
        data.push(0);
        data.extend(passcode.bytes().map(|byte| byte.to_ascii_lowercase()));
        let sealed = Self(keys.mac("passcode", &data));
        data.zeroize();
        sealed
    }

    /// Whether `other` was made from the same passcode in the same flow; in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }

    #[cfg(test)]
    pub(in crate::auth) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Two characters that tell one login from another at the same time: a letter and a digit that cannot be mistaken.
pub fn label(random: &dyn Random) -> String {
    const LETTERS: &[u8] = b"ACDEFGHJKLMNPRTUVWXYZ";
    const DIGITS: &[u8] = b"2346789";
    format!("{}{}", pick(LETTERS, random), pick(DIGITS, random))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::keys::SealKey;
    use crate::base::random::SystemSource;

    fn policy(alphabet: Alphabet, length: u8) -> PasscodePolicy {
        PasscodePolicy { alphabet, length, ..PasscodePolicy::default() }
    }

    #[test]
    fn letters_and_memorable_passcodes_look_as_they_are_described() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..2000 {
            let letters = issue(&policy(Alphabet::Letters, 7), &SystemSource);
            assert!(letters.expose().len() == 7 && letters.expose().bytes().all(|byte| LETTERS.contains(&byte)));
            let memorable = issue(&policy(Alphabet::Memorable, 8), &SystemSource);
            let word = memorable.expose().as_bytes();
            assert!(word.len() == 8 && word.iter().zip(SYLLABLES).all(|(byte, from)| from.contains(byte)), "{memorable:?}");
            seen.insert(memorable.expose().clone());
        }
        // 2,000 of 39 million: more than a few twins would mean that the choice is not fair.
        assert!(seen.len() > 1990, "{}", seen.len());
    }

    #[test]
    fn what_is_thrown_away_for_its_sound_leaves_25_bits() {
        let (mut all, mut kept) = (0_u64, 0_u64);
        let mut word = String::with_capacity(8);
        for number in 0..85_usize.pow(3) {
            word.clear();
            let mut rest = number;
            for _ in 0..3 {
                word.push(char::from(CONSONANTS[rest % 17]));
                word.push(char::from(VOWELS[rest / 17 % 5]));
                rest /= 85;
            }
            all += 64;
            kept += 64 * u64::from(!blocklist::is_rude(&word));
        }
        assert_eq!(all, 39_304_000);
        assert!(kept > 1 << 25, "{kept} of {all}");
    }

    #[test]
    fn capital_and_small_letters_do_not_matter() {
        let keys = Keys::new(vec![SealKey { id: "k".into(), secret: Secret::new(vec![7; 32]) }]).unwrap();
        let right = Sealed::new(&keys, "f", "bikadu47");
        assert!(right.matches(&Sealed::new(&keys, "f", "BiKadU47")));
        assert!(!right.matches(&Sealed::new(&keys, "f", "bikadu74")));
    }

    #[test]
    fn every_digit_is_about_equally_frequent() {
        let mut counts = [0_u32; 10];
        for _ in 0..2000 {
            for digit in issue(&policy(Alphabet::Digits, 10), &SystemSource).expose().bytes() {
                counts[usize::from(digit - b'0')] += 1;
            }
        }
        assert!(counts.iter().all(|count| (1700..2300).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_passcode_is_good_in_its_own_flow_alone() {
        let keys = Keys::new(vec![SealKey { id: "k".into(), secret: Secret::new(vec![7; 32]) }]).unwrap();
        let sealed = Sealed::new(&keys, "flow1", "123456");
        assert!(sealed.matches(&Sealed::new(&keys, "flow1", "123456")));
        assert!(!sealed.matches(&Sealed::new(&keys, "flow2", "123456")));
        assert!(!sealed.matches(&Sealed::new(&keys, "flow1", "123457")));
    }
}
