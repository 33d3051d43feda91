//! Values that must not be seen: wiped when dropped, never printed, compared in constant time.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroize;

/// Holds a secret. `Debug` prints nothing of it and there is no `Display` and no `Serialize`.
#[derive(Clone, Default)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Never log it, never put it into an error.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// Changes the value in place. Give it its full capacity first: growing leaves a copy behind.
    pub fn with(&mut self, change: impl FnOnce(&mut T)) {
        change(&mut self.0);
    }
}

impl<'de, T: Zeroize + Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(from).map(Self)
    }
}

/// In time that depends on the lengths alone.
impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        same(self.0.as_ref(), other.0.as_ref())
    }
}

impl<T: Zeroize + AsRef<[u8]>> Eq for Secret<T> {}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Whether two byte strings are equal, in time that depends on their lengths alone.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(left, right).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_equal_where_every_byte_is() {
        let secret = |text: &str| Secret::new(text.to_owned());
        for (one, other, expected) in [("", "", true), ("a", "a", true), ("a", "b", false), ("a", "ab", false), ("ab", "", false)]
        {
            assert_eq!(secret(one) == secret(other), expected, "{one} {other}");
        }
    }
}
