//! What transmitters say of messages that they took over. A small record under a keyed hash of transmitter and reference leads back to
//! the message, also after a restart and on another node; a report that finds none changes nothing and is told to nobody.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::blot::blot;
use super::dispatcher::Dispatcher;
use super::inner::{GRACE, Inner};
use super::kept::{KIND, Kept, Sent, Stage};
use super::sending::Sending;
use super::{Delivery, Progress, Report};
use crate::audit::{Event, What};
use crate::base::{Channel, Keys, Time, TraceId, UserId};
use crate::store::{Expect, Place, Record, StoreError};

/// The records' kind, and the purpose of their hash and seal.
const RECEIPT: &str = "receipt";
const FORMAT: u8 = 1;
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
/// How often a record is read again because somebody wrote to it in between.
const CONFLICTS: usize = 5;

/// A hand-over of which a report is expected.
#[derive(Clone, Serialize, Deserialize)]
struct Expected {
    message: String,
    rule: usize,
    trace: TraceId,
    user: UserId,
    application: Arc<str>,
    transmitter: String,
    channel: Channel,
    /// In full, to be blotted out of the transmitter's words.
    to: String,
    masked: String,
    /// It was said already that it will not arrive; it may do so all the same.
    failed: bool,
    /// The records of all parts, this one's among them, where there are several: it has arrived once all have, and has failed with the
    /// first.
    #[serde(default)]
    parts: Vec<String>,
}

