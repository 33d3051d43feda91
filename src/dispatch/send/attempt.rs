//! One message on its way: rule by rule, transmitter by transmitter, until one takes it, its time is over or nothing is left. Where the
//! transmitter will say what became of it, the message is left in the store until then, or until the rule's wait is over.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::audit::What;
use crate::audit::reason::{MessageEnd, TryOutcome};
use crate::base::{Secret, Time};
use crate::dispatch::inner::{Inner, LEASE};
use crate::dispatch::queue::record::{PendingMessage, Sent, Stage};
use crate::dispatch::routing::slots::SlotRequest;
use crate::dispatch::routing::{Candidates, Route, TransmitterHandle};
use crate::dispatch::text::redact::redact;
use crate::dispatch::text::{Wording, compose};
use crate::dispatch::{Before, Failure, FailureKind, Fate, Message, Progress, Receipt};

/// How often a message under way shows that its sender lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);
/// What is left for the delivery where the hand-over took nearly all of the rule's wait.
const LEAST_FOR_DELIVERY: Duration = Duration::from_secs(10);
/// So often a hand-over by one channel may end with nobody knowing whether it was taken (a crash, a connection that breaks before the answer): one
/// further copy is better than none. Then that channel is not tried again, lest it be a flood.
pub(in crate::dispatch) const MOST_DOUBTS: usize = 2;

pub(in crate::dispatch) struct Sending {
    pub inner: Arc<Inner>,
    pub id: String,
    pub work: PendingMessage,
    /// Of our record. Whoever changes the record (a cancelling, a report, another node) takes the message from us.
    pub version: u64,
    /// Nothing was tried yet, and the record says what it should.
    pub fresh: bool,
}

pub(in crate::dispatch) type Ways = Vec<(Route, Arc<TransmitterHandle>)>;

/// Ways that are tried once more when all others failed.
#[derive(Default)]
pub(in crate::dispatch) struct Leftover {
    /// They could not send at all.
    pub silent: Ways,
    /// They could not send in time: a code that comes late is better than none.
    pub busy: Ways,
}

/// What became of an attempt, or of a rule.
#[derive(PartialEq, Eq)]
pub(in crate::dispatch) enum AfterTry {
    /// Over: sent, failed for good, or somebody else's now.
    Done,
    /// The next transmitter.
    On,
    /// The next transmitter, and this one once more at the end, with all the time that is left.
    OnAndWait,
    /// The address is refused: the next rule.
    NextRule,
}

impl Sending {
    /// Just put on record by this node.
    pub fn fresh(inner: Arc<Inner>, id: String, work: PendingMessage) -> Self {
        Self { inner, id, work, version: 1, fresh: true }
    }

    /// Left behind by a node that is gone, or come to the end of a wait.
    pub fn resumed(inner: Arc<Inner>, id: String, work: PendingMessage, version: u64) -> Self {
        Self { inner, id, work, version, fresh: false }
    }

    pub async fn run(mut self, cancelled: CancellationToken) {
        let (inner, id) = (Arc::clone(&self.inner), self.id.clone());
        tokio::select! {
            () = signs_of_life(&inner, &id) => {}
            () = self.deliver(&cancelled) => {}
        }
    }

    async fn deliver(&mut self, cancelled: &CancellationToken) {
        if self.resume(cancelled).await == AfterTry::Done {
            return;
        }
        self.begin_anew();
        let mut leftover = Leftover::default();
        // At the end of a pause the rules have been tried, and what they left over is on record.
        if self.work.again_at.is_none() && self.by_rules(&mut leftover, cancelled).await == AfterTry::Done {
            return;
        }
        if self.last_round(leftover, cancelled).await == AfterTry::Done {
            return;
        }
        let expired = self.inner.clock.now() >= self.work.expires;
        self.conclude(if expired { MessageEnd::Expired } else { MessageEnd::EveryRuleFailed }).await;
    }

    async fn by_rules(&mut self, leftover: &mut Leftover, cancelled: &CancellationToken) -> AfterTry {
        let routes = self.inner.ways().routing.routes(&self.work.policy, &self.work.addresses).unwrap_or_default();
        for route in routes.into_iter().filter(|route| route.rule >= self.work.rule).collect::<Vec<_>>() {
            if route.rule != self.work.rule {
                self.work.rule = route.rule;
                self.work.asked.clear();
            }
            if self.by_rule(&route, leftover, cancelled).await == AfterTry::Done {
                return AfterTry::Done;
            }
            let (channel, to) = (route.channel, route.masked());
            let perhaps = self.work.unsure.as_ref().is_some_and(|sent| sent.channel == channel && sent.to == to);
            let fate = if perhaps { Fate::Unsure } else { Fate::NotSent };
            self.work.before = Some(Before { channel, to, fate });
        }
        AfterTry::On
    }

