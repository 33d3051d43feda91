//! A table by names that the operator wrote: applications, hosts. It is looked into for every request, and nobody else can put anything
//! into it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// Read-only once it is made. Who asks for names of his own choice can make one chain be walked to its end, but none grow, so a hash
/// without a secret does.
pub type Table<V> = HashMap<Arc<str>, V, BuildHasherDefault<Cheap>>;

/// FNV-1a, 64 bits.
#[derive(Clone, Copy, Debug)]
pub struct Cheap(u64);

impl Default for Cheap {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Cheap {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_hashed_as_its_definition_says() {
        for (text, expected) in [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)] {
            let mut hasher = Cheap::default();
            hasher.write(text.as_bytes());
            assert_eq!(hasher.finish(), expected, "{text}");
        }
    }
}
