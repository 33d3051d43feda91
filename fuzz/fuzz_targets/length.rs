//! Feeds `properties::length`.

#![no_main]

#[path = "../properties/length.rs"]
mod length;

libfuzzer_sys::fuzz_target!(|data: &[u8]| length::holds(data));
