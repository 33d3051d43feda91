//! Commands and answers over one open line (ITU V.250; 3GPP TS 27.005). What the modem says by itself in the middle of an answer is put
//! aside and looked at later.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Duration;

use super::deadline::Deadline;
use super::inbox::{Event, Inbox};
use super::listener::listen;
use crate::base::Secret;
use crate::config::modem::Port as Place;
use crate::dispatch::at::lines::{Lines, Said};
use crate::dispatch::at::port::{Port, open};
use crate::dispatch::at::refusal::Refusal;
use crate::dispatch::at::unsolicited::{Announced, LineKind, TAKEN, Unsolicited, classify};

/// Why a command has no answer that is of use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    Refused(Refusal),
    /// Nothing within the time limit.
    Silent,
    /// The line is gone.
    Gone(String),
    /// We are to end, or to begin anew.
    Stopped,
}

/// One open line.
pub(super) struct AtSession {
    port: Box<dyn Port>,
    number: u32,
    lines: Lines,
    said: VecDeque<Said>,
    unsolicited: VecDeque<Unsolicited>,
    /// The next line is what `+CDS:` or `+CMT:` announced.
    announced: Option<Announced>,
    late: Option<Late>,
    /// A message is half-way: the end and another configuration wait until it is through, or it would go out twice.
    steadfast: bool,
    closing: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

/// How the sending of a message ended that nobody waits for here any more: its command was given over another line, by a node that is
/// gone, or too long ago.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Late {
    Taken(Option<u8>),
    Refused(Refusal),
}

/// More are forgotten, the oldest first.
const MOST_UNSOLICITED: usize = 64;

impl AtSession {
    /// Opens the line and lets a second thread listen to it. `number` tells this line from those before it.
    pub fn open(place: &Place, number: u32, to: SyncSender<Event>) -> std::io::Result<Self> {
        let (port, telnet) = open(place)?;
        let closing = Arc::new(AtomicBool::new(false));
        let (twin, closed) = (port.twin()?, Arc::clone(&closing));
        let listen = move || listen(twin, telnet, number, &to, &closed);
        let listener = std::thread::Builder::new().name("modem line".to_owned()).spawn(listen)?;
        let (lines, said, unsolicited) = (Lines::default(), VecDeque::new(), VecDeque::new());
        Ok(Self {
            port,
            number,
            lines,
            said,
            unsolicited,
            announced: None,
            late: None,
            steadfast: false,
            closing,
            listener: Some(listener),
        })
    }

    /// One command line and the lines of its answer, without what was said by itself.
    pub fn command(&mut self, inbox: &mut Inbox, text: &str, limit: Duration) -> Result<Vec<String>, Trouble> {
        self.write(format!("{text}\r").as_bytes())?;
        self.answer(inbox, text, limit)
    }

    /// Waits for the end of an answer.
    fn answer(&mut self, inbox: &mut Inbox, text: &str, limit: Duration) -> Result<Vec<String>, Trouble> {
        let name = name(text);
        let (mut deadline, mut lines) = (Deadline::new(inbox, limit), Vec::new());
        loop {
            let line = match self.next(inbox, &mut deadline) {
                Ok(Said::Line(line)) => line,
                Ok(Said::Prompt) => {
                    // It waits for a text that somebody else began to enter.
                    if name != SUBMIT {
                        self.write(&[ESCAPE])?;
                    }
                    continue;
                }
                // The network has taken it; that is the answer.
                Err(Trouble::Silent) if lines.iter().any(is_taken) => return Ok(lines),
                Err(trouble) => return Err(trouble),
            };
            let code = if name == BASIC { in_words(&line) } else { &line };
            if code == "OK" {
                return Ok(lines);
            }
            if let Some(refusal) = Refusal::read(code) {
                if name == BASIC && matches!(refusal, Refusal::Cms(_)) {
                    // Nobody is refused that way who only asks whether anybody is there.
                    self.late = Some(Late::Refused(refusal));
                    continue;
                }
                return Err(Trouble::Refused(refusal));
            }
            if line != text && !self.sort_out(&line, name) && lines.len() < MOST_LINES {
                if is_taken(&line) {
                    deadline.shorten(Duration::from_secs(5));
                }
                lines.push(line);
            }
        }
    }

