//! SMS-SUBMIT: a text message as a modem takes it in PDU mode (3GPP TS 23.040, 9.2.2.2), in one part or several.

use std::time::Duration;

use super::recipient::Recipient;
use crate::base::Secret;
use crate::dispatch::text::gsm7::{Letter, pack, septets};

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Submit<'a> {
    pub to: &'a Recipient,
    pub text: &'a str,
    /// Shown at once and not kept (class 0).
    pub flash: bool,
    /// Takes the place of the last message that was sent so (TP-PID 0x41, replace type 1).
    pub replaces: bool,
    /// How long the network may go on trying.
    pub validity: Duration,
    /// Whether the network is to say what became of it.
    pub report: bool,
    /// Ties the parts of a message together on the phone; any number will do that differs from the last one's.
    pub reference: u8,
}

/// One part, ready for `AT+CMGS`.
#[derive(Clone, Debug)]
pub struct Part {
    /// What the command says: octets without the service centre's address.
    pub octets: usize,
    /// In hexadecimal, with an empty service centre's address in front: the SIM's is used. It holds the passcode.
    pub pdu: Secret<String>,
}

/// Nothing that we send is longer; a phone would show it in pieces that cost one message each.
pub const MOST_PARTS: usize = 8;

/// The message does not go into [`MOST_PARTS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the text is too long: more than {MOST_PARTS} parts")]
pub struct TooLong;

const MTI_SUBMIT: u8 = 0x01;
const VALIDITY_IS_RELATIVE: u8 = 0x10;
const REPORT_WANTED: u8 = 0x20;
const HEADER_PRESENT: u8 = 0x40;
const REPLACE_TYPE_1: u8 = 0x41;
const CLASS_0: u8 = 0x10;
const UCS2: u8 = 0x08;
const INTERNATIONAL: u8 = 0x91;

impl Submit<'_> {
    /// The parts in their order, at least one.
    pub fn parts(&self) -> Result<Vec<Part>, TooLong> {
        let texts = match septets(self.text) {
            Some(whole) => seven_bit(self.text, whole),
            None => ucs2(self.text),
        };
        let total = u8::try_from(texts.len()).ok().filter(|_| texts.len() <= MOST_PARTS).ok_or(TooLong)?;
        Ok((1..).zip(texts).map(|(number, text)| self.part(&text, number, total)).collect())
    }

    fn part(&self, text: &Units, number: u8, total: u8) -> Part {
        let header = [5, 0, 3, self.reference, total, number];
        let header: &[u8] = if total > 1 { &header } else { &[] };
        let mut first = MTI_SUBMIT | VALIDITY_IS_RELATIVE;
        if self.report {
            first |= REPORT_WANTED;
        }
        if !header.is_empty() {
            first |= HEADER_PRESENT;
        }
        // The modem chooses the message reference.
        let mut tpdu = vec![first, 0];
        tpdu.push(self.to.length());
        tpdu.push(INTERNATIONAL);
        tpdu.extend(self.to.semi_octets());
        tpdu.push(if self.replaces { REPLACE_TYPE_1 } else { 0 });
        tpdu.push(text.coding() | if self.flash { CLASS_0 } else { 0 });
        tpdu.push(relative_validity(self.validity));
        let (length, data) = text.written(header);
        tpdu.push(length);
        tpdu.extend_from_slice(header);
        tpdu.extend(data);
        let octets = tpdu.len();
        let pdu = Secret::new(format!("00{}", data_encoding::HEXUPPER.encode(&tpdu)));
        Part { octets, pdu }
    }
}

/// What one part carries, in the units that are counted.
enum Units {
    Septets(Vec<u8>),
    Utf16(Vec<u16>),
}

impl Units {
    fn coding(&self) -> u8 {
        match self {
            Self::Septets(_) => 0,
            Self::Utf16(_) => UCS2,
        }
    }

