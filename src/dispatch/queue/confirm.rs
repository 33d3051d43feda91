//! What transmitters say of messages that they took over. A small record under a keyed hash of transmitter and reference leads back to
//! the message, also after a restart and on another node; a report that finds none changes nothing and is told to nobody.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::expected::{Expected, receipt_id};
use super::record::{MessageRecord, Sent, Stage};
use crate::audit::What;
use crate::base::{Channel, Time};
use crate::dispatch::dispatcher::Dispatcher;
use crate::dispatch::inner::{GRACE, Inner};
use crate::dispatch::send::attempt::Sending;
use crate::dispatch::text::redact::redact;
use crate::dispatch::{Delivery, Progress, Report};
use crate::store::{Step, StoreError, Versioned};

/// A report may be quicker than the record it is about, most of all after a crash, when the message is taken over a lease later: it is
/// looked at again after these pauses.
const AGAIN: [Duration; 6] = {
    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
    [s(1), s(2), s(3), s(4), s(5), s(8)]
};
/// So many reports are looked up at once; the others wait in their channel.
const MOST_AT_ONCE: usize = 64;

/// What became of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ReportOutcome {
    /// Taken, or not worth another look.
    Done,
    /// It is about nothing that is known by now.
    Unknown,
}

impl Dispatcher {
    /// Takes what transmitters report, until `stop` fires. Several at once: one after the other, each with its few writes to a disk that
    /// is busy, a burst of them would come later than the waits that they are to end, and people would be called who have their code.
    pub async fn listen(self, mut reported: mpsc::Receiver<Report>, stop: CancellationToken) {
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
                report = reported.recv(), if under_way.len() < MOST_AT_ONCE => match report {
                    Some(report) => under_way.push(self.report(report)),
                    None => break,
                },
            }
        }
        while under_way.next().await.is_some() {}
    }

    /// What became of a message that a transmitter took over, from whatever way it came. Says nothing: whoever forges reports learns
    /// nothing.
    pub async fn report(&self, report: Report) {
        if self.inner.handle_report(&report).await == ReportOutcome::Done {
            return;
        }
        let Ok(permit) = Arc::clone(&self.inner.early).try_acquire_owned() else { return };
        let inner = Arc::clone(&self.inner);
        self.inner.tasks.spawn(async move {
            for pause in AGAIN {
                tokio::select! {
                    () = inner.closing.cancelled() => break,
                    () = inner.clock.sleep(pause) => {}
                }
                if inner.handle_report(&report).await == ReportOutcome::Done {
                    break;
                }
            }
            drop(permit);
        });
    }
}

impl Inner {
    /// Puts on record what a report with any of these references will be about; the first record's id.
    pub async fn expect(&self, sending: &Sending, references: &[String], to: &str, sent: &Sent) -> Result<String, StoreError> {
        let work = &sending.work;
        let ids: Vec<String> = references.iter().map(|name| receipt_id(&self.keys, &sent.transmitter, name)).collect();
        let expected = Expected {
            message: sending.id.clone(),
            rule: work.rule,
            trace: work.trace,
            user: work.user.clone(),
            application: Arc::clone(&work.application),
            transmitter: sent.transmitter.clone(),
            channel: sent.channel,
            to: to.to_owned(),
            masked: sent.to.clone(),
            failed: false,
            parts: if ids.len() > 1 { ids.clone() } else { Vec::new() },
        };
        let (expires, now) = (work.expires.plus(GRACE), self.clock.now());
        // A reference that comes again means the newer message from now on.
        self.receipts.overwrite(&ids, &Versioned::new(expected, work.user.as_str(), expires), now).await?;
        Ok(ids.into_iter().next().unwrap_or_default())
    }

    async fn handle_report(&self, report: &Report) -> ReportOutcome {
        self.take_report(report).await.unwrap_or_else(|error| {
            tracing::error!(%error, transmitter = %report.transmitter, "a delivery report could not be looked up");
            ReportOutcome::Unknown
        })
    }

