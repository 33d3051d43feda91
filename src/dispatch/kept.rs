//! A message on record: how far it is, and while it is under way everything that is needed to send it, sealed. Once it is
//! done only the progress is left.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::{Addresses, Order, Progress};
use crate::base::{Keys, Language, Secret, Time, TraceId, UserId};

/// The records' kind, and the purpose under which they are sealed.
pub(super) const KIND: &str = "message";
const FORMAT: u8 = 1;

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub progress: Progress,
    pub work: Option<Work>,
}

/// What is left to do.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Work {
    pub trace: TraceId,
    pub user: UserId,
    pub application: Arc<str>,
    pub policy: Arc<str>,
    pub addresses: Addresses,
    // Written out here alone, and only into what is sealed right after.
    #[serde(serialize_with = "write_secret", deserialize_with = "read_secret")]
    pub passcode: Secret<String>,
    pub label: String,
    pub host: String,
    pub language: Language,
    /// The passcode's end; the record itself may live a little longer, so that what a crash left can be reported.
    pub expires: Time,
    /// The rule that is being tried: after a crash the earlier ones are not tried again.
    pub rule: usize,
    /// Addresses for which one message was taken from the allowance.
    pub counted: Vec<String>,
}

impl Work {
    pub fn of(order: Order, counted: String) -> Self {
        Self {
            trace: order.trace,
            user: order.user,
            application: order.application,
            policy: order.policy,
            addresses: order.addresses,
            passcode: order.passcode,
            label: order.label,
            host: order.host,
            language: order.language,
            expires: order.expires,
            rule: 0,
            counted: vec![counted],
        }
    }
}

impl Kept {
    /// One format byte, then the JSON sealed with the id as context.
    pub fn to_bytes(&self, keys: &Keys, id: &str) -> Vec<u8> {
        // Roomy, so that growing leaves no copies behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(4096));
        // Writing these types to memory cannot fail; if it ever did, the record would not open and be reported.
        drop(serde_json::to_writer(&mut *plain, self));
        let mut value = vec![FORMAT];
        value.extend_from_slice(&keys.seal(KIND, id.as_bytes(), &plain));
        value
    }

    /// Nothing where the format or the key is not ours, or a byte was changed.
    pub fn from_bytes(value: &[u8], keys: &Keys, id: &str) -> Option<Self> {
        let (format, sealed) = value.split_first()?;
        if *format != FORMAT {
            return None;
        }
        let plain = Zeroizing::new(keys.open(KIND, id.as_bytes(), sealed)?);
        serde_json::from_slice(&plain).ok()
    }
}

fn write_secret<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

fn read_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}
