//! The languages of pages and messages: one Fluent file each, English complete, every other falling back to it.

use std::fmt;
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use serde::{Deserialize, Serialize};
use unic_langid::LanguageIdentifier;

/// A language that we have a file for: `en`, `de`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Language(&'static str);

/// The files under `locales/`, English first, by their names; listed when the program is built.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/locales.rs"));

impl Language {
    pub const ENGLISH: Self = Self("en");

    /// The language of a tag (BCP 47), by its first part: `de-AT` is `de`. Nothing where there is no file for it.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let first = tag.split(['-', '_']).next().unwrap_or_default();
        FILES.iter().find(|(known, _)| known.eq_ignore_ascii_case(first)).map(|(known, _)| Self(known))
    }

    /// The language of somebody whose `preferredLanguage` this is: what `Accept-Language` has, without the field's name (RFC 2798 section
    /// 2.7): `da`, `de-AT, en;q=0.5`. The first of the highest weight that there is a file for; nothing where there is none, or where any
    /// other is as good (`*`).
    pub fn preferred(ranges: &str) -> Option<Self> {
        first_of(ranges, |_| true)
    }

    /// Every language there is a file for, English first.
    pub fn all() -> impl Iterator<Item = Self> {
        FILES.iter().map(|(tag, _)| Self(tag))
    }

    pub fn tag(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for Language {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

/// A language whose file is gone by now reads as English.
impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_tag(&String::deserialize(deserializer)?).unwrap_or(Self::ENGLISH))
    }
}

/// Which language to speak: the user's own ([`Language::preferred`]), then the browser's (`Accept-Language`, RFC 9110 section 12.5.4), then
/// the first that the operator names, then English. Only what the operator offers is chosen; an empty offer means everything.
pub fn choose(user: Option<&str>, accept: Option<&str>, offered: &[Language]) -> Language {
    let is_offered = |language: &Language| offered.is_empty() || offered.contains(language);
    [user, accept]
        .into_iter()
        .flatten()
        .find_map(|ranges| first_of(ranges, is_offered))
        .or_else(|| offered.first().copied())
        .unwrap_or(Language::ENGLISH)
}

/// The first range of the highest weight that is a language of ours and fits. `*` is any language: there the next in line decides.
fn first_of(ranges: &str, fits: impl Fn(&Language) -> bool) -> Option<Language> {
    let mut wanted: Vec<(u16, &str)> = ranges.split(',').take(MOST_RANGES).filter_map(weighted).collect();
    wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    wanted.into_iter().map(|(_, range)| range).take_while(|range| *range != "*").filter_map(Language::from_tag).find(fits)
}

/// One range with its weight in thousandths (RFC 9110 section 12.4.2); what has weight zero, or none that can be read, is not wanted.
fn weighted(entry: &str) -> Option<(u16, &str)> {
    let (range, parameters) = entry.split_once(';').unwrap_or((entry, ""));
    let mut weight = parameters.split(';').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        name.trim().eq_ignore_ascii_case("q").then_some(value.trim())
    });
    let weight = match weight.next_back() {
        None => 1.0,
        Some(weight) => weight.parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight))?,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000 by the filter")]
    let weight = (weight * 1000.0).round() as u16;
    (weight > 0).then_some((weight, range.trim()))
}

/// More ranges than anybody speaks languages; the rest is not looked at.
const MOST_RANGES: usize = 32;

/// All texts in all languages. Cheap to clone.
#[derive(Clone)]
pub struct Texts {
    bundles: Arc<[(Language, FluentBundle<FluentResource>)]>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Texts")
    }
}

impl Texts {
    /// The texts that are built in. A faulty line of a file is left out (a test sees to it that there is none).
    pub fn built_in() -> Self {
        let bundles = FILES.iter().map(|(tag, file)| (Language(tag), bundle(tag, file))).collect();
        Self { bundles }
    }

