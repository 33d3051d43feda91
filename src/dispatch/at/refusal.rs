//! What a modem refuses with (3GPP TS 27.005, 3.2.5; 27.007, 9.2), sorted by what to do next.

/// `ERROR`, `+CMS ERROR: n` or `+CME ERROR: n`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    Plain,
    Cms(u16),
    Cme(u16),
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// The network does not take it now: another modem, and this one again after a pause.
    Network,
    /// The modem is busy or in a mess: once more here after setting it up again.
    Modem,
    /// SIM or registration: nobody can send through this modem until somebody sees to it.
    Sim,
    /// No credit, or not allowed for this SIM: another modem, and somebody should know.
    Barred,
    /// The number is wrong: nobody can send to it.
    Destination,
    /// We said something wrong: it would be wrong through any modem, but not through a gateway.
    Ours,
    /// The storage is full: emptied, and once more here.
    Storage,
    /// No service centre is known: set, and once more here.
    Centre,
    /// The cause is not known: another modem, and this one again after a pause.
    Unknown,
}

impl Refusal {
    /// Of a line; nothing where it is no refusal. Some modems say it in words whatever they were told.
    pub fn read(line: &str) -> Option<Self> {
        if line == "ERROR" || line == "COMMAND NOT SUPPORT" || line == "TOO MANY PARAMETERS" {
            return Some(Self::Plain);
        }
        let (is_cms, rest) = match (line.strip_prefix("+CMS ERROR:"), line.strip_prefix("+CME ERROR:")) {
            (Some(rest), _) => (true, rest.trim()),
            (None, Some(rest)) => (false, rest.trim()),
            (None, None) => return None,
        };
        let number = match rest.parse() {
            Ok(number) => number,
            Err(_) => {
                let words = rest.to_ascii_lowercase();
                let known = WORDS.iter().find(|(text, ..)| *text == words);
                let Some((_, cms, cme)) = known else { return Some(if is_cms { Self::Cms(500) } else { Self::Cme(100) }) };
                if is_cms { *cms } else { *cme }
            }
        };
        Some(if is_cms { Self::Cms(number) } else { Self::Cme(number) })
    }

    pub fn class(self) -> Class {
        match self {
            Self::Plain => Class::Modem,
            Self::Cms(code) => cms(code),
            Self::Cme(code) => cme(code),
        }
    }
}

fn cms(code: u16) -> Class {
    match code {
        // TS 24.011 annex E-2: 17 network failure, 22 congestion (of TS 24.008), 27 destination out of order, 38 network out of order,
        // 41 temporary failure, 42 congestion, 47 resources unavailable, 111 protocol error. TS 23.040 section 9.2.3.22: 192 the centre is busy,
        // 194 it has failed. TS 27.005 section 3.2.5: 331 no network service, 332 network timeout, 500 unknown; from 512 each maker's own.
        17 | 22 | 27 | 38 | 41 | 42 | 47 | 111 | 192 | 194 | 331 | 332 | 500 | 512 | 521 | 535 | 615 | 616 => Class::Network,
        210 | 212 | 300 | 301 | 302 | 314 => Class::Modem,
        310..=313 | 315..=318 => Class::Sim,
        8 | 10 | 29 | 50 | 69 | 193 => Class::Barred,
        1 | 28 | 30 | 195 | 196 => Class::Destination,
        81 | 95..=99 | 127..=145 | 159..=161 | 175 | 176 | 303..=305 | 517 | 549..=554 => Class::Ours,
        208 | 211 | 320..=322 => Class::Storage,
        330 => Class::Centre,
        _ => Class::Unknown,
    }
}

fn cme(code: u16) -> Class {
    match code {
        // TS 27.007 section 9.2: no network service, network timeout, emergency calls only, unknown.
        30 | 31 | 32 | 100 => Class::Network,
        0 | 3 | 14 | 515 => Class::Modem,
        5 | 10..=13 | 15..=18 | 40..=47 => Class::Sim,
        103 | 106 | 111..=113 => Class::Barred,
        26 | 27 => Class::Destination,
        24 | 25 => Class::Ours,
        20 | 23 => Class::Storage,
        _ => Class::Unknown,
    }
}

