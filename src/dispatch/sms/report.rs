//! SMS-STATUS-REPORT: what the network says became of a message (3GPP TS 23.040, 9.2.2.3), from `+CDS` in PDU and in text mode,
//! and from the SIM's storage.

/// One report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusReport {
    /// What the modem called the message when it took it (TP-MR). It wraps at 255.
    pub reference: u8,
    /// Digits, with `+` where the network says that the number is international.
    pub recipient: String,
    pub outcome: Outcome,
    /// TP-ST as it came.
    pub status: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Delivered,
    /// The network goes on trying, or does not know.
    Pending,
    /// It will not arrive.
    Failed,
}

impl StatusReport {
    /// Of the hexadecimal line behind `+CDS: <length>` or `+CMGR: ...`.
    pub fn from_pdu(line: &str) -> Option<Self> {
        let octets = data_encoding::HEXUPPER_PERMISSIVE.decode(line.trim().as_bytes()).ok()?;
        let mut octets = octets.as_slice();
        let centre = usize::from(take(&mut octets, 1)?.first().copied()?);
        take(&mut octets, centre)?;
        let first = one(&mut octets)?;
        if first & 0x03 != 0x02 {
            return None;
        }
        let reference = one(&mut octets)?;
        let digits = usize::from(one(&mut octets)?);
        if digits > MOST_DIGITS {
            return None;
        }
        let kind = one(&mut octets)?;
        let number = take(&mut octets, digits.div_ceil(2))?;
        // When the network took it, and when this became so.
        take(&mut octets, 14)?;
        let status = one(&mut octets)?;
        Some(Self { reference, recipient: written(kind, number, digits), outcome: Outcome::of(status), status })
    }

    /// Of `+CDS: <fo>,<mr>[,[<ra>][,[<tora>]],<scts>,<dt>,<st>]` (3GPP TS 27.005, 3.4.1), without the name in front.
    pub fn from_text(values: &str) -> Option<Self> {
        let fields = fields(values);
        let fields: Vec<&str> = fields.iter().map(|field| field.trim()).collect();
        let (_, rest) = fields.split_first()?;
        let (reference, rest) = rest.split_first()?;
        let status: u8 = rest.last()?.parse().ok()?;
        let recipient = rest.first().filter(|_| rest.len() > 3).copied().unwrap_or_default();
        let recipient: String = recipient.chars().filter(|letter| *letter == '+' || letter.is_ascii_digit()).collect();
        let fits = recipient.strip_prefix('+').unwrap_or(&recipient).len() <= MOST_DIGITS;
        fits.then(|| Some(Self { reference: reference.parse().ok()?, recipient, outcome: Outcome::of(status), status }))?
    }

    /// For the journal and the person who asks why.
    pub fn words(&self) -> String {
        let words = match self.status {
            0x00 => "delivered",
            0x01 => "passed on, unknown whether it arrived",
            0x02 => "replaced by a newer one",
            0x40 => "the phone or its network answered with an error",
            0x41 => "the phone cannot take it",
            0x42 => "the phone refused it",
            0x43 => "the number cannot be reached",
            0x45 => "the phone refused it for now",
            0x46 => "the phone was not reached in time",
            0x47 | 0x48 => "deleted by the network",
            0x49 => "the network does not know it any more",
            0x20..=0x3f => "not yet: the network goes on trying",
            0x60..=0x7f => "not delivered, and the network has given up",
            _ => "not delivered",
        };
        format!("{words} (status {:#04x})", self.status)
    }
}

impl Outcome {
    /// TP-ST (TS 23.040, 9.2.3.15). What a later version means by a reserved value is not known: then the code's life decides.
    fn of(status: u8) -> Self {
        match status {
            0x00 | 0x02 => Self::Delivered,
            0x40..=0x7f => Self::Failed,
            _ => Self::Pending,
        }
    }
}

/// TP-RA has at most ten octets of digits.
const MOST_DIGITS: usize = 20;

/// Who an SMS-DELIVER comes from (TS 23.040, 9.2.2.1); what it says is not looked at.
pub fn sender(line: &str) -> Option<String> {
    let octets = data_encoding::HEXUPPER_PERMISSIVE.decode(line.trim().as_bytes()).ok()?;
    let mut octets = octets.as_slice();
    let centre = usize::from(one(&mut octets)?);
    take(&mut octets, centre)?;
    let first = one(&mut octets)?;
    let digits = usize::from(one(&mut octets)?);
    let kind = one(&mut octets)?;
    let number = take(&mut octets, digits.div_ceil(2))?;
    (first & 0x03 == 0 && digits <= MOST_DIGITS).then(|| written(kind, number, digits))
}

