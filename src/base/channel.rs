//! The ways by which a passcode travels.

use serde::{Deserialize, Serialize};

/// How a passcode travels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Sms,
    Voice,
    Mail,
    Push,
}

impl Channel {
    pub const ALL: [Self; 4] = [Self::Sms, Self::Voice, Self::Mail, Self::Push];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Mail => "mail",
            Self::Push => "push",
        }
    }
}
