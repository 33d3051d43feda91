//! Feeds `properties::modem_lines`.

#![no_main]

#[path = "../properties/modem_lines.rs"]
mod modem_lines;

libfuzzer_sys::fuzz_target!(|data: &[u8]| modem_lines::holds(data));
