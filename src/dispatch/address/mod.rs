//! Where messages go: phone numbers and mailboxes as people write them, and topics of push services.

pub mod number;
pub(super) mod topic;