    /// TP-UDL and what follows the header.
    fn written(&self, header: &[u8]) -> (u8, Vec<u8>) {
        match self {
            Self::Septets(septets) => {
                let taken = header.len().saturating_mul(8).div_ceil(7);
                let fill = taken.saturating_mul(7).saturating_sub(header.len().saturating_mul(8));
                let length = u8::try_from(taken + septets.len()).unwrap_or(u8::MAX);
                (length, pack(septets, u32::try_from(fill).unwrap_or_default()))
            }
            Self::Utf16(units) => {
                let data: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
                (u8::try_from(header.len() + data.len()).unwrap_or(u8::MAX), data)
            }
        }
    }
}

/// What a single part holds, and each of several, behind a header of six octets.
const SEPTETS: (usize, usize) = (160, 153);
const UTF16: (usize, usize) = (70, 67);

/// A letter of the extension stays in one piece.
fn seven_bit(text: &str, whole: usize) -> Vec<Units> {
    let most = if whole <= SEPTETS.0 { SEPTETS.0 } else { SEPTETS.1 };
    let mut parts = vec![Vec::with_capacity(most)];
    for letter in text.chars().filter_map(Letter::of) {
        if let Some(part) = parts.last_mut().filter(|part| part.len() + letter.septets() <= most) {
            letter.write(part);
            continue;
        }
        let mut part = Vec::with_capacity(most);
        letter.write(&mut part);
        parts.push(part);
    }
    parts.into_iter().map(Units::Septets).collect()
}

/// A surrogate pair stays in one piece.
fn ucs2(text: &str) -> Vec<Units> {
    let most = if text.encode_utf16().count() <= UTF16.0 { UTF16.0 } else { UTF16.1 };
    let mut parts: Vec<Vec<u16>> = vec![Vec::with_capacity(most)];
    for letter in text.chars() {
        let mut buffer = [0; 2];
        let units = letter.encode_utf16(&mut buffer);
        match parts.last_mut().filter(|part| part.len() + units.len() <= most) {
            Some(part) => part.extend_from_slice(units),
            None => parts.push(units.to_vec()),
        }
    }
    parts.into_iter().map(Units::Utf16).collect()
}

