//! What several tests need.

pub mod client;
pub mod curl;
pub mod eventually;
pub mod front;
pub mod gate;
pub mod gateway;
pub mod greedy;
pub mod house;
pub mod journal;
pub mod logs;
pub mod modem;
pub mod nginx;
pub mod node;
pub mod outbox;
pub mod peers;
pub mod postfix;
pub mod program;
pub mod provider;
pub mod raw;
pub mod relay;
pub mod runs;
pub mod samba;
pub mod script;
pub mod slow;
pub mod sockets;
pub mod toml;
pub mod upstream;

/// Says aloud that something is not tested for want of this; where everything must be there (`CI=true`) it is a failure.
pub fn skip(why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    println!("skipped: {why}");
}
