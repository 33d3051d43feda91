//! Feeds `properties::language`.

#![no_main]

#[path = "../properties/language.rs"]
mod language;

libfuzzer_sys::fuzz_target!(|data: &[u8]| language::holds(data));
