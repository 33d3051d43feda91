//! Phone numbers: what is accepted is E.164, says the same to everybody who reads it, and holds nothing but what was typed; and a mask
//! shows two digits.

use doorward::dispatch::number::{mask_mail, mask_number, national, normalise};

/// Countries with a trunk prefix 0, 1, 8, 06 and none, with a 0 that belongs to the number, with prefixes to get abroad other than 00,
/// and two prefixes that are none.
const PREFIXES: [&str; 14] =
    ["+45", "+1", "+1242", "+7", "+36", "+39", "+225", "+49", "+44", "+52", "+54", "+55", "+1234", "+999"];

pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // Four of them at a time; the input says which.
    let first = data.iter().map(|byte| usize::from(*byte)).sum::<usize>() % PREFIXES.len();
    let some = PREFIXES.into_iter().cycle().skip(first).take(4);
    let prefixes = some.chain([text.as_ref()]).map(Some).chain([None]);
    for prefix in prefixes {
        let Ok(number) = normalise(&text, prefix) else { continue };
        let digits = number.strip_prefix('+').expect("a plus sign");
        assert!((5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()), "{number}");
        assert!(!digits.starts_with('0'), "{number}");
        let typed: String = text.chars().filter_map(digit).collect();
        assert!(typed.ends_with(&digits[digits.len() - 4..]), "{text:?} became {number}");
        for elsewhere in [None, Some("+1"), prefix] {
            assert_eq!(normalise(&number, elsewhere).as_deref(), Ok(number.as_str()), "once more changes nothing");
        }
        let code = digits.strip_suffix(national(&number)).expect("the rest is the code");
        assert!((1..=3).contains(&code.len()), "{number}");
        let is_abroad = text.contains(['+', '＋']) || typed.contains("00");
        let at_home = prefix.is_some_and(|prefix| prefix.starts_with(&format!("+{code}")));
        assert!(is_abroad || at_home || typed.contains(code), "{text:?} with {prefix:?} became {number}");
    }
    assert!(mask_number(&text).chars().filter(char::is_ascii_digit).count() <= 2);
    if let Some((local, domain)) = text.rsplit_once('@') {
        let masked = mask_mail(&text);
        assert!(masked.ends_with(&format!("•••@{domain}")) && masked.chars().count() <= domain.chars().count() + 5, "{masked}");
        assert!(local.chars().count() < 2 || masked.starts_with(local.chars().next().unwrap_or_default()));
    }
}

/// A digit as it is meant: of ASCII, full width, Arabic or Persian.
fn digit(letter: char) -> Option<char> {
    let zeros = ['0', '\u{ff10}', '\u{660}', '\u{6f0}'].map(u32::from);
    let values = zeros.into_iter().filter_map(|zero| u32::from(letter).checked_sub(zero));
    values.filter_map(|value| char::from_digit(value, 10)).next()
}
