//! Identifiers that more than one layer speaks of.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Random;

/// Names one attempt or one failed request: 60 random bits as twelve letters and digits in three groups
/// (`4k7q-0x2m-9dtz`, without i l o u so that it can be read out). Shown to the user; unrelated to flow and cookie.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TraceId(u64);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl TraceId {
    pub fn new(random: &dyn Random) -> Self {
        Self(u64::from_be_bytes(random.bytes()) >> 4)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in (0..12).rev() {
            let letter = ALPHABET.get(usize::try_from(self.0 >> (5 * place)).unwrap_or_default() & 31).copied().unwrap_or(b'0');
            write!(f, "{}", char::from(letter))?;
            if place == 8 || place == 4 {
                f.write_str("-")?;
            }
        }
        Ok(())
    }
}

/// Takes what a user reads out: any case, with or without hyphens and blanks, `o` for zero, `i` and `l` for one.
impl FromStr for TraceId {
    type Err = NotATraceId;

    fn from_str(text: &str) -> Result<Self, NotATraceId> {
        let mut bits = 0;
        let mut count = 0;
        for letter in text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
            let letter = match letter.to_ascii_lowercase() {
                b'o' => b'0',
                b'i' | b'l' => b'1',
                other => other,
            };
            let value = ALPHABET.iter().position(|known| *known == letter).ok_or(NotATraceId)?;
            bits = bits << 5 | u64::try_from(value).unwrap_or_default();
            count += 1;
            if count > 12 {
                return Err(NotATraceId);
            }
        }
        if count == 12 { Ok(Self(bits)) } else { Err(NotATraceId) }
    }
}

impl Serialize for TraceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a trace id is twelve letters and digits, like 4k7q-0x2m-9dtz")]
pub struct NotATraceId;

/// Who somebody is, for good: the directory's name and its immutable id, joined by a colon. Names may change, this does not.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(Arc<str>);

impl UserId {
    pub fn new(directory: &str, id: &str) -> Self {
        Self(format!("{directory}:{id}").into())
    }

    /// The directory's name, which holds no colon.
    pub fn directory(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// The directory's own id, which may hold colons.
    pub fn in_directory(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, id)| id)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SystemSource;

    #[test]
    fn a_trace_id_survives_being_read_out() {
        for _ in 0..1000 {
            let id = TraceId::new(&SystemSource);
            let spoken = id.to_string().to_uppercase().replace('-', " ").replace('0', "O").replace('1', "l");
            assert_eq!(spoken.parse(), Ok(id));
        }
    }

    #[test]
    fn what_is_no_trace_id_is_refused() {
        for text in ["", "4k7q-0x2m-9dt", "4k7q-0x2m-9dtzz", "4k7q-0x2m-9dt!", "4k7q-0x2m-9dtu"] {
            assert_eq!(text.parse::<TraceId>(), Err(NotATraceId), "{text}");
        }
    }
}
