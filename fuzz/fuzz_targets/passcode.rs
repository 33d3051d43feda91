//! Feeds `properties::passcode`.

#![no_main]

#[path = "../properties/passcode.rs"]
mod passcode;

libfuzzer_sys::fuzz_target!(|data: &[u8]| passcode::holds(data));
