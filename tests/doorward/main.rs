//! The integration tests: one binary, a file per feature, everything through real sockets against real neighbours.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod architecture;
mod forwarding;
mod http_transmitter;
mod ldap_directory;
mod mail_transmitter;
mod stores;
mod support;
