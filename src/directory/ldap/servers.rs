//! The servers of a directory, in the order in which they are tried, and how we reach them.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::LdapNewError;
use super::connection::Target;
use crate::base::{Clock, Time};
use crate::config::directory::{Ldap, LdapServer};

pub(super) struct Servers {
    clock: Clock,
    list: Vec<Server>,
}

pub(super) struct Server {
    pub target: Target,
    /// Milliseconds; zero: not yet.
    failed_at: AtomicU64,
}

impl Servers {
    pub fn new(config: &Ldap, clock: Clock) -> Result<Self, LdapNewError> {
        let tls = tls(config.ca.as_deref())?;
        let target = |server: &LdapServer| {
            let protected = server.tls || config.starttls;
            if !protected && !is_loopback(&server.host) {
                return Err(LdapNewError::InTheClear { host: server.host.clone() });
            }
            let host = match server.host.trim_matches(['[', ']']).parse() {
                Ok(IpAddr::V6(_)) if protected => return Err(LdapNewError::Ipv6 { host: server.host.clone() }),
                Ok(IpAddr::V6(address)) => format!("[{address}]"),
                _ => server.host.clone(),
            };
            let scheme = if server.tls { "ldaps" } else { "ldap" };
            let url = format!("{scheme}://{host}:{}", server.port);
            Ok(Target { url, starttls: config.starttls && !server.tls, tls: Arc::clone(&tls) })
        };
        let list = config.servers.iter().map(|server| Ok(Server { target: target(server)?, failed_at: AtomicU64::new(0) }));
        let list = list.collect::<Result<Vec<_>, _>>()?;
        if list.is_empty() { Err(LdapNewError::NoServer) } else { Ok(Self { clock, list }) }
    }

    /// As the operator wrote them; one that failed within the last 30 seconds comes last.
    pub fn in_order(&self) -> Vec<&Server> {
        let now = self.clock.now();
        let mut servers: Vec<_> = self.list.iter().collect();
        servers.sort_by_key(|server| {
            let failed_at = server.failed_at.load(Ordering::Relaxed);
            failed_at != 0 && now.since(Time::from_millis(failed_at)) < LAST_FOR
        });
        servers
    }

    pub fn failed(&self, server: &Server) {
        server.failed_at.store(self.clock.now().millis(), Ordering::Relaxed);
    }

    /// The same for a server known by its address.
    pub fn failed_at(&self, url: &str) {
        if let Some(server) = self.list.iter().find(|server| server.target.url == url) {
            self.failed(server);
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Trusts the CAs in `file` alone, or the system's where there is none. The server's name is always checked.
fn tls(file: Option<&Path>) -> Result<Arc<ClientConfig>, LdapNewError> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let unusable = |why: String| LdapNewError::Ca { file: file.to_owned(), why };
            let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unusable("there is no certificate in it".to_owned()));
            }
        }
        // Some systems carry certificates that cannot be read; those are left out, and so are their servers.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(LdapNewError::Tls)?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

const LAST_FOR: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::ldap::tests::config;

    fn servers(list: &[(bool, &str, u16)]) -> Result<Servers, LdapNewError> {
        let mut config = config();
        config.servers =
            list.iter().map(|(tls, host, port)| LdapServer { tls: *tls, host: (*host).into(), port: *port }).collect();
        Servers::new(&config, Clock::by_hand())
    }

    fn urls(servers: &Servers) -> Vec<&str> {
        servers.in_order().iter().map(|server| server.target.url.as_str()).collect()
    }

    #[test]
    fn a_server_that_failed_comes_last_for_half_a_minute() {
        let servers = servers(&[(true, "a.test", 636), (true, "b.test", 636), (false, "127.0.0.1", 389)]).unwrap();
        let given = ["ldaps://a.test:636", "ldaps://b.test:636", "ldap://127.0.0.1:389"];
        assert_eq!(urls(&servers), given);
        servers.failed(servers.in_order()[0]);
        assert_eq!(urls(&servers), [given[1], given[2], given[0]]);
        servers.clock.advance(Duration::from_secs(31));
        assert_eq!(urls(&servers), given);
    }

    #[test]
    fn a_password_never_goes_in_the_clear_off_loopback() {
        for host in ["ldap.example.test", "192.0.2.1", "127.0.0.1.example.test", "::2"] {
            let error = servers(&[(false, host, 389)]).err();
            assert!(matches!(error, Some(LdapNewError::InTheClear { .. })), "{host}: {error:?}");
        }
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(servers(&[(false, host, 389)]).is_ok(), "{host}");
        }
    }

    #[test]
    fn a_ca_file_without_a_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.crt");
        assert!(matches!(tls(Some(&file)), Err(LdapNewError::Ca { .. })));
        std::fs::write(&file, "nothing").unwrap();
        assert!(matches!(tls(Some(&file)), Err(LdapNewError::Ca { .. })));
    }
}
