//! The house rules: who comes in and how. No HTTP, no SQL, no LDAP in here.

pub mod session;
