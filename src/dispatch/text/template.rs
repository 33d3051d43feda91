//! Fills the templates of gateways and programs. Every value is written as its place demands, so that none of them can end the
//! string, the element or the parameter it stands in.

use super::gsm7::septets;
use super::message::spoken;
use crate::base::{Secret, Time};
use crate::config::transmitter::{Condition, Encoder, Named, Piece, Slot, Template};
use crate::dispatch::Message;
use crate::dispatch::address::number::national;

/// What the slots stand for.
pub(in crate::dispatch) struct Values<'a> {
    pub message: &'a Message,
    pub named: &'a Named,
    pub receipt_url: Option<&'a str>,
    pub twiml: Option<&'a Secret<String>>,
    pub now: Time,
}

/// The template with its slots filled in. Holds the passcode: wiped when dropped.
pub(in crate::dispatch) fn fill(template: &Template, encoder: Encoder, values: &Values<'_>) -> Secret<String> {
    let mut filled = Secret::new(String::with_capacity(2048));
    filled.with(|filled| fill_into(filled, template, encoder, values));
    filled
}

fn fill_into(filled: &mut String, template: &Template, encoder: Encoder, values: &Values<'_>) {
    for piece in &template.0 {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Slot(slot) => filled.push_str(Secret::new(encoder.encode(value(*slot, values).expose())).expose()),
            Piece::When { condition, so, then } if holds(*condition, values) == *so => {
                fill_into(filled, then, encoder, values);
            }
            Piece::When { .. } => {}
        }
    }
}

fn holds(condition: Condition, values: &Values<'_>) -> bool {
    let text = values.message.text.expose();
    match condition {
        Condition::Flash => values.message.flash,
        Condition::Unicode => septets(text).is_none(),
        Condition::Ascii => text.is_ascii(),
        Condition::Resent => values.message.resent,
        Condition::ReceiptUrl => values.receipt_url.is_some(),
        Condition::Sender | Condition::Service | Condition::ApiKey | Condition::User => {
            values.named.holds(condition).unwrap_or_default()
        }
    }
}

fn value(slot: Slot, values: &Values<'_>) -> Secret<String> {
    let (message, named) = (values.message, values.named);
    let digits = message.to.trim_start_matches('+');
    let left = message.expires.since(values.now);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let secret = |secret: &Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone()).unwrap_or_default();
    Secret::new(match slot {
        Slot::ToE164 | Slot::Topic => message.to.clone(),
        Slot::ToDigits => digits.to_owned(),
        Slot::To00 => format!("00{digits}"),
        Slot::ToNational => national(&message.to).to_owned(),
        Slot::Title => message.subject.clone(),
        Slot::Text => message.text.expose().clone(),
        Slot::TextHexUtf16 => message.text.expose().encode_utf16().map(|unit| format!("{unit:04x}")).collect(),
        Slot::Spoken => spoken(message.passcode.expose()).expose().clone(),
        Slot::Twiml => values.twiml.map(|twiml| twiml.expose().clone()).unwrap_or_default(),
        Slot::Language => message.language.tag().to_owned(),
        Slot::Reference => message.id.clone(),
        Slot::TtlSeconds => left.as_secs().max(1).to_string(),
        Slot::TtlMilliseconds => left.as_millis().max(1).to_string(),
        Slot::Code => message.passcode.expose().clone(),
        Slot::ReceiptUrl => values.receipt_url.unwrap_or_default().to_owned(),
        Slot::Sender => text(&named.sender),
        Slot::Service => text(&named.service),
        Slot::Account => text(&named.account),
        Slot::User => text(&named.user),
        Slot::Password => secret(&named.password),
        Slot::ApiKey => secret(&named.api_key),
        Slot::ApiSecret => secret(&named.api_secret),
    })
}
