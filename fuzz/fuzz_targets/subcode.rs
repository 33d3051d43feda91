//! Feeds `properties::subcode`.

#![no_main]

#[path = "../properties/subcode.rs"]
mod subcode;

libfuzzer_sys::fuzz_target!(|data: &[u8]| subcode::holds(data));
