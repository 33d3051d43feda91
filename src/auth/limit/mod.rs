//! How often may be tried, and against what a failure counts.

mod account_lock;
pub mod by_account;
pub mod by_address;
pub(in crate::auth) mod by_factor;
pub mod by_name;
pub mod known_browser;
