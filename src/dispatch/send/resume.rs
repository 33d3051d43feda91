//! What a message's record says of the past, before anything new is tried: the end of a wait, or a hand-over of which a node that is gone
//! kept the answer to itself.

use tokio_util::sync::CancellationToken;

use super::attempt::{AfterTry, Sending};
use crate::audit::What;
use crate::audit::reason::TryOutcome;
use crate::base::Channel;
use crate::dispatch::queue::record::{Sent, Stage};
use crate::dispatch::{Before, Fate};

impl Sending {
    /// Done where nothing has to be tried: a transmitter knows that it took the message.
    pub(in crate::dispatch) async fn resume(&mut self, cancelled: &CancellationToken) -> AfterTry {
        match std::mem::take(&mut self.work.stage) {
            Stage::Trying => AfterTry::On,
            Stage::Handing { transmitter, channel, to } => {
                let recalled = tokio::select! {
                    biased;
                    () = cancelled.cancelled() => return AfterTry::Done,
                    recalled = self.recall(&transmitter, channel) => recalled,
                };
                if recalled == AfterTry::Done {
                    return AfterTry::Done;
                }
                self.record_unknown(transmitter, channel, to).await;
                AfterTry::On
            }
            Stage::Waiting { sent, undelivered, .. } => {
                self.end_wait(sent, undelivered).await;
                AfterTry::On
            }
        }
    }

    /// Whether the transmitter remembers it; then it is as if it had answered right now.
    async fn recall(&mut self, transmitter: &str, channel: Channel) -> AfterTry {
        let ways = self.inner.ways();
        let routes = ways.routing.routes(&self.work.policy, &self.work.addresses).unwrap_or_default();
        let route = routes.into_iter().find(|route| route.rule == self.work.rule && route.channel == channel);
        let (Some(route), Some(handle)) = (route, ways.routing.handle(transmitter)) else { return AfterTry::On };
        match handle.transmitter.recall(&self.id, &route.to).await {
            Some(receipt) => {
                let now = self.inner.clock.now();
                self.charge(&route, &handle, self.message(&route, now).text.expose());
                self.record_taken(&route, &handle, receipt, now).await;
                AfterTry::Done
            }
            None => AfterTry::On,
        }
    }

    /// It may have been taken or not. One more copy is better than none.
    async fn record_unknown(&mut self, transmitter: String, channel: Channel, to: String) {
        self.ask_again(self.work.rule, &transmitter);
        self.mark_in_doubt(&transmitter, channel, to.clone());
        let (outcome, detail) = (TryOutcome::Unknown, "the node ended while it was asked".to_owned());
        let (message, channel) = (self.id.clone(), channel.name().to_owned());
        self.note(What::MessageTried { message, transmitter, channel, to, outcome, detail, duration_ms: 0 }).await;
    }

    async fn end_wait(&mut self, sent: Sent, undelivered: bool) {
        let fate = if undelivered { Fate::Undelivered } else { Fate::Unconfirmed };
        self.work.before = Some(Before { channel: sent.channel, to: sent.to.clone(), fate });
        self.work.rule += 1;
        self.work.again_at = None;
        self.work.asked.clear();
        if !undelivered {
            let Sent { transmitter, channel, to, .. } = sent.clone();
            let (message, channel) = (self.id.clone(), channel.name().to_owned());
            self.note(What::MessageUnconfirmed { message, transmitter, channel, to }).await;
            self.work.sent = Some(sent);
            // Probably it has arrived: the ways before it have done enough.
            self.work.retries.clear();
        }
    }

    /// It may have gone out by this way.
    pub(in crate::dispatch) fn mark_in_doubt(&mut self, transmitter: &str, channel: Channel, to: String) {
        let (transmitter, at) = (transmitter.to_owned(), self.inner.clock.now());
        self.work.unsure = Some(Sent { transmitter, channel, to, at });
        self.work.doubts.push(channel);
    }
}
