//! The thread that owns one modem: sets it up, sends what waits, hears what it says by itself, and takes it out of service and back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::at_session::{AtSession, Late};
use super::awaited::Awaited;
use super::in_doubt::{Found, InDoubt};
use super::inbox::{ENDED, Event, Inbox};
use super::init::{Fault, Init, Standing};
use super::lock;
use super::lock::Lock;
use super::pin::PinNote;
use super::queue::Job;
use super::send::{Miss, Sender, Taken, Verdict};
use super::sim::{SIM_BRIEF, SIM_READY};
use super::status::State;
use crate::config::modem::Modem;
use crate::dispatch::{Failure, FailureKind, Receipt, Reports};

pub(super) struct Worker {
    pub(super) name: Arc<str>,
    modem: Modem,
    folder: PathBuf,
    pub(super) inbox: Inbox,
    line: SyncSender<Event>,
    pub(super) reports: Reports,
    pub(super) awaited: Awaited,
    in_doubt: Option<InDoubt>,
    /// To whom the operator let nothing pass last, with nothing sent since.
    barred: Option<String>,
    /// Tells lines from those before them.
    number: u32,
    reference: u8,
    /// How often it went into quarantine since it last sent something.
    quarantines: usize,
    /// Failures in a row that the modem may be to blame for.
    strikes: u32,
    /// Lines that could not be opened in a row.
    unreached: u32,
    network_reports: bool,
    /// What was said last in the log, so that it is said once.
    complaint: Option<String>,
}

/// What a worker begins with.
pub(super) struct Begin {
    pub name: Arc<str>,
    pub modem: Modem,
    pub folder: PathBuf,
    pub inbox: Inbox,
    pub line: SyncSender<Event>,
    pub reports: Reports,
}

const QUARANTINES: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(5 * 60), Duration::from_secs(30 * 60)];
const STRIKES: u32 = 3;
const LOOK_AGAIN: Duration = Duration::from_secs(5 * 60);
/// A SIM without credit stays so until somebody has seen to it; every look costs a message its time.
const BARRED: Duration = Duration::from_secs(30 * 60);
const NO_NETWORK: Duration = Duration::from_secs(5);
const SLOWEST_RECONNECT: u64 = 30;
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long it waits for something to happen before it looks at the clock.
const STEP: Duration = Duration::from_secs(1);

impl Worker {
    pub fn new(begin: Begin) -> Self {
        let Begin { name, modem, folder, inbox, line, reports } = begin;
        // Somewhere, so that a restart does not tie a new message to parts of the last one.
        let reference = inbox.now().millis().to_le_bytes()[1];
        Self {
            name,
            modem,
            folder,
            inbox,
            line,
            reports,
            awaited: Awaited::default(),
            in_doubt: None,
            barred: None,
            number: 0,
            reference,
            quarantines: 0,
            strikes: 0,
            unreached: 0,
            network_reports: false,
            complaint: None,
        }
    }

    /// Until it is told to end.
    pub fn run(mut self) {
        while !self.inbox.is_ended() {
            if let Some(modem) = self.inbox.status.take_renewed() {
                tracing::info!(modem = &*self.name, "modem {}: another configuration", self.name);
                self.modem = modem;
                (self.quarantines, self.strikes, self.unreached, self.complaint) = (0, 0, 0, None);
            }
            let session = std::panic::AssertUnwindSafe(|| self.session());
            let fault =
                std::panic::catch_unwind(session).unwrap_or_else(|_| Fault::Sick("an error in doorward itself".to_owned()));
            self.take_out(fault);
        }
        if let Some(in_doubt) = self.in_doubt.take() {
            self.settle(in_doubt.give_up());
        }
        self.inbox.queue.fail_all(FailureKind::RetryHere, ENDED);
        self.inbox.status.change(|standing| {
            standing.state = State::Ended;
            standing.why = "ended".to_owned();
        });
    }

    /// From opening the line until something ends it.
    fn session(&mut self) -> Fault {
        self.inbox.status.change(|standing| standing.until = None);
        let _lock = match lock::take(&self.folder, &self.name) {
            Ok(Lock::Ours(file)) => file,
            Ok(Lock::Taken) => return Fault::Lost("another doorward has this modem".to_owned()),
            Err(error) => return Fault::Out(format!("{} cannot be written: {error}", self.folder.display())),
        };
        self.number = self.number.wrapping_add(1);
        let mut session = match AtSession::open(&self.modem.port, self.number, self.line.clone()) {
            Ok(session) => session,
            Err(error) => return Fault::Lost(lock::why_not_opened(&self.modem.port, &error)),
        };
        let pin = PinNote::new(&self.folder, &self.name);
        let init = Init { session: &mut session, inbox: &mut self.inbox, modem: &self.modem, pin: &pin, ready: SIM_READY };
        let about = match init.run() {
            Ok(about) => about,
            Err(fault) => return fault,
        };
        self.reconcile(&mut session);
        tracing::info!(modem = &*self.name, "modem {} is ready: {}", self.name, about.lines.join("; "));
        (self.unreached, self.complaint, self.network_reports) = (0, None, about.reports);
        self.inbox.status.change(|standing| {
            standing.state = State::Ready;
            standing.why = String::new();
        });
        match self.serve(&mut session, &pin) {
            Ok(()) => Fault::Stopped,
            Err(fault) => fault,
        }
    }

