//! What somebody typed as a phone number: the digits in it, and nothing that is no number.

use super::{NumberError, Trust, plan};

pub(super) struct Typed {
    /// A plus sign stands before them.
    pub is_abroad: bool,
    pub digits: String,
    /// The same without the 0 that stands alone in brackets, where one does: `+44 (0)20`.
    without_zero: Option<String>,
    /// What stands before each slash or line break, which part an area code from its number, and two numbers.
    pub beginnings: Vec<String>,
}

/// Longer input is not looked at.
const MOST_TYPED: usize = 64;

impl Typed {
    pub fn read(typed: &str) -> Result<Self, NumberError> {
        if typed.chars().count() > MOST_TYPED {
            return Err(NumberError::Long);
        }
        let typed = without_scheme(typed);
        let bare: String = typed.chars().map(ordinary).filter(|letter| !separates(*letter)).collect();
        let plain = |text: &str| text.replace(['(', ')'], "");
        let all = plain(&bare);
        if all.is_empty() {
            return Err(NumberError::Empty);
        }
        let (is_abroad, digits) = all.strip_prefix('+').map_or((false, all.as_str()), |digits| (true, digits));
        if let Some(odd) = digits.chars().find(|letter| !letter.is_ascii_digit()) {
            return Err(NumberError::Odd(odd));
        }
        let around = bare.split_once(ZERO).map(|(before, after)| (plain(before), plain(after)));
        let around = around.filter(|(before, _)| is_begin(before));
        let without_zero = around.map(|(before, after)| format!("{before}{after}").trim_start_matches('+').to_owned());
        Ok(Self { is_abroad, digits: digits.to_owned(), without_zero, beginnings: beginnings(typed) })
    }

    /// The digits in each way that they can be meant. A 0 in brackets is dropped by some and belongs to the number for others, so
    /// that behind a country code neither is the rule.
    pub fn spellings(&self) -> impl Iterator<Item = (&str, Trust)> {
        let is_code_before = self.is_abroad || self.digits.starts_with("00");
        let whole = if self.without_zero.is_some() && is_code_before { Trust::Loose } else { Trust::Regular };
        std::iter::once((self.digits.as_str(), whole)).chain(self.without_zero.as_deref().map(|digits| (digits, Trust::Loose)))
    }
}

const ZERO: &str = "(0)";

/// Whether a trunk prefix may stand behind this: nothing, or a country code.
fn is_begin(before: &str) -> bool {
    let code = before.strip_prefix('+').or_else(|| before.strip_prefix("00"));
    code.map_or(before.is_empty(), |digits| plan::code(digits) == Some(digits))
}

/// A number as a link has it (RFC 3966).
fn without_scheme(typed: &str) -> &str {
    let typed = typed.trim();
    typed
        .get(..SCHEME.len())
        .filter(|start| start.eq_ignore_ascii_case(SCHEME))
        .and_then(|_| typed.get(SCHEME.len()..))
        .unwrap_or(typed)
}

const SCHEME: &str = "tel:";

fn beginnings(typed: &str) -> Vec<String> {
    let parts = |letter: char| matches!(ordinary(letter), '/' | '\n' | '\r');
    let typed = typed.trim_matches(|letter: char| separates(ordinary(letter)));
    typed.match_indices(parts).filter_map(|(at, _)| typed.get(..at)).map(str::to_owned).collect()
}

/// The letter that is meant: East Asian keyboards write digits and signs as wide as their other letters, and Arabic and Persian have digits
/// of their own.
fn ordinary(letter: char) -> char {
    let moved = |from: char, to: char| char::from_u32(u32::from(letter) - u32::from(from) + u32::from(to)).unwrap_or(letter);
    match letter {
        '[' | '\u{ff3b}' => '(',
        ']' | '\u{ff3d}' => ')',
        '\u{ff01}'..='\u{ff5e}' => moved('\u{ff01}', '!'),
        '\u{660}'..='\u{669}' => moved('\u{660}', '0'),
        '\u{6f0}'..='\u{6f9}' => moved('\u{6f0}', '0'),
        other => other,
    }
}

/// What people and address books put between digits: blanks of any width, hyphens and dashes, apostrophes (Swiss, and where a spreadsheet
/// was told that this is text), the long mark and the middle dot of Japanese, the `~` of a dialling tone, and the invisible marks of writing direction that come along when a number is copied from a phone.
fn separates(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(
            letter,
            '-' | '.' | '/' | '~' | '\'' | '\u{2019}' | '\u{30fb}' | '\u{30fc}' | '\u{ad}' | '\u{b7}' | '\u{2010}'
                ..='\u{2015}' | '\u{2212}'
        )
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
