//! Feeds `properties::descriptor`.

#![no_main]

#[path = "../properties/descriptor.rs"]
mod descriptor;

libfuzzer_sys::fuzz_target!(|data: &[u8]| descriptor::holds(data));
