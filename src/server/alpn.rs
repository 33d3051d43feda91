//! What a TLS handshake offers (ALPN, RFC 7301): HTTP/2 before HTTP/1.1, but HTTP/1.1 alone for hosts on which sign-in belongs to the
//! connection: over HTTP/2 one connection carries the requests of many. And in whose order suites are chosen.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::{CipherSuite, ServerConfig};

use crate::base::tls::prefers_chacha20;

#[derive(Debug)]
pub(super) struct Offer {
    both: Orders,
    http1: Option<Http1>,
}

/// The same but for who decides on the suite.
#[derive(Debug)]
struct Orders {
    ours: Arc<ServerConfig>,
    clients: Arc<ServerConfig>,
}

#[derive(Debug)]
struct Http1 {
    orders: Orders,
    /// In lower case.
    hosts: Arc<[Arc<str>]>,
}

impl Offer {
    /// `both` as it stands, and for these hosts the same without HTTP/2.
    pub fn new(both: ServerConfig, http1_only: &[Arc<str>]) -> Self {
        let http1 = (!http1_only.is_empty()).then(|| {
            let mut config = both.clone();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Http1 { orders: Orders::of(config), hosts: http1_only.into() }
        });
        Self { both: Orders::of(both), http1 }
    }

    /// For a hello with this name (SNI) and these suites. An address is never named, so it is meant wherever no name is.
    pub fn to(&self, name: Option<&str>, suites: &[CipherSuite]) -> Arc<ServerConfig> {
        let orders = self.http1.as_ref().filter(|http1| http1.is_for(name)).map_or(&self.both, |http1| &http1.orders);
        Arc::clone(if prefers_chacha20(suites) { &orders.clients } else { &orders.ours })
    }
}

impl Http1 {
    fn is_for(&self, name: Option<&str>) -> bool {
        match name.map(|name| name.trim_end_matches('.')) {
            Some(name) => self.hosts.iter().any(|host| is_named(host, name)),
            None => self.hosts.iter().any(|host| host.parse::<IpAddr>().is_ok()),
        }
    }
}

/// Whether a host as it is configured, perhaps with `*.` in front, is this one.
fn is_named(host: &str, name: &str) -> bool {
    match host.strip_prefix("*.") {
        Some(parent) => name.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
        None => host.eq_ignore_ascii_case(name),
    }
}

impl Orders {
    fn of(config: ServerConfig) -> Self {
        let mut ours = config.clone();
        ours.ignore_client_order = true;
        Self { ours: Arc::new(ours), clients: Arc::new(config) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::tls::provider;

    #[test]
    fn a_host_of_the_list_is_offered_http1_alone_and_every_other_both() {
        let config = || {
            let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
            let resolver = Arc::new(rustls::server::ResolvesServerCertUsingSni::new());
            let mut config = config.with_no_client_auth().with_cert_resolver(resolver);
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            config
        };
        let speaks_h2 = |hosts: &[&str], name: Option<&str>| {
            let hosts: Vec<Arc<str>> = hosts.iter().map(|host| Arc::from(*host)).collect();
            Offer::new(config(), &hosts).to(name, &[]).alpn_protocols.contains(&b"h2".to_vec())
        };
        let table: [(&[&str], Option<&str>, bool); 11] = [
            (&[], Some("a.example"), true),
            (&[], None, true),
            (&["a.example"], Some("a.example"), false),
            (&["a.example"], Some("A.Example."), false),
            (&["a.example"], Some("b.a.example"), true),
            (&["a.example"], None, true),
            (&["*.a.example"], Some("B.a.example"), false),
            (&["*.a.example"], Some("c.b.a.example"), true),
            (&["*.a.example"], Some("a.example"), true),
            (&["a.example", "192.0.2.1"], None, false),
            (&["a.example", "192.0.2.1"], Some("b.example"), true),
        ];
        for (hosts, name, expected) in table {
            assert_eq!(speaks_h2(hosts, name), expected, "{hosts:?} {name:?}");
        }
        let offer = Offer::new(config(), &["a.example".into()]);
        for name in ["a.example", "b.example"] {
            assert!(offer.to(Some(name), &[CipherSuite::TLS13_AES_256_GCM_SHA384]).ignore_client_order);
            assert!(!offer.to(Some(name), &[CipherSuite::TLS13_CHACHA20_POLY1305_SHA256]).ignore_client_order);
        }
    }
}
