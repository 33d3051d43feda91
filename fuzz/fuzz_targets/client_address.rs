//! Feeds `properties::client_address`.

#![no_main]

#[path = "../properties/client_address.rs"]
mod client_address;

libfuzzer_sys::fuzz_target!(|data: &[u8]| client_address::holds(data));