    async fn by_rule(&mut self, route: &Route, leftover: &mut Leftover, cancelled: &CancellationToken) -> AfterTry {
        if self.is_in_doubt(route) {
            // Probably it was sent; nobody will say.
            return AfterTry::On;
        }
        if !self.work.counted.contains(&route.to) {
            match self.inner.ways().allowances.address(&route.to, self.inner.clock.now()).await {
                Ok(Ok(())) => self.work.counted.push(route.to.clone()),
                Ok(Err(reached)) => {
                    let what = What::MessageRefused { reason: format!("{}: {}", reached.limit.name(), route.masked()) };
                    self.note(what).await;
                    return AfterTry::On;
                }
                Err(error) => return self.abandon(&error),
            }
        }
        if !self.fresh && !self.write_progress(route).await {
            return AfterTry::Done;
        }
        for name in &route.through {
            // Looked at again before each attempt: meanwhile it may be quicker elsewhere.
            while !self.is_in_doubt(route) {
                let candidates = self.inner.ways().routing.candidates(name, route.channel, self.work.purpose());
                let Some((handle, queued)) = self.choose(route, candidates, leftover).await else { break };
                self.work.asked.push(handle.transmitter.name().to_owned());
                match self.attempt(route, (&handle, queued), cancelled).await {
                    AfterTry::On => {}
                    AfterTry::OnAndWait => leftover.busy.push((route.clone(), handle)),
                    ended => return ended,
                }
            }
        }
        AfterTry::On
    }

    /// The least busy of those that were not asked yet (by itself or through a group), if it can send in time; the rest is journaled.
    async fn choose(
        &mut self,
        route: &Route,
        candidates: Candidates,
        leftover: &mut Leftover,
    ) -> Option<(Arc<TransmitterHandle>, SlotRequest)> {
        let known =
            |asked: &[String], handle: &Arc<TransmitterHandle>| asked.iter().any(|asked| asked == handle.transmitter.name());
        for handle in candidates.silent {
            if known(&self.work.asked, &handle) {
                continue;
            }
            self.work.asked.push(handle.transmitter.name().to_owned());
            let why = handle.transmitter.figures().out_of_service.unwrap_or_default();
            self.record_try(route, &handle, (TryOutcome::OutOfService, &why), Duration::ZERO).await;
            leftover.silent.push((route.clone(), handle));
        }
        let left = route.wait.min(self.work.expires.since(self.inner.clock.now()));
        let (backlog, handle) = candidates.open.into_iter().find(|(_, handle)| !known(&self.work.asked, handle))?;
        // What waits and then itself: one that is still with a modem when the rule's wait is over goes out a second time elsewhere.
        // One where nothing waits is asked however slow it was last, or it could never show that it is quicker now.
        let taken = backlog.saturating_add(handle.transmitter.pace().unwrap_or_default());
        let stuck = handle.is_stuck(self.work.purpose());
        if backlog.is_zero() || (taken <= left && !stuck) {
            // In line before anything else is waited for, so that the next message sees it there.
            let queued = handle.enter(self.work.purpose());
            return Some((handle, queued));
        }
        self.work.asked.push(handle.transmitter.name().to_owned());
        let words = match stuck {
            true => "others wait for it, and its last message failed".to_owned(),
            false => format!("a message would be out in {} s, and the rule waits for {} s", taken.as_secs(), left.as_secs()),
        };
        self.record_try(route, &handle, (TryOutcome::Busy, &words), Duration::ZERO).await;
        leftover.busy.push((route.clone(), handle));
        None
    }