fn one(octets: &mut &[u8]) -> Option<u8> {
    take(octets, 1)?.first().copied()
}

fn take<'o>(octets: &mut &'o [u8], count: usize) -> Option<&'o [u8]> {
    let (taken, rest) = octets.split_at_checked(count)?;
    *octets = rest;
    Some(taken)
}

/// Digits of semi-octets; what is none (`*`, `#`, a filling) is left out. A name instead of a number has none.
fn written(kind: u8, number: &[u8], digits: usize) -> String {
    let (number_kind, is_name) = (kind & 0x70, kind & 0x70 == 0x50);
    if is_name {
        return String::new();
    }
    let halves = number.iter().flat_map(|octet| [octet & 0xf, octet >> 4]).take(digits);
    let plus = if number_kind == 0x10 { "+" } else { "" };
    plus.chars().chain(halves.filter(|half| *half < 10).map(|half| char::from(b'0' + half))).collect()
}

/// Commas within quotes (dates have them) separate nothing.
fn fields(values: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for letter in values.chars().take(256) {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => {
                if let Some(field) = fields.last_mut() {
                    field.push(letter);
                }
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference 0x17, +4512345678, status.
    fn pdu(status: &str) -> String {
        format!("0006170A9154214365876211221143548062112211436580{status}")
    }

    #[test]
    fn a_report_is_read() {
        let table = [
            ("00", Outcome::Delivered),
            ("01", Outcome::Pending),
            ("02", Outcome::Delivered),
            ("20", Outcome::Pending),
            ("30", Outcome::Pending),
            ("40", Outcome::Failed),
            ("46", Outcome::Failed),
            ("60", Outcome::Failed),
            ("80", Outcome::Pending),
        ];
        for (status, outcome) in table {
            let report = StatusReport::from_pdu(&pdu(status)).unwrap();
            assert_eq!((report.reference, report.recipient.as_str(), report.outcome), (0x17, "+4512345678", outcome), "{status}");
            assert!(report.words().contains(&status.to_lowercase()), "{}", report.words());
        }
        // With the service centre's address in front, and a national number of an odd count of digits.
        let report =
            StatusReport::from_pdu("07915410009999F906FF0781214365F76211221143548062112211436580 00".replace(' ', "").as_str());
        assert_eq!(report.map(|report| (report.reference, report.recipient)), Some((255, "1234567".to_owned())));
    }

    #[test]
    fn what_is_no_report_is_none() {
        let whole = pdu("00");
        for length in 0..whole.len() {
            assert_eq!(StatusReport::from_pdu(&whole[..length]), None, "{length}");
        }
        for bad in
            ["", "00", "zz", "OK", "0000170A915421436587621122114354806211221143658000", "000617FF9154", "0006170A91\u{e9}"]
        {
            assert_eq!(StatusReport::from_pdu(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_report_in_text_mode_is_read() {
        let table = [
            (
                r#" 6,23,"+4512345678",145,"26/11/22,11:34:45+04","26/11/22,11:34:56+04",0"#,
                Some((23, "+4512345678", Outcome::Delivered)),
            ),
            (r#"6,23,"12345678",129,"26/11/22,11:34:45+04","26/11/22,11:34:56+04",70"#, Some((23, "12345678", Outcome::Failed))),
            (r#"6,23,"26/11/22,11:34:45+04","26/11/22,11:34:56+04",0"#, Some((23, "", Outcome::Delivered))),
            ("6,256,0", None),
            ("", None),
            ("6", None),
        ];
        for (values, expected) in table {
            let report = StatusReport::from_text(values);
            let read = report.as_ref().map(|report| (report.reference, report.recipient.as_str(), report.outcome));
            assert_eq!(read, expected, "{values}");
        }
    }

    #[test]
    fn the_sender_of_an_incoming_message_is_read() {
        let from = sender("07915410009999F9040A9154214365870000621122114354800568656C6C6F");
        assert_eq!(from.as_deref(), Some("+4512345678"));
        assert_eq!(sender("0404"), None);
    }

    #[test]
    fn a_number_in_text_mode_has_twenty_digits_at_most() {
        for (digits, plus, fits) in [(20, "", true), (20, "+", true), (21, "", false), (21, "+", false)] {
            let number = format!("{plus}{}", "7".repeat(digits));
            let report = StatusReport::from_text(&format!("6,23,\"{number}\",145,\"26/11/22\",\"26/11/22\",0"));
            assert_eq!(report.map(|report| report.recipient), fits.then_some(number.clone()), "{number}");
        }
    }
}
