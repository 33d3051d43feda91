//! What a transmitter says ends in the journal. Gateways like to repeat what they were given, so passcode, address and API
//! key are blotted out of their words before anybody sees them.

use data_encoding::{BASE64_NOPAD, HEXLOWER};

/// How much of a stranger's words is kept.
const MOST_KEPT: usize = 200;
const BLOT: &str = "•••";
/// So many last digits of a phone number are enough to know it by; repeated without its country code it is still found.
const TELLING_DIGITS: usize = 7;
/// Shorter ones stand apart in many an innocent sentence.
const LEAST_APART: usize = 5;

/// The first 200 printable characters of `words` without any of the `secrets`: neither as they are, nor grouped or spelled
/// (`482 913`, `ba fo ki 42`, `4, 8, 2, 9, 1, 3`), nor as a URL, JSON, base64 or hexadecimal writes them.
pub fn redact(words: &str, secrets: &[&str]) -> String {
    let printable: String = words.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let secrets: Vec<&str> = secrets.iter().copied().filter(|secret| secret.chars().count() >= 3).collect();
    let mut clean = without_digits(&printable, &secrets);
    for secret in secrets {
        for form in forms(secret) {
            clean = without(&clean, &form);
        }
        clean = without_apart(&clean, secret);
    }
    clean.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MOST_KEPT).collect()
}

fn forms(secret: &str) -> [String; 7] {
    let utf16: String = secret.encode_utf16().map(|unit| format!("{unit:04x}")).collect();
    let json = serde_json::Value::from(secret).to_string();
    let url = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let bytes = secret.as_bytes();
    // Of a number without its plus sign.
    let bare = BASE64_NOPAD.encode(secret.trim_start_matches('+').as_bytes());
    [secret.to_owned(), json.trim_matches('"').to_owned(), url, utf16, HEXLOWER.encode(bytes), BASE64_NOPAD.encode(bytes), bare]
}

fn without(words: &str, secret: &str) -> String {
    // ASCII lower case keeps every byte where it was.
    let (low, needle) = (words.to_ascii_lowercase(), secret.to_ascii_lowercase());
    let mut clean = String::with_capacity(words.len());
    let mut from = 0;
    for (at, found) in low.match_indices(&needle) {
        clean.push_str(words.get(from..at).unwrap_or_default());
        clean.push_str(BLOT);
        from = at + found.len();
    }
    clean.push_str(words.get(from..).unwrap_or_default());
    clean
}

/// Blots a secret of letters and digits whose characters stand apart.
fn without_apart(words: &str, secret: &str) -> String {
    if secret.len() < LEAST_APART || !secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return words.to_owned();
    }
    let mut clean = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(first) = rest.chars().next() {
        let length = length_apart(rest, secret);
        match length {
            Some(_) => clean.push_str(BLOT),
            None => clean.push(first),
        }
        rest = rest.get(length.unwrap_or(first.len_utf8())..).unwrap_or_default();
    }
    clean
}

/// How many bytes of `words` are the secret with what separates digits between its characters; nothing where it does not begin here.
fn length_apart(words: &str, secret: &str) -> Option<usize> {
    let mut wanted = secret.chars();
    let mut next = wanted.next()?;
    for (at, letter) in words.char_indices() {
        if letter.eq_ignore_ascii_case(&next) {
            match wanted.next() {
                Some(letter) => next = letter,
                None => return Some(at + letter.len_utf8()),
            }
        } else if at == 0 || !between_digits(letter) {
            return None;
        }
    }
    None
}

/// Blots every run of digits (with blanks and the like between them) in which a secret's digits stand.
fn without_digits(words: &str, secrets: &[&str]) -> String {
    let needles: Vec<String> = secrets.iter().filter_map(|secret| telling_digits(secret)).collect();
    let mut clean = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, run) = rest.split_at(start);
        clean.push_str(before);
        let stop = run.find(|letter: char| !letter.is_ascii_digit() && !between_digits(letter)).unwrap_or(run.len());
        // What separates words stays: the run ends with its last digit.
        let stop =
            run.get(..stop).and_then(|run| run.rfind(|letter: char| letter.is_ascii_digit())).map_or(stop, |last| last + 1);
        let (run, after) = run.split_at(stop);
        let digits: String = run.chars().filter(char::is_ascii_digit).collect();
        let telling = needles.iter().any(|needle| digits.contains(needle.as_str()));
        clean.push_str(if telling { BLOT } else { run });
        rest = after;
    }
    clean.push_str(rest);
    clean
}

fn telling_digits(secret: &str) -> Option<String> {
    let plain = secret.chars().all(|letter| letter.is_ascii_digit() || letter == '+' || between_digits(letter));
    let digits: Vec<char> = secret.chars().filter(char::is_ascii_digit).collect();
    let from = digits.len().saturating_sub(TELLING_DIGITS);
    (plain && digits.len() >= 3).then(|| digits.get(from..).unwrap_or_default().iter().collect())
}

fn between_digits(letter: char) -> bool {
    matches!(letter, ' ' | '-' | '.' | '/' | '(' | ')' | ',' | ';' | ':' | '_' | '\u{a0}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_a_secret_is_left() {
        let secrets = ["482913", "+4512345678", "k\"ey/7&x", "anna@example.com", "bafoki42"];
        let table = [
            ("code 482913 to +4512345678", "code ••• to +•••"),
            ("482 913", "•••"),
            ("to=45 12 34 56 78, ok", "to=•••, ok"),
            ("to 1234 5678: accepted", "to •••: accepted"),
            ("bad key k\"ey/7&x", "bad key •••"),
            (r#"{"key":"k\"ey/7&x"}"#, r#"{"key":"•••"}"#),
            ("?key=k%22ey%2F7%26x&to=%2B4512345678", "?key=•••&to=%2B•••"),
            ("hex 003400380032003900310033.", "hex •••."),
            ("Anna@Example.com rejected", "••• rejected"),
            ("BAFOKI42", "•••"),
            ("code b a f o k i 4 2.", "code •••."),
            ("ø Ba-fo ki-42 ø", "ø ••• ø"),
            ("base64 YmFmb2tpNDI=", "base64 •••="),
            ("say 4, 8, 2, 9, 1, 3!", "say •••!"),
            ("4_8_2:9:1;3", "•••"),
            ("b64 NDUxMjM0NTY3OA==", "b64 •••=="),
            ("343832393133", "•••"),
            ("bafoki 4", "bafoki 4"),
            ("at 12:30:01, 4 of 8", "at 12:30:01, 4 of 8"),
            ("ID: 12345", "ID: 12345"),
        ];
        for (words, expected) in table {
            assert_eq!(redact(words, &secrets), expected, "{words}");
        }
    }

    #[test]
    fn words_are_cut_and_printable() {
        assert_eq!(redact("a\r\nb\u{1b}[31m", &[]), "a b [31m");
        assert_eq!(redact(&"ø".repeat(1000), &[]).chars().count(), 200);
        assert_eq!(redact("", &["", "1"]), "");
    }
}
