//! Feeds `properties::acme_token`.

#![no_main]

#[path = "../properties/acme_token.rs"]
mod acme_token;

libfuzzer_sys::fuzz_target!(|data: &[u8]| acme_token::holds(data));
