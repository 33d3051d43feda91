//! What a delivery report will be about, on record under a keyed hash of transmitter and reference.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::audit::{Event, What};
use crate::base::{Channel, Keys, TraceId, UserId};
use crate::store::{Kind, Stored};

/// A hand-over of which a report is expected.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::dispatch) struct Expected {
    pub message: String,
    pub rule: usize,
    pub trace: TraceId,
    pub user: UserId,
    pub application: Arc<str>,
    pub transmitter: String,
    pub channel: Channel,
    /// In full, to be blotted out of the transmitter's words.
    pub to: String,
    pub masked: String,
    /// It was said already that it will not arrive; it may do so all the same.
    pub failed: bool,
    /// The records of all parts, this one's among them, where there are several: it has arrived once all have, and has failed with the
    /// first.
    #[serde(default)]
    pub parts: Vec<String>,
}

impl Stored for Expected {
    const KIND: Kind = Kind::Receipt;
    const FORMAT: u8 = 1;
}

impl Expected {
    pub fn event(&self, what: What) -> Event {
        let (user, application) = (Some(self.user.clone()), Some(Arc::clone(&self.application)));
        Event { trace: Some(self.trace), user, application, ..Event::of_node(what) }
    }
}

/// A reader of the store does not learn what a provider calls a message; the length keeps names and references apart.
pub(in crate::dispatch) fn receipt_id(keys: &Keys, transmitter: &str, reference: &str) -> String {
    let named = format!("{} {transmitter} {reference}", transmitter.len());
    data_encoding::HEXLOWER.encode(&keys.mac(Kind::Receipt.name(), named.as_bytes()))
}
