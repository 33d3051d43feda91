//! Getting a message to a person: what is handed over here is on record before the caller goes on, and is sent in the
//! background, rule by rule.

mod address;
pub mod at;
pub mod console;
pub mod dispatcher;
pub mod http;
mod inner;
mod limit;
pub mod mail;
pub mod modem;
pub mod program;
mod queue;
mod routing;
mod send;
pub mod sms;
pub mod smtp;
#[cfg(test)]
mod testkit;
pub mod text;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::{Channel, Language, Later, Secret, Time, TraceId, UserId};

pub use address::number;
pub use console::ConsoleTransmitter;
pub use dispatcher::{DispatchError, Dispatcher, Parts};
pub use http::callback::{Answer, Call, Callbacks};
pub use http::calls::ProviderCalls;
pub use http::{Back, HttpTransmitter};
pub use limit::allowance::{MessageLimit, Reached};
pub use mail::MailTransmitter;
pub use program::ProgramTransmitter;
pub use queue::progress::{Before, Fate, Progress};
pub use queue::reports::{Report, Reports};
pub use routing::Grouped;
pub use routing::stats::{Traffic, TransmitterStats, TransmitterView};
pub use send::switch_channel::{Switched, Way};
pub use text::notice::Notice;

/// Whether mail can be sent to this address, as a directory has it: a single one, without a name beside it.
pub fn is_mail_address(typed: &str) -> bool {
    smtp::address::address(typed.trim()).is_some()
}

/// One message on its way to one person: what the dispatcher is given.
#[derive(Clone, Debug)]
pub struct Order {
    /// Letters and digits, unguessable; the record's id.
    pub id: String,
    pub trace: TraceId,
    pub user: UserId,
    pub application: Arc<str>,
    /// What people call the application, in the language of the message.
    pub title: String,
    /// Name of a dispatch policy.
    pub policy: Arc<str>,
    pub addresses: Addresses,
    pub content: Content,
    /// Tells two logins at once apart: `K7`.
    pub label: String,
    /// The host the passcode is for; ends the message as `@host #code`.
    pub host: String,
    pub language: Language,
    /// Text messages are shown at once and not kept (class 0).
    pub flash: bool,
    /// It takes the place of an order whose message may be on the person's phone.
    pub resent: bool,
    /// The place in the policy (from 0) of the rule to begin with; those after it follow.
    pub from_rule: usize,
    /// From here on nothing is sent any more.
    pub expires: Time,
}

/// What a message is to say.
#[derive(Clone, Debug)]
pub enum Content {
    /// The text is made of it as each channel needs it.
    Passcode(Secret<String>),
    /// Said as it is on every channel.
    Ready(Ready),
}

/// A text that needs no passcode: a test or a notice. Never [`Purpose::Passcode`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ready {
    pub purpose: Purpose,
    /// Mail only; one line.
    pub subject: String,
    pub text: String,
}

/// Where a person can be reached, as the directory has it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Addresses {
    pub mobile: Option<String>,
    pub second_mobile: Option<String>,
    pub mail: Option<String>,
    /// A topic of a push service.
    pub push: Option<String>,
    /// `+45`: for numbers without a country code.
    pub country_prefix: Option<String>,
}

/// Why a message is sent. What comes first here is sent first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Purpose {
    Passcode,
    Test,
    Notice,
}

/// What a transmitter is given.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    pub purpose: Purpose,
    pub channel: Channel,
    /// E.164 with `+`, a mail address, or a push topic.
    pub to: String,
    pub language: Language,
    /// A text message that is shown at once and not kept (class 0).
    pub flash: bool,
    /// It takes the place of one that was sent a moment ago.
    pub resent: bool,
    /// A mail's subject, a push message's heading, what a call says before the key press; empty for text messages. Without the passcode.
    pub subject: String,
    pub text: Secret<String>,
    pub passcode: Secret<String>,
    pub user: UserId,
    /// What is left of the passcode's life.
    pub expires: Time,
}

/// A transmitter took the message over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Its own words, without secrets.
    pub words: String,
    /// What it calls the message when it reports the delivery, or each part of it; none where it will not.
    pub references: Vec<String>,
}

/// What became of a message after it was taken over. It only ever moves forward: what is delivered stays so.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Delivery {
    /// Shown, rung or put into the mailbox.
    Delivered,
    /// It will not arrive; why, in the transmitter's words, without secrets.
    Failed(String),
}

/// How a transmitter does at present, for `status` and the figures.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// In words why it does not send at present; nothing where it does.
    pub out_of_service: Option<String>,
    /// A word for what it is doing, and what else there is to say.
    pub words: Vec<(String, String)>,
    /// Numbers under names that end in their unit: `signal_dbm`, `queue`, `oldest_seconds`, `retransmissions_total`.
    pub numbers: Vec<(String, f64)>,
}

impl Receipt {
    /// Of a transmitter that will not say what became of the message.
    pub fn last_word(words: impl Into<String>) -> Self {
        Self { words: words.into(), references: Vec::new() }
    }
}

/// A transmitter did not take it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    pub kind: FailureKind,
    /// For the journal; without secrets.
    pub why: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// It was certainly not taken, for a reason that passes: another one is asked, and this one again after a pause.
    RetryHere,
    /// The same; not before this much time has passed.
    RetryAfter(Duration),
    /// It was certainly not taken, for a reason that stays: another one may take it.
    RetryElsewhere,
    /// It may have been taken, and there is no way to tell: one further copy is sent all the same, and nobody is told that it was not sent.
    Unsure,
    /// The address or the message is refused for good.
    Final,
}

impl FailureKind {
    /// Whether the same transmitter may take the message a little later.
    pub const fn passes(self) -> bool {
        match self {
            Self::RetryHere | Self::RetryAfter(_) | Self::Unsure => true,
            Self::RetryElsewhere | Self::Final => false,
        }
    }
}

/// One device or service that sends.
pub trait Transmitter: Send + Sync {
    /// The name from the configuration.
    fn name(&self) -> &str;
    /// Whether it can serve this channel.
    fn serves(&self, channel: Channel) -> bool;
    /// Hands one message over; ends within the transmitter's own time limit. `now` is for what is left of the passcode's life.
    fn send<'a>(&'a self, message: &'a Message, now: Time) -> Later<'a, Result<Receipt, Failure>>;

    /// What became of a message that was handed over to it by a node that ended before it heard the answer; nothing where that cannot be
    /// told. `to` as in the message. May take half a minute.
    fn recall<'a>(&'a self, _id: &'a str, _to: &'a str) -> Later<'a, Option<Receipt>> {
        Box::pin(async { None })
    }

    /// The provider calls us, at the address that is this transmitter's alone. Nothing: the call is none that is expected, or forged.
    fn called(&self, _call: &Call<'_>, _now: Time) -> Option<Answer> {
        None
    }

    /// How long a message that is handed over now would wait before it leaves, as far as that can be told; nothing: it cannot
    /// send for now.
    fn backlog(&self) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    /// How many messages it takes at once; more wait before it.
    fn places(&self) -> usize {
        16
    }

    /// How much later one more message makes all that come after it, where it sends one after the other; nothing: so many at once as
    /// there are places, and how long one takes is measured.
    fn pace(&self) -> Option<Duration> {
        None
    }

    fn figures(&self) -> Figures {
        Figures::default()
    }

    /// Reaches the device or the provider without sending anything: what was found, a line each, or what is wrong.
    fn examine(&self) -> Later<'_, Result<Vec<String>, String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
