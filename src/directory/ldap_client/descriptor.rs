//! Security descriptors, as Active Directory keeps them on every entry (MS-DTYP section 2.4.6): only as much as tells who may write an
//! attribute of it.

/// Whether the owner of an account may write an attribute of it: by a right of SELF, of everybody, or of whoever has signed in.
/// `attribute` is its schemaIDGUID and `set` its attributeSecurityGUID, bytes as the directory has them. Nothing where these are no
/// such bytes. Rights that come by a group of one's own are not seen.
pub fn self_may_write(bytes: &[u8], attribute: Option<Guid>, set: Option<Guid>) -> Option<bool> {
    let dacl = usize::try_from(number_at(bytes, DACL_OFFSET)?).ok()?;
    if *bytes.first()? != REVISION {
        return None;
    }
    // Without a list everybody may do everything (MS-DTYP section 2.5.3.2).
    if dacl == 0 {
        return Some(true);
    }
    let list = bytes.get(dacl..)?;
    let count = usize::from(short_at(list, 4)?);
    let mut rest = list.get(..usize::from(short_at(list, 2)?))?.get(LIST_HEAD..)?;
    for _ in 0..count {
        let size = usize::from(short_at(rest, 2)?);
        let (entry, more) = rest.split_at_checked(size).filter(|_| size >= ENTRY_HEAD)?;
        rest = more;
        // The first entry that speaks of it decides; denials stand first.
        match speaks(entry, attribute, set)? {
            Some(verdict) => return Some(verdict),
            None => continue,
        }
    }
    Some(false)
}

/// Whether an entry allows or denies it; the inner nothing where it is about something or somebody else.
fn speaks(entry: &[u8], attribute: Option<Guid>, set: Option<Guid>) -> Option<Option<bool>> {
    let (kind, flags) = (*entry.first()?, *entry.get(1)?);
    let (allows, has_object) = match kind {
        0x00 => (true, false),
        0x01 => (false, false),
        0x05 => (true, true),
        0x06 => (false, true),
        _ => return Some(None),
    };
    let mask = number_at(entry, 4)?;
    if flags & INHERIT_ONLY != 0 || mask & WRITES == 0 {
        return Some(None);
    }
    let mut at = 8;
    if has_object {
        let present = number_at(entry, at)?;
        at += 4;
        if present & OBJECT_TYPE != 0 {
            let object: Guid = *entry.get(at..)?.first_chunk()?;
            at += 16;
            if Some(object) != attribute && Some(object) != set {
                return Some(None);
            }
        }
        if present & INHERITED_TYPE != 0 {
            at += 16;
        }
    }
    let sid = entry.get(at..)?;
    let length = 8 + 4 * usize::from(*sid.get(1)?);
    let is_own = OWN.contains(&sid.get(..length)?);
    Some(is_own.then_some(allows))
}

fn number_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes))
}

fn short_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|bytes| u16::from_le_bytes(*bytes))
}

/// As the directory has it.
pub type Guid = [u8; 16];

const REVISION: u8 = 1;
const DACL_OFFSET: usize = 16;
const LIST_HEAD: usize = 8;
const ENTRY_HEAD: usize = 8;
const INHERIT_ONLY: u8 = 0x08;
const OBJECT_TYPE: u32 = 1;
const INHERITED_TYPE: u32 = 2;
/// Write property, generic write, generic all.
const WRITES: u32 = 0x20 | 0x4000_0000 | 0x1000_0000;
/// SELF (S-1-5-10), authenticated users (S-1-5-11), everyone (S-1-1-0).
const OWN: [&[u8]; 3] =
    [&[1, 1, 0, 0, 0, 0, 0, 5, 10, 0, 0, 0], &[1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0], &[1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]];

#[cfg(test)]
mod tests {
    use super::*;

    const MOBILE: Guid = [1; 16];
    const PERSONAL: Guid = [2; 16];
    const SELF: &[u8] = OWN[0];
    const ADMINS: &[u8] = &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];

    fn plain(kind: u8, flags: u8, mask: u32, sid: &[u8]) -> Vec<u8> {
        let size = u16::try_from(8 + sid.len()).unwrap();
        [&[kind, flags], size.to_le_bytes().as_slice(), &mask.to_le_bytes(), sid].concat()
    }

    fn object(kind: u8, mask: u32, guid: Guid, sid: &[u8]) -> Vec<u8> {
        let size = u16::try_from(28 + sid.len()).unwrap();
        [&[kind, 0], size.to_le_bytes().as_slice(), &mask.to_le_bytes(), &[1, 0, 0, 0], &guid, sid].concat()
    }

    fn descriptor(entries: &[Vec<u8>]) -> Vec<u8> {
        let body = entries.concat();
        let size = u16::try_from(8 + body.len()).unwrap();
        let count = u16::try_from(entries.len()).unwrap();
        let list = [&[4, 0], size.to_le_bytes().as_slice(), &count.to_le_bytes(), &[0, 0], &body].concat();
        [&[1, 0, 4, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0], list.as_slice()].concat()
    }

    #[test]
    fn the_first_entry_that_speaks_of_it_decides() {
        let table = [
            (vec![], false),
            (vec![object(5, 0x30, PERSONAL, SELF)], true),
            (vec![object(5, 0x30, MOBILE, SELF)], true),
            (vec![object(5, 0x10, PERSONAL, SELF)], false),
            (vec![object(5, 0x30, [3; 16], SELF)], false),
            (vec![object(5, 0x30, PERSONAL, ADMINS)], false),
            (vec![object(6, 0x20, MOBILE, SELF), object(5, 0x30, PERSONAL, SELF)], false),
            (vec![object(5, 0x30, PERSONAL, SELF), object(6, 0x20, MOBILE, SELF)], true),
            (vec![plain(0, 0, 0x20, OWN[1])], true),
            (vec![plain(0, 0, 0x1000_0000, OWN[2])], true),
            (vec![plain(1, 0, 0x20, OWN[2]), plain(0, 0, 0x20, SELF)], false),
            (vec![plain(0, INHERIT_ONLY, 0x20, SELF)], false),
            (vec![plain(0, 0, 0x000f_01ff, ADMINS)], false),
            (vec![plain(17, 0, 0x20, SELF)], false),
        ];
        for (entries, expected) in table {
            let bytes = descriptor(&entries);
            assert_eq!(self_may_write(&bytes, Some(MOBILE), Some(PERSONAL)), Some(expected), "{entries:?}");
        }
    }

    #[test]
    fn without_a_list_all_may_and_what_is_cut_says_nothing() {
        let whole = descriptor(&[object(5, 0x10, PERSONAL, SELF), object(5, 0x30, PERSONAL, SELF)]);
        for length in 0..whole.len() {
            assert_eq!(self_may_write(&whole[..length], Some(MOBILE), Some(PERSONAL)), None, "{length}");
        }
        let mut none = whole;
        none[16] = 0;
        assert_eq!(self_may_write(&none, Some(MOBILE), None), Some(true));
    }
}
