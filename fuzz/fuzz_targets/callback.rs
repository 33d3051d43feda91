//! Feeds `properties::callback`.

#![no_main]

#[path = "../properties/callback.rs"]
mod callback;

libfuzzer_sys::fuzz_target!(|data: &[u8]| callback::holds(data));