/// TP-VP, relative (TS 23.040, 9.2.3.12.1): never longer than what is asked for by more than half a minute, but five minutes at
/// least, the shortest that there is.
pub(in crate::dispatch) fn relative_validity(span: Duration) -> u8 {
    const MINUTE: u64 = 60;
    const DAY: u64 = 24 * 60 * MINUTE;
    let seconds = span.as_secs().saturating_add(30);
    let value = if seconds < 12 * 60 * MINUTE + 30 * MINUTE {
        (seconds / (5 * MINUTE)).saturating_sub(1).min(143)
    } else if seconds < 2 * DAY {
        143 + ((seconds - 12 * 60 * MINUTE) / (30 * MINUTE)).min(24)
    } else if seconds < 35 * DAY {
        (166 + seconds / DAY).min(196)
    } else {
        192 + (seconds / (7 * DAY)).min(63)
    };
    u8::try_from(value).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES_5: Duration = Duration::from_secs(300);
    const DAY: Duration = Duration::from_secs(86_400);

    fn to(number: &str) -> Recipient {
        Recipient::parse(number).unwrap()
    }

    fn submit<'a>(to: &'a Recipient, text: &'a str) -> Submit<'a> {
        Submit { to, text, flash: false, replaces: false, validity: MINUTES_5, report: false, reference: 0x42 }
    }

    fn first(submit: &Submit<'_>) -> (usize, String) {
        let part = submit.parts().unwrap().remove(0);
        (part.octets, part.pdu.expose().clone())
    }

    #[test]
    fn published_messages_come_out_as_published() {
        let (sweden, denmark) = (to("+46708251358"), to("+4512345678"));
        let table = [
            (
                Submit { validity: 4 * DAY, ..submit(&sweden, "hellohello") },
                (23, "0011000B916407281553F80000AA0AE8329BFD4697D9EC37"),
            ),
            (
                Submit { flash: true, report: true, ..submit(&denmark, "Code 482913") },
                (23, "0031000A9154214365870010000BC337B90CA2E164B9D80C"),
            ),
            (
                Submit { flash: true, ..submit(&denmark, "Kode æ€\u{200b}") },
                (29, "0011000A91542143658700180010004B006F00640065002000E620AC200B"),
            ),
        ];
        for (submit, (octets, pdu)) in table {
            assert_eq!(first(&submit), (octets, pdu.to_owned()));
        }
    }

    /// As printed it is one of two, of which the other is not printed, and "Kode æ€" by itself needs no UCS-2.
    #[test]
    fn published_parts_come_out_as_published() {
        let denmark = to("+4512345678");
        let part = |text: Units, number, total, validity, flash| {
            let submit = Submit { validity, flash, ..submit(&denmark, "") };
            let part = submit.part(&text, number, total);
            (part.octets, part.pdu.expose().clone())
        };
        let mut hello = Vec::new();
        "hello".chars().filter_map(Letter::of).for_each(|letter| letter.write(&mut hello));
        let expected = "0051000A9154214365870000A70C050003420201D06536FB0D".to_owned();
        assert_eq!(part(Units::Septets(hello), 1, 2, DAY, false), (24, expected));
        let code = Units::Utf16("Kode æ€".encode_utf16().collect());
        let expected = "0011000A9154214365870018000E004B006F00640065002000E620AC".to_owned();
        assert_eq!(part(code, 1, 1, MINUTES_5, true), (27, expected));
    }

    #[test]
    fn a_resend_replaces_what_was_sent_before() {
        let denmark = to("+4512345678");
        let (_, pdu) = first(&Submit { replaces: true, ..submit(&denmark, "123456") });
        assert_eq!(pdu, "0011000A9154214365874100000631D98C56B301");
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        let denmark = to("+4512345678");
        let count = |text: &str| submit(&denmark, text).parts().map(|parts| parts.len());
        let table = [
            ("a".repeat(160), Ok(1)),
            ("a".repeat(161), Ok(2)),
            ("a".repeat(306), Ok(2)),
            ("a".repeat(307), Ok(3)),
            ("ж".repeat(70), Ok(1)),
            ("ж".repeat(71), Ok(2)),
            ("ж".repeat(134), Ok(2)),
            ("ж".repeat(135), Ok(3)),
            // The 153rd septet would be the first half of a letter.
            (format!("{}{}", "a".repeat(152), "€".repeat(77)), Ok(3)),
            // The 67th unit would be the first half of a pair.
            (format!("{}😀{}", "ж".repeat(66), "ж".repeat(66)), Ok(3)),
            ("a".repeat(153 * MOST_PARTS), Ok(MOST_PARTS)),
            ("a".repeat(153 * MOST_PARTS + 1), Err(TooLong)),
            (String::new(), Ok(1)),
        ];
        for (text, expected) in table {
            assert_eq!(count(&text), expected, "{text}");
        }
    }

    #[test]
    fn every_octet_fits_a_message() {
        let denmark = to("+123456789012345");
        for text in ["a".repeat(400), "€".repeat(200), "ж".repeat(300), "😀".repeat(90)] {
            for part in submit(&denmark, &text).parts().unwrap() {
                // 140 of user data, and what stands before it.
                assert!(part.octets <= 140 + 7 + 10 && part.pdu.expose().len() == 2 * part.octets + 2);
            }
        }
    }

    #[test]
    fn validity_is_the_passcodes_life() {
        let table = [
            (0, 0),
            (60, 0),
            (299, 0),
            (300, 0),
            (560, 0),
            (571, 1),
            (600, 1),
            (12 * 3600, 143),
            (12 * 3600 + 1800, 144),
            (24 * 3600, 167),
            (2 * 86_400, 168),
            (4 * 86_400, 170),
            (30 * 86_400, 196),
            (35 * 86_400, 197),
            (441 * 86_400, 255),
            (u64::MAX, 255),
        ];
        for (seconds, expected) in table {
            assert_eq!(relative_validity(Duration::from_secs(seconds)), expected, "{seconds}");
        }
    }
}
