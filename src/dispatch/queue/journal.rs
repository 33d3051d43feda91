//! What a message under way leaves behind: its record, which says how far it is and whose it is, and its lines in the journal.

use std::time::Duration;

use super::record::{MessageRecord, Sent};
use crate::audit::What;
use crate::audit::reason::{MessageEnd, TryOutcome};
use crate::base::Channel;
use crate::dispatch::Progress;
use crate::dispatch::inner::GRACE;
use crate::dispatch::routing::{Route, TransmitterHandle};
use crate::dispatch::send::attempt::{AfterTry, Sending};
use crate::dispatch::text::gsm7;
use crate::dispatch::text::redact::redact;
use crate::store::{StoreError, Versioned};

impl Sending {
    pub(in crate::dispatch) async fn record_try(
        &self,
        route: &Route,
        handle: &TransmitterHandle,
        (outcome, words): (TryOutcome, &str),
        spent: Duration,
    ) {
        let (transmitter, detail) = (handle.transmitter.name().to_owned(), redact(words, &self.secrets(route)));
        let trouble = (outcome != TryOutcome::Sent).then_some(detail.as_str());
        self.inner.stats.note(&transmitter, outcome, spent, trouble, self.inner.clock.now());
        let what = What::MessageTried {
            message: self.id.clone(),
            transmitter,
            channel: route.channel.name().to_owned(),
            to: route.masked(),
            outcome,
            detail,
            duration_ms: u64::try_from(spent.as_millis()).unwrap_or(u64::MAX),
        };
        self.note(what).await;
    }

    /// Counts what was taken over, and what it costs.
    pub(in crate::dispatch) fn charge(&self, route: &Route, handle: &TransmitterHandle, text: &str) {
        let country = route.country();
        let parts = if route.channel == Channel::Sms { gsm7::charged(text) } else { 1 };
        let cost = handle.prices.of(country).map(|price| price.saturating_mul(parts));
        self.inner.stats.charge(handle.transmitter.name(), country, (parts, cost));
    }

    /// Writes which way is being tried now.
    pub(in crate::dispatch) async fn write_progress(&mut self, route: &Route) -> bool {
        self.write(self.sending_progress(route)).await
    }

    /// False where the message is not ours any more, or the store cannot tell.
    pub(in crate::dispatch) async fn write(&mut self, progress: Progress) -> bool {
        let row = MessageRecord { progress, work: Some(self.work.clone()) };
        match self.put(row).await {
            Ok(written) => {
                self.version += 1;
                written
            }
            Err(error) => {
                self.abandon(&error);
                false
            }
        }
    }

    /// Writes its record where nobody else did since; says whether it was written.
    async fn put(&self, row: MessageRecord) -> Result<bool, StoreError> {
        // Longer than the code: users who look at the page then are told what became of it, and not that it is unknown.
        let expires = self.work.expires.plus(GRACE);
        let row = Versioned { row, owner: self.work.user.to_string(), expires, version: self.version };
        self.inner.messages.put(&self.id, &row, self.inner.clock.now()).await
    }

    /// Nothing is left to try. It has failed, unless it was sent by some way and nobody said that it did not arrive, or may have been.
    pub(in crate::dispatch) async fn conclude(&mut self, reason: MessageEnd) {
        if let Some(sent) = self.work.sent.take() {
            self.work.before = None;
            return self.end(self.sent_progress(&sent, false)).await;
        }
        if let Some(Sent { transmitter, channel, to, at }) = self.work.unsure.take() {
            self.end(Progress::Unsure { channel, to: to.clone(), at, by: transmitter.clone() }).await;
            let (message, channel) = (self.id.clone(), channel.name().to_owned());
            return self.note(What::MessageUnconfirmed { message, transmitter, channel, to }).await;
        }
        if reason == MessageEnd::EveryRuleFailed {
            let (user, trace) = (&self.work.user, &self.work.trace);
            tracing::error!(user.id = %user, %trace, "message {} reached nobody: every transmitter failed; see `doorward trace`", self.id);
        }
        self.end(Progress::Failed).await;
        self.note(What::MessageFailed { message: self.id.clone(), reason }).await;
    }

    /// Leaves nothing on record but how it ended. A store that fails is asked again: what stays would be sent again.
    pub(in crate::dispatch) async fn end(&self, progress: Progress) {
        let kept = MessageRecord { progress, work: None };
        for pause in [Duration::ZERO, Duration::from_millis(200), Duration::from_secs(1)] {
            self.inner.clock.sleep(pause).await;
            match self.finish(&kept).await {
                Ok(()) => return,
                Err(error) => tracing::error!(%error, message.id = self.id, "the end of a message could not be put on record"),
            }
        }
    }

    pub(in crate::dispatch) async fn finish(&self, kept: &MessageRecord) -> Result<(), StoreError> {
        // Not written where somebody else has ended it or taken it over meanwhile: then it is theirs.
        if self.put(kept.clone()).await? {
            self.inner.due(&self.id, None).await?;
        }
        Ok(())
    }

    /// Leaves the message to whoever claims it next, at once, and says on record that no transmitter has it.
    pub(in crate::dispatch) async fn release(&mut self, route: &Route, handle: &TransmitterHandle) -> AfterTry {
        self.ask_again(route.rule, handle.transmitter.name());
        if !self.fresh && !self.write_progress(route).await {
            return AfterTry::Done;
        }
        if let Err(error) = self.inner.due(&self.id, Some(self.inner.clock.now())).await {
            return self.abandon(&error);
        }
        AfterTry::Done
    }

    /// The store cannot tell whether the message is still ours: it is left to whoever claims it when the store is back.
    pub(in crate::dispatch) fn abandon(&self, error: &StoreError) -> AfterTry {
        tracing::error!(%error, message.id = self.id, "the store failed while message {} was under way", self.id);
        AfterTry::Done
    }

    pub(in crate::dispatch) async fn note(&self, what: What) {
        self.inner.journal.note(self.inner.event(&self.work, what)).await;
    }
}
