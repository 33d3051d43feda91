//! The SIM's part of setting a modem up: whether it is there and open, and its PIN, which is entered once.

use std::time::Duration;

use super::refusal::Refusal;
use super::start::{Fault, LONG, SHORT, Start, printable, value};
use super::talk::Trouble;
use crate::config::modem::Mode;

/// How many seconds a SIM may take to become ready once it is open.
const SIM_READY: u32 = 30;
const PIN_REFUSED: &str = "the SIM refused the PIN, which is not entered again: put the right one into `sim_pin`";

impl Start<'_> {
    /// Enters the PIN where one is asked for: once, and never one that was refused.
    pub fn open_sim(&mut self) -> Result<(), Fault> {
        match self.sim_state()?.as_str() {
            "READY" => {
                self.pin.clear();
                self.sim("open");
                return Ok(());
            }
            "SIM PIN" => {}
            "SIM PUK" => {
                self.sim("locked (PUK)");
                return Err(Fault::Out("the SIM is locked: put it into a phone and unlock it with its PUK".to_owned()));
            }
            other => {
                self.sim("locked");
                return Err(Fault::Out(format!("the SIM or the modem is locked: {}", printable(other))));
            }
        }
        let Some(pin) = &self.modem.sim_pin else {
            self.sim("wants a PIN");
            return Err(Fault::Out("the SIM wants a PIN: set `sim_pin`".to_owned()));
        };
        if self.pin.forbids(pin) {
            self.sim("refused the PIN");
            return Err(Fault::Out(PIN_REFUSED.to_owned()));
        }
        if let Err(error) = self.pin.write(pin) {
            return Err(Fault::Out(format!("the SIM PIN is not entered, because that cannot be written down: {error}")));
        }
        let entered = self.talk.command(self.inbox, &format!("AT+CPIN=\"{}\"", pin.expose()), LONG);
        match entered {
            Ok(_) => {}
            // Not a word about the PIN: the SIM was busy.
            Err(Trouble::Refused(Refusal::Cme(14))) => {
                self.pin.clear();
                return Err(Fault::Sick("the SIM is busy".to_owned()));
            }
            Err(Trouble::Refused(refusal)) => {
                self.sim("refused the PIN");
                return Err(Fault::Out(format!("{PIN_REFUSED} ({refusal})")));
            }
            // Nobody knows. What the SIM says next tells; until then it is not entered again.
            Err(trouble) => return Err(trouble.into()),
        }
        for _ in 0..SIM_READY {
            if self.sim_state()? == "READY" {
                self.pin.clear();
                self.sim("open");
                return Ok(());
            }
            self.pause(Duration::from_secs(1))?;
        }
        Err(Fault::Sick("the SIM does not become ready".to_owned()))
    }

    fn sim_state(&mut self) -> Result<String, Fault> {
        for _ in 0..10 {
            match self.talk.command(self.inbox, "AT+CPIN?", SHORT) {
                Ok(lines) => match value(&lines, "+CPIN:") {
                    Some("NOT READY") => self.pause(Duration::from_secs(1))?,
                    Some(state) => return Ok(state.to_owned()),
                    None => return Err(Fault::Sick("the modem does not say how its SIM is".to_owned())),
                },
                Err(Trouble::Refused(Refusal::Cme(14))) => self.pause(Duration::from_secs(1))?,
                Err(Trouble::Refused(Refusal::Cme(10))) => {
                    self.sim("missing");
                    return Err(Fault::Out("there is no SIM in the modem".to_owned()));
                }
                // CDMA modems have none, and no such command.
                Err(Trouble::Refused(Refusal::Plain)) if self.modem.mode == Mode::Text => return Ok("READY".to_owned()),
                Err(trouble) => return Err(trouble.into()),
            }
        }
        Err(Fault::Sick("the SIM stays busy".to_owned()))
    }

    fn sim(&self, word: &'static str) {
        self.inbox.shared.change(|standing| standing.sim = word);
    }
}
