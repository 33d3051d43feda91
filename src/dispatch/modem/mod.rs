//! GSM modems of one's own: messages through a serial line or a converter on the network, by AT commands. One thread owns one modem.

mod at_session;
mod attention;
mod awaited;
mod deadline;
mod in_doubt;
mod inbox;
mod init;
mod ledger;
mod listener;
mod lock;
mod pin;
mod queue;
mod reports;
mod send;
mod sim;
mod status;
pub mod stored;
mod worker;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use self::at_session::AtSession;
use self::inbox::{Event, Inbox};
use self::init::{Fault, Init};
use self::ledger::{Known, Ledger};
use self::lock::Lock;
use self::pin::PinNote;
use self::queue::{Counted, Job};
use self::sim::SIM_READY;
use self::status::Status;
use self::worker::{Begin, Worker, receipt};
use super::sms::recipient::Recipient;
use super::{Failure, FailureKind, Figures, Message, Receipt, Reports, Transmitter};
use crate::base::{Channel, Clock, Later, Time};
use crate::config::modem::Modem;

/// So many messages wait for one modem; one more goes elsewhere. At six seconds a message this is far more than a passcode lives.
const MOST_WAITING: usize = 256;
/// One message is being sent and the next is at hand. The others wait where it is on record that no modem has them: after a crash only
/// what a modem may have sent is in doubt.
const PLACES: usize = 2;
/// So long somebody waits to hear what became of a message that a crash left with the modem: it may be busy with it still.
const RECALL: Duration = Duration::from_secs(20);
const RECALL_STEP: Duration = Duration::from_millis(200);

/// A modem as the dispatcher sees it. Nothing happens before [`ModemTransmitter::begin`].
pub struct ModemTransmitter {
    name: Arc<str>,
    modem: Mutex<Modem>,
    folder: PathBuf,
    clock: Clock,
    reports: Reports,
    status: Arc<Status>,
    line: SyncSender<Event>,
    events: Mutex<Option<Receiver<Event>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl ModemTransmitter {
    /// `state_dir`: where it is noted which PIN was refused, and who has the modem.
    pub fn new(name: Arc<str>, modem: Modem, state_dir: &std::path::Path, clock: Clock, reports: Reports) -> Self {
        let (line, events) = inbox::channel();
        let (folder, status) = (state_dir.join("modems"), Arc::<Status>::default());
        *status.ledger() = Ledger::load(&folder, &name);
        Self {
            name,
            modem: Mutex::new(modem),
            folder,
            clock,
            reports,
            status,
            line,
            events: Mutex::new(Some(events)),
            thread: Mutex::default(),
        }
    }

    /// Starts its thread, once.
    pub fn begin(&self) -> std::io::Result<()> {
        let Some(events) = locked(&self.events).take() else { return Ok(()) };
        let inbox = Inbox::new(events, Arc::clone(&self.status), self.clock.clone());
        let begin = Begin {
            name: Arc::clone(&self.name),
            modem: locked(&self.modem).clone(),
            folder: self.folder.clone(),
            inbox,
            line: self.line.clone(),
            reports: self.reports.clone(),
        };
        let thread = std::thread::Builder::new().name(format!("modem {}", self.name));
        *locked(&self.thread) = Some(thread.spawn(|| Worker::new(begin).run())?);
        Ok(())
    }

    /// Another configuration: what waits goes on waiting, the modem is set up anew. The same one changes nothing.
    pub fn renew(&self, modem: &Modem) {
        let mut known = locked(&self.modem);
        if *known != *modem {
            known.clone_from(modem);
            self.status.renew(modem.clone());
            self.wake();
        }
    }

    /// Tells the thread to end.
    pub fn end(&self) {
        self.status.ended.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// Waits until it has, at most `limit`. Not to be called from within an async runtime.
    pub fn ended(&self, limit: Duration) {
        let Some(thread) = locked(&self.thread).take() else { return };
        const LOOK: Duration = Duration::from_millis(20);
        for _ in 0..limit.as_millis() / LOOK.as_millis() {
            if thread.is_finished() {
                break;
            }
            std::thread::sleep(LOOK);
        }
        if thread.is_finished() {
            drop(thread.join());
        }
    }

    fn wake(&self) {
        // A full inbox wakes it as well.
        drop(self.line.try_send(Event::Look));
    }

    fn is_running(&self) -> bool {
        locked(&self.events).is_none()
    }
}

impl Drop for ModemTransmitter {
    fn drop(&mut self) {
        self.end();
    }
}

impl Transmitter for ModemTransmitter {
    fn name(&self) -> &str {
        &self.name
    }

    fn serves(&self, channel: Channel) -> bool {
        channel == Channel::Sms
    }

    fn send<'a>(&'a self, message: &'a Message, now: Time) -> Later<'a, Result<Receipt, Failure>> {
        Box::pin(async move {
            if let Some(failure) = self.status.out_of_service() {
                return Err(failure);
            }
            if self.status.waiting.load(Ordering::Relaxed) >= MOST_WAITING {
                return Err(later("too many messages wait for the modem"));
            }
            let (job, answered) = Job::new(message.clone(), now, Counted::new(&self.status.waiting));
            if self.line.try_send(Event::Job(Box::new(job))).is_err() {
                return Err(later("the modem's inbox is full"));
            }
            // Answered at the latest when the code expires: the thread looks after that.
            answered.await.unwrap_or_else(|_| Err(later(inbox::ENDED)))
        })
    }

    /// Asks the ledger; where the modem had it when the line or the node ended, the modem itself has to be in service first.
    fn recall<'a>(&'a self, id: &'a str, to: &'a str) -> Later<'a, Option<Receipt>> {
        Box::pin(async move {
            let to = Recipient::parse(to)?;
            for _ in 0..RECALL.as_millis() / RECALL_STEP.as_millis() {
                match self.status.ledger().of(id, self.clock.now()) {
                    Known::Taken(parts, reports) => {
                        let name = |numbers: &[u8]| if reports { awaited::references(numbers, &to) } else { Vec::new() };
                        return Some(receipt(&parts, name));
                    }
                    Known::Open => {}
                    Known::Nothing => return None,
                }
                tokio::time::sleep(RECALL_STEP).await;
            }
            None
        })
    }

