//! The one place where the machine's clock is read: everything else takes the time as an argument or asks a `Clock`,
//! so that a test can move it by hand.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

impl Time {
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub const fn millis(self) -> u64 {
        self.0
    }

    /// This much later; stays at the end of time instead of wrapping.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; nothing if it is still to come.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// RFC 3339 in UTC with milliseconds.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = i64::try_from(self.0).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
        match instant {
            Some(instant) => write!(f, "{instant:.3}"),
            None => write!(f, "{} ms", self.0),
        }
    }
}

/// Tells the time and sleeps. Cheap to clone; clones of one clock are moved together.
#[derive(Clone, Debug)]
pub struct Clock {
    hand: Option<Arc<Hand>>,
}

/// What a test has made of the machine's clock.
#[derive(Debug)]
struct Hand {
    /// The machine's time when this clock was made, and what this clock said then.
    machine: Time,
    from: Time,
    ahead: watch::Sender<Duration>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self { hand: None }
    }

    /// A clock that runs with the machine's and can be moved forward by hand.
    pub fn by_hand() -> Self {
        Self::by_hand_from(machine_time())
    }

    /// The same, beginning at this time, which may be long ago: for what was written then.
    pub fn by_hand_from(from: Time) -> Self {
        let hand = Hand { machine: machine_time(), from, ahead: watch::Sender::new(Duration::ZERO) };
        Self { hand: Some(Arc::new(hand)) }
    }

    /// Moves a clock that was made with [`Clock::by_hand`]; sleepers whose time has come wake up.
    pub fn advance(&self, span: Duration) {
        if let Some(hand) = &self.hand {
            hand.ahead.send_modify(|total| *total = total.saturating_add(span));
        }
    }

    pub fn now(&self) -> Time {
        let machine = machine_time();
        match &self.hand {
            None => machine,
            Some(hand) => hand.from.plus(machine.since(hand.machine)).plus(*hand.ahead.borrow()),
        }
    }

    /// Returns once `now()` has reached `when`. Somebody who sets the machine's clock back meanwhile makes this longer; see
    /// [`Clock::sleep`].
    pub async fn sleep_until(&self, when: Time) {
        let mut moved = self.hand.as_ref().map(|hand| hand.ahead.subscribe());
        loop {
            let left = when.since(self.now());
            if left.is_zero() {
                return;
            }
            match &mut moved {
                None => tokio::time::sleep(left).await,
                // Woken early when somebody moves the clock; the loop looks at the time again.
                Some(moved) => drop(tokio::time::timeout(left, moved.changed()).await),
            }
        }
    }

    /// Never longer than `span`, even if the machine's clock is set back meanwhile: what must happen every so often goes on.
    pub async fn sleep(&self, span: Duration) {
        match &self.hand {
            None => tokio::time::sleep(span).await,
            Some(_) => drop(tokio::time::timeout(span, self.sleep_until(self.now().plus(span))).await),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn machine_time() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // In 64 bits, which hold five hundred million years.
    Time(since.as_secs().saturating_mul(1000).saturating_add(since.subsec_millis().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_rfc_3339_in_utc() {
        assert_eq!(Time::from_millis(1_700_000_000_123).to_string(), "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn a_clock_may_begin_long_ago() {
        let then = Time::from_millis(1_700_000_000_123);
        let clock = Clock::by_hand_from(then);
        clock.advance(Duration::from_secs(60));
        let passed = clock.now().since(then);
        assert!(passed >= Duration::from_secs(60) && passed < Duration::from_secs(3600), "{passed:?}");
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved() {
        let clock = Clock::by_hand();
        let later = clock.now().plus(Duration::from_secs(3600));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(later).await }
        });
        clock.advance(Duration::from_secs(3601));
        tokio::time::timeout(Duration::from_secs(5), sleeper).await.expect("woken").expect("no panic");
    }
}
