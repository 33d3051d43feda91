//! Text as people type and paste it: what nobody can see is left out, and what can be written in two ways is read in one.
//! Names are read by [`plain`], [`folded`] and [`counted`], passcodes by `auth::passcode::code`.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Whether a character leaves no mark of its own: format characters (general category Cf: zero-width characters, direction marks, soft
/// hyphen, byte order mark), variation selectors and the rest of Default_Ignorable_Code_Point (UAX #44), the object replacement character
/// (as RFC 4518 section 2.2 has it) and the blank of Braille. Line breaks and tabs are none.
pub fn is_invisible(c: char) -> bool {
    if c.is_ascii() {
        return false;
    }
    matches!(c, '\u{fffc}' | '\u{2800}')
        || category(c) == GeneralCategory::Format
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether it is drawn onto the character before it: accents, the frame of a keycap (general categories Mn and Me).
pub fn is_mark(c: char) -> bool {
    matches!(category(c), GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark)
}

/// Hyphens, dashes and the minus sign.
pub fn is_dash(c: char) -> bool {
    category(c) == GeneralCategory::DashPunctuation || c == '\u{2212}'
}

/// The value of a decimal digit of any script (general category Nd), 0 to 9.
pub fn digit(c: char) -> Option<u8> {
    if let Some(value) = c.to_digit(10) {
        return u8::try_from(value).ok();
    }
    if !is_decimal(c) {
        return None;
    }
    // The digits of one script stand together from zero to nine; scripts without a gap between them are told apart by the remainder.
    let before = (1..=MOST_IN_A_ROW).take_while(|back| is_decimal_at(u32::from(c).checked_sub(*back))).count();
    u8::try_from(before % 10).ok()
}

fn is_decimal(c: char) -> bool {
    category(c) == GeneralCategory::DecimalNumber
}

fn is_decimal_at(code: Option<u32>) -> bool {
    code.and_then(char::from_u32).is_some_and(is_decimal)
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// A name as it was meant: without invisible characters, every blank an ordinary one, full-width and small forms (`＠`, `＼`, `ａ`) as the
/// characters that they stand for, in normalization form C (UAX #15). Nothing else of NFKC: `ﬁ`, `²` and `ª` stay what they are, because
/// an account may be called so. Applied twice it changes nothing more.
pub fn plain(text: &str) -> String {
    widened(text.chars().filter(|c| !is_invisible(*c)))
}

/// The same with the invisible characters inside it, where a name may need them: Persian is written with U+200C, and a directory that keeps
/// it finds it by nothing else. What came along at its ends goes.
pub fn plain_with_invisible(text: &str) -> String {
    widened(text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c)).chars())
}

fn widened(letters: impl Iterator<Item = char>) -> String {
    let mut wide = String::new();
    for c in letters.map(blank) {
        if is_width_form(c) {
            wide.extend(ComposingNormalizerBorrowed::new_nfkc().normalize_iter(std::iter::once(c)));
        } else {
            wide.push(c);
        }
    }
    nfc(&wide)
}

/// [`plain`], without regard to capital and small letters and to how many blanks stand together: two names with the same are one name.
pub fn folded(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for word in plain(text).split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    nfc(&caseless(&words))
}

/// What a name is counted by: coarser than any directory compares. Compatible characters are the same (NFKD, which RFC 4518 section 2.3
/// asks of LDAP), and so are letters with and without marks, Hiragana and Katakana (Active Directory, MS-ADTS section 3.1.1.2.2.4.13): no
/// spelling that leads to the same account has a counter of its own. Two people whose names differ in an accent share one.
pub fn counted(text: &str) -> String {
    let mut counted = String::new();
    for c in DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(folded(text).chars()) {
        match c {
            c if is_mark(c) => {}
            '\u{30a1}'..='\u{30f6}' => counted.extend(char::from_u32(u32::from(c) - 0x60)),
            c => match STROKED.iter().find(|(letter, _)| *letter == c) {
                Some((_, letters)) => counted.push_str(letters),
                None => counted.push(c),
            },
        }
    }
    // Compatible characters come with capital letters and invisible characters of their own.
    folded(&counted)
}

/// Letters that Active Directory takes for others and that are no letter and a mark to Unicode.
const STROKED: [(char, &str); 9] = [
    ('\u{e6}', "ae"),
    ('\u{f0}', "d"),
    ('\u{f8}', "o"),
    ('\u{fe}', "th"),
    ('\u{111}', "d"),
    ('\u{127}', "h"),
    ('\u{131}', "i"),
    ('\u{142}', "l"),
    ('\u{153}', "oe"),
];

/// Compatibility decomposition of everything, composed again (NFKC).
pub fn compatible(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfkc().normalize(text).into_owned()
}

