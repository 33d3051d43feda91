//! Text as directories compare it without regard to case (caseIgnoreMatch: RFC 4517 section 4.2.11, prepared by RFC 4518 section 2).

use icu_normalizer::DecomposingNormalizerBorrowed;

use crate::base::unicode::{compatible, is_invisible, nfc};

/// The form in which two spellings of one text are the same: invisible characters are gone, letters have one case and one composition,
/// blanks count once and not at the ends.
pub fn prepared(text: &str) -> String {
    let mapped: String = text.chars().filter_map(mapped).collect();
    // A compatibility form may have become a capital letter or a blank.
    let folded = fold(&compatible(&fold(&compatible(&mapped))));
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same text without what is not seen, each letter with its marks in one character where there is one (NFC).
pub fn composed(text: &str) -> String {
    nfc(&text.chars().filter(|letter| !is_invisible(*letter)).collect::<String>())
}

/// The same text, each mark in a character of its own (NFD), as some file systems have it.
pub fn decomposed(text: &str) -> String {
    DecomposingNormalizerBorrowed::new_nfd().normalize(text).into_owned()
}

/// RFC 4518 section 2.2: nothing for what is not seen, a blank for everything that parts words.
fn mapped(letter: char) -> Option<char> {
    match letter {
        letter if letter.is_whitespace() => Some(' '),
        letter if letter.is_control() || is_invisible(letter) => None,
        letter => Some(letter),
    }
}

/// Case folding by way of the capital letter, so that `ß` is `ss` and both small sigmas are one. The dotless i is a letter of its own.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            'ı' => folded.push(letter),
            letter => folded.extend(letter.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)),
        }
    }
    folded
}