/// What became of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Heard {
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
        if self.inner.heard(&report).await == Heard::Done {
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
                if inner.heard(&report).await == Heard::Done {
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
        for id in &ids {
            let place = Place { kind: RECEIPT, owner: "", id };
            for _ in 0..CONFLICTS {
                // A reference that comes again means the newer message from now on.
                let old = self.records.find(RECEIPT, id, now).await?;
                let expect = old.map_or(Expect::Absent, |old| Expect::Version(old.version));
                if self.records.put_if(place, expected.to_bytes(&self.keys, id), expires, expect, now).await? {
                    break;
                }
            }
        }
        Ok(ids.into_iter().next().unwrap_or_default())
    }

    async fn heard(&self, report: &Report) -> Heard {
        self.take_report(report).await.unwrap_or_else(|error| {
            tracing::error!(%error, transmitter = %report.transmitter, "a delivery report could not be looked up");
            Heard::Unknown
        })
    }

    async fn take_report(&self, report: &Report) -> Result<Heard, StoreError> {
        let now = self.clock.now();
        let id = receipt_id(&self.keys, &report.transmitter, &report.reference);
        let Some(record) = self.records.find(RECEIPT, &id, now).await? else { return Ok(Heard::Unknown) };
        let Some(expected) = Expected::from_bytes(&record.value, &self.keys, &id) else { return Ok(Heard::Done) };
        match &report.delivery {
            Delivery::Delivered => {
                if self.others_are_awaited(&expected, &id, now).await? {
                    self.records.remove(RECEIPT, &id, now).await?;
                    return Ok(Heard::Done);
                }
                self.delivered(&expected, now).await?;
                // Whoever removes it journals it, so that two nodes that heard the same write one event.
                if self.records.remove(RECEIPT, &id, now).await? {
                    let Expected { message, transmitter, masked: to, .. } = expected.clone();
                    let channel = expected.channel.name().to_owned();
                    self.tallies.heard(&transmitter, "delivered", None);
                    self.journal.note(expected.event(What::MessageDelivered { message, transmitter, channel, to })).await;
                }
            }
            Delivery::Failed(_) if expected.failed => {}
            Delivery::Failed(why) => {
                let why = self.without_secrets(why, &expected, now).await?;
                let receipt = expected.parts.first().unwrap_or(&id);
                if self.undelivered(&expected, receipt, now).await? == Heard::Unknown {
                    return Ok(Heard::Unknown);
                }
                let failed = Expected { failed: true, ..expected.clone() };
                let place = Place { kind: RECEIPT, owner: "", id: &id };
                let (value, version) = (failed.to_bytes(&self.keys, &id), Expect::Version(record.version));
                if self.records.put_if(place, value, record.expires, version, now).await? {
                    let Expected { message, transmitter, masked: to, .. } = expected.clone();
                    let channel = expected.channel.name().to_owned();
                    self.tallies.heard(&transmitter, "undelivered", Some(&why));
                    let what = What::MessageUndelivered { message, transmitter, channel, to, why };
                    self.journal.note(expected.event(what)).await;
                }
            }
        }
        Ok(Heard::Done)
    }

    /// Whether parts of the same message are still on their way, as far as anybody has said.
    async fn others_are_awaited(&self, expected: &Expected, id: &str, now: Time) -> Result<bool, StoreError> {
        for part in expected.parts.iter().filter(|part| *part != id) {
            let record = self.records.find(RECEIPT, part, now).await?;
            let other = record.and_then(|record| Expected::from_bytes(&record.value, &self.keys, part));
            if other.is_some_and(|other| other.message == expected.message) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Providers repeat what they were given. Words that cannot be cleaned, because the passcode is not on record any more, are left out.
    async fn without_secrets(&self, words: &str, expected: &Expected, now: Time) -> Result<String, StoreError> {
        let work = self.message(&expected.message, now).await?.and_then(|(_, kept)| kept.work);
        Ok(work.map_or_else(String::new, |work| blot(words, &[work.passcode.expose(), &expected.to])))
    }

    /// Ends the message: whatever has not left yet does not leave any more.
    async fn delivered(&self, expected: &Expected, now: Time) -> Result<(), StoreError> {
        for _ in 0..CONFLICTS {
            let Some((record, kept)) = self.message(&expected.message, now).await? else { return Ok(()) };
            if matches!(kept.progress, Progress::Delivered { .. }) {
                return Ok(());
            }
            let progress = Progress::Delivered { channel: expected.channel, to: expected.masked.clone(), at: now };
            if self.rewrite(&record, Kept { progress, work: None }, now).await? {
                self.records.due(KIND, &record.id, None, now).await?;
                self.stop(&record.id);
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next rule, at once.
    async fn undelivered(&self, expected: &Expected, receipt: &str, now: Time) -> Result<Heard, StoreError> {
        for _ in 0..CONFLICTS {
            let Some((record, mut kept)) = self.message(&expected.message, now).await? else { return Ok(Heard::Done) };
            let Some(work) = &mut kept.work else { return self.belie(expected, &record, kept.progress, now).await };
            match &mut work.stage {
                Stage::Waiting { receipt: waits_for, undelivered, .. } if waits_for == receipt => *undelivered = true,
                // It is being put on record that it was taken over.
                Stage::Handing { .. } if work.rule == expected.rule => return Ok(Heard::Unknown),
                // The chain has gone on by itself.
                Stage::Handing { .. } | Stage::Waiting { .. } | Stage::Trying => return Ok(Heard::Done),
            }
            if self.rewrite(&record, kept, now).await? {
                self.records.due(KIND, &record.id, Some(now), now).await?;
                self.woken.notify_one();
                return Ok(Heard::Done);
            }
        }
        Ok(Heard::Unknown)
    }

    /// The chain ended with this very way, believing that it was sent.
    async fn belie(&self, expected: &Expected, record: &Record, progress: Progress, now: Time) -> Result<Heard, StoreError> {
        let same = |way: &Channel, to: &str, by: &str| {
            (*way, to, by) == (expected.channel, expected.masked.as_str(), expected.transmitter.as_str())
        };
        if matches!(&progress, Progress::Sent { channel, to, by, .. } | Progress::Unsure { channel, to, by, .. } if same(channel, to, by))
        {
            self.rewrite(record, Kept { progress: Progress::Failed, work: None }, now).await?;
        }
        Ok(Heard::Done)
    }

    pub async fn message(&self, id: &str, now: Time) -> Result<Option<(Record, Kept)>, StoreError> {
        let Some(record) = self.records.find(KIND, id, now).await? else { return Ok(None) };
        Ok(Kept::from_bytes(&record.value, &self.keys, id).map(|kept| (record, kept)))
    }

    /// Writes a message's record where nobody else wrote since it was read.
    pub async fn rewrite(&self, record: &Record, kept: Kept, now: Time) -> Result<bool, StoreError> {
        let place = Place { kind: KIND, owner: &record.owner, id: &record.id };
        let value = kept.to_bytes(&self.keys, &record.id);
        self.records.put_if(place, value, record.expires, Expect::Version(record.version), now).await
    }
}

impl Expected {
    fn to_bytes(&self, keys: &Keys, id: &str) -> Vec<u8> {
        let mut value = vec![FORMAT];
        value.extend(keys.seal(RECEIPT, id.as_bytes(), &serde_json::to_vec(self).unwrap_or_default()));
        value
    }

    fn from_bytes(value: &[u8], keys: &Keys, id: &str) -> Option<Self> {
        let (format, sealed) = value.split_first()?;
        let plain = keys.open(RECEIPT, id.as_bytes(), sealed).filter(|_| *format == FORMAT)?;
        serde_json::from_slice(&plain).ok()
    }

    fn event(&self, what: What) -> Event {
        let (user, application) = (Some(self.user.clone()), Some(Arc::clone(&self.application)));
        Event { trace: Some(self.trace), user, application, address: None, what }
    }
}

/// Nobody who reads the store learns what a provider calls a message; the length keeps names and references apart.
fn receipt_id(keys: &Keys, transmitter: &str, reference: &str) -> String {
    let named = format!("{} {transmitter} {reference}", transmitter.len());
    data_encoding::HEXLOWER.encode(&keys.mac(RECEIPT, named.as_bytes()))
}

#[cfg(test)]
mod tests;
