//! Says the texts of `locales/` in one language, for the pages.

use fluent_bundle::FluentValue;

use super::Look;
use crate::base::{Language, Span};

/// Speaks one language.
#[derive(Clone, Copy)]
pub(super) struct Say<'a> {
    pub(super) look: &'a Look,
    pub(super) language: Language,
}

/// A part of a sentence, for templates that set what was filled in apart from the words around it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) is_filled: bool,
}

impl Say<'_> {
    pub(super) fn plain(self, key: &str) -> String {
        self.with(key, &[])
    }

    pub(super) fn with(self, key: &str, variables: &[(&str, FluentValue<'_>)]) -> String {
        self.look.texts.say(self.language, key, variables)
    }

    /// What people call an application.
    pub(super) fn application<'b>(self, name: &'b str) -> &'b str
    where
        Self: 'b,
    {
        self.look.called(name, self.language)
    }

    /// A length of time, for `$time` of another text.
    pub(super) fn time(self, span: Span) -> String {
        span.say(&self.look.texts, self.language)
    }

    /// The text of `key` with this time in it.
    pub(super) fn timed(self, key: &str, span: Span) -> String {
        self.with(key, &[("time", self.time(span).into())])
    }

    /// The sentence in pieces: its own words, and what was filled in.
    pub(super) fn pieces(self, key: &str, variables: &[(&str, &str)]) -> Vec<Piece> {
        let marked: Vec<(&str, FluentValue<'_>)> = variables
            .iter()
            .map(|(name, value)| (*name, format!("{OPEN}{}{CLOSE}", value.replace([OPEN, CLOSE], "")).into()))
            .collect();
        let sentence = self.with(key, &marked);
        let mut pieces = Vec::new();
        for part in sentence.split(OPEN) {
            let (filled, words) = part.split_once(CLOSE).unwrap_or(("", part));
            pieces.push(Piece { text: filled.to_owned(), is_filled: true });
            pieces.push(Piece { text: words.to_owned(), is_filled: false });
        }
        pieces.retain(|piece| !piece.text.is_empty());
        pieces
    }
}

// Two characters for private use (Unicode chapter 23.5), which no text of ours has.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Limits, Pages};

    #[test]
    fn what_is_filled_in_is_set_apart_whatever_it_is() {
        let look = Look::new(&Pages::default(), &Limits::default(), false, None);
        for name in ["alice", "\u{e000}al\u{e001}ice", "<b>", "{ $name }"] {
            let say = Say { look: &look, language: Language::ENGLISH };
            let pieces = say.pieces("passcode-as", &[("application", "mail"), ("name", name)]);
            let filled: Vec<&str> = pieces.iter().filter(|piece| piece.is_filled).map(|piece| piece.text.as_str()).collect();
            assert_eq!(filled, ["mail", &name.replace([OPEN, CLOSE], "")]);
            let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
            assert!(whole.starts_with("Signing in to mail as ") && !whole.contains([OPEN, CLOSE]), "{whole}");
        }
    }
}
