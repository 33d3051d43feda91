//! One message on its way: rule by rule, transmitter by transmitter, until one takes it, its time is over or nothing is left.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::blot::blot;
use super::board::{Line, Route};
use super::dispatcher::{GRACE, Inner, LEASE};
use super::kept::{KIND, Kept, Work};
use super::text::{Wording, compose};
use super::{Failure, FailureKind, Message, Progress, Receipt};
use crate::audit::What;
use crate::base::{Secret, Time};
use crate::store::{Expect, Place, StoreError};

/// How often a message under way shows that its sender lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);
/// After this pause transmitters that said "later" are asked once more, when every rule was tried in vain.
const LATER: Duration = Duration::from_secs(5);

pub(super) struct Sending {
    inner: Arc<Inner>,
    id: String,
    work: Work,
    /// Of our record. Whoever changes the record (a cancelling, another node) takes the message from us.
    version: u64,
    /// Nothing was tried yet, and the record says what it should.
    fresh: bool,
}

/// What became of an attempt, or of a rule.
#[derive(PartialEq, Eq)]
enum Went {
    /// Over: sent, failed for good, or somebody else's now.
    Done,
    /// The next transmitter.
    On,
    /// The next transmitter, and this one once more at the end.
    OnAndLater,
    /// The address is refused: the next rule.
    NextRule,
}

impl Sending {
    /// Just put on record by this node.
    pub fn fresh(inner: Arc<Inner>, id: String, work: Work) -> Self {
        Self { inner, id, work, version: 1, fresh: true }
    }

