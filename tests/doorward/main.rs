//! The integration tests: one binary, a file per feature, everything through real sockets against real neighbours.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod access_log;
mod architecture;
mod attacks;
mod bad_day;
mod behind_proxies;
mod cli;
mod cost;
mod curl;
mod deal;
mod first_configuration;
mod forwarding;
mod gateway;
mod hand_over;
mod header_case;
mod hostile;
mod http_transmitter;
mod journal;
mod large_bodies;
mod ldap_directory;
mod login;
mod logout;
mod long_polls;
mod mail_transmitter;
mod many_exchanges;
mod passcode;
mod pins;
mod properties;
mod protocols;
mod races;
mod ranges;
mod refusal;
mod reload;
mod renaming;
mod restart;
mod session;
mod sms_gateway;
mod stores;
mod story;
mod support;
mod upgrades;
mod upstreams;
mod websockets;
