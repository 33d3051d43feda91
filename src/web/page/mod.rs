//! Our own pages, one file each.

pub mod asset;
mod login;
mod logout;
pub(in crate::web) mod passcode;
pub(in crate::web) mod password;
pub(in crate::web) mod status;
