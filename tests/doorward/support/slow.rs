//! Transmitters that take their time by a clock that the test moves, and say afterwards what became of a message.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorward::base::{Channel, Clock, Later, Time};
use doorward::dispatch::{Delivery, Failure, FailureKind, Message, Receipt, Report, Reports, Transmitter};

/// One message that was taken over.
#[derive(Clone, Debug)]
pub struct Taken {
    pub user: String,
    pub passcode: String,
    pub at: Time,
}

/// What becomes of a message.
pub type Says = fn(&Message) -> Delivery;

pub struct Slow {
    name: &'static str,
    channel: Channel,
    clock: Clock,
    /// For one message.
    takes: Duration,
    /// One after the other, as a modem does.
    one_by_one: bool,
    /// What is reported of a message two seconds later; nothing: no reports at all.
    reports: Option<(Reports, Says)>,
    dead: AtomicBool,
    inside: AtomicUsize,
    line: tokio::sync::Mutex<()>,
    taken: Mutex<Vec<Taken>>,
}

impl Slow {
    pub fn modem(name: &'static str, clock: &Clock, takes: Duration) -> Arc<Self> {
        Arc::new(Self { one_by_one: true, ..Self::new(name, Channel::Sms, clock, takes) })
    }

    pub fn gateway(name: &'static str, channel: Channel, clock: &Clock, takes: Duration) -> Arc<Self> {
        Arc::new(Self::new(name, channel, clock, takes))
    }

    /// A gateway for text messages that says of each what became of it.
    pub fn reporting(name: &'static str, clock: &Clock, reports: Reports, says: Says) -> Arc<Self> {
        let takes = Duration::from_millis(300);
        Arc::new(Self { reports: Some((reports, says)), ..Self::new(name, Channel::Sms, clock, takes) })
    }

    fn new(name: &'static str, channel: Channel, clock: &Clock, takes: Duration) -> Self {
        Self {
            name,
            channel,
            clock: clock.clone(),
            takes,
            one_by_one: false,
            reports: None,
            dead: AtomicBool::new(false),
            inside: AtomicUsize::new(0),
            line: tokio::sync::Mutex::new(()),
            taken: Mutex::default(),
        }
    }

    pub fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    async fn work(&self, message: &Message) -> Result<Receipt, Failure> {
        let _turn = if self.one_by_one { Some(self.line.lock().await) } else { None };
        if !self.is_dead() {
            self.clock.sleep_until(self.clock.now().plus(self.takes)).await;
        }
        if self.is_dead() {
            return Err(Failure { kind: FailureKind::RetryElsewhere, why: "the device does not answer".into() });
        }
        let (user, passcode) = (message.user.to_string(), message.passcode.expose().clone());
        self.taken.lock().unwrap().push(Taken { user, passcode, at: self.clock.now() });
        let reference = self.reports.clone().map(|(reports, says)| {
            let reference = format!("{}-{}", self.name, message.id);
            let report = Report { transmitter: self.name.into(), reference: reference.clone(), delivery: says(message) };
            let clock = self.clock.clone();
            tokio::spawn(async move {
                clock.sleep(Duration::from_secs(2)).await;
                reports.report(report);
            });
            reference
        });
        Ok(Receipt { words: "taken".into(), references: reference.into_iter().collect() })
    }
}

/// Counts one message as long as it lives.
struct Inside<'a>(&'a AtomicUsize);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Transmitter for Slow {
    fn name(&self) -> &str {
        self.name
    }

    fn serves(&self, channel: Channel) -> bool {
        channel == self.channel
    }

    fn send<'a>(&'a self, message: &'a Message, _now: Time) -> Later<'a, Result<Receipt, Failure>> {
        self.inside.fetch_add(1, Ordering::SeqCst);
        let inside = Inside(&self.inside);
        Box::pin(async move {
            let answer = self.work(message).await;
            drop(inside);
            answer
        })
    }

    fn backlog(&self) -> Option<Duration> {
        let inside = if self.one_by_one { self.inside.load(Ordering::SeqCst) } else { 0 };
        (!self.is_dead()).then(|| self.takes * u32::try_from(inside).unwrap())
    }

    fn places(&self) -> usize {
        if self.one_by_one { 2 } else { 16 }
    }

    fn pace(&self) -> Option<Duration> {
        self.one_by_one.then_some(self.takes)
    }
}
