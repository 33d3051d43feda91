//! Text as directories compare it without regard to case (caseIgnoreMatch: RFC 4517 section 4.2.11, prepared by RFC 4518 section 2).

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// The form in which two spellings of one text are the same: invisible characters are gone, letters have one case and one composition,
/// blanks count once and not at the ends.
pub fn prepared(text: &str) -> String {
    let normaliser = ComposingNormalizerBorrowed::new_nfkc();
    let mapped: String = text.chars().filter_map(mapped).collect();
    let folded = normaliser.normalize(&fold(&normaliser.normalize(&mapped))).into_owned();
    // A compatibility form may have become a capital letter or a blank.
    let folded = fold(&folded);
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same text without what is not seen, each letter with its marks in one character where there is one (NFC).
pub fn composed(text: &str) -> String {
    let seen: String = text.chars().filter(|letter| mapped(*letter).is_some() || letter.is_ascii_control()).collect();
    ComposingNormalizerBorrowed::new_nfc().normalize(&seen).into_owned()
}

/// The same text, each mark in a character of its own (NFD), as some file systems have it.
pub fn decomposed(text: &str) -> String {
    DecomposingNormalizerBorrowed::new_nfd().normalize(text).into_owned()
}

/// RFC 4518 section 2.2: nothing for what is not seen, a blank for everything that parts words.
fn mapped(letter: char) -> Option<char> {
    match letter {
        '\t'..='\r' | '\u{85}' => Some(' '),
        '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => None,
        // Soft hyphens, the grapheme joiner, variation selectors, the object replacement character.
        '\u{ad}' | '\u{1806}' | '\u{34f}' | '\u{180b}'..='\u{180d}' | '\u{fe00}'..='\u{fe0f}' | '\u{fffc}' => None,
        // Marks of direction and joining, and other controls of the text's form.
        '\u{6dd}' | '\u{70f}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => None,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'..='\u{e01ef}' => None,
        letter if letter.is_whitespace() => Some(' '),
        letter => Some(letter),
    }
}

/// Case folding by way of the capital letter, so that `ß` is `ss` and both small sigmas are one. The dotless i is a letter of its own.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            'ı' => folded.push(letter),
            letter => folded.extend(letter.to_uppercase().flat_map(char::to_lowercase)),
        }
    }
    folded
}