    pub(in crate::dispatch) async fn attempt(
        &mut self,
        route: &Route,
        (handle, mut queued): (&TransmitterHandle, SlotRequest),
        cancelled: &CancellationToken,
    ) -> AfterTry {
        let begun = self.inner.clock.now();
        if begun >= self.work.expires {
            self.conclude(MessageEnd::Expired).await;
            return AfterTry::Done;
        }
        if cancelled.is_cancelled() {
            return AfterTry::Done;
        }
        if self.inner.closing.is_cancelled() && !self.fresh {
            // The node is being stopped: whoever comes next takes it over at once.
            return self.release(route, handle).await;
        }
        let until = begun.plus(route.wait).min(self.work.expires);
        tokio::select! {
            biased;
            () = cancelled.cancelled() => return AfterTry::Done,
            () = queued.place() => {}
            () = self.inner.closing.cancelled() => return self.release(route, handle).await,
            () = self.inner.clock.sleep_until(until) => {
                self.record_try(route, handle, (TryOutcome::Busy, "no place was free within the rule's wait"), until.since(begun)).await;
                return AfterTry::OnAndWait;
            }
        }
        self.fresh = false;
        let (transmitter, channel, to) = (handle.transmitter.name().to_owned(), route.channel, route.masked());
        self.work.stage = Stage::Handing { transmitter, channel, to };
        if !self.write_progress(route).await {
            return AfterTry::Done;
        }
        let now = self.inner.clock.now();
        let message = self.message(route, now);
        let send = handle.transmitter.send(&message, now);
        queued.handed();
        let answer = tokio::select! {
            biased;
            () = cancelled.cancelled() => return AfterTry::Done,
            answer = send => Some(answer),
            () = self.inner.clock.sleep_until(until) => None,
        };
        drop(queued);
        handle.failed(answer.as_ref().is_none_or(|answer| answer.as_ref().is_err_and(|failure| failure.kind.passes())));
        if matches!(answer, Some(Ok(_))) {
            handle.took(self.inner.clock.now().since(now));
            self.charge(route, handle, message.text.expose());
        }
        self.judge(route, handle, answer, begun).await
    }

    /// Draws the conclusion from an answer (none: it took too long), and journals it.
    async fn judge(
        &mut self,
        route: &Route,
        handle: &TransmitterHandle,
        answer: Option<Result<Receipt, Failure>>,
        begun: Time,
    ) -> AfterTry {
        let now = self.inner.clock.now();
        let waited = now.since(begun);
        self.work.stage = Stage::Trying;
        let failure = match answer {
            Some(Ok(receipt)) => {
                self.record_taken(route, handle, receipt, begun).await;
                return AfterTry::Done;
            }
            Some(Err(failure)) => failure,
            None => {
                self.mark_in_doubt(handle.transmitter.name(), route.channel, route.masked());
                self.try_later(route, handle, None);
                self.record_try(route, handle, (TryOutcome::TooSlow, "no answer within the rule's wait"), waited).await;
                return AfterTry::On;
            }
        };
        let (outcome, went) = match failure.kind {
            FailureKind::RetryHere => {
                self.try_later(route, handle, None);
                (TryOutcome::Later, AfterTry::On)
            }
            FailureKind::RetryAfter(pause) => {
                self.try_later(route, handle, Some(pause));
                (TryOutcome::Later, AfterTry::On)
            }
            FailureKind::RetryElsewhere => (TryOutcome::Failed, AfterTry::On),
            FailureKind::Unsure => {
                self.mark_in_doubt(handle.transmitter.name(), route.channel, route.masked());
                self.try_later(route, handle, None);
                (TryOutcome::Unknown, AfterTry::On)
            }
            FailureKind::Final => {
                // Whatever else this rule has left would be told the same.
                self.work.retries.retain(|retry| retry.rule != route.rule);
                (TryOutcome::Refused, AfterTry::NextRule)
            }
        };
        self.record_try(route, handle, (outcome, &failure.why), waited).await;
        went
    }

    /// A transmitter took it: that is the end, unless it will say what becomes of it.
    pub(in crate::dispatch) async fn record_taken(
        &mut self,
        route: &Route,
        handle: &TransmitterHandle,
        receipt: Receipt,
        begun: Time,
    ) {
        let now = self.inner.clock.now();
        let (transmitter, to) = (handle.transmitter.name().to_owned(), route.masked());
        let sent = Sent { transmitter: transmitter.clone(), channel: route.channel, to: to.clone(), at: now };
        // On record first: the shorter the gap after the hand-over, the rarer a second copy after a crash.
        if receipt.references.is_empty() {
            self.end(self.sent_progress(&sent, false)).await;
        } else {
            let least = now.plus(LEAST_FOR_DELIVERY.min(route.usual_wait));
            // Whoever waited in line for longer waits for the delivery no longer than anybody else.
            let until = begun.plus(route.wait).min(now.plus(route.usual_wait)).max(least).min(self.work.expires);
            self.wait(&receipt.references, &route.to, sent, until).await;
        }
        self.record_try(route, handle, (TryOutcome::Sent, &receipt.words), now.since(begun)).await;
        let words = redact(&receipt.words, &self.secrets(route));
        let (message, channel) = (self.id.clone(), route.channel.name().to_owned());
        self.note(What::MessageSent { message, transmitter, channel, to, receipt: words }).await;
    }

