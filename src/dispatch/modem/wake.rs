//! Getting a modem's attention: it may be in the middle of a message that a node began which is gone, or wait for the rest of one.

use std::time::Duration;

use super::super::FailureKind;
use super::shared::State;
use super::start::{Fault, Start};
use super::talk::Trouble;

/// So often it is asked, a second each: the sending of a message takes a modem about ten seconds, in which many hear nothing.
const TRIES: u32 = 16;
/// After so many others should not wait for it.
const BUSY: u32 = 2;
const BREATH: Duration = Duration::from_secs(2);

impl Start<'_> {
    /// Out of whatever it is in, echo off, errors by number.
    pub fn wake(&mut self) -> Result<(), Fault> {
        self.talk.clear(self.inbox)?;
        let mut asked = 0;
        while !self.answers()? {
            asked += 1;
            if asked >= TRIES {
                return Err(Fault::Sick("the modem does not answer to AT: look at cable, power, port and baud".to_owned()));
            }
            if asked >= BUSY {
                self.show_busy();
            }
        }
        if asked > 0 || self.talk.is_late() {
            // All that was asked in vain is answered now: counted as answers to what comes next, it would be one off for good.
            self.talk.settle(self.inbox)?;
        }
        self.try_one("ATE0")?;
        self.try_one("ATV1")?;
        if self.try_one("AT+CMEE=1")?.is_none() {
            self.try_one("AT+CMEE=2")?;
        }
        Ok(())
    }

    /// After a failure: a breath, and what may have been forgotten is said again.
    pub fn again(&mut self) -> Result<(), Fault> {
        self.pause(BREATH)?;
        self.wake()?;
        self.set_up().map(drop)
    }

    fn answers(&mut self) -> Result<bool, Fault> {
        match self.talk.command(self.inbox, "AT", Duration::from_secs(1)) {
            Ok(_) => Ok(true),
            Err(Trouble::Silent | Trouble::Refused(_)) => Ok(false),
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Whoever comes meanwhile goes elsewhere or comes again.
    fn show_busy(&mut self) {
        const WHY: &str = "the modem is busy";
        self.inbox.shared.change(|standing| (standing.state, standing.why) = (State::Busy, WHY.to_owned()));
        self.inbox.queue.fail_all(FailureKind::RetryHere, WHY);
    }
}
