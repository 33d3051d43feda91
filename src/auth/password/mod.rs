//! The password: checked first, changed where the directory or its owner wants a new one.

pub(in crate::auth) mod ask;
pub(in crate::auth) mod change;
pub(in crate::auth) mod check;
pub(in crate::auth) mod login;
pub(in crate::auth) mod sealed;
