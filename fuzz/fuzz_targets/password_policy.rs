//! Feeds `properties::password_policy`.

#![no_main]

#[path = "../properties/password_policy.rs"]
mod password_policy;

libfuzzer_sys::fuzz_target!(|data: &[u8]| password_policy::holds(data));
