//! From an open line to a modem that can send: nothing is taken for granted, neither what state it was left in nor that it is there.

use std::time::Duration;

use super::at_session::{AtSession, Trouble};
use super::inbox::Inbox;
use super::pin::PinNote;
use super::status::State;
use crate::config::modem::{Mode, Modem};
use crate::dispatch::at::refusal::Refusal;
use crate::dispatch::at::sim_state::{SimState, is_closed};

/// Why a modem does not serve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// The line is gone; or it cannot be opened.
    Lost(String),
    /// It fails, or does not answer.
    Sick(String),
    /// No network.
    Searching(String),
    /// Somebody must see to it.
    Out(String),
    /// The network lets the SIM send nothing.
    Barred(String),
    /// We are to end, or to begin anew.
    Stopped,
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(Refusal::Cms(311) | Refusal::Cme(11)) => {
                Self::Lost("the SIM asks for its PIN again: the modem started anew".to_owned())
            }
            Trouble::Refused(refusal) if is_closed(refusal) => match SimState::refused(refusal) {
                // As after power-on: it is waited for when the modem is set up again, and out of service if that is in vain.
                SimState::Missing | SimState::Failed => {
                    Self::Lost(format!("the SIM was lost ({refusal}): the modem may have started anew"))
                }
                SimState::Locked(why) => Self::Out(format!("{why} ({refusal})")),
                _ => Self::Out(format!("the SIM is not in order: {refusal}")),
            },
            Trouble::Refused(refusal) => Self::Sick(format!("the modem refuses: {refusal}")),
            Trouble::Silent => Self::Sick("the modem does not answer".to_owned()),
            Trouble::Gone(why) => Self::Lost(why),
            Trouble::Stopped => Self::Stopped,
        }
    }
}

/// What was found out, for the log and for who examines it.
#[derive(Clone, Default, Debug)]
pub(super) struct About {
    pub lines: Vec<String>,
    /// Whether the network will report, as far as the modem lets it through.
    pub reports: bool,
}

/// One modem being set up.
pub(super) struct Init<'a> {
    pub session: &'a mut AtSession,
    pub inbox: &'a mut Inbox,
    pub modem: &'a Modem,
    pub pin: &'a PinNote,
    /// So long a SIM that is not ready is still waited for, over all commands.
    pub ready: Duration,
}

pub(super) const SHORT: Duration = Duration::from_secs(5);
pub(super) const LONG: Duration = Duration::from_secs(30);
/// A network is looked for so often.
const NETWORK_TRIES: u32 = 12;
const NETWORK_PAUSE: Duration = Duration::from_secs(5);

