//! Short messages as modems take and give them (3GPP TS 23.040): what is sent, the reports on it, and whom it is for.

pub mod pdu;
pub mod recipient;
pub mod report;
