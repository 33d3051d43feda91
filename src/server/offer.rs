//! What a TLS handshake offers (ALPN, RFC 7301): HTTP/2 before HTTP/1.1, but HTTP/1.1 alone for hosts on which sign-in belongs to the
//! connection: over HTTP/2 one connection carries the requests of many.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::ServerConfig;

#[derive(Debug)]
pub(super) struct Offer {
    both: Arc<ServerConfig>,
    http1: Option<Http1>,
}

#[derive(Debug)]
struct Http1 {
    config: Arc<ServerConfig>,
    /// In lower case.
    hosts: Arc<[Arc<str>]>,
}

impl Offer {
    /// `both` as it stands, and for these hosts the same without HTTP/2.
    pub fn new(both: Arc<ServerConfig>, http1_only: &[Arc<str>]) -> Self {
        let http1 = (!http1_only.is_empty()).then(|| {
            let mut config = ServerConfig::clone(&both);
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Http1 { config: Arc::new(config), hosts: http1_only.into() }
        });
        Self { both, http1 }
    }

    /// For a hello with this name (SNI). An address is never named, so it is meant wherever no name is.
    pub fn to(&self, name: Option<&str>) -> Arc<ServerConfig> {
        let Some(Http1 { config, hosts }) = &self.http1 else { return Arc::clone(&self.both) };
        let alone = match name.map(|name| name.trim_end_matches('.')) {
            Some(name) => hosts.iter().any(|host| host.eq_ignore_ascii_case(name)),
            None => hosts.iter().any(|host| host.parse::<IpAddr>().is_ok()),
        };
        Arc::clone(if alone { config } else { &self.both })
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
            Arc::new(config)
        };
        let speaks_h2 = |hosts: &[&str], name: Option<&str>| {
            let hosts: Vec<Arc<str>> = hosts.iter().map(|host| Arc::from(*host)).collect();
            Offer::new(config(), &hosts).to(name).alpn_protocols.contains(&b"h2".to_vec())
        };
        let table: [(&[&str], Option<&str>, bool); 8] = [
            (&[], Some("a.example"), true),
            (&[], None, true),
            (&["a.example"], Some("a.example"), false),
            (&["a.example"], Some("A.Example."), false),
            (&["a.example"], Some("b.a.example"), true),
            (&["a.example"], None, true),
            (&["a.example", "192.0.2.1"], None, false),
            (&["a.example", "192.0.2.1"], Some("b.example"), true),
        ];
        for (hosts, name, expected) in table {
            assert_eq!(speaks_h2(hosts, name), expected, "{hosts:?} {name:?}");
        }
    }
}
