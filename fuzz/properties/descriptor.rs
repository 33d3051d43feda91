//! Security descriptors: nothing breaks on strange bytes, what is appended changes nothing, and a denial in front is never overruled.

use doorward::directory::ldap_client::descriptor::self_may_write;

pub fn holds(data: &[u8]) {
    let guid = |at: usize| data.get(at..).and_then(|rest| rest.first_chunk().copied());
    for (attribute, set) in [(None, None), (guid(0), guid(40)), (Some([0; 16]), Some([0xff; 16]))] {
        let may = self_may_write(data, attribute, set);
        let longer = [data, &[0x5a; 3]].concat();
        if may.is_some() {
            assert_eq!(self_may_write(&longer, attribute, set), may);
        }
        let denied = [HEAD, data].concat();
        assert_eq!(self_may_write(&denied, attribute, set), Some(false));
    }
}

/// A whole descriptor of one entry, which denies everybody to write anything.
const HEAD: &[u8] = &[
    1, 0, 4, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, // the descriptor
    4, 0, 28, 0, 1, 0, 0, 0, // its list
    1, 0, 20, 0, 0x20, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, // the entry
];
