//! All that a modem's thread waits for comes in here: bytes of its line, messages to send, another configuration, the end. So it waits
//! in one place, and costs nothing while nothing happens.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::queue::{Job, Queue};
use super::status::Status;
use crate::base::{Clock, Time};
use crate::dispatch::FailureKind;

pub(super) enum Event {
    Job(Box<Job>),
    /// From the line that was opened as this.
    Octets(u32, Vec<u8>),
    Gone(u32, String),
    /// Look at what is shared.
    Look,
}

/// What is said to whoever still waits at the end.
pub(super) const ENDED: &str = "the modem is being taken out of service";
/// Of all of a modem's senders. A full one keeps the line waiting; a message is refused then.
const MOST_EVENTS: usize = 1024;

pub(super) fn channel() -> (SyncSender<Event>, Receiver<Event>) {
    mpsc::sync_channel(MOST_EVENTS)
}

pub(super) struct Inbox {
    events: Receiver<Event>,
    pub queue: Queue,
    pub status: Arc<Status>,
    pub clock: Clock,
    /// Of the line.
    heard: VecDeque<(u32, Result<Vec<u8>, String>)>,
}

impl Inbox {
    pub fn new(events: Receiver<Event>, status: Arc<Status>, clock: Clock) -> Self {
        Self { events, queue: Queue::default(), status, clock, heard: VecDeque::new() }
    }

    /// What the line said since the last time, if anything; waits at most `limit` for it or for anything else.
    pub fn listen(&mut self, line: u32, limit: Duration) -> Option<Result<Vec<u8>, String>> {
        self.sort(limit);
        while let Some((from, what)) = self.heard.pop_front() {
            if from == line {
                return Some(what);
            }
        }
        None
    }

    /// Waits while there is nothing to hear; what is for others is dropped.
    pub fn rest(&mut self, limit: Duration) {
        self.sort(limit);
        self.heard.clear();
    }

    /// Takes in everything that is there, and waits for the first of it.
    fn sort(&mut self, limit: Duration) {
        // Also while the session is to end: a message that is half-way is waited for, and whoever ends it sends a look along.
        let mut next = if self.heard.is_empty() { self.events.recv_timeout(limit) } else { self.take() };
        loop {
            match next {
                Ok(Event::Job(job)) => self.queue.put(*job),
                Ok(Event::Octets(line, octets)) => self.heard.push_back((line, Ok(octets))),
                Ok(Event::Gone(line, why)) => self.heard.push_back((line, Err(why))),
                Ok(Event::Look) => {}
                Err(RecvTimeoutError::Timeout) => break,
                // Whoever could send is gone.
                Err(RecvTimeoutError::Disconnected) => {
                    self.status.ended.store(true, Ordering::Relaxed);
                    break;
                }
            }
            next = self.take();
        }
        if self.is_ended() {
            // Whoever waits need not wait for the message that is half-way.
            self.queue.fail_all(FailureKind::RetryHere, ENDED);
        }
        self.queue.clean(self.clock.now());
        self.status.note_oldest(self.queue.oldest());
    }

    fn take(&self) -> Result<Event, RecvTimeoutError> {
        self.events.try_recv().map_err(|error| match error {
            mpsc::TryRecvError::Empty => RecvTimeoutError::Timeout,
            mpsc::TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    /// Whether the session with the modem is to end: for good, or for another configuration.
    pub fn is_to_stop(&self) -> bool {
        self.status.ended.load(Ordering::Relaxed) || self.status.is_renewed()
    }

    pub fn is_ended(&self) -> bool {
        self.status.ended.load(Ordering::Relaxed)
    }

    pub fn now(&self) -> Time {
        self.clock.now()
    }
}
