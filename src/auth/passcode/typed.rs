//! From what was typed or pasted into the passcode's field to the one passcode that is compared: never more than one for each form.

use super::code::{LETTERS, SYLLABLES};
use crate::base::{Secret, unicode};
use crate::config::PasscodePolicy;
use crate::config::passcode_policy::Alphabet;

/// What was typed, read as one passcode. Invisible characters, blanks, quotes, hyphens and every other sign between its characters go; the
/// digits of every script and full-width letters are read as ours, the Turkish i with and without its dot as one. A whole message is read as
/// the passcode in its last line, which is bound to a host (`@host #482913`); a message without that line as the passcode in it, where
/// exactly one thing in it looks like a passcode of this policy, or one besides what stands in what the application is called, as messages show it.
///
/// The result has at most 32 characters and is compared once. Where nothing or more than one thing looks like a passcode, it is the
/// beginning of the whole text: that is no passcode, or one of a policy that was changed since it was sent.
pub fn typed(text: &str, policy: &PasscodePolicy, called: &[String]) -> Secret<String> {
    let seen = seen(text);
    let read = read(seen.expose());
    let whole: String = read.expose().chars().filter(char::is_ascii_alphanumeric).take(MOST).collect();
    let whole = Secret::new(whole);
    if looks_like_one(whole.expose(), policy) {
        return whole;
    }
    match only(bound(seen.expose(), policy)) {
        Found::One(code) => return code,
        Found::Several => return whole,
        Found::Nothing => {}
    }
    match only(all(read.expose(), policy)) {
        Found::One(code) => code,
        Found::Nothing => whole,
        Found::Several => match only(all(without_all(read, called).expose(), policy)) {
            Found::One(code) => code,
            Found::Several | Found::Nothing => whole,
        },
    }
}

enum Found {
    Nothing,
    One(Secret<String>),
    Several,
}

/// The one passcode among these, however often it is there.
fn only(codes: impl Iterator<Item = Secret<String>>) -> Found {
    let mut found = Found::Nothing;
    for code in codes {
        match &found {
            Found::One(known) if known != &code => return Found::Several,
            _ => found = Found::One(code),
        }
    }
    found
}

/// The passcodes of lines for browsers (origin-bound one-time codes: `@host #code`). A paste may have lost the line breaks, and a
/// gateway may have appended something.
fn bound(seen: &str, policy: &PasscodePolicy) -> impl Iterator<Item = Secret<String>> {
    seen.match_indices('#').filter_map(|(at, _)| {
        let (before, after) = (seen.get(..at)?, seen.get(at + 1..)?);
        let host = before.trim_end().rsplit(char::is_whitespace).next()?.rsplit_once('@').map(|(_, host)| host)?;
        let code = read(after);
        let code = Secret::new(code.expose().chars().take_while(char::is_ascii_alphanumeric).take(MOST).collect::<String>());
        (!host.is_empty() && looks_like_one(code.expose(), policy)).then_some(code)
    })
}

/// The text without any of these names.
fn without_all(text: Secret<String>, called: &[String]) -> Secret<String> {
    called.iter().fold(text, |text, name| without(&text, read(&unicode::compatible(name)).expose()))
}

/// The text without the name, wherever it stands as a word or more of its own.
fn without(read: &Secret<String>, name: &str) -> Secret<String> {
    let (text, mut left) = (read.expose().as_str(), Secret::new(String::with_capacity(read.expose().len())));
    let mut from = 0;
    for (at, _) in text.match_indices(name).filter(|_| !name.is_empty()) {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + name.len()..).unwrap_or_default());
        if !before.ends_with(is_of_word) && !after.starts_with(is_of_word) {
            left.with(|left| {
                left.push_str(text.get(from..at).unwrap_or_default());
                left.push('\n');
            });
            from = at + name.len();
        }
    }
    left.with(|left| left.push_str(text.get(from..).unwrap_or_default()));
    left
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// Everything in the text that looks like a passcode.
fn all(read: &str, policy: &PasscodePolicy) -> impl Iterator<Item = Secret<String>> {
    let words = words(read);
    let codes: Vec<_> = (0..words.len()).filter_map(|place| one_at(&words, place, policy)).collect();
    codes.into_iter()
}