    /// Hands over a message's text after `command` and gives the lines of the answer. The flag of an error: whether the text was
    /// handed over, so that nobody knows whether it went out.
    pub fn message(&mut self, inbox: &mut Inbox, command: &str, text: &str) -> Result<Vec<String>, (Trouble, bool)> {
        // What was said of an earlier one is not said of this one.
        self.late = None;
        self.write(format!("{command}\r").as_bytes()).map_err(|trouble| (trouble, false))?;
        self.prompt(inbox, PROMPT).map_err(|trouble| (trouble, false))?;
        let mut octets = Secret::new(Vec::with_capacity(text.len() + 1));
        octets.with(|octets| {
            octets.extend_from_slice(text.as_bytes());
            octets.push(END);
        });
        self.write(octets.expose()).map_err(|trouble| (trouble, true))?;
        let given = |trouble: Trouble| match trouble {
            // A refusal is an answer: it did not go out.
            Trouble::Refused(_) => (trouble, false),
            _ => (trouble, true),
        };
        self.answer(inbox, command, ANSWERED).map_err(given)
    }

    /// Waits until the modem asks for the message's text.
    fn prompt(&mut self, inbox: &mut Inbox, limit: Duration) -> Result<(), Trouble> {
        let mut deadline = Deadline::new(inbox, limit);
        loop {
            match self.next(inbox, &mut deadline)? {
                Said::Prompt => return Ok(()),
                Said::Line(line) => {
                    if let Some(refusal) = Refusal::read(&line) {
                        return Err(Trouble::Refused(refusal));
                    }
                    self.sort_out(&line, SUBMIT);
                }
            }
        }
    }

    /// A message begins, of one part or several.
    pub fn begin_message(&mut self) {
        self.steadfast = true;
    }

    pub fn end_message(&mut self) {
        self.steadfast = false;
    }

    pub fn write(&mut self, octets: &[u8]) -> Result<(), Trouble> {
        self.port.write(octets).map_err(|error| Trouble::Gone(error.to_string()))
    }

    /// Forgets half of an answer that came too late, and gives up entering a message.
    pub fn clear(&mut self, inbox: &mut Inbox) -> Result<(), Trouble> {
        self.write(&[ESCAPE])?;
        self.settle(inbox)
    }

