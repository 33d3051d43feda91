//! How many exchanges a shared connection carries.

use std::cell::Cell;
use std::rc::Rc;

/// An exchange on a shared connection.
#[derive(Debug)]
pub(super) struct Stream(Rc<Cell<u32>>);

impl Stream {
    pub fn on(streams: &Rc<Cell<u32>>) -> Self {
        streams.set(streams.get() + 1);
        Self(Rc::clone(streams))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// Exchanges at once on a shared connection before another is opened; the least that servers are told to allow (RFC 9113 section
/// 6.5.2).
pub(super) const STREAMS: u32 = 100;
