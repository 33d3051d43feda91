//! The house rules: who comes in and how. No HTTP, no SQL, no LDAP in here.

mod account;
pub mod ask;
mod attempt;
mod entry;
pub mod flow;
pub mod gatekeeper;
mod limit;
pub mod operator;
pub mod passcode;
mod password;
pub mod policy;
mod readiness;
mod rules;
mod services;
pub mod session;
mod steps;
mod trouble;
mod view;

pub use ask::{Accepted, Admitted, Ask, Declined, Entered, FlowOver, OfFlow, PasswordAttempt, Step, Told};
pub use attempt::{Attempt, Door};
pub use entry::REMINDED_AFTER;
pub use gatekeeper::{Gatekeeper, Operations};
pub use operator::account::{AccountDone, AccountTask, AccountView, Pause, Paused};
pub use operator::journal::JournalQuery;
pub use operator::report::{Report, Row};
pub use operator::send_test::{SendTest, TestSent};
pub use operator::{OperatorApi, SessionSelector, SessionView};
pub use readiness::{Closing, DirectoryState, Readiness};
pub use rules::Parts;
pub use services::Services;
pub use session::registry::Sessions;
pub use trouble::{Trouble, TroubleKind};
pub use view::{AskedView, ChangeView, FlowView, Offer, PasscodeView};

pub use crate::base::{Channel, Factor};
pub use crate::directory::Complaint;
pub use crate::dispatch::{Before, Fate, Progress, Way};
