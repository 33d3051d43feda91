//! How often something may be done.

use std::time::Duration;

/// So many within a window: `"60/1m"`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// At least 1.
    pub count: u32,
    /// At least one second.
    pub window: Duration,
}
