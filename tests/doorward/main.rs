//! The integration tests: one binary, a file per feature, everything through real sockets against real neighbours.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod architecture;
mod attacks;
mod bad_day;
mod cli;
mod curl;
mod first_configuration;
mod forwarding;
mod gateway;
mod hostile;
mod http_transmitter;
mod journal;
mod ldap_directory;
mod login;
mod logout;
mod mail_transmitter;
mod passcode;
mod properties;
mod races;
mod refusal;
mod restart;
mod session;
mod sms_gateway;
mod stores;
mod story;
mod support;
