//! Feeds `properties::smtp_reply`.

#![no_main]

#[path = "../properties/smtp_reply.rs"]
mod smtp_reply;

libfuzzer_sys::fuzz_target!(|data: &[u8]| smtp_reply::holds(data));