    /// Left behind by a node that is gone.
    pub fn resumed(inner: Arc<Inner>, id: String, work: Work, version: u64) -> Self {
        Self { inner, id, work, version, fresh: false }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub async fn run(mut self, cancelled: CancellationToken) {
        let (inner, id) = (Arc::clone(&self.inner), self.id.clone());
        tokio::select! {
            () = signs_of_life(&inner, &id) => {}
            () = self.deliver(&cancelled) => {}
        }
    }

    async fn deliver(&mut self, cancelled: &CancellationToken) {
        let routes = self.inner.ways().board.routes(&self.work.policy, &self.work.addresses).unwrap_or_default();
        let mut later: Vec<(Route, Arc<Line>)> = Vec::new();
        for route in routes.into_iter().filter(|route| route.rule >= self.work.rule).collect::<Vec<_>>() {
            self.work.rule = route.rule;
            if self.by_rule(&route, &mut later, cancelled).await == Went::Done {
                return;
            }
        }
        if !later.is_empty() {
            tokio::select! {
                () = cancelled.cancelled() => return,
                () = self.inner.clock.sleep(LATER) => {}
            }
        }
        for (route, line) in later {
            if self.attempt(&route, &line, cancelled).await == Went::Done {
                return;
            }
        }
        let expired = self.inner.clock.now() >= self.work.expires;
        self.fail(if expired { "expired" } else { "every-rule-failed" }).await;
    }

    async fn by_rule(&mut self, route: &Route, later: &mut Vec<(Route, Arc<Line>)>, cancelled: &CancellationToken) -> Went {
        if !self.work.counted.contains(&route.to) {
            match self.inner.ways().allowances.address(&route.to, self.inner.clock.now()).await {
                Ok(true) => self.work.counted.push(route.to.clone()),
                Ok(false) => {
                    let what = What::MessageRefused { reason: format!("messages-number: {}", route.masked()) };
                    self.note(what).await;
                    return Went::On;
                }
                Err(error) => return self.lost(&error),
            }
        }
        let mut asked: Vec<String> = Vec::new();
        for name in &route.through {
            for line in self.inner.ways().board.lines(name, route.channel) {
                // A transmitter named by itself and through its group is asked once.
                if asked.iter().any(|known| known == line.transmitter.name()) {
                    continue;
                }
                asked.push(line.transmitter.name().to_owned());
                match self.attempt(route, &line, cancelled).await {
                    Went::On => {}
                    Went::OnAndLater => later.push((route.clone(), line)),
                    ended => return ended,
                }
            }
        }
        Went::On
    }

    async fn attempt(&mut self, route: &Route, line: &Line, cancelled: &CancellationToken) -> Went {
        let begun = self.inner.clock.now();
        if begun >= self.work.expires {
            self.fail("expired").await;
            return Went::Done;
        }
        if cancelled.is_cancelled() {
            return Went::Done;
        }
        if self.inner.closing.is_cancelled() && !self.fresh {
            // The node is being stopped: whoever comes next takes it over at once.
            return self.release().await;
        }
        if !self.fresh && !self.note_progress(route).await {
            return Went::Done;
        }
        self.fresh = false;
        let message = self.message(route, begun);
        let until = begun.plus(route.wait).min(self.work.expires);
        let answer = tokio::select! {
            biased;
            () = cancelled.cancelled() => return Went::Done,
            answer = hand(line, &message, begun) => Some(answer),
            () = self.inner.clock.sleep_until(until) => None,
        };
        self.judge(route, line, answer, begun).await
    }

    /// Draws the conclusion from an answer (none: it took too long), and journals it.
    async fn judge(&mut self, route: &Route, line: &Line, answer: Option<Result<Receipt, Failure>>, begun: Time) -> Went {
        let now = self.inner.clock.now();
        let (outcome, words, went) = match answer {
            Some(Ok(Receipt(words))) => ("sent", words, Went::Done),
            Some(Err(Failure { kind: FailureKind::RetryHere, why })) => ("later", why, Went::OnAndLater),
            Some(Err(Failure { kind: FailureKind::RetryElsewhere, why })) => ("failed", why, Went::On),
            Some(Err(Failure { kind: FailureKind::Final, why })) => ("refused", why, Went::NextRule),
            None => ("too-slow", "no answer within the rule's wait".to_owned(), Went::On),
        };
        let words = blot(&words, &[self.work.passcode.expose(), &route.to]);
        let (channel, to, transmitter) = (route.channel.name().to_owned(), route.masked(), line.transmitter.name().to_owned());
        if went == Went::Done {
            // On record first: the shorter the gap after the hand-over, the rarer a second copy after a crash.
            self.end(Progress::Sent { channel: route.channel, to: to.clone(), at: now }).await;
        }
        let duration_ms = u64::try_from(now.since(begun).as_millis()).unwrap_or(u64::MAX);
        let message = self.id.clone();
        self.note(What::MessageTried {
            message: message.clone(),
            transmitter: transmitter.clone(),
            channel: channel.clone(),
            to: to.clone(),
            outcome: outcome.to_owned(),
            detail: words.clone(),
            duration_ms,
        })
        .await;
        if went == Went::Done {
            self.note(What::MessageSent { message, transmitter, channel, to, receipt: words }).await;
        }
        went
    }

    fn message(&self, route: &Route, now: Time) -> Message {
        let work = &self.work;
        let (language, passcode, expires) = (work.language, &work.passcode, work.expires);
        let wording =
            Wording { language, application: &work.application, label: &work.label, passcode, host: &work.host, expires };
        let composed = compose(&self.inner.texts, route.channel, &wording, now);
        Message {
            id: self.id.clone(),
            channel: route.channel,
            to: route.to.clone(),
            subject: composed.subject,
            text: composed.text,
            passcode: Secret::clone(passcode),
            user: work.user.clone(),
            expires,
        }
    }

    /// Writes which way is being tried now. False where the message is not ours any more, or the store cannot tell.
    async fn note_progress(&mut self, route: &Route) -> bool {
        let kept =
            Kept { progress: Progress::Sending { channel: route.channel, to: route.masked() }, work: Some(self.work.clone()) };
        let expires = self.work.expires.plus(GRACE);
        match self.inner.put(&self.id, &kept, expires, Expect::Version(self.version)).await {
            Ok(written) => {
                self.version += 1;
                written
            }
            Err(error) => {
                self.lost(&error);
                false
            }
        }
    }

    async fn fail(&mut self, reason: &str) {
        self.end(Progress::Failed).await;
        self.note(What::MessageFailed { message: self.id.clone(), reason: reason.to_owned() }).await;
    }

    /// Leaves nothing on record but how it ended. A store that fails is asked again: what stays would be sent again.
    async fn end(&mut self, progress: Progress) {
        let kept = Kept { progress, work: None };
        for pause in [Duration::ZERO, Duration::from_millis(200), Duration::from_secs(1)] {
            self.inner.clock.sleep(pause).await;
            match self.finish(&kept).await {
                Ok(()) => return,
                Err(error) => tracing::error!(%error, message.id = self.id, "the end of a message could not be put on record"),
            }
        }
    }

    async fn finish(&self, kept: &Kept) -> Result<(), StoreError> {
        let now = self.inner.clock.now();
        let place = Place { kind: KIND, owner: self.work.user.as_str(), id: &self.id };
        let value = kept.to_bytes(&self.inner.keys, &self.id);
        let expires = self.work.expires.max(now.plus(LEASE));
        // Not written where somebody else has ended it or taken it over meanwhile: then it is theirs.
        if self.inner.records.put_if(place, value, expires, Expect::Version(self.version), now).await? {
            self.inner.records.due(KIND, &self.id, None, now).await?;
        }
        Ok(())
    }

    async fn release(&self) -> Went {
        let now = self.inner.clock.now();
        if let Err(error) = self.inner.records.due(KIND, &self.id, Some(now), now).await {
            return self.lost(&error);
        }
        Went::Done
    }

    /// The store cannot tell whether the message is still ours: it is left to whoever claims it when the store is back.
    fn lost(&self, error: &StoreError) -> Went {
        tracing::error!(%error, message.id = self.id, "the store failed while message {} was under way", self.id);
        Went::Done
    }

    async fn note(&self, what: What) {
        self.inner.journal.note(self.inner.event(&self.work, what)).await;
    }
}

async fn hand(line: &Line, message: &Message, now: Time) -> Result<Receipt, Failure> {
    let _engaged = line.engage();
    // Never closed, so this is always a permit.
    let _place = line.places.acquire().await.ok();
    line.transmitter.send(message, now).await
}

async fn signs_of_life(inner: &Inner, id: &str) {
    loop {
        inner.clock.sleep(SIGN_OF_LIFE).await;
        let now = inner.clock.now();
        if let Err(error) = inner.records.due(KIND, id, Some(now.plus(LEASE)), now).await {
            tracing::warn!(%error, message.id = id, "the store does not take a sign of life");
        }
    }
}
