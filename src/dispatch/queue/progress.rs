//! How far a message is: what the page tells the person who waits for it.

use serde::{Deserialize, Serialize};

use crate::base::{Channel, Time};

/// `to` is masked: `•••• 12`, `a•••@example.com`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Progress {
    Sending {
        channel: Channel,
        to: String,
        /// What became of the way that was tried before this one.
        #[serde(default)]
        before: Option<Before>,
        /// Every way was tried in vain so far, and is tried again after a pause; whether one of them may have taken it.
        #[serde(default)]
        again: Option<Fate>,
    },
    /// A transmitter took it over.
    Sent {
        channel: Channel,
        to: String,
        at: Time,
        /// The transmitter will say whether it arrived, and there is still time for it to say so.
        #[serde(default)]
        awaited: bool,
        #[serde(default)]
        before: Option<Before>,
        /// The transmitter's name; a report of another one says nothing of this message.
        #[serde(default)]
        by: String,
    },
    /// It arrived.
    Delivered { channel: Channel, to: String, at: Time },
    /// It may have been sent by this way and there is no way to tell: whoever was to send it ended, or did not answer. Nothing else worked.
    Unsure {
        channel: Channel,
        to: String,
        at: Time,
        #[serde(default)]
        by: String,
    },
    /// Every rule was tried in vain, or the message is gone.
    Failed,
}

/// A way that was given up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Before {
    pub channel: Channel,
    pub to: String,
    pub fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Fate {
    /// No transmitter took it.
    NotSent,
    /// One may have taken it, and there is no way to tell.
    Unsure,
    /// It was taken over, and then it was said that it will not arrive.
    Undelivered,
    /// It was taken over, and nothing was heard of it in time.
    Unconfirmed,
}

impl Progress {
    /// The way that is under way or that the message went by, with its masked address.
    pub fn way(&self) -> Option<(Channel, &str)> {
        match self {
            Self::Sending { channel, to, .. }
            | Self::Sent { channel, to, .. }
            | Self::Delivered { channel, to, .. }
            | Self::Unsure { channel, to, .. } => Some((*channel, to.as_str())),
            Self::Failed => None,
        }
    }

    /// The way that was given up before this one.
    pub fn before(&self) -> Option<&Before> {
        match self {
            Self::Sending { before, .. } | Self::Sent { before, .. } => before.as_ref(),
            Self::Delivered { .. } | Self::Unsure { .. } | Self::Failed => None,
        }
    }

    /// Whether every way of the policy, from the one that the message began with, was tried.
    pub const fn has_tried_all(&self) -> bool {
        matches!(self, Self::Sending { again: Some(_), .. } | Self::Unsure { .. } | Self::Failed)
    }
}
