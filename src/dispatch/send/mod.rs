//! Sending one message: by the rules of its policy, again after a crash, for a last time when all has failed, and by another way on demand.

pub(super) mod attempt;
pub(super) mod last_round;
mod resume;
pub(super) mod switch_channel;
