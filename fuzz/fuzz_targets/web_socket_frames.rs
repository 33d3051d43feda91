//! Feeds `properties::web_socket_frames`.

#![no_main]

#[path = "../properties/web_socket_frames.rs"]
mod web_socket_frames;

libfuzzer_sys::fuzz_target!(|data: &[u8]| web_socket_frames::holds(data));
