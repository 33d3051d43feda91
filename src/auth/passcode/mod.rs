//! One-time passcodes: made, sent, sent again, read as people type them.

mod blocklist;
pub mod code;
mod issue;
mod resend;
mod typed;

pub use typed::typed;
