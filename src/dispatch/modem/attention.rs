//! Getting a modem's attention: it may be in the middle of a message that a node began which is gone, or wait for the rest of one; and the
//! program that had it before may have left it silent, terse or in another character set.

use std::time::Duration;

use super::at_session::Trouble;
use super::init::{Fault, Init, SHORT, value};
use super::status::State;
use crate::config::modem::Mode;
use crate::dispatch::FailureKind;

/// So often it is asked, a second each: the sending of a message takes a modem about ten seconds, in which many hear nothing.
const TRIES: u32 = 16;
/// After so many others should not wait for it.
const BUSY: u32 = 2;
const BREATH: Duration = Duration::from_secs(2);
/// No echo, result codes, in words (ITU V.250, 6.2.4 to 6.2.6): this is answered by modems that were told to answer nothing.
const PLAIN: &str = "ATE0Q0V1";

impl Init<'_> {
    /// Out of whatever it is in, to answers in words, errors by number, letters in ASCII.
    pub fn wake(&mut self) -> Result<(), Fault> {
        self.session.clear(self.inbox)?;
        let mut asked = 0;
        // Of modems that know a part of it alone the others ask for the rest.
        while !self.answers(if asked % 2 == 0 { PLAIN } else { "AT" })? {
            asked += 1;
            if asked >= TRIES {
                return Err(Fault::Sick("the modem does not answer to AT: look at cable, power, port and baud".to_owned()));
            }
            if asked >= BUSY {
                self.show_busy("the modem is busy");
            }
        }
        if asked > 0 || self.session.is_late() {
            // All that was asked in vain is answered now: counted as answers to what comes next, it would be one off for good.
            self.session.settle(self.inbox)?;
        }
        if asked > 0 && self.try_one(PLAIN)?.is_none() {
            for each in ["ATE0", "ATQ0", "ATV1"] {
                self.try_one(each)?;
            }
        }
        if self.try_one("AT+CMEE=1")?.is_none() {
            self.try_one("AT+CMEE=2")?;
        }
        self.character_set()
    }

    /// After a failure: a breath, and what may have been forgotten is said again.
    pub fn again(&mut self) -> Result<(), Fault> {
        self.pause(BREATH)?;
        self.wake()?;
        self.set_up().map(drop)
    }

    /// ASCII, or what has the same digits and letters (3GPP TS 27.007, 5.5): in UCS2, which some programs leave behind, the digits of a PIN or a
    /// number are read as others, and a message in text mode as another text. Asked for in UCS2 too, where the name of a set is read so itself.
    pub fn character_set(&mut self) -> Result<(), Fault> {
        let sets: &[&str] = match self.modem.mode {
            Mode::Pdu => &["IRA", "GSM", "004900520041", "00470053004D"],
            // GSM has other letters where ASCII has `@`, `$` and `_`.
            Mode::Text => &["IRA", "8859-1", "PCCP437", "004900520041", "GSM"],
        };
        for set in sets {
            match self.session.command(self.inbox, &format!("AT+CSCS=\"{set}\""), SHORT) {
                Ok(_) => break,
                // Some modems know none before their SIM is open, some none at all. One that starts may have said so unasked; then the answer is
                // still to come.
                Err(Trouble::Refused(_) | Trouble::Silent) => self.session.settle(self.inbox)?,
                Err(trouble) => return Err(trouble.into()),
            }
        }
        Ok(())
    }

    /// Whether letters and digits are read as what they are; so they are where a modem has no other way.
    pub fn reads_ascii(&mut self) -> Result<bool, Fault> {
        match self.session.command(self.inbox, "AT+CSCS?", SHORT) {
            Ok(lines) => {
                let set = value(&lines, "+CSCS:").unwrap_or_default().to_ascii_uppercase();
                // The last is UCS2 in itself.
                Ok(!["UCS2", "HEX", "0055004300530032"].iter().any(|other| set.contains(other)))
            }
            Err(Trouble::Refused(_)) => Ok(true),
            // An answer that comes later would be taken for that to the PIN.
            Err(trouble) => Err(trouble.into()),
        }
    }

    fn answers(&mut self, command: &str) -> Result<bool, Fault> {
        match self.session.command(self.inbox, command, Duration::from_secs(1)) {
            Ok(_) => Ok(true),
            Err(Trouble::Silent | Trouble::Refused(_)) => Ok(false),
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Whoever comes meanwhile goes elsewhere or comes again.
    pub fn show_busy(&mut self, why: &str) {
        self.inbox.status.change(|standing| (standing.state, standing.why) = (State::Busy, why.to_owned()));
        self.inbox.queue.fail_all(FailureKind::RetryHere, why);
    }
}
