//! A message on record: how far it is, and while it is under way everything that is needed to send it, sealed. Once it is
//! done only the progress is left.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::{Channel, Language, Secret, Time, TraceId, UserId};
use crate::dispatch::{Addresses, Before, Content, Order, Progress, Purpose, Ready};
use crate::store::{Kind, Stored};

#[derive(Clone, Serialize, Deserialize)]
pub(in crate::dispatch) struct MessageRecord {
    pub progress: Progress,
    pub work: Option<PendingMessage>,
}

/// What is left to do.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::dispatch) struct PendingMessage {
    pub trace: TraceId,
    pub user: UserId,
    pub application: Arc<str>,
    /// Empty in records of older versions.
    #[serde(default)]
    pub title: String,
    pub policy: Arc<str>,
    pub addresses: Addresses,
    // Written out here alone, and only into what is sealed right after.
    #[serde(serialize_with = "write_secret", deserialize_with = "read_secret")]
    pub passcode: Secret<String>,
    /// What is said instead of a passcode.
    #[serde(default)]
    pub ready: Option<Ready>,
    pub label: String,
    pub host: String,
    pub language: Language,
    #[serde(default)]
    pub flash: bool,
    #[serde(default)]
    pub resent: bool,
    /// The passcode's end; the record itself may live a little longer, so that what a crash left can be reported.
    pub expires: Time,
    /// The rule that is being tried: after a crash the earlier ones are not tried again.
    pub rule: usize,
    /// Addresses for which one message was taken from the allowance.
    pub counted: Vec<String>,
    /// Transmitters that the rule need not be tried with any more.
    #[serde(default)]
    pub asked: Vec<String>,
    #[serde(default)]
    pub stage: Stage,
    /// What became of the rule before.
    #[serde(default)]
    pub before: Option<Before>,
    /// The last way by which it was sent and of which nobody said that it failed.
    #[serde(default)]
    pub sent: Option<Sent>,
    /// The last way by which it may have been sent, where there is no way to tell.
    #[serde(default)]
    pub unsure: Option<Sent>,
    /// One entry for each hand-over that may have come to its end or not, where there is no way to tell.
    #[serde(default)]
    pub doubts: Vec<Channel>,
    /// Every way was tried in vain, and since then the ways in `retries` are tried again and again; nothing is tried before this time.
    #[serde(default)]
    pub again_at: Option<Time>,
    /// The ways that failed for a reason that passes.
    #[serde(default)]
    pub retries: Vec<Retry>,
    /// How often it was waited so.
    #[serde(default)]
    pub pauses: usize,
}

/// A way that failed for a reason that passes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::dispatch) struct Retry {
    pub rule: usize,
    pub transmitter: String,
    pub not_before: Time,
}

/// Where a message stands within its rule.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(in crate::dispatch) enum Stage {
    /// No transmitter has it.
    #[default]
    Trying,
    /// This transmitter may have it.
    Handing { transmitter: String, channel: Channel, to: String },
    /// It was taken over; then the next rule follows, unless it is delivered.
    Waiting {
        until: Time,
        /// The id of the record under which a report finds this message.
        receipt: String,
        sent: Sent,
        /// It was said that it will not arrive.
        undelivered: bool,
    },
}

/// A way by which it was sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::dispatch) struct Sent {
    pub transmitter: String,
    pub channel: Channel,
    /// Masked.
    pub to: String,
    pub at: Time,
}

impl PendingMessage {
    pub fn of(order: Order) -> Self {
        let (passcode, ready) = match order.content {
            Content::Passcode(passcode) => (passcode, None),
            Content::Ready(ready) => (Secret::new(String::new()), Some(ready)),
        };
        Self {
            trace: order.trace,
            user: order.user,
            application: order.application,
            title: order.title,
            policy: order.policy,
            addresses: order.addresses,
            passcode,
            ready,
            label: order.label,
            host: order.host,
            language: order.language,
            flash: order.flash,
            resent: order.resent,
            expires: order.expires,
            rule: order.from_rule,
            counted: Vec::new(),
            asked: Vec::new(),
            stage: Stage::Trying,
            before: None,
            sent: None,
            unsure: None,
            doubts: Vec::new(),
            again_at: None,
            retries: Vec::new(),
            pauses: 0,
        }
    }

    pub fn purpose(&self) -> Purpose {
        self.ready.as_ref().map_or(Purpose::Passcode, |ready| ready.purpose)
    }
}

impl Stored for MessageRecord {
    const KIND: Kind = Kind::Message;
    const FORMAT: u8 = 1;
}

fn write_secret<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

fn read_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}