/// What `+CMEE=2` makes of the numbers, where it matters: as `+CMS` and as `+CME`.
const WORDS: &[(&str, u16, u16)] = &[
    ("operation not allowed", 302, 3),
    ("operation not supported", 303, 4),
    ("ph-sim pin required", 312, 5),
    ("sim not inserted", 310, 10),
    ("sim pin required", 311, 11),
    ("sim puk required", 316, 12),
    ("sim failure", 313, 13),
    ("sim busy", 314, 14),
    ("sim wrong", 315, 15),
    ("incorrect password", 311, 16),
    ("memory full", 322, 20),
    ("no network service", 331, 30),
    ("network timeout", 332, 31),
    ("network not allowed - emergency calls only", 331, 32),
    ("network out of order", 38, 100),
    ("temporary failure", 41, 100),
    ("congestion", 42, 100),
    ("resources unavailable, unspecified", 47, 100),
    ("destination out of order", 27, 100),
    ("smsc address unknown", 330, 100),
    ("me failure", 300, 0),
    ("sms service of me reserved", 301, 100),
    ("invalid pdu mode parameter", 304, 25),
    ("unknown error", 500, 100),
];

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plain => f.write_str("ERROR"),
            Self::Cms(code) => write!(f, "+CMS ERROR: {code}"),
            Self::Cme(code) => write!(f, "+CME ERROR: {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_and_sorted() {
        let table = [
            ("ERROR", Refusal::Plain, Class::Modem),
            ("+CMS ERROR: 42", Refusal::Cms(42), Class::Network),
            ("+CMS ERROR: 500", Refusal::Cms(500), Class::Network),
            ("+CMS ERROR: 38", Refusal::Cms(38), Class::Network),
            ("+CMS ERROR: 41", Refusal::Cms(41), Class::Network),
            ("+CMS ERROR: 47", Refusal::Cms(47), Class::Network),
            ("+CMS ERROR: 27", Refusal::Cms(27), Class::Network),
            ("+CMS ERROR: 331", Refusal::Cms(331), Class::Network),
            ("+CMS ERROR: 332", Refusal::Cms(332), Class::Network),
            ("+CMS ERROR: 512", Refusal::Cms(512), Class::Network),
            ("+CME ERROR: 31", Refusal::Cme(31), Class::Network),
            ("+CME ERROR: 32", Refusal::Cme(32), Class::Network),
            ("+CME ERROR: network not allowed - emergency calls only", Refusal::Cme(32), Class::Network),
            ("+CMS ERROR: network out of order", Refusal::Cms(38), Class::Network),
            ("+CMS ERROR: Temporary failure", Refusal::Cms(41), Class::Network),
            ("+CMS ERROR: 302", Refusal::Cms(302), Class::Modem),
            ("+CMS ERROR: 310", Refusal::Cms(310), Class::Sim),
            ("+CMS ERROR: 8", Refusal::Cms(8), Class::Barred),
            ("+CMS ERROR: 28", Refusal::Cms(28), Class::Destination),
            ("+CMS ERROR: 304", Refusal::Cms(304), Class::Ours),
            ("+CMS ERROR: 322", Refusal::Cms(322), Class::Storage),
            ("+CMS ERROR: 320", Refusal::Cms(320), Class::Storage),
            ("+CMS ERROR: 330", Refusal::Cms(330), Class::Centre),
            ("+CMS ERROR: 4711", Refusal::Cms(4711), Class::Unknown),
            ("+CME ERROR: 16", Refusal::Cme(16), Class::Sim),
            ("+CME ERROR: 10", Refusal::Cme(10), Class::Sim),
            ("+CME ERROR: 30", Refusal::Cme(30), Class::Network),
            ("+CME ERROR: 515", Refusal::Cme(515), Class::Modem),
            ("+CME ERROR: 103", Refusal::Cme(103), Class::Barred),
            ("+CME ERROR: 26", Refusal::Cme(26), Class::Destination),
            ("+CME ERROR: 23", Refusal::Cme(23), Class::Storage),
            ("+CME ERROR: 25", Refusal::Cme(25), Class::Ours),
            ("+CME ERROR: incorrect password", Refusal::Cme(16), Class::Sim),
            ("+CMS ERROR: SIM PIN required", Refusal::Cms(311), Class::Sim),
            ("+CME ERROR: 99999", Refusal::Cme(100), Class::Network),
            ("+CME ERROR: gremlins", Refusal::Cme(100), Class::Network),
        ];
        for (line, refusal, class) in table {
            assert_eq!(Refusal::read(line), Some(refusal), "{line}");
            assert_eq!(refusal.class(), class, "{line}");
        }
        for line in ["OK", "", "ERRORS", "+CMGS: 5", "NO CARRIER"] {
            assert_eq!(Refusal::read(line), None, "{line}");
        }
    }
}
