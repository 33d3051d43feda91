//! The SIM's part of setting a modem up: whether it is there and open, which takes a while after power-on, and its PIN, which is entered
//! once.

use std::time::Duration;

use super::at_session::Trouble;
use super::init::{Fault, Init, LONG, SHORT, printable, value};
use super::pin::SimMark;
use crate::config::modem::Mode;
use crate::dispatch::at::refusal::Refusal;
use crate::dispatch::at::sim_state::{SimState, may_pass};

/// So long a SIM that is not ready is waited for when a modem is set up: modems take half a minute after power-on.
pub(super) const SIM_READY: Duration = Duration::from_secs(60);
/// The same while a modem serves, and a message may wait.
pub(super) const SIM_BRIEF: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(1);
const NOT_READY: &str = "the SIM is not ready yet";
const PIN_REFUSED: &str = "the SIM refused the PIN, which is not entered again: put the right one into `sim_pin`";

impl Init<'_> {
    /// Enters the PIN where one is asked for: once, and never one that was refused.
    pub fn open_sim(&mut self) -> Result<(), Fault> {
        if self.sim_state()? == SimState::Open {
            return self.note_open();
        }
        self.enter_pin()?;
        // It is read anew now, and may ask for what it was given for a moment.
        self.ready = self.ready.max(SIM_READY / 2);
        while self.sim_state()? != SimState::Open {
            if !self.wait_for_sim()? {
                return Err(Fault::Sick("the SIM does not become ready".to_owned()));
            }
        }
        self.note_open()
    }

    fn note_open(&mut self) -> Result<(), Fault> {
        if self.pin.is_there() {
            let sim = self.which_sim()?;
            self.pin.clear(sim.as_ref());
        }
        self.sim("open");
        Ok(())
    }

    /// Its number, where the modem tells: each maker has a command of its own for it, and some know it with an open SIM alone.
    fn which_sim(&mut self) -> Result<Option<SimMark>, Fault> {
        for command in ["AT+CCID", "AT+ICCID", "AT+QCCID", "AT^ICCID?", "AT#CCID", "AT^SCID"] {
            match self.session.command(self.inbox, command, SHORT) {
                Ok(lines) => {
                    if let Some(number) = lines.iter().find_map(|line| sim_number(line)) {
                        return Ok(Some(SimMark::new(number)));
                    }
                }
                Err(Trouble::Refused(_)) => {}
                Err(trouble) => return Err(trouble.into()),
            }
        }
        Ok(None)
    }

    fn enter_pin(&mut self) -> Result<(), Fault> {
        let Some(pin) = &self.modem.sim_pin else {
            self.sim("wants a PIN");
            return Err(Fault::Out("the SIM wants a PIN: set `sim_pin`".to_owned()));
        };
        let sim = self.which_sim()?;
        if self.pin.forbids(pin, sim.as_ref()) {
            self.sim("refused the PIN");
            return Err(Fault::Out(PIN_REFUSED.to_owned()));
        }
        self.character_set()?;
        if !self.reads_ascii()? {
            let why = "the SIM PIN is not entered, because the modem reads letters in another character set: take its power away";
            return Err(Fault::Out(why.to_owned()));
        }
        // What is said late, of a command before it or of the SIM that starts, must not be taken for the answer to the PIN.
        self.session.settle(self.inbox)?;
        if let Err(error) = self.pin.write(pin, sim.as_ref()) {
            return Err(Fault::Out(format!("the SIM PIN is not entered, because that cannot be written down: {error}")));
        }
        match self.session.command(self.inbox, &format!("AT+CPIN=\"{}\"", pin.expose()), LONG) {
            Ok(_) => Ok(()),
            // Not a word about the PIN: the SIM was busy.
            Err(Trouble::Refused(Refusal::Cme(14))) => {
                self.pin.withdraw(pin);
                Err(Fault::Sick("the SIM is busy".to_owned()))
            }
            Err(Trouble::Refused(refusal)) => {
                self.sim("refused the PIN");
                Err(Fault::Out(format!("{PIN_REFUSED} ({refusal})")))
            }
            // It may have been entered or not. The SIM's next answer tells; until then it is not entered again.
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Open, or in want of its PIN; everything else is a fault once it was waited for.
    pub fn sim_state(&mut self) -> Result<SimState, Fault> {
        loop {
            let (state, said) = match self.session.command(self.inbox, "AT+CPIN?", SHORT) {
                Ok(lines) => value(&lines, "+CPIN:")
                    .map_or((SimState::NotReady, String::new()), |said| (SimState::read(said), printable(said))),
                // CDMA modems have none, and no such command.
                Err(Trouble::Refused(Refusal::Plain)) if self.modem.mode == Mode::Text => return Ok(SimState::Open),
                Err(Trouble::Refused(refusal)) => (SimState::refused(refusal), refusal.to_string()),
                Err(trouble) => return Err(trouble.into()),
            };
            let (word, fault) = match state {
                SimState::Open | SimState::Pin => return Ok(state),
                SimState::Puk => {
                    ("locked (PUK)", Fault::Out("the SIM is locked: put it into a phone and unlock it with its PUK".to_owned()))
                }
                SimState::Locked(why) => ("locked", Fault::Out(format!("{why} ({said})"))),
                SimState::Unknown => ("locked", Fault::Out(format!("the SIM or the modem is locked: {said}"))),
                SimState::NotReady => ("not ready", Fault::Sick(format!("the SIM stays busy ({said})"))),
                SimState::Missing => ("missing", Fault::Out("there is no SIM in the modem".to_owned())),
                SimState::Failed => {
                    ("fails", Fault::Out(format!("the SIM does not work ({said}): look how it sits, or try another one")))
                }
            };
            let may_pass = matches!(state, SimState::NotReady | SimState::Missing | SimState::Failed);
            if may_pass && self.wait_for_sim()? {
                continue;
            }
            self.sim(word);
            return Err(fault);
        }
    }

    /// One command of the set-up, or how it was refused; a SIM that is not ready is waited for.
    pub fn ask(&mut self, command: &str, limit: Duration) -> Result<Result<Vec<String>, Refusal>, Fault> {
        loop {
            match self.session.command(self.inbox, command, limit) {
                Ok(lines) => return Ok(Ok(lines)),
                Err(Trouble::Refused(refusal)) => {
                    if !(may_pass(refusal) && self.wait_for_sim()?) {
                        return Ok(Err(refusal));
                    }
                }
                Err(trouble) => return Err(trouble.into()),
            }
        }
    }

    /// A moment; not once it was waited for long enough, over all commands. Whoever comes meanwhile goes elsewhere or comes again.
    fn wait_for_sim(&mut self) -> Result<bool, Fault> {
        if self.ready.is_zero() {
            return Ok(false);
        }
        self.sim("not ready");
        self.show_busy(NOT_READY);
        let begun = self.inbox.now();
        self.pause(LOOK)?;
        self.ready = self.ready.saturating_sub(self.inbox.now().since(begun).max(LOOK));
        Ok(true)
    }

    fn sim(&self, word: &'static str) {
        self.inbox.status.change(|standing| standing.sim = word);
    }
}

/// An ICCID (ITU-T E.118): 18 to 20 digits, with or without its name, quotes and a filling behind it.
fn sim_number(line: &str) -> Option<&str> {
    let mut runs = line.split(|letter: char| !letter.is_ascii_digit());
    runs.find(|run| (18..=20).contains(&run.len()) && run.starts_with("89"))
}

#[cfg(test)]
mod tests {
    use super::sim_number;

    #[test]
    fn the_number_of_a_sim_is_found_as_every_maker_writes_it() {
        let number = "8945010000000000001";
        for line in
            ["+CCID: 8945010000000000001", "+CCID: \"8945010000000000001\"", "8945010000000000001F", "^SCID: 8945010000000000001"]
        {
            assert_eq!(sim_number(line), Some(number), "{line}");
        }
        for line in ["", "+CCID:", "356938035643809", "+CREG: 2,1", "894501000000000000195555"] {
            assert_eq!(sim_number(line), None, "{line}");
        }
    }
}
