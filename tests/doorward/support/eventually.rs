//! How a test waits for another thread, a neighbour or the program: it asks again and again whether something is so by now. It never
//! sleeps for a time that should be enough. The limit is far above what the slowest machine needs; only a failing test meets it.

#![allow(clippy::disallowed_methods, reason = "a test that fails must end, whatever clock it has set by hand")]

use std::fmt::{Debug, Display};
use std::panic::Location;
use std::time::{Duration, Instant};

/// What a condition says: not yet, or that it is met and with what. A `Result` says what is so instead, for the message of the failure.
pub trait Condition {
    type Met;
    type Yet: Debug;

    fn met(self) -> Result<Self::Met, Self::Yet>;
}

impl Condition for bool {
    type Met = ();
    type Yet = bool;

    fn met(self) -> Result<(), bool> {
        if self { Ok(()) } else { Err(self) }
    }
}

impl<T> Condition for Option<T> {
    type Met = T;
    type Yet = Option<()>;

    fn met(self) -> Result<T, Option<()>> {
        self.ok_or(None)
    }
}

impl<T, E: Debug> Condition for Result<T, E> {
    type Met = T;
    type Yet = E;

    fn met(self) -> Self {
        self
    }
}

/// Waits until the condition is met and returns what it is met with. The message of a failure names this call, what was waited for and
/// what was so last.
#[track_caller]
pub fn eventually<F: Future<Output: Condition>>(
    what: impl Display,
    mut condition: impl FnMut() -> F,
) -> impl Future<Output = <F::Output as Condition>::Met> {
    let (caller, began) = (Location::caller(), Instant::now());
    async move {
        loop {
            match condition().await.met() {
                Ok(met) => return met,
                Err(yet) => still_in_time(&what, &yet, began, caller),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The same on a thread that no runtime needs.
#[track_caller]
pub fn eventually_blocking<C: Condition>(what: impl Display, mut condition: impl FnMut() -> C) -> C::Met {
    let (caller, began) = (Location::caller(), Instant::now());
    loop {
        match condition().met() {
            Ok(met) => return met,
            Err(yet) => still_in_time(&what, &yet, began, caller),
        }
        std::thread::sleep(PAUSE);
    }
}

fn still_in_time(what: &impl Display, yet: &impl Debug, began: Instant, caller: &Location<'_>) {
    assert!(began.elapsed() < LIMIT, "{caller}: not within {LIMIT:?}: {what}; last: {yet:?}");
}

const PAUSE: Duration = Duration::from_millis(5);
const LIMIT: Duration = Duration::from_secs(120);
