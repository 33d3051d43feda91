//! When an attribute was written last: `replPropertyMetaData`, which Active Directory keeps for every entry so that its controllers can
//! agree (MS-DRSR section 5.162, MS-ADTS section 3.1.1.1.9).

use ldap3::SearchEntry;

use super::entry;
use crate::base::Time;

pub(in crate::directory) const ATTRIBUTE: &str = "replPropertyMetaData";

/// When the first of these attributes to have been written last was written; nothing where the server does not say, or knows one of
/// them by a number that we do not know.
pub(in crate::directory) fn changed<'a>(entry: &SearchEntry, attributes: impl Iterator<Item = &'a str>) -> Option<Time> {
    let bytes = entry::bytes(entry, ATTRIBUTE).next()?;
    let numbers: Vec<u32> = attributes.map(number).collect::<Option<_>>()?;
    let written = read(bytes)?;
    written.into_iter().filter(|(attribute, _)| numbers.contains(attribute)).map(|(_, at)| at).max()
}

/// Attributes by number, and when each was written. Nothing where these are not such bytes.
pub fn read(bytes: &[u8]) -> Option<Vec<(u32, Time)>> {
    let (head, entries) = bytes.split_at_checked(HEAD)?;
    let count = usize::try_from(number_at(head, 8)?).ok()?;
    if number_at(head, 0)? != VERSION || entries.len() != count.checked_mul(ENTRY)? {
        return None;
    }
    entries.chunks_exact(ENTRY).map(|entry| Some((number_at(entry, 0)?, time_at(entry, 8)?))).collect()
}

fn number_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes))
}

/// Whole seconds since 1601.
fn time_at(bytes: &[u8], at: usize) -> Option<Time> {
    let seconds = bytes.get(at..)?.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes))?;
    Some(Time::from_millis(seconds.saturating_sub(BEFORE_1970).saturating_mul(1000)))
}

/// The attributes that may hold a phone number, by the numbers that each forest begins with (MS-ADTS section 3.1.1.2.1: the prefixes).
fn number(attribute: &str) -> Option<u32> {
    let known = [
        ("mobile", 0x0015_0029),
        ("otherMobile", 0x0009_0287),
        ("telephoneNumber", 0x14),
        ("otherTelephone", 0x0002_0012),
        ("homePhone", 0x0015_0014),
        ("otherHomePhone", 0x0002_0115),
        ("pager", 0x0015_002a),
        ("ipPhone", 0x0009_02d1),
    ];
    known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute)).map(|(_, number)| number)
}

const VERSION: u32 = 1;
/// Version, reserved, how many, reserved.
const HEAD: usize = 16;
/// Attribute, version, time, the server's id, and two numbers of changes.
const ENTRY: usize = 48;
/// Seconds from 1601 to 1970.
const BEFORE_1970: u64 = 11_644_473_600;

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(entries: &[(u32, u64)]) -> Vec<u8> {
        let mut bytes = vec![1, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(u32::try_from(entries.len()).unwrap().to_le_bytes());
        bytes.extend([0; 4]);
        for (attribute, seconds) in entries {
            bytes.extend(attribute.to_le_bytes());
            bytes.extend([1, 0, 0, 0]);
            bytes.extend((seconds + BEFORE_1970).to_le_bytes());
            bytes.extend([7; 32]);
        }
        bytes
    }

    fn changed_at(entries: &[(u32, u64)], attributes: &[&str]) -> Option<u64> {
        let bin_attrs = [(ATTRIBUTE.to_uppercase(), vec![metadata(entries)])].into_iter().collect();
        let entry = SearchEntry { dn: "cn=a".into(), attrs: std::collections::HashMap::new(), bin_attrs };
        changed(&entry, attributes.iter().copied()).map(Time::millis)
    }

    #[test]
    fn the_latest_change_of_a_number_counts() {
        let entries = [(0, 5), (0x0015_0029, 100), (0x0009_0287, 200)];
        let table: [(&[&str], Option<u64>); 5] = [
            (&["mobile"], Some(100_000)),
            (&["mobile", "otherMobile"], Some(200_000)),
            (&["MOBILE"], Some(100_000)),
            (&["pager"], None),
            (&["mobile", "extensionAttribute1"], None),
        ];
        for (attributes, expected) in table {
            assert_eq!(changed_at(&entries, attributes), expected, "{attributes:?}");
        }
    }

    #[test]
    fn what_is_cut_or_counts_wrongly_says_nothing() {
        let whole = metadata(&[(1, 1), (2, 2)]);
        assert_eq!(read(&whole).map(|entries| entries.len()), Some(2));
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]), None, "{length}");
        }
        let longer = [whole.as_slice(), &[0]].concat();
        assert_eq!(read(&longer), None);
        let mut other = whole;
        other[0] = 2;
        assert_eq!(read(&other), None);
    }
}
