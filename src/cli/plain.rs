//! What strangers wrote, for the terminals and spreadsheets of those who look: nothing in it is obeyed, turned around or unseen.

/// Control characters, those that change the direction of text and those that nobody sees become a replacement character each. An
/// invisible one would let one name pass for another; the joiners that some scripts and emoji are written with are among them.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() || is_invisible(letter) { '\u{fffd}' } else { letter }).collect()
}

/// The same with each of them written as in Rust and JavaScript, `\u{1b}`, where it matters which they were.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() || is_invisible(letter) {
            true => safe.extend(letter.escape_unicode()),
            false => safe.push(letter),
        }
    }
    safe
}

/// The same for JSON, where they stand within strings alone (RFC 8259 section 7).
pub(super) fn escaped_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter.is_control() || is_invisible(letter) {
            true => letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}"))),
            false => safe.push(letter),
        }
    }
    safe
}

/// Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties, the separators of lines and paragraphs, what annotates between lines,
/// and an empty Braille cell, which looks like a space and is none.
const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_can_be_read_back() {
        let hostile = "a\u{1b}[31m\u{9b}b\u{202e}c\u{e0041}\n\"\\ü";
        assert_eq!(escaped(hostile), "a\\u{1b}[31m\\u{9b}b\\u{202e}c\\u{e0041}\\u{a}\"\\ü");
        let json = escaped_json(&serde_json::to_string(hostile).unwrap());
        assert!(json.chars().all(|letter| !letter.is_control() && !is_invisible(letter)), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }

    #[test]
    fn nothing_is_obeyed_turned_around_or_unseen() {
        for letter in "\u{0}\n\u{1b}\u{7f}\u{9b}\u{ad}\u{61c}\u{200b}\u{200e}\u{200f}\u{2028}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}\u{fe0f}\u{e0041}\u{3164}"
            .chars()
        {
            assert_eq!(plain(&format!("a{letter}b")), "a\u{fffd}b", "{letter:?}");
        }
        for text in ["Jürgen Groß", "Ærø Ångström", "李小龍", "محمد", "דוד", "😀", "a b\u{a0}c", "=1+1"] {
            assert_eq!(plain(text), text);
        }
    }
}
