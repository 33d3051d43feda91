//! Feeds `properties::accept_encoding`.

#![no_main]

#[path = "../properties/accept_encoding.rs"]
mod accept_encoding;

libfuzzer_sys::fuzz_target!(|data: &[u8]| accept_encoding::holds(data));
