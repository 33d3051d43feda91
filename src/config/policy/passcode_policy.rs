//! `[[passcode_policy]]`: what a passcode looks like and how long it lives.

use std::sync::Arc;
use std::time::Duration;

use crate::config::document::{Field, Kind, STANDARD, Section};

/// `[[passcode_policy]]`: what a passcode is made of, and how long it is good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasscodePolicy {
    pub name: Arc<str>,
    /// Default: digits.
    pub alphabet: Alphabet,
    /// Characters; never so few that there are less than 20 bits (NIST SP 800-63B). Digits 6 to 10, letters 5 to 10 (default of both:
    /// 6), memorable 8.
    pub length: u8,
    /// 30 s to 10 minutes. Default: 5 minutes.
    pub lifetime: Duration,
    /// Wrong ones that end the flow, 1 to 5. Default: 3.
    pub tries: u32,
    /// Text messages are shown at once and not kept by the phone (class 0). Default: false.
    pub flash: bool,
}

/// What a passcode is made of. Nobody needs to mind capital and small letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum Alphabet {
    Digits,
    /// Consonants that are not mistaken for each other or for a digit.
    Letters,
    /// Three syllables and two digits: `bokadu47`.
    Memorable,
}

/// The policy `standard`, which is there even if nobody writes it.
impl Default for PasscodePolicy {
    fn default() -> Self {
        Self {
            name: STANDARD.into(),
            alphabet: Alphabet::Digits,
            length: 6,
            lifetime: Duration::from_secs(300),
            tries: 3,
            flash: false,
        }
    }
}

impl PasscodePolicy {
    pub(in crate::config) fn read(section: Section<'_>) -> Option<Self> {
        let default = Self::default();
        let name = section.name(Kind::PasscodePolicy);
        let alphabets = [("digits", Alphabet::Digits), ("letters", Alphabet::Letters), ("memorable", Alphabet::Memorable)];
        section.decides("alphabet");
        let alphabet = section.or("alphabet", default.alphabet, |field| field.choice(&alphabets, &[]));
        let (usual, lengths) = match alphabet {
            Alphabet::Digits => (6, 6..=10),
            Alphabet::Letters => (6, 5..=10),
            Alphabet::Memorable => (8, 8..=8),
        };
        let length = section.or("length", usual, |field| u8::try_from(field.number(lengths)?).ok());
        let flash = section.or("flash", default.flash, Field::boolean);
        let lifetime = Duration::from_secs(30)..=Duration::from_secs(600);
        let lifetime = section.or("lifetime", default.lifetime, |field| field.duration(lifetime));
        let tries = section.or("tries", default.tries, |field| field.number(1..=5));
        section.finish();
        Some(Self { name: name?, alphabet, length, lifetime, tries, flash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{messages, parsed, with};

    fn policy(keys: &str) -> String {
        with("[[dispatch", &format!("[[passcode_policy]]\nname = \"p\"\n{keys}\n[[dispatch"))
    }

    #[test]
    fn every_alphabet_has_its_lengths() {
        for (keys, alphabet, length) in [
            ("", Alphabet::Digits, 6),
            ("length = 10", Alphabet::Digits, 10),
            ("alphabet = \"letters\"", Alphabet::Letters, 6),
            ("alphabet = \"letters\"\nlength = 5", Alphabet::Letters, 5),
            ("alphabet = \"memorable\"", Alphabet::Memorable, 8),
            ("alphabet = \"memorable\"\nlength = 8\nflash = true", Alphabet::Memorable, 8),
        ] {
            let config = parsed(&policy(keys)).unwrap();
            let read = &config.passcode_policies[0];
            assert_eq!((read.alphabet, read.length, read.flash), (alphabet, length, keys.contains("flash")), "{keys}");
        }
    }

    #[test]
    fn a_passcode_that_could_be_guessed_is_refused() {
        for (keys, words) in [
            ("length = 5", "a whole number from 6 to 10"),
            ("alphabet = \"letters\"\nlength = 4", "a whole number from 5 to 10"),
            ("alphabet = \"memorable\"\nlength = 6", "a whole number from 8 to 8"),
            ("alphabet = \"emoji\"", "\"digits\" or \"letters\" or \"memorable\""),
            ("flash = \"yes\"", "true or false"),
        ] {
            let found = messages(&policy(keys));
            assert!(found.len() == 1 && found[0].contains(words), "{keys}: {found:?}");
        }
    }
}
