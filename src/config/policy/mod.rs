//! The policies: what somebody must prove, what a passcode looks like, which way messages take, and the groups that rules name.

pub mod authentication_policy;
pub mod dispatch_policy;
pub mod group;
pub mod passcode_policy;
