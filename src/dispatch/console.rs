//! For a trial: writes messages to the terminal and to a file instead of sending them.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::{Failure, FailureKind, Message, Receipt, Transmitter};
use crate::base::{Channel, Later, Secret, Time};
use crate::config::transmitter::Console;

/// Serves every channel.
pub struct ConsoleTransmitter {
    name: Arc<str>,
    outbox: Option<PathBuf>,
    /// Held while a line is written, so that lines do not mix.
    writing: Arc<Mutex<()>>,
}

/// One line of the outbox.
#[derive(Serialize)]
struct OutboxLine<'a> {
    at: String,
    user: &'a str,
    channel: &'static str,
    to: &'a str,
    text: &'a str,
    passcode: &'a str,
}

impl ConsoleTransmitter {
    pub fn new(name: Arc<str>, config: Console) -> Self {
        Self { name, outbox: config.outbox, writing: Arc::default() }
    }
}

impl Transmitter for ConsoleTransmitter {
    fn name(&self) -> &str {
        &self.name
    }

    fn serves(&self, _channel: Channel) -> bool {
        true
    }

    fn send<'a>(&'a self, message: &'a Message, now: Time) -> Later<'a, Result<Receipt, Failure>> {
        let line = OutboxLine {
            at: now.to_string(),
            user: message.user.as_str(),
            channel: message.channel.name(),
            to: &message.to,
            text: message.text.expose(),
            passcode: message.passcode.expose(),
        };
        let shown = Secret::new(format!("Passcode {} for {}, by {} to {}\n", line.passcode, line.user, line.channel, line.to));
        let line = Secret::new(serde_json::to_string(&line).unwrap_or_default() + "\n");
        let (outbox, writing) = (self.outbox.clone(), Arc::clone(&self.writing));
        Box::pin(async move {
            let written = tokio::task::spawn_blocking(move || {
                let _writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(path) = &outbox {
                    append(path, line.expose().as_bytes())?;
                }
                // Without a terminal there is still the outbox.
                let shown = io::stdout().lock().write_all(shown.expose().as_bytes());
                if outbox.is_some() { Ok(()) } else { shown }
            });
            match written.await.unwrap_or_else(|panic| Err(io::Error::other(panic))) {
                Ok(()) => Ok(Receipt::last_word("written")),
                Err(error) => {
                    Err(Failure { kind: FailureKind::RetryElsewhere, why: format!("it could not be written: {error}") })
                }
            }
        })
    }
}

/// Opened anew for each line, so that a file that was moved away is made again. One write, so that a reader sees whole lines.
fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)?.write_all(line)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::base::{Language, UserId};
    use crate::dispatch::Purpose;

    #[tokio::test]
    async fn every_message_is_one_line_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.jsonl");
        let console = ConsoleTransmitter::new("screen".into(), Console { outbox: Some(path.clone()) });
        let message = |number: usize| Message {
            id: format!("m{number}"),
            channel: Channel::Sms,
            purpose: Purpose::Passcode,
            language: Language::ENGLISH,
            flash: false,
            resent: false,
            to: "+4512345678".into(),
            subject: String::new(),
            text: Secret::new(format!("{}\n@h #{number}", "long ".repeat(2000))),
            passcode: Secret::new(number.to_string()),
            user: UserId::new("people", "alice"),
            expires: Time::default(),
        };
        let messages: Vec<Message> = (0..20).map(message).collect();
        let sends = messages.iter().map(|message| console.send(message, Time::from_millis(1_700_000_000_123)));
        for sent in futures_util::future::join_all(sends).await {
            sent.unwrap();
        }
        let lines = std::fs::read_to_string(&path).unwrap();
        let mut passcodes = Vec::new();
        for line in lines.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["at"], "2023-11-14T22:13:20.123Z");
            assert_eq!(
                (&line["user"], &line["channel"], &line["to"]),
                (&"people:alice".into(), &"sms".into(), &"+4512345678".into())
            );
            assert_eq!(
                line["text"].as_str().unwrap().lines().last().unwrap(),
                format!("@h #{}", line["passcode"].as_str().unwrap())
            );
            passcodes.push(line["passcode"].as_str().unwrap().parse::<u32>().unwrap());
        }
        passcodes.sort_unstable();
        assert_eq!(passcodes, (0..20).collect::<Vec<_>>());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn an_outbox_that_cannot_be_written_is_a_failure() {
        let config = Console { outbox: Some("/nonexistent/outbox.jsonl".into()) };
        let message = Message {
            id: "m".into(),
            channel: Channel::Mail,
            purpose: Purpose::Passcode,
            language: Language::ENGLISH,
            flash: false,
            resent: false,
            to: "a@b.c".into(),
            subject: String::new(),
            text: Secret::new(String::new()),
            passcode: Secret::new("482913".into()),
            user: UserId::new("people", "alice"),
            expires: Time::default(),
        };
        let failure = ConsoleTransmitter::new("screen".into(), config).send(&message, Time::default()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::RetryElsewhere);
    }
}
