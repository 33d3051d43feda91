//! `[[listener]]`: an address we listen on.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::field::Field;
use super::names::Kind;
use super::section::Section;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    pub address: SocketAddr,
    pub serves: Serves,
}

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
    pub(super) fn read(section: Section<'_>) -> Option<Self> {
        let address = section.required("address").and_then(|field| {
            let address = field.socket()?;
            // Port 0 asks the system for a free one, which is another each time.
            if address.port() != 0 {
                section.walk.define(Kind::Address, &address.to_string(), field.at());
            }
            Some(address)
        });
        let redirect = section.optional("redirect");
        let certificates = match redirect {
            Some(_) => section.optional("certificates"),
            None => section.required("certificates"),
        };
        if let Some(trusted) =
            section.optional("trusted_proxies").filter(|field| field.list().is_some_and(|list| !list.is_empty()))
        {
            trusted.problem("`trusted_proxies` other than an empty list is not in this version");
        }
        let serves = match (redirect, certificates) {
            (Some(redirect), None) => redirect.choice(&[("https", ())], &[]).map(|()| Serves::Redirect),
            (None, Some(certificates)) => certificates.some(certificate).map(Serves::Tls),
            (Some(_), Some(certificates)) => {
                certificates.key_problem("a listener that redirects speaks plain HTTP and takes no `certificates`");
                None
            }
            (None, None) => None,
        };
        section.finish();
        Some(Self { address: address?, serves: serves? })
    }
}

fn certificate(entry: Field<'_>) -> Option<Certificate> {
    let section = entry.section()?;
    let chain = section.required("chain").and_then(Field::path);
    let key = section.required("key").and_then(Field::path);
    section.finish();
    Some(Certificate { chain: chain?, key: key? })
}