    /// Until nothing more comes, so that what is answered next is answered to us.
    pub fn settle(&mut self, inbox: &mut Inbox) -> Result<(), Trouble> {
        for _ in 0..MOST_LINES {
            match self.next(inbox, &mut Deadline::new(inbox, QUIET)) {
                Ok(Said::Line(line)) => match Refusal::read(&line) {
                    Some(refusal @ Refusal::Cms(_)) => self.late = Some(Late::Refused(refusal)),
                    _ => drop(self.sort_out(&line, "")),
                },
                Ok(Said::Prompt) => self.write(&[ESCAPE])?,
                Err(Trouble::Silent) => return Ok(()),
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// How a message ended since the last time that is not answered to anybody here.
    pub fn late(&mut self) -> Option<Late> {
        self.late.take()
    }

    /// Whether there is something of that kind.
    pub fn is_late(&self) -> bool {
        self.late.is_some()
    }

    /// What was said by itself since the last time; waits at most `limit` for something.
    pub fn next_unsolicited(&mut self, inbox: &mut Inbox, limit: Duration) -> Result<Option<Unsolicited>, Trouble> {
        if self.unsolicited.is_empty() {
            self.listen(inbox, limit)?;
        }
        Ok(self.unsolicited.pop_front())
    }

    /// Waits so long at most, and keeps what is said meanwhile.
    pub fn listen(&mut self, inbox: &mut Inbox, limit: Duration) -> Result<(), Trouble> {
        if self.said.is_empty() {
            match inbox.listen(self.number, limit) {
                Some(Ok(octets)) => self.said.extend(self.lines.take(&octets)),
                Some(Err(why)) => return Err(Trouble::Gone(why)),
                None => {}
            }
        }
        while let Some(said) = self.said.pop_front() {
            if let Said::Line(line) = said {
                self.sort_out(&line, "");
            }
        }
        Ok(())
    }

    fn next(&mut self, inbox: &mut Inbox, deadline: &mut Deadline) -> Result<Said, Trouble> {
        loop {
            if let Some(said) = self.said.pop_front() {
                return Ok(said);
            }
            if inbox.is_to_stop() && !self.steadfast {
                return Err(Trouble::Stopped);
            }
            let Some(limit) = deadline.left(inbox) else { return Err(Trouble::Silent) };
            match inbox.listen(self.number, limit) {
                Some(Ok(octets)) => self.said.extend(self.lines.take(&octets)),
                Some(Err(why)) => return Err(Trouble::Gone(why)),
                None => deadline.count_wait(inbox, limit),
            }
        }
    }

    /// Takes what is no part of the answer to the command of this name.
    fn sort_out(&mut self, line: &str, name: &str) -> bool {
        let event = match self.announced.take() {
            Some(Announced::Report) => Some(Unsolicited::Report(line.to_owned())),
            Some(Announced::Message) => None,
            None => match classify(line, name) {
                LineKind::No => return false,
                LineKind::Nothing => None,
                LineKind::Announced(announced) => {
                    self.announced = Some(announced);
                    None
                }
                LineKind::Taken(number) => {
                    self.late = Some(Late::Taken(number));
                    None
                }
                LineKind::Unsolicited(event) => Some(event),
            },
        };
        if let Some(event) = event {
            self.keep(event);
        }
        true
    }

    /// Whether the modem said that it starts; that is answered with what is said to it next.
    pub fn forget_restart(&mut self) -> bool {
        let before = self.unsolicited.len();
        self.unsolicited.retain(|event| *event != Unsolicited::Restarted);
        self.unsolicited.len() < before
    }

    /// To be looked at when the modem is set up.
    pub fn keep(&mut self, event: Unsolicited) {
        if self.unsolicited.len() >= MOST_UNSOLICITED {
            self.unsolicited.pop_front();
        }
        self.unsolicited.push_back(event);
    }
}

impl Drop for AtSession {
    /// Waits until nobody holds the line any more, so that it can be opened again.
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        self.port.close();
        if let Some(listener) = self.listener.take() {
            drop(listener.join());
        }
    }
}

/// `+CREG` of `AT+CREG?`; nothing of commands whose answer has no name.
fn name(text: &str) -> &str {
    let rest = text.strip_prefix("AT").unwrap_or_default();
    let end = rest.find(['=', '?']).unwrap_or(rest.len());
    let name = rest.get(..end).unwrap_or_default();
    // Not empty, so that plain lines are taken as the answer.
    if name.starts_with(['+', '^']) { name } else { BASIC }
}

fn is_taken(line: impl AsRef<str>) -> bool {
    line.as_ref().starts_with(TAKEN)
}

/// A result code of a modem that was left with numbers in place of words (ITU V.250, 6.2.6), of those that answer a basic command.
fn in_words(line: &str) -> &str {
    match line {
        "0" => "OK",
        "4" => "ERROR",
        _ => line,
    }
}

/// The name of commands without a name of their own, like `ATE0`.
const BASIC: &str = "AT";
const ESCAPE: u8 = 0x1b;
const END: u8 = 0x1a;
/// Until the modem asks for the text, and until the network has taken it.
const PROMPT: Duration = Duration::from_secs(10);
const ANSWERED: Duration = Duration::from_secs(60);
/// So long without a word is the end of what was said.
const QUIET: Duration = Duration::from_millis(200);
/// The command that hands a message over.
const SUBMIT: &str = "+CMGS";
/// No answer that we ask for has more: two for each of the messages that a modem stores. The rest is left out.
const MOST_LINES: usize = 1024;
