//! `[receipts]`: the hosts where providers report what became of messages, and fetch what calls say. They carry no application.

use std::sync::Arc;

use crate::config::Config;
use crate::config::document::{Field, Kind as NameKind, Section};
use crate::config::transmitter::{Kind, Transmitter};

/// `[receipts]`: the hosts where providers report deliveries and fetch what calls say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipts {
    /// At least one; lower case, without port. Providers are given the first.
    pub hosts: Vec<Arc<str>>,
    /// The public port, as providers must write it. Default: 443.
    pub port: Option<u16>,
}

impl Receipts {
    pub(in crate::config) fn read(section: Section<'_>) -> Option<Self> {
        let hosts = section.required("hosts").and_then(|list| list.some(host));
        let port = section.optional("port").and_then(|field| field.number(1..=65535)).and_then(|port| u16::try_from(port).ok());
        section.finish();
        Some(Self { hosts: hosts?, port })
    }
}

/// What `check` warns of: transmitters that would report deliveries, and nowhere to report them to.
pub fn warnings(config: &Config) -> Vec<String> {
    let reports = |transmitter: &&Transmitter| match &transmitter.kind {
        Kind::Http(http) | Kind::Voice(http) | Kind::Push(http) => http.report.is_some(),
        _ => false,
    };
    let unheard = config.transmitters.iter().filter(reports).filter(|_| config.receipts.is_none());
    let words = |transmitter: &Transmitter| {
        format!(
            "transmitter {}: without [receipts] the gateway cannot report deliveries, so a message counts as arrived once the gateway has accepted it",
            transmitter.name
        )
    };
    unheard.map(words).collect()
}

/// A host belongs to one application, or to this.
fn host(field: Field<'_>) -> Option<Arc<str>> {
    let host = field.host()?;
    field.context.define(NameKind::Host, &host, field.at());
    Some(host)
}

#[cfg(test)]
mod tests {
    use super::warnings;
    use crate::config::tests::{parsed, with};

    #[test]
    fn a_provider_that_would_report_and_cannot_is_warned_of() {
        let vonage = "preset = \"vonage\"\napi_key = \"k\"\napi_secret = \"s\"\nsender = \"Door\"";
        for (more, expected) in [("", 1), ("reports = false", 0), ("[receipts]\nhosts = [\"receipt.example.com\"]", 0)] {
            let text =
                with("[[dispatch", &format!("[[transmitter]]\nname = \"v\"\nkind = \"http\"\n{vonage}\n{more}\n[[dispatch"));
            let found = warnings(&parsed(&text).unwrap());
            assert_eq!(found.len(), expected, "{more}: {found:?}");
            assert!(found.iter().all(|words| words.starts_with("transmitter v: ")), "{found:?}");
        }
    }
}
