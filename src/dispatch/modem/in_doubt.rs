//! A message whose answer was lost with the line: it is kept until the modem was asked what became of it, once.

use super::ledger::Known;
use super::queue::Job;
use super::send::Taken;
use super::status::Status;
use crate::base::Time;
use crate::dispatch::sms::recipient::Recipient;
use crate::dispatch::{Failure, FailureKind};

/// Whoever waits for it waits for one more look at the modem and no longer.
pub(super) struct InDoubt {
    job: Job,
    failure: Failure,
    looked: bool,
}

/// What became of it.
pub(super) enum Found {
    Taken(Job, Taken),
    Lost(Job, Failure),
}

impl InDoubt {
    pub fn new(job: Job, failure: Failure) -> Self {
        Self { job, failure, looked: false }
    }

    /// The modem is out of service: whether it is waited for. The first time this is the very fault that the message is held for.
    pub fn waits(&mut self) -> bool {
        let first = !self.looked;
        self.looked = true;
        first && self.job.is_wanted()
    }

    /// The modem is in service again, and the ledger says what it said.
    pub fn settle(self, status: &Status, now: Time) -> Found {
        let known = status.ledger().of(&self.job.message.id, now);
        match (known, Recipient::parse(&self.job.message.to)) {
            (Known::Taken(parts, _), Some(to)) => Found::Taken(self.job, Taken { to, parts }),
            _ => Found::Lost(self.job, self.failure),
        }
    }

    pub fn is_one(failure: &Failure) -> bool {
        failure.kind == FailureKind::Unsure
    }

    pub fn give_up(self) -> Found {
        Found::Lost(self.job, self.failure)
    }
}
