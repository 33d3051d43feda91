//! `[receipts]`: the hosts where providers report what became of messages, and fetch what calls say. They carry no application.

use std::sync::Arc;

use super::field::Field;
use super::names::Kind;
use super::section::Section;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipts {
    /// At least one; lower case, without port. Providers are given the first.
    pub hosts: Vec<Arc<str>>,
    /// The public port, as providers must write it. Default: 443.
    pub port: Option<u16>,
}

impl Receipts {
    pub(super) fn read(section: Section<'_>) -> Option<Self> {
        let hosts = section.required("hosts").and_then(|list| list.some(host));
        let port = section.optional("port").and_then(|field| field.number(1..=65535)).and_then(|port| u16::try_from(port).ok());
        section.finish();
        Some(Self { hosts: hosts?, port })
    }
}

/// A host belongs to one application, or to this.
fn host(field: Field<'_>) -> Option<Arc<str>> {
    let host = field.host()?;
    field.walk.define(Kind::Host, &host, field.at());
    Some(host)
}
