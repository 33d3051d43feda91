//! What a modem says by itself (3GPP TS 27.005, 3.4; 27.007): told from the lines of an answer.

use super::sim_state::SimState;

/// What a modem says unasked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::dispatch) enum Aside {
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

pub(in crate::dispatch) enum Unasked {
    /// It belongs to the answer.
    No,
    /// Of no interest.
    Nothing,
    /// The next line is a status report, or a message that came.
    Announced(Announced),
    /// The end of sending a message that nobody waits for here any more.
    Taken(Option<u8>),
    Aside(Aside),
}

pub(in crate::dispatch) enum Announced {
    Report,
    Message,
}

/// Tells what is no part of the answer to the command of this name.
pub(in crate::dispatch) fn unasked(line: &str, name: &str) -> Unasked {
    if let Some(rest) = line.strip_prefix("+CDS:") {
        if rest.contains(',') {
            return Unasked::Aside(Aside::ReportInText(rest.to_owned()));
        }
        return Unasked::Announced(Announced::Report);
    }
    if line.starts_with("+CMT:") {
        return Unasked::Announced(Announced::Message);
    }
    if let Some(rest) = line.strip_prefix(TAKEN).filter(|_| name != "+CMGS") {
        return Unasked::Taken(rest.split(',').next().and_then(|number| number.trim().parse().ok()));
    }
    // `"SM",3`: the place alone, which must be a number before it goes into a command.
    let place = |rest: &str| {
        let (_, place) = rest.rsplit_once(',')?;
        place.trim().parse::<u16>().ok().map(|place| place.to_string())
    };
    if let Some(rest) = line.strip_prefix("+CMTI:") {
        return place(rest).map_or(Unasked::Nothing, |place| Unasked::Aside(Aside::Stored(place)));
    }
    if let Some(rest) = line.strip_prefix("+CDSI:") {
        return place(rest).map_or(Unasked::Nothing, |place| Unasked::Aside(Aside::StoredReport(place)));
    }
    if line == "RING" || line.starts_with("+CRING:") {
        return Unasked::Aside(Aside::Ring);
    }
    let sim_lost = name != "+CPIN" && line.strip_prefix("+CPIN:").is_some_and(|state| SimState::read(state) != SimState::Open);
    if sim_lost || is_start(line) {
        return Unasked::Aside(Aside::Restarted);
    }
    if is_of_a_start(line) {
        return Unasked::Nothing;
    }
    let named = line.starts_with(['+', '^', '*', '%']);
    let ours = !name.is_empty() && line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'));
    let call = matches!(line, "NO CARRIER" | "BUSY" | "NO ANSWER" | "NO DIALTONE");
    if name.is_empty() || (named && !ours) || call { Unasked::Nothing } else { Unasked::No }
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
