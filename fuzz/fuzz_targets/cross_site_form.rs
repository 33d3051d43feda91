//! Feeds `properties::cross_site_form`.

#![no_main]

#[path = "../properties/cross_site_form.rs"]
mod cross_site_form;

libfuzzer_sys::fuzz_target!(|data: &[u8]| cross_site_form::holds(data));
