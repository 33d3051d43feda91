//! What the tests of sending stand on, and the longer ones themselves.

mod confirm;
mod dispatcher;
mod last_round;
pub(super) mod memory;
pub(super) mod trial;
