//! `[notices]`: what people are told besides passcodes, on the way their passcodes take.

use crate::config::document::{Field, Section};

/// `[notices]`: of what people are told besides their codes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notices {
    /// Somebody signed in, in a browser that this user was never seen with. Default: false.
    pub new_place: bool,
    /// Too many wrong codes paused the second factor: whoever typed them knows the password. Default: true.
    pub factor_paused: bool,
}

impl Default for Notices {
    fn default() -> Self {
        Self { new_place: false, factor_paused: true }
    }
}

impl Notices {
    pub(in crate::config) fn read(section: Section<'_>) -> Self {
        let default = Self::default();
        let new_place = section.or("new_place", default.new_place, Field::boolean);
        let factor_paused = section.or("factor_paused", default.factor_paused, Field::boolean);
        section.finish();
        Self { new_place, factor_paused }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{messages, parsed, with};

    #[test]
    fn a_pause_is_told_and_a_new_place_is_not_unless_somebody_says_so() {
        let text = |keys: &str| with("[[listener]]", &format!("[notices]\n{keys}\n[[listener]]"));
        for (keys, new_place, factor_paused) in
            [("", false, true), ("new_place = true", true, true), ("factor_paused = false", false, false)]
        {
            assert_eq!(parsed(&text(keys)).unwrap().notices, Notices { new_place, factor_paused }, "{keys}");
        }
        assert!(messages(&text("new_place = \"yes\""))[0].contains("true or false"));
    }
}
