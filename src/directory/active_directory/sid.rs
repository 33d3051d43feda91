//! Security identifiers, as Active Directory has them in attributes (MS-DTYP section 2.4.2.2).

use std::fmt;

/// The bytes as they come.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Sid(Box<[u8]>);

impl Sid {
    /// Nothing where these are no such bytes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (&version, &parts) = (bytes.first()?, bytes.get(1)?);
        let whole = version == 1 && parts <= MOST_PARTS && bytes.len() == HEAD + PART * usize::from(parts);
        whole.then(|| Self(bytes.into()))
    }

    /// Another one of the same domain: this one's last part replaced.
    pub fn sibling(&self, last: u32) -> Option<Self> {
        let start = self.0.len().checked_sub(PART).filter(|start| *start >= HEAD)?;
        let mut bytes = self.0.get(..start)?.to_vec();
        bytes.extend(last.to_le_bytes());
        Some(Self(bytes.into()))
    }

    /// As a filter has it (RFC 4515 section 3).
    pub fn escaped(&self) -> String {
        self.0.iter().map(|byte| format!("\\{byte:02x}")).collect()
    }
}

/// `S-1-5-21-1-2-3-513`
impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0.iter().take(HEAD).skip(2).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        write!(f, "S-1-{authority}")?;
        for part in self.0.get(HEAD..).unwrap_or_default().chunks_exact(PART) {
            let part = part.iter().rev().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
            write!(f, "-{part}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Version, number of parts, and six bytes of authority.
const HEAD: usize = 8;
const PART: usize = 4;
const MOST_PARTS: u8 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: [u8; 28] = [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 0, 0];

    #[test]
    fn it_is_written_as_people_know_it() {
        let users = Sid::read(&USERS).unwrap();
        assert_eq!(users.to_string(), "S-1-5-21-1-2-4294967295-513");
        assert_eq!(users.sibling(1104).unwrap().to_string(), "S-1-5-21-1-2-4294967295-1104");
        assert_eq!(users.sibling(513), Some(users.clone()));
        assert!(users.escaped().starts_with("\\01\\05\\00") && users.escaped().len() == 28 * 3);
    }

    #[test]
    fn what_is_none_is_not_read() {
        for length in 0..USERS.len() {
            assert_eq!(Sid::read(&USERS[..length]), None, "{length}");
        }
        let faulty = [(0, 2), (1, 4), (1, 6), (1, 255)];
        for (place, value) in faulty {
            let mut bytes = USERS;
            bytes[place] = value;
            assert_eq!(Sid::read(&bytes), None, "{place} {value}");
        }
        assert_eq!(Sid::read(&[1, 0, 0, 0, 0, 0, 0, 5]).unwrap().sibling(1), None);
    }
}