impl Init<'_> {
    pub fn run(mut self) -> Result<About, Fault> {
        self.wake()?;
        let model = self.identify()?;
        self.open_sim()?;
        if self.session.forget_restart() {
            // It was only starting; what it was told before that it may have forgotten.
            self.wake()?;
            if self.sim_state()? != SimState::Open {
                return Err(Fault::Lost("the modem started anew".to_owned()));
            }
        }
        let registration = self.register()?;
        let signal = self.signal()?;
        let operator = self.operator()?;
        let centre = self.centre()?;
        let reports = self.set_up()?;
        let pin = if self.modem.sim_pin.is_some() { "open (with PIN)" } else { "open" };
        let lines = vec![
            format!("modem: {model}"),
            format!("SIM: {pin}"),
            format!("network: {operator}, {registration}"),
            format!("signal: {signal}"),
            format!("service centre: {centre}"),
            format!("status reports: {}", if reports { "yes" } else { "no" }),
        ];
        Ok(About { lines, reports })
    }

    fn identify(&mut self) -> Result<String, Fault> {
        let mut words = Vec::new();
        for command in ["AT+CGMI", "AT+CGMM", "AT+CGMR"] {
            // For the log alone: whatever it is refused with, the SIM is asked for next.
            let lines = self.ask(command, SHORT)?.unwrap_or_default();
            let text = lines.first().map(|line| line.split_once(": ").map_or(line.as_str(), |(_, rest)| rest));
            words.extend(text.map(|text| printable(text.trim_matches('"'))));
        }
        let model = words.join(" ");
        self.inbox.status.change(|standing| standing.model.clone_from(&model));
        Ok(model)
    }

    fn register(&mut self) -> Result<&'static str, Fault> {
        let mut last = "unknown";
        for attempt in 0..NETWORK_TRIES {
            let (word, standing) = self.registration()?;
            last = word;
            match standing {
                Standing::Registered => return Ok(word),
                Standing::Denied => return Err(Fault::Out("the network refuses this SIM: ask the operator".to_owned())),
                Standing::Idle if attempt == 0 => {
                    // Look for one by itself; takes its time, and some modems refuse while they do.
                    match self.session.command(self.inbox, "AT+COPS=0", LONG) {
                        Ok(_) | Err(Trouble::Refused(_) | Trouble::Silent) => {}
                        Err(trouble) => return Err(trouble.into()),
                    }
                }
                Standing::Idle => {}
            }
            self.inbox.status.change(|standing| {
                standing.state = State::Searching;
                standing.why = format!("no network yet ({word})");
            });
            self.inbox.queue.fail_all(crate::dispatch::FailureKind::RetryHere, "the modem has no network");
            self.pause(NETWORK_PAUSE)?;
        }
        Err(Fault::Searching(format!("no network ({last}): look at the antenna and at the SIM's contract")))
    }

    /// As the circuit-switched side has it, else the packet side of LTE.
    pub fn registration(&mut self) -> Result<(&'static str, Standing), Fault> {
        let mut found = ("unknown", Standing::Idle);
        for command in ["AT+CREG?", "AT+CEREG?"] {
            let lines = match self.ask(command, SHORT)? {
                Ok(lines) => lines,
                Err(refusal) if !is_closed(refusal) => {
                    // Not every modem knows it; one that knows neither is taken at its word when it sends.
                    if command == "AT+CEREG?" && found.0 == "unknown" && self.modem.mode == Mode::Text {
                        found = ("not told", Standing::Registered);
                    }
                    continue;
                }
                Err(refusal) => return Err(Trouble::Refused(refusal).into()),
            };
            let name = command.trim_start_matches("AT").trim_end_matches('?');
            let seen = match status(&lines, name) {
                Some("1") => ("home", Standing::Registered),
                Some("5") => ("roaming", Standing::Registered),
                Some("6") => ("home, messages only", Standing::Registered),
                Some("7") => ("roaming, messages only", Standing::Registered),
                Some("2") => ("searching", Standing::Idle),
                Some("3") => ("denied", Standing::Denied),
                Some("8") => ("emergency calls only", Standing::Idle),
                Some("0") => ("not searching", Standing::Idle),
                _ => ("unknown", Standing::Idle),
            };
            if found.1 != Standing::Registered && (found.0 == "unknown" || seen.1 == Standing::Registered) {
                found = seen;
            }
            if found.1 == Standing::Registered {
                break;
            }
        }
        self.inbox.status.change(|standing| standing.registration = found.0);
        Ok(found)
    }

    pub fn signal(&mut self) -> Result<String, Fault> {
        let lines = self.try_one("AT+CSQ")?.unwrap_or_default();
        let bars = value(&lines, "+CSQ:").and_then(|text| text.split(',').next()?.trim().parse::<i32>().ok());
        let dbm = bars.filter(|bars| (0..=31).contains(bars)).map(|bars| 2 * bars - 113);
        self.inbox.status.change(|standing| standing.signal_dbm = dbm);
        Ok(match dbm {
            None => "unknown".to_owned(),
            Some(dbm) if dbm <= -95 => format!("{dbm} dBm, marginal: move the antenna"),
            Some(dbm) if dbm <= -85 => format!("{dbm} dBm, workable"),
            Some(dbm) if dbm <= -75 => format!("{dbm} dBm, good"),
            Some(dbm) => format!("{dbm} dBm, excellent"),
        })
    }

    fn operator(&mut self) -> Result<String, Fault> {
        self.try_one("AT+COPS=3,0")?;
        let lines = self.try_one("AT+COPS?")?.unwrap_or_default();
        let operator = value(&lines, "+COPS:").and_then(|text| text.split('"').nth(1)).map(printable).unwrap_or_default();
        self.inbox.status.change(|standing| standing.operator.clone_from(&operator));
        Ok(if operator.is_empty() { "unknown".to_owned() } else { operator })
    }

    /// The service centre, from the configuration or the SIM.
    pub fn centre(&mut self) -> Result<String, Fault> {
        if let Some(centre) = &self.modem.smsc {
            self.must(&format!("AT+CSCA=\"{centre}\",145"))?;
        }
        let lines = self.try_one("AT+CSCA?")?.unwrap_or_default();
        let known = value(&lines, "+CSCA:").and_then(|text| text.split('"').nth(1)).map(printable).unwrap_or_default();
        if known.is_empty() && self.modem.mode == Mode::Pdu {
            return Err(Fault::Out("the SIM names no service centre: set `smsc` to the operator's".to_owned()));
        }
        Ok(known)
    }

    /// Messages as we write them, status reports, and an empty storage.
    pub fn set_up(&mut self) -> Result<bool, Fault> {
        match self.modem.mode {
            Mode::Pdu => self.must("AT+CMGF=0")?,
            Mode::Text => self.must("AT+CMGF=1")?,
        }
        // Some modems know it with an open SIM alone, or lose it where one is opened.
        self.character_set()?;
        // So that what is delivered need not be acknowledged one by one.
        self.try_one("AT+CSMS=0")?;
        self.try_one("AT+CPMS=\"SM\",\"SM\",\"SM\"")?;
        // What lies there is nobody's, less status reports that came while nobody listened; a full storage takes no more of them.
        self.empty()?;
        // The radio link stays open between messages.
        self.try_one("AT+CMMS=2")?;
        // Incoming ones stored and told; reports told at once, or stored and told, or not at all.
        for command in ["AT+CNMI=2,1,0,1,0", "AT+CNMI=1,1,0,1,0", "AT+CNMI=2,1,0,2,0", "AT+CNMI=1,1,0,2,0"] {
            if self.modem.reports && self.try_one(command)?.is_some() {
                return Ok(true);
            }
        }
        if self.try_one("AT+CNMI=2,1,0,0,0")?.is_none() {
            self.try_one("AT+CNMI=1,1,0,0,0")?;
        }
        Ok(false)
    }

    /// A command that a modem may not know.
    pub fn try_one(&mut self, command: &str) -> Result<Option<Vec<String>>, Fault> {
        match self.ask(command, SHORT)? {
            Ok(lines) => Ok(Some(lines)),
            Err(refusal) if !is_closed(refusal) => Ok(None),
            Err(refusal) => Err(Trouble::Refused(refusal).into()),
        }
    }

    /// A command without which nothing goes.
    fn must(&mut self, command: &str) -> Result<(), Fault> {
        self.ask(command, SHORT)?.map(drop).map_err(|refusal| Trouble::Refused(refusal).into())
    }

    pub fn pause(&mut self, span: Duration) -> Result<(), Fault> {
        let mut left = span;
        while !left.is_zero() {
            if self.inbox.is_to_stop() {
                return Err(Fault::Stopped);
            }
            let begun = self.inbox.now();
            self.session.listen(self.inbox, left.min(Duration::from_secs(1)))?;
            left = left.saturating_sub(self.inbox.now().since(begun));
        }
        Ok(())
    }
}

/// What a registration means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    Registered,
    Idle,
    Denied,
}

/// Of the answer's lines `+CREG: n,status[,...]`, not of those `+CREG: status[,"area",...]` that a modem says by itself.
fn status<'l>(lines: &'l [String], name: &str) -> Option<&'l str> {
    let fields = lines.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split(',').nth(1)).map(str::trim);
    fields.filter(|field| field.len() == 1).find(|field| field.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What follows a name: `READY` of `+CPIN: READY`.
pub(super) fn value<'l>(lines: &'l [String], name: &str) -> Option<&'l str> {
    lines.iter().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// What a modem says of itself, short enough for a page.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(40).collect()
}
