//! The places of one transmitter: so many messages are with it at once, the others wait in front of it, passcodes before tests before
//! notices, and among equals first come, first served.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::dispatch::Purpose;

/// Cheap to clone; clones are the same places.
#[derive(Clone)]
pub(in crate::dispatch) struct Slots(Arc<Mutex<State>>);

struct State {
    places: usize,
    free: usize,
    next: u64,
    /// As large as the messages under way on this node, which the limits on messages bound.
    waiting: BTreeMap<Turn, oneshot::Sender<()>>,
    /// Entered and not yet with the transmitter.
    coming: BTreeSet<Turn>,
}

type Turn = (Purpose, u64);

/// How crowded it is before somebody's turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::dispatch) struct Crowd {
    /// How many come first and are not with the transmitter yet.
    pub coming: usize,
    /// How many must leave before there is a place.
    pub over: usize,
    /// How many have a place or wait for one.
    pub all: usize,
    pub places: usize,
}

impl Slots {
    pub fn new(places: usize) -> Self {
        let places = places.max(1);
        let state = State { places, free: places, next: 0, waiting: BTreeMap::new(), coming: BTreeSet::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Stands in line at once.
    pub fn enter(&self, purpose: Purpose) -> SlotRequest {
        let mut state = self.state();
        state.next += 1;
        let turn = (purpose, state.next);
        state.coming.insert(turn);
        let granted = if state.free > 0 {
            // Whoever waits got a place when one became free, so nobody waits here.
            state.free -= 1;
            None
        } else {
            let (grant, granted) = oneshot::channel();
            state.waiting.insert(turn, grant);
            Some(granted)
        };
        SlotRequest { places: self.clone(), turn, granted }
    }

    /// How it is for somebody who would enter now.
    pub fn crowd(&self, purpose: Purpose) -> Crowd {
        let state = self.state();
        let last = (purpose, u64::MAX);
        let waiting = state.waiting.range(..=last).count();
        let taken = state.places - state.free;
        Crowd {
            coming: state.coming.range(..=last).count(),
            over: (taken + waiting + 1).saturating_sub(state.places),
            all: taken + state.waiting.len(),
            places: state.places,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the numbers whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, turn: Turn) {
        let mut state = self.state();
        state.coming.remove(&turn);
        if state.waiting.remove(&turn).is_some() {
            return;
        }
        // It had a place, perhaps without knowing yet: the next one gets it.
        while let Some((_, grant)) = state.waiting.pop_first() {
            if grant.send(()).is_ok() {
                return;
            }
        }
        state.free += 1;
    }
}

/// A turn in the line, and then a place; given up when it is dropped.
pub(in crate::dispatch) struct SlotRequest {
    places: Slots,
    turn: Turn,
    granted: Option<oneshot::Receiver<()>>,
}

impl SlotRequest {
    /// Returns once there is a place. May be dropped and asked again.
    pub async fn place(&mut self) {
        if let Some(granted) = &mut self.granted {
            // The other end is dropped only with its answer sent.
            drop(granted.await);
            self.granted = None;
        }
    }

    /// From here on the transmitter knows of the message.
    pub fn handed(&self) {
        self.places.state().coming.remove(&self.turn);
    }
}

impl Drop for SlotRequest {
    fn drop(&mut self) {
        self.places.leave(self.turn);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn has_place(queued: &mut SlotRequest) -> bool {
        tokio::time::timeout(Duration::from_millis(20), queued.place()).await.is_ok()
    }

    #[tokio::test]
    async fn passcodes_go_before_tests_and_tests_before_notices() {
        let places = Slots::new(1);
        let mut first = places.enter(Purpose::Notice);
        assert!(has_place(&mut first).await);
        let mut notice = places.enter(Purpose::Notice);
        let mut test = places.enter(Purpose::Test);
        let mut code = places.enter(Purpose::Passcode);
        let mut second_code = places.enter(Purpose::Passcode);
        assert!(!has_place(&mut code).await);
        assert_eq!(places.crowd(Purpose::Passcode).over, 3);
        assert_eq!(places.crowd(Purpose::Notice).over, 5);
        drop(first);
        assert!(has_place(&mut code).await && !has_place(&mut second_code).await);
        drop(code);
        assert!(has_place(&mut second_code).await && !has_place(&mut test).await);
        drop(second_code);
        assert!(has_place(&mut test).await && !has_place(&mut notice).await);
        drop(test);
        assert!(has_place(&mut notice).await);
    }

    #[tokio::test]
    async fn whoever_leaves_the_line_leaves_its_place_to_others() {
        let places = Slots::new(1);
        let first = places.enter(Purpose::Passcode);
        let gives_up = places.enter(Purpose::Passcode);
        let granted_unseen = places.enter(Purpose::Passcode);
        let mut last = places.enter(Purpose::Passcode);
        drop(gives_up);
        drop(first);
        drop(granted_unseen);
        assert!(has_place(&mut last).await);
        drop(last);
        let crowd = places.crowd(Purpose::Passcode);
        assert_eq!((crowd.all, crowd.over, crowd.coming), (0, 0, 0));
    }
}
