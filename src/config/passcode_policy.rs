//! `[[passcode_policy]]`: what a passcode looks like and how long it lives.

use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasscodePolicy {
    pub name: Arc<str>,
    /// Digits, 6 to 10 (20 bits at least, NIST SP 800-63B). Default: 6.
    pub length: u8,
    /// 30 s to 10 minutes. Default: 5 minutes.
    pub lifetime: Duration,
    /// Wrong ones that end the flow, 1 to 5. Default: 3.
    pub tries: u32,
}