    /// The text of `key` with its variables filled in; in English where the language lacks it, the key itself where that does too.
    pub fn say(&self, language: Language, key: &str, variables: &[(&str, FluentValue<'_>)]) -> String {
        let variables: FluentArgs<'_> = variables.iter().map(|(name, value)| (*name, value.clone())).collect();
        [language, Language::ENGLISH]
            .into_iter()
            .find_map(|language| self.find(language, key, &variables))
            .unwrap_or_else(|| key.to_owned())
    }

    fn find(&self, language: Language, key: &str, variables: &FluentArgs<'_>) -> Option<String> {
        let (_, bundle) = self.bundles.iter().find(|(known, _)| *known == language)?;
        let pattern = bundle.get_message(key)?.value()?;
        Some(bundle.format_pattern(pattern, Some(variables), &mut Vec::new()).into_owned())
    }
}

fn bundle(tag: &str, file: &str) -> FluentBundle<FluentResource> {
    let locale: LanguageIdentifier = tag.parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(file.to_owned()).unwrap_or_else(|(partial, _)| partial);
    drop(bundle.add_resource(resource));
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn the_language_is_the_users_then_the_browsers_then_the_operators() {
        let both = [Language("de"), Language("en")];
        type Row<'a> = (Option<&'a str>, Option<&'a str>, &'a [Language], &'a str);
        let table: &[Row<'_>] = &[
            (Some("de-AT"), Some("en"), &both, "de"),
            (None, Some("fr, en-GB;q=0.7, de;q=0.8"), &both, "de"),
            (None, Some("de;q=0, en;q=0.1"), &both, "en"),
            (None, Some("fr"), &both, "de"),
            (Some("de"), None, &[Language("en")], "en"),
            (None, None, &[], "en"),
            (None, Some("de;q=nan,;;,q="), &[], "en"),
            (Some("fr, de;q=0.7"), Some("en"), &both, "de"),
            (Some("fr"), Some("en"), &both, "en"),
            (Some("*"), Some("en"), &both, "en"),
            (Some("en, de;q=0.5"), None, &[Language("de")], "de"),
        ];
        for (user, accept, offered, expected) in table {
            assert_eq!(choose(*user, *accept, offered).tag(), *expected, "{user:?} {accept:?}");
        }
    }

    #[test]
    fn a_preferred_language_is_written_as_browsers_write_it() {
        let table = [
            ("de", Some("de")),
            ("DE-at", Some("de")),
            ("de_DE", Some("de")),
            ("da, de;q=0.7", Some("de")),
            ("da,en;q=0.3,de;q=0.7", Some("de")),
            ("de-AT,en;q=0.5", Some("de")),
            ("en;q=0.5,de-AT", Some("de")),
            ("en;q=0.8, de;q=0.8", Some("en")),
            ("de;q=0.5;q=0.1, en;q=0.2", Some("en")),
            ("da, de ; Q = 0.7 , en;q=0.6", Some("de")),
            ("de;level=1;q=0.2, en;q=0.3", Some("en")),
            ("de;q=1.000, en;q=0.999", Some("de")),
            ("de;q=0, en;q=0.001", Some("en")),
            ("de;q=0", None),
            ("de;q=7, en;q=0.1", Some("en")),
            ("*", None),
            ("*, de;q=0.5", None),
            ("da, *;q=0.5, de;q=0.2", None),
            ("de, *;q=0.1", Some("de")),
            ("da", None),
            ("", None),
            (", ,de", Some("de")),
        ];
        for (ranges, expected) in table {
            assert_eq!(Language::preferred(ranges).map(Language::tag), expected, "{ranges}");
        }
    }

    /// Key -> the variables it uses, read from the file itself.
    fn shape(file: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in file.lines().filter(|line| !line.starts_with('#')) {
            if let Some((key, _)) = line.split_once('=')
                && !line.starts_with([' ', '[', '*', '}'])
            {
                key.trim().clone_into(&mut current);
                keys.entry(current.clone()).or_default();
            }
            for (at, _) in line.match_indices('$') {
                let name = line[at + 1..].split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').next().unwrap();
                keys.entry(current.clone()).or_default().insert(name.to_owned());
            }
        }
        keys
    }

    const UNITS: [&str; 25] = [
        "second", "seconds", "minute", "minutes", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "sekunde",
        "sekunden", "minuten", "stunde", "stunden", "tag", "tage", "tagen", "woche", "wochen", "monat", "monate", "monaten",
    ];

    /// The times that a text names itself, as against what it is given.
    fn fixed_times(text: &str) -> Vec<String> {
        let lower = text.to_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric() && c != '$').filter(|word| !word.is_empty()).collect();
        let vague = |before: &str| matches!(before, "few" | "einige" | "einigen" | "guten");
        let mut found = Vec::new();
        for (place, word) in words.iter().enumerate() {
            let before = place.checked_sub(1).map_or("", |before| words[before]);
            let is_named = matches!(*word, "tomorrow" | "morgen" | "overnight" | "midnight" | "mitternacht");
            if is_named || (UNITS.contains(word) && !vague(before)) {
                found.push(format!("{before} {word}"));
            }
        }
        found
    }

    /// A limit, or the life of a code, is what the operator configured: a time in a text is `$time`.
    #[test]
    fn no_text_holds_a_time_of_its_own() {
        for (tag, file) in FILES {
            let mut key = "";
            for line in file.lines().filter(|line| !line.starts_with('#')) {
                if let Some((name, _)) = line.split_once(" =")
                    && !line.starts_with([' ', '[', '*', '}'])
                {
                    key = name;
                }
                let text = line.split_once('=').filter(|_| line.starts_with(key)).map_or(line, |(_, text)| text);
                let found = fixed_times(text);
                assert!(found.is_empty() || key.starts_with("time-"), "{tag}: {key}: {found:?}");
            }
        }
        for text in [
            "Wait up to 30 minutes.",
            "Wait for about an hour, then",
            "Warten Sie eine Minute,",
            "half a day",
            "{ $minutes } Minuten",
            "Try again tomorrow",
            "es morgen noch einmal",
            "in two weeks",
        ] {
            assert!(!fixed_times(text).is_empty(), "{text}");
        }
        for text in ["Wait a few minutes.", "Guten Tag.", "in einigen Minuten", "{ $time }"] {
            assert!(fixed_times(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn every_language_has_every_text_with_the_same_variables() {
        let english = shape(FILES[0].1);
        assert!(english.len() > 3);
        for (tag, file) in FILES {
            assert_eq!(shape(file), english, "{tag}");
            assert!(FluentResource::try_new((*file).to_owned()).is_ok(), "{tag}");
        }
    }
}