/// A run of letters and digits.
struct Word<'a> {
    text: &'a str,
    /// Nothing but one blank or hyphen stands between the word before and this one.
    follows: bool,
}

/// The beginning of a text without invisible characters, compatible characters as the ones that they stand for.
fn seen(text: &str) -> Secret<String> {
    let seen = text.chars().take(MOST_READ).filter(|c| !unicode::is_invisible(*c));
    let seen = Secret::new(seen.collect::<String>());
    Secret::new(unicode::compatible(seen.expose()))
}

/// Letters and digits of ASCII in lower case; a blank for a blank or a hyphen, a line break for everything else that is seen.
fn read(seen: &str) -> Secret<String> {
    Secret::new(seen.chars().filter(|c| !unicode::is_mark(*c)).map(plain).collect())
}

fn plain(c: char) -> char {
    match c {
        '\u{130}' | '\u{131}' => 'i',
        c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
        c if unicode::is_dash(c) || (c.is_whitespace() && !c.is_control()) => ' ',
        c => unicode::digit(c).map_or('\n', |digit| char::from(b'0' + digit)),
    }
}

fn words(read: &str) -> Vec<Word<'_>> {
    let (mut words, mut rest) = (Vec::new(), read);
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (between, from) = rest.split_at(start);
        let (text, after) = from.split_at(from.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(from.len()));
        words.push(Word { text, follows: between == " " });
        rest = after;
    }
    words
}

