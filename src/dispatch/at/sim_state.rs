//! What a modem says of its SIM (3GPP TS 27.007, 8.3 and 9.2), sorted by what to do next.

use super::refusal::{Class, Refusal};

/// The answer to `AT+CPIN?`, or what was refused in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::dispatch) enum SimState {
    /// Messages can be sent. A second PIN, which is asked for here and there, guards fixed dialling and the like alone.
    Open,
    Pin,
    Puk,
    /// The SIM or the modem starts, as for half a minute after power-on.
    NotReady,
    /// Not there; or not yet, which many modems say while they start.
    Missing,
    /// It does not work; or not yet.
    Failed,
    /// The modem itself is locked, which no SIM PIN opens: in words.
    Locked(&'static str),
    Unknown,
}

impl SimState {
    /// Of what follows `+CPIN:`.
    pub fn read(text: &str) -> Self {
        let text = text.trim().trim_matches('"').trim().to_ascii_uppercase();
        match text.as_str() {
            "READY" | "SIM PIN2" | "SIM PUK2" => Self::Open,
            "SIM PIN" => Self::Pin,
            "SIM PUK" => Self::Puk,
            "NOT READY" | "SIM NOT READY" | "SIM BUSY" | "BUSY" => Self::NotReady,
            "NOT INSERTED" | "SIM NOT INSERTED" | "NO SIM" | "SIM REMOVED" => Self::Missing,
            "SIM FAILURE" | "SIM ERROR" => Self::Failed,
            "PH-SIM PIN" | "PH-SIM PUK" => Self::Locked(OTHER_SIM),
            "PH-FSIM PIN" | "PH-FSIM PUK" => Self::Locked(FIRST_SIM),
            "PH-NET PIN" | "PH-NET PUK" | "PH-NETSUB PIN" | "PH-NETSUB PUK" => Self::Locked(NETWORK),
            "PH-SP PIN" | "PH-SP PUK" => Self::Locked(PROVIDER),
            "PH-CORP PIN" | "PH-CORP PUK" => Self::Locked(COMPANY),
            _ => Self::Unknown,
        }
    }

    /// Of a command that was refused. A modem that cannot say it yet refuses with anything.
    pub fn refused(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Cme(10) | Refusal::Cms(310) => Self::Missing,
            Refusal::Cme(11) | Refusal::Cms(311) => Self::Pin,
            Refusal::Cme(12) | Refusal::Cms(316) => Self::Puk,
            Refusal::Cme(13) | Refusal::Cms(313) => Self::Failed,
            Refusal::Cme(17 | 18) | Refusal::Cms(317 | 318) => Self::Open,
            Refusal::Cme(5 | 48) | Refusal::Cms(312) => Self::Locked(OTHER_SIM),
            Refusal::Cme(6 | 7) => Self::Locked(FIRST_SIM),
            Refusal::Cme(40..=43) => Self::Locked(NETWORK),
            Refusal::Cme(44 | 45) => Self::Locked(PROVIDER),
            Refusal::Cme(46 | 47) => Self::Locked(COMPANY),
            Refusal::Cme(15) | Refusal::Cms(315) => Self::Locked(WRONG),
            _ => Self::NotReady,
        }
    }
}

/// Whether a command that was refused so may be taken in a moment: the SIM is being read. 3GPP TS 27.007, 9.2: 10, 13, 14; TS 27.005, 3.2.5: 310,
/// 313, 314. Of the makers' own: CME and CMS 515 "please wait, init in progress" (Wavecom, Sierra Wireless), CMS 512 (Quectel) and 532 (SIMCom)
/// "SIM not ready".
pub(in crate::dispatch) fn may_pass(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::Cme(10 | 13 | 14 | 515) | Refusal::Cms(310 | 313 | 314 | 512 | 515 | 532))
}

/// Whether the SIM is closed to everything, and not to this command alone for want of its second PIN.
pub(in crate::dispatch) fn is_closed(refusal: Refusal) -> bool {
    refusal.class() == Class::Sim && SimState::refused(refusal) != SimState::Open
}

const OTHER_SIM: &str = "the modem wants the code that ties it to another SIM";
const FIRST_SIM: &str = "the modem wants the code that ties it to its first SIM";
const NETWORK: &str = "the modem is locked to another network: have it unlocked, or use a SIM of that one";
const PROVIDER: &str = "the modem is locked to another provider: have it unlocked, or use a SIM of that one";
const COMPANY: &str = "the modem is locked to a company's SIMs: have it unlocked";
const WRONG: &str = "the modem does not take this SIM";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_modem_says_of_its_sim_is_sorted() {
        let table = [
            ("READY", SimState::Open),
            (" READY ", SimState::Open),
            ("\"READY\"", SimState::Open),
            ("SIM PIN2", SimState::Open),
            ("SIM PUK2", SimState::Open),
            ("SIM PIN", SimState::Pin),
            ("sim pin", SimState::Pin),
            ("SIM PUK", SimState::Puk),
            ("NOT READY", SimState::NotReady),
            ("NOT INSERTED", SimState::Missing),
            ("SIM failure", SimState::Failed),
            ("PH-NET PIN", SimState::Locked(NETWORK)),
            ("PH-NETSUB PUK", SimState::Locked(NETWORK)),
            ("PH-SP PIN", SimState::Locked(PROVIDER)),
            ("PH-CORP PIN", SimState::Locked(COMPANY)),
            ("PH-SIM PIN", SimState::Locked(OTHER_SIM)),
            ("PH-FSIM PIN", SimState::Locked(FIRST_SIM)),
            ("", SimState::Unknown),
            ("SIM PIN3", SimState::Unknown),
        ];
        for (text, expected) in table {
            assert_eq!(SimState::read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_what_a_start_explains_is_waited_for() {
        for line in [
            "+CME ERROR: 10",
            "+CME ERROR: 13",
            "+CME ERROR: 14",
            "+CME ERROR: SIM busy",
            "+CME ERROR: SIM not inserted",
            "+CME ERROR: SIM failure",
            "+CME ERROR: 515",
            "+CMS ERROR: 310",
            "+CMS ERROR: 313",
            "+CMS ERROR: 314",
            "+CMS ERROR: SIM BUSY",
            "+CMS ERROR: 515",
            "+CMS ERROR: 512",
            "+CMS ERROR: 532",
        ] {
            assert!(may_pass(Refusal::read(line).unwrap()), "{line}");
        }
        for line in
            ["ERROR", "+CME ERROR: 11", "+CME ERROR: 12", "+CME ERROR: 15", "+CME ERROR: 16", "+CMS ERROR: 311", "+CMS ERROR: 42"]
        {
            assert!(!may_pass(Refusal::read(line).unwrap()), "{line}");
        }
        for (line, closed) in
            [("+CME ERROR: 17", false), ("+CMS ERROR: 318", false), ("+CME ERROR: 12", true), ("+CMS ERROR: 42", false)]
        {
            assert_eq!(is_closed(Refusal::read(line).unwrap()), closed, "{line}");
        }
    }
}