    /// What the modem said of a message that it had when the line or the node before ended.
    fn reconcile(&mut self, session: &mut AtSession) {
        let mut ledger = self.inbox.status.ledger();
        match session.late() {
            Some(Late::Taken(number)) => {
                tracing::info!(modem = &*self.name, "modem {}: the message that it was left with was taken", self.name);
                ledger.taken(number);
            }
            Some(Late::Refused(_)) | None => ledger.over(),
        }
        drop(ledger);
        if let Some(in_doubt) = self.in_doubt.take() {
            let found = in_doubt.settle(&self.inbox.status, self.inbox.now());
            self.settle(found);
        }
    }

    fn settle(&mut self, found: Found) {
        match found {
            Found::Taken(job, taken) => self.record_taken(job, taken),
            Found::Lost(job, failure) => self.fail(job, failure),
        }
    }

    fn serve(&mut self, session: &mut AtSession, pin: &PinNote) -> Result<(), Fault> {
        let (mut beat, mut missed) = (self.inbox.now(), 0);
        while !self.inbox.is_to_stop() {
            while let Some(event) = session.next_unsolicited(&mut self.inbox, Duration::ZERO)? {
                self.handle_unsolicited(session, &event)?;
            }
            let now = self.inbox.now();
            if let Some(job) = self.inbox.queue.next(now) {
                self.send(session, pin, job)?;
                (beat, missed) = (self.inbox.now(), 0);
            } else if now.since(beat) >= HEARTBEAT || now < beat {
                beat = now;
                match self.look(session, pin) {
                    Ok(()) => missed = 0,
                    Err(Fault::Sick(_)) if missed == 0 => missed = 1,
                    Err(fault) => return Err(fault),
                }
            } else if let Some(event) = session.next_unsolicited(&mut self.inbox, STEP)? {
                self.handle_unsolicited(session, &event)?;
            }
        }
        Ok(())
    }

    fn send(&mut self, session: &mut AtSession, pin: &PinNote, job: Job) -> Result<(), Fault> {
        let begun = self.inbox.now();
        self.reference = self.reference.wrapping_add(1);
        self.inbox.status.change(|standing| standing.state = State::Sending);
        let init = Init { session, inbox: &mut self.inbox, modem: &self.modem, pin, ready: SIM_BRIEF };
        let wanted = || job.is_wanted();
        let mut sender = Sender { init, reports: self.network_reports, reference: self.reference, wanted: &wanted };
        let delivered = sender.deliver(&job.message, begun);
        self.inbox.status.change(|standing| standing.state = State::Ready);
        match delivered {
            Ok(taken) => {
                let took = self.inbox.now().since(begun);
                self.inbox.status.note_sent(took);
                (self.quarantines, self.strikes, self.barred) = (0, 0, None);
                self.record_taken(job, taken);
                Ok(())
            }
            Err(Miss { failure, modem }) => self.record_miss(job, failure, modem),
        }
    }

    fn record_taken(&mut self, job: Job, taken: Taken) {
        let Taken { to, parts } = taken;
        let (now, awaited) = (self.inbox.now(), &mut self.awaited);
        let name = |numbers: &[u8]| if self.network_reports { awaited.add(&to, numbers, now) } else { Vec::new() };
        let receipt = receipt(&parts, name);
        tracing::debug!(modem = &*self.name, message.id = job.message.id, "modem {}: message {}", self.name, receipt.words);
        job.answer(Ok(receipt));
    }

    fn record_miss(&mut self, job: Job, failure: Failure, modem: Verdict) -> Result<(), Fault> {
        let why = failure.why.clone();
        match modem {
            Verdict::Well => {}
            Verdict::Fault(fault) => {
                if matches!(fault, Fault::Lost(_)) && InDoubt::is_one(&failure) {
                    self.in_doubt = Some(InDoubt::new(job, failure));
                } else {
                    self.fail(job, failure);
                }
                return Err(fault);
            }
            Verdict::Barred(fault) => {
                tracing::error!(modem = &*self.name, "modem {}: the network lets this SIM not send ({why})", self.name);
                // One number may be barred; two are the SIM.
                let other = self.barred.replace(job.message.to.clone());
                if other.is_some_and(|other| other != job.message.to) {
                    self.fail(job, failure);
                    return Err(fault);
                }
            }
            Verdict::Strike => {
                self.strikes += 1;
                if self.strikes >= STRIKES {
                    self.strikes = 0;
                    self.fail(job, failure);
                    return Err(Fault::Sick(format!("{STRIKES} messages in a row failed, the last one: {why}")));
                }
            }
        }
        self.fail(job, failure);
        Ok(())
    }