/// The passcode that begins with this word, in one piece or in groups (`482 913`). A number with more groups is another number.
fn one_at(words: &[Word<'_>], place: usize, policy: &PasscodePolicy) -> Option<Secret<String>> {
    let length = usize::from(policy.length);
    let mut code = Secret::new(String::with_capacity(length));
    for (group, word) in words.get(place..)?.iter().enumerate() {
        if (group > 0 && !word.follows) || code.expose().len() + word.text.len() > length {
            return None;
        }
        code.with(|code| code.push_str(word.text));
        if code.expose().len() == length {
            let is_part = group > 0 && (is_next_group(words, place, length) || is_next_group(words, place + group + 1, length));
            return (looks_like_one(code.expose(), policy) && !is_part).then_some(code);
        }
    }
    None
}

/// Whether this word and the one before it are groups of one number: digits with one blank between them, neither as long as a passcode.
fn is_next_group(words: &[Word<'_>], place: usize, length: usize) -> bool {
    let is_number = |word: &Word<'_>| word.text.len() != length && word.text.bytes().all(|byte| byte.is_ascii_digit());
    match (place.checked_sub(1).and_then(|before| words.get(before)), words.get(place)) {
        (Some(before), Some(word)) => word.follows && is_number(before) && is_number(word),
        _ => false,
    }
}

/// Whether a policy could have made it.
fn looks_like_one(code: &str, policy: &PasscodePolicy) -> bool {
    let all = |from: &[u8]| code.bytes().all(|byte| from.contains(&byte.to_ascii_uppercase()));
    code.len() == usize::from(policy.length)
        && match policy.alphabet {
            Alphabet::Digits => all(b"0123456789"),
            Alphabet::Letters => all(LETTERS),
            Alphabet::Memorable => code.bytes().zip(SYLLABLES).all(|(byte, from)| from.contains(&byte)),
        }
}

/// So many characters of a text are looked at: a long message, and no more of a form that is made to cost time.
const MOST_READ: usize = 2000;
/// So many characters can be a passcode.
const MOST: usize = 32;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::{Language, Span, Texts};

    fn read_as(text: &str, alphabet: Alphabet, length: u8) -> String {
        read_for("mail", text, alphabet, length)
    }

    fn read_for(application: &str, text: &str, alphabet: Alphabet, length: u8) -> String {
        typed(text, &PasscodePolicy { alphabet, length, ..PasscodePolicy::default() }, &[application.to_owned()]).expose().clone()
    }

    #[test]
    fn what_came_along_with_the_digits_is_left_out() {
        for text in [
            "482913",
            " 482 913 ",
            "482-913",
            "482\u{2013}913",
            "482\u{a0}913",
            "482\u{2212}913",
            "482.913",
            "4 8 2 9 1 3",
            "482,913",
            "\u{200b}482913\u{feff}",
            "\u{202a}482913\u{202c}",
            "482\u{ad}913",
            "482\u{2060}913",
            "\u{2068}482\u{200f}913\u{2069}",
            "\"482913\"",
            "'482913'",
            "\u{201e}482913\u{201c}",
            "\u{ab}482913\u{bb}",
            "\u{2039}482913\u{203a}",
            "\u{300c}482913\u{300d}",
            "`482913`",
            "#482913",
            "482913.",
            "482913,",
            "(482913)",
            "[482 913]",
            "<482913>",
            "*482913*",
            "482913!\r\n",
            "482\t913",
            "482\u{2028}913",
            "4\u{fe0f}\u{20e3}8\u{fe0f}\u{20e3}2\u{fe0f}\u{20e3}9\u{fe0f}\u{20e3}1\u{fe0f}\u{20e3}3\u{fe0f}\u{20e3}",
            "٤٨٢٩١٣",
            "۴۸۲ ۹۱۳",
            "४८२९१३",
            "４８２９１３",
            "𝟒𝟖𝟐𝟗𝟏𝟑",
            "𝟺𝟾𝟸𝟿𝟷𝟹",
            "௪௮௨௯௧௩",
            "๔๘๒๙๑๓",
            "④⑧②⑨①③",
            "🔑 482913",
        ] {
            assert_eq!(read_as(text, Alphabet::Digits, 6), "482913", "{text:?}");
        }
    }

    #[test]
    fn a_message_is_read_as_the_one_passcode_in_it() {
        for text in [
            "@mail.example.com #482913",
            "@mail2024.example.com #482913",
            "Your code is 482913",
            "Ihr Code: 482913.",
            "Ihr Code: 482 913.",
            "Code=482913",
            "482913 is your code for mail, login K7, good for 5 minutes. Tell nobody.\n@mail.example.com #482913",
            "Your code for mail:\n\n    482 913\n\nIt belongs to login K7 and is good for 5 minutes.\n@mail.example.com #482913",
            "您的验证码是482913，5分钟内有效",
            "رمزك هو ٤٨٢٩١٣",
            "3 482913",
            "Call +45 12 34 56 78: 482913",
        ] {
            assert_eq!(read_as(text, Alphabet::Digits, 6), "482913", "{text:?}");
        }
        for text in [
            "Ihr Code: BoKaDu47!",
            "@mail.example.com #bokadu47",
            "code \u{201c}bokadu-47\u{201d}",
            "ｂｏｋａｄｕ４７",
            "Bokadu 47",
        ] {
            assert_eq!(read_as(text, Alphabet::Memorable, 8), "bokadu47", "{text:?}");
        }
        for text in ["Your code: BDFGHK", "BDF-GHK", "please enter bdf ghk now", "@mail.example.com #BDFGHK", "b d f g h k"] {
            assert_eq!(read_as(text, Alphabet::Letters, 6), "bdfghk", "{text:?}");
        }
    }

    #[test]
    fn our_own_messages_are_read_right_whatever_the_application_and_its_host_are_called() {
        let texts = Texts::built_in();
        for (alphabet, code, name, host) in [
            (Alphabet::Digits, "482913", "mail-202401", "123456.example.test"),
            (Alphabet::Digits, "482913", "202401", "app-123456.example.test"),
            (Alphabet::Digits, "48291348", "crm-2024-01-15", "2024-01-15.example.test"),
            (Alphabet::Digits, "482913", "4", "[2001:db8::123456]"),
            (Alphabet::Digits, "482913", "482", "482-914.example.test"),
            (Alphabet::Letters, "BDFGHKM", "crm-gmbh", "crm-gmbh.example.test"),
            (Alphabet::Letters, "BDFGHK", "BDFGHJ", "bdfghj.test"),
            (Alphabet::Memorable, "bokadu47", "venora62", "venora62.example.test"),
        ] {
            let length = u8::try_from(code.len()).unwrap();
            let read = |text: &str| {
                // A field of one line has lost the line breaks, or has blanks in their place.
                for text in [text.to_owned(), text.replace('\n', " "), text.replace('\n', "\r\n")] {
                    assert_eq!(read_for(name, &text, alphabet, length), code.to_lowercase(), "{text}");
                }
            };
            for language in Language::all() {
                for time in [30, 60, 300, 600].map(|seconds| Span::about(Duration::from_secs(seconds)).say(&texts, language)) {
                    let in_groups = if length == 6 && alphabet == Alphabet::Digits { "482 913" } else { code };
                    for (key, code_there) in [("message-sms", code), ("message-mail-text", in_groups)] {
                        let variables = [
                            ("code", code_there.into()),
                            ("application", name.into()),
                            ("label", "L4".into()),
                            ("time", time.as_str().into()),
                        ];
                        let text = texts.say(language, key, &variables);
                        // The mail's `482 913` beside a `482` that stands alone cannot be told without the last line.
                        if name != "482" {
                            read(&text);
                        }
                        let whole = format!("{text}\n@{host} #{code}");
                        read(&whole);
                        assert_eq!(read_for(name, &whole.replace('\n', ""), alphabet, length), code.to_lowercase());
                        read(&format!("{whole}\nReply STOP to 654321"));
                        read(&format!("30.11.2026, 14:36: {}", whole.replace('#', "＃").replace('@', "＠")));
                    }
                }
            }
        }
        let two = "@app.example.test #482913\n@app.example.test #482914";
        assert!(read_as(two, Alphabet::Digits, 6).len() > 6);
        assert_eq!(read_as("@a.test #48291", Alphabet::Digits, 5), "48291");
        for text in ["@a.test #4829130 482913 482914", "@ #482913 482914", "#482913 482914"] {
            assert_ne!(read_as(text, Alphabet::Digits, 6), "482913", "{text}");
        }
    }

    #[test]
    fn more_than_one_thing_that_looks_like_a_passcode_is_none() {
        for text in ["482913 135790", "Your code is 482913, not 482914", "482913\n135790", "482 913 135 790", "482913 135 790"] {
            let read = read_as(text, Alphabet::Digits, 6);
            assert!(read.len() > 6, "{text:?}: {read}");
        }
        assert!(read_as("bokadu47 venora62", Alphabet::Memorable, 8).len() > 8);
    }

    #[test]
    fn what_is_longer_or_shorter_is_not_cut_to_fit() {
        for text in ["4829130", "48291", "482 913 0", "x482913", "482913x", "482é9133", "482.913.0", "call 4829 1305", ""] {
            assert_ne!(read_as(text, Alphabet::Digits, 6), "482913", "{text:?}");
        }
        // A policy that was changed to eight digits meanwhile.
        assert_eq!(read_as("482 913", Alphabet::Digits, 8), "482913");
        assert_eq!(read_as(&"1".repeat(5000), Alphabet::Digits, 6).len(), 32);
    }

    #[test]
    fn the_dots_of_the_turkish_i_do_not_matter() {
        for text in ["bikadu47", "BIKADU47", "Bika-du 47", "BİKADU47", "bıkadu47", "ｂｉｋａｄｕ４７", "bikadu٤٧"] {
            assert_eq!(read_as(text, Alphabet::Memorable, 8), "bikadu47", "{text}");
        }
    }
}
