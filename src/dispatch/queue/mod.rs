//! Messages on record: their state, who works on them, what the journal says of them and what transmitters report later.

pub(super) mod claims;
mod confirm;
pub(super) mod expected;
mod journal;
pub(super) mod progress;
pub(super) mod record;
pub(super) mod reports;