    fn fail(&mut self, job: Job, failure: Failure) {
        let (id, why) = (&job.message.id, &failure.why);
        tracing::warn!(modem = &*self.name, message.id = id, why, "modem {} did not send message {id}: {why}", self.name);
        self.inbox.status.change(|standing| {
            standing.failed += 1;
            standing.last_error.clone_from(why);
        });
        job.answer(Err(failure));
    }

    /// The heartbeat: whether it still is there, and has a network.
    fn look(&mut self, session: &mut AtSession, pin: &PinNote) -> Result<(), Fault> {
        let mut init = Init { session, inbox: &mut self.inbox, modem: &self.modem, pin, ready: SIM_BRIEF };
        init.signal()?;
        match init.registration()? {
            (_, Standing::Registered) => {
                // It may have been shown as busy while its SIM was not ready.
                self.inbox.status.change(|standing| standing.state = State::Ready);
                Ok(())
            }
            (word, _) => Err(Fault::Searching(format!("the network was lost ({word})"))),
        }
    }

    /// Out of service for a while; everybody who waits is told, and whoever comes meanwhile.
    fn take_out(&mut self, fault: Fault) {
        if let Some(in_doubt) = self.in_doubt.take_if(|in_doubt| !in_doubt.waits()) {
            self.settle(in_doubt.give_up());
        }
        let (state, kind, why, span) = match fault {
            Fault::Stopped => return,
            Fault::Lost(why) => {
                let span = Duration::from_secs((1 << self.unreached.min(5)).min(SLOWEST_RECONNECT));
                self.unreached += 1;
                (State::Unreachable, FailureKind::RetryHere, why, span)
            }
            Fault::Searching(why) => (State::Searching, FailureKind::RetryHere, why, NO_NETWORK),
            Fault::Sick(why) => {
                let span = QUARANTINES.get(self.quarantines).or(QUARANTINES.last()).copied().unwrap_or(LOOK_AGAIN);
                self.quarantines += 1;
                (State::Quarantine, FailureKind::RetryHere, why, span)
            }
            Fault::Out(why) => (State::Out, FailureKind::RetryElsewhere, why, LOOK_AGAIN),
            Fault::Barred(why) => {
                let span = if self.quarantines == 0 { LOOK_AGAIN } else { BARRED };
                self.quarantines += 1;
                (State::Out, FailureKind::RetryElsewhere, why, span)
            }
        };
        if self.complaint.as_ref() != Some(&why) {
            let (name, word) = (&*self.name, format!("{state:?}").to_lowercase());
            tracing::error!(modem = name, state = word, "modem {name} is out of service ({word}): {why}");
            self.complaint = Some(why.clone());
        }
        let until = self.inbox.now().plus(span);
        self.inbox.status.change(|standing| {
            (standing.state, standing.why, standing.until) = (state, why.clone(), Some(until));
            standing.last_error.clone_from(&why);
            standing.signal_dbm = None;
        });
        self.wait(span, kind, &format!("the modem is out of service: {why}"));
    }

    /// What was waited counts, so that a clock that is set back does not keep it out.
    fn wait(&mut self, span: Duration, kind: FailureKind, why: &str) {
        let mut left = span;
        loop {
            self.inbox.queue.fail_all(kind, why);
            if left.is_zero() || self.inbox.is_to_stop() {
                return;
            }
            let begun = self.inbox.now();
            self.inbox.rest(left.min(STEP));
            left = left.saturating_sub(self.inbox.now().since(begun));
        }
    }
}

/// Of a message whose parts the modem called so. `name`: what reports about them will be called; they are of use where all parts have one.
pub(super) fn receipt(parts: &[Option<u8>], name: impl FnOnce(&[u8]) -> Vec<String>) -> Receipt {
    let numbers: Vec<u8> = parts.iter().filter_map(|part| *part).collect();
    let all: Vec<String> = numbers.iter().map(u8::to_string).collect();
    let words =
        if all.is_empty() { "taken by the network".to_owned() } else { format!("taken by the network as {}", all.join(", ")) };
    let references = if numbers.len() == parts.len() { name(&numbers) } else { Vec::new() };
    Receipt { words, references }
}
