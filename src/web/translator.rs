//! Says the texts of `locales/` in one language, for the pages.

use fluent_bundle::FluentValue;

use super::Look;
use crate::base::Language;

/// Speaks one language.
#[derive(Clone, Copy)]
pub(super) struct Say<'a> {
    pub(super) look: &'a Look,
    pub(super) language: Language,
}

impl Say<'_> {
    pub(super) fn plain(self, key: &str) -> String {
        self.with(key, &[])
    }

    pub(super) fn with(self, key: &str, variables: &[(&str, FluentValue<'_>)]) -> String {
        self.look.texts.say(self.language, key, variables)
    }
}
