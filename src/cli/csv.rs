//! A cell of CSV (RFC 4180). What people write about themselves in a directory or type at the login page must be no formula to the
//! spreadsheet that opens it.

use super::plain::plain;

/// In quotes, whatever is in it; control characters are blotted out. A formula begins where a cell does, and to a spreadsheet that
/// takes another separator for its own a cell begins behind that too: there an apostrophe makes it text. A phone number in E.164 stays
/// as it is: a plus sign and digits are a number at most.
pub(super) fn cell(text: &str) -> String {
    let text = if text.chars().any(|letter| matches!(letter, '\t' | '\r' | '\n')) { text.trim_start() } else { text };
    let text = plain(text);
    let mut safe = String::with_capacity(text.len() + 4);
    let mut begins = !is_number(&text);
    safe.push('"');
    for letter in text.chars() {
        if begins && BEGINS_A_FORMULA.contains(&letter) {
            safe.push('\'');
        }
        begins = SEPARATES.contains(&letter) || (begins && (letter.is_whitespace() || letter == '"'));
        if letter == '"' {
            safe.push('"');
        }
        safe.push(letter);
    }
    safe.push('"');
    safe
}

/// E.164: a plus sign and up to 15 digits.
fn is_number(text: &str) -> bool {
    text.strip_prefix('+')
        .is_some_and(|digits| (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The last four are the same signs as East Asian keyboards write them.
const BEGINS_A_FORMULA: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
const SEPARATES: [char; 3] = [',', ';', '|'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_a_phone_number_stays_one() {
        let table = [
            ("alice", "\"alice\""),
            ("", "\"\""),
            ("+4520000001", "\"+4520000001\""),
            ("+45 20 00 00 01", "\"'+45 20 00 00 01\""),
            ("=1+1", "\"'=1+1\""),
            ("-2+3", "\"'-2+3\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("+1|cmd", "\"'+1|cmd\""),
            ("\t=1", "\"'=1\""),
            ("\r=1", "\"'=1\""),
            ("a\n=1", "\"a\u{fffd}=1\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("\"=1", "\"\"\"'=1\""),
            ("a;=1", "\"a;'=1\""),
            ("a; =1", "\"a; '=1\""),
            ("Doe, Jane", "\"Doe, Jane\""),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
            ("\u{a0}=1", "\"\u{a0}'=1\""),
            ("\u{200b}=1", "\"\u{fffd}=1\""),
            ("\u{202e}gpj.exe", "\"\u{fffd}gpj.exe\""),
            ("a-b", "\"a-b\""),
            ("a\u{0}b\u{1b}c", "\"a\u{fffd}b\u{fffd}c\""),
        ];
        for (text, expected) in table {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