    /// Leaves it in the store until the delivery is reported or the wait is over. Whatever fails here, the lease runs out and it is
    /// taken up again.
    async fn wait(&mut self, references: &[String], to: &str, sent: Sent, until: Time) {
        let receipt = match self.inner.expect(self, references, to, &sent).await {
            Ok(receipt) => receipt,
            Err(error) => {
                self.abandon(&error);
                return;
            }
        };
        let progress = self.sent_progress(&sent, true);
        self.work.stage = Stage::Waiting { until, receipt, sent, undelivered: false };
        if self.write(progress).await
            && let Err(error) = self.inner.wake_at(&self.id, until).await
        {
            self.abandon(&error);
        }
    }

    pub(in crate::dispatch) fn sent_progress(&self, sent: &Sent, awaited: bool) -> Progress {
        let (channel, to, by) = (sent.channel, sent.to.clone(), sent.transmitter.clone());
        Progress::Sent { channel, to, at: sent.at, awaited, before: self.before(), by }
    }

    /// What became of the way before this one; where one may have taken it and there is no way to tell, this before all: it may arrive twice.
    pub(in crate::dispatch) fn before(&self) -> Option<Before> {
        let perhaps =
            self.work.unsure.as_ref().map(|sent| Before { channel: sent.channel, to: sent.to.clone(), fate: Fate::Unsure });
        perhaps.or_else(|| self.work.before.clone())
    }

    /// Neither the address nor what it says may stand in the journal.
    pub(in crate::dispatch) fn secrets<'a>(&'a self, route: &'a Route) -> [&'a str; 2] {
        [self.work.passcode.expose(), &route.to]
    }

    pub(in crate::dispatch) fn message(&self, route: &Route, now: Time) -> Message {
        let work = &self.work;
        let (language, passcode, expires) = (work.language, &work.passcode, work.expires);
        let (subject, text) = match &work.ready {
            Some(ready) => (ready.subject.clone(), Secret::new(ready.text.clone())),
            None => {
                let (application, title) = (&*work.application, work.title.as_str());
                let (label, host) = (work.label.as_str(), work.host.as_str());
                let wording = Wording { language, application, title, label, passcode, host, expires };
                let composed = compose(&self.inner.texts, route.channel, &wording, now);
                (composed.subject, composed.text)
            }
        };
        Message {
            id: self.id.clone(),
            purpose: work.purpose(),
            channel: route.channel,
            to: route.to.clone(),
            language,
            flash: work.flash,
            resent: work.resent,
            subject,
            text,
            passcode: Secret::clone(passcode),
            user: work.user.clone(),
            expires,
        }
    }
}

/// Shows that the message's sender lives, until it is dropped.
async fn signs_of_life(inner: &Inner, id: &str) {
    loop {
        inner.clock.sleep(SIGN_OF_LIFE).await;
        if let Err(error) = inner.due(id, Some(inner.clock.now().plus(LEASE))).await {
            tracing::warn!(%error, message.id = id, "the store does not take a sign of life");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rate;
    use crate::config::Limits;
    use crate::dispatch::testkit::trial::Answer::*;
    use crate::dispatch::testkit::trial::{Scripted, house};

    #[tokio::test]
    async fn nobody_stands_in_line_behind_a_transmitter_that_hangs_where_another_one_is_free() {
        let wide = Rate { count: 1000, window: Duration::from_secs(3600) };
        let limits =
            Limits { messages_per_user: wide, messages_per_number: wide, messages_per_prefix: wide, ..Limits::default() };
        let (a, g) = (Scripted::new("a", (0..99).map(|_| Hang)), Scripted::new("g1", []));
        let house = house(&[Arc::clone(&a), Arc::clone(&g)], limits);
        let _runs = house.runs();
        let places = 16;
        for number in 0..places {
            house.hand_over(house.order(&format!("m{number}"))).await.unwrap();
            a.asked().await;
        }
        house.clock.advance(Duration::from_secs(30));
        for _ in 0..places {
            g.asked().await;
        }
        for number in 0..places {
            house.hand_over(house.order(&format!("n{number}"))).await.unwrap();
            a.asked().await;
        }
        house.hand_over(house.order("last")).await.unwrap();
        g.asked().await;
        assert_eq!((a.seen().len(), g.seen().len()), (2 * places, places + 1));
    }
}
