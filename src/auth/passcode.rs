//! Passcodes: made from fair random digits, shown to nobody, kept only as a keyed hash that is bound to one flow.

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::base::secret::same;
use crate::base::{Keys, Random, Secret};

/// What is kept of a passcode: HMAC-SHA-256 over flow and passcode. Says nothing without Doorward's keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sealed([u8; 32]);

/// So many digits, each equally likely.
pub fn issue(length: u8, random: &dyn Random) -> Secret<String> {
    Secret::new((0..length).map(|_| char::from_digit(random.below(10), 10).unwrap_or('0')).collect())
}

impl Sealed {
    /// `passcode` as [`issue`] made it or [`typed`] read it. The result is good for comparing within this flow alone.
    pub fn new(keys: &Keys, flow: &str, passcode: &str) -> Self {
        let mut data = Vec::with_capacity(flow.len() + passcode.len() + 1);
        data.extend_from_slice(flow.as_bytes());
        data.push(0);
        data.extend_from_slice(passcode.as_bytes());
        let sealed = Self(keys.mac("passcode", &data));
        data.zeroize();
        sealed
    }

    /// Whether `other` was made from the same passcode in the same flow; in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }

    #[cfg(test)]
    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// What was typed, without the blanks and hyphens that people put between digits. At most 32 characters of it count.
pub fn typed(text: &str) -> Secret<String> {
    Secret::new(
        text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}' | '.')).take(32).collect(),
    )
}

/// Two characters that tell one login from another at the same time: a letter and a digit that cannot be mistaken.
pub fn label(random: &dyn Random) -> String {
    const LETTERS: &[u8] = b"ACDEFGHJKLMNPRTUVWXYZ";
    const DIGITS: &[u8] = b"2346789";
    let pick = |from: &[u8]| {
        let place = usize::try_from(random.below(u32::try_from(from.len()).unwrap_or(1))).unwrap_or_default();
        char::from(from.get(place).copied().unwrap_or(b'A'))
    };
    format!("{}{}", pick(LETTERS), pick(DIGITS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::keys::SealKey;
    use crate::base::random::SystemSource;

    #[test]
    fn every_digit_is_about_equally_frequent() {
        let mut counts = [0_u32; 10];
        for _ in 0..2000 {
            for digit in issue(10, &SystemSource).expose().bytes() {
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

    #[test]
    fn blanks_and_hyphens_do_not_matter() {
        for text in ["482913", " 482 913 ", "482-913", "482\u{2013}913", "482\u{a0}913"] {
            assert_eq!(typed(text).expose(), "482913", "{text:?}");
        }
    }
}
