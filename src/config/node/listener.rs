//! `[[listener]]`: an address we listen on.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::trusted::Trusted;
use crate::config::dangers::{self, Danger};
use crate::config::document::{Field, Kind, Section};

/// `[[listener]]`: one address that Doorward listens at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    pub address: SocketAddr,
    pub serves: Serves,
    /// Whose word counts for where a client is. Nothing: every client is the other end of its connection.
    pub trusted: Option<Arc<Trusted>>,
    /// The port that browsers write, where something in front maps it to ours. Default: the port of `address`.
    pub public_port: Option<u16>,
    /// One core accepts and deals connections to the core with the fewest, instead of the kernel's hash. Default: false.
    pub deal: bool,
    /// Dangers that the operator takes on.
    pub accept: Vec<Danger>,
}

/// What a listener does with a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Serves {
    /// TLS with these certificates, chosen by SNI; the first where no name fits. At least one.
    Tls(Vec<Certificate>),
    /// Plain HTTP that sends browsers to https (`redirect = "https"`).
    Redirect,
}

/// Files in PEM; `check` reads them and says what is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    pub chain: PathBuf,
    pub key: PathBuf,
}

impl Listener {
    pub(in crate::config) fn read(section: Section<'_>) -> Option<Self> {
        let address = section.required("address").and_then(|field| {
            let address = field.socket()?;
            // Port 0 asks the system for a free one, which is another each time.
            if address.port() != 0 {
                section.context.define(Kind::Address, &address.to_string(), field.at());
            }
            Some(address)
        });
        section.decides("redirect");
        let redirect = section.optional("redirect");
        let certificates = match redirect {
            Some(_) => section.unlisted("certificates"),
            None => section.required("certificates"),
        };
        let trusted = Trusted::read(&section);
        let serves = match (redirect, certificates) {
            (Some(redirect), None) => redirect.choice(&[("https", ())], &[]).map(|()| Serves::Redirect),
            (None, Some(certificates)) => certificates.some(Certificate::read).map(Serves::Tls),
            (Some(_), Some(certificates)) => {
                certificates.key_problem("a listener with `redirect` speaks plain HTTP, so it takes no `certificates`");
                None
            }
            (None, None) => None,
        };
        let public_port = match (section.optional("public_port"), redirect) {
            (Some(field), Some(_)) => {
                field.key_problem("a listener with `redirect` takes no `public_port`");
                None
            }
            (Some(field), None) => field.number(1..=65535).and_then(|port| u16::try_from(port).ok()),
            (None, _) => None,
        };
        let deal = section.or("deal", false, |field| field.boolean());
        let accept = dangers::read(&section, &[Danger::ReadableKey]);
        section.finish();
        Some(Self { address: address?, serves: serves?, trusted, public_port, deal, accept })
    }
}

impl Certificate {
    pub(in crate::config) fn read(entry: Field<'_>) -> Option<Self> {
        let section = entry.section()?;
        let chain = section.required("chain").and_then(Field::path);
        let key = section.required("key").and_then(Field::path);
        section.finish();
        Some(Self { chain: chain?, key: key? })
    }
}
