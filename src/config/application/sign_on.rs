//! `sign_on` of an application: how it learns who the user is.

use crate::config::document::{Field, Section};

/// How the application learns who the user is. A way that needs keys holds what was read of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignOn {
    /// `X-Forwarded-User`, `-Email`, `-Groups`. The default of `preset = "plain"`.
    Headers,
    None,
}

#[derive(Clone, Copy)]
enum Word {
    /// As the application's preset says.
    Preset,
    Headers,
    None,
}

impl SignOn {
    pub(in crate::config) fn read(section: &Section<'_>) -> Self {
        let own = section.optional("sign_on").and_then(word);
        let meant = match own {
            Some(Word::Preset) => section.of_preset("sign_on").and_then(word),
            other => other,
        };
        match meant {
            Some(Word::None) => Self::None,
            Some(Word::Headers | Word::Preset) | None => Self::Headers,
        }
    }
}

fn word(field: Field<'_>) -> Option<Word> {
    field.choice(&[("preset", Word::Preset), ("headers", Word::Headers), ("none", Word::None)], &["basic", "form"])
}
