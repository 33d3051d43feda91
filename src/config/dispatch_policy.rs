//! `[[dispatch_policy]]`: which channel, to which address, through which transmitters.

use std::sync::Arc;
use std::time::Duration;

use super::transmitter::Channel;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DispatchPolicy {
    pub name: Arc<str>,
    /// Tried in order; at least one.
    pub rules: Vec<Rule>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    pub channel: Channel,
    pub to: AddressKind,
    /// Names of transmitters or groups, tried in order. Each exists and serves the channel.
    pub through: Vec<Arc<str>>,
    /// How long one hand-over may take before the next entry is tried. Default: 30 s.
    pub wait: Duration,
}

/// Which of a user's addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressKind {
    Mobile,
    SecondMobile,
    Mail,
}