/// Canonical composition (NFC).
pub fn nfc(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned()
}

/// By way of the capital letters, so that `ß` and `ẞ` are `ss`, `ſ` is `s` and both small sigmas are one.
fn caseless(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

fn blank(c: char) -> char {
    if c.is_whitespace() && !c.is_control() { ' ' } else { c }
}

/// The blocks "Small Form Variants" and "Halfwidth and Fullwidth Forms".
fn is_width_form(c: char) -> bool {
    matches!(c, '\u{fe50}'..='\u{fe6f}' | '\u{ff00}'..='\u{ffef}')
}

/// Mathematical digits: five sets without a gap.
const MOST_IN_A_ROW: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_invisible() {
        for c in [
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{202e}',
            '\u{2060}',
            '\u{2069}',
            '\u{feff}',
            '\u{fe0f}',
            '\u{34f}',
            '\u{61c}',
            '\u{180e}',
            '\u{3164}',
            '\u{e0001}',
            '\u{e0100}',
            '\u{fffc}',
            '\u{6dd}',
            '\u{2800}',
        ] {
            assert!(is_invisible(c), "U+{:04X}", u32::from(c));
        }
        for c in ['a', ' ', '\n', '\t', '\0', 'ü', '\u{301}', '\u{a0}', '\u{3000}', '-', '本', '\u{20e3}'] {
            assert!(!is_invisible(c), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn the_digits_of_every_script_have_their_values() {
        let (mut scripts, mut expected) = (0, 0);
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            assert_eq!(digit(c).is_some(), is_decimal(c), "U+{:04X}", u32::from(c));
            let Some(value) = digit(c) else { continue };
            assert_eq!(value, expected, "U+{:04X}", u32::from(c));
            expected = (expected + 1) % 10;
            scripts += u32::from(value == 9);
        }
        assert!(scripts > 70 && expected == 0, "{scripts}");
        for (text, value) in [("٣۳३３𝟑𝟹૩௩၃៣", 3), ("٠۰०０𝟎𝟶", 0), ("٩۹९９𝟗𝟿", 9)] {
            assert!(text.chars().all(|c| digit(c) == Some(value)), "{text}");
        }
        assert!("½²Ⅷ①四a".chars().all(|c| digit(c).is_none()));
    }

    #[test]
    fn a_name_is_read_as_it_was_meant() {
        let table = [
            ("alice", "alice"),
            ("\u{feff}al\u{200b}i\u{ad}ce\u{200e}", "alice"),
            ("ju\u{308}rgen", "jürgen"),
            ("CORP＼ａｌｉｃｅ", "CORP\\alice"),
            ("alice＠corp．example", "alice@corp.example"),
            ("alice﹫corp", "alice@corp"),
            ("anna\u{a0}lind\u{3000}x", "anna lind x"),
            ("ﾊﾝﾀﾞ", "ハンダ"),
            ("ﬁona ª x²", "ﬁona ª x²"),
            ("a\u{200b}", "a"),
            ("\u{212b}sa", "Åsa"),
        ];
        for (typed, expected) in table {
            assert_eq!(plain(typed), expected, "{typed:?}");
            assert_eq!(plain(expected), expected, "{expected:?}");
        }
    }

    #[test]
    fn one_name_in_two_spellings_is_folded_to_the_same() {
        for (one, other) in [
            ("Alice", "aL\u{200d}ICE"),
            ("JU\u{308}RGEN", "jürgen"),
            ("Groß", "GROSS"),
            ("GROẞ", "groß"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("anna  lind", "Anna\u{a0}Lind"),
            ("ＡＬＩＣＥ", "alice"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        for (one, other) in [("alice", "alicé"), ("²", "2"), ("annalind", "anna lind"), ("か", "カ")] {
            assert_ne!(folded(one), folded(other), "{one} {other}");
        }
    }

    #[test]
    fn counters_know_no_accents_and_no_kana() {
        for (one, other) in [
            ("alice", "Alicé"),
            ("alice", "a\u{334}lice"),
            ("𝒶lice", "alice"),
            ("ﬁona", "FIONA"),
            ("かな", "カナ"),
            ("がな", "ｶﾞﾅ"),
            ("Æsir Ørsted", "aesir orsted"),
            ("İlkay", "ılkay"),
            ("Groß", "GROSS"),
        ] {
            assert_eq!(counted(one), counted(other), "{one} {other}");
        }
        for (one, other) in [("alice", "alic"), ("alice", "alice2"), ("a b", "ab"), ("αλικη", "alice")] {
            assert_ne!(counted(one), counted(other), "{one} {other}");
        }
        assert!(!counted("本田").is_empty() && !counted("سارة").is_empty());
    }
}
