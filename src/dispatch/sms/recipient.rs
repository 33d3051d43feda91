//! Whom a message goes to: digits alone, so that nothing else than digits can reach a modem's command.

use crate::dispatch::address::number::mask_number;

/// An international number (E.164). `Debug` masks it.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    digits: Vec<u8>,
}

/// E.164 has no longer ones, and no phone has a shorter one with its country's code.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=15;

impl Recipient {
    /// Of `+` and digits; anything else is none.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?.as_bytes();
        let fits = DIGITS.contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) && digits.first() != Some(&b'0');
        fits.then(|| Self { digits: digits.to_vec() })
    }

    /// TP-DA's first octet: how many digits.
    pub(in crate::dispatch) fn length(&self) -> u8 {
        u8::try_from(self.digits.len()).unwrap_or_default()
    }

    /// Two digits an octet, the first one low; the last is filled with `F` (TS 23.040, 9.1.2.3).
    pub(in crate::dispatch) fn semi_octets(&self) -> impl Iterator<Item = u8> + '_ {
        let digit = |byte: Option<&u8>| byte.map_or(0xf, |byte| byte & 0xf);
        self.digits.chunks(2).map(move |pair| digit(pair.get(1)) << 4 | digit(pair.first()))
    }

    /// With `+`, for text mode.
    pub(in crate::dispatch) fn written(&self) -> String {
        std::iter::once('+').chain(self.digits.iter().map(|byte| char::from(*byte))).collect()
    }

    /// By which a report names it; see [`tail`].
    pub(in crate::dispatch) fn tail(&self) -> String {
        tail(&self.written())
    }
}

/// The last digits of a number. Networks that report on a message leave the country's code away or put a prefix in front, so that these
/// decide whether it is the same.
pub(in crate::dispatch) fn tail(number: &str) -> String {
    const ENOUGH: usize = 7;
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    digits.get(digits.len().saturating_sub(ENOUGH)..).unwrap_or_default().iter().collect()
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&mask_number(&self.written()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_behind_a_plus_are_a_recipient() {
        for good in ["+4512345678", "+1234", "+123456789012345"] {
            assert_eq!(Recipient::parse(good).unwrap().written(), good);
        }
        for bad in [
            "",
            "+",
            "4512345678",
            "+45 12345678",
            "+45123456\r",
            "+4512345678\rAT+CPWD=\"SC\",\"1234\",\"0000\"\r",
            "+45123\u{1a}",
            "+45123\u{1b}",
            "+4512345678\"",
            "+4512345678;ATD112;",
            "+45\x00123456",
            "+٤٥١٢٣٤٥٦٧٨",
            "+1234567890123456",
            "+0451234567",
            "+*#06#",
            "+123",
        ] {
            assert_eq!(Recipient::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_report_names_the_number_in_the_networks_way() {
        let number = Recipient::parse("+4512345678").unwrap();
        let table = [
            ("+4512345678", true),
            ("12345678", true),
            ("004512345678", true),
            ("+4512345679", false),
            ("", false),
            ("5678", false),
            ("+4612345678", true),
        ];
        for (reported, expected) in table {
            assert_eq!(number.tail() == tail(reported), expected, "{reported}");
        }
    }
}
