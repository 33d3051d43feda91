//! Feeds `properties::status_report`.

#![no_main]

#[path = "../properties/status_report.rs"]
mod status_report;

libfuzzer_sys::fuzz_target!(|data: &[u8]| status_report::holds(data));
