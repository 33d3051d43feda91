//! Getting a message to a person: what is handed over here is on record before the caller goes on, and is sent in the
//! background, rule by rule.

mod allowance;
mod blot;
mod board;
pub mod console;
pub mod dispatcher;
pub mod http;
mod kept;
pub mod mail;
#[cfg(test)]
mod memory;
pub mod number;
mod sending;
mod template;
pub mod text;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::{Language, Later, Secret, Time, TraceId, UserId};
use crate::config::transmitter::Channel;

pub use allowance::MessageLimit;
pub use board::Grouped;
pub use console::ConsoleTransmitter;
pub use dispatcher::{DispatchError, Dispatcher, Parts};
pub use http::HttpTransmitter;
pub use mail::MailTransmitter;

/// One passcode on its way to one person: what the dispatcher is given.
#[derive(Clone, Debug)]
pub struct Order {
    /// Letters and digits, unguessable; the record's id.
    pub id: String,
    pub trace: TraceId,
    pub user: UserId,
    pub application: Arc<str>,
    /// Name of a dispatch policy.
    pub policy: Arc<str>,
    pub addresses: Addresses,
    pub passcode: Secret<String>,
    /// Tells two logins at once apart: `K7`.
    pub label: String,
    /// The host the passcode is for; ends the message as `@host #code`.
    pub host: String,
    pub language: Language,
    /// From here on nothing is sent any more.
    pub expires: Time,
}

/// Where a person can be reached, as the directory has it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Addresses {
    pub mobile: Option<String>,
    pub second_mobile: Option<String>,
    pub mail: Option<String>,
    /// `+45`: for numbers without a country code.
    pub country_prefix: Option<String>,
}

/// How far a message is. `to` is masked: `•••• 12`, `a•••@example.com`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Progress {
    Sending {
        channel: Channel,
        to: String,
    },
    Sent {
        channel: Channel,
        to: String,
        at: Time,
    },
    /// Every rule was tried in vain, or the message is gone.
    Failed,
}

/// What a transmitter is given.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    pub channel: Channel,
    /// E.164 with `+`, or a mail address.
    pub to: String,
    /// Mail only.
    pub subject: String,
    pub text: Secret<String>,
    pub passcode: Secret<String>,
    pub user: UserId,
    /// What is left of the passcode's life.
    pub expires: Time,
}

/// A transmitter took the message over; its own words or number for it, without secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt(pub String);

/// A transmitter did not take it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    pub kind: FailureKind,
    /// For the journal; without secrets.
    pub why: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// May work through the same transmitter later.
    RetryHere,
    /// May work through another one.
    RetryElsewhere,
    /// The address or the message is refused for good.
    Final,
}

/// One device or service that sends.
pub trait Transmitter: Send + Sync {
    /// The name from the configuration.
    fn name(&self) -> &str;
    /// Whether it can serve this channel.
    fn serves(&self, channel: Channel) -> bool;
    /// Hands one message over; ends within the transmitter's own time limit. `now` is for what is left of the passcode's life.
    fn send<'a>(&'a self, message: &'a Message, now: Time) -> Later<'a, Result<Receipt, Failure>>;
}