    async fn take_report(&self, report: &Report) -> Result<ReportOutcome, StoreError> {
        let now = self.clock.now();
        let id = receipt_id(&self.keys, &report.transmitter, &report.reference);
        let Some(found) = self.receipts.find(&id, now).await? else { return Ok(ReportOutcome::Unknown) };
        let expected = &found.row;
        match &report.delivery {
            Delivery::Delivered => {
                if self.others_are_awaited(expected, &id, now).await? {
                    self.receipts.remove(&id, now).await?;
                    return Ok(ReportOutcome::Done);
                }
                self.delivered(expected, now).await?;
                // The node that removes it journals it, so that two nodes that heard the same write one event.
                if self.receipts.remove(&id, now).await? {
                    let Expected { message, transmitter, masked: to, .. } = expected.clone();
                    let channel = expected.channel.name().to_owned();
                    self.stats.record_report(&transmitter, "delivered", None);
                    self.journal.note(expected.event(What::MessageDelivered { message, transmitter, channel, to })).await;
                }
            }
            Delivery::Failed(_) if expected.failed => {}
            Delivery::Failed(why) => {
                let why = self.without_secrets(why, expected, now).await?;
                let receipt = expected.parts.first().unwrap_or(&id);
                if self.undelivered(expected, receipt, now).await? == ReportOutcome::Unknown {
                    return Ok(ReportOutcome::Unknown);
                }
                let failed = Versioned { row: Expected { failed: true, ..expected.clone() }, ..found.clone() };
                if self.receipts.put(&id, &failed, now).await? {
                    let Expected { message, transmitter, masked: to, .. } = expected.clone();
                    let channel = expected.channel.name().to_owned();
                    self.stats.record_report(&transmitter, "undelivered", Some(&why));
                    let what = What::MessageUndelivered { message, transmitter, channel, to, why };
                    self.journal.note(expected.event(what)).await;
                }
            }
        }
        Ok(ReportOutcome::Done)
    }

    /// Whether parts of the same message are still on their way, as far as anybody has said.
    async fn others_are_awaited(&self, expected: &Expected, id: &str, now: Time) -> Result<bool, StoreError> {
        for part in expected.parts.iter().filter(|part| *part != id) {
            let other = self.receipts.find(part, now).await?;
            if other.is_some_and(|other| other.row.message == expected.message) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Providers repeat what they were given. Words that cannot be cleaned, because the passcode is not on record any more, are left out.
    async fn without_secrets(&self, words: &str, expected: &Expected, now: Time) -> Result<String, StoreError> {
        let work = self.messages.find(&expected.message, now).await?.and_then(|found| found.row.work);
        Ok(work.map_or_else(String::new, |work| redact(words, &[work.passcode.expose(), &expected.to])))
    }

    /// Ends the message: whatever has not left yet does not leave any more.
    async fn delivered(&self, expected: &Expected, now: Time) -> Result<(), StoreError> {
        let ended = self.messages.update(&expected.message, now, |found| match found {
            Some(found) if !matches!(found.row.progress, Progress::Delivered { .. }) => {
                let progress = Progress::Delivered { channel: expected.channel, to: expected.masked.clone(), at: now };
                Step::Write(Versioned { row: MessageRecord { progress, work: None }, ..found }, true)
            }
            _ => Step::Leave(false),
        });
        if ended.await? {
            self.due(&expected.message, None).await?;
            self.stop(&expected.message);
        }
        Ok(())
    }

    /// The next rule, at once.
    async fn undelivered(&self, expected: &Expected, receipt: &str, now: Time) -> Result<ReportOutcome, StoreError> {
        let undelivered = self.messages.update(&expected.message, now, |found| {
            let Some(mut found) = found else { return Step::Leave((ReportOutcome::Done, false)) };
            let Some(work) = &mut found.row.work else { return contradict(expected, found) };
            match &mut work.stage {
                Stage::Waiting { receipt: waits_for, undelivered, .. } if waits_for == receipt => *undelivered = true,
                // It is being put on record that it was taken over.
                Stage::Handing { .. } if work.rule == expected.rule => return Step::Leave((ReportOutcome::Unknown, false)),
                // The chain has gone on by itself.
                Stage::Handing { .. } | Stage::Waiting { .. } | Stage::Trying => {
                    return Step::Leave((ReportOutcome::Done, false));
                }
            }
            Step::Write(found, (ReportOutcome::Done, true))
        });
        let (heard, is_next) = undelivered.await?;
        if is_next {
            self.due(&expected.message, Some(now)).await?;
            self.woken.notify_one();
        }
        Ok(heard)
    }
}

/// The chain may have ended with this very way, believing that it was sent.
fn contradict(expected: &Expected, found: Versioned<MessageRecord>) -> Step<MessageRecord, (ReportOutcome, bool)> {
    let same = |way: &Channel, to: &str, by: &str| {
        (*way, to, by) == (expected.channel, expected.masked.as_str(), expected.transmitter.as_str())
    };
    let answer = (ReportOutcome::Done, false);
    match &found.row.progress {
        Progress::Sent { channel, to, by, .. } | Progress::Unsure { channel, to, by, .. } if same(channel, to, by) => {
            Step::Write(Versioned { row: MessageRecord { progress: Progress::Failed, work: None }, ..found }, answer)
        }
        _ => Step::Leave(answer),
    }
}
