//! Feeds `properties::name`.

#![no_main]

#[path = "../properties/name.rs"]
mod name;

libfuzzer_sys::fuzz_target!(|data: &[u8]| name::holds(data));
