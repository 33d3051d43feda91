//! Phone numbers: the directory holds them as people typed them, a transmitter gets E.164 (ITU-T E.164: `+`, then at most 15
//! digits), the journal and the pages get a mask.

/// Why something typed is not a number that can be reached. None of these repeats the number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NumberError {
    #[error("there is no number")]
    Empty,
    #[error("it is longer than any phone number")]
    Long,
    #[error("it holds {0:?}, which belongs in no phone number")]
    Odd(char),
    #[error("it has no country code, and no default country prefix is set")]
    NoCountry,
    #[error("no country code begins with 0")]
    CountryZero,
    #[error("the default country prefix is not a plus sign and one to four digits")]
    BadPrefix,
    #[error("it has {0} digits; a number with its country code has 8 to 15")]
    Digits(usize),
}

/// Longer input is not looked at.
const MOST_TYPED: usize = 64;

/// `+4512345678` from what somebody typed. `00` counts as `+`; a number without a country code gets `prefix` (`+45`) after
/// one leading trunk 0 is dropped; so is the `(0)` that some write between country code and number.
pub fn normalise(typed: &str, prefix: Option<&str>) -> Result<String, NumberError> {
    if typed.chars().count() > MOST_TYPED {
        return Err(NumberError::Long);
    }
    let bare: String = typed.replace("(0)", "").chars().filter(|letter| !separates(*letter)).collect();
    if bare.is_empty() {
        return Err(NumberError::Empty);
    }
    let abroad = bare.strip_prefix('+').or_else(|| bare.strip_prefix("00"));
    let local = abroad.unwrap_or(&bare);
    if let Some(odd) = local.chars().find(|letter| !letter.is_ascii_digit()) {
        return Err(NumberError::Odd(odd));
    }
    let digits = match (abroad, prefix) {
        (Some(digits), _) => digits.to_owned(),
        (None, None) => return Err(NumberError::NoCountry),
        (None, Some(prefix)) => format!("{}{}", country(prefix)?, local.strip_prefix('0').unwrap_or(local)),
    };
    if digits.starts_with('0') {
        return Err(NumberError::CountryZero);
    }
    if !(8..=15).contains(&digits.len()) {
        return Err(NumberError::Digits(digits.len()));
    }
    Ok(format!("+{digits}"))
}

fn country(prefix: &str) -> Result<&str, NumberError> {
    let digits = prefix.strip_prefix('+').ok_or(NumberError::BadPrefix)?;
    let fits = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then_some(digits).ok_or(NumberError::BadPrefix)
}

/// An E.164 number without its country code (ITU-T E.164 annex: codes have one to three digits, and none begins another).
pub fn national(number: &str) -> &str {
    let digits = number.trim_start_matches('+');
    let length = match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    };
    digits.get(length..).unwrap_or_default()
}

/// What people and address books put between digits: blanks of any width, brackets, hyphens, and the invisible marks of
/// writing direction that come along when a number is copied from a phone.
fn separates(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, '(' | ')' | '-' | '.' | '/')
        || matches!(letter, '\u{2010}'..='\u{2013}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `•••• 12`: the last two digits.
pub fn mask_number(number: &str) -> String {
    format!("•••• {}", ending(number, USUAL_ENDING))
}

/// With as many digits as tell it from the person's other numbers, four at most.
pub fn mask_among<'a>(number: &str, others: impl Iterator<Item = &'a str> + Clone) -> String {
    let differs =
        |length: &usize| others.clone().all(|other| other == number || ending(other, *length) != ending(number, *length));
    let length = (USUAL_ENDING..=LONGEST_ENDING).find(differs).unwrap_or(USUAL_ENDING);
    format!("•••• {}", ending(number, length))
}

fn ending(number: &str, length: usize) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    digits.get(digits.len().saturating_sub(length)..).unwrap_or_default().iter().collect()
}

const USUAL_ENDING: usize = 2;
const LONGEST_ENDING: usize = 4;

/// `a•••@example.com`; of a local part of one letter nothing is shown.
pub fn mask_mail(mail: &str) -> String {
    let Some((local, domain)) = mail.rsplit_once('@') else { return "•••".to_owned() };
    let mut letters = local.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(_)) => format!("{first}•••@{domain}"),
        _ => format!("•••@{domain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_becomes_e164() {
        let table = [
            ("+45 12 34 56 78", None, "+4512345678"),
            ("0045-12.34.56.78", None, "+4512345678"),
            ("12 34 56 78", Some("+45"), "+4512345678"),
            ("(030) 123456-78", Some("+49"), "+493012345678"),
            ("+44 (0)20 7946 0958", None, "+442079460958"),
            ("0171/2345678", Some("+49"), "+491712345678"),
            ("\u{202a}+45\u{a0}12345678\u{202c}", None, "+4512345678"),
            ("+123456789012345", None, "+123456789012345"),
            ("+1234 5678", Some("+49"), "+12345678"),
        ];
        for (typed, prefix, expected) in table {
            assert_eq!(normalise(typed, prefix).as_deref(), Ok(expected), "{typed}");
        }
    }

    #[test]
    fn the_country_code_can_be_cut_off() {
        for (number, expected) in [
            ("+4512345678", "12345678"),
            ("+15551234567", "5551234567"),
            ("+74951234567", "4951234567"),
            ("+35812345678", "12345678"),
            ("+390612345678", "0612345678"),
            ("+85212345678", "12345678"),
            ("+", ""),
        ] {
            assert_eq!(national(number), expected, "{number}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_reason() {
        let long = "1".repeat(65);
        let table = [
            ("", Some("+45"), NumberError::Empty),
            (" ()-", Some("+45"), NumberError::Empty),
            ("12345678", None, NumberError::NoCountry),
            ("+1234567", None, NumberError::Digits(7)),
            ("+1234567890123456", None, NumberError::Digits(16)),
            ("+", None, NumberError::Digits(0)),
            ("+012345678", None, NumberError::CountryZero),
            ("00012345678", None, NumberError::CountryZero),
            ("++4512345678", None, NumberError::Odd('+')),
            ("12+345678", Some("+45"), NumberError::Odd('+')),
            ("+4512345678;+4587654321", None, NumberError::Odd(';')),
            ("+4512345678\0", None, NumberError::Odd('\0')),
            ("+45 ١٢٣٤٥٦٧٨", None, NumberError::Odd('١')),
            ("+4512345678x12", None, NumberError::Odd('x')),
            ("none", Some("+45"), NumberError::Odd('n')),
            ("12345678", Some("45"), NumberError::BadPrefix),
            ("12345678", Some("+12345"), NumberError::BadPrefix),
            (&long, None, NumberError::Long),
        ];
        for (typed, prefix, expected) in table {
            assert_eq!(normalise(typed, prefix), Err(expected), "{typed:?}");
        }
    }

    #[test]
    fn masks_show_no_more_than_they_should() {
        let numbers = [("+4512345678", "•••• 78"), ("", "•••• "), ("+4", "•••• 4")];
        for (given, masked) in numbers {
            assert_eq!(mask_number(given), masked);
        }
        let mails = [
            ("anna@example.com", "a•••@example.com"),
            ("a@example.com", "•••@example.com"),
            ("@x", "•••@x"),
            ("æble@x.dk", "æ•••@x.dk"),
            ("odd", "•••"),
        ];
        for (given, masked) in mails {
            assert_eq!(mask_mail(given), masked);
        }
    }
}
