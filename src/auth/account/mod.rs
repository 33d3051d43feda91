//! What concerns an account beside its sign-ins.

pub(in crate::auth) mod notice;
pub(in crate::auth) mod number_age;
