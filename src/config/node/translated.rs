//! What people read of the operator's words: one text for everybody, or one for each language.

use crate::base::Language;
use crate::config::document::Field;

/// `"Mail"`, or `{ en = "Mail", de = "Post" }`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Translated<T> {
    /// Where no language is named, every reader gets this.
    first: T,
    /// Empty where one text is for everybody.
    named: Vec<(Language, T)>,
}

impl<T> Translated<T> {
    /// The same in every language.
    pub const fn plain(text: T) -> Self {
        Self { first: text, named: Vec::new() }
    }

    /// In this language; where it is missing in English, and where that is missing too in the first that is there.
    pub fn of(&self, language: Language) -> &T {
        let named = |wanted| self.named.iter().find(|(known, _)| *known == wanted).map(|(_, text)| text);
        named(language).or_else(|| named(Language::ENGLISH)).unwrap_or(&self.first)
    }

    /// Every text that there is.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        let plain = self.named.is_empty().then_some(&self.first);
        plain.into_iter().chain(self.named.iter().map(|(_, text)| text))
    }
}

impl<T: Clone> Translated<T> {
    /// `read` gives one text; a table has a language for each key.
    pub(in crate::config) fn read(field: Field<'_>, read: impl Fn(Field<'_>) -> Option<T>) -> Option<Self> {
        if !field.is_table() {
            return read(field).map(Self::plain);
        }
        let section = field.section()?;
        let named: Vec<(Language, T)> =
            Language::all().filter_map(|language| Some((language, section.optional(language.tag()).and_then(&read)?))).collect();
        if section.is_empty() {
            field.problem(format!("`{}` names no language: write text, or {{ en = \"…\", de = \"…\" }}", field.key));
        }
        section.finish();
        let first = named.first()?.1.clone();
        Some(Self { first, named })
    }
}

/// One line of at most so many characters, of any script. Marks that turn the direction of what follows are refused: they would reach beyond
/// the text.
pub(in crate::config) fn title(field: Field<'_>, most: usize) -> Option<String> {
    let text = field.text()?.trim();
    if let Some(mark) = text.chars().find(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')) {
        field.problem(format!("`{}` holds U+{:04X}, which cannot be seen and turns what follows", field.key, u32::from(mark)));
        return None;
    }
    let length = text.chars().count();
    if length > most {
        field.problem(format!("`{}` has {length} characters; a title has at most {most}", field.key));
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{messages, parsed, with};

    fn application(keys: &str) -> String {
        with("policy = \"staff\"", &format!("policy = \"staff\"\n{keys}"))
    }

    fn german() -> Language {
        Language::from_tag("de").unwrap()
    }

    #[test]
    fn a_title_is_one_for_all_or_one_for_each_language() {
        let table = [
            ("title = \"Mail\"", "Mail", "Mail"),
            ("title = { en = \"Mail\", de = \"Post\" }", "Mail", "Post"),
            ("title = { de = \"Post\" }", "Post", "Post"),
            ("title = { en = \"Mail\" }", "Mail", "Mail"),
            ("title = \"Şirket Postası – İç Ağ\"", "Şirket Postası – İç Ağ", "Şirket Postası – İç Ağ"),
            ("title = \"邮件\"", "邮件", "邮件"),
            ("title = \"البريد\"", "البريد", "البريد"),
            ("title = \"<b>&'\\\"\"", "<b>&'\"", "<b>&'\""),
        ];
        for (keys, english, in_german) in table {
            let read = parsed(&application(keys)).unwrap().applications.remove(0).title.unwrap();
            assert_eq!((read.of(Language::ENGLISH).as_str(), read.of(german()).as_str()), (english, in_german), "{keys}");
        }
        assert!(parsed(&application("")).unwrap().applications.remove(0).title.is_none());
    }

    #[test]
    fn what_is_no_title_is_refused_in_words() {
        let long = format!("title = \"{}\"", "邮".repeat(65));
        for (keys, words) in [
            ("title = \"\"", "expected one line of text"),
            ("title = 5", "expected one line of text"),
            ("title = \"a\\nb\"", "expected one line of text"),
            ("title = {}", "`title` names no language"),
            ("title = { fr = \"Courriel\" }", "unknown key `fr`"),
            ("title = { de = 7 }", "`de`: expected one line of text"),
            ("title = \"a\\u202Eb\"", "U+202E"),
            ("title = { de = \"\\u2066x\" }", "`de` holds U+2066"),
            (long.as_str(), "has 65 characters"),
        ] {
            let found = messages(&application(keys));
            assert!(!found.is_empty() && found[0].contains(words), "{keys}: {found:?}");
        }
    }
}
