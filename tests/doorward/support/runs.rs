//! A clock that goes fast: for tests in which many things take their time, one after another, and only their order counts.

use std::time::Duration;

use doorward::base::Clock;

/// Lets the clock run ten times as fast as the machine's, until it is dropped.
pub struct Runs(tokio::task::JoinHandle<()>);

impl Runs {
    pub fn fast(clock: &Clock) -> Self {
        let clock = clock.clone();
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(STEP / 10).await;
                clock.advance(STEP);
            }
        }))
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        self.0.abort();
    }
}

const STEP: Duration = Duration::from_millis(100);
