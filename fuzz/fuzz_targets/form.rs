//! Feeds `properties::form`.

#![no_main]

#[path = "../properties/form.rs"]
mod form;

libfuzzer_sys::fuzz_target!(|data: &[u8]| form::holds(data));