    fn backlog(&self) -> Option<Duration> {
        self.status.backlog()
    }

    fn places(&self) -> usize {
        PLACES
    }

    fn pace(&self) -> Option<Duration> {
        Some(self.status.pace())
    }

    fn figures(&self) -> Figures {
        self.status.figures(self.clock.now())
    }

    fn examine(&self) -> Later<'_, Result<Vec<String>, String>> {
        Box::pin(async move {
            if self.is_running() {
                let Figures { out_of_service, words, .. } = self.figures();
                let lines = words.into_iter().map(|(name, word)| format!("{name}: {word}")).collect();
                return out_of_service.map_or(Ok(lines), Err);
            }
            let (modem, folder, name) = (locked(&self.modem).clone(), self.folder.clone(), Arc::clone(&self.name));
            let clock = self.clock.clone();
            let examined = tokio::task::spawn_blocking(move || examine(&modem, &folder, &name, clock)).await;
            examined.unwrap_or_else(|error| Err(error.to_string()))
        })
    }
}

/// Sets the modem up and lets it go. Waits for it, so not to be called on a runtime's own thread.
fn examine(modem: &Modem, folder: &std::path::Path, name: &str, clock: Clock) -> Result<Vec<String>, String> {
    let was_started = folder.parent().is_some_and(std::path::Path::exists);
    let _lock = match was_started.then(|| lock::take(folder, name)).transpose() {
        // Before the first start nobody can have it.
        Ok(None) => None,
        Ok(Some(Lock::Ours(file))) => Some(file),
        Ok(Some(Lock::Taken)) => {
            return Ok(vec!["the running doorward has this modem; `doorward status` says how it does".to_owned()]);
        }
        Err(error) => return Err(format!("{} cannot be written: {error}", folder.display())),
    };
    let (line, events) = inbox::channel();
    let mut inbox = Inbox::new(events, Arc::default(), clock);
    let mut session = AtSession::open(&modem.port, 0, line).map_err(|error| lock::why_not_opened(&modem.port, &error))?;
    let pin = PinNote::new(folder, name);
    let init = Init { session: &mut session, inbox: &mut inbox, modem, pin: &pin, ready: SIM_READY };
    match init.run() {
        Ok(about) => Ok(about.lines),
        Err(Fault::Lost(why)) => Err(format!("the line broke: {why}")),
        Err(Fault::Sick(why) | Fault::Searching(why) | Fault::Out(why) | Fault::Barred(why)) => Err(why),
        Err(Fault::Stopped) => Err("stopped".to_owned()),
    }
}

fn later(why: &str) -> Failure {
    Failure { kind: FailureKind::RetryHere, why: why.to_owned() }
}

/// A panic elsewhere leaves it whole.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
