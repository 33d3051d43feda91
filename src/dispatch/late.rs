//! What is left of a message's ways when every rule was tried in vain: those that may still work a little later.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::board::{Line, Route};
use super::sending::{Sending, Went};

/// After these pauses transmitters that said "later" are asked again, when every rule was tried in vain: longer than a modem's first rest.
const LATER: [Duration; 4] = [Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(20), Duration::from_secs(40)];

pub(super) type Ways = Vec<(Route, Arc<Line>)>;

/// Ways that are tried once more when all others failed.
#[derive(Default)]
pub(super) struct Rest {
    /// They asked for it.
    pub later: Ways,
    /// They could not send at all.
    pub silent: Ways,
    /// They could not send in time: a code that comes late is better than none.
    pub busy: Ways,
}

impl Sending {
    /// What is left when every rule was tried in vain: those that were too busy get all the time there is; those that asked for it, or could
    /// not send at all, are asked again, and once more after growing pauses while they ask for it.
    pub(super) async fn late(&mut self, rest: Rest, cancelled: &CancellationToken) -> Went {
        let mut pauses = LATER.into_iter();
        if rest.busy.is_empty() && !rest.later.is_empty() && !self.paused(pauses.next(), cancelled).await {
            return Went::Done;
        }
        let mut ways: Ways = self.in_line(rest.busy).into_iter().chain(rest.later).chain(rest.silent).collect();
        while !ways.is_empty() {
            let mut again = Ways::new();
            for (route, line) in ways {
                // What follows if it is not delivered are the rules after this one.
                self.work.rule = route.rule;
                let queued = line.enter(self.work.purpose());
                match self.attempt(&route, (&line, queued), cancelled).await {
                    Went::Done => return Went::Done,
                    Went::OnAndLater => again.push((route, line)),
                    _ => {}
                }
            }
            ways = again;
            let Some(pause) = pauses.next().filter(|_| !ways.is_empty()) else { break };
            if !self.paused(Some(pause), cancelled).await {
                return Went::Done;
            }
        }
        Went::On
    }

    /// False where the message is not ours to send any more after the pause.
    async fn paused(&mut self, pause: Option<Duration>, cancelled: &CancellationToken) -> bool {
        tokio::select! {
            () = cancelled.cancelled() => false,
            () = self.inner.closing.cancelled() => {
                self.release().await;
                false
            }
            () = self.inner.clock.sleep(pause.unwrap_or_default()) => true,
        }
    }

    /// The least busy first, each for as long as the passcode lives.
    fn in_line(&self, busy: Ways) -> Ways {
        let left = self.work.expires.since(self.inner.clock.now());
        let mut ways: Ways = busy.into_iter().map(|(route, line)| (Route { wait: left, ..route }, line)).collect();
        ways.sort_by_cached_key(|(_, line)| line.backlog(self.work.purpose()).unwrap_or(Duration::MAX));
        ways
    }
}
