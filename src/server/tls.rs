//! Certificates of a listener: read from PEM, checked, and chosen by the name that a client asks for (SNI).

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::base::Time;
use crate::base::tls::{CertificateFacts, Standing, TlsError, certificates, provider, read};
use crate::config::listener::Certificate;

/// The certificates of one listener. Where no name fits, the first is shown.
#[derive(Debug)]
pub struct Certificates {
    first: Arc<CertifiedKey>,
    by_name: HashMap<String, Arc<CertifiedKey>>,
    /// By the parent of `*.parent`.
    by_parent: HashMap<String, Arc<CertifiedKey>>,
    /// All of them, in the order of the configuration.
    loaded: Vec<Loaded>,
}

/// What one file of a listener held when it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loaded {
    pub chain: PathBuf,
    /// The certificate that clients judge.
    pub own: CertificateFacts,
    /// Those that are sent along, without roots.
    pub others: Vec<CertificateFacts>,
}

impl Loaded {
    /// What this file holds now; nothing where its first certificate cannot be read.
    pub fn read(chain: &Path) -> Option<Self> {
        Self::of(chain, &certificates(chain).ok()?)
    }

    fn of(path: &Path, chain: &[CertificateDer<'_>]) -> Option<Self> {
        let (own, others) = chain.split_first()?;
        let others = others.iter().filter_map(|der| CertificateFacts::of(der)).filter(|facts| !facts.issued_itself);
        Some(Self { chain: path.to_owned(), own: CertificateFacts::of(own)?, others: others.collect() })
    }

    /// What is to be said of the certificates that are sent along and end before the own one; each a sentence.
    pub fn warnings_of_others(&self, now: Time) -> impl Iterator<Item = String> {
        let early = self.others.iter().filter(move |it| it.standing(now) != Standing::Good && it.until < self.own.until);
        early.map(move |it| {
            let chain = self.chain.display();
            format!(
                "{chain}: the certificate of {}, which is sent along, {}: ask its issuer for the current chain",
                it.subject,
                it.words(now)
            )
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error(transparent)]
    File(#[from] TlsError),
    #[error("{}: {source}", path.display())]
    Key { path: std::path::PathBuf, source: pem::Error },
    #[error("the key in {} does not fit the certificate in {}", key.display(), chain.display())]
    OtherKey { chain: std::path::PathBuf, key: std::path::PathBuf },
    #[error("{} and {} cannot be used: {source}", chain.display(), key.display())]
    Unusable { chain: std::path::PathBuf, key: std::path::PathBuf, source: rustls::Error },
    #[error("{} holds a certificate that cannot be understood", path.display())]
    Unreadable { path: std::path::PathBuf },
    #[error("a listener with TLS needs a certificate")]
    None,
}

impl Certificates {
    /// Reads and checks all of them.
    pub fn load(listed: &[Certificate]) -> Result<Self, CertificateError> {
        let mut first = None;
        let mut by_name = HashMap::new();
        let mut by_parent = HashMap::new();
        let mut all = Vec::new();
        for certificate in listed {
            let (key, loaded) = load(certificate)?;
            for name in &loaded.own.names {
                match name.strip_prefix("*.") {
                    Some(parent) => by_parent.entry(parent.to_owned()).or_insert_with(|| Arc::clone(&key)),
                    None => by_name.entry(name.clone()).or_insert_with(|| Arc::clone(&key)),
                };
            }
            first.get_or_insert(key);
            all.push(loaded);
        }
        Ok(Self { first: first.ok_or(CertificateError::None)?, by_name, by_parent, loaded: all })
    }

    /// What was read.
    pub fn loaded(&self) -> &[Loaded] {
        &self.loaded
    }

    /// TLS as we offer it: 1.2 and 1.3, HTTP/2 before HTTP/1.1, resumption by the tickets handed in, which outlive a reload.
    pub fn config(self, tickets: Arc<dyn ProducesTickets>) -> Result<ServerConfig, TlsError> {
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::new(self));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = tickets;
        // Tickets do it; a cache beside them would be a lock that every core takes.
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        // A ticket is good for one connection (RFC 8446 appendix C.4), and every connection brings one. Who wants more says so (RFC 9149).
        config.send_tls13_tickets = 1;
        config.max_tls13_tickets = TICKETS_MOST;
        Ok(config)
    }

    fn by_sni(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.by_name.get(&name).or_else(|| self.by_parent.get(name.split_once('.')?.1))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.by_sni(name));
        Some(Arc::clone(named.unwrap_or(&self.first)))
    }
}

/// Makes the tickets by which clients resume, under keys of this process that change by themselves. One for all listeners.
pub fn ticketer() -> Result<Arc<dyn ProducesTickets>, TlsError> {
    Ok(rustls::crypto::aws_lc_rs::Ticketer::new()?)
}

/// What `check` has to say of all certificates, given the hosts that are served; empty if all is well.
pub fn inspect(listed: &[Certificate], now: Time, hosts: &[Arc<str>]) -> Findings {
    let (mut unusable, mut problems, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    let mut names = Vec::new();
    for certificate in listed {
        match load(certificate) {
            Err(error) => unusable.push(sentence(&error)),
            Ok((_, loaded)) => {
                let said = format!("{} {}", certificate.chain.display(), loaded.own.words(now));
                match loaded.own.standing(now) {
                    Standing::NotYet | Standing::Expired => problems.push(said),
                    Standing::Soon => warnings.push(said),
                    Standing::Good => {}
                }
                warnings.extend(loaded.warnings_of_others(now));
                names.extend(loaded.own.names);
            }
        }
    }
    for host in hosts {
        if !names.iter().any(|name| covers(name, host)) {
            problems.push(format!("no certificate names {host}"));
        }
    }
    Findings { unusable, problems, warnings }
}

/// The file of the chain that is shown to who asks for this host.
pub(super) fn chain_for(host: &str, listed: &[Certificate]) -> Option<PathBuf> {
    let names =
        |certificate: &&Certificate| load(certificate).is_ok_and(|(_, it)| it.own.names.iter().any(|name| covers(name, host)));
    listed.iter().find(names).map(|certificate| certificate.chain.clone())
}

/// What an inspection found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Findings {
    /// A start would fail.
    pub unusable: Vec<String>,
    /// A visitor's browser would refuse.
    pub problems: Vec<String>,
    /// Nothing is wrong yet.
    pub warnings: Vec<String>,
}

fn covers(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(parent) => host.parse::<IpAddr>().is_err() && host.split_once('.').is_some_and(|(_, rest)| rest == parent),
        None => name == host || name.parse::<IpAddr>().ok().is_some_and(|name| host.trim_matches(['[', ']']).parse() == Ok(name)),
    }
}

fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

fn load(listed: &Certificate) -> Result<(Arc<CertifiedKey>, Loaded), CertificateError> {
    let chain = certificates(&listed.chain)?;
    let loaded = Loaded::of(&listed.chain, &chain).ok_or_else(|| CertificateError::Unreadable { path: listed.chain.clone() })?;
    let key = match PrivateKeyDer::from_pem_slice(&read(&listed.key)?) {
        Ok(key) => key,
        Err(pem::Error::NoItemsFound) => {
            return Err(TlsError::Nothing { path: listed.key.clone(), what: "private key" }.into());
        }
        Err(source) => return Err(CertificateError::Key { path: listed.key.clone(), source }),
    };
    match CertifiedKey::from_der(chain, key, &provider()) {
        Ok(key) => Ok((Arc::new(key), loaded)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(CertificateError::OtherKey { chain: listed.chain.clone(), key: listed.key.clone() })
        }
        Err(source) => Err(CertificateError::Unusable { chain: listed.chain.clone(), key: listed.key.clone(), source }),
    }
}

const TICKETS_MOST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, file: &str, names: &[&str]) -> Certificate {
        let made = rcgen::generate_simple_self_signed(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        let certificate = Certificate { chain: folder.join(format!("{file}.pem")), key: folder.join(format!("{file}.key")) };
        std::fs::write(&certificate.chain, made.cert.pem()).unwrap();
        std::fs::write(&certificate.key, made.signing_key.serialize_pem()).unwrap();
        certificate
    }

    #[test]
    fn sni_chooses_exact_then_wildcard_then_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let one = write(folder.path(), "one", &["mail.example.com"]);
        let two = write(folder.path(), "two", &["*.example.com", "example.org"]);
        let loaded = Certificates::load(&[one.clone(), two.clone()]).unwrap();
        let (one, two) = (load(&one).unwrap().0, load(&two).unwrap().0);
        let table = [
            ("mail.example.com", Some(&one)),
            ("MAIL.example.com.", Some(&one)),
            ("web.example.com", Some(&two)),
            ("a.web.example.com", None),
            ("example.com", None),
            ("example.org", Some(&two)),
        ];
        for (name, expected) in table {
            assert_eq!(loaded.by_sni(name).map(|key| &key.cert), expected.map(|key| &key.cert), "{name}");
        }
    }

    #[test]
    fn a_key_of_another_certificate_is_named_with_both_files() {
        let folder = tempfile::tempdir().unwrap();
        let one = write(folder.path(), "one", &["a.example"]);
        let two = write(folder.path(), "two", &["b.example"]);
        let mixed = Certificate { chain: one.chain, key: two.key };
        let said = Certificates::load(&[mixed]).unwrap_err().to_string();
        assert!(said.contains("one.pem") && said.contains("two.key") && said.contains("does not fit"), "{said}");
    }

    #[test]
    fn check_finds_what_is_wrong_with_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["*.example.com".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2026, 3, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = Certificate { chain: folder.path().join("c.pem"), key: folder.path().join("c.key") };
        std::fs::write(&certificate.chain, parameters.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&certificate.key, key.serialize_pem()).unwrap();
        let at = |text: &str| Time::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond().unsigned_abs());
        let hosts: Vec<Arc<str>> = vec!["a.example.com".into(), "127.0.0.1".into()];
        let say = |now: &str, hosts: &[Arc<str>]| inspect(std::slice::from_ref(&certificate), at(now), hosts);
        assert_eq!(say("2026-01-15T00:00:00Z", &hosts), Findings::default());
        assert!(say("2025-12-01T00:00:00Z", &hosts).problems[0].contains("not yet valid"));
        let soon = say("2026-02-20T00:00:00Z", &hosts);
        assert!(soon.problems.is_empty() && soon.warnings[0].contains("expires in 9 days"));
        assert!(say("2026-03-01T00:00:00Z", &hosts).problems[0].contains("has expired"));
        assert_eq!(
            say("2026-01-15T00:00:00Z", &["other.example".into()]).problems,
            vec!["no certificate names other.example".to_owned()]
        );
    }
}
