//! Feeds `properties::csrf`.

#![no_main]

#[path = "../properties/csrf.rs"]
mod csrf;

libfuzzer_sys::fuzz_target!(|data: &[u8]| csrf::holds(data));
