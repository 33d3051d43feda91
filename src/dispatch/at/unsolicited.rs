//! What a modem says by itself (3GPP TS 27.005, 3.4; 27.007): told from the lines of an answer.

use super::sim_state::SimState;

/// What a modem says unasked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::dispatch) enum Unsolicited {
    /// A status report, in hexadecimal.
    Report(String),
    /// The same in text mode, without its name.
    ReportInText(String),
    /// A status report is stored there.
    StoredReport(String),
    /// A message came and is stored there.
    Stored(String),
    /// Somebody calls.
    Ring,
    /// The modem started anew, or lost its SIM.
    Restarted,
}

pub(in crate::dispatch) enum LineKind {
    /// It belongs to the answer.
    No,
    /// Of no interest.
    Nothing,
    /// The next line is a status report, or a message that came.
    Announced(Announced),
    /// The end of sending a message that nobody waits for here any more.
    Taken(Option<u8>),
    Unsolicited(Unsolicited),
}

pub(in crate::dispatch) enum Announced {
    Report,
    Message,
}

/// Tells what is no part of the answer to the command of this name.
pub(in crate::dispatch) fn classify(line: &str, name: &str) -> LineKind {
    if let Some(rest) = line.strip_prefix("+CDS:") {
        if rest.contains(',') {
            return LineKind::Unsolicited(Unsolicited::ReportInText(rest.to_owned()));
        }
        return LineKind::Announced(Announced::Report);
    }
    if line.starts_with("+CMT:") {
        return LineKind::Announced(Announced::Message);
    }
    if let Some(rest) = line.strip_prefix(TAKEN).filter(|_| name != "+CMGS") {
        return LineKind::Taken(rest.split(',').next().and_then(|number| number.trim().parse().ok()));
    }
    // `"SM",3`: the place alone, which must be a number before it goes into a command.
    let place = |rest: &str| {
        let (_, place) = rest.rsplit_once(',')?;
        place.trim().parse::<u16>().ok().map(|place| place.to_string())
    };
    if let Some(rest) = line.strip_prefix("+CMTI:") {
        return place(rest).map_or(LineKind::Nothing, |place| LineKind::Unsolicited(Unsolicited::Stored(place)));
    }
    if let Some(rest) = line.strip_prefix("+CDSI:") {
        return place(rest).map_or(LineKind::Nothing, |place| LineKind::Unsolicited(Unsolicited::StoredReport(place)));
    }
    if line == "RING" || line.starts_with("+CRING:") {
        return LineKind::Unsolicited(Unsolicited::Ring);
    }
    let sim_lost = name != "+CPIN" && line.strip_prefix("+CPIN:").is_some_and(|state| SimState::read(state) != SimState::Open);
    if sim_lost || is_start(line) {
        return LineKind::Unsolicited(Unsolicited::Restarted);
    }
    if is_of_a_start(line) {
        return LineKind::Nothing;
    }
    let named = line.starts_with(['+', '^', '*', '%']);
    let ours = !name.is_empty() && line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'));
    let call = matches!(line, "NO CARRIER" | "BUSY" | "NO ANSWER" | "NO DIALTONE");
    if name.is_empty() || (named && !ours) || call { LineKind::Nothing } else { LineKind::No }
}

/// SIMCom and Quectel: `RDY`; Cinterion, Siemens: `^SYSSTART`, with words behind it; MediaTek: `MODEM:STARTUP`; what is said before it goes.
fn is_start(line: &str) -> bool {
    matches!(line, "RDY" | "MODEM:STARTUP" | "NORMAL POWER DOWN" | "POWERED DOWN")
        || line.starts_with("^SYSSTART")
        || line.starts_with("+SYSSTART")
}

/// What modems of these makers say in the half minute after that, without a sign of its own.
fn is_of_a_start(line: &str) -> bool {
    matches!(line, "Call Ready" | "SMS Ready" | "SMS DONE" | "PB DONE" | "PB READY" | "PACSP0" | "PACSP1" | "SIM READY")
}

/// How the answer to `AT+CMGS` begins.
pub(in crate::dispatch) const TAKEN: &str = "+CMGS:";
